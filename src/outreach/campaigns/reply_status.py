"""STATUS: what is true for who asks, as the IVR would say it, in the words of the campaign's text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from outreach.campaigns import pins
from outreach.campaigns.replying_rules import Text
from outreach.contactcenter import answer
from outreach.contactcenter.answer import Caller, Decision, Rules
from outreach.contactcenter.lookup import Lookup
from outreach.messages.render import Renderer
from outreach.messages.reply_texts import company_values, read_replies, written
from outreach.messages.texts import read_texts
from outreach.model.contactcenter import AnswerStatus, CallerPremise, LiveTruth, Match
from outreach.model.errors import OutreachError
from outreach.model.notice import Facts
from outreach.model.words import Channel
from outreach.settings import Settings, carried
from outreach.store import repliers
from outreach.store.session import Database

LoadLive = Callable[[], Sequence[LiveTruth]]


@dataclass(frozen=True, kw_only=True)
class Phrasing:
    """The texts of one installation, read when first wanted; safe to share between threads."""

    settings: Settings
    load_live: LoadLive
    rules: Rules = field(default_factory=Rules)

    @cached_property
    def _replies(self) -> dict[str, dict[str, str]]:
        return read_replies(self.settings.workspace / "templates", carried("templates"))

    @cached_property
    def _renderer(self) -> Renderer:
        """The workspace's texts, where it has any; those that come with the product for the rest."""
        folder = self.settings.workspace / "templates"
        own = read_texts(folder) if folder.is_dir() else {}
        texts = read_texts(carried("templates")) | own
        return Renderer(texts, pins.words(self.settings.company), main=self.settings.company.locale)

    def say(self, name: Text, locale: str, **values: str) -> str:
        """One text that answers; InputRefused where its file is wrong."""
        company = self.settings.company
        known = company_values(pins.words(company), company.service, locale)
        given = {field: value for field, value in values.items() if value}
        return written(self._replies, name, locale, known | given, main=company.locale)

    def truth(self, decision: Decision) -> str:
        """The SMS of a decision; InputRefused where its template cannot say it."""
        facts = decision.facts
        if facts is None:
            raise ValueError(decision.status)  # never: asked for only where there are some
        composed = self._renderer.compose(
            decision.template, decision.locale, Channel.SMS, written_out(facts)
        )
        return self._renderer.fill(composed, {"premises": "1"}).text


def written_out(facts: Facts) -> Facts:
    """A text may be read tomorrow: with its days, and without what only an ear was told."""
    return replace(facts, not_after=None, told_at=None, unchanged_since=None, two_way=True)


def status(
    database: Database, phrasing: Phrasing, address_hash: bytes, locale: str, *, now: datetime
) -> tuple[Text, str]:
    """(which text, the text) for who writes from this address: their truth, or that there is none."""
    with database.read() as session:
        supplies = tuple(repliers.supplies(session, address_hash))
    if not supplies:
        return Text.UNKNOWN_SENDER, phrasing.say(Text.UNKNOWN_SENDER, locale)
    decision = decided(supplies, phrasing, locale, now=now)
    try:
        if decision.facts is not None:
            return Text.STATUS, phrasing.truth(decision)
    except OutreachError:  # a text of the workspace that cannot say it: better nothing than wrong
        return Text.STATUS_UNKNOWN, phrasing.say(Text.STATUS_UNKNOWN, locale)
    name = Text.STATUS_UNKNOWN if decision.status is AnswerStatus.STALE else Text.STATUS_NONE
    return name, phrasing.say(name, locale)


def decided(
    supplies: tuple[CallerPremise, ...], phrasing: Phrasing, locale: str, *, now: datetime
) -> Decision:
    """What the IVR would tell the holder of these supplies now."""
    caller = Caller(match=Match.ANI, locale=locale, premises=supplies)
    lookup = Lookup(phrasing.load_live(), large_from=phrasing.rules.large_from)
    return answer.decide(caller, lookup.candidates(caller), now=now, rules=phrasing.rules)

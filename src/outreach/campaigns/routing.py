"""What the contact center should do now: the minute's evidence, the directives that follow, and their document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from outreach.addresses import Keyring
from outreach.campaigns import dropping, pacing, pins, routing_evidence, webhooks
from outreach.campaigns.routing_evidence import Shown
from outreach.campaigns.webhooks import News
from outreach.contactcenter import answer as answers, directive_minute, directives
from outreach.contactcenter.answer import Caller, Offers, Rules as AnswerRules, Speak
from outreach.contactcenter.directive_rules import Rules
from outreach.messages.render import Renderer
from outreach.messages.texts import read_texts
from outreach.model.contactcenter import (
    Directive,
    DirectiveState,
    LiveTruth,
    Match,
)
from outreach.settings import Settings
from outreach.store import directives as stored
from outreach.store.session import Database, Session

DROPPED = "directives.json"


def minute(
    database: Database, settings: Settings, keyring: Keyring, *, shown: Shown, now: datetime
) -> list[Directive]:
    """Evaluates once, a minute: what is on afterwards. Consumers see it at their next look.

    Puts the document on its way to the endpoints, into the folder of an offline exchange, and
    heeds it ourselves: a campaign that brings calls slows down. In shadow mode it slows nobody.
    InputRefused: the folder cannot be written; all else is done.
    """
    with database.read() as session:
        before = stored.load(session)
        evidence, sending = routing_evidence.gather(
            session, settings, before, shown=shown, seconds=listened(settings, now=now), now=now
        )
    after = directive_minute.decide(evidence, before, now=now, key=key(settings, keyring))
    written = _document(after, settings, now=now)
    with database.write() as session:
        stored.save(session, after)
        _enqueue(session, settings, written, now=now)
    held = directives.active(after, now=now)
    wanted = [] if _is_shadow(settings) else held
    pacing.act(database, pacing.decided(sending, wanted, now=now), now=now)
    drop(settings, written)
    return held


def document(database: Database, settings: Settings, *, now: datetime) -> dict[str, Any]:
    """The signed document that the contact center pulls; equal until something in it changes."""
    with database.read() as session:
        states = stored.load(session)
    return _document(states, settings, now=now)


def _document(
    states: tuple[DirectiveState, ...], settings: Settings, *, now: datetime
) -> dict[str, Any]:
    mode = directives.mode(states, now=now, is_shadow=_is_shadow(settings))
    return directives.document(states, tenant=settings.company.tenant, now=now, mode=mode)


def held(database: Database, settings: Settings, *, now: datetime) -> Sequence[Directive]:
    """The directives in force; in shadow mode, none."""
    if _is_shadow(settings):
        return ()
    with database.read() as session:
        return directives.active(stored.load(session), now=now)


def enqueue(database: Database, settings: Settings, *, now: datetime) -> int:
    """Puts the document as it stands on its way to every endpoint that wants it; how many."""
    written = document(database, settings, now=now)
    with database.write() as session:
        return _enqueue(session, settings, written, now=now)


def _enqueue(
    session: Session, settings: Settings, written: dict[str, Any], *, now: datetime
) -> int:
    news = News(
        kind=webhooks.DIRECTIVES,
        subject=webhooks.DIRECTIVES,
        body=fitting(written, most=webhooks.MOST_BYTES - 200),
        expires_at=datetime.fromisoformat(written["not_after"]),
    )
    return webhooks.enqueue(session, settings, news, now=now)


def fitting(written: dict[str, Any], *, most: int) -> dict[str, Any]:
    """The document within so many bytes: the least urgent directives are left out."""
    kept = written["directives"]
    while (size := len(directives.as_bytes(written | {"directives": kept}))) > most and kept:
        kept = kept[: min(len(kept) - 1, len(kept) * most // size)]
    return written | {"directives": kept}


def drop(settings: Settings, written: dict[str, Any]) -> Path | None:
    """Writes the document into contactcenter.drop_dir, if there is one."""
    folder = settings.contactcenter.drop_dir
    if folder is None:
        return None
    return dropping.drop(settings.workspace / folder / DROPPED, directives.as_bytes(written))


def key(settings: Settings, keyring: Keyring) -> bytes:
    """The shared secret of the settings, else one of our own, that `routing show` can verify."""
    return settings.contactcenter.directive_key.get_secret_value().encode() or keyring.tokens


def listened(settings: Settings, *, now: datetime) -> Callable[[LiveTruth, bool], float]:
    """How long the front message of a truth, dangerous or not, takes to hear; texts are read when one is wanted."""

    @cache
    def speak() -> Speak:
        texts = read_texts(settings.workspace / "templates")
        company = settings.company
        return Renderer(texts, pins.words(company), main=company.locale).speak

    def seconds(each: LiveTruth, is_danger: bool) -> float:  # noqa: FBT001  a function that travels
        if not each.areas:
            return Rules().front_seconds
        caller = Caller(
            match=Match.ZONE, locale=settings.company.locale, locality=each.areas[0]
        )  # fmt: skip
        # what a long silent feed says is judged by its freshness, not by its length
        heard = replace(each, heartbeat_at=now) if each.is_feed else each
        offers = Offers(dangers=frozenset({each.shown_id} if is_danger else ()))
        said = answers.answer(caller, [heard], speak(), now=now, rules=AnswerRules(), offers=offers)
        return round(said.seconds, 1) or Rules().front_seconds

    return seconds


def _is_shadow(settings: Settings) -> bool:
    return settings.contactcenter.mode == "shadow"

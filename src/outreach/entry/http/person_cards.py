"""What the status page says of each place: the truth that the IVR would tell, as a card to read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from outreach.contactcenter import answer as answers
from outreach.contactcenter.answer import Caller, Decision, Rules
from outreach.contactcenter.lookup import Lookup
from outreach.entry.http.person_frame import Words
from outreach.messages.fields import Fields, fields
from outreach.messages.languages import language as words_of
from outreach.model.contactcenter import AnswerStatus, CallerPremise, LiveTruth, Match
from outreach.model.notice import Facts, Words as CompanyWords
from outreach.model.words import Service

FEWEST = 5
"""Customers below which an outage is not listed by locality: it would point at a household."""
MOST = 40
"""Localities on one page; more are found by search."""
_PLANNED = {"planned_notice", "planned_started"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One thing that is so; `tone` colours it, words alone say it."""

    tone: str
    """out, planned, back, none, unknown, advice."""
    heading: str
    text: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    note: str = ""
    danger: str = ""
    asof: str = ""
    report: str = ""
    """The words of the button that reports; empty: none."""
    about: int = 0
    """The outage that was said to be over there; 0: none."""
    premise: int = 0
    """Which supply the button means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """In which language, whose, and what."""

    language: str
    words: Words
    company: CompanyWords
    service: Service
    rules: Rules
    now: datetime


def of_supplies(
    supplies: Sequence[CallerPremise], lookup: Lookup, speaking: Speaking
) -> list[Card]:
    """A card for each different truth and locality; those of which nothing is known come last."""
    decided: dict[tuple[object, ...], list[CallerPremise]] = {}
    first: dict[tuple[object, ...], Decision] = {}
    for supply in supplies:
        decision = _decided((supply,), lookup, speaking)
        key = (decision.status, decision.occasion, decision.template, supply.locality)
        decided.setdefault(key, []).append(supply)
        first.setdefault(key, decision)
    ordered = sorted(decided.items(), key=lambda one: one[0][0] is AnswerStatus.NONE)
    return [_shared(first[key], some, speaking, alone=len(ordered) == 1) for key, some in ordered]


def of_localities(
    lookup: Lookup, speaking: Speaking, *, only: str = ""
) -> tuple[list[tuple[str, Card]], int]:
    """(locality, card) in order, and how many more there are; of one locality where it is named."""
    live = [each for each in lookup.live if each.customers >= FEWEST]
    open_ones = Lookup(live, large_from=speaking.rules.large_from)
    wanted = plain(only)
    names = {area for each in live for area in each.areas if not wanted or plain(area) == wanted}
    cards = []
    for name in sorted(names, key=plain)[: MOST * 3]:
        decision = _of_locality(name, open_ones, speaking)
        if decision.facts is not None:
            card = _card(decision, name, speaking, alone=False)
            cards.append((name, replace(card, report="", note="", danger="")))
    return cards[:MOST], max(0, len(names) - MOST)


def plain(name: str) -> str:
    """Without accents or case, as people type at night."""
    spelt = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(letter for letter in spelt if not unicodedata.combining(letter))


def _of_locality(name: str, lookup: Lookup, speaking: Speaking) -> Decision:
    caller = Caller(match=Match.ZONE, locale=speaking.language, locality=name)
    live: Iterable[LiveTruth] = lookup.candidates(caller)
    return answers.decide(caller, tuple(live), now=speaking.now, rules=speaking.rules)


def _decided(supplies: tuple[CallerPremise, ...], lookup: Lookup, speaking: Speaking) -> Decision:
    caller = Caller(match=Match.ACCOUNT, locale=speaking.language, premises=supplies)
    return answers.decide(caller, lookup.candidates(caller), now=speaking.now, rules=speaking.rules)


def _shared(
    decision: Decision, some: Sequence[CallerPremise], speaking: Speaking, *, alone: bool
) -> Card:
    """The card of supplies alike. Where there are several, no button can say which is meant."""
    card = _card(decision, some[0].locality, speaking, alone=alone and len(some) == 1)
    if len(some) == 1:
        return replace(card, about=decision.occasion, premise=some[0].premise_id)
    said = speaking.words["status"]
    own = words_of(speaking.language)["service"][speaking.service.value]
    which = said["which"].format(bare=own["bare"], report=own["report"]) if card.report else ""
    several = said["several"].format(n=len(some))
    return replace(card, report="", note=" ".join(filter(None, (several, card.note, which))))


def _card(decision: Decision, zone: str, speaking: Speaking, *, alone: bool) -> Card:
    said = speaking.words["status"]
    if decision.status is AnswerStatus.STALE:
        return Card(
            tone="unknown", heading=said["stale"].format(zone=zone), text=said["stale_text"]
        )
    if decision.facts is None:
        return _nothing(zone, speaking, alone=alone)
    facts = replace(decision.facts, not_after=None)  # it may be read any day: with the weekday
    values = fields(facts, speaking.company, speaking.language)
    asof = said["known_at"].format(time=values["asof"])
    return replace(_told(decision, facts, values, said), asof=asof)


def _nothing(zone: str, speaking: Speaking, *, alone: bool) -> Card:
    said = speaking.words["status"]
    own = words_of(speaking.language)["service"][speaking.service.value]
    return Card(
        tone="none",
        heading=said["none" if alone else "none_in"].format(zone=zone),
        text=said["none_text"].format(bare=own["bare"], check=own["check"]),
        report=said["report_none"].format(bare=own["bare"]),
    )


def _told(decision: Decision, facts: Facts, values: Fields, said: Words) -> Card:
    zone, text = facts.area, _sentence(values.get("fact", ""))
    if decision.status is AnswerStatus.RESTORED:
        return _back(values, said, zone)
    if decision.template == "planned_cancelled":
        heading = said["cancelled"].format(planned=values["planned"], zone=zone)
        return Card(
            tone="none", heading=heading, text=said["cancelled_text"], rows=_when(values, said)
        )
    if decision.template == "advisory":
        return Card(tone="advice", heading=said["advisory"].format(zone=zone), text=text)
    if decision.template in _PLANNED:
        return Card(
            tone="planned", heading=_capital(said["planned"].format(planned=values["planned"], zone=zone)),
            rows=_when(values, said), danger=str(values.get("danger_planned", "")),
        )  # fmt: skip
    return Card(
        tone="out", heading=_capital(said["out"].format(outage=values["outage"], zone=zone)),
        text=text,
        rows=_times(values, said), note=f"{said['may_change'] if 'etr' in values else ''} {said['we_know']}".strip(),
        danger=str(values.get("danger", "")),
    )  # fmt: skip


def _back(values: Fields, said: Words, zone: str) -> Card:
    bare = values["bare"]
    return Card(
        tone="back",
        heading=said["back"].format(bare=bare, zone=zone),
        text=said["back_text"].format(bare=bare, check=values["check"]),
        rows=((said["restored"], str(values["restored"])),) if "restored" in values else (),
        report=said["report"].format(bare=bare),
    )


def _when(values: Fields, said: Words) -> tuple[tuple[str, str], ...]:
    if "b" not in values:
        return ((said["when"], f"{values['date']}, {values['a']}"),)
    hours = said["hours"].format(day=values["date"], a=values["a"], b=values["b"])
    return ((said["when"], hours),)


def _times(values: Fields, said: Words) -> tuple[tuple[str, str], ...]:
    found = [
        (said["since"], values["start"]),
        (said["etr"], values.get("etr", said["no_etr"])),
        (said["next"], values.get("next", "")),
        (said["cause"], values.get("cause", "")),
    ]
    return tuple((name, str(value)) for name, value in found if value)


def _sentence(text: object) -> str:
    return f"{text}." if text else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

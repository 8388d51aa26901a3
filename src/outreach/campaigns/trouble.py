"""What people report of their own supply: dark, still dark, back; matched to a premise, then to an outage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.campaigns import pressed
from outreach.campaigns.engine import Engine
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.reply import Asks, Meaning
from outreach.store import covering, occasions, replied_to, reported, reports
from outreach.store.covering import LOOKS_BACK, Known, Place, Truth
from outreach.store.reports import NewReport
from outreach.store.session import Session

AT_MOST = 4
"""Premises that one question offers; more are told apart by the last digits of the account."""
FEWEST_DIGITS = 3
BACK_WITHIN = timedelta(hours=2)
"""So long after a restoration "no power" means that it was false (as the IVR tells of it); later it is a new fault."""
TOGETHER = timedelta(seconds=50)
"""The first report that it is still dark is truth at once; who follows so soon is taken with others, by transformer."""


class Kind(StrEnum):
    """What became of a report; each is one text that answers it."""

    UNKNOWN_SENDER = "unknown_sender"
    """No supply is known by this address, or many share it: asked once for the account number, then a case."""
    WHICH_PREMISE = "which_premise"
    """Several premises: `labels` has their numbers and words; without any, ask for the account's last digits."""
    KNOWN_OUTAGE = "known_outage"
    """An open outage explains it: `facts` tell of that one."""
    KEPT = "kept"
    """No outage is known there; the report is kept, and counts towards a suspicion."""
    SUSPECTED = "suspected"
    """Others nearby say the same: staff have been alarmed, nothing is confirmed."""
    RETRACTED = "retracted"
    """We had said that it was back; it is out again since the first start, and says so from here on."""
    FINE = "fine"
    """It is back, they say."""
    NOT_ASKED = "not_asked"
    """A number, or "fine", that answers nothing we asked or said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One word of a person; the address by keyed hash only."""

    reply_id: int
    via: str
    """Channel of the reply: sms, whatsapp, email."""
    address_hash: bytes = field(repr=False)
    customer_id: int | None = None
    meaning: str
    """`model.reply.Meaning`: out, still_out, fine, choice."""
    choice: int | None = None
    """The number, of a `choice`."""
    locale: str = ""
    source_ref: str
    """Provider and its own number of the message: the same again changes nothing."""
    asked: str = ""
    """The open dialogue's `model.reply.Asks`; empty: none."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the open dialogue, as `Told.options` gave them."""
    occasion_id: int | None = None
    """Of the message that is answered."""
    account: str = field(default="", repr=False)
    """Account or premise number that a stranger named; its end, where a `which_premise` asks for that."""
    partly: bool = False
    """A phase or the voltage is missing, not all of it: kept as such, suspects no outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What to answer. `facts` fill the text named by `kind`; instants are aware UTC."""

    kind: Kind
    facts: Mapping[str, object] = field(default_factory=dict)
    """KNOWN_OUTAGE, SUSPECTED, RETRACTED, FINE: `_facts`. WHICH_PREMISE: `count`."""
    asks: str = ""
    """The dialogue to keep open (`model.reply.Asks`); empty: none, and an open one is closed."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Number as text -> premise ref; kept with the dialogue."""
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Number as text -> street line, in clear: said to its own holder, and stored nowhere."""
    occasion_id: int | None = None


def report(engine: Engine, said: Said, *, now: datetime, known: Known | None = None) -> Told:
    """Keeps what was said and makes of it what it is; idempotent by (via, source_ref, premise).

    `known`: held by who takes many reports, so that the open outages are not read for each.
    Opens short transactions of its own: call it with none open. Trouble of the store is raised,
    and nothing was kept: the same again is safe.
    """
    meaning = _meant(said)
    known = known or Known()
    with engine.database.read() as session:
        mine = _mine(session, said)
        chosen = _chosen(session, said, mine)
    if meaning is None or (not mine and meaning is Meaning.FINE):
        return Told(kind=Kind.NOT_ASKED)
    if not mine:
        return Told(kind=Kind.UNKNOWN_SENDER)
    if meaning is Meaning.FINE:
        return _fine(engine, said, chosen, known=known, now=now)
    if len(chosen) > 1:
        return _asked_back(engine, said, chosen, known=known, now=now)
    return _dark(engine, said, chosen[0], known=known, now=now)


def question_of(session: Session, message: int) -> str:
    """What a message of ours asks its reader, as a dialogue's `asks`: "still_out" after a restoration, else empty."""
    return Asks.STILL_OUT if replied_to.says_back(session, message) else ""


# ── what is meant, and where ────────────────────────────────────────────────────────────────────


def _meant(said: Said) -> Meaning | None:
    """A number means what the open dialogue made of it; None without one."""
    meaning = Meaning(said.meaning)
    if meaning in {Meaning.OUT, Meaning.STILL_OUT, Meaning.FINE}:
        return meaning
    if meaning is not Meaning.CHOICE or said.choice is None:
        return None
    match said.asked:
        case Asks.STILL_OUT:
            return {1: Meaning.STILL_OUT, 2: Meaning.FINE}.get(said.choice)
        case Asks.WHICH_PREMISE:
            return Meaning.OUT
        case _:
            return None


def _mine(session: Session, said: Said) -> list[Place]:
    """Open premises of who writes; of the account or premise that a stranger named."""
    found = reports.premises_of(session, hashes=[said.address_hash])
    if not found and said.account:
        found = reports.premises_named(session, said.account)
    return covering.places(session, found)


def _chosen(session: Session, said: Said, mine: list[Place]) -> list[Place]:
    """Which of them are meant: the number chosen, else those of the outage that the message was about."""
    if said.asked == Asks.WHICH_PREMISE and (said.choice is not None or said.account):
        return _picked(said, mine)
    if len(mine) > 1 and said.occasion_id is not None:
        occasion = occasions.get(session, OccasionId(said.occasion_id))
        named = reported.out_of(session, occasion, [each.ref for each in mine])
        return [each for each in mine if each.ref in named] or mine
    return mine


def _picked(said: Said, mine: list[Place]) -> list[Place]:
    ref, typed = said.options.get(str(said.choice)), said.account or str(said.choice)
    if ref is not None:
        return [each for each in mine if each.ref == ref] or mine
    if len(typed) < FEWEST_DIGITS:
        return mine
    ending = [each for each in mine if any(one.endswith(typed) for one in each.accounts)]
    return ending or mine


# ── acting ──────────────────────────────────────────────────────────────────────────────────────


def _dark(engine: Engine, said: Said, place: Place, *, known: Known, now: datetime) -> Told:
    """By the open outage that explains it, else by the restoration that was false, else kept."""
    with engine.database.write() as session:
        truth = known.truth(session, now=now)
        dark = covering.dark_at(session, truth, place)
        false = None if dark else _false(session, truth, said, place, now=now)
        explained = dark or false
        row = replace(
            _row(said, place, now=now),
            occasion_id=explained.id if explained else None,
            taken_at=now if dark else None,
        )
        number = reports.add(session, row)
        waits = false is not None and _waits(session, false, place, number, now=now)
    if dark is not None:
        return _told(Kind.KNOWN_OUTAGE, dark, place)
    if false is not None:
        if number and not waits:
            pressed.made_true(engine, false.id, [place.ref], [number], now=now)
        return _told(Kind.RETRACTED, false, place)
    suspected = covering.suspected_at(truth, place)
    if suspected is not None:
        return _told(Kind.SUSPECTED, suspected, place)
    return Told(kind=Kind.KEPT, facts={"place": place.locality, "wall_zone": place.zone})


def _false(
    session: Session, truth: Truth, said: Said, place: Place, *, now: datetime
) -> Occasion | None:
    """The outage that said this premise is back; "still" speaks of a day, plain "no power" of two hours."""
    is_still = said.meaning == Meaning.STILL_OUT or said.asked == Asks.STILL_OUT
    since = now - (LOOKS_BACK if is_still else BACK_WITHIN)
    if said.partly:
        return None  # of a phase or the voltage nobody had spoken
    return covering.back_at(session, truth, place, since=since, first=said.occasion_id)


def _waits(
    session: Session, false: Occasion, place: Place, number: int | None, *, now: datetime
) -> bool:
    """Whether the minute takes it: it is at work on this premise, or on many reports of this outage."""
    return reports.is_burst(session, false.id, since=now - TOGETHER) or reports.is_waiting(
        session, place.id, but=number or 0, since=now - pressed.BUSY
    )


def _row(said: Said, place: Place, *, now: datetime) -> NewReport:
    return NewReport(
        at=now, via=said.via, source_ref=said.source_ref, premise_id=place.id, occasion_id=None,
        meaning=reports.PARTLY if said.partly else reports.OUT,
    )  # fmt: skip


def _fine(
    engine: Engine, said: Said, chosen: Sequence[Place], *, known: Known, now: datetime
) -> Told:
    """Confirms a restoration for the premises that it spoke of; takes own reports back that point at nothing."""
    with engine.database.write() as session:
        about: Occasion | None = None
        truth = known.truth(session, now=now)
        for place in chosen:
            occasion = _false(session, truth, replace(said, partly=False), place, now=now)
            about = about or occasion
            row = replace(_row(said, place, now=now), meaning=reports.FINE, taken_at=now)
            reports.add(session, replace(row, occasion_id=occasion.id if occasion else None))
            reports.withdraw(session, place.id, now=now)
    return Told(kind=Kind.FINE) if about is None else _told(Kind.FINE, about, chosen[0])


def _asked_back(
    engine: Engine, said: Said, chosen: Sequence[Place], *, known: Known, now: datetime
) -> Told:
    """One question for all of them; none where one open outage explains every one."""
    one = _known_to_all(engine, said, chosen, known=known, now=now)
    if one is not None:
        return _told(Kind.KNOWN_OUTAGE, one, chosen[0])
    asked = list(chosen) if len(chosen) <= AT_MOST else []
    numbered = {str(number): place for number, place in enumerate(asked, 1)}
    return Told(
        kind=Kind.WHICH_PREMISE,
        facts={"count": len(chosen)},
        asks=Asks.WHICH_PREMISE,
        options={number: place.ref for number, place in numbered.items()},
        labels={number: _label(engine, place) for number, place in numbered.items()},
    )


def _known_to_all(
    engine: Engine, said: Said, chosen: Sequence[Place], *, known: Known, now: datetime
) -> Occasion | None:
    """The open outage that explains all of them, reports kept; None: they differ, or are many."""
    if len(chosen) > AT_MOST:
        return None
    with engine.database.write() as session:
        truth = known.truth(session, now=now)
        dark = [covering.dark_at(session, truth, each) for each in chosen]
        first = dark[0]
        if first is None or any(each is None or each.id != first.id for each in dark):
            return None
        for place in chosen:
            row = replace(_row(said, place, now=now), occasion_id=first.id, taken_at=now)
            reports.add(session, row)
    return first


def _label(engine: Engine, place: Place) -> str:
    """The street line, which its holder knows best; else the end of the account number."""
    street = engine.keyring.open(place.street_sealed).strip() if place.street_sealed else ""
    account = next(iter(place.accounts), "")
    return street or (f"…{account[-4:]}" if account else place.locality)


def _told(kind: Kind, occasion: Occasion, place: Place) -> Told:
    return Told(kind=kind, facts=_facts(occasion, place), occasion_id=int(occasion.id))


def _facts(occasion: Occasion, place: Place) -> dict[str, object]:
    """The truth of an outage for one place; `etr_at` is the public one."""
    revision = occasion.revision
    return {
        "place": place.locality,
        "wall_zone": place.zone,
        "service": occasion.service,
        "state": revision.state,
        "start_at": revision.start_at,
        "etr_at": revision.public_etr,
        "etr_from": revision.etr_from,
        "next_update_at": revision.next_update_at,
        "cause": revision.cause,
        "as_of": revision.recorded_at,
    }

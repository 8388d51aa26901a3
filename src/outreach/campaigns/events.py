"""Leads a storm: one statement, one clock and one cadence for many outages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from outreach.campaigns.engine import Applied, Engine
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.storm import Storm
from outreach.model.words import Event, OccasionKind
from outreach.outages import guards, revise
from outreach.outages.etr import usable
from outreach.outages.revise import Change, Origin
from outreach.store import audit, events, occasions
from outreach.store.session import Database, Session

CADENCE = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An event as it is asked for."""

    name: str
    zone: str
    cadence: timedelta = CADENCE
    daily_cap: int | None = None
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """A statement as it is asked for; None leaves as it is, but news is promised anew each time."""

    text: str | None = None
    next_update_at: datetime | None = None
    """None: one cadence from now."""
    cadence: timedelta | None = None
    daily_cap: int | None = None
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one statement did to the outages of its event."""

    storm: Storm
    applied: tuple[Applied, ...] = ()
    """Each outage without an own estimate got a version with the next news."""
    own: tuple[Occasion, ...] = ()
    """Left alone: they have an own estimate."""
    missed: tuple[Occasion, ...] = ()
    """Somebody changed them at that moment; say it again to reach them."""


# ── deciding ────────────────────────────────────────────────────────────────────────────────────


def next_news(storm: Storm, *, now: datetime) -> datetime | None:
    """When the event's next news comes: as its statement says, then every cadence; None without a statement."""
    promised = storm.next_update_at
    if promised is None or promised > now:
        return promised
    return promised + ((now - promised) // storm.cadence + 1) * storm.cadence


def inherit(change: Change, storm: Storm, *, now: datetime) -> Change:
    """A change to an outage of the event: without an estimate or next news of its own it takes the event's."""
    has_own = change.etr_at is not None or change.next_update_at is not None
    following = change.next_update_at if has_own else next_news(storm, now=now)
    return replace(change, next_update_at=following, cadence=storm.cadence)


def follows(occasion: Occasion, *, now: datetime) -> bool:
    """Whether an outage speaks at the event's clock: it is open and has no estimate of its own."""
    revision = occasion.revision
    is_outage = occasion.kind is OccasionKind.OUTAGE and revision.state.is_open
    return is_outage and not usable(revision.public_etr, now)


def news_in(session: Session, occasion: Occasion, *, now: datetime) -> timedelta | None:
    """How long until the next news of the open event that an outage belongs to; None: it has no such clock.

    So that, where nobody acts, the clock promises the same instant for every outage of a storm.
    """
    if occasion.event_id is None:
        return None
    storm = events.get(session, occasion.event_id)
    following = next_news(storm, now=now) if storm.is_open else None
    return following - now if following is not None else None


# ── acting ──────────────────────────────────────────────────────────────────────────────────────


def start(database: Database, opening: Opening, *, now: datetime) -> Storm:
    """Opens an event; GuardRefused if an open one has its name."""
    if not opening.name.strip():
        raise InputRefused("name: empty; say how people call the storm")
    with database.write() as session:
        storm = events.add(
            session,
            opening.name.strip(),
            zone=opening.zone,
            cadence=opening.cadence,
            daily_cap=opening.daily_cap,
            now=now,
        )
        audit.write(session, opening.author, "event.open", _subject(storm.id), now=now)
    return storm


def join(
    database: Database,
    event_id: int,
    numbers: Collection[OccasionId],
    *,
    author: str,
    now: datetime,
) -> int:
    """Lets outages join an open event; how many were not in it yet."""
    with database.write() as session:
        _open(session, event_id)
        joined = events.join(session, event_id, numbers)
        audit.write(
            session, author, "event.join", _subject(event_id), now=now, occasions=sorted(numbers)
        )
    return joined


def say(engine: Engine, event_id: int, saying: Saying, *, now: datetime) -> Said:
    """Writes the next statement, then tells every outage of the event that has no estimate of its own.

    Each of them gets one version with the statement's next news: what is unsent of older versions never
    leaves, and who was told hears that nothing is known yet and when the next news comes. Said twice, the
    second changes nothing. GuardRefused: the event is closed, or the next news lies in the past.
    """
    with engine.database.write() as session:
        storm = _stated(session, _open(session, event_id), saying, now=now)
    return _passed_on(engine, storm, saying.author, now=now)


def _stated(session: Session, storm: Storm, saying: Saying, *, now: datetime) -> Storm:
    cadence = saying.cadence or storm.cadence
    events.set_rules(session, storm.id, cadence=saying.cadence, daily_cap=saying.daily_cap)
    following = saying.next_update_at or now + cadence
    guards.next_news_allowed(following, now=now, confirmed=True)
    before = storm.statement.text if storm.statement else ""
    said = events.say(
        session,
        storm.id,
        before if saying.text is None else saying.text.strip(),
        next_update_at=following,
        author=saying.author,
        now=now,
    )
    audit.write(
        session, saying.author, "event.say", _subject(storm.id), now=now, version=said.version
    )
    return said


def _passed_on(engine: Engine, storm: Storm, author: str, *, now: datetime) -> Said:
    with engine.database.read() as session:
        members = events.open_occasions(session, storm.id)
    following = [one for one in members if follows(one, now=now)]
    # First the truth of all of them, which the IVR speaks; then the audiences, which take far longer.
    at_once = replace(engine, freezes=False)
    told = [(one, _told(at_once, one, storm, author, now=now)) for one in following]
    return Said(
        storm=storm,
        applied=tuple(engine.frozen(applied) for _one, applied in told if applied is not None),
        own=tuple(one for one in members if one not in following),
        missed=tuple(one for one, applied in told if applied is None and _lags(engine, one, storm)),
    )


def _told(
    engine: Engine, occasion: Occasion, storm: Storm, author: str, *, now: datetime
) -> Applied | None:
    """The outage with the event's next news; None: it says so already, or somebody else was quicker."""
    revision = _revision(occasion, storm, author, now=now)
    if revision is None:
        return None
    try:
        return engine.revise(occasion.id, revision, now=now, clock=Event.STILL_UNKNOWN)
    except GuardRefused:
        return None


def _revision(occasion: Occasion, storm: Storm, author: str, *, now: datetime) -> Revision | None:
    change = Change(next_update_at=storm.next_update_at, cadence=storm.cadence, confirmed=True)
    return revise.updated(occasion.revision, change, now=now, origin=Origin(author=author))


def _lags(engine: Engine, occasion: Occasion, storm: Storm) -> bool:
    with engine.database.read() as session:
        current = occasions.get(session, occasion.id).revision
    return current.state.is_open and current.next_update_at != storm.next_update_at


def close(database: Database, event_id: int, *, author: str, now: datetime) -> Storm:
    """Ends an event. GuardRefused while outages of it are open, naming them, or if it is closed already."""
    with database.write() as session:
        storm = _open(session, event_id)
        if still := events.open_occasions(session, event_id):
            raise GuardRefused(
                f"still open: {', '.join(_few(still))}; restore or cancel them, then close the event"
            )
        events.close(session, event_id, now=now)
        audit.write(session, author, "event.close", _subject(event_id), now=now)
    return replace(storm, closed_at=now)


_NAMED = 5


def _few(members: list[Occasion]) -> Iterator[str]:
    yield from (one.name for one in members[:_NAMED])
    if len(members) > _NAMED:
        yield "…"


def _open(session: Session, event_id: int) -> Storm:
    storm = events.get(session, event_id)
    if not storm.is_open:
        raise GuardRefused(
            f"{storm.name}: this event is closed; open one with `outreach event open`"
        )
    return storm


def _subject(event_id: int) -> str:
    return f"event:{event_id}"

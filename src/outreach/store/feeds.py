"""Feeds of outages: when each was heard, how far it was read, and what became of every message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, insert, or_, select, update

from outreach.model.intake import ACCEPTED, KNOWN, Outcome
from outreach.model.occasion import OccasionId
from outreach.model.words import PriorityClass
from outreach.store import changes, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

_Value = TypeVar("_Value")
_AT_ONCE = 500
_FIRST_VERSION = 1
_LONGEST_WHY = 300
_WITH_REASON = {Outcome.REFUSED, Outcome.MALFORMED, Outcome.UNKNOWN_TYPE, Outcome.UNREADABLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One source of outages, as we heard it last."""

    name: str
    heard_at: datetime
    listed_at: datetime | None
    listed: int | None
    """Open outages in the last list that was believed."""
    mark: str
    failures: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """One message, as it is kept."""

    event_key: str
    outage_ref: str
    seq: int | None
    content: str
    """Hash of what it says; of what could not be read or was refused, why."""
    outcome: Outcome
    occasion_id: int | None
    at: datetime

    @property
    def why(self) -> str:
        """Why it could not be taken; empty for what was."""
        return self.content if self.outcome in _WITH_REASON else ""


def unread(why: str, *, now: datetime, ref: str = "", seq: int | None = None) -> FeedEvent:
    """What could not be read, as it is kept."""
    return FeedEvent(
        event_key="", outage_ref=ref, seq=seq, content=why[:_LONGEST_WHY],
        outcome=Outcome.UNREADABLE, occasion_id=None, at=now,
    )  # fmt: skip


def heard(session: Session, name: str, *, now: datetime) -> None:
    """Notes that the feed spoke; never moves back. Who answers callers looks again."""
    row = {"name": name, "heard_at": now}
    made = insert_into(session, t.feed).values(**row).on_conflict_do_nothing()
    session.execute(made)
    session.execute(
        update(t.feed).where(t.feed.c.name == name, t.feed.c.heard_at < now).values(heard_at=now)
    )
    changes.bump(session, "truth", now=now)


def believed(session: Session, name: str, *, listed: int, now: datetime) -> None:
    """Notes a whole list of open outages that can be believed."""
    known(session, name, now=now)
    session.execute(
        update(t.feed).where(t.feed.c.name == name).values(listed=listed, listed_at=now)
    )


def read_to(session: Session, name: str, *, mark: str, now: datetime, next_at: datetime) -> None:
    """Notes how far a source was read; its failures are forgotten."""
    known(session, name, now=now)
    session.execute(
        update(t.feed).where(t.feed.c.name == name).values(mark=mark, failures=0, next_at=next_at)
    )


def failed(session: Session, name: str, *, why: str, now: datetime, next_at: datetime) -> None:
    """Notes that the source could not be read, and when it is asked again; why, at its first failure."""
    known(session, name, now=now)
    row = one(session, name)
    if row is not None and row.failures == 0:
        note(session, name, [unread(why, now=now)])
    session.execute(
        update(t.feed)
        .where(t.feed.c.name == name)
        .values(failures=t.feed.c.failures + 1, next_at=next_at)
    )


def known(session: Session, name: str, *, now: datetime) -> None:
    """Makes the row of a feed that was never heard: from now on its silence counts."""
    row = {"name": name, "heard_at": now}
    session.execute(insert_into(session, t.feed).values(**row).on_conflict_do_nothing())


def one(session: Session, name: str) -> Feed | None:
    """A feed by name; None if it was never heard nor asked."""
    return next(iter(_feeds(session, t.feed.c.name == name)), None)


def every(session: Session) -> list[Feed]:
    """All feeds that were ever heard or asked, by name."""
    return _feeds(session)


def _feeds(session: Session, *wanted: ColumnElement[bool]) -> list[Feed]:
    rows = session.execute(select(t.feed).where(*wanted).order_by(t.feed.c.name)).mappings()
    return [Feed(**row) for row in rows]


def note(session: Session, name: str, events: Sequence[FeedEvent]) -> None:
    """Keeps what became of messages."""
    rows = [
        {
            "feed": name,
            "event_key": event.event_key,
            "outage_ref": event.outage_ref,
            "seq": event.seq,
            "content": event.content,
            "outcome": event.outcome,
            "occasion_id": event.occasion_id,
            "at": event.at,
        }
        for event in events
    ]
    if rows:
        session.execute(insert(t.feed_event), rows)


def known_keys(session: Session, name: str, keys: Iterable[str]) -> set[str]:
    """Those of the identities that were accepted before."""
    e = t.feed_event.c
    accepted = (e.feed == name, e.outcome.in_([*KNOWN]))
    return {
        key
        for some in _slices(sorted({*keys} - {""}))
        for key in session.scalars(select(e.event_key).where(*accepted, e.event_key.in_(some)))
    }


def sequences(session: Session, name: str, refs: Iterable[str]) -> dict[str, dict[int, str]]:
    """Outage -> {sequence that was accepted: hash of its content}."""
    e = t.feed_event.c
    accepted = (e.feed == name, e.outcome.in_([*ACCEPTED]), e.seq.is_not(None))
    found: dict[str, dict[int, str]] = {}
    for some in _slices(sorted({*refs} - {""})):
        wanted = select(e.outage_ref, e.seq, e.content).where(*accepted, e.outage_ref.in_(some))
        for ref, seq, content in session.execute(wanted):
            found.setdefault(ref, {})[seq] = content
    return found


def opened_by(session: Session, source: str, source_refs: Iterable[str]) -> dict[str, OccasionId]:
    """Source reference -> the occasion that this source opened under it."""
    o, first = t.occasion.c, t.revision.c
    return {
        row.source_ref: OccasionId(row.id)
        for some in _slices(sorted({*source_refs}))
        for row in session.execute(
            select(o.source_ref, o.id)
            .join(t.revision, (first.occasion_id == o.id) & (first.version == _FIRST_VERSION))
            .where(o.source_ref.in_(some), first.source == source)
        )
    }


def is_taken(session: Session, source_ref: str) -> bool:
    """Whether an occasion, of whatever source, has this reference."""
    found = select(t.occasion.c.id).where(t.occasion.c.source_ref == source_ref)
    return session.execute(found).first() is not None


def open_of(session: Session, source: str) -> dict[str, OccasionId]:
    """Source reference -> occasion, of what a source opened and is open still."""
    o, first = t.occasion.c, t.revision.c
    opened = (first.occasion_id == o.id) & (first.version == _FIRST_VERSION)
    rows = session.execute(
        select(o.source_ref, o.id)
        .join(t.revision, opened)
        .where(o.open, o.source_ref.is_not(None), first.source == source)
        .order_by(o.id)
    )
    return {ref: OccasionId(number) for ref, number in rows}


def hold(session: Session, waves: Iterable[int], *, until: datetime) -> int:
    """Lets no queued message of these waves leave earlier, class A apart; how many were held."""
    q, m = t.queue.c, t.message.c
    mine = (q.step_run_id.in_([*waves]), q.priority != PriorityClass.A)
    early = or_(q.not_before.is_(None), q.not_before < until)
    held = session.scalars(
        update(t.queue).where(*mine, early).values(not_before=until).returning(q.message_id)
    ).all()
    for some in _slices(held):
        session.execute(update(t.message).where(m.id.in_(some)).values(not_before=until))
    return len(held)


def premises_of(session: Session, accounts: Iterable[str]) -> tuple[str, ...]:
    """Refs of the open premises that these accounts hold or occupy, in order."""
    p, own = t.premise.c, t.account.c
    found = {
        ref
        for some in _slices(sorted({*accounts}))
        for ref in session.scalars(
            select(p.ref)
            .join(t.supply, t.supply.c.premise_id == p.id)
            .join(t.account, own.id == t.supply.c.account_id)
            .where(own.ref.in_(some), own.closed_at.is_(None), p.closed_at.is_(None))
        )
    }
    return tuple(sorted(found))


def outcomes(session: Session, name: str, *, since: datetime) -> dict[Outcome, int]:
    """How many messages of a feed had which outcome since an instant."""
    e = t.feed_event.c
    rows = session.execute(
        select(e.outcome, func.count()).where(e.feed == name, e.at >= since).group_by(e.outcome)
    )
    return {Outcome(outcome): count for outcome, count in rows}


def latest(session: Session, name: str, *, limit: int = 20) -> list[FeedEvent]:
    """The newest messages of a feed, newest first."""
    e = t.feed_event.c
    rows = session.execute(
        select(t.feed_event).where(e.feed == name).order_by(e.id.desc()).limit(limit)
    ).mappings()
    return [_event(row) for row in rows]


def _event(row: Any) -> FeedEvent:
    values = {name: row[name] for name in FeedEvent.__slots__}
    return FeedEvent(**values | {"outcome": Outcome(row["outcome"])})


def _slices(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]

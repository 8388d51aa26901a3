"""Webhooks on their way: what waits, what is due, what a newer one replaced, and the dead letters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from outreach.store.session import Session
from outreach.store.tables_loop import outgoing as _outgoing

WAITING, SENT, DEAD, SUPERSEDED, EXPIRED = "waiting", "sent", "dead", "superseded", "expired"
_IS_WAITING = _outgoing.c.state == literal_column("'waiting'")
"""With its value in the text: else SQLite does not see that the partial indexes have all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One webhook for one endpoint."""

    id: int
    endpoint: str
    kind: str
    subject: str
    body: str
    created_at: datetime
    expires_at: datetime | None
    state: str
    failures: int
    next_at: datetime | None
    last_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParcel:
    """What every endpoint that is named gets."""

    kind: str
    subject: str
    body: str
    expires_at: datetime | None = None


def replace(session: Session, endpoints: Collection[str], new: NewParcel, *, now: datetime) -> int:
    """As `add`, and older ones of the subject that wait are superseded."""
    c = _outgoing.c
    session.execute(
        update(_outgoing)
        .where(c.state == WAITING, c.subject == new.subject, c.endpoint.in_(list(endpoints)))
        .values(state=SUPERSEDED, body="", next_at=None, settled_at=now)
    )
    return add(session, endpoints, new, now=now)


def add(session: Session, endpoints: Collection[str], new: NewParcel, *, now: datetime) -> int:
    """One row an endpoint, due now; how many."""
    if not endpoints:
        return 0
    row = {
        **asdict(new), "created_at": now, "state": WAITING, "failures": 0, "next_at": now,
        "last_status": "", "settled_at": None,
    }  # fmt: skip
    session.execute(insert(_outgoing), [row | {"endpoint": name} for name in sorted(endpoints)])
    return len(endpoints)


def is_waiting(session: Session) -> bool:
    """Whether anything is on its way, due or not."""
    waits = select(_outgoing.c.id).where(_IS_WAITING).limit(1)
    return session.execute(waits).first() is not None


def expire(session: Session, *, now: datetime) -> int:
    """What is true no more does not leave; how many."""
    c = _outgoing.c
    gone = session.execute(
        update(_outgoing)
        .where(_IS_WAITING, c.expires_at.is_not(None), c.expires_at <= now)
        .values(
            state=EXPIRED,
            body="",
            next_at=None,
            settled_at=now,
            last_status="expired before it was delivered",
        )
        .returning(c.id)
    )
    return len(gone.all())


def claim(
    session: Session, endpoints: Iterable[str], *, now: datetime, lease: timedelta, most: int
) -> list[Parcel]:
    """What is due, of each endpoint the oldest `most`; nobody else takes it before the lease is over.

    Each for itself, or the backlog of one that is down would keep the news of all others from leaving.
    """
    c = _outgoing.c
    is_due = _IS_WAITING & (c.next_at <= now)
    claimed: list[Parcel] = []
    for name in endpoints:
        due = select(c.id).where(is_due, c.endpoint == name).order_by(c.id).limit(most)
        rows = session.execute(
            update(_outgoing)
            .where(c.id.in_(due.scalar_subquery()), is_due)
            .values(next_at=now + lease)
            .returning(*c)
        ).mappings()
        claimed += [_parcel(row) for row in rows]
    return sorted(claimed, key=lambda parcel: parcel.id)


def settle(session: Session, parcel: Parcel, *, state: str, status: str, now: datetime) -> None:
    """Ends one: sent, or dead. What was superseded while it was under way stays so, unless it arrived."""
    c = _outgoing.c
    may = c.state == WAITING if state != SENT else c.state.in_([WAITING, SUPERSEDED])
    values: dict[str, Any] = {"state": state, "last_status": status, "next_at": None}
    values |= {"failures": parcel.failures + (state != SENT), "settled_at": now}
    if state == SENT:
        values["body"] = ""  # a document a minute is gigabytes in a week
    session.execute(update(_outgoing).where(c.id == parcel.id, may).values(**values))


def again_at(
    session: Session, parcel: Parcel, at: datetime, *, status: str, has_failed: bool = True
) -> None:
    """Waits for its next try; without a failure it was only put off."""
    c = _outgoing.c
    values: dict[str, Any] = {"next_at": at}
    if has_failed:
        values |= {"failures": parcel.failures + 1, "last_status": status}
    session.execute(
        update(_outgoing).where(c.id == parcel.id, c.state == WAITING).values(**values)
    )  # fmt: skip


def lease(session: Session, number: int, *, until: datetime) -> None:
    """Nobody else takes this one before."""
    session.execute(update(_outgoing).where(_outgoing.c.id == number).values(next_at=until))


def undelivered(session: Session, *, limit: int = 100) -> list[Parcel]:
    """Dead letters and what failed and still waits, newest first."""
    c = _outgoing.c
    failing = (c.state == WAITING) & (c.failures > 0)
    return _newest(session, or_(c.state == DEAD, failing), limit=limit)


def newest(
    session: Session, *, endpoint: str = "", states: Collection[str] = (), limit: int = 50
) -> list[Parcel]:
    """What is kept of an endpoint, or of all, in these states, or in any; newest first."""
    c = _outgoing.c
    of = [c.endpoint == endpoint] if endpoint else []
    in_states = [c.state.in_(list(states))] if states else []
    return _newest(session, *of, *in_states, limit=limit)


def _newest(session: Session, *wanted: ColumnElement[bool], limit: int) -> list[Parcel]:
    rows = session.execute(
        select(_outgoing).where(*wanted).order_by(_outgoing.c.id.desc()).limit(limit)
    ).mappings()
    return [_parcel(row) for row in rows]


def get(session: Session, number: int) -> Parcel | None:
    """One, by its number; None: not kept."""
    row = session.execute(select(_outgoing).where(_outgoing.c.id == number)).mappings().first()
    return _parcel(row) if row else None


def revive(
    session: Session, *, now: datetime, endpoint: str = "", number: int | None = None
) -> list[Parcel]:
    """Dead letters wait again, with all their tries; but none of a subject of which a newer one arrived or waits.

    Of one endpoint, or the one of this number, if they are named.
    """
    c, newer = _outgoing.c, _outgoing.alias()
    replaced = (
        select(newer.c.id)
        .where(
            newer.c.endpoint == c.endpoint,
            newer.c.subject == c.subject,
            newer.c.id > c.id,
            newer.c.state.in_([WAITING, SENT]),
        )
        .exists()
    )
    rows = session.execute(
        update(_outgoing)
        .where(c.state == DEAD, or_(c.expires_at.is_(None), c.expires_at > now), ~replaced)
        .where(*[c.endpoint == endpoint] * bool(endpoint), *[c.id == number] * (number is not None))
        .values(state=WAITING, failures=0, next_at=now, settled_at=None)
        .returning(*c)
    ).mappings()
    return [_parcel(row) for row in rows]


def counts(session: Session) -> dict[tuple[str, str], int]:
    """(endpoint, state) -> how many are kept."""
    c = _outgoing.c
    rows = session.execute(
        select(c.endpoint, c.state, func.count()).group_by(c.endpoint, c.state)
    )  # fmt: skip
    return {(row[0], row[1]): row[2] for row in rows}


def give_up_on_others(session: Session, endpoints: Iterable[str], *, now: datetime) -> int:
    """Ends what waits for endpoints that the settings no longer name."""
    c = _outgoing.c
    gone = session.execute(
        update(_outgoing)
        .where(c.state == WAITING, c.endpoint.not_in(list(endpoints)))
        .values(state=DEAD, next_at=None, settled_at=now, last_status="endpoint not in settings")
        .returning(c.id)
    )
    return len(gone.all())


def sweep(session: Session, *, before: datetime, states: Sequence[str]) -> int:
    """Forgets what was settled before; how many."""
    c = _outgoing.c
    gone = session.execute(
        delete(_outgoing).where(c.state.in_(list(states)), c.settled_at < before).returning(c.id)
    )
    return len(gone.all())


def _parcel(row: RowMapping) -> Parcel:
    return Parcel(**{name: row[name] for name in Parcel.__dataclass_fields__})

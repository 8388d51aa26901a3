"""What a person has to read, for no rule could: one case a reply, open until somebody closes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case with the reply that it is about, still sealed."""

    id: int
    kind: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str
    outcome: str
    reply_id: int
    channel: str
    meaning: str
    done: str
    """What became of the reply by itself, and which text answered it; empty: none did."""
    answered: str
    customer_ref: str | None
    occasion_id: int | None
    address_sealed: bytes = field(repr=False)
    body_sealed: bytes = field(repr=False)


def open_one(session: Session, reply: int, kind: str, *, now: datetime) -> bool:
    """Opens a case for a reply; False: it has one."""
    into = insert_into(session, t.desk_case)
    opened = session.execute(
        into.values(reply_id=reply, kind=kind, opened_at=now)
        .on_conflict_do_nothing()
        .returning(t.desk_case.c.id)
    )
    return opened.first() is not None


def every(session: Session, *, closed: bool = False, limit: int = 1_000) -> list[Case]:
    """Open cases, dangers and priority customers' first, then the oldest; closed ones too, if asked."""
    c = t.desk_case.c
    still = [] if closed else [c.closed_at.is_(None)]
    rows = session.execute(
        _shown().where(*still).order_by(c.kind.not_in(_FIRST), c.id).limit(limit)
    )
    return [Case(**row) for row in rows.mappings()]


URGENT = "urgent"
"""A fallen wire, fire, life support: a person reads it at once."""
PRIORITY = "priority_opt_out"
"""A priority customer stopped a channel and no open occasion can carry the task."""
NOT_PROVEN = "not_proven"
"""An e-mail that is not proven to be from the address it names; nothing was done and nobody answered."""
_FIRST = (URGENT, PRIORITY)


def get(session: Session, number: int) -> Case | None:
    row = session.execute(_shown().where(t.desk_case.c.id == number)).mappings().first()
    return Case(**row) if row is not None else None


def close(session: Session, number: int, who: str, *, outcome: str, now: datetime) -> bool:
    """Closes an open case; False: it was closed."""
    c = t.desk_case.c
    closed = session.execute(
        update(t.desk_case)
        .where(c.id == number, c.closed_at.is_(None))
        .values(closed_at=now, closed_by=who, outcome=outcome)
        .returning(c.id)
    )
    return closed.first() is not None


def count_open(session: Session) -> dict[str, int]:
    """Open cases by kind."""
    c = t.desk_case.c
    rows = session.execute(
        select(c.kind, func.count()).where(c.closed_at.is_(None)).group_by(c.kind)
    )
    return {row[0]: row[1] for row in rows}


def _shown() -> Select[Any]:
    c, r = t.desk_case.c, t.reply.c
    return (
        select(
            c.id, c.kind, c.opened_at, c.closed_at, c.closed_by, c.outcome, c.reply_id,
            r.channel, r.meaning, r.occasion_id, r.address_sealed, r.body_sealed,
            r.outcome.label("done"), r.answered,
            t.customer.c.ref.label("customer_ref"),
        )
        .join(t.reply, r.id == c.reply_id)
        .outerjoin(t.customer, t.customer.c.id == r.customer_id)
    )  # fmt: skip

"""What people asked of their data, by when it is owed, and who may not be written to for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, insert, literal, select, update

from outreach.store import changes, tables as t, touched
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

RESTRICTED = "restricted"
"""Reason of a suppression that only what saves life passes."""
_BUT_LIFE = ("service", "commercial")
"""Purposes that a restriction stops; an emergency is of vital interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRequest:
    """One request; `came_back`: the source named the erased person again."""

    id: int
    customer: int
    ref: str
    kind: str
    asked_at: datetime
    asked_by: str
    reason: str
    done_at: datetime | None
    came_back: datetime | None


def ask(session: Session, customer: int, kind: str, *, by: str, reason: str, now: datetime) -> int:
    """Notes an open request; its number."""
    row = {
        "customer_id": customer, "kind": kind, "asked_at": now, "asked_by": by, "reason": reason,
    }  # fmt: skip
    made = insert(t.person_request).values(**row).returning(t.person_request.c.id)
    number: int = session.execute(made).scalar_one()
    return number


def done(session: Session, customer: int, kind: str, *, by: str, reason: str, now: datetime) -> int:
    """Closes the open requests of this kind, or notes one that was done at once; the newest number."""
    q = t.person_request.c
    open_ones = select(q.id).where(q.customer_id == customer, q.kind == kind, q.done_at.is_(None))
    numbers: list[int] = list(session.scalars(open_ones))
    if not numbers:
        numbers = [ask(session, customer, kind, by=by, reason=reason, now=now)]
    session.execute(update(t.person_request).where(q.id.in_(numbers)).values(done_at=now))
    return max(numbers)


def every(session: Session, *, closed: bool) -> list[PersonRequest]:
    """Open requests, oldest first; with `closed` all, and those whose erased person came back."""
    q = t.person_request.c
    back = select(func.min(t.erased_ref.c.back_at)).where(t.erased_ref.c.request_id == q.id)
    came_back = back.scalar_subquery()
    asked = select(t.person_request, t.customer.c.ref, came_back.label("came_back")).join(
        t.customer, t.customer.c.id == q.customer_id
    )
    if not closed:
        asked = asked.where(q.done_at.is_(None) | came_back.is_not(None))
    rows = session.execute(asked.order_by(q.asked_at, q.id)).mappings()
    same = ("id", "ref", "kind", "asked_at", "asked_by", "reason", "done_at", "came_back")
    return [
        PersonRequest(customer=row["customer_id"], **{name: row[name] for name in same})
        for row in rows
    ]


def restrict(session: Session, *, now: datetime, customer: int | None = None) -> int:
    """Suppresses the addresses of restricted people that are theirs alone; how many were new.

    Without a customer: of all of them, for a load may have given one a new address.
    """
    p, link, rows = t.contact_point.c, t.customer_contact.c, 0
    those = [link.customer_id == customer] if customer is not None else [_is_restricted()]
    for purpose in _BUT_LIFE:
        found = (
            select(
                p.address_hash, literal("*"), literal(purpose), literal(RESTRICTED),
                literal(now, UtcDateTime),
            )
            .join(t.customer_contact, link.contact_point_id == p.id)
            .where(*those, p.customers <= 1)
            .distinct()
        )  # fmt: skip
        written = insert_into(session, t.suppression)
        columns = ["address_hash", "channel", "purpose", "reason", "at"]
        stopped = written.from_select(columns, found).on_conflict_do_nothing()
        new = set(session.scalars(stopped.returning(t.suppression.c.address_hash)))
        touched.holders_of_addresses(session, new)
        rows += len(new) if purpose == _BUT_LIFE[0] else 0
    if rows:
        changes.bump(session, "stop", now=now)
    return rows


def lift(session: Session, customer: int, *, now: datetime) -> int:
    """Takes the restriction back; opt-outs of the person's own stay. How many addresses."""
    p, link, s = t.contact_point.c, t.customer_contact.c, t.suppression.c
    held = (
        select(p.address_hash)
        .join(t.customer_contact, link.contact_point_id == p.id)
        .where(link.customer_id == customer)
    )
    ours = (s.reason == RESTRICTED) & s.address_hash.in_(held)
    no = exists().where(
        t.consent_change.c.address_hash == s.address_hash,
        t.consent_change.c.gave.is_(False),
        t.consent_change.c.at >= s.at,
    )
    # A No that was said meanwhile found its row taken, and would go with the restriction.
    session.execute(update(t.suppression).where(ours, no).values(reason="opted out"))
    gone = delete(t.suppression).where(ours)
    lifted = session.execute(gone.returning(s.purpose, s.address_hash)).all()
    touched.holders_of_addresses(session, {row.address_hash for row in lifted})
    changes.bump(session, "stop", now=now)
    return sum(row.purpose == _BUT_LIFE[0] for row in lifted)


def shared_points(session: Session, customer: int) -> int:
    """How many of the person's addresses somebody else holds too."""
    p, link = t.contact_point.c, t.customer_contact.c
    found = (
        select(func.count(p.id.distinct()))
        .join(t.customer_contact, link.contact_point_id == p.id)
        .where(link.customer_id == customer, p.customers > 1)
    )
    return session.execute(found).scalar_one()


def _is_restricted() -> ColumnElement[bool]:
    q, later, link = t.person_request.c, t.person_request.alias().c, t.customer_contact.c
    lifted = exists().where(
        later.customer_id == q.customer_id, later.kind == "lift", later.id > q.id
    )
    return exists().where(
        q.customer_id == link.customer_id, q.kind == "restrict", q.done_at.is_not(None), ~lifted
    )

"""The premises that one message stands for, so that a person with several sees which."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import distinct, func, select

from outreach.store import tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """One premise of a message; the street is sealed, and None where several customers share the address."""

    locality: str
    street_sealed: bytes | None


def of_message(session: Session, message: int, scope: Remaining, *, limit: int) -> list[Stood]:
    """Open premises in the scope of whoever holds the message's contact point, at most `limit`.

    What one customer's street is, another must not read in a mailbox they share.
    """
    held, p = t.customer_contact.c, t.premise.c
    point = select(t.message.c.contact_point_id).where(t.message.c.id == message).scalar_subquery()
    holders = select(held.customer_id).where(held.contact_point_id == point)
    many = session.execute(
        select(func.count(distinct(held.customer_id))).where(held.contact_point_id == point)
    ).scalar_one()
    supplied = (
        select(t.supply.c.premise_id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(t.account.c.customer_id.in_(holders), t.account.c.closed_at.is_(None))
    )
    rows = session.execute(
        select(p.locality, p.street_sealed)
        .where(p.id.in_(supplied), p.closed_at.is_(None), scope.covers(t.premise))
        .order_by(p.locality, p.ref)
        .limit(limit)
    )
    return [
        Stood(locality=row.locality, street_sealed=row.street_sealed if many == 1 else None)
        for row in rows
    ]

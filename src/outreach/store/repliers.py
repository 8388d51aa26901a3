"""Who writes to us: whose address it is, what we last sent there, and the supplies behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select

from outreach.model.contactcenter import CallerPremise
from outreach.model.words import Channel, PriorityClass
from outreach.store import tables as t
from outreach.store.ivr import MOST_PREMISES, SHARED_BY_MANY
from outreach.store.session import Session

_LOOKED_AT = 50
_SHORTEST_REF = 8
"""A shorter reference could stand in any text by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replier:
    """A holder of the address, or a stranger, who has none of it."""

    customer: int | None = None
    """The one who holds it; None: nobody, or several."""
    is_known: bool = False
    is_priority: bool = False
    """Any of the holders is of class A."""
    locale: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The message that a reply answers."""

    message: int
    occasion: int
    run: int
    customer: int
    locale: str
    is_open: bool
    """Whether its occasion still is."""


def replier(session: Session, address_hash: bytes) -> Replier:
    """Whose address this is, on whichever channel the record has it."""
    c, a, pref = t.customer.c, t.account.c, t.preference.c
    is_a = exists().where(
        a.customer_id == c.id, a.priority == PriorityClass.A, a.closed_at.is_(None)
    )
    rows = session.execute(
        select(
            c.id, func.coalesce(pref.locale, c.locale).label("locale"), c.zone, is_a.label("is_a")
        )
        .select_from(t.customer)
        .outerjoin(t.preference, pref.customer_id == c.id)
        .where(c.id.in_(_holders(address_hash)), c.closed_at.is_(None))
        .order_by(c.id)
        .limit(SHARED_BY_MANY + 1)
    ).all()
    if not rows:
        return Replier()
    return Replier(
        customer=rows[0].id if len(rows) == 1 else None,
        is_known=True,
        is_priority=any(row.is_a for row in rows),
        locale=rows[0].locale,
        zone=rows[0].zone,
    )


def answered(
    session: Session, address_hash: bytes, channel: str, ref: str = "", *, since: datetime
) -> Sent | None:
    """The message that a reply answers: the one of this provider's number, else the newest sent there since."""
    m = t.message.c
    rows = session.execute(
        _sent_there(select(m.id, m.provider_ref), address_hash, channel, since)
        .order_by(m.accepted_at.desc(), m.id.desc())
        .limit(_LOOKED_AT)
    ).all()
    if not rows:
        return None
    named = [row.id for row in rows if ref and row.provider_ref and row.provider_ref in ref]
    return sent(session, named[0] if named else rows[0].id)


def refs(session: Session, address_hash: bytes, channel: str, *, since: datetime) -> list[str]:
    """The providers' numbers of what we last sent to this address."""
    m = t.message.c
    rows = session.scalars(
        _sent_there(select(m.provider_ref), address_hash, channel, since)
        .where(m.provider_ref.is_not(None))
        .order_by(m.id.desc())
        .limit(_LOOKED_AT)
    )
    return [each for each in rows if len(each) >= _SHORTEST_REF]


def _sent_there(
    asked: Select[Any], address_hash: bytes, channel: str, since: datetime
) -> Select[Any]:
    """Of messages, those that were taken for this address since; found by its holders, who have an index."""
    m, p = t.message.c, t.contact_point.c
    return asked.join(t.contact_point, p.id == m.contact_point_id).where(
        m.customer_id.in_(_holders(address_hash)),
        p.address_hash == address_hash,
        p.channel == channel,
        m.accepted_at > since,
    )


def sent(session: Session, message: int) -> Sent | None:
    """What this message was about; None: there is none."""
    m, w, run, o = t.message.c, t.step_run.c, t.run.c, t.occasion.c
    row = session.execute(
        select(m.id, o.id.label("occasion"), run.id.label("run"), m.customer_id, m.locale, o.open)
        .select_from(t.message)
        .join(t.step_run, w.id == m.step_run_id)
        .join(t.run, run.id == w.run_id)
        .join(t.occasion, o.id == run.occasion_id)
        .where(m.id == message)
    ).first()
    if row is None:
        return None
    return Sent(
        message=row.id,
        occasion=row.occasion,
        run=row.run,
        customer=row.customer_id,
        locale=row.locale,
        is_open=row.open,
    )


def went_to(session: Session, message: int, address_hash: bytes) -> bool:
    """Whether this message of ours was written to this address."""
    m, p = t.message.c, t.contact_point.c
    found = session.execute(
        select(m.id)
        .join(t.contact_point, p.id == m.contact_point_id)
        .where(m.id == message, p.address_hash == address_hash)
    )
    return found.first() is not None


def supplies(session: Session, address_hash: bytes) -> Sequence[CallerPremise]:
    """Open supplies of whoever holds the address; none where more than ten hold it."""
    pr, a, c = t.premise.c, t.account.c, t.customer.c
    rows = session.execute(
        select(
            pr.id, pr.tree_order, pr.locality, pr.zone, pr.postal_code,
            a.priority, a.customer_type, c.locale, c.id.label("customer"),
        )
        .select_from(t.customer)
        .join(t.account, (a.customer_id == c.id) & a.closed_at.is_(None))
        .join(t.supply, t.supply.c.account_id == a.id)
        .join(t.premise, (pr.id == t.supply.c.premise_id) & pr.closed_at.is_(None))
        .where(c.id.in_(_holders(address_hash)), c.closed_at.is_(None))
        .order_by(pr.id)
        .limit(MOST_PREMISES)
    )  # fmt: skip
    return tuple(
        CallerPremise(
            premise_id=row.id, tree_order=row.tree_order, locality=row.locality, zone=row.zone,
            priority=row.priority, locale=row.locale, customer_id=row.customer,
            customer_type=row.customer_type, postal_code=row.postal_code, takes_sms=True,
        )
        for row in rows
    )  # fmt: skip


def _holders(address_hash: bytes) -> Select[Any]:
    p, held = t.contact_point.c, t.customer_contact.c
    return (
        select(held.customer_id)
        .join(t.contact_point, p.id == held.contact_point_id)
        .where(
            p.channel.in_(list(Channel)),
            p.address_hash == address_hash,
            p.customers <= SHARED_BY_MANY,
        )
    )

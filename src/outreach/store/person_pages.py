"""What the page of one person shows: their supplies, and what we told them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from outreach.model.contactcenter import CallerPremise
from outreach.model.message import Recipient
from outreach.model.words import TOLD_STATES, Channel, Purpose
from outreach.store import claims, tables as t
from outreach.store.session import Session
from outreach.store.status_links import TEMPLATE

MOST_SUPPLIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose page it is: how to speak to them, and where they are supplied."""

    customer: int
    locale: str
    zone: str
    refs: dict[int, str]
    """Premise -> the number by which a report names it: of its account where that has no other, else its own."""
    supplies: tuple[CallerPremise, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message that left, with what is needed to say again what it said."""

    at: datetime
    channel: Channel
    recipient: Recipient


def holder(session: Session, customer: int) -> Holder | None:
    """None once the customer has gone."""
    c, a, p = t.customer.c, t.account.c, t.premise.c
    rows = session.execute(
        select(
            p.id, p.tree_order, p.locality, p.zone, a.priority, c.locale, a.customer_type,
            p.postal_code, p.ref, a.ref.label("account"), t.preference.c.locale.label("wished"), c.zone.label("home"),
        )
        .select_from(t.customer)
        .join(t.account, (a.customer_id == c.id) & a.closed_at.is_(None))
        .join(t.supply, t.supply.c.account_id == a.id)
        .join(t.premise, (p.id == t.supply.c.premise_id) & p.closed_at.is_(None))
        .join(t.preference, t.preference.c.customer_id == c.id, isouter=True)
        .where(c.id == customer, c.closed_at.is_(None))
        .order_by(p.id, a.id)
        .limit(MOST_SUPPLIES)
    ).all()  # fmt: skip
    if not rows:
        return None
    first = rows[0]
    supplies = {
        row.id: CallerPremise(
            premise_id=row.id, tree_order=row.tree_order, locality=row.locality, zone=row.zone,
            priority=row.priority, locale=row.wished or row.locale, customer_id=customer,
            customer_type=row.customer_type, postal_code=row.postal_code,
        )
        for row in rows
    }  # fmt: skip
    return Holder(
        customer=customer,
        locale=first.wished or first.locale,
        zone=first.home,
        refs=_named({row.id: (row.ref, row.account) for row in rows}),
        supplies=tuple(supplies.values()),
    )


def _named(refs: dict[int, tuple[str, str]]) -> dict[int, str]:
    """Numbers of premises and of accounts may overlap, and a report looks for an account first."""
    held = Counter(account for _ref, account in refs.values())
    return {
        premise: account if held[account] == 1 else ref for premise, (ref, account) in refs.items()
    }


def told(session: Session, customer: int, *, since: datetime, limit: int) -> list[Told]:
    """Service messages that left for this customer, newest first; no drill, no mere link."""
    m, w, p, r = t.message, t.step_run, t.contact_point, t.run
    rows = session.execute(
        select(*claims.of_recipient(), m.c.accepted_at)
        .join_from(m, w, w.c.id == m.c.step_run_id)
        .join(r, r.c.id == w.c.run_id)
        .join(p, p.c.id == m.c.contact_point_id)
        .where(
            m.c.customer_id == customer,
            m.c.state.in_(TOLD_STATES),
            m.c.accepted_at > since,
            r.c.purpose != Purpose.COMMERCIAL,
            r.c.drill.is_(False),
            w.c.template != TEMPLATE,
        )
        .order_by(m.c.accepted_at.desc(), m.c.id.desc())
        .limit(limit)
    ).mappings()
    return [
        Told(
            at=row["accepted_at"],
            channel=Channel(row["channel"]),
            recipient=claims.recipient(row, row["try"]),
        )
        for row in rows
    ]


def customer_of(session: Session, message: int) -> int:
    """Whom a message is for; 0: of nobody in the record."""
    found = session.execute(select(t.message.c.customer_id).where(t.message.c.id == message))
    return found.scalar() or 0

"""What a record says, written so that two records can be compared, however each came about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from outreach.store import generations, tables as t
from outreach.store.session import Database, Session


def derived(database: Database) -> dict[str, Any]:
    """What the record says, without a number of its own: the same for every way to get there."""
    with database.read() as session:
        return {
            "customers": _customers(session),
            "contacts": _contacts(session),
            "points": _points(session),
            "supplies": _supplies(session),
            "wanted": sorted_rows(
                session, select(t.supply_wanted.c.account_ref, t.supply_wanted.c.role)
            ),
            "accounts": _accounts(session),
            "premises": _premises(session),
            "reach": reach_rows(session),
        }


def sorted_rows(session: Session, wanted: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in session.execute(wanted)), key=repr)


def _customers(session: Session) -> Any:
    c = t.customer.c
    return sorted_rows(
        session,
        select(c.ref, t.household.c.ref, c.locale, c.zone, c.preferred)
        .join(t.household, t.household.c.id == c.household_id)
        .where(c.closed_at.is_(None)),
    )


def _contacts(session: Session) -> Any:
    link, point = t.customer_contact.c, t.contact_point.c
    return sorted_rows(
        session,
        select(t.customer.c.ref, point.channel, point.address_hash, link.consent, link.usable, link.basis)
        .join(t.customer_contact, link.customer_id == t.customer.c.id)
        .join(t.contact_point, point.id == link.contact_point_id),
    )  # fmt: skip


def _points(session: Session) -> Any:
    c = t.contact_point.c
    return sorted_rows(
        session, select(c.channel, c.address_hash, c.country, c.customers).where(c.customers > 0)
    )


def _supplies(session: Session) -> Any:
    return sorted_rows(
        session,
        select(t.premise.c.ref, t.account.c.ref, t.supply.c.role)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id),
    )


def _accounts(session: Session) -> Any:
    c = t.account.c
    return sorted_rows(
        session,
        select(c.ref, t.customer.c.ref, c.priority, c.priority_expired, c.base_priority, c.life_support, c.life_support_until)
        .join(t.customer, t.customer.c.id == c.customer_id)
        .where(c.closed_at.is_(None)),
    )  # fmt: skip


def _premises(session: Session) -> Any:
    c = t.premise.c
    return sorted_rows(
        session,
        select(c.ref, c.transformer, c.tree_order, c.locality, c.holder, c.occupant).where(
            c.closed_at.is_(None)
        ),
    )


def reach_rows(session: Session) -> Any:
    r = t.reach.c
    return sorted_rows(
        session,
        select(r.tree_order, t.premise.c.ref, t.customer.c.ref, r.channel, r.channels, r.priority,
               r.expired, r.household, r.preferred, r.locale, r.locality, r.country)
        .join(t.premise, t.premise.c.id == r.premise_id)
        .join(t.customer, t.customer.c.id == r.customer_id)
        .where(generations.visible(t.reach, generations.current(session))),
    )  # fmt: skip


def fresh(tmp_path: Path, sqlite_template: Path, name: str) -> Database:
    path = tmp_path / f"{name}.db"
    path.write_bytes(sqlite_template.read_bytes())
    return Database(f"sqlite:///{path}", durable=False)

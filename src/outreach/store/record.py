"""The record of customers and premises: written whole at an import, asked by name ever after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, delete, exists, func, insert, select, update

from outreach.model.record import RecordFreshness
from outreach.model.words import Channel, Purpose
from outreach.store import bulk, tables as t
from outreach.store.bulk import Rows
from outreach.store.session import Session

PointKey = tuple[str, bytes]
"""(channel, address_hash)"""

_PERSONAL = (Channel.SMS, Channel.EMAIL, Channel.VOICE)


def open_refs(session: Session) -> tuple[set[str], set[str]]:
    """Refs of the customers and of the premises that are not closed."""
    customers = select(t.customer.c.ref).where(t.customer.c.closed_at.is_(None))
    premises = select(t.premise.c.ref).where(t.premise.c.closed_at.is_(None))
    return set(session.scalars(customers)), set(session.scalars(premises))


def save_households(session: Session, refs: Iterable[str]) -> dict[str, int]:
    """Household ref -> id. Households are never deleted: the ledger speaks of them."""
    return _save(session, t.household, [{"ref": ref} for ref in refs])


def save_customers(session: Session, rows: Rows, *, now: datetime) -> dict[str, int]:
    """Customer ref -> id; whoever is not among the rows is closed."""
    return _save_and_close(session, t.customer, rows, now)


def save_accounts(session: Session, rows: Rows, *, now: datetime) -> dict[str, int]:
    """Account ref -> id; whatever is not among the rows is closed."""
    return _save_and_close(session, t.account, rows, now)


def save_premises(session: Session, rows: Rows, *, now: datetime) -> dict[str, int]:
    """Premise ref -> id; whatever is not among the rows is closed."""
    return _save_and_close(session, t.premise, rows, now)


def replace_supplies(session: Session, rows: Rows) -> None:
    """Which account is supplied at which premise, afresh."""
    _replace(session, t.supply, rows)


def save_contact_points(session: Session, rows: Rows) -> dict[PointKey, int]:
    """(channel, address_hash) -> id. What receipts taught (`bad_since`) and the sealed address stay."""
    key = ("channel", "address_hash")
    bulk.upsert_rows(session, t.contact_point, rows, key, kept=("address_sealed",))
    point = t.contact_point.c
    found = select(point.channel, point.address_hash, point.id).where(point.channel.in_(_PERSONAL))
    return {(channel, digest): id_ for channel, digest, id_ in session.execute(found)}


def replace_customer_contacts(session: Session, rows: Rows) -> None:
    """Who holds which address, afresh; an address that nobody holds any more counts no customer.

    A link that was there keeps its `loaded_at`: calls are matched with who held an address when a
    wave was frozen, and an import in between must not take that away.
    """
    link = t.customer_contact.c
    service = link.purpose == Purpose.SERVICE
    held_since = {
        (customer, point): loaded_at
        for customer, point, loaded_at in session.execute(
            select(link.customer_id, link.contact_point_id, link.loaded_at).where(service)
        )
    }
    session.execute(delete(t.customer_contact).where(service))
    kept = [
        row
        | {
            "loaded_at": held_since.get(
                (row["customer_id"], row["contact_point_id"]), row["loaded_at"]
            )
        }
        for row in rows
    ]
    bulk.insert_rows(session, t.customer_contact, kept)
    held = exists().where(t.customer_contact.c.contact_point_id == t.contact_point.c.id)
    session.execute(
        update(t.contact_point)
        .where(t.contact_point.c.channel.in_(_PERSONAL), t.contact_point.c.customers > 0, ~held)
        .values(customers=0)
    )


def log_load(session: Session, *, source: str, counts: dict[str, Any], now: datetime) -> None:
    """Notes that the record was loaded, and how much."""
    session.execute(insert(t.record_load).values(source=source, loaded_at=now, counts=counts))


def freshness(session: Session) -> RecordFreshness | None:
    """When the record was last loaded; None: never."""
    latest = select(t.record_load).order_by(
        t.record_load.c.loaded_at.desc(), t.record_load.c.id.desc()
    )
    load = session.execute(latest.limit(1)).first()
    if load is None:
        return None
    return RecordFreshness(
        source=load.source,
        loaded_at=load.loaded_at,
        customers=_open_count(session, t.customer),
        premises=_open_count(session, t.premise),
    )


def localities(session: Session) -> list[str]:
    """Every locality with a premise, in alphabetical order."""
    found = (
        select(t.premise.c.locality)
        .where(t.premise.c.closed_at.is_(None), t.premise.c.locality != "")
        .distinct()
    )
    return sorted(session.scalars(found))


def known_premises(session: Session, refs: Sequence[str]) -> set[str]:
    """Those of the refs that are premises today."""
    found: set[str] = set()
    for start in range(0, len(refs), 500):
        wanted = t.premise.c.ref.in_(refs[start : start + 500])
        found.update(
            session.scalars(select(t.premise.c.ref).where(wanted, t.premise.c.closed_at.is_(None)))
        )
    return found


def premises_on(session: Session, orders: Sequence[int]) -> list[str]:
    """Refs of the premises that hang directly on the nodes of these tree orders."""
    hung = t.premise.c.tree_order.in_(orders)
    found = select(t.premise.c.ref).where(hung, t.premise.c.closed_at.is_(None))
    return sorted(session.scalars(found))


def _open_count(session: Session, table: Table) -> int:
    counted = select(func.count()).select_from(table).where(table.c.closed_at.is_(None))
    return session.execute(counted).scalar_one()


def _save(session: Session, table: Table, rows: Rows) -> dict[str, int]:
    bulk.upsert_rows(session, table, rows, ("ref",))
    return dict(session.execute(select(table.c.ref, table.c.id)).all())


def _save_and_close(session: Session, table: Table, rows: Rows, now: datetime) -> dict[str, int]:
    ids = _save(session, table, [{**row, "closed_at": None} for row in rows])
    still_here = {row["ref"] for row in rows}
    gone = [{"gone_id": id_} for ref, id_ in ids.items() if ref not in still_here]
    if gone:
        from_now = update(table).values(closed_at=now).where(table.c.closed_at.is_(None))
        session.connection().execute(from_now.where(table.c.id == bindparam("gone_id")), gone)
    return ids


def _replace(session: Session, table: Table, rows: Rows) -> None:
    session.execute(delete(table))
    bulk.insert_rows(session, table, rows)

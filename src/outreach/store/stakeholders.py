"""Contact lists beside the customers, and the messages that a step for lists freezes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, update

from outreach.model.stakeholder import ContactList, NewStakeholder, Stakeholder
from outreach.model.words import TOLD_STATES, Channel, MessageState
from outreach.store import overlap, tables as t
from outreach.store.dialects import insert_into
from outreach.store.freezing import Freezing
from outreach.store.session import Session

_s, _point = t.stakeholder.c, t.contact_point.c
_MAYBE_TOLD = [*TOLD_STATES, MessageState.SENDING]


def keep(session: Session, new: NewStakeholder, *, now: datetime) -> bool:
    """Writes an entry, or renews the one of this list, address and locality; False: it stood there just so."""
    point = _contact_point(session, new)
    values = {"name": new.name, "locale": new.locale, "zone": new.zone}
    key = {"list": new.list, "contact_point_id": point, "locality": new.locality}
    row = session.execute(select(t.stakeholder).filter_by(**key)).mappings().first()
    if row is None:
        session.execute(t.stakeholder.insert().values(**key, **values, added_at=now))
        return True
    if row["removed_at"] is None and all(row[name] == value for name, value in values.items()):
        return False
    session.execute(
        update(t.stakeholder).where(_s.id == row["id"]).values(**values, removed_at=None)
    )
    return True


def every(
    session: Session, *, lists: Collection[ContactList] = tuple(ContactList)
) -> list[Stakeholder]:
    """The entries that hold, by list, name and locality."""
    rows = session.execute(
        select(t.stakeholder, _point.channel, _point.address_sealed)
        .join(t.contact_point, _point.id == _s.contact_point_id)
        .where(_s.removed_at.is_(None), _s.list.in_(list(lists)))
        .order_by(_s.list, _s.name, _s.locality, _s.id)
    ).mappings()
    return [_stakeholder(row) for row in rows]


def has(session: Session, lists: Collection[ContactList]) -> bool:
    """Whether anybody is on one of these lists: a wave for nobody is not opened."""
    found = select(_s.id).where(_s.removed_at.is_(None), _s.list.in_(list(lists))).limit(1)
    return session.execute(found).first() is not None


def remove(session: Session, number: int, *, now: datetime) -> bool:
    """Takes an entry off its list; what it was sent stays in the ledger. False: there is none."""
    gone = session.execute(
        update(t.stakeholder)
        .where(_s.id == number, _s.removed_at.is_(None))
        .values(removed_at=now)
        .returning(_s.id)
    )
    return gone.first() is not None


def rows(
    plan: Freezing,
    common: Collection[ColumnElement[Any]],
    *,
    pool: ColumnElement[str],
    not_before: Callable[[ColumnElement[str]], ColumnElement[Any]],
) -> Select[Any]:
    """One message a contact point of the plan's lists: whom the scope touches, and who was told of it before.

    customer 0, as posts have it: outside the audience, the ladder and the estimator.
    """
    chosen = (
        select(
            _s.contact_point_id,
            func.min(_s.locality).label("locality"),
            func.min(_s.locale).label("locale"),
            func.min(_s.zone).label("zone"),
        )
        .where(_s.removed_at.is_(None), _s.list.in_(list(plan.lists)), _is_concerned(plan))
        .group_by(_s.contact_point_id)
        .subquery()
    )
    return (
        select(
            *common, _point.id.label("contact_point_id"), literal(0).label("customer_id"),
            literal(0).label("household_id"), _point.channel, literal("C").label("priority"),
            chosen.c.locale, chosen.c.zone, chosen.c.locality, literal(0).label("premises"),
            literal(0).label("rank"), pool.label("pool"), not_before(chosen.c.zone).label("not_before"),
        )
        .join(chosen, chosen.c.contact_point_id == _point.id)
        .where(_point.channel.in_(list(plan.channels)))
    )  # fmt: skip


def _is_concerned(plan: Freezing) -> ColumnElement[bool]:
    """Nothing remains of a scope that is restored: then those who were told before hear of its end."""
    p = t.premise.c
    touched = select(p.locality).where(plan.scope.covers(t.premise), p.closed_at.is_(None))
    told = overlap.has_message(_s.contact_point_id, plan.earlier, states=_MAYBE_TOLD)
    return or_(_s.locality == "", _s.locality.in_(touched.distinct()), told)


def _contact_point(session: Session, new: NewStakeholder) -> int:
    """Its own, or the one that a customer holds already: an address is one contact point."""
    row = {
        "channel": new.channel,
        "address_hash": new.address_hash,
        "address_sealed": new.address_sealed,
        "country": new.country,
        "prefix": new.prefix,
        "customers": 0,
    }
    session.execute(insert_into(session, t.contact_point).values(**row).on_conflict_do_nothing())
    found: int = session.execute(
        select(_point.id).where(
            _point.channel == new.channel, _point.address_hash == new.address_hash
        )
    ).scalar_one()
    return found


def _stakeholder(row: Any) -> Stakeholder:
    values = {name: row[name] for name in Stakeholder.__slots__}
    values |= {"list": ContactList(row["list"]), "channel": Channel(row["channel"])}
    return Stakeholder(**values)

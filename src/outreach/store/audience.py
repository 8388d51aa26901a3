"""Counts who an occasion touches, in set statements over premise, supply and reach."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, case, distinct, exists, func, select

from outreach.model.record import AffectedCounts
from outreach.model.words import Channel, LeftOut, PriorityClass
from outreach.store import tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Session

_WRITTEN = (Channel.SMS, Channel.EMAIL)


def affected(session: Session, scope: Remaining) -> AffectedCounts:
    """Premises, accounts, customers, households, priority, and customers reachable by channel."""
    rows = affected_accounts(scope).subquery()
    valid = func.max(case((rows.c.priority == PriorityClass.A, 1), else_=0))
    flagged = func.max(case((rows.c.priority_expired, 1), else_=0))
    people = (
        select(
            rows.c.customer_id, rows.c.household_id, valid.label("valid"), flagged.label("flagged")
        )
        .group_by(rows.c.customer_id, rows.c.household_id)
        .subquery()
    )
    found = session.execute(
        select(
            func.count().label("customers"),
            func.count(distinct(people.c.household_id)).label("households"),
            func.coalesce(func.sum(people.c.valid), 0).label("priority_customers"),
            func.coalesce(func.sum(people.c.flagged * (1 - people.c.valid)), 0).label("priority_expired_customers"),
        ).select_from(people)
    ).mappings().one()  # fmt: skip
    accounts = session.execute(select(func.count(distinct(rows.c.account_id)))).scalar_one()
    numbers = {name: int(value) for name, value in found.items()}
    return AffectedCounts(
        premises=_premises(session, scope),
        accounts=accounts,
        reachable=reachable(session, scope, customers=numbers["customers"]),
        localities=localities(session, scope),
        **numbers,
    )


def affected_accounts(scope: Remaining) -> Select[tuple[int, int, int, str, bool]]:
    """(account_id, customer_id, household_id, priority, priority_expired) a supply in the scope."""
    return (
        select(
            t.account.c.id.label("account_id"),
            t.account.c.customer_id,
            t.customer.c.household_id,
            t.account.c.priority,
            t.account.c.priority_expired,
        )
        .select_from(t.premise)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .join(t.customer, t.customer.c.id == t.account.c.customer_id)
        .where(
            scope.covers(t.premise),
            t.premise.c.closed_at.is_(None),
            t.account.c.closed_at.is_(None),
        )
    )


def reachable(session: Session, scope: Remaining, *, customers: int) -> dict[str, int]:
    """Distinct customers by channel, by `sms_or_email`, and `none` of all."""
    bits = (
        select(t.reach.c.customer_id, func.max(t.reach.c.channels).label("channels"))
        .where(scope.covers(t.reach))
        .group_by(t.reach.c.customer_id)
        .subquery()
    )
    rows = session.execute(select(bits.c.channels, func.count()).group_by(bits.c.channels))
    by_set = {int(channels): int(count) for channels, count in rows}
    return _by_channel(by_set, customers)


def _by_channel(by_set: dict[int, int], customers: int) -> dict[str, int]:
    wanted = {"sms": 1, "email": 2, "voice": 4, "sms_or_email": 3}
    counted = {
        name: sum(count for channels, count in by_set.items() if channels & bits)
        for name, bits in wanted.items()
    }
    return counted | {"none": customers - sum(by_set.values())}


def _premises(session: Session, scope: Remaining) -> int:
    return session.execute(
        select(func.count())
        .select_from(t.premise)
        .where(scope.covers(t.premise), t.premise.c.closed_at.is_(None))
    ).scalar_one()


def localities(session: Session, scope: Remaining) -> tuple[str, ...]:
    """The scope's localities, those with most premises first."""
    found = session.scalars(
        select(t.premise.c.locality)
        .where(scope.covers(t.premise), t.premise.c.closed_at.is_(None))
        .group_by(t.premise.c.locality)
        .order_by(func.count().desc(), t.premise.c.locality)
    )
    return tuple(found)


def customers_of(session: Session, wanted: Sequence[str]) -> int:
    """Distinct customers with a premise in these localities, affected or not."""
    return session.execute(
        select(func.count(distinct(t.account.c.customer_id)))
        .select_from(t.premise)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(t.premise.c.locality.in_(wanted), t.premise.c.closed_at.is_(None))
    ).scalar_one()


def zones(session: Session, scope: Remaining) -> tuple[str, ...]:
    """The IANA zones of the contactable points in the scope."""
    return tuple(session.scalars(select(t.reach.c.zone).where(scope.covers(t.reach)).distinct()))


def unreachable(
    session: Session, scope: Remaining, channels: Sequence[Channel] = _WRITTEN
) -> list[tuple[str, str, str, LeftOut]]:
    """(customer ref, locality, priority, reason) of affected customers none of these channels reaches."""
    rows = affected_accounts(scope).add_columns(t.premise.c.locality).subquery()
    written = select(t.reach.c.customer_id).where(
        scope.covers(t.reach), t.reach.c.channel.in_(channels)
    )
    found = session.execute(
        select(
            t.customer.c.ref,
            func.min(rows.c.locality),
            func.min(rows.c.priority),
            why_not(t.customer.c.id, scope),
        )
        .join(rows, rows.c.customer_id == t.customer.c.id)
        .where(t.customer.c.id.not_in(written))
        .group_by(t.customer.c.id, t.customer.c.ref)
        .order_by(func.min(rows.c.priority), t.customer.c.ref)
    )
    return [(ref, locality, priority, LeftOut(reason)) for ref, locality, priority, reason in found]


def why_not(customer: ColumnElement[int], scope: Remaining) -> ColumnElement[str]:
    """Why a customer whom no wanted channel reaches is left out, as SQL."""
    own = (t.customer_contact.c.customer_id == customer) & t.customer_contact.c.usable
    point = t.contact_point.c.id == t.customer_contact.c.contact_point_id
    elsewhere = customer.in_(select(t.reach.c.customer_id).where(scope.covers(t.reach)))
    shut = exists().where(
        own, point, t.suppression.c.address_hash == t.contact_point.c.address_hash
    )
    any_point = exists().where(own, point, t.contact_point.c.bad_since.is_(None))
    return case(
        (shut, LeftOut.OPTED_OUT),
        (elsewhere, LeftOut.OTHER_CHANNELS_ONLY),
        (any_point, LeftOut.NO_CONSENT),
        else_=LeftOut.NO_CONTACT,
    )

"""Counts who an occasion touches: from headcounts where they answer, else from the rows of reach."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, distinct, exists, func, select

from outreach.model.record import AffectedCounts
from outreach.model.words import CHANNEL_BITS, Channel, LeftOut, PriorityClass
from outreach.store import contactable, generations, headcounts, tables as t
from outreach.store.headcounts import Counted
from outreach.store.scopes import Remaining
from outreach.store.session import Session


def affected(session: Session, scope: Remaining) -> AffectedCounts:
    """Premises, accounts, customers, households, priority, and customers reachable by channel.

    One node in full costs some milliseconds at any size; anything else reads its rows of reach.
    """
    counted = _beforehand(session, scope)
    return counted.affected if counted else _affected(session, scope)


def customers(session: Session, scope: Remaining) -> int:
    """Their number alone: of several nodes in a fraction of the time."""
    counted = _beforehand(session, scope)
    if counted:
        return counted.affected.customers
    number = func.count(distinct(t.reach.c.customer_id))
    return session.execute(select(number).where(seen(session, scope))).scalar_one()


def messages(session: Session, scope: Remaining) -> dict[str, int]:
    """Messages by channel that a step by SMS and e-mail would send to everybody affected."""
    counted = _beforehand(session, scope)
    return counted.messages if counted else _messages(session, scope)


def _beforehand(session: Session, scope: Remaining) -> Counted | None:
    """What headcounts say, where the scope is one whole span and they agree with reach."""
    if not scope.only_spans or len(scope.out.spans) != 1 or not generations.is_counted(session):
        return None
    return headcounts.counts(session, scope.out.spans[0], generations.current(session))


def seen(session: Session, scope: Remaining, generation: int | None = None) -> ColumnElement[bool]:
    """True for the rows of reach in the scope that this generation (default: the current) sees."""
    if generation is None:
        generation = generations.current(session)
    return and_(scope.covers(t.reach), generations.visible(t.reach, generation))


def _affected(session: Session, scope: Remaining) -> AffectedCounts:
    r = t.reach.c
    people = (
        select(
            r.customer_id,
            r.household_id,
            func.max(r.channels).label("channels"),
            func.min(r.priority).label("priority"),
            func.max(case((r.expired, 1), else_=0)).label("expired"),
        )
        .where(seen(session, scope))
        .group_by(r.customer_id, r.household_id)
        .subquery()
    )
    of = people.c
    is_a = case((of.priority == PriorityClass.A, 1), else_=0)
    rows = session.execute(
        select(of.channels, func.count(), func.sum(is_a), func.sum(of.expired * (1 - is_a)))
        .group_by(of.channels)
    ).all()  # fmt: skip
    return AffectedCounts(
        premises=_premises(session, scope),
        accounts=_accounts(session, scope),
        customers=sum(row[1] for row in rows),
        households=session.execute(select(func.count(distinct(of.household_id)))).scalar_one(),
        priority_customers=int(sum(row[2] for row in rows)),
        priority_expired_customers=int(sum(row[3] for row in rows)),
        reachable=headcounts.reachable({row[0]: row[1] for row in rows}),
        localities=localities(session, scope),
    )


def _messages(session: Session, scope: Remaining) -> dict[str, int]:
    r = t.reach.c
    spoken = r.channel == contactable.chosen(contactable.WRITTEN, r.channels, r.preferred)
    rows = session.execute(
        select(r.channel, func.count(distinct(r.contact_point_id)))
        .where(seen(session, scope), spoken, r.channel != "")
        .group_by(r.channel)
    )
    return {row[0]: row[1] for row in rows}


def _premises(session: Session, scope: Remaining) -> int:
    return session.execute(
        select(func.count())
        .select_from(t.premise)
        .where(scope.covers(t.premise), t.premise.c.closed_at.is_(None))
    ).scalar_one()


def _accounts(session: Session, scope: Remaining) -> int:
    """Reach knows customers; their accounts are in the record alone."""
    return session.execute(
        select(func.count(distinct(t.supply.c.account_id)))
        .select_from(t.premise)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(
            scope.covers(t.premise),
            t.premise.c.closed_at.is_(None),
            t.account.c.closed_at.is_(None),
        )
    ).scalar_one()


def localities(session: Session, scope: Remaining) -> tuple[str, ...]:
    """The scope's localities, those with most premises first."""
    counted = _beforehand(session, scope)
    if counted:
        return counted.affected.localities
    found = session.execute(
        select(t.premise.c.locality, func.count())
        .where(scope.covers(t.premise), t.premise.c.closed_at.is_(None))
        .group_by(t.premise.c.locality)
    )
    return headcounts.in_order({row[0]: row[1] for row in found})


def customers_of(session: Session, wanted: Sequence[str]) -> int:
    """Distinct customers with a premise in these localities, affected or not."""
    now = generations.visible(t.reach, generations.current(session))
    return session.execute(
        select(func.count(distinct(t.reach.c.customer_id))).where(
            t.reach.c.locality.in_(wanted), now
        )
    ).scalar_one()


def zones(session: Session, scope: Remaining, generation: int | None = None) -> tuple[str, ...]:
    """The IANA zones of the contactable points in the scope."""
    wanted = (seen(session, scope, generation), t.reach.c.channel != "")
    return tuple(session.scalars(select(t.reach.c.zone).where(*wanted).distinct()))


def unreachable(
    session: Session, scope: Remaining, channels: Sequence[Channel] = contactable.WRITTEN
) -> list[tuple[str, str, str, LeftOut]]:
    """(customer ref, locality, priority, reason) of affected customers none of these channels reaches."""
    r = t.reach.c
    least = func.min(r.priority)
    found = session.execute(
        select(
            t.customer.c.ref,
            func.min(r.locality),
            least,
            why_not(t.customer.c.id, func.max(r.channels)),
        )
        .join(t.customer, t.customer.c.id == r.customer_id)
        .where(seen(session, scope), not_reached(channels))
        .group_by(t.customer.c.id, t.customer.c.ref)
        .order_by(least, t.customer.c.ref)
    )
    return [(ref, locality, priority, LeftOut(reason)) for ref, locality, priority, reason in found]


def urgent(column: ColumnElement[int], scope: Remaining, generation: int) -> ColumnElement[bool]:
    """True for rows of reach whose contact point, or customer, has a row of class A in the scope.

    They are one in a hundred, so that a wave for them need not ask of all the others who has heard what.
    """
    r = t.reach.alias("urgent")
    is_a = and_(r.c.priority == PriorityClass.A, generations.visible(r, generation))
    return column.in_(select(r.c[column.name]).where(scope.covers(r), is_a))


def best_of(priority: ColumnElement[str]) -> ColumnElement[str]:
    """The best class of a group without min(): a second one would leave open whose row is taken."""
    best = (PriorityClass.A, PriorityClass.B)
    has = [(func.count(case((priority == each, 1))) > 0, each.value) for each in best]
    return case(*has, else_=PriorityClass.C.value)


def not_reached(channels: Sequence[Channel]) -> ColumnElement[bool]:
    """True for rows of reach whose customer has none of these channels: every row knows them all."""
    wanted = sum(CHANNEL_BITS[channel] for channel in set(channels))
    return t.reach.c.channels.op("&")(wanted) == 0


def why_not(customer: ColumnElement[int], channels: ColumnElement[int]) -> ColumnElement[str]:
    """Why a customer whom no wanted channel reaches is left out; `channels`: the bits of what they have."""
    own = (t.customer_contact.c.customer_id == customer) & t.customer_contact.c.usable
    point = t.contact_point.c.id == t.customer_contact.c.contact_point_id
    shut = exists().where(
        own, point, t.suppression.c.address_hash == t.contact_point.c.address_hash
    )
    any_point = exists().where(own, point, t.contact_point.c.bad_since.is_(None))
    return case(
        (shut, LeftOut.OPTED_OUT),
        (channels != 0, LeftOut.OTHER_CHANNELS_ONLY),
        (any_point, LeftOut.NO_CONSENT),
        else_=LeftOut.NO_CONTACT,
    )

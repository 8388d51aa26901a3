"""Who else is at the premises of a work: open works near it in time, open outages, and newcomers to its notices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import OPEN_STATES, TOLD_STATES, OccasionKind
from outreach.store import audience, occasions, scopes, tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another open occasion, and how many premises it has in common."""

    occasion: Occasion
    premises: int


def works(
    session: Session, scope: Remaining, *, start_at: datetime, end_at: datetime, besides: int = 0
) -> list[Neighbour]:
    """Open works with common premises of which some lies in [start_at, end_at), in order of start.

    One statement a work that is near in time. A work whose end is not known any more is still on.
    """
    r = t.revision.c
    near = and_(r.start_at < end_at, or_(r.end_at.is_(None), r.end_at > start_at))
    return _neighbours(session, scope, near, kind=OccasionKind.PLANNED, besides=besides)


def outages(session: Session, scope: Remaining) -> list[Neighbour]:
    """Open outages with common premises that are still out."""
    return _neighbours(session, scope, t.occasion.c.open, kind=OccasionKind.OUTAGE, besides=0)


def _neighbours(
    session: Session,
    scope: Remaining,
    condition: ColumnElement[bool],
    *,
    kind: OccasionKind,
    besides: int,
) -> list[Neighbour]:
    o, r = t.occasion.c, t.revision.c
    newest = and_(r.occasion_id == o.id, r.version == o.version)
    wanted = and_(o.open, o.kind == kind, o.id != besides, o.drill.is_(False), condition)
    numbers = session.scalars(
        select(o.id).join(t.revision, newest).where(wanted).order_by(r.start_at, o.id)
    )
    found = [occasions.get(session, OccasionId(number)) for number in numbers]
    shared = [(each, _shared(session, scope, each)) for each in found]
    return [Neighbour(occasion=each, premises=count) for each, count in shared if count]


def _shared(session: Session, scope: Remaining, other: Occasion) -> int:
    theirs = scopes.remaining(session, other)
    return session.execute(
        select(func.count())
        .select_from(t.premise)
        .where(scope.covers(t.premise), theirs.covers(t.premise), t.premise.c.closed_at.is_(None))
    ).scalar_one()


def newcomers(session: Session, occasion: Occasion) -> int:
    """Customers affected today with a contact point, of whom none has a message of this occasion.

    They came after its notices went out: told now, they have less time than the notice period.
    """
    r, m = t.reach.c, t.message.c
    heard = (
        select(m.contact_point_id)
        .join(t.step_run, t.step_run.c.id == m.step_run_id)
        .join(t.run, t.run.c.id == t.step_run.c.run_id)
        .where(t.run.c.occasion_id == occasion.id, m.state.in_([*TOLD_STATES, *OPEN_STATES]))
    )
    knows = func.max(case((r.contact_point_id.in_(heard), 1), else_=0))
    people = (
        select(r.customer_id)
        .where(audience.seen(session, scopes.remaining(session, occasion)), r.channel != "")
        .group_by(r.customer_id)
        .having(knows == 0)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(people)).scalar_one()

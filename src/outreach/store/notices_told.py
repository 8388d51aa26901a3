"""When the first notice of an outage left, by the rows of the ledger: what its clocks are stopped by."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, select

from outreach.model.words import Channel, OccasionKind
from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """When an outage was recognised, and from which version on its cause was known."""

    occasion_id: int
    recognised_at: datetime
    cause_version: int | None
    cause_known_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The first accepted notice of one version of an outage, by whom it was for."""

    occasion_id: int
    version: int
    customers_at: datetime | None
    posts_at: datetime | None
    stakeholders_at: datetime | None

    @property
    def at(self) -> datetime | None:
        known = (self.customers_at, self.posts_at, self.stakeholders_at)
        return min((at for at in known if at is not None), default=None)


def known(session: Session, occasions: Collection[int]) -> dict[int, Known]:
    """Of each outage: its first version's instant, and the first version with a cause."""
    r = t.revision.c
    has_cause = r.cause != ""
    rows = session.execute(
        select(
            r.occasion_id,
            func.min(r.recorded_at),
            func.min(case((has_cause, r.version))),
            func.min(case((has_cause, r.recorded_at))),
        )
        .where(r.occasion_id.in_(list(occasions)))
        .group_by(r.occasion_id)
    )
    return {
        row[0]: Known(
            occasion_id=row[0], recognised_at=row[1], cause_version=row[2], cause_known_at=row[3]
        )
        for row in rows
    }


def first(session: Session, occasions: Collection[int]) -> list[First]:
    """The first notices by version: a pass over the messages of these outages, for reports."""
    m, w, run = t.message.c, t.step_run.c, t.run.c
    to_nobody = m.customer_id == 0
    rows = session.execute(
        select(
            run.occasion_id,
            w.version,
            func.min(case((m.customer_id > 0, m.accepted_at))),
            func.min(case((to_nobody & (m.channel == Channel.SOCIAL), m.accepted_at))),
            func.min(case((to_nobody & (m.channel != Channel.SOCIAL), m.accepted_at))),
        )
        .join(t.step_run, w.run_id == run.id)
        .join(t.message, m.step_run_id == w.id)
        .where(run.occasion_id.in_(list(occasions)), m.accepted_at.is_not(None))
        .group_by(run.occasion_id, w.version)
        .order_by(run.occasion_id, w.version)
    )
    return [
        First(
            occasion_id=row[0],
            version=row[1],
            customers_at=row[2],
            posts_at=row[3],
            stakeholders_at=row[4],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """An open outage of which somebody should have heard by now."""

    occasion_id: int
    untold: bool
    """No notice has left."""
    cause_untold: bool
    """Its cause is known, and no notice of a version with it has left."""


def silent(session: Session, *, since: datetime) -> list[Silence]:
    """Open outages that were opened since, of which nothing, or nothing with their cause, has left.

    Asks the ledger for one accepted message each: cheap however long they are. Drills are nobody's duty.
    """
    o, r = t.occasion.c, t.revision.c
    with_cause = (
        select(func.min(r.version))
        .where(r.occasion_id == o.id, r.cause != "")
        .correlate(t.occasion)
        .scalar_subquery()
    )
    untold = not_(_told())
    cause_untold = and_(with_cause.is_not(None), not_(_told(t.step_run.c.version >= with_cause)))
    wanted = (o.open, o.kind == OccasionKind.OUTAGE, not_(o.drill), o.opened_at >= since)
    found = select(o.id, untold.label("untold"), cause_untold.label("cause")).where(*wanted)
    rows = session.execute(found.order_by(o.id))
    return [
        Silence(occasion_id=row[0], untold=bool(row[1]), cause_untold=bool(row[2]))
        for row in rows
        if row[1] or row[2]
    ]


def _told(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a carrier has accepted a notice of the occasion that is looked at."""
    w, run, m = t.step_run.c, t.run.c, t.message.c
    return (
        exists()
        .where(
            run.occasion_id == t.occasion.c.id,
            w.run_id == run.id,
            m.step_run_id == w.id,
            m.accepted_at.is_not(None),
            *more,
        )
        .correlate(t.occasion)
    )

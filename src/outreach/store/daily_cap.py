"""How much of one storm a person may hear in a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select

from outreach.model.occasion import Occasion
from outreach.model.words import TOLD_STATES, MessageState, PriorityClass, Tier
from outreach.store import tables as t
from outreach.store.session import Session

_LEFT = [*TOLD_STATES, MessageState.UNDELIVERED]
_LEAVING = [MessageState.QUEUED, MessageState.SENDING]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCap:
    """At most so many notices of an event's occasions to a person in [since, until), a day of its zone."""

    event: int
    most: int
    since: datetime
    until: datetime


def of(session: Session, occasion: Occasion, *, now: datetime) -> DailyCap | None:
    """The cap of the occasion's event for the local day of `now`; None: no event, or no cap."""
    if occasion.event_id is None:
        return None
    e = t.event.c
    row = session.execute(select(e.daily_cap, e.zone).where(e.id == occasion.event_id)).first()
    if row is None or row.daily_cap is None:
        return None
    since, until = _day(now, ZoneInfo(row.zone))
    return DailyCap(event=occasion.event_id, most=row.daily_cap, since=since, until=until)


def is_met(cap: DailyCap, customer: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a customer has had, or is to get, that many; by the index of messages on customer.

    What may not wait (tiers above bulk: safety, restorations, corrections) and class A are never held
    back, so they use nothing up either.
    """
    m, w = t.message.alias(), t.step_run
    left_at = func.coalesce(m.c.accepted_at, m.c.claimed_at)
    today = and_(m.c.state.in_(_LEFT), left_at >= cap.since, left_at < cap.until)
    leaving = and_(
        m.c.state.in_(_LEAVING), or_(m.c.not_before.is_(None), m.c.not_before < cap.until)
    )
    had = (
        select(func.count(m.c.step_run_id.distinct()))
        .join(w, w.c.id == m.c.step_run_id)
        .join(t.run, t.run.c.id == w.c.run_id)
        .join(t.occasion, t.occasion.c.id == t.run.c.occasion_id)
        .where(
            m.c.customer_id == customer,
            m.c.priority != PriorityClass.A,
            w.c.tier == int(Tier.BULK),
            t.occasion.c.event_id == cap.event,
            or_(today, leaving),
        )
        .scalar_subquery()
    )
    return had >= cap.most


def _day(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local day around `now`, 23 to 25 hours long."""
    local = now.astimezone(zone)
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (first.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    return first.astimezone(UTC), following.astimezone(UTC)

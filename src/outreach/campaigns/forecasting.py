"""The minute's forecast: calls of the next four quarter-hours by queue, the agents they need, and the waits to expect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from outreach.campaigns import forecast_evidence
from outreach.campaigns.forecast_evidence import Dark
from outreach.deflection import agents, curves
from outreach.deflection.agents import Desk
from outreach.deflection.calls import plain_number
from outreach.deflection.estimate import pooled
from outreach.deflection.forecast import (
    Believed,
    Effect,
    Evidence,
    Expected,
    forecast,
    persistence,
)
from outreach.deflection.staffing import Goal
from outreach.model.deflection import Deflection, Verdict
from outreach.model.forecast import QUARTER, Curve, Forecast, ForecastStatus, Quarter
from outreach.settings import Settings
from outreach.settings_contactcenter import ForecastQueue
from outreach.store import expected, measured
from outreach.store.arrivals import Line
from outreach.store.session import Database, Session

MOST_LEARNED = 24
FRESH = timedelta(minutes=3)
"""A reading of a live queue that is older says nothing about now."""
MEASURED_FRESH = timedelta(hours=1)
_QUIET_EVERY = 15
"""Minutes between two forecasts while no outage is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was read for one queue; nothing of it needs the database any more."""

    queue: ForecastQueue
    evidence: Evidence
    curves: tuple[Curve, ...]
    effect: Effect | None
    staffed: tuple[int | None, ...]
    waiting: int
    out: int


def minute(database: Database, settings: Settings, *, now: datetime) -> list[Forecast]:
    """Forecasts each queue of the settings and keeps it. Without any outage only each quarter-hour."""
    now = now.replace(second=0, microsecond=0)
    with database.read() as session:
        found = forecast_evidence.dark(session, now=now, before=expected.counted(session))
        if not found.outages and now.minute % _QUIET_EVERY:
            return []
        known = [
            _known(session, settings, queue, found, now=now)
            for queue in settings.contactcenter.forecast.queues
        ]
    made = [_made(settings, each, now=now) for each in known]
    with database.write() as session:
        kept = [
            replace(each, id=expected.put(session, each, counted=found.counted)) for each in made
        ]
        for each in made:
            expected.prune(session, each.queue, now=now)
    return kept


def look(database: Database, settings: Settings, *, now: datetime) -> list[Forecast]:
    """The same without writing anything: for an installation whose clock does not run."""
    now = now.replace(second=0, microsecond=0)
    with database.read() as session:
        found = forecast_evidence.dark(session, now=now, before=expected.counted(session))
        known = [
            _known(session, settings, queue, found, now=now)
            for queue in settings.contactcenter.forecast.queues
        ]
    return [_made(settings, each, now=now) for each in known]


def line(settings: Settings, queue: ForecastQueue) -> Line:
    """Which calls are those of a queue: by its own numbers, else the outage numbers."""
    numbers = queue.numbers or settings.contactcenter.outage_numbers
    return Line(numbers=tuple(plain_number(each) for each in numbers), queues=queue.queues)


def desk(settings: Settings, queue: ForecastQueue) -> Desk:
    """Who takes the calls of a queue, as the settings say."""
    given = settings.contactcenter.forecast
    return Desk(
        handling=queue.handling_minutes or settings.contactcenter.handling_minutes,
        patience=given.patience_minutes,
        redials=given.redials,
        goal=Goal(
            served=given.served,
            within=given.within_s / 60,
            most_abandoned=given.abandoned,
            most_occupied=given.occupied,
        ),
    )


def _known(
    session: Session, settings: Settings, queue: ForecastQueue, found: Dark, *, now: datetime
) -> _Known:
    every = (*expected.curves(session, most=MOST_LEARNED), *curves.shipped())
    live = expected.reading(session, queue.name)
    is_fresh = live is not None and now - live.at <= FRESH
    on_queue = live.agents if live is not None and is_fresh else None
    planned = [expected.staffed(session, queue.name, now + each * QUARTER) for each in range(4)]
    return _Known(
        queue=queue,
        evidence=forecast_evidence.evidence(session, line(settings, queue), found, now=now),
        curves=tuple(_scaled(each, queue.share) for each in every),
        effect=effect_of((each for _run, each in measured.live(session)), now=now),
        staffed=_staffed(on_queue, planned),
        waiting=(live.waiting or 0) if live is not None and is_fresh else 0,
        out=found.out,
    )


def _scaled(curve: Curve, share: float) -> Curve:
    return curve if share == 1 else replace(curve, rates=tuple(r * share for r in curve.rates))


def _staffed(on_queue: int | None, planned: Sequence[int | None]) -> tuple[int | None, ...]:
    """Who is on queue now; later the plan, and without one those who are there now."""
    first = planned[0] if on_queue is None else on_queue
    return (first, *(first if each is None else each for each in planned[1:]))


def effect_of(found: Iterable[Deflection], *, now: datetime) -> Effect | None:
    """theta_ITT so far; figures that nobody renews are left out."""
    return pooled_effect(
        each
        for each in found
        if each.measured_at is not None and now - each.measured_at <= MEASURED_FRESH
    )


def pooled_effect(found: Iterable[Deflection]) -> Effect | None:
    """theta_ITT over runs, of which in a storm none says anything alone; None without any that was not refused.

    However wide it is, the prior draws it in, so that it need not be fit to print.
    """
    total = pooled(
        each.sums for each in found if each.sums is not None and each.verdict is not Verdict.REFUSED
    )
    told, unsent = total.delivered_w0 + total.undelivered_w0, total.unsent_w1
    if told <= 0 or unsent <= 0 or total.itt_cross <= 0:
        return None
    return Effect(theta=told / unsent, se=math.sqrt(total.itt_cross / (told * unsent)))


def _made(settings: Settings, known: _Known, *, now: datetime) -> Forecast:
    given = settings.contactcenter.forecast
    outlook = forecast(
        known.evidence,
        known.curves,
        random=Random(f"{known.queue.name} {now.isoformat()}"),  # noqa: S311  draws of a forecast
        measured=known.effect,
        believed=Believed(repeats=given.repeats, size=given.scatter),
    )
    taken = desk(settings, known.queue)
    needs = agents.plan(
        [each.p80 for each in outlook.quarters],
        known.staffed,
        taken,
        before=persistence(known.evidence),
        waiting=known.waiting,
    )
    quarters = [
        _quarter(now + place * QUARTER, each, need, known.staffed[place])
        for place, (each, need) in enumerate(zip(outlook.quarters, needs, strict=True))
    ]
    return Forecast(
        queue=known.queue.name,
        made_at=now,
        quarters=tuple(quarters),
        status=_status(known),
        calls_seen=round(outlook.seen),
        out=known.out,
        kappa=round(outlook.kappa, 4),
        unexplained=round(outlook.unexplained),
        handling_s=taken.handling * 60,
    )


def _quarter(at: datetime, each: Expected, need: agents.Need, staffed: int | None) -> Quarter:
    waits = need.waits
    return Quarter(
        start_at=at,
        mean=round(each.mean, 1),
        p05=each.p05,
        p50=each.p50,
        p80=each.p80,
        p95=each.p95,
        agents=need.agents,
        staffed=staffed,
        wait_p80_s=round(waits.p80, 1) if waits else None,
        wait_p90_s=round(waits.p90, 1) if waits else None,
    )


def _status(known: _Known) -> ForecastStatus:
    if not known.evidence.outages:
        return ForecastStatus.QUIET
    if not known.evidence.calls:
        return ForecastStatus.PRIOR
    return ForecastStatus.ESTIMATED if known.effect else ForecastStatus.SEEN

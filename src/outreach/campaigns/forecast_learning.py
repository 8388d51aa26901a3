"""Learns how customers of this company call, from its own outages that are over and the calls they brought."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.campaigns import forecast_evidence, forecasting
from outreach.campaigns.forecast_evidence import MINUTE, Counted, as_felt
from outreach.deflection import curves
from outreach.deflection.curves import LENGTH, Past
from outreach.deflection.exposure import Outage, stands_at
from outreach.deflection.forecast import Effect, effect_on_rate
from outreach.model.forecast import Curve
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind
from outreach.settings import Settings
from outreach.store import arrivals, expected, measured, occasions, runs
from outreach.store.arrivals import Line
from outreach.store.session import Database, Session

MOST = 500
"""Outages looked at, the newest first."""
ALONE = 0.8
"""Share of the customer-minutes of its hours that an outage must have, to be taken for the reason of the calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What one outage taught, or why nothing."""

    occasion: Occasion
    customers: int
    calls: int
    why_not: str
    """Empty: a curve was learned; else `small`, `short`, `few calls`, or `among others`."""
    curve: Curve | None = None


@dataclass(frozen=True, slots=True)
class _Over:
    occasion: Occasion
    began_at: datetime
    ended_at: datetime
    felt: Outage


def learn(
    database: Database, settings: Settings, *, now: datetime, since: datetime, keep: bool = True
) -> list[Lesson]:
    """Looks at outages that began since and are over; writes the curves unless `keep` is False.

    Calls are those of the first queue of the settings, less the usual load of their hours.
    """
    first = settings.contactcenter.forecast.queues[0]
    line, repeats = forecasting.line(settings, first), settings.contactcenter.forecast.repeats
    with database.read() as session:
        over = list(_over(session, since=since))
        lessons = [_lesson(session, each, over, line, repeats) for each in over]
    learned = [each.curve for each in lessons if each.curve is not None]
    if keep and learned:
        with database.write() as session:
            expected.put_curves(session, learned, now=now)
    return lessons


def _over(session: Session, *, since: datetime) -> Iterator[_Over]:
    counted = Counted(session, {})
    found = [
        each
        for each in occasions.every(session, kind=OccasionKind.OUTAGE, limit=MOST)
        if not each.revision.state.is_open
        and each.revision.start_at >= since
        and forecast_evidence.brings_calls(each)
    ]
    waves = arrivals.waves(session, [int(each.id) for each in found], now=since)
    for each in found:
        steps = forecast_evidence.out_steps(each, occasions.history(session, each.id), counted)
        mine = [wave for wave in waves if wave.occasion == each.id]
        began_at, ended_at = steps[0][0], steps[-1][0]
        yield _Over(each, began_at, ended_at, as_felt(each, steps, mine, {}, now=began_at))


def _lesson(
    session: Session, over: _Over, every: Sequence[_Over], line: Line, repeats: float
) -> Lesson:
    minutes = min(LENGTH, math.ceil((over.ended_at - over.began_at) / MINUTE))
    exposure = list(_exposure([over.felt], minutes, _kappa(session, over.occasion)))
    came = _calls(session, over, minutes, line)
    past = Past(
        name=f"outage-{over.occasion.id}",
        customers=int(max((count for _at, count in over.felt.out), default=0)),
        calls=came,
        exposure=exposure,
        is_storm=over.occasion.event_id is not None,
    )
    why = curves.why_not(past) if _is_alone(over, every, minutes) else "among others"
    return Lesson(
        occasion=over.occasion,
        customers=past.customers,
        calls=max(0, round(sum(came))),
        why_not=why,
        curve=None if why else curves.learned(past, repeats=repeats),
    )


def _kappa(session: Session, occasion: Occasion) -> float:
    """What was measured of its own runs, drawn towards the prior."""
    found = (measured.newest(session, run.id) for run in runs.of(session, occasion.id))
    effect: Effect | None = forecasting.pooled_effect(each for each in found if each is not None)
    return math.exp(effect_on_rate(effect)[0])


def _exposure(outages: Iterable[Outage], minutes: int, kappa: float) -> Iterator[float]:
    """Customers out in each minute from the start, those told counted at kappa."""
    held = list(outages)
    for minute in range(minutes):
        at = minute + 0.5
        yield math.fsum(
            stands_at(each.out, at) * (1 - (1 - kappa) * stands_at(each.told, at)) for each in held
        )


def _calls(session: Session, over: _Over, minutes: int, line: Line) -> list[float]:
    """Calls by minute, less the usual load of that hour."""
    came = arrivals.by_minute(
        session, line, since=over.began_at, until=over.began_at + minutes * MINUTE
    )
    first = over.began_at.replace(second=0, microsecond=0)
    found: list[float] = []
    for begin in range(0, minutes, 60):
        usual = forecast_evidence.base_load(session, line, now=first + timedelta(minutes=begin))
        found += [
            came.get(first + minute * MINUTE, 0) - usual[1 + (minute - begin) // 15]
            for minute in range(begin, min(minutes, begin + 60))
        ]
    return found


def _is_alone(over: _Over, every: Sequence[_Over], minutes: int) -> bool:
    """Whether nearly all who were out in its hours were out by it."""
    own = math.fsum(_exposure([over.felt], minutes, 1.0))
    others = 0.0
    end = over.began_at + minutes * MINUTE
    for each in every:
        if each is not over and each.began_at < end and each.ended_at > over.began_at:
            shift = (over.began_at - each.began_at) / MINUTE
            others += math.fsum(
                stands_at(each.felt.out, minute + 0.5 + shift) for minute in range(minutes)
            )
    return own >= ALONE * (own + others)

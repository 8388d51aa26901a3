"""What the calls of a planned wave could show: the smallest effect that would be seen, and a tail's price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.campaigns.plan import Load, drain
from outreach.deflection.planning import (
    HORIZON,
    REACHABLE,
    Detectable,
    Rollout,
    minimum_detectable,
    planned_minutes,
    tail_price,
)
from outreach.model.occasion import Occasion
from outreach.model.words import Channel, OccasionKind
from outreach.store.forecasts import Group
from outreach.store.freeze import Freezing

PRIOR_DEFLECTION = 0.25
"""Assumed where a price has to be named before anything was measured."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Planned precision of one wave; as if each message were a household."""

    detectable: Detectable | None
    """None: sent too fast, or too late in the outage, to compare anything."""
    tail_share: float = 0.0
    tail_at: datetime | None = None
    tail_households: int = 0
    """About so many hear at `tail_at` and not in their turn."""
    tail_calls: float = 0.0
    """Calls that this costs, at PRIOR_DEFLECTION."""
    holdout_share: float = 0.0
    """Never told."""


def outlook(
    occasion: Occasion,
    plan: Freezing,
    groups: Iterable[Group],
    loads: Sequence[Load],
    *,
    now: datetime,
) -> Outlook | None:
    """Of an unplanned outage's wave to customers; None for others.

    Without a forecast of its calls it takes those of an ordinary outage (`deflection.planning`).
    """
    if occasion.kind is not OccasionKind.OUTAGE or plan.lists or plan.is_to_told:
        return None
    rollout = _rollout(occasion, plan, groups, loads, now=now)
    if rollout is None:
        return None
    kept_back = sum(n for name, n in rollout.households.items() if name != "A")
    return Outlook(
        detectable=minimum_detectable(planned_minutes(rollout), reachable_share=REACHABLE),
        tail_share=rollout.tail_share,
        tail_at=plan.tail.at if plan.tail else None,
        tail_households=round(kept_back * rollout.tail_share),
        tail_calls=tail_price(rollout, deflection=PRIOR_DEFLECTION),
        holdout_share=plan.holdout,
    )


def _rollout(
    occasion: Occasion,
    plan: Freezing,
    groups: Iterable[Group],
    loads: Sequence[Load],
    *,
    now: datetime,
) -> Rollout | None:
    """None where nobody is written to, or some never are."""
    tail_at = plan.tail.at if plan.tail else None
    regular = drain(load for load in loads if load.starts_at != tail_at)
    if regular is None or regular.first_at is None or regular.last_at is None:
        return None
    households: Counter[str] = Counter()
    for group in groups:
        if group.channel is not Channel.SOCIAL:
            households[group.priority.value] += group.messages
    starts = (max(regular.first_at, now) - occasion.revision.start_at) / _MINUTE
    lasts = (regular.last_at - regular.first_at) / _MINUTE
    if starts >= HORIZON:
        return None
    return Rollout(
        households=households,
        starts=starts,
        lasts=lasts,
        tail_share=plan.tail.share if plan.tail else 0.0,
        tail_minutes=(tail_at - regular.last_at) / _MINUTE if tail_at else 0.0,
    )

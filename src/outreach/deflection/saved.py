"""What the calls that did not come would have cost."""

from __future__ import annotations

from dataclasses import dataclass

from outreach.model.deflection import Deflection, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Calls avoided of identified callers, times the price of a call; negative where calls were added."""

    cost: float
    interval: Interval


def saved(found: Deflection, *, call_cost: float | None) -> Saved | None:
    """In the currency of call_cost; None where the estimate may not be printed, or a call has no price."""
    limits = found.calls_avoided_interval
    if call_cost is None or not found.publishable or found.calls_avoided is None or limits is None:
        return None
    return Saved(
        cost=found.calls_avoided * call_cost,
        interval=Interval(low=limits.low * call_cost, high=limits.high * call_cost),
    )

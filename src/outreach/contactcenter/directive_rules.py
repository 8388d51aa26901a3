"""Thresholds and leases of the directives, and the state machine that keeps them from flapping."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.model.contactcenter import DirectiveKind, DirectiveState

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When directives switch and how long they hold; the defaults of the specification."""

    wait_on_s: int = 120
    wait_off_s: int = 80
    callback_on_s: int = 300
    callback_off_s: int = 180
    overflow_on: float = 1.25
    """Agents needed (p80) over agents staffed."""
    overflow_off: float = 1.05
    overflow_for: int = 15
    """Minutes in a row above it."""
    callback_after_s: int = 75
    """When a waiting caller is offered to be called back: between 60 and 90 s."""
    callback_within_min: float = 60.0
    """Callbacks that wait x handling time / agents never exceeds it."""
    calm_calls: int = 2
    calm_over: timedelta = timedelta(hours=2)
    calm_missed: int = 2
    """Estimates of one outage that passed without its restoration."""
    urgent_after: timedelta = timedelta(hours=4)
    """An outage so old is urgent to whoever calls."""
    calm_level: int = 4
    calm_prefer_s: int = 30
    pause_above: float = 1.25
    """Kappa's lower limit above which sending is paused, not slowed."""
    slow_factor: float = 0.5
    least_calls: int = 20
    """Fewer measured waits than this say nothing."""
    waits_over: timedelta = timedelta(minutes=15)
    confirm_on: int = 2
    confirm_off: int = 4
    least_on: timedelta = timedelta(minutes=15)
    least_off: timedelta = timedelta(minutes=10)
    fresh_for: timedelta = timedelta(minutes=3)
    """Older evidence neither renews nor switches on."""
    lease: timedelta = timedelta(minutes=10)
    front_lease: timedelta = timedelta(minutes=30)
    """Of a front message whose outage somebody promised to look at again."""
    past_etr: timedelta = timedelta(minutes=15)
    after_restored: timedelta = timedelta(minutes=10)
    front_least: int = 50
    front_share: float = 0.002
    """Of the customers of the zone."""
    front_seconds: float = 20.0
    household_pause_min: int = 120
    wait_text: str = "wait_announcement@1"


class Wish(StrEnum):
    """What one minute's evidence asks for."""

    ON = "on"
    OFF = "off"
    NEITHER = "neither"
    """Between the thresholds: stay as you are."""
    UNKNOWN = "unknown"
    """Too little evidence: stay, but do not renew."""


def wish_of(value: float | None, *, on: float, off: float) -> Wish:
    """What a figure asks for by its two thresholds; None is no evidence."""
    if value is None:
        return Wish.UNKNOWN
    if value >= on:
        return Wish.ON
    return Wish.OFF if value <= off else Wish.NEITHER


def first(kind: DirectiveKind, scope_key: str, *, long_ago: datetime) -> DirectiveState:
    """A directive never decided before: off for as long as anybody remembers."""
    return DirectiveState(
        kind=kind,
        scope_key=scope_key,
        generation=0,
        on=False,
        state_since=long_ago,
        evidence_at=long_ago,
    )


def next_state(
    state: DirectiveState, wish: Wish, *, evidence_at: datetime, now: datetime, rules: Rules
) -> DirectiveState:
    """The state after one minute of evidence, by thresholds, confirmations and least times.

    Stale or missing evidence changes nothing but this: a lease that has run out is off.
    """
    state = lapsed(state, now)
    if wish is Wish.UNKNOWN or not is_fresh(evidence_at, now, rules):
        return state
    if _minute(evidence_at) <= _minute(state.evidence_at):
        return state  # this minute has been heard already
    against = wish is (Wish.OFF if state.on else Wish.ON)
    in_a_row = evidence_at - state.evidence_at <= rules.fresh_for
    confirmations = (state.confirmations if in_a_row else 0) + 1 if against else 0
    state = replace(state, confirmations=confirmations, evidence_at=evidence_at)
    return switched(state, now) if _may_switch(state, now, rules) else state


def is_fresh(evidence_at: datetime, now: datetime, rules: Rules) -> bool:
    """Whether evidence may renew and switch; what is dated ahead of the clock may not either."""
    return -MINUTE <= now - evidence_at <= rules.fresh_for


def lapsed(state: DirectiveState, now: datetime) -> DirectiveState:
    """Off from the moment its lease ran out, if it has."""
    if state.on and state.expires_at is not None and state.expires_at <= now:
        return switched(state, state.expires_at)
    return state


def switched(state: DirectiveState, at: datetime) -> DirectiveState:
    """The other state, from `at` on."""
    return replace(
        state, on=not state.on, state_since=at, confirmations=0, expires_at=None, directive=None
    )


def confirmations_needed(state: DirectiveState, rules: Rules) -> int:
    """Minutes in a row that the other state takes."""
    if state.on:
        return rules.confirm_off
    is_overflow = state.kind is DirectiveKind.OVERFLOW_QUEUE
    return rules.overflow_for if is_overflow else rules.confirm_on


def _may_switch(state: DirectiveState, now: datetime, rules: Rules) -> bool:
    least = rules.least_on if state.on else rules.least_off
    needed = confirmations_needed(state, rules)
    return state.confirmations >= needed and now - state.state_since >= least


def _minute(instant: datetime) -> int:
    return int(instant.timestamp() // 60)

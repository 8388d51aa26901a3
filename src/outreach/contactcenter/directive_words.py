"""Says in one English sentence why a directive stands, from the figures of its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {
    "class_a_caller": "who depends on electricity to live never waits",
    "affected_customers": "{value} customers are out; told up front from {on}",
    "danger": "people are in danger; {value} customers are touched",
    "p80_wait_s": "4 of 5 callers wait up to {value} s ({source}); on from {on} s, off at {off} s",
    "agents_ratio": "the next quarter-hour may need {value} times the agents staffed; on above {on} for 15 min, off below {off}",
    "repeated_callers": "{value} households have called again within 2 h; on from {on}",
    "urgent_load": "the queue is full and an outage is {value} h old; on from {on} h",
    "missed_estimates": "{value} estimates of this outage have passed; on from {on}, off when it is over",
    "kappa_lo": "told households call at least {value} times as often as untold ones; on above {on} while calls exceed capacity",
}
"""By metric. Placeholders: value, on, off, source."""
SOURCES = {
    "calls": "measured on calls",
    "live": "read live",
    "erlang": "computed from live agents",
}


def words(reason: Mapping[str, Any]) -> str:
    """The sentence of a reason; figures that nobody has are a question mark."""
    return filled(WORDS[reason["metric"]], reason, source=SOURCES)


def filled(form: str, reason: Mapping[str, Any], *, source: Mapping[str, str]) -> str:
    """A form of `WORDS`, in any language, with the reason's figures in."""
    shown = {name: _figure(reason.get(name)) for name in ("value", "on", "off")}
    return form.format(source=source.get(reason.get("source", ""), "?"), **shown)


def _figure(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")

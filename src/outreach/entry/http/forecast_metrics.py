"""The newest forecasts for Prometheus: calls, agents and waits of the quarter-hours ahead, by queue."""

from __future__ import annotations

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.entry.http.context import WebContext
from outreach.model.forecast import Forecast, Quarter
from outreach.store import expected
from outreach.store.session import Session

_QUANTILES = ("p05", "p50", "p80", "p95")
_AHEAD = ("quarter",)


def read(session: Session, context: WebContext) -> list[Metric]:
    """Quarter 1 is the next. A forecast that nobody renews ages: alarm on `outreach_forecast_age_seconds`."""
    queues = context.settings.contactcenter.forecast.queues
    stored = (expected.newest(session, each.name) for each in queues)
    found = [each for each in stored if each is not None]
    age = _family("forecast_age_seconds", "Since the forecast was made", ())
    for each in found:
        age.add_metric([each.queue], (context.now() - each.made_at).total_seconds())
    calls = _family("forecast_calls", "Expected in a quarter-hour", ("quarter", "quantile"))
    agents = _family("forecast_agents_needed", "To staff p80 within the limits", _AHEAD)
    staffed = _family("forecast_agents_staffed", "On queue, or planned", _AHEAD)
    wait = _family("forecast_wait_p80_seconds", "Expected with those staffed", _AHEAD)
    for place, quarter, queue in _each(found):
        for name in _QUANTILES:
            calls.add_metric([queue, place, name], getattr(quarter, name))
        _known(agents, [queue, place], quarter.agents)
        _known(staffed, [queue, place], quarter.staffed)
        _known(wait, [queue, place], quarter.wait_p80_s)
    return [age, calls, agents, staffed, wait]


def _each(found: list[Forecast]) -> list[tuple[str, Quarter, str]]:
    return [
        (str(place), quarter, each.queue)
        for each in found
        for place, quarter in enumerate(each.quarters, start=1)
    ]


def _family(name: str, what: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"outreach_{name}", what, labels=["queue", *labels])


def _known(family: GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, float(value))

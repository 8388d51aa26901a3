"""How lanes fare, for Prometheus: weight, health of the last 5 minutes, spending, and what is at its cap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.entry.http.context import WebContext
from outreach.entry.lane_caps import caps
from outreach.store import attempts, lane_health, lanes, spent
from outreach.store.session import Session


def read(session: Session, context: WebContext) -> list[Metric]:
    """The families; small tables only."""
    now, settings = context.now(), context.settings
    rows = lanes.every(session)
    minutes = lane_health.recent(session, now=now)
    seen = {row.name: lane_health.totals(minutes, row.name, now=now) for row in rows}
    limits = {lane.name: caps(lane, settings) for lane in settings.lanes}
    days = {name: spent.today(session, name, each, now=now) for name, each in limits.items()}
    full = {name: len(spent.full_prefixes(session, each, now=now)) for name, each in limits.items()}
    capped = {name: bool(spent.met(each, days[name])) for name, each in limits.items()}
    families = _families(
        {
            "weight_percent": ("Of its rate, now", {row.name: row.weight for row in rows}),
            "cooled": ("1 while it waits", {row.name: bool(row.cooled_until) for row in rows}),
            "calls_5m": ("Messages", {name: each.calls for name, each in seen.items()}),
            "errors_5m": ("The provider's", {name: each.errors for name, each in seen.items()}),
            "throttles_5m": ("Of 429", {name: each.throttles for name, each in seen.items()}),
            "took_ms_5m": ("Sum", {name: each.took_ms for name, each in seen.items()}),
            "today_messages": ("Sent", {name: each.messages for name, each in days.items()}),
            "today_cost": ("Spent", {name: each.cost for name, each in days.items()}),
            "capped": ("1 while a cap of the day is met", capped),
            "prefixes_at_cap": ("Number prefixes that wait for the next hour", full),
        }
    )
    return [*families, _copies(session)]


def _families(found: Mapping[str, tuple[str, Mapping[str, float]]]) -> Iterator[Metric]:
    for name, (what, values) in found.items():
        family = GaugeMetricFamily(f"outreach_lane_{name}", what, labels=["lane"])
        for lane, value in sorted(values.items()):
            family.add_metric([lane], float(value))
        yield family


def _copies(session: Session) -> Metric:
    family = GaugeMetricFamily("outreach_duplicates", "Messages that the provider held twice")
    family.add_metric([], attempts.copies(session))
    return family

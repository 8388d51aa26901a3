"""Figures of the webhooks: what waits, what is dead, and which endpoints are paused, for Prometheus."""

from __future__ import annotations

from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.entry.http.context import WebContext
from outreach.store import endpoints
from outreach.store.endpoints import Health
from outreach.store.session import Session


def read(session: Session, context: WebContext) -> list[Metric]:
    """Counts only; the label is the name of the endpoint in the settings, and every one is there."""
    names = [one.name for one in context.settings.endpoints]
    if not names:
        return []
    health, held, now = endpoints.health(session), endpoints.paused(session), context.now()
    found = {name: health.get(name, Health()) for name in names}
    return [
        _family("waiting", "Webhooks not delivered yet", {n: h.waiting for n, h in found.items()}),
        _family("dead", "Webhooks given up", {n: h.dead for n, h in found.items()}),
        _family(
            "oldest_seconds",
            "Since the oldest that waits was written",
            {n: _age(h, now) for n, h in found.items()},
        ),
        _family("paused", "1 while it is not posted to", {n: n in held for n in names}),
    ]


def _age(health: Health, now: datetime) -> float:
    return (now - health.oldest_at).total_seconds() if health.oldest_at else 0.0


def _family(name: str, what: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"outreach_webhooks_{name}", what, labels=["endpoint"])
    for endpoint, value in sorted(values.items()):
        family.add_metric([endpoint], float(value))
    return family

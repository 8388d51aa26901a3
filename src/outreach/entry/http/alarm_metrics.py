"""Alarms and open events, for Prometheus."""

from __future__ import annotations

from collections import Counter

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.entry.http.context import WebContext
from outreach.model.alarm import AlarmKind
from outreach.store import alarms, events
from outreach.store.session import Session


def read(session: Session, context: WebContext) -> list[Metric]:
    """Counts only; the label is the kind of the alarm, and every kind is there."""
    found = alarms.open_ones(session)
    by_kind = Counter(one.kind for one in found)
    open_ones = GaugeMetricFamily("outreach_alarms_open", "Alarms nobody cleared", labels=["kind"])
    for kind in AlarmKind:
        open_ones.add_metric([kind.value], by_kind[kind])
    overdue = GaugeMetricFamily("outreach_alarms_overdue", "Open alarms whose instant has passed")
    overdue.add_metric([], sum(one.due_at < context.now() for one in found))
    storms = GaugeMetricFamily("outreach_events_open", "Open events")
    storms.add_metric([], len(events.open_ones(session)))
    return [open_ones, overdue, storms]

"""Figures for Prometheus, read from the ledger when asked: no counter can drift from the truth."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from outreach.entry.http import (
    alarm_metrics,
    deflection_metrics,
    forecast_metrics,
    lane_metrics,
    record_metrics,
    reply_metrics,
    webhook_metrics,
    work_metrics,
)
from outreach.entry.http.context import WebContext
from outreach.entry.http.live import Board
from outreach.model.errors import OutreachError
from outreach.store import figures, lanes, provenance

_KEPT_FOR_S = 10.0
"""A scrape within this time gets the figures of the last one: a pass over the ledger is not free."""
_KEPT_FOR_TIMES = 20
"""And within so many times what reading them took: 10 million messages are a pass of 3 s."""


class LedgerFigures(Collector):
    """The collector; asked again within ten seconds or more it repeats itself."""

    def __init__(self, context: WebContext, board: Board) -> None:
        self._context = context
        self._board = board
        self._kept_until = float("-inf")
        self._families: list[Metric] = []
        self._register = record_metrics.Register()

    def describe(self) -> list[Metric]:
        return []  # nothing is read at registration

    def collect(self) -> Iterator[Metric]:
        began = self._context.monotonic()
        if began >= self._kept_until:
            self._families = self._from_database()
            ended = self._context.monotonic()
            self._kept_until = ended + max(_KEPT_FOR_S, _KEPT_FOR_TIMES * (ended - began))
        yield from self._families
        age = GaugeMetricFamily("outreach_live_truth_age_seconds", "Since the last look at truth")
        age.add_metric([], self._board.age_s())
        yield age
        refused = CounterMetricFamily(
            "outreach_api_refused", "Requests turned away at the gate of the API", labels=["status"]
        )
        for status, count in sorted(self._context.turned_away.items()):
            refused.add_metric([str(status)], count)
        yield refused

    def _from_database(self) -> list[Metric]:
        up = GaugeMetricFamily("outreach_database_up", "1 while the database can be read")
        try:
            found = list(self._read())
        except OutreachError:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *found]

    def _read(self) -> Iterator[Metric]:
        with self._context.database.read() as session:
            by_state, waiting = figures.messages(session), figures.queued(session)
            senders = lanes.every(session)
            at_work = work_metrics.read(session, self._context)
            at_work += lane_metrics.read(session, self._context)
            at_work += alarm_metrics.read(session, self._context)
            at_work += deflection_metrics.read(session)
            at_work += forecast_metrics.read(session, self._context)
            at_work += webhook_metrics.read(session, self._context)
            at_work += reply_metrics.read(session, self._context)
            fresh = provenance.freshness(session)
            register = self._register.read(session, self._context)
        messages = GaugeMetricFamily(
            "outreach_messages_total", "Messages of the ledger", labels=["channel", "state"]
        )
        for (channel, state), count in sorted(by_state.items()):
            messages.add_metric([channel, state], count)
        yield messages
        queued = GaugeMetricFamily("outreach_queued", "Messages waiting", labels=["pool"])
        for pool, count in sorted(waiting.items()):
            queued.add_metric([pool], count)
        yield queued
        yield _lane("outreach_lane_rate", "Segments a second", {s.name: s.rate for s in senders})
        yield _lane(
            "outreach_lane_stopped",
            "1 while stopped",
            {s.name: bool(s.stopped_at) for s in senders},
        )
        yield from at_work
        yield from record_metrics.freshness(fresh, self._context.now())
        yield register


def _lane(name: str, what: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=["lane"])
    for lane, value in sorted(values.items()):
        family.add_metric([lane], float(value))
    return family


def registry(context: WebContext, board: Board) -> CollectorRegistry:
    """A registry of this app alone, so that two apps in one process do not meet."""
    own = CollectorRegistry()
    own.register(LedgerFigures(context, board))
    return own

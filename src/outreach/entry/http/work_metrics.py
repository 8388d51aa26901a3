"""Figures of the work: lanes and who holds them, what waits, what is in doubt, who is alive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.entry.http.context import WebContext
from outreach.store import backlog, due, lanes, leases, workers
from outreach.store.leases import LEADER
from outreach.store.session import Session


def read(session: Session, context: WebContext) -> list[Metric]:
    """Counts only; the labels are names of lanes, pools and processes."""
    now = context.now()
    waiting = backlog.queued(session, now=now)
    at_hand = Counter(one.kind for one in workers.alive(session, now=now))
    rows = lanes.every(session)
    held: dict[tuple[str, ...], float] = {
        (lane.name, lane.owner): 1
        for lane in rows
        if lane.owner and lane.lease_until and lane.lease_until >= now
    }
    return [
        *_clock(session, now),
        _family("lane_held", "1 for the process that drives the lane", ("lane", "owner"), held),
        _family(
            "lane_weight", "Per cent of its rate", ("lane",), {(x.name,): x.weight for x in rows}
        ),
        _family(
            "backlog", "Messages waiting", ("pool", "class"),
            {(one.pool, one.priority): one.count for one in waiting},
        ),
        _family(
            "backlog_oldest_seconds", "Since the oldest that waits could have left",
            ("pool", "class"), {(one.pool, one.priority): one.age_s(now) for one in waiting},
        ),
        _family(
            "doubts", "Messages in doubt", ("age",),
            {(age,): count for age, count in backlog.doubts(session, now=now).items()},
        ),
        _family("workers", "Processes alive", ("kind",), {(k,): n for k, n in at_hand.items()}),
        _family(
            "jobs_waiting", "Jobs that no worker has taken", ("kind",),
            {(kind,): count for kind, count in context.jobs_waiting(session).items()},
        ),
    ]  # fmt: skip


def _clock(session: Session, now: datetime) -> list[Metric]:
    """Alarm on the lag: it rises where nobody leads, and where a leader does not get its work done."""
    held, overdue = leases.held(session, LEADER), due.oldest(session, now=now)
    lag = (now - overdue).total_seconds() if overdue else 0.0
    leads = held is not None and bool(held.owner) and held.until >= now
    owner: dict[tuple[str, ...], float] = {(held.owner,): held.fence} if held and leads else {}
    return [
        _family("clock_lag_seconds", "Since the oldest instant due and not fired", (), {(): lag}),
        _family("clock_fence", "Of the process that leads the clock", ("owner",), owner),
    ]


def _family(
    name: str, what: str, labels: Iterable[str], values: Mapping[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(f"outreach_{name}", what, labels=list(labels))
    for label, value in sorted(values.items()):
        family.add_metric(list(label), float(value))
    return family

"""Figures of the record for Prometheus: how fresh it is, and what is wrong with the life-support register."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.entry.http.context import WebContext
from outreach.model.words import LoadState
from outreach.record import hygiene
from outreach.record.hygiene import Finding
from outreach.store import hygiene as stored
from outreach.store.provenance import Freshness
from outreach.store.session import Session

_KEPT_FOR_S = 300.0
"""The register changes by the day; a scrape comes every few seconds."""
_SHOWN = (
    Finding.DECEASED,
    Finding.EXPIRED,
    Finding.EXPIRING,
    Finding.NO_DATE,
    Finding.BAD_DATE,
    Finding.FUTURE_DATE,
    Finding.UNDELIVERABLE,
)
"""Those that the index of the register answers; `outreach record check` has all of them."""


def freshness(fresh: Freshness, now: datetime) -> Iterator[Metric]:
    """Ages in seconds, rows, and whether a load is under way or has broken off."""
    if fresh.loaded_at is not None:
        age = GaugeMetricFamily("outreach_record_age_seconds", "Since the last load that ended")
        age.add_metric([], (now - fresh.loaded_at).total_seconds())
        yield age
    rows = GaugeMetricFamily("outreach_record_rows", "Open ones at the last load", labels=["of"])
    rows.add_metric(["customers"], fresh.customers)
    rows.add_metric(["premises"], fresh.premises)
    yield rows
    sources = GaugeMetricFamily(
        "outreach_record_source_age_seconds", "Since it was last read", labels=["source"]
    )
    for name, read_at in fresh.sources:
        if read_at is not None:
            sources.add_metric([name], (now - read_at).total_seconds())
    yield sources
    unfinished = GaugeMetricFamily(
        "outreach_record_load_unfinished", "1 while a load is in this state", labels=["state"]
    )
    state = fresh.unfinished[0] if fresh.unfinished else None
    for each in (LoadState.STAGING, LoadState.MERGING):
        unfinished.add_metric([each], float(each is state))
    yield unfinished


class Register:
    """Accounts of the register by finding, looked up anew every five minutes."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._family = _family()

    def read(self, session: Session, context: WebContext) -> Metric:
        if context.monotonic() - self._read_at >= _KEPT_FOR_S:
            self._family = _counted(session, context)
            self._read_at = context.monotonic()
        return self._family


def _counted(session: Session, context: WebContext) -> GaugeMetricFamily:
    today = context.now().astimezone(ZoneInfo(context.settings.company.zone)).date()
    counts = hygiene.counts_by_date(stored.states(session), today=today)
    counts[Finding.UNDELIVERABLE] = stored.unreachable(session)
    family = _family()
    for finding in _SHOWN:
        family.add_metric([finding], counts[finding])
    return family


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "outreach_register", "Entries of the life-support register", labels=["finding"]
    )

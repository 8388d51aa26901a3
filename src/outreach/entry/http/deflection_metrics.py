"""The measured effect of the campaigns of open outages, for Prometheus: only what may be published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.model.deflection import Deflection, Verdict
from outreach.store import measured, runs
from outreach.store.session import Session

_LABELS = ["campaign", "run", "verdict"]


def read(session: Session) -> list[Metric]:
    """The families; what the minute kept, so that a scrape computes nothing."""
    named = {run.id: run.campaign for run in runs.every(session, limit=1_000)}
    found = [(named.get(run, ""), run, each) for run, each in measured.live(session)]
    return [_verdicts(found), *_numbers(found)]


def _verdicts(found: Iterable[tuple[str, int, Deflection]]) -> Metric:
    family = GaugeMetricFamily(
        "outreach_deflection_runs", "Measured runs of open outages", labels=["verdict"]
    )
    counted = Counter(each.verdict for _campaign, _run, each in found)
    for verdict in Verdict:
        family.add_metric([verdict.value], counted[verdict])
    return family


def _numbers(found: Iterable[tuple[str, int, Deflection]]) -> list[Metric]:
    """message deflection, 1 - theta_msg, with its limits; and the calls avoided of identified callers."""
    names = {
        "ratio": "Message deflection, 1 - theta_msg",
        "ratio_low": "Its lower 95 % limit",
        "ratio_high": "Its upper 95 % limit",
        "calls_avoided": "Calls avoided, of identified callers",
    }
    families = {
        name: GaugeMetricFamily(f"outreach_deflection_{name}", what, labels=_LABELS)
        for name, what in names.items()
    }
    for campaign, run, each in found:
        for name, value in _values(each).items():
            families[name].add_metric([campaign, str(run), each.verdict.value], value)
    return list(families.values())


def _values(each: Deflection) -> dict[str, float]:
    limits = each.theta_interval
    if not each.publishable or each.theta_msg is None or limits is None:
        return {}
    values = {
        "ratio": 1 - each.theta_msg,
        "ratio_low": 1 - limits.high,
        "ratio_high": 1 - limits.low,
    }
    if each.calls_avoided is not None:
        values["calls_avoided"] = each.calls_avoided
    return values

"""Replies by meaning and open cases, for Prometheus."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily, Metric

from outreach.entry.http.context import WebContext
from outreach.store import answer_mails, cases, replies
from outreach.store.session import Session

_LOOKED_BACK = timedelta(hours=24)


def read(session: Session, context: WebContext) -> list[Metric]:
    """Counts only; nothing of who wrote or what."""
    told = GaugeMetricFamily(
        "outreach_replies_day", "Replies of the last 24 hours", labels=["channel", "meaning"]
    )
    for (channel, meaning), count in sorted(
        replies.counts(session, since=context.now() - _LOOKED_BACK).items()
    ):
        told.add_metric([channel, meaning], count)
    waiting = GaugeMetricFamily(
        "outreach_cases_open", "Replies for a person to read", labels=["kind"]
    )
    for kind, count in sorted(cases.count_open(session).items()):
        waiting.add_metric([kind], count)
    mails = GaugeMetricFamily("outreach_answer_mails_open", "Answers to e-mails not sent yet")
    mails.add_metric([], answer_mails.count_open(session))
    return [told, waiting, mails]

"""Takes one whole document of a feed in, whatever its kind."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from outreach.campaigns import alerts, feed_readers
from outreach.campaigns.alerts import Became
from outreach.campaigns.engine import Engine
from outreach.campaigns.intake import take_in
from outreach.model.intake import NotApplied, Outcome, Taken
from outreach.outages import intake_cap
from outreach.outages.cap_policy import CAREFUL, CapPolicy, read_cap_policy
from outreach.settings import Feed
from outreach.store import feeds

_BECAME = {
    Became.TAKEN: Outcome.APPLIED,
    Became.ASKED: Outcome.ASKED,
    Became.REFUSED: Outcome.REFUSED,
    Became.REPEATED: Outcome.DUPLICATE_EVENT,
}


def take_document(
    engine: Engine, feed: Feed, raw: bytes, *, name: str, now: datetime, as_received: bool = False
) -> Taken:
    """Reads and applies a document. InputRefused: it is none of its kind, and nothing of it was taken.

    GuardRefused: somebody else reads this feed at this moment.
    """
    mapping = engine.settings.workspace / feed.mapping if feed.mapping else None
    if feed.kind == "cap":
        return _alerts(engine, feed, raw, policy=_policy(mapping), name=name, now=now)
    words = feed_readers.mapping_of(feed.kind, mapping)
    said = feed_readers.messages(feed.kind, raw, words, name=name)
    return take_in(engine, feed.name, said, now=now, as_received=as_received)


def _policy(mapping: Path | None) -> CapPolicy:
    """The careful one without a file: every alert waits for a person."""
    return CAREFUL if mapping is None else read_cap_policy(mapping)


def _alerts(
    engine: Engine, feed: Feed, raw: bytes, *, policy: CapPolicy, name: str, now: datetime
) -> Taken:
    taken = Taken()
    for one in intake_cap.read(raw, name=name, trusted=policy.certificates):
        done = alerts.take_alert(engine, one, feed=feed.name, policy=policy, now=now)
        outcome = _BECAME[done.became]
        taken.counts[outcome] += 1
        if done.applied is not None:
            taken.told.update(done.applied.events)
        if outcome is not Outcome.APPLIED:
            taken.not_applied.append(
                NotApplied(place=one.place, outcome=outcome, detail=done.reason)
            )
    with engine.database.write() as session:
        feeds.heard(session, feed.name, now=now)
    return taken

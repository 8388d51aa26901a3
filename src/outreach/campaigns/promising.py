"""Keeps the ledger of promises: every estimate that is told, and whether it was kept."""

from __future__ import annotations

from datetime import datetime

from outreach.model.occasion import Occasion
from outreach.model.words import Event, OccasionState
from outreach.outages.etr import settle_promise
from outreach.store import promises
from outreach.store.session import Session

_TELLS = {Event.OPENED, Event.ETR_SET, Event.ETR_LATER, Event.ETR_EARLIER, Event.PARTIAL}
_WITHDRAWS = {Event.ETR_WITHDRAWN, Event.ETR_EXPIRING}


def follow(
    session: Session, occasion: Occasion, happened: tuple[Event, ...], *, now: datetime
) -> None:
    """Settles what this revision keeps or breaks, then makes the promise that it tells."""
    revision = occasion.revision
    tells = revision.public_etr if _TELLS.intersection(happened) else None
    restored_at = revision.restored_at if revision.state is OccasionState.RESTORED else None
    for promise in promises.of(session, occasion.id):
        if promise.settled_at is not None or promise.version == revision.version:
            continue
        settled = settle_promise(
            promise.etr_at,
            restored_at=restored_at,
            replaced_by=tells,
            withdrawn=bool(_WITHDRAWS.intersection(happened)),
        )
        if settled is not None:
            promises.settle(
                session, promise, kept=settled.kept, missed_by=settled.missed_by, now=now
            )
    still_open = {
        promise.etr_at
        for promise in promises.of(session, occasion.id)
        if promise.settled_at is None
    }
    if tells is not None and tells not in still_open:
        promises.make(session, occasion.id, revision.version, tells, now=now)

"""Measures one run from the ledger and the calls: the acting door of the estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from outreach.deflection.calls import plain_number
from outreach.deflection.estimate import estimate
from outreach.deflection.refusals import Design
from outreach.model.deflection import Deflection, Slot
from outreach.store import calls as call_log, figures, waves
from outreach.store.session import Session


def measure(
    session: Session,
    run_id: int,
    *,
    now: datetime,
    outage_numbers: Sequence[str] = (),
    grace: Mapping[str, float] | None = None,
) -> Deflection:
    """What the messages of a run did to the calls of those they were for.

    outage_numbers: numbers whose arrivals count; none: every number, with a warning. grace:
    minutes by channel, None to measure it from the receipts.
    """
    launch = waves.launch(session, run_id)
    slots = waves.slots(session, run_id, now=now)
    numbers = [plain_number(each) for each in outage_numbers]
    end = max((slot.until for slot in slots), default=now)
    arrived = call_log.arrivals(session, numbers=numbers, since=launch.outage_start, until=end)
    measured = estimate(
        slots,
        waves.identified_calls(
            session, run_id, numbers=numbers, since=launch.outage_start, until=end
        ),
        start=launch.outage_start,
        design=_design(launch, slots, reloaded=_was_reloaded(session, launch)),
        grace=grace,
        identified_share=arrived.identified_share,
    )
    reasons = measured.reasons if numbers else (*measured.reasons, _ANY_NUMBER)
    return replace(measured, reasons=reasons, measured_at=now)


_ANY_NUMBER = "no outage number is configured: calls to every number count"


def _was_reloaded(session: Session, launch: waves.Launch) -> bool:
    """A load of the record replaces every contact, and with them the frozen snapshot."""
    last = figures.record_loaded_at(session)
    return last is not None and launch.frozen_at is not None and last > launch.frozen_at


def _design(launch: waves.Launch, slots: Sequence[Slot], *, reloaded: bool) -> Design:
    """Content is pinned at launch, so it cannot change inside a wave."""
    sent = [slot.slot_at for slot in slots if slot.slot_at is not None]
    return Design(
        seed=launch.seed,
        seed_hash=launch.seed_hash,
        seed_stored_at=launch.launched_at,
        first_sent_at=min(sent, default=None),
        matched_later=reloaded,
    )

"""Measures one run from the ledger and the calls: the acting door of the estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.deflection.calls import plain_number
from outreach.deflection.episodes import LEAST_GRACE, grace_of
from outreach.deflection.evidence import Evidence, Measured, worked_out
from outreach.deflection.refusals import Design
from outreach.model.deflection import Batch, Deflection
from outreach.store import calls as call_log, waves
from outreach.store.callers import Calls, Snapshot, identified
from outreach.store.session import Session

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a campaign and its installation want a run measured."""

    outage_numbers: Sequence[str] = ()
    """Numbers whose arrivals count; none: every number, with a warning."""
    grace: Mapping[str, float] | None = None
    """Minutes by channel; None measures it from the receipts."""
    least_grace: float = LEAST_GRACE
    tail_share: float = 0.0
    """Share that the late tail kept back."""


def measure(
    session: Session,
    run_id: int,
    *,
    now: datetime,
    outage_numbers: Sequence[str] = (),
    grace: Mapping[str, float] | None = None,
) -> Deflection:
    """What the messages of a run did to the calls of those they were for."""
    rules = Rules(outage_numbers=outage_numbers, grace=grace)
    return measured(session, run_id, rules=rules, now=now).deflection


def measured(session: Session, run_id: int, *, rules: Rules, now: datetime) -> Measured:
    """The same, still divisible; up to the last whole minute of the outage before `now`."""
    return worked_out(evidence(session, run_id, rules=rules, now=now))


def evidence(session: Session, run_id: int, *, rules: Rules, now: datetime) -> Evidence:
    """Reads what a run is measured from; a pass over its messages and one over its calls."""
    launch = waves.launch(session, run_id)
    at = _whole_minute(launch.outage_start, now)
    batches = waves.batches(session, run_id, now=at, tail=rules.tail_share)
    numbers = [plain_number(each) for each in rules.outage_numbers]
    end = max((batch.until for batch in batches), default=at)
    since = launch.outage_start
    arrived = call_log.arrivals(session, numbers=numbers, since=since, until=end)
    needed = grace_of(waves.latencies(session, run_id), least=max(rules.least_grace, LEAST_GRACE))
    names = waves.names(session, run_id)
    calls = identified(
        session,
        Snapshot(waves=list(names.values()), frozen_at=launch.frozen_at),
        Calls(numbers=numbers, since=since, until=end),
    )
    callers = {call.household_id for call in calls}
    return Evidence(
        start=launch.outage_start,
        at=at,
        batches=batches,
        callers=waves.slots(session, run_id, now=at, tail=rules.tail_share, households=callers),
        calls=calls,
        grace=_of_every_channel(needed if rules.grace is None else rules.grace, batches, rules),
        needed_grace=needed,
        design=_design(launch, batches),
        identified_share=arrived.identified_share,
        waves=names,
        reasons=() if numbers else (_ANY_NUMBER,),
    )


_ANY_NUMBER = "no outage number is configured: calls to every number count"


def _whole_minute(start: datetime, now: datetime) -> datetime:
    """Weights are final when their minute is over."""
    return start + max(0, (now - start) // _MINUTE) * _MINUTE


def _of_every_channel(
    grace: Mapping[str, float], batches: Sequence[Batch], rules: Rules
) -> dict[str, float]:
    least = max(rules.least_grace, LEAST_GRACE)
    return {batch.channel: grace.get(batch.channel, least) for batch in batches}


def _design(launch: waves.Launch, batches: Sequence[Batch]) -> Design:
    """Content is pinned at launch, so it cannot change inside a wave; callers are those of the freeze."""
    sent = [batch.slot_at for batch in batches if batch.slot_at is not None]
    return Design(
        seed=launch.seed,
        seed_hash=launch.seed_hash,
        seed_stored_at=launch.launched_at,
        first_sent_at=min(sent, default=None),
    )

"""Keeps the measured effect of live runs up to the minute, and pools what several campaigns show together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from outreach.campaigns import pins
from outreach.deflection.calls import plain_number
from outreach.deflection.estimate import from_sums, pooled
from outreach.deflection.evidence import Measured
from outreach.deflection.holdout import Contrast, contrast
from outreach.deflection.measure import Rules, measured
from outreach.model.campaign import Campaign
from outreach.model.deflection import Deflection, EpisodeCounts, Verdict
from outreach.settings import Settings
from outreach.store import holdout as held_out, measured as kept, runs, waves
from outreach.store.callers import Calls
from outreach.store.measured import Candidate
from outreach.store.runs import Run
from outreach.store.session import Database, Session

AFTER = timedelta(hours=6)
"""After an outage: late receipts and call logs still count by themselves; `deflection show` counts any."""
_A_MINUTE = 200_000
"""Messages that are counted anew each minute, about a second of a core; larger runs every few minutes."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_EARLY = timedelta(seconds=10)
"""A clock that ticks each minute may be a little early."""
LONGEST = timedelta(days=31)
"""An outage older than this is measured no more: by then nobody waits for a message of it."""


def minute(database: Database, settings: Settings, *, now: datetime) -> int:
    """Measures the runs that are due, and keeps what changed since the last minute; how many there were.

    What is kept follows from the ledger and the call log alone, so that replayed, doubled and late
    receipts and calls lead to the same rows. No transaction is open while it is worked out.
    """
    with database.read() as session:
        chosen = due(kept.candidates(session, since=now - AFTER, begun=now - LONGEST), now=now)
    for run in chosen:
        with database.read() as session:
            found = of_run(session, settings, runs.get(session, run), now=now)
        with database.write() as session:
            keep(session, run, found, now=now)
    return len(chosen)


def due(candidates: Iterable[Candidate], *, now: datetime) -> list[int]:
    """Which runs to measure now: those measured longest ago, as many as a minute carries, one at least."""
    chosen: list[int] = []
    messages = 0
    for each in sorted(candidates, key=lambda one: one.measured_at or _NEVER):
        if not _is_time(each, now):
            continue
        messages += each.messages
        if chosen and messages > _A_MINUTE:
            break
        chosen.append(each.run)
    return chosen


def _is_time(each: Candidate, now: datetime) -> bool:
    if each.measured_at is None:
        return True
    every = timedelta(minutes=max(1, each.messages // _A_MINUTE)) - _EARLY
    # A clock that was set back must not make us wait for the old time to come again.
    return not each.measured_at <= now < each.measured_at + every


def keep(session: Session, run: int, found: Measured, *, now: datetime) -> None:
    """Writes what differs from what is kept; nothing, where something newer is."""
    if kept.save(session, run, found.deflection, now=now):
        numbers = list(found.evidence.waves.values())
        kept.keep_buckets(session, numbers, found.buckets())
        kept.keep_calls(session, numbers, found.calls)


def of_run(session: Session, settings: Settings, run: Run, *, now: datetime) -> Measured:
    """One run as ledger and calls show it now."""
    campaign = pins.campaign(session, run.pinned)
    return measured(session, run.id, rules=rules(campaign, settings), now=now)


def rules(campaign: Campaign, settings: Settings) -> Rules:
    return Rules(
        outage_numbers=settings.contactcenter.outage_numbers,
        least_grace=campaign.measurement.grace_minutes,
        tail_share=campaign.measurement.tail_share,
    )


def holdout(session: Session, settings: Settings, run: Run, *, now: datetime) -> Contrast | None:
    """Told against held out, where a run had a holdout."""
    if not pins.campaign(session, run.pinned).measurement.holdout_share:
        return None
    launch = waves.launch(session, run.id)
    numbers = [plain_number(each) for each in settings.contactcenter.outage_numbers]
    calls = Calls(numbers=numbers, since=launch.outage_start, until=now)
    groups = held_out.compared(session, run.id, calls, now=now)
    if not groups:
        return None
    return contrast(
        groups["told"], groups["held_out"],
        delivered=groups["delivered"], undelivered=groups["undelivered"],
    )  # fmt: skip


# ── several campaigns together ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """What several runs show together, and how many of them could not be counted."""

    deflection: Deflection
    runs: int
    refused: int


def together(found: Sequence[Deflection]) -> Pooled:
    """The sums of these runs added, never their ratios; a run whose order may not be trusted stays out.

    A run that alone has nothing to compare still brings its sums: that is what pooling is for.
    """
    sound = [each for each in found if each.sums is not None and not _is_broken(each)]
    sums = pooled(each.sums for each in sound if each.sums is not None)
    pool = from_sums(sums, identified_share=_share(sound))
    return Pooled(
        deflection=replace(
            pool,
            counts=_counts(sound),
            measured_at=max((each.measured_at for each in sound if each.measured_at), default=None),
        ),
        runs=len(sound),
        refused=len(found) - len(sound),
    )


def _is_broken(each: Deflection) -> bool:
    return each.verdict is Verdict.REFUSED and bool(each.design_reasons)


def _share(found: Iterable[Deflection]) -> float | None:
    """Identified calls of all over all their calls, by the episodes of each."""
    seen = [
        (each.sums.episodes, each.identified_share)
        for each in found
        if each.sums is not None and each.identified_share
    ]
    everybody = sum(episodes / share for episodes, share in seen)
    return sum(episodes for episodes, _share in seen) / everybody if everybody else None


def _counts(found: Iterable[Deflection]) -> EpisodeCounts:
    every = [each.counts for each in found if each.counts is not None]
    return EpisodeCounts(
        **{name: sum(getattr(each, name) for each in every) for name in EpisodeCounts.__slots__}
    )

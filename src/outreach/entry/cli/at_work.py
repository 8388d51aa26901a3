"""What is at work, for `outreach doctor`: lanes and who holds them, what waits and what is in doubt, in counts."""

from __future__ import annotations

from collections.abc import Iterator

from outreach.audience import zone_rules
from outreach.entry.cli.command import Context
from outreach.entry.languages import _
from outreach.store import backlog, due, job_queue, lanes, leases, workers
from outreach.store.lanes import Lane
from outreach.store.leases import LEADER


def lines(context: Context) -> Iterator[str]:
    """One line a fact; nothing of an installation that has never been at work."""
    now = context.now
    with context.database.read() as session:
        rows = lanes.every(session)
        waiting = backlog.queued(session, now=now)
        doubts = backlog.doubts(session, now=now)
        alive = workers.alive(session, now=now)
        lease = leases.held(session, LEADER)
        overdue = due.oldest(session, now=now)
        jobs = job_queue.of(context.database).waiting(session)
    if not rows and not alive:
        return
    leader = lease.owner if lease and lease.until >= now else ""
    rules = zone_rules.use_newest()
    yield _("at work: {alive} processes; {leader} leads the clock; {jobs} jobs wait").format(
        alive=len(alive), leader=leader or _("nobody"), jobs=sum(jobs.values())
    )
    lag = (now - overdue).total_seconds() if overdue else 0
    yield _("clock: {seconds} s behind; fence {fence}; zone rules {release} ({where})").format(
        seconds=round(lag), fence=lease.fence if lease else 0, release=rules.name, where=rules.where
    )
    for lane in rows:
        yield _("lane {lane}: {holder} drives it; weight {weight} %").format(
            lane=lane.name, holder=_holder(lane, context), weight=lane.weight
        )
    for one in waiting:
        yield _("{pool} class {letter}: {count} wait, the oldest for {seconds} s").format(
            pool=one.pool, letter=one.priority, count=one.count, seconds=round(one.age_s(now))
        )
    if any(doubts.values()):
        yield _("in doubt: {new} under 1 min, {some} under 10 min, {old} older").format(
            new=doubts["under_1m"], some=doubts["under_10m"], old=doubts[backlog.OLDER]
        )


def _holder(lane: Lane, context: Context) -> str:
    is_held = lane.lease_until is not None and lane.lease_until >= context.now
    return (lane.owner if is_held else None) or _("nobody")

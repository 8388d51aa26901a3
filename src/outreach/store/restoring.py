"""What a database that was put back may still do: nothing that could have been done since the copy was made.

The copy knows nothing of what left after it. So whatever it would send, fire or hand on is stopped
here, in the transaction before anybody can use it (reliability.md, G24).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)

from outreach.model.words import MessageState, PriorityClass, RunState, StepRunState
from outreach.store import answer_mails, audit, carried, tables as t
from outreach.store.carried import Since
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

RESTORED = "restored"
"""Code of an attempt that the copy cannot vouch for: without proof it is never sent again."""
REASON = "restored from a backup: may have left since"
_PAUSED = "paused by a restore: look at the doubts, then resume"
_EXPIRED = "expired"
_LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_AHEAD = 1_000_000
"""How far counters move: beyond whatever was given away since the copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stilled:
    """What was stopped, in rows. `in_doubt` will be looked up, `unknown` cannot be; `held` waits for a later hour."""

    in_doubt: int
    unknown: int
    held: int
    class_a: int
    """Of those in doubt or unknown."""
    unfinished: int
    """Waves that were being laid out: who was not in them yet is not told by them."""
    due: int
    runs: int
    disarmed: int
    carried: int
    erased: int
    """People who were erased since the copy, and now out of it too."""

    def facts(self) -> dict[str, int]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


def still(
    session: Session,
    *,
    backup_at: datetime,
    by: str,
    lanes: Mapping[str, Collection[str]],
    since: Since,
    now: datetime,
) -> Stilled:
    """Stops all of it. `lanes`: pool -> lanes of today's settings, beside which those of the copy count.

    A message that was queued may have left by any lane of its pool; where there is only one, its
    provider can be asked.
    """
    class_a = _open_of_class_a(session, now=now)
    unknown = _doubted(session, _only_lanes(session, lanes), backup_at=backup_at, now=now)
    added = carried.add(session, since, now=now)
    done = Stilled(
        in_doubt=_count(session, t.message.c.state == MessageState.IN_DOUBT),
        unknown=unknown,
        held=_count(session, t.message.c.state == MessageState.QUEUED),
        class_a=class_a,
        unfinished=_end_freezing(session, now=now),
        due=_expire_due(session, now=now),
        runs=_pause(session),
        disarmed=len(session.execute(delete(t.armed).returning(t.armed.c.campaign)).all()),
        carried=added.opt_outs,
        erased=added.erased,
    )
    _void_approvals(session, now=now)
    _clear_work(session, now=now)
    _outdate(session, now=now)
    session.execute(
        insert(t.restore).values(
            backup_at=backup_at,
            restored_at=now,
            restored_by=by,
            in_doubt=done.in_doubt + done.unknown,
        )
    )
    audit.write(
        session, by, "db.restore", "database", now=now, at=backup_at.isoformat(), **done.facts()
    )
    return done


def last_numbers(session: Session) -> tuple[int, int]:
    """The last message and the last customer."""
    asked = select(func.coalesce(func.max(t.message.c.id), 0))
    customer = select(func.coalesce(func.max(t.customer.c.id), 0))
    return session.execute(asked).scalar_one(), session.execute(customer).scalar_one()


def newest(session: Session) -> datetime | None:
    """When this database was last put back; None: never."""
    return session.execute(select(func.max(t.restore.c.restored_at))).scalar()


def _count(session: Session, *conditions: Any) -> int:
    found = select(func.count()).select_from(t.message).where(*conditions)
    return int(session.execute(found).scalar_one())


def _may_have_left(now: datetime) -> Any:
    """All that was open, but for what must not leave before an hour that is still to come."""
    m = t.message.c
    queued = (m.state == MessageState.QUEUED) & or_(m.not_before.is_(None), m.not_before <= now)
    return queued | m.state.in_([MessageState.SENDING, MessageState.IN_DOUBT])


def _open_of_class_a(session: Session, *, now: datetime) -> int:
    return _count(session, t.message.c.priority == PriorityClass.A, _may_have_left(now))


def _only_lanes(session: Session, lanes: Mapping[str, Collection[str]]) -> dict[str, str]:
    """pool -> its lane, of pools that have exactly one."""
    known = {pool: set(names) for pool, names in lanes.items()}
    for pool, name in session.execute(select(t.lane.c.pool, t.lane.c.name)):
        known.setdefault(pool, set()).add(name)
    return {pool: next(iter(names)) for pool, names in known.items() if len(names) == 1}


def _doubted(
    session: Session, only: Mapping[str, str], *, backup_at: datetime, now: datetime
) -> int:
    """Queued, sending and doubted messages become doubts of now; how many nobody can be asked about."""
    m, a = t.message, t.attempt
    waits = (m.c.state == MessageState.QUEUED) & _may_have_left(now)
    for pool, lane in only.items():  # as if claimed once more: the try that probably left
        session.execute(
            update(m)
            .where(waits, m.c.pool == pool)
            .values(state=MessageState.SENDING, lane=lane, claimed_at=backup_at)
            .values({"try": m.c["try"] + 1})
        )
    unknown = _leave_unknown(session, waits)
    sending = m.c.state == MessageState.SENDING
    columns = [
        m.c.id, m.c["try"], func.coalesce(m.c.lane, ""),
        func.coalesce(m.c.claimed_at, literal(backup_at, UtcDateTime)), literal(now, UtcDateTime),
        literal("in_doubt"), literal(RESTORED), literal(REASON), literal(0),
    ]  # fmt: skip
    names = ["message_id", "try", "lane", "started_at", "ended_at", "outcome", "code", "reason", "looks"]  # fmt: skip
    there = exists().where(a.c.message_id == m.c.id, a.c["try"] == m.c["try"])
    session.execute(insert(a).from_select(names, select(*columns).where(sending, ~there)))
    session.execute(
        update(m)
        .where(sending)
        .values(state=MessageState.IN_DOUBT, owner=None, lease_until=None, not_before=None)
    )
    session.execute(  # those that were doubts already: looked for from now on, and not resent
        update(a)
        .where(a.c.outcome == "in_doubt", a.c.settled_at.is_(None))
        .values(ended_at=now, looks=0, looked_at=None, code=RESTORED, reason=REASON)
    )
    queued = select(m.c.id).where(m.c.state == MessageState.QUEUED)
    session.execute(delete(t.queue).where(t.queue.c.message_id.not_in(queued)))
    return unknown


def _leave_unknown(session: Session, waits: Any) -> int:
    left = session.execute(
        update(t.message)
        .where(waits)
        .values(state=MessageState.UNKNOWN, reason=REASON, not_before=None)
        .returning(t.message.c.id)
    )
    return len(left.all())


def _end_freezing(session: Session, *, now: datetime) -> int:
    """A wave that was being laid out holds whom it held: the rest of it may have been told since."""
    w, m = t.step_run, t.message.c
    laid = select(func.count()).where(m.step_run_id == w.c.id).scalar_subquery()
    ended = session.execute(
        update(w)
        .where(w.c.state == StepRunState.FREEZING)
        .values(state=StepRunState.FROZEN, frozen=laid, frozen_at=now)
        .returning(w.c.id)
    )
    return len(ended.all())


def _expire_due(session: Session, *, now: datetime) -> int:
    """What was due since the copy has been fired since, or is too late."""
    d = t.due.c
    expired = session.execute(
        update(t.due)
        .where(d.done_at.is_(None), d.at <= now)
        .values(done_at=now, outcome=_EXPIRED, reason=REASON)
        .returning(d.id)
    )
    return len(expired.all())


def _pause(session: Session) -> int:
    paused = session.execute(
        update(t.run)
        .where(t.run.c.state == RunState.ACTIVE)
        .values(state=RunState.PAUSED, reason=_PAUSED)
        .returning(t.run.c.id)
    )
    return len(paused.all())


def _void_approvals(session: Session, *, now: datetime) -> None:
    """An approval may have been used since: a second launch needs a second word."""
    a = t.approval.c
    session.execute(
        update(t.approval)
        .where(a.used_at.is_(None), a.void_at.is_(None))
        .values(void_at=now, void_reason=REASON)
    )


def _clear_work(session: Session, *, now: datetime) -> None:
    """Leases, workers and jobs of another database; answers to e-mails; what platforms were told."""
    session.execute(
        update(t.lane).values(owner=None, lease_until=None, fence=t.lane.c.fence + _AHEAD)
    )
    session.execute(
        update(t.lease).values(owner="", until=_LONG_AGO, fence=t.lease.c.fence + _AHEAD)
    )
    answer_mails.forsake(session, now=now)
    session.execute(delete(t.worker))
    session.execute(delete(t.pushed))
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE"))
        session.execute(_SEQUENCES, {"ahead": _AHEAD})


def _outdate(session: Session, *, now: datetime) -> None:
    """Directives end and count on beyond what consumers have seen; whoever keeps a copy looks again."""
    d, c = t.directive.c, t.change.c
    session.execute(
        update(t.directive).values(
            {
                d.on: false(),
                d.generation: d.generation + _AHEAD,
                d.state_since: now,
                d.confirmations: 0,
                d.expires_at: now - timedelta(seconds=1),
            }
        )
    )
    session.execute(update(t.change).values(counter=c.counter + _AHEAD, at=now))


_SEQUENCES = text(
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 1) + :ahead)"
    " FROM pg_sequences WHERE schemaname = current_schema() AND sequencename NOT LIKE 'procrastinate%'"
)
"""Late receipts and old links name numbers that were given away after the copy: nobody else gets those."""

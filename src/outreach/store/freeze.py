"""Freezes a wave: its rows are found once, laid aside, and copied into the ledger slice by slice.

Finding takes seconds, so it writes only a temporary table (`aside`): no other writer waits. Each slice
is one short transaction that copies rows from there and moves the wave's mark by one round. The table
bears the mark in its name: after a crash, or a slice of another process, there is none of that name, and
whoever goes on finds anew what is not written yet. Nothing of a wave is claimed before its state is
`frozen`, so only the last slice waits for the disk: what a server's crash takes was written for nobody.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, Table, delete, insert, select

from outreach.model.words import StepRunState
from outreach.store import aside, freeze_queue, freeze_rows, planning, runs, tables as t
from outreach.store.freeze_queue import mark_wave
from outreach.store.freeze_rows import rows
from outreach.store.freezing import Freezing, Release
from outreach.store.runs import Wave
from outreach.store.session import KEPT, Database, Session

__all__ = [
    "Freezing",
    "Release",
    "at_slice",
    "close_unwritten",
    "freeze_slice",
    "freeze_whole",
    "is_unwritten",
    "lay_whole",
    "prepare",
    "rows",
]

SLICE_ROWS = 20_000
"""Rows that a transaction writes, on PostgreSQL half as many: well under 0.5 s, so that nobody waits longer."""
_FIRST = -2
"""The mark of a wave that opens; each slice lowers it by the number of phases, each phase by one."""
_PHASES = (
    (t.message, "contact_point_id", freeze_rows.COLUMNS),
    (t.left_out, "customer_id", tuple(t.left_out.c.keys())),
    (t.queue, "message_id", ("message_id",)),
)
"""Table, what tells its rows of one wave apart, and what is laid aside.

PostgreSQL fills the queue together with the messages: the third has nothing left to do there.
"""
_LAST = _FIRST - len(_PHASES) + 1
"""The mark of a wave that is written whole."""
Laid = tuple[int, ...]
"""Rows that lie aside of each of the first two phases."""

_ONCE = tuple(
    aside.table(f"{KEPT}{target.name}", target, columns) for target, _key, columns in _PHASES[:2]
)
"""Where a wave that is small enough lies whole: its messages, and who is left out."""
_TOLD = aside.table(f"{KEPT}told", t.message, freeze_rows.COLUMNS)


def at_slice(plan: Freezing, wave: Wave) -> Freezing:
    """The plan, for the same classes, going on where the wave's mark stands."""
    return replace(plan, wave=replace(wave, classes=plan.wave.classes))


def prepare(own: Database, plan: Freezing) -> None:
    """Lays aside what the next slice takes, unless it lies there; `own` is `Database.apart`.

    A transaction that locks nothing others want, of seconds for a million messages.
    """
    with own.read() as session:
        wave = runs.wave(session, plan.wave.id)
        if wave.state is not StepRunState.FROZEN:
            _laid(session, at_slice(plan, wave))
        session.commit()


def is_unwritten(wave: Wave) -> bool:
    """Whether nobody has begun to write it."""
    return wave.state is StepRunState.FREEZING and wave.slice_from == _FIRST


def close_unwritten(session: Session, wave: Wave) -> Wave:
    """Ends a wave that has nobody in it, unless another process has begun it; the wave as it is then."""
    stands = runs.wave(session, wave.id, locked=True)
    if not is_unwritten(stands):
        return stands
    mark_wave(session, wave.id, state=StepRunState.FROZEN, frozen_at=wave.created_at)
    return replace(stands, state=StepRunState.FROZEN)


def lay_whole(own: Database, plan: Freezing) -> Laid | None:
    """Lays a fresh wave aside whole; None if it is too large for one slice, or begun: then slice by slice.

    Nearly every wave is small, or empty: one look and one transaction in place of three of each.
    """
    if plan.wave.slice_from != _FIRST:
        return None
    counts: list[int] = []
    with own.read() as session:
        planning.plan_each(session)
        if plan.is_to_told and plan.beside.others:
            aside.empty(session, _TOLD)
            aside.lay_anew(session, _TOLD, [freeze_rows.from_ledger(plan)])
            plan = replace(plan, laid=_TOLD)
        for lain, (target, *_key) in zip(_ONCE, _PHASES, strict=False):
            aside.empty(session, lain)
            counts.append(aside.lay_anew(session, lain, _found(session, plan, target)))
            if counts[-1] > _most(session):
                aside.drop(session, (*_ONCE, _TOLD))
                session.commit()
                return None
        session.commit()
    return tuple(counts)


def freeze_whole(session: Session, plan: Freezing, laid: Laid) -> Wave | None:
    """Writes what lies aside whole, in the caller's transaction; None: another process has begun it."""
    wave = plan.wave
    if wave.state is StepRunState.FROZEN:
        return wave
    if wave.slice_from != _FIRST:
        return None
    for lain, (target, *_key), count in zip(_ONCE, _PHASES, laid, strict=False):
        if count:
            _move_all(session, plan, lain, target)
    frozen = laid[0]
    if frozen and wave.superseded_at:
        while freeze_queue.supersede(session, wave):
            pass
    elif frozen and _is_sqlite(session):
        session.execute(freeze_queue.whole(plan))
    done = replace(wave, slice_from=_LAST, frozen=frozen, state=StepRunState.FROZEN)
    mark_wave(
        session, wave.id, slice_from=done.slice_from, frozen=done.frozen, state=done.state,
        frozen_at=wave.created_at,
    )  # fmt: skip
    return done


def _move_all(session: Session, plan: Freezing, lain: Table, target: Table) -> None:
    """What lies there, to where it belongs."""
    statement = _move(lain, target)
    if target is t.message and not _is_sqlite(session):
        statement = freeze_queue.at_once(statement, plan)
    session.execute(statement)


@cache
def _move(lain: Table, target: Table) -> Insert:
    """Made once: every wave of a storm says two."""
    kept = [column for column in lain.c if column.name != "n"]
    names = [column.name for column in kept]
    return insert(target).from_select(names, select(*kept).order_by(lain.c.n))


def _most(session: Session) -> int:
    """Rows that one transaction writes."""
    return SLICE_ROWS if _is_sqlite(session) else -(-SLICE_ROWS // 2)


def freeze_slice(session: Session, plan: Freezing) -> bool:
    """Writes the next slice in the caller's transaction; True when it was the last and the wave is frozen.

    What was not prepared on this connection is found first, in the same transaction.
    """
    wave = plan.wave
    if wave.state is StepRunState.FROZEN:
        return True
    target = _PHASES[_phase(wave.slice_from)][0]
    if target is t.queue and wave.superseded_at:
        return not freeze_queue.supersede(session, wave) and _done(session, wave)
    lain, after = _laid(session, plan)
    last = aside.end_of_part(session, lain, _most(session), after=after)
    n = lain.c.n
    rows = _write(session, plan, lain, n > after if last is None else n.between(after + 1, last))
    if _PHASES[_phase(wave.slice_from)][0] is t.message:
        mark_wave(session, wave.id, frozen=freeze_queue.counted(session, wave, rows))
    if last is None:
        lain.drop(session.connection())
        return _done(session, wave)
    planning.commit_later(session)
    following = wave.slice_from - len(_PHASES)
    aside.rename(session, lain, aside.named(_name(wave.id, following), last))
    mark_wave(session, wave.id, slice_from=following)
    return False


def _write(session: Session, plan: Freezing, lain: Table, part: ColumnElement[bool]) -> int:
    """Copies a part of what lies aside to where it belongs; how many rows.

    Without ON CONFLICT, which on PostgreSQL is a second look at each unique key.
    """
    target = _PHASES[_phase(plan.wave.slice_from)][0]
    kept = [column for column in lain.c if column.name != "n"]
    found = freeze_queue.queued(lain, plan.wave) if target is t.queue else select(*kept)
    names = [column.name for column in found.selected_columns]
    statement = insert(target).from_select(names, found.where(part).order_by(lain.c.n))
    if target is t.message and not _is_sqlite(session):
        statement = freeze_queue.at_once(statement, plan)
    return aside.rows_of(session, statement)


def _done(session: Session, wave: Wave) -> bool:
    """Ends the wave's phase; True after the last."""
    target = _PHASES[_phase(wave.slice_from)][0]
    if target is t.queue:
        mark_wave(session, wave.id, state=StepRunState.FROZEN, frozen_at=wave.created_at)
        return True
    mark_wave(session, wave.id, slice_from=wave.slice_from - 1)
    return False


def _laid(session: Session, plan: Freezing) -> tuple[Table, int]:
    """The rows of the wave's phase in a table of this connection, and the last of them that is written."""
    wave = plan.wave
    target, key, columns = _PHASES[_phase(wave.slice_from)]
    name = _name(wave.id, wave.slice_from)
    moved = aside.moved(session, name)
    lain = aside.table(aside.named(name, moved or 0), target, columns)
    if moved is not None:
        return lain, moved
    planning.plan_each(session)
    aside.lay(session, lain, _found(session, plan, target))
    written = select(target.c[key]).where(target.c.step_run_id == wave.id)
    if session.execute(written.limit(1)).first():
        session.execute(delete(lain).where(lain.c[key].in_(written)))
    return lain, 0


def _found(session: Session, plan: Freezing, target: Table) -> list[Select[Any]]:
    if target is t.message:
        return freeze_rows.messages(session, plan)
    if target is t.left_out:
        return freeze_rows.left_out(session, plan)
    return [freeze_queue.in_order(plan)] if _is_sqlite(session) else []


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _phase(mark: int) -> int:
    return (_FIRST - mark) % len(_PHASES)


def _name(wave: int, mark: int) -> str:
    return f"aside_{wave}_{-mark}"

"""Row "audience": reach built and kept up, counts of a node, and a wave frozen into the ledger.

    python bench/audience.py [--quick] [--json] [--size CUSTOMERS] [--only sqlite|postgresql]

A town of so many customers stands in the record: one supply each, every 40th a second one far away,
95 % with a mobile number and 60 % with an e-mail. The full form shows how cost grows: at 200,000,
1,000,000 and 5,000,000 customers; --quick is 200,000 alone.

Measured as the product does it: `store.reach` builds everything from the record, `store.headcounts`
counts a substation of a fifth of the town, `store.freeze` writes its messages slice by slice, keyed rank,
queue in claim order and those left out included; `record.switching` feeds a feeder by its neighbour.

Limit of the freeze: the message rows copied in index order into a table with the same two indexes, in
the same run. A second limit is a plain ORM loop over a slice of the same points. Beside the time stand
the memory of this process and the longest transaction: no other writer waits longer than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import _databases
from _figures import Asked, Figure, peak_mb, run, took
from _town import PER_TRANSFORMER, STEP, build_town
from sqlalchemy import func, insert, orm, select, text
from tests import make

from outreach.model import order
from outreach.model.occasion import Scope
from outreach.model.words import Channel, MessageState
from outreach.record import switching
from outreach.store import audience, freeze, generations, reach, runs, scopes, tables as t
from outreach.store.session import Database, Session

SHARE = 0.2
ORM_ROWS = 2_000
SIZES = (200_000, 1_000_000, 5_000_000)
GOALS = {"sqlite": 6.0, "postgresql": 3.0}
NOW = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)


class _Reach:
    """A row of reach, as an ORM loop reads it."""


class _Message:
    """A row of the ledger, as an ORM loop writes it."""

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self, name, value)


orm.registry().map_imperatively(_Reach, t.reach)
orm.registry().map_imperatively(_Message, t.message)


def vacuumed(database: Database) -> None:
    if not database.is_sqlite:
        with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as admin:
            admin.execute(text("VACUUM ANALYZE"))  # as a server does by itself after an import


def substation(size: int) -> scopes.Remaining:
    """A fifth of the town, in its middle."""
    last = size // PER_TRANSFORMER
    low = int(last * 0.4)
    span = (low * STEP, (low + int(last * SHARE)) * STEP - 1)
    return scopes.Remaining(
        occasion=1, version=1, out=scopes.Part(spans=(span,)), back=scopes.Part()
    )


# ── The three ways of freezing ───────────────────────────────────────────────────────────────


def plan_of(session: Session, size: int) -> freeze.Freezing:
    """A wave of a run of its own, for everybody under the substation."""
    seen = generations.current(session)
    wave = make.make_step_run(session, state="freezing", slice_from=-2, generation=seen)
    return freeze.Freezing(
        wave=runs.wave(session, wave), seed=make.SEED, scope=substation(size),
        channels=(Channel.SMS, Channel.EMAIL), siblings=(), earlier=(), releases=(), not_after=None,
        pools=("sms:CL", "email:*"),
    )  # fmt: skip


def frozen(database: Database, plan: freeze.Freezing) -> None:
    with database.apart() as own:
        done = False
        while not done:
            freeze.prepare(own, plan)
            with own.write() as session:
                current = runs.wave(session, plan.wave.id)
                done = freeze.freeze_slice(session, freeze.at_slice(plan, current))


_COPIES = {
    "message": (
        "CREATE UNIQUE INDEX copied_once ON copied (step_run_id, contact_point_id)",
        "CREATE INDEX copied_customer ON copied (customer_id)",
    ),
    "queue": (
        "CREATE UNIQUE INDEX copied_order ON copied (pool, tier, priority, rank, message_id)",
        "CREATE INDEX copied_wave ON copied (step_run_id)",
    ),
}
_IN_ORDER = {
    "message": "step_run_id, contact_point_id",
    "queue": "pool, tier, priority, rank, message_id",
}


def copied(database: Database, wave: int, table: str) -> float:
    """Seconds of copying the wave's rows in index order into a table with the same two indexes."""
    rows = f"SELECT * FROM {table} WHERE"  # noqa: S608  one of our two tables
    with database.write() as session:
        session.execute(text(f"CREATE TABLE copied AS {rows} 1 = 0"))
        for index in _COPIES[table]:
            session.execute(text(index))

    def copy() -> None:
        with database.write() as session:
            session.execute(
                text(f"INSERT INTO copied {rows} step_run_id = :wave ORDER BY {_IN_ORDER[table]}"),
                {"wave": wave},
            )

    seconds = took(copy)
    with database.write() as session:
        session.execute(text("DROP TABLE copied"))
    return seconds


def orm_loop(database: Database, plan: freeze.Freezing, rows: int) -> float:
    """Seconds of the loop that one would write first: look, build, add, point by point."""

    def loop() -> None:
        with orm.Session(database.engine) as session, session.begin():
            spoken = t.reach.c.channel != ""
            wanted = select(_Reach).where(plan.scope.covers(t.reach), spoken).limit(rows)
            for row in session.scalars(wanted):
                _orm_message(session, plan, row)

    return took(loop)


def _orm_message(session: orm.Session, plan: freeze.Freezing, row: _Reach) -> None:
    taken = select(_Message).where(
        t.message.c.step_run_id == plan.wave.id,
        t.message.c.contact_point_id == row.contact_point_id,
    )
    if session.scalars(taken).first() is not None:
        return
    copied_names = ("contact_point_id", "customer_id", "household_id", "channel", "priority", "locale", "zone", "locality")  # fmt: skip
    rank = order.rank(plan.seed, row.household)
    message = _Message(
        **{name: getattr(row, name) for name in copied_names},
        **{"step_run_id": plan.wave.id, "premises": 1, "rank": rank, "pool": "sms:CL", "try": 0},
        state=MessageState.QUEUED.value, failures=0,
    )  # fmt: skip
    session.add(message)
    session.flush()
    session.execute(
        insert(t.queue).values(
            pool="sms:CL", tier=2, priority=row.priority, rank=rank, message_id=message.id,
            step_run_id=plan.wave.id,
        )
    )  # fmt: skip


# ── The figures ──────────────────────────────────────────────────────────────────────────────


@dataclass
class Sizes:
    """Seconds by figure and size: how cost grows."""

    seconds: dict[str, dict[int, float]] = field(default_factory=dict)

    def note(self, what: str, size: int, seconds: float) -> None:
        self.seconds.setdefault(what, {})[size] = seconds

    def growth(self, name: str) -> Iterator[Figure]:
        """How many times dearer a customer is in the largest town than in the smallest."""
        for what, by_size in self.seconds.items():
            small, large = min(by_size), max(by_size)
            each = {size: seconds / size * 1e6 for size, seconds in by_size.items()}
            line = " · ".join(f"{size / 1e6:g} M {each[size]:.3g}" for size in sorted(each))
            yield Figure(
                figure=f"{what}, µs a customer: {line}, {name}", value=each[large], unit="µs",
                limit=each[small], goal="<= 2 x the smallest", met=each[large] <= 2 * each[small],
            )  # fmt: skip


def measured(asked: Asked) -> Iterator[Figure]:
    sizes = SIZES if asked.size == max(SIZES) else (asked.size,)
    with _databases.urls(asked.databases) as urls:
        for name, url in urls.items():
            grown = Sizes()
            for size in sizes:
                with _databases.migrated(url) as database:
                    build_town(database, size)
                    yield from _built(database, name, size, grown)
                    if size >= 4_000:  # a smaller town has no neighbour to be fed by
                        yield _moved(database, name)
                    yield from _frozen(database, name, size, grown)
            if len(sizes) > 1:
                yield from grown.growth(name)


def _built(database: Database, name: str, size: int, grown: Sizes) -> Iterator[Figure]:
    with _databases.clocked(database) as transactions:
        seconds = took(lambda: reach.renew(database, now=NOW))
        generations.switch(database, now=NOW)
    grown.note("reach build", size, seconds)
    longest = max(transactions.seconds)
    vacuumed(database)
    yield Figure(
        figure=f"reach and counts built, {size:,} customers, {name}", value=seconds, unit="s",
        goal="shown", met=True,
    )  # fmt: skip
    yield Figure(
        figure=f"reach build, longest transaction, {name}", value=longest, unit="s", limit=0.5,
        goal="<= 0.5 s", met=longest <= 0.5,
    )  # fmt: skip


def _frozen(database: Database, name: str, size: int, grown: Sizes) -> Iterator[Figure]:
    counted = _count(database, size)
    rounds = [_round(database, size) for _each in range(2)]
    total, limit, queue, longest = (min(values) for values in zip(*rounds, strict=True))
    grown.note("freeze", size, total)
    rows = _check(database)
    yield Figure(
        figure=f"audience count of a substation, {size:,}, {name}", value=counted.seconds * 1000,
        unit="ms", limit=50.0, goal="<= 50 ms and equal to the freeze",
        met=counted.seconds <= 0.05 and counted.messages == rows,
    )  # fmt: skip
    yield Figure(
        figure=f"freeze {rows:,} of {size:,}, {name}", value=total, unit="s", limit=limit,
        goal=f"<= {GOALS[name]:g} x the ordered copy", met=total <= GOALS[name] * limit,
    )  # fmt: skip
    yield Figure(
        figure=f"the same beside copying the queue's rows too, {name}", value=total, unit="s",
        limit=limit + queue, goal="shown", met=True,
    )  # fmt: skip
    yield Figure(
        figure=f"freeze, longest transaction, {name}", value=longest, unit="s", limit=0.5,
        goal="<= 0.5 s", met=longest <= 0.5,
    )  # fmt: skip
    memory = peak_mb()
    yield Figure(
        figure=f"peak memory of the process, {name}", value=memory, unit="MB", limit=300.0,
        goal="<= 300 MB", met=memory <= 300,
    )  # fmt: skip
    looped = min(ORM_ROWS, rows)
    with database.write() as session:
        plan = plan_of(session, size)
    loop = looped / orm_loop(database, plan, looped)
    rate = rows / total
    yield Figure(
        figure=f"freeze against an ORM loop, {name}", value=rate, unit="messages/s", limit=loop,
        goal=">= 40 x the loop", met=rate >= 40 * loop,
    )  # fmt: skip


def _moved(database: Database, name: str) -> Figure:
    """A feeder is fed by its neighbour through the tie, and the counts of both follow."""

    def standing() -> list[int]:
        with database.read() as session:
            found = [scopes.typed(session, Scope(nodes=(ref,))) for ref in ("F0", "F1")]
            return [audience.affected(session, each).premises for each in found]

    before = standing()
    seconds = took(lambda: switching.switch(
        database, opened=["E-F1-0"], closed=["TIE-1"], now=NOW, actor="bench",
    ))  # fmt: skip
    follow = before[1] > 0 and standing() == [sum(before), 0]
    return Figure(
        figure=f"move of a {before[1]:,}-premise feeder, {name}", value=seconds, unit="s", limit=2.0,
        goal="<= 2 s, and both counts follow", met=follow and seconds <= 2,
    )  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """What `audience count` of the substation says, and how long it takes when warm."""

    messages: int
    seconds: float


def _count(database: Database, size: int) -> Counted:
    seconds = []
    for _each in range(5):
        with database.read() as session:
            began = time.perf_counter()
            audience.affected(session, substation(size))
            seconds.append(time.perf_counter() - began)
    with database.read() as session:
        messages = audience.messages(session, substation(size))
    return Counted(messages=sum(messages.values()), seconds=sorted(seconds)[2])


def _round(database: Database, size: int) -> tuple[float, float, float, float]:
    """Seconds of a freeze, of copying its messages and its queue after it, and of the longest transaction."""
    with database.write() as session:
        plan = plan_of(session, size)
    with _databases.clocked(database) as transactions:
        total = took(lambda: frozen(database, plan))
    copies = [copied(database, plan.wave.id, table) for table in ("message", "queue")]
    return total, *copies, max(transactions.seconds)


def _check(database: Database) -> int:
    """Messages of one wave; every one must be in the queue, and those left out noted."""
    with database.read() as session:
        counts: Callable[..., int] = lambda table: session.execute(  # noqa: E731
            select(func.count()).select_from(table)
        ).scalar_one()
        waves, messages, queued = counts(t.step_run), counts(t.message), counts(t.queue)
        adds_up = messages == queued and messages and counts(t.left_out)
        if not adds_up or messages != waves * session.execute(select(func.max(t.step_run.c.frozen))).scalar_one():  # fmt: skip
            raise SystemExit(f"{messages} messages, {queued} queued: nothing was measured")
        return messages // waves


if __name__ == "__main__":
    run(__doc__, measured, sizes=(SIZES[0], SIZES[-1]), unit="customers in the record")

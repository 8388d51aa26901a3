"""Row "freeze": a wave's audience into the ledger, beside copying the same rows inside the database.

    python bench/freeze.py [--quick] [--json] [--size CUSTOMERS] [--only sqlite|postgresql]

A town of so many customers (200,000, or 5,000,000 in the full form) stands in the record; a fault at
one substation touches 19 % of them. Frozen is as the product does it: `store.freeze` slice by slice,
keyed rank, queue in claim order and those left out included.

Limit: the message rows copied in index order into a table with the same two indexes, in the same run.
A second limit is a plain ORM loop over a slice of the same points. Beside the time stand the memory of
this process and the longest transaction: no other writer waits longer than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import _databases
from _figures import Asked, Figure, peak_mb, run, took
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import registry
from tests import make

from outreach.model import order
from outreach.model.words import Channel, MessageState
from outreach.store import freeze, runs, scopes, tables as t
from outreach.store.session import Database, Session

SHARE = 0.19
ORM_ROWS = 2_000
PER_TRANSFORMER = 40
GOALS = {"sqlite": 6.0, "postgresql": 3.0}


class _Reach:
    """A row of reach, as an ORM loop reads it."""


class _Message:
    """A row of the ledger, as an ORM loop writes it."""

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self, name, value)


registry().map_imperatively(_Reach, t.reach)
registry().map_imperatively(_Message, t.message)


# ── The town ─────────────────────────────────────────────────────────────────────────────────

_NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :size) ",
    "postgresql": "WITH s AS (SELECT generate_series(1, :size) AS n) ",
}
_MOMENT = {"sqlite": "0", "postgresql": "to_timestamp(0)"}
_BYTES = {"sqlite": "x'00'", "postgresql": "'\\x00'::bytea"}
_FALSE = {"sqlite": "0", "postgresql": "false"}
_TOWN = {
    "household (id, ref)": "SELECT n, 'H' || n FROM s",
    "customer (id, ref, household_id, name_sealed, locale, zone, loaded_at)":
        "SELECT n, 'K' || n, 1 + (n - 1) / 2, {bytes}, 'es-CL', '{zone}', {moment} FROM s",
    "account (id, ref, customer_id, customer_type, priority, priority_expired)":
        "SELECT n, 'C' || n, n, 'residential', 'C', {false} FROM s",
    "premise (id, ref, transformer, tree_order, locality, street_sealed, zone)":
        "SELECT n, 'P' || n, 'T' || (n / {each}), n / {each}, 'Providencia', {bytes}, '{zone}' FROM s",
    "supply (premise_id, account_id, role)": "SELECT n, n, 'holder' FROM s",
    # One in twenty has no contact; the points' numbers are mixed, as those of a real record are.
    "reach (tree_order, contact_point_id, premise_id, customer_id, household_id, household, priority,"
    " channel, channels, preferred, locale, zone, locality, country)":
        "SELECT n / {each}, (n * 7919) % 6700417 + 1, n, n, 1 + (n - 1) / 2, 'H' || (1 + (n - 1) / 2),"
        " CASE WHEN n % 100 = 0 THEN 'A' WHEN n % 10 = 0 THEN 'B' ELSE 'C' END, 'sms', 1, '', 'es-CL',"
        " '{zone}', 'Providencia', 'CL' FROM s WHERE n % 20 <> 0",
}  # fmt: skip


def build_town(database: Database, size: int) -> None:
    kind = "sqlite" if database.is_sqlite else "postgresql"
    values = {"zone": make.ZONE, "each": PER_TRANSFORMER, "moment": _MOMENT[kind],
              "bytes": _BYTES[kind], "false": _FALSE[kind]}  # fmt: skip
    with database.write() as session:
        for target, source in _TOWN.items():
            session.execute(
                text(f"{_NUMBERS[kind]} INSERT INTO {target} {source.format(**values)}"),
                {"size": size},
            )
    if not database.is_sqlite:
        with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as admin:
            admin.execute(text("VACUUM ANALYZE"))  # as after an import


# ── The three ways ───────────────────────────────────────────────────────────────────────────


def plan_of(session: Session, size: int) -> freeze.Freezing:
    """A wave of a run of its own, for everybody under one substation in the middle of the town."""
    wave = make.make_step_run(session, state="freezing")
    last = size // PER_TRANSFORMER
    low = int(last * 0.4)
    part = scopes.Part(spans=((low, low + int(last * SHARE)),))
    return freeze.Freezing(
        wave=runs.wave(session, wave), seed=make.SEED,
        scope=scopes.Remaining(occasion=1, version=1, out=part, back=scopes.Part()),
        channels=(Channel.SMS,), siblings=(), earlier=(), releases=(), not_after=None,
        pools=("sms:CL",),
    )  # fmt: skip


@dataclass
class Frozen:
    """One freeze: its wave, and seconds of each transaction."""

    wave: int
    seconds: list[float]


def frozen(database: Database, plan: freeze.Freezing) -> Frozen:
    transactions: list[float] = []
    done = False
    while not done:
        began = time.perf_counter()
        with database.write() as session:
            done = freeze.freeze_slice(
                session, freeze.at_slice(plan, runs.wave(session, plan.wave.id))
            )
        transactions.append(time.perf_counter() - began)
    return Frozen(wave=plan.wave.id, seconds=transactions)


def copied(database: Database, wave: int) -> float:
    """Seconds of copying the wave's rows in index order into a table with the same two indexes."""
    with database.write() as session:
        session.execute(text("CREATE TABLE copied AS SELECT * FROM message WHERE 1 = 0"))
        session.execute(text("CREATE UNIQUE INDEX copied_once ON copied (step_run_id, contact_point_id)"))  # fmt: skip
        session.execute(text("CREATE INDEX copied_customer ON copied (customer_id)"))

    def copy() -> None:
        with database.write() as session:
            session.execute(
                text("INSERT INTO copied SELECT * FROM message WHERE step_run_id = :wave"
                     " ORDER BY step_run_id, contact_point_id"), {"wave": wave},
            )  # fmt: skip

    seconds = took(copy)
    with database.write() as session:
        session.execute(text("DROP TABLE copied"))
    return seconds


def orm_loop(database: Database, plan: freeze.Freezing, rows: int) -> float:
    """Seconds of the loop that one would write first: look, build, add, point by point."""

    def loop() -> None:
        with database.write() as session:
            for row in session.scalars(
                select(_Reach).where(plan.scope.covers(t.reach)).limit(rows)
            ):
                _orm_message(session, plan, row)

    return took(loop)


def _orm_message(session: Session, plan: freeze.Freezing, row: _Reach) -> None:
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


def measured(asked: Asked) -> Iterator[Figure]:
    with _databases.urls(asked.databases) as urls:
        for name, url in urls.items():
            with _databases.migrated(url) as database:
                build_town(database, asked.size)
                yield from _figures(database, name, asked.size)


def _figures(database: Database, name: str, size: int) -> Iterator[Figure]:
    rounds = [_round(database, size) for _each in range(2)]
    total, limit, longest = (min(values) for values in zip(*rounds, strict=True))
    rows = _check(database)
    memory = peak_mb()
    yield Figure(
        figure=f"freeze {rows:,} of {size:,}, {name}", value=total, unit="s", limit=limit,
        goal=f"<= {GOALS[name]:g} x the ordered copy", met=total <= GOALS[name] * limit,
    )  # fmt: skip
    yield Figure(
        figure=f"freeze, longest transaction, {name}", value=longest, unit="s", limit=0.5,
        goal="<= 0.5 s", met=longest <= 0.5,
    )  # fmt: skip
    yield Figure(
        figure=f"freeze, peak memory of the process, {name}", value=memory, unit="MB", limit=300.0,
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


def _round(database: Database, size: int) -> tuple[float, float, float]:
    """Seconds of a freeze, of the copy right after it, and of the longest transaction."""
    with database.write() as session:
        plan = plan_of(session, size)
    done = frozen(database, plan)
    return sum(done.seconds), copied(database, done.wave), max(done.seconds)


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
    run(__doc__, measured, sizes=(200_000, 5_000_000), unit="customers in the record")

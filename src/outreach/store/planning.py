"""What a database is told before big work: how to plan it, what to keep at hand, when it has to be on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Table, func, select, text, true

from outreach.store.session import Database, Session


def plan_each(session: Session) -> None:
    """For the rest of the transaction no plan is kept from an earlier slice.

    After five times the driver prepares a statement, and the server plans it for any range at all: a
    slice of reach then takes minutes in place of 0.2 s. SQLite plans by the statement alone.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        session.execute(text("SET LOCAL work_mem = '64MB'"))
        session.execute(text("SET LOCAL jit = off"))


def look_up(session: Session) -> None:
    """For the rest of the transaction rows are looked up by their indexes, and no table is read whole.

    PostgreSQL takes some thousands of ids for as many places on the disk: below some millions of customers
    it would rather read everybody, slice after slice, and start processes to help with it.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL random_page_cost = 1"))
        session.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))


@contextmanager
def in_index_order(session: Session) -> Iterator[None]:
    """Inside, PostgreSQL walks an index in the order that is asked for, and never sorts.

    It cannot know how many rows of a queue may leave, guesses one, and joins and sorts the whole of it to
    hand out the first thousand: a claim out of 50,000 takes 0.3 s in place of 0.02, out of a million seconds.
    """
    if session.get_bind().dialect.name != "postgresql":
        yield
        return
    _allow(session, "off")
    yield
    _allow(session, "on")


def _allow(session: Session, state: str) -> None:
    names = ("enable_sort", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")
    session.execute(select(*(func.set_config(name, state, true()) for name in names)))


def commit_later(session: Session) -> None:
    """This transaction is on disk some 0.2 s after its commit, with all that were before it."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL synchronous_commit = off"))


def remember_more(session: Session) -> None:
    """SQLite keeps 96 MiB of pages for this connection, in place of 32, until `remember_usual`.

    An import writes indexes in no order: of a million customers a ninth of its time is reading pages again.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA cache_size = -98304"))


def remember_usual(session: Session) -> None:
    """As every connection begins: a sort may hold as much again in memory, and then need not."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA cache_size = -32768"))


def refresh_statistics(database: Database, tables: Iterable[Table]) -> None:
    """PostgreSQL joins freshly loaded tables by nested loops until it knows that they are large.

    Without this a first import takes 108 s instead of 2. Of five million rows each table takes seconds, and
    nobody waits: ANALYZE locks nothing that others want who read or write.
    """
    if database.is_sqlite:
        return
    for table in tables:
        with database.read() as session:
            session.execute(text(f"ANALYZE {table.name}"))
            session.commit()

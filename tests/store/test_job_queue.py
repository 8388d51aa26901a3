"""Jobs appear with the commit of their rows, once a name, best first, and outlive who takes them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text
from tests import make

from outreach.model.errors import StoreUnusable
from outreach.store import job_queue, job_schema
from outreach.store.job_queue import AnyQueue, Bench, Job
from outreach.store.rehearsal import rehearsed
from outreach.store.session import Database


@pytest.fixture
def queue(database: Database) -> AnyQueue:
    return job_queue.of(database)


def waiting(database: Database, queue: AnyQueue) -> dict[str, int]:
    with database.read() as session:
        return queue.waiting(session)


def worked(
    queue: AnyQueue,
    *,
    enough: int = 1,
    lanes: tuple[str, ...] = ("sms",),
    at_once: int = 1,
    meanwhile: Callable[[Job], None] = lambda _job: None,
) -> list[str]:
    """Names of the jobs that a worker of these lanes runs until it has had `enough`."""

    async def work() -> list[str]:
        done: list[str] = []
        stopping = asyncio.Event()

        async def run(job: Job) -> None:
            await asyncio.to_thread(meanwhile, job)
            done.append(job.name)
            if len(done) >= enough:
                stopping.set()

        bench = Bench(
            run=run, kinds=["freeze", "drive"], lanes=lanes, at_once=at_once, stopping=stopping
        )
        await asyncio.wait_for(queue.work(bench), 30)
        return done

    return asyncio.run(work())


def test_a_job_appears_with_the_commit_of_its_rows(database, queue):
    with database.write() as session:
        queue.defer(session, Job(kind="freeze", key="1"))
        assert waiting(database, queue) == {}

    assert waiting(database, queue) == {"freeze": 1}
    assert worked(queue) == ["freeze:1"]
    assert waiting(database, queue) == {}


def test_a_rolled_back_transaction_enqueues_nothing(database, queue):
    def broken() -> None:
        with database.write() as session:
            queue.defer(session, Job(kind="freeze", key="1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

    assert waiting(database, queue) == {}


def test_the_end_of_a_savepoint_is_no_commit(database, queue):
    with database.write() as session:
        queue.defer(session, Job(kind="freeze", key="1"))
        with session.begin_nested():
            make.make_node(session, ref="N")
        assert waiting(database, queue) == {}

    assert waiting(database, queue) == {"freeze": 1}


def test_what_a_rehearsal_asks_for_is_never_done(database, queue):
    with rehearsed(database) as trial, trial.write() as session:
        queue.defer(session, Job(kind="freeze", key="1"))

    assert waiting(database, queue) == {}


def test_of_two_waiting_jobs_of_one_name_there_is_one(database, queue):
    for _twice in range(2):
        with database.write() as session:
            queue.defer(session, Job(kind="drive", key="sms", lane="sms"))
            queue.defer(session, Job(kind="drive", key="sms", lane="sms"))
    queue.offer(database, [Job(kind="drive", key="sms", lane="sms")])

    assert waiting(database, queue) == {"drive": 1}


def test_two_transactions_that_enqueue_the_same_do_not_wait_for_each_other(database, queue):
    if database.is_sqlite:
        return  # writers are one at a time there
    job = Job(kind="drive", key="sms", lane="sms")

    with database.write() as first, database.write() as second:
        queue.defer(first, job)
        queue.defer(second, job)

    assert waiting(database, queue) == {"drive": 1}


def test_a_twin_that_slips_in_costs_no_row_of_the_transaction(database, queue, monkeypatch):
    if database.is_sqlite:
        return  # in memory there is nothing to slip between
    monkeypatch.setattr(job_queue, "_FREE", text("SELECT concat(:space ||'', :name ||'') != ''"))
    queue.offer(database, [Job(kind="freeze", key="1")])

    with database.write() as session:
        make.make_node(session, ref="N")
        queue.defer(session, Job(kind="freeze", key="1"))

    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM network_node")).scalar() == 1
    assert waiting(database, queue) == {"freeze": 1}


def test_what_people_wait_for_goes_first_and_then_the_oldest(database, queue):
    jobs = [Job(kind="freeze", key=key, priority=priority) for key, priority in
            [("a", 1), ("b", 9), ("c", 1)]]  # fmt: skip

    queue.offer(database, jobs)

    assert worked(queue, enough=3) == ["freeze:b", "freeze:a", "freeze:c"]


def test_a_worker_takes_jobs_of_its_own_lanes_alone(database, queue):
    jobs = [Job(kind="drive", key=lane, lane=lane) for lane in ("email", "sms")]
    queue.offer(database, jobs)

    assert worked(queue, lanes=("sms",)) == ["drive:sms"]
    assert waiting(database, queue) == {"drive": 1}


@pytest.mark.parametrize(("again", "left"), [(False, {}), (True, {"freeze": 1})])
def test_a_running_twin_is_offered_only_where_the_rows_say_that_nobody_is_at_it(
    database, queue, again, left
):
    def offered(job: Job) -> None:
        queue.offer(database, [Job(kind="freeze", key="1", again=again)])

    queue.offer(database, [Job(kind="freeze", key="1")])
    worked(queue, meanwhile=offered)

    assert waiting(database, queue) == left


def test_several_jobs_run_at_once(database, queue):
    together, met = threading.Barrier(3), []
    queue.offer(database, [Job(kind="freeze", key=key) for key in "abc"])

    done = worked(queue, enough=3, at_once=3, meanwhile=lambda _job: met.append(together.wait(20)))

    assert sorted(done) == ["freeze:a", "freeze:b", "freeze:c"]


def test_a_job_deferred_while_workers_wait_is_run(database, queue):
    def one_more(job: Job) -> None:
        if job.key == "1":
            with database.write() as session:
                queue.defer(session, Job(kind="freeze", key="2"))

    queue.offer(database, [Job(kind="freeze", key="1")])

    assert worked(queue, enough=2, meanwhile=one_more) == ["freeze:1", "freeze:2"]


def test_what_a_dead_worker_had_in_hand_is_swept_to_be_found_again(database, queue):
    queue.offer(database, [Job(kind="freeze", key="1"), Job(kind="freeze", key="2")])
    if not database.is_sqlite:
        with database.write() as session:
            session.execute(
                text("UPDATE procrastinate_jobs SET status = 'doing' WHERE args->>'key' = '1'")
            )

    with database.write() as session:
        swept = queue.sweep(session)

    assert swept == (0 if database.is_sqlite else 1)
    queue.offer(database, [Job(kind="freeze", key="1")])
    assert waiting(database, queue) == {"freeze": 2}


def test_a_job_that_does_not_end_in_time_is_cancelled(database):
    queue = job_queue.InProcessQueue()
    queue.offer(database, [Job(kind="freeze", key="1")])
    ends: list[str] = []

    async def work() -> None:
        stopping = asyncio.Event()

        async def run(_job: Job) -> None:
            stopping.set()
            try:
                await asyncio.Event().wait()
            finally:
                ends.append("cancelled")

        await queue.work(
            Bench(run=run, kinds=[], lanes=(), at_once=1, stopping=stopping, grace_s=0.01)
        )

    asyncio.run(work())

    assert ends == ["cancelled"]


def test_a_worker_waits_for_a_database_that_is_away():
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    queue = job_queue.ProcrastinateQueue(away)

    async def work() -> None:
        stopping = asyncio.Event()
        bench = Bench(run=lambda _job: asyncio.sleep(0), kinds=["freeze"], lanes=(), at_once=1,
                      stopping=stopping)  # fmt: skip
        working = asyncio.create_task(queue.work(bench))
        await asyncio.wait({working}, timeout=0.3)
        assert not working.done()
        stopping.set()
        await asyncio.wait_for(working, 40)

    asyncio.run(work())


def test_a_queue_that_does_not_answer_is_said_in_one_line(database, queue, monkeypatch):
    if database.is_sqlite:
        return  # memory answers
    with database.write() as session:
        session.execute(text("ALTER FUNCTION procrastinate_defer_jobs_v1 RENAME TO gone"))

    with pytest.raises(StoreUnusable, match="the job queue does not answer"):
        queue.offer(database, [Job(kind="freeze", key="1")])


def test_the_schema_is_that_of_the_installed_procrastinate():
    from procrastinate.schema import migrations_path  # noqa: PLC0415  procrastinate takes 0.3 s

    newest = max(path.name for path in migrations_path.glob("*.sql"))

    assert newest.startswith(job_schema.NEWEST), "a newer Procrastinate wants an Alembic revision"


def test_without_the_extra_a_migration_says_what_to_install(database, monkeypatch):
    if database.is_sqlite:
        return  # nothing is needed there
    monkeypatch.setitem(sys.modules, "procrastinate.schema", None)

    with (
        pytest.raises(StoreUnusable, match=r"outreach\[postgres\]"),
        database.engine.begin() as connection,
    ):
        job_schema.create(connection)

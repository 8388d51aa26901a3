"""Asking the company's database: read only, in batches, in one line when it goes wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from tests.entry.processes import until

from outreach.model.errors import InputRefused
from outreach.store import foreign
from outreach.store.foreign import Answer, Question
from outreach.store.session import normalised_url

_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


def ask(url: str, query: str, **changes: Any) -> Answer:
    question = {
        "url": url,
        "folder": Path("/"),
        "entity": "customers",
        "query": query,
        "since": "1900-01-01",
        "batch": 10,
        "timeout_s": 30.0,
    }
    return Answer(Question(**{**question, **changes}))


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Engine]:
    """An outside connection to the server with a table of 5,000 clients."""
    engine = create_engine(normalised_url(postgres_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP TABLE IF EXISTS client"))
        connection.execute(
            text(
                "CREATE TABLE client AS SELECT n AS id, 'Name ' || n AS name, "
                "timestamp '2026-01-01' + n * interval '1 hour' AS changed "
                "FROM generate_series(1, 5000) n"
            )
        )
    yield engine
    with engine.connect() as connection:
        connection.execute(text("DROP TABLE client"))
    engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection:
        connection.execute("CREATE TABLE client (id INTEGER)")
        connection.executemany("INSERT INTO client VALUES (?)", [(n,) for n in range(100)])
        connection.commit()
    return f"sqlite:///{tmp_path}/crm.db"


def test_postgres_answers_in_batches_from_one_consistent_look(
    postgres: Engine, postgres_url: str
) -> None:
    answer = ask(postgres_url, "SELECT id FROM client ORDER BY id")
    rows = iter(answer)
    first = next(rows)
    with postgres.connect() as connection:
        connection.execute(text("DELETE FROM client"))
        held = connection.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outreach'")
        )

    rest = [*rows]

    assert (first[0], len(rest), rest[-1][0], held) == (1, 4_999, 5_000, 1)
    assert answer.columns == ["id"]
    assert answer.rows == 5_000


def test_nothing_stays_connected_after_the_last_row(postgres: Engine, postgres_url: str) -> None:
    assert len([*ask(postgres_url, "SELECT id FROM client")]) == 5_000

    with postgres.connect() as connection:
        held = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outreach'")
        # The server ends its side in its own time after ours has hung up.
        assert until(lambda: connection.scalar(held) == 0, seconds=10)


def test_since_takes_the_type_of_the_column(postgres: Engine, postgres_url: str) -> None:
    query = "SELECT id FROM client WHERE changed > :since AND name NOT LIKE '%:x%'"

    assert len([*ask(postgres_url, query)]) == 5_000
    assert len([*ask(postgres_url, query, since="2026-01-01T02:00:00")]) == 4_998


def test_postgres_is_never_written_to(postgres: Engine, postgres_url: str) -> None:
    query = "WITH gone AS (DELETE FROM client RETURNING id) SELECT id FROM gone"

    with pytest.raises(InputRefused):
        [*ask(postgres_url, query)]
    with pytest.raises(InputRefused, match="read-only"):
        [*ask(postgres_url, "SELECT lo_create(0)")]

    with postgres.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM client")) == 5_000


def test_sqlite_is_never_written_to(sqlite: str) -> None:
    with pytest.raises(InputRefused, match="readonly database"):
        [*ask(sqlite, "DELETE FROM client")]

    assert len([*ask(sqlite, "SELECT id FROM client")]) == 100


def test_a_connection_lost_in_the_middle_is_said_with_how_far_it_came(
    postgres: Engine, postgres_url: str
) -> None:
    rows = iter(ask(postgres_url, "SELECT id FROM client"))
    for _ in range(15):
        next(rows)
    with postgres.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'outreach'"
            )
        )

    with pytest.raises(InputRefused) as refusal:
        list(rows)

    assert str(refusal.value).startswith("customers of postgresql://")
    assert str(refusal.value).endswith(
        ": the connection was lost after 20 rows; nothing of it counts; run the command again"
    )


def test_a_fetch_that_takes_too_long_is_given_up(
    postgres: Engine, postgres_url: str, sqlite: str
) -> None:
    slow = "SELECT pg_sleep(id) FROM client"
    with pytest.raises(InputRefused, match=r"no batch within 0\.05 s, after 0 rows"):
        [*ask(postgres_url, slow, timeout_s=0.05)]

    with pytest.raises(InputRefused, match=r"no batch within 0\.05 s, after 0 rows"):
        [*ask(sqlite, _ENDLESS, timeout_s=0.05)]


def test_time_is_counted_for_each_batch_and_not_for_the_whole(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "_STEPS", 1)
    now = [0.0]
    monkeypatch.setattr(foreign, "monotonic", lambda: now[0])

    for _row in (answer := ask(sqlite, "SELECT id FROM client", timeout_s=1)):
        now[0] += 0.05

    assert answer.rows == 100


def test_a_value_that_cannot_be_converted_is_not_shown(postgres: Engine, postgres_url: str) -> None:
    with pytest.raises(InputRefused) as refusal:
        [*ask(postgres_url, "SELECT name::integer FROM client")]

    assert "query: a value cannot be converted, after 0 rows; mend the query" in str(refusal.value)
    assert "Name" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "query", "said"),
    [
        ("nonsense", "SELECT 1", "customers.url: not a database URL"),
        ("sqlite:////none/crm.db", "SELECT 1", "customers of /none/crm.db: no such database file"),
        ("sqlite://", "SELECT 1", "no such database file"),
        ("nobody://h/d", "SELECT 1", "customers of nobody://h/d: no such kind of database"),
        ("mysql://u:pw@h:3306/d", "SELECT 1", "mysql://h:3306/d: its driver is not installed"),
        ("postgresql://u:pw@127.0.0.1:1/d", "SELECT 1", "onnection refused"),
    ],
)
def test_what_cannot_be_asked_says_why(url: str, query: str, said: str) -> None:
    with pytest.raises(InputRefused) as refusal:
        ask(url, query)

    assert said in str(refusal.value)
    assert "pw" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT x FROM client", "no such column: x"),
        ("SELECT id FROM client WHERE id > :until", "query: only `:since` can be bound in it"),
    ],
)
def test_a_wrong_query_is_refused(sqlite: str, query: str, said: str) -> None:
    with pytest.raises(InputRefused, match=f"customers of crm.db: {said}"):
        ask(sqlite, query)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crm.db").write_text("id;name\n" * 1000)

    with pytest.raises(InputRefused, match="file is not a database"):
        ask("sqlite:///crm.db", "SELECT 1 FROM client", folder=tmp_path)


def test_an_error_after_some_rows_says_that_they_do_not_count(sqlite: str) -> None:
    query = "SELECT abs(CASE id WHEN 50 THEN -9223372036854775808 ELSE id END) FROM client"

    with pytest.raises(InputRefused, match="integer overflow; after 40 rows, nothing of it counts"):
        [*ask(sqlite, query)]


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("mysql", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"),
        ("oracle", "SET TRANSACTION READ ONLY"),
    ],
)
def test_other_databases_are_asked_read_only_in_their_own_words(backend: str, said: str) -> None:
    class Connection:
        def __init__(self) -> None:
            self.dialect = type("Dialect", (), {"name": backend})
            self.said: list[str] = []

        def exec_driver_sql(self, statement: str) -> None:
            self.said.append(statement)

        def execution_options(self, **options: Any) -> Connection:
            self.options = options
            return self

    connection = Connection()
    question = Question(url="", folder=Path(), entity="", query="", since="", batch=7, timeout_s=1)

    foreign._gentle(connection, question)  # type: ignore[arg-type]

    assert connection.said == [said]
    assert connection.options == {"stream_results": True, "max_row_buffer": 7}

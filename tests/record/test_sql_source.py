"""Rows of a company's own database, and the secrets on the way to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.cells import Row
from outreach.record.source_form import SourceForm
from outreach.record.sources import open_source
from outreach.record.sql_source import expanded


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection:
        connection.execute("CREATE TABLE client (id INTEGER, name TEXT, changed TEXT)")
        connection.executemany(
            "INSERT INTO client VALUES (?, ?, ?)",
            [(1, "Ana", "2026-06-01"), (2, None, "2026-06-02"), (3, "a\0b", "2026-06-03")],
        )
        connection.execute("INSERT INTO client VALUES (4, CAST(x'4aff' AS TEXT), '2026-06-04')")
        connection.commit()
    return tmp_path


def read(folder: Path, query: str, *wanted: str, **more: Any) -> list[Row | RowRefused]:
    form = SourceForm(url="sqlite:///crm.db", query=query)
    return [*open_source(form, folder, wanted, **more)]


def test_a_query_gives_rows_as_a_file_would(crm: Path) -> None:
    form = SourceForm(url="sqlite:///crm.db", query="SELECT id, name, id = 1 AS first FROM client")
    source = open_source(form, crm, ["id", "name"])

    rows = [*source]

    assert source.name == "rows of crm.db"
    assert source.columns == ["id", "name", "first"]
    assert source.records == 4
    assert [(row.record, row.fields) for row in rows if isinstance(row, Row)] == [
        (1, ("1", "Ana", "1")),
        (2, ("2", "", "0")),
    ]
    assert [row for row in rows if isinstance(row, RowRefused)] == [
        RowRefused(file=source.name, record=3, line=3, reason="nul_byte", detail="column `name`"),
        RowRefused(
            file=source.name, record=4, line=4, reason="undecodable", detail="column `name`"
        ),
    ]


@pytest.mark.parametrize(("since", "ids"), [(None, "12"), ("2026-06-01", "2"), ("2026-06-02", "")])
def test_only_what_changed_since_is_asked_for(crm: Path, since: str | None, ids: str) -> None:
    query = "SELECT id FROM client WHERE changed > :since AND id < 3 ORDER BY id"

    rows = read(crm, query, since=since)

    assert "".join(row.fields[0] for row in rows if isinstance(row, Row)) == ids


def test_since_of_a_column_that_counts_begins_at_its_own_beginning(crm: Path) -> None:
    form = SourceForm(
        url="sqlite:///crm.db", query="SELECT id FROM client WHERE id > :since", beginning="0"
    )

    assert len([*open_source(form, crm)]) == 4
    assert len([*open_source(form, crm, since="3")]) == 1


def test_a_column_that_the_query_does_not_give_is_named(crm: Path) -> None:
    with pytest.raises(InputRefused) as refusal:
        read(crm, "SELECT id, name FROM client", "nme")

    assert str(refusal.value) == "rows of crm.db: query: no column `nme`; did you mean `name`?"


def test_a_source_that_is_not_read_to_its_end_can_be_closed(crm: Path) -> None:
    source = open_source(SourceForm(url="sqlite:///crm.db", query="SELECT id FROM client"), crm)
    assert isinstance(next(iter(source)), Row)

    source.close()

    with closing(sqlite3.connect(crm / "crm.db", timeout=0)) as connection:
        connection.execute("DELETE FROM client")


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("env:CRM_URL", "postgresql://u:s@h/d"),
        ("${CRM_URL}", "postgresql://u:s@h/d"),
        ("postgresql://u:${CRM_PASSWORD}@h/d", "postgresql://u:p%40%2F%3A@h/d"),
        ("sqlite:///crm.db", "sqlite:///crm.db"),
    ],
)
def test_secrets_come_from_the_environment(url: str, opened: str) -> None:
    environment = {"CRM_URL": "postgresql://u:s@h/d", "CRM_PASSWORD": "p@/:"}

    assert expanded(url, "customers.url", environment) == opened


def test_a_secret_that_is_not_set_is_named_by_its_variable(tmp_path: Path) -> None:
    form = SourceForm(url="env:OUTREACH_TEST_NOT_SET", query="SELECT 1")

    with pytest.raises(InputRefused) as refusal:
        open_source(form, tmp_path)

    assert str(refusal.value) == (
        "rows.url: the environment has no OUTREACH_TEST_NOT_SET; set it to reach the database"
    )


def test_a_secret_shows_in_no_name_error_or_repr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_URL", "postgresql://crm:hunter2@127.0.0.1:1/crm?connect_timeout=1")
    form = SourceForm(url="env:CRM_URL", query="SELECT 1")

    with pytest.raises(InputRefused) as refusal:
        open_source(form, tmp_path)

    assert "hunter2" not in f"{refusal.value} {refusal.value!r} {form!r}"
    assert str(refusal.value).startswith("rows of postgresql://127.0.0.1:1/crm: ")

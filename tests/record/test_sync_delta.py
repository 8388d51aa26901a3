"""A delta by query: only what has changed since is asked for, read and touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select, text
from tests.record.crm import postgres_crm
from tests.record.derived import derived, sorted_rows
from tests.record.make import TOML, make_company, make_customer, make_premise

from outreach.addresses import Keyring
from outreach.record.sync import sync_record
from outreach.store import tables as t
from outreach.store.session import Database, normalised_url

NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
COMPANY = [make_customer(str(number), id=f"I{number}") for number in range(1, 6)]
PREMISES = [make_premise(f"P{number}", str(number)) for number in range(1, 6)]
COLUMNS = [*COMPANY[0], "changed"]


@pytest.fixture
def crm(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Engine]:
    """The company's own database, of the same kind as ours, with five customers of five hours."""
    if database.is_sqlite:
        yield from _filled(tmp_path, "sqlite:///crm.db", f"sqlite:///{tmp_path / 'crm.db'}")
        return
    with postgres_crm(request.getfixturevalue("postgres_url"), {}) as url:
        yield from _filled(tmp_path, url, url)


def _filled(folder: Path, said: str, url: str) -> Iterator[Engine]:
    (folder / ".env").write_text(f"CRM_URL='{said}'\n")
    engine = create_engine(normalised_url(url))
    kind = "TEXT" if engine.dialect.name == "sqlite" else "TIMESTAMPTZ"
    columns = ", ".join(f'"{name}" TEXT' for name in COLUMNS[:-1])
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE clientes ({columns}, changed {kind})"))
    for hour, row in enumerate(COMPANY):
        put(engine, row, f"2026-06-10T0{hour}:30:00+00:00")
    yield engine
    engine.dispose()


def put(crm: Engine, row: dict[str, str], changed: str) -> None:
    """Inserts the row, or replaces the one of its account."""
    kind = "TEXT" if crm.dialect.name == "sqlite" else "TIMESTAMPTZ"
    marks = ", ".join(f":{name}" for name in COLUMNS[:-1])
    insert = f"INSERT INTO clientes VALUES ({marks}, CAST(:changed AS {kind}))"  # noqa: S608  ours
    with crm.begin() as connection:
        connection.execute(text("DELETE FROM clientes WHERE account = :account"), row)
        connection.execute(text(insert), row | {"changed": changed})


def toml(condition: str) -> str:
    """The mapping with a query in place of the customers' file."""
    query = f"SELECT * FROM clientes WHERE changed {condition} :since ORDER BY account"  # noqa: S608
    source = f'url = "env:CRM_URL"\nquery = "{query}"'
    return TOML.replace('file = "customers.csv"', source).replace(
        'updated = "updated"\n[customers.states]',
        'updated = "updated"\nchanged = "changed"\n[customers.states]',
    )


def _watermark(database: Database) -> datetime:
    with database.read() as session:
        s = t.record_source.c
        row = session.execute(select(s.watermark).where(s.name.endswith("customers")))
        return datetime.fromisoformat(row.scalar_one()).astimezone(UTC)


def _loaded(database: Database) -> list[Any]:
    """When each row was last written, and all that follows from the rows."""
    with database.read() as session:
        a, c = t.account.c, t.customer.c
        return [
            sorted_rows(session, select(a.ref, a.loaded_at, a.source_record, a.source_hash)),
            sorted_rows(session, select(c.id, c.ref, c.name_sealed)),
            derived(database),
        ]


def test_a_delta_reads_what_changed_and_closes_nothing(
    database: Database, keyring: Keyring, tmp_path: Path, crm: Engine
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES, toml=toml(">"))
    first = sync_record(database, keyring, mapping, now=NOW)
    began_at = _watermark(database)
    put(crm, COMPANY[1] | {"email": "b@x.example"}, "2026-06-12T08:00:00.25+00:00")
    put(crm, make_customer("6", id="I6"), "2026-06-12T08:00:00+00:00")

    delta = sync_record(database, keyring, mapping, now=NOW + DAY, mode="delta")

    assert (first.customers.records, delta.customers.records) == (5, 2)
    assert (delta.customers.changed, delta.customers.new) == (1, 1)
    assert (delta.closed_accounts, delta.closed_premises, delta.people.customers) == (0, 0, 6)
    assert began_at == datetime(2026, 6, 10, 4, 30, tzinfo=UTC)
    assert _watermark(database) == datetime(2026, 6, 12, 8, 0, 0, 250_000, tzinfo=UTC)
    with database.read() as session:
        a = t.account.c
        late = session.scalars(select(a.ref).where(a.loaded_at == NOW + DAY))
        assert sorted(late) == ["2", "6"]


@pytest.mark.parametrize(("condition", "again"), [(">", 0), (">=", 1)])
def test_a_delta_of_nothing_new_touches_no_row(
    database: Database, keyring: Keyring, tmp_path: Path, crm: Engine, condition: str, again: int
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES, toml=toml(condition))
    sync_record(database, keyring, mapping, now=NOW)
    put(crm, COMPANY[1] | {"email": "b@x.example"}, "2026-06-12T08:00:00+00:00")
    sync_record(database, keyring, mapping, now=NOW + DAY, mode="delta")
    before, watermark = _loaded(database), _watermark(database)

    delta = sync_record(database, keyring, mapping, now=NOW + 2 * DAY, mode="delta")

    assert (delta.customers.records, delta.customers.unchanged) == (again, again)
    assert delta.changes["new"] + delta.changes["changed"] + delta.changes["closed"] == 0
    assert _loaded(database) == before
    assert _watermark(database) == watermark


def test_a_delta_that_fails_is_asked_again_from_where_the_last_one_ended(
    database: Database, keyring: Keyring, tmp_path: Path, crm: Engine
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES, toml=toml(">"))
    sync_record(database, keyring, mapping, now=NOW)
    put(crm, COMPANY[1] | {"email": "b@x.example"}, "2026-06-12T08:00:00+00:00")
    put(crm, COMPANY[2] | {"email": "c@x.example"}, "2026-06-12T09:00:00+00:00")

    def interrupted(stage: str, _count: int) -> None:
        if stage == "premises":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync_record(database, keyring, mapping, now=NOW + DAY, mode="delta", progress=interrupted)
    delta = sync_record(database, keyring, mapping, now=NOW + DAY, mode="delta")

    assert (delta.customers.records, delta.customers.changed) == (2, 2)


def test_a_full_load_by_query_closes_what_the_company_has_deleted(
    database: Database, keyring: Keyring, tmp_path: Path, crm: Engine
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES, toml=toml(">"))
    sync_record(database, keyring, mapping, now=NOW)
    with crm.begin() as connection:
        connection.execute(text("DELETE FROM clientes WHERE account = '5'"))

    delta = sync_record(database, keyring, mapping, now=NOW, mode="delta")
    full = sync_record(database, keyring, mapping, now=NOW)

    assert (delta.closed_accounts, full.closed_accounts) == (0, 1)
    assert full.customers.records == 4

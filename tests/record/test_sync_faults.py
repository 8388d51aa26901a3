"""What goes wrong around a load: lost connections, full disks, broken files, Ctrl-C. The next one mends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, func, select, text
from tests.record.crm import Export, postgres_crm
from tests.record.derived import derived, fresh
from tests.record.make import TOML, make_company, make_customer, make_premise

from outreach.addresses import Keyring
from outreach.model.errors import InputRefused, StoreUnusable
from outreach.model.words import LoadState
from outreach.record import merge_accounts, merge_premises, reading
from outreach.record.blocks import LONGEST_LINE
from outreach.record.mapping import Mapping
from outreach.record.sync import sync_record
from outreach.store import tables as t
from outreach.store.session import Database, normalised_url

NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MOBILE = "+56983737357"
COMPANY = [
    make_customer("1", id="A", phone=MOBILE, life="S", since="2025-06-13"),
    make_customer("2", id="A"),
    make_customer("3", phone=MOBILE, sms="N"),
]
PREMISES = [make_premise("P1", "1"), make_premise("P2", "2", transformer="T2")]
LATER = [COMPANY[0], make_customer("2", id="B", email="b@x.example"), make_customer("4")]
LATER_PREMISES = [make_premise("P1", "2"), make_premise("P4", "4", locality="TALCA")]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and slices of a row or two, so that a small company takes many transactions."""
    monkeypatch.setattr(reading, "CHUNK", 2)
    monkeypatch.setattr(merge_accounts, "SLICE", 1)
    monkeypatch.setattr(merge_premises, "SLICE", 1)


def left_over(database: Database) -> list[str]:
    """Tables of work that hold something though no load is at work, and states of loads that have not ended."""
    tables = (t.stage_account, t.stage_premise, t.stage_gone, t.touched_customer, t.touched_premise)
    with database.read() as session:
        full = [
            table.name
            for table in tables
            if session.execute(select(func.count()).select_from(table)).scalar_one()
        ]
        ended = (LoadState.DONE, LoadState.REFUSED)
        return full + [
            state for state in session.scalars(select(t.record_load.c.state)) if state not in ended
        ]


def expected(template: Path, keyring: Keyring, mapping: Mapping, now: datetime) -> Any:
    """What a new record says after one load of these files."""
    database = fresh(mapping.folder, template, "expected")
    sync_record(database, keyring, mapping, now=now)
    said = derived(database)
    database.close()
    return said


def test_a_crm_that_goes_away_in_the_middle_changes_nothing(
    database: Database,
    keyring: Keyring,
    tmp_path: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 2)
    sync_record(database, keyring, make_company(tmp_path, COMPANY, PREMISES), now=NOW)
    before = derived(database)
    rows = [make_customer(str(number)) for number in range(1, 30)]
    table = Export(
        table="clientes",
        columns=(*rows[0],),
        rows=tuple(tuple(row.values()) for row in rows),
        left_out={},
    )
    with postgres_crm(postgres_url, {"customers": table}) as url:
        (tmp_path / ".env").write_text(f"CRM_URL='{url}'\n")
        source = 'url = "env:CRM_URL"\nquery = "SELECT * FROM clientes ORDER BY fila"\nbatch = 2'
        toml = TOML.replace('file = "customers.csv"', source)
        mapping = make_company(tmp_path, COMPANY, PREMISES, toml=toml)

        with pytest.raises(InputRefused) as refusal:
            sync_record(
                database, keyring, mapping, now=NOW, progress=lambda *_: _cut_off(url, "outreach")
            )
        after = derived(database), left_over(database)
        report = sync_record(database, keyring, mapping, now=NOW)

    said = str(refusal.value)
    assert after == (before, [])
    assert said.startswith("customers of postgresql://")
    assert "the connection was lost after " in said
    assert said.endswith(" rows; nothing of it counts; run the command again")
    assert "\n" not in said
    assert (report.customers.taken, report.people.customers) == (29, 29)


def _cut_off(url: str, name: str) -> None:
    """Ends every connection of that application to the database, as its restart would."""
    engine = create_engine(normalised_url(url))
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = :name"
            ),
            {"name": name},
        )
    engine.dispose()


@contextmanager
def limited(database: Database, pages: int) -> Iterator[None]:
    """The file may grow by so many pages; then SQLite says what it says of a full disk."""
    with database.read() as session:
        used = session.execute(text("PRAGMA page_count")).scalar_one()

    def limit(connection: Any, _entry: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {used + pages}")

    event.listen(database.engine, "connect", limit)
    database.engine.dispose()
    yield
    event.remove(database.engine, "connect", limit)
    database.engine.dispose()


def test_a_full_disk_says_so_and_the_load_goes_on_when_there_is_room(
    sqlite_template: Path, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((merge_accounts, "SLICE"), (merge_premises, "SLICE"), (reading, "CHUNK")):
        monkeypatch.setattr(module, name, 20)
    rows = [make_customer(str(n), phone=f"+569837373{n:02}") for n in range(1, 61)]
    places = [make_premise(f"P{n}", str(n)) for n in range(1, 61)]
    mapping = make_company(tmp_path, rows, places)
    wanted = expected(sqlite_template, keyring, mapping, NOW)
    empty: list[Any] = [[] for _name in wanted]
    states, pages = set(), 0

    while LoadState.DONE not in states:
        database = fresh(tmp_path, sqlite_template, f"full{pages}")
        with limited(database, pages):
            state = _loaded_or_full(database, keyring, mapping)
        states.add(state)
        if state == LoadState.REFUSED:
            assert [*derived(database).values()] == empty
            assert left_over(database) == []
        sync_record(database, keyring, mapping, now=NOW)

        assert derived(database) == wanted, pages
        assert left_over(database) == [], pages
        database.close()
        pages += 4

    assert states >= {LoadState.REFUSED, LoadState.MERGING, LoadState.DONE}


def _loaded_or_full(database: Database, keyring: Keyring, mapping: Mapping) -> str:
    """How the load ended."""
    try:
        sync_record(database, keyring, mapping, now=NOW)
    except StoreUnusable as error:
        said = str(error)
        assert said.endswith(
            "no disk space left; nothing is half-written; free some, and run it again"
        )
    with database.read() as session:
        newest = select(t.record_load.c.state).order_by(t.record_load.c.id.desc()).limit(1)
        return str(session.scalars(newest).one())


def test_rows_that_are_broken_stay_outside_with_file_record_and_line(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES)
    path = tmp_path / "customers.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    nul = lines[1].replace(b'"1"', b'"5"').replace(b"Ana", b"A\0a")
    bad = lines[1].replace(b'"1"', b'"6"').replace(b"Ana", b"A\xffa")
    two_lines = lines[1].replace(b'"1"', b'"7"').replace(b"Ana", b"Ana\nEva")
    path.write_bytes(
        b"".join([*lines[:2], nul, two_lines, b"ragged,row\n", bad, b"\n", *lines[2:]])
    )

    report = sync_record(database, keyring, mapping, now=NOW)

    assert [(one.file, one.record, one.line, one.reason) for one in report.refused] == [
        ("customers.csv", 3, 3, "nul_byte"),
        ("customers.csv", 5, 6, "wrong_column_count"),
        ("customers.csv", 6, 7, "undecodable"),
    ]
    assert report.customers.refused == {"nul_byte": 1, "wrong_column_count": 1, "undecodable": 1}
    with database.read() as session:
        assert sorted(session.scalars(select(t.account.c.ref))) == ["1", "2", "3", "7"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
@pytest.mark.parametrize("said", ["utf-16", "auto"])
def test_a_utf_16_export_gives_the_same_record(
    sqlite_template: Path, keyring: Keyring, tmp_path: Path, encoding: str, said: str
) -> None:
    rows = [*COMPANY, make_customer("5", name="Ñandú")]
    wanted = expected(sqlite_template, keyring, make_company(tmp_path, rows, PREMISES), NOW)
    toml = TOML.replace('"customers.csv"', f'"customers.csv"\nencoding = "{said}"')
    mapping = make_company(tmp_path, rows, PREMISES, toml=toml)
    path = tmp_path / "customers.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    database = fresh(tmp_path, sqlite_template, "utf16")

    sync_record(database, keyring, mapping, now=NOW)

    assert derived(database) == wanted
    database.close()


def _long_line(text: str) -> bytes:
    first, rest = text.split("\n", 1)
    return f"{first}\n1,{'x' * 2 * LONGEST_LINE}\n{rest}".encode()


def _long_cell(text: str) -> bytes:
    first, rest = text.split("\n", 1)
    return f"{first}\n1,{'x' * (LONGEST_LINE // 2)}\n{rest}".encode()


def _swallowed(text: str) -> bytes:
    return text.encode() + b'"never closed,' + b"line\n" * 3


def _other_encoding(text: str) -> bytes:
    return text.encode("utf-16")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (_long_line, "line 2: longer than 1,048,576 characters"),
        (_long_cell, "record 2, line 2: field larger than field limit"),
        (_swallowed, "record 5, line 5: the file ends inside it"),
        (_other_encoding, "not written in utf-8; set the encoding of the file in the mapping"),
    ],
)
@pytest.mark.parametrize("file", ["customers.csv", "premises.csv"])
def test_a_file_that_cannot_be_read_is_named_and_leaves_the_record_alone(
    database: Database, keyring: Keyring, tmp_path: Path, file: str, broken: Any, said: str
) -> None:
    sync_record(database, keyring, make_company(tmp_path, COMPANY, PREMISES), now=NOW)
    before = derived(database)
    three = [*LATER_PREMISES, make_premise("P3", "1")]
    mapping = make_company(tmp_path, LATER, three)
    whole = (tmp_path / file).read_text(encoding="utf-8")
    (tmp_path / file).write_bytes(broken(whole))

    with pytest.raises(InputRefused) as refusal:
        sync_record(database, keyring, mapping, now=NOW)
    after = derived(database), left_over(database)
    (tmp_path / file).write_text(whole, encoding="utf-8")
    report = sync_record(database, keyring, mapping, now=NOW)

    assert after == (before, [])
    assert str(refusal.value).startswith(f"{tmp_path / file}: {said}")
    assert "\n" not in str(refusal.value)
    assert (report.customers.taken, report.premises.taken) == (3, 3)


@pytest.mark.usefixtures("small")
def test_ctrl_c_in_any_phase_is_made_good_by_the_next_load(
    database: Database, keyring: Keyring, sqlite_template: Path, tmp_path: Path
) -> None:
    companies = [(COMPANY, PREMISES), (LATER, LATER_PREMISES)]
    heard: list[str] = []
    for company in companies:
        mapping = make_company(tmp_path, *company)
        sync_record(
            database, keyring, mapping, now=NOW, progress=lambda name, _: heard.append(name)
        )
    wanted = [
        expected(sqlite_template, keyring, make_company(tmp_path, *company), NOW)
        for company in companies
    ]
    stages = dict.fromkeys(heard)

    for number, stage in enumerate(stages):
        mapping = make_company(tmp_path, *companies[number % 2])
        with pytest.raises(KeyboardInterrupt):
            sync_record(database, keyring, mapping, now=NOW, progress=_pressed(stage))
        if stage in {"network", "customers"}:
            assert derived(database) == wanted[(number + 1) % 2], stage

        sync_record(database, keyring, mapping, now=NOW)

        assert derived(database) == wanted[number % 2], stage
        assert left_over(database) == [], stage
    assert {*stages} >= {"network", "customers", "premises", "accounts", "accounts closed",
                         "premises closed", "households", "reach"}  # fmt: skip


@pytest.mark.parametrize("stage", ["aging", "spelling"])
def test_ctrl_c_in_what_the_calendar_and_the_neighbours_change_is_made_good_too(
    database: Database, keyring: Keyring, sqlite_template: Path, tmp_path: Path, stage: str
) -> None:
    late = NOW + 2 * DAY
    places = [make_premise("P1", "1", locality="Nunoa")]
    sync_record(database, keyring, make_company(tmp_path, COMPANY, places), now=NOW)
    places += [make_premise(f"Q{number}", "2", locality="Ñuñoa") for number in range(3)]
    mapping = make_company(tmp_path, COMPANY, places)
    with pytest.raises(KeyboardInterrupt):
        sync_record(database, keyring, mapping, now=late, progress=_pressed(stage))

    sync_record(database, keyring, mapping, now=late)

    assert derived(database) == expected(sqlite_template, keyring, mapping, late)
    assert left_over(database) == []


def _pressed(stage: str) -> Any:
    def progress(name: str, _count: int) -> None:
        if name == stage:
            raise KeyboardInterrupt

    return progress

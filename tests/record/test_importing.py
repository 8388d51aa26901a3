"""An import from files to tables, and what a second one changes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, update
from tests.record.make import TOML, make_company, make_customer, make_premise

from outreach.addresses import Keyring
from outreach.model.errors import GuardRefused, InputRefused
from outreach.record.importing import import_record
from outreach.record.report import ImportReport, write_rejected
from outreach.store import changes, record, tables as t
from outreach.store.session import Database

NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)
BLNS = Path(__file__).parents[2].parent / "shared" / "corpora" / "blns" / "blns.json"
MOBILE, LANDLINE = "+56983737357", "+56722681768"


@pytest.fixture
def company() -> list[dict[str, str]]:
    return [
        make_customer("1", id="A", phone=MOBILE, email="ana@x.example", preferred="sms", life="S",
                      since="2026-01-01", language="pt", zone="America/Sao_Paulo"),
        make_customer("2", id="A", type="shop"),
        make_customer("3", phone=LANDLINE, state="dead", sms="S"),
        make_customer("4", phone=LANDLINE, sms="N", mail="", language="??", zone="Mars"),
        make_customer("5", state="gone"),
    ]  # fmt: skip


PREMISES = [
    make_premise("P1", "1", occupant="4", locality="TALCA"),
    make_premise("P2", "2", transformer="t2"),
    make_premise("P3", "3", transformer="T7", lat="x"),
    make_premise("P4", "3", transformer="T9", locality="talca ", lat="91"),
    make_premise("P5", "nobody", occupant="2", transformer="", zone="America/Lima"),
    make_premise("", "1"),
    make_premise("P1", "1", occupant="4", updated="2026-02-02"),
]


def _rows(database: Database, table: Table, *names: str) -> list[tuple[Any, ...]]:
    columns = [table.c[name] for name in names or [c.name for c in table.c]]
    with database.read() as session:
        return sorted(map(tuple, session.execute(select(*columns))), key=str)


def test_the_tables_say_what_the_files_say(
    database: Database, keyring: Keyring, tmp_path: Path, company: list[dict[str, str]]
) -> None:
    stages = []
    mapping = make_company(tmp_path, company, PREMISES)

    report = import_record(
        database, keyring, mapping, now=NOW, progress=lambda *said: stages.append(said)
    )

    assert _rows(database, t.account, "ref", "priority", "priority_expired") == [
        ("1", "A", False),
        ("2", "B", False),
        ("3", "C", False),
        ("4", "C", False),
    ]
    customers = _rows(database, t.customer, "ref", "locale", "zone", "preferred")
    assert [row[1:] for row in customers if row[0].startswith("C-")] == [
        ("es", "America/Santiago", None)
    ]
    assert _rows(database, t.household, "ref") == [("H-1",)]
    assert _rows(database, t.contact_point, "channel", "country", "prefix", "customers") == [
        ("email", "", "", 1),
        ("sms", "CL", "+5698", 1),
        ("voice", "CL", "+5672", 2),
        ("voice", "CL", "+5698", 1),
    ]
    assert _rows(database, t.premise, "ref", "tree_order", "locality", "zone") == [
        ("P1", 2, "Talca", "America/Santiago"),
        ("P2", 4, "Talca", "America/Santiago"),
        ("P3", -1, "Talca", "America/Santiago"),
        ("P4", 5, "Talca", "America/Santiago"),
        ("P5", -1, "Talca", "America/Lima"),
    ]
    assert report.warned == {
        "bad_coordinates": 2,
        "unknown_transformer": 1,
        "unconnected_transformer": 1,
        "unknown_customer": 1,
        "no_transformer": 1,
    }
    assert report.tallies.unknown_zones == {"Mars": 1}
    assert report.tallies.languages["es (unknown value)"] == 1
    assert [stage for stage, _count in stages] == [
        "customers", "network", "premises", "households", "writing", "reach",
    ]  # fmt: skip


def test_reach_has_one_row_for_each_contactable_point_and_premise(
    database: Database, keyring: Keyring, tmp_path: Path, company: list[dict[str, str]]
) -> None:
    import_record(database, keyring, make_company(tmp_path, company, PREMISES), now=NOW)

    names = ("tree_order", "channel", "channels", "priority", "preferred", "household", "country")
    rows = _rows(database, t.reach, *names)

    assert [row for row in rows if row[0] == 2] == [
        (2, "email", 7, "A", "", "H-1", ""),
        (2, "sms", 7, "A", "", "H-1", "CL"),
        (2, "voice", 4, "C", "", "H-1", "CL"),
        (2, "voice", 7, "A", "", "H-1", "CL"),
    ]
    assert {row[3] for row in rows if row[0] == 4} == {"B"}
    assert {row[0] for row in rows} == {-1, 2, 4}  # T9 holds only the deceased


def test_what_is_personal_stands_sealed_only(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    customer = make_customer(
        "1", name="Zoe Zuniga", phone=MOBILE, email="zoe@x.example", id="99Z-IDENTITY"
    )
    premises = [make_premise("P1", "1", street="Calle Secreta 7")]
    import_record(database, keyring, make_company(tmp_path, [customer], premises), now=NOW)

    clear = repr([_rows(database, table) for table in t.metadata.sorted_tables])

    for secret in ("Zuniga", "3737357", "zoe@", "Secreta", "99Z-IDENTITY"):
        assert secret not in clear
    with database.read() as session:
        assert keyring.open(session.scalars(select(t.customer.c.name_sealed)).one()) == "Zoe Zuniga"
        assert (
            keyring.open(session.scalars(select(t.premise.c.street_sealed)).one())
            == "Calle Secreta 7"
        )


_SEALED_ANEW = {"name_sealed", "street_sealed", "loaded_at"}


def _state(database: Database) -> dict[str, Any]:
    tables = (t.household, t.customer, t.account, t.premise, t.supply, t.contact_point,
              t.customer_contact, t.network_node, t.network_edge, t.reach, t.suppression)  # fmt: skip
    return {
        table.name: _rows(database, table, *[c.name for c in table.c if c.name not in _SEALED_ANEW])
        for table in tables
    }


def test_importing_again_changes_nothing_and_keeps_ids_and_suppressions(
    database: Database, keyring: Keyring, tmp_path: Path, company: list[dict[str, str]]
) -> None:
    mapping = make_company(tmp_path, company, PREMISES)
    first = import_record(database, keyring, mapping, now=NOW)
    with database.write() as session:
        session.execute(
            insert(t.suppression).values(
                address_hash=keyring.hash(MOBILE), channel="*", purpose="*", reason="STOP", at=NOW
            )
        )
    before = _state(database)

    second = import_record(database, keyring, mapping, now=NOW + timedelta(days=1))

    assert _state(database) == before
    assert second == first
    with database.read() as session:
        assert changes.counters(session)["record"] == 2
        freshness = record.freshness(session)
    assert freshness is not None
    assert (freshness.customers, freshness.premises) == (3, 5)
    assert freshness.loaded_at == NOW + timedelta(days=1)


def test_what_vanished_is_closed_and_comes_back_under_its_id(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    both = [make_customer("1", phone=MOBILE), make_customer("2", email="b@x.example")]
    premises = [make_premise("P1", "1"), make_premise("P2", "2")]
    import_record(database, keyring, make_company(tmp_path, both, premises), now=NOW)
    ids = _rows(database, t.customer, "ref", "id")

    one = make_company(tmp_path, both[:1], premises[:1])
    report = import_record(database, keyring, one, now=NOW + timedelta(days=1))

    closed = [("1", None), ("2", NOW + timedelta(days=1))]
    assert _rows(database, t.customer, "ref", "closed_at") == closed
    assert _rows(database, t.account, "ref", "closed_at") == closed
    assert [row[1] for row in _rows(database, t.premise, "ref", "closed_at")] == [
        None,
        NOW + timedelta(days=1),
    ]
    assert ("email", 0) in _rows(database, t.contact_point, "channel", "customers")
    assert (report.closed_customers, report.closed_premises) == (1, 1)

    import_record(database, keyring, make_company(tmp_path, both, premises), now=NOW)
    assert _rows(database, t.customer, "ref", "id") == ids
    assert {row[1] for row in _rows(database, t.customer, "ref", "closed_at")} == {None}


def test_a_bad_address_stays_bad_and_out_of_reach(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, [make_customer("1", phone=MOBILE)])
    import_record(database, keyring, mapping, now=NOW)
    with database.write() as session:
        sms = t.contact_point.c.channel == "sms"
        session.execute(update(t.contact_point).where(sms).values(bad_since=NOW))

    import_record(database, keyring, mapping, now=NOW)

    assert _rows(database, t.reach, "channel", "channels") == [("voice", 4)]


def test_half_an_export_is_refused_and_changes_nothing(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    many = [make_customer(str(number)) for number in range(1, 61)]
    import_record(database, keyring, make_company(tmp_path, many), now=NOW)
    before = _state(database)
    half = make_company(tmp_path, many[:30])

    with pytest.raises(GuardRefused, match=r"30 of 60 customers are missing"):
        import_record(database, keyring, half, now=NOW)

    assert _state(database) == before
    allowed = make_company(
        tmp_path, many[:30], toml=TOML.replace("[consent]", "may_vanish = 0.5\n[consent]")
    )
    assert import_record(database, keyring, allowed, now=NOW).closed_customers == 30


def test_an_address_of_many_joins_nobody_and_still_hears_unless_ignored(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    everybody = [make_customer(str(number), phone=MOBILE) for number in range(1, 13)]
    mapping = make_company(tmp_path, everybody)

    report = import_record(database, keyring, mapping, now=NOW)

    assert report.people.households == 12
    assert [(one.channel, one.ending, one.customers) for one in report.people.shared] == [
        ("phone", "7357", 12)
    ]
    assert _rows(database, t.contact_point, "channel", "customers") == [("sms", 12), ("voice", 12)]

    toml = TOML.replace("[consent]", 'shared = "ignore"\n[consent]')
    ignoring = make_company(tmp_path, everybody, toml=toml)
    assert import_record(database, keyring, ignoring, now=NOW).reach == 0


def test_a_company_without_network_file_reaches_people_by_locality(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    toml = TOML.partition("[network]")[0]
    customer = make_customer("1", phone=MOBILE)

    report = import_record(
        database, keyring, make_company(tmp_path, [customer], toml=toml), now=NOW
    )

    assert report.warned == {}
    assert _rows(database, t.reach, "tree_order", "locality") == [(-1, "Talca")] * 2


def test_a_register_without_date_or_limit_holds(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    toml = TOML.replace('valid_for = "1 year"', "").replace('ordinary_types = ["home"]', "")
    customers = [make_customer("1", life="S"), make_customer("2", type="shop")]
    mapping = make_company(tmp_path, customers, toml=toml)

    import_record(database, keyring, mapping, now=NOW)

    assert [row[1] for row in _rows(database, t.account, "ref", "priority")] == ["A", "C"]


def test_a_file_without_any_account_is_refused(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, [make_customer("")])

    with pytest.raises(InputRefused, match="most are refused as missing_customer_number"):
        import_record(database, keyring, mapping, now=NOW)


def test_dates_are_compared_with_the_companys_day(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, [make_customer("1", life="S", since="2026-06-13")])
    night = datetime(2026, 6, 13, 3, tzinfo=UTC)  # still the 12th in Santiago

    report = import_record(database, keyring, mapping, now=night)

    assert report.tallies.life_support == {"future_date": 1}
    assert _rows(database, t.account, "priority", "priority_expired") == [("C", True)]


@pytest.mark.skipif(not BLNS.exists(), reason=f"no corpora at {BLNS}")
def test_naughty_strings_pass_through_names_and_streets(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    strings = [text.replace("\0", "") for text in json.loads(BLNS.read_text())]
    customers = [
        make_customer(str(n), name=text, email=text, phone=text, zone=text, language=text)
        for n, text in enumerate(strings, 1)
    ]
    premises = [
        make_premise(f"P{n}", str(n), street=text, locality=text, lat=text)
        for n, text in enumerate(strings, 1)
    ]

    report = import_record(database, keyring, make_company(tmp_path, customers, premises), now=NOW)

    assert report.customers.taken == report.premises.taken == len(strings)
    with database.read() as session:
        names = {
            keyring.open(sealed) for sealed in session.scalars(select(t.customer.c.name_sealed))
        }
    assert names == {text.strip() for text in strings}


def test_rejected_rows_are_written_for_their_owner_only(
    tmp_path: Path, report: ImportReport
) -> None:
    path = tmp_path / "rejected.csv"
    path.write_text("old, and readable by everybody")

    write_rejected(report, path)

    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "record", "line", "reason", "detail"],
            ["customers.csv", "3", "3", "missing_customer_number", ""],
        ]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def report(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> ImportReport:
    path = tmp_path / "r.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    mapping = make_company(tmp_path, [make_customer("1"), make_customer("")])
    report = import_record(database, keyring, mapping, now=NOW)
    database.close()
    return replace(report)

"""An import from files to tables, and what a second one changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, update
from tests.record.make import TOML, make_company, make_customer, make_premise

from outreach.addresses import Keyring
from outreach.model.errors import GuardRefused, InputRefused
from outreach.record.sync import sync_record
from outreach.store import changes, generations, record, tables as t
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


def _places(database: Database) -> dict[str, int]:
    return dict(_rows(database, t.network_node, "ref", "tree_order"))


def test_the_tables_say_what_the_files_say(
    database: Database, keyring: Keyring, tmp_path: Path, company: list[dict[str, str]]
) -> None:
    stages: list[tuple[str, int]] = []
    mapping = make_company(tmp_path, company, PREMISES)

    report = sync_record(
        database,
        keyring,
        mapping,
        now=NOW,
        progress=lambda stage, count: stages.append((stage, count)),
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
    homes = {row[0] for row in _rows(database, t.customer, "household_id")}
    assert [ref for id_, ref in _rows(database, t.household, "id", "ref") if id_ in homes] == [
        "H-1"
    ]
    assert _rows(database, t.contact_point, "channel", "country", "prefix", "customers") == [
        ("email", "", "", 1),
        ("sms", "CL", "+5698", 1),
        ("voice", "CL", "+5672", 2),
        ("voice", "CL", "+5698", 1),
    ]
    at = _places(database)
    assert _rows(database, t.premise, "ref", "tree_order", "locality", "zone") == [
        ("P1", at["T1"], "Talca", "America/Santiago"),
        ("P2", at["T2"], "Talca", "America/Santiago"),
        ("P3", -1, "Talca", "America/Santiago"),
        ("P4", at["T9"], "Talca", "America/Santiago"),
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
    assert list(dict.fromkeys(stage for stage, _count in stages)) == [
        "network", "customers", "premises", "accounts", "households", "reach", "headcounts",
    ]  # fmt: skip


def test_reach_has_one_row_for_each_contactable_point_and_premise(
    database: Database, keyring: Keyring, tmp_path: Path, company: list[dict[str, str]]
) -> None:
    sync_record(database, keyring, make_company(tmp_path, company, PREMISES), now=NOW)

    names = ("tree_order", "channel", "channels", "priority", "preferred", "household", "country")
    rows = _rows(database, t.reach, *names)

    at = _places(database)
    by_place = {ref: [row[1:] for row in rows if row[0] == place] for ref, place in at.items()}
    assert by_place["T1"] == [
        ("email", 7, "A", "", "H-1", ""),
        ("sms", 7, "A", "", "H-1", "CL"),
        ("voice", 4, "C", "", "H-1", "CL"),
        ("voice", 7, "A", "", "H-1", "CL"),
    ]
    assert {row[2] for row in rows if row[0] == at["T2"]} == {7}
    assert [row[0] for row in by_place["T9"]] == [""]  # T9 holds only the deceased


def test_what_is_personal_stands_sealed_only(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    customer = make_customer(
        "1", name="Zoe Zuniga", phone=MOBILE, email="zoe@x.example", id="99Z-IDENTITY"
    )
    premises = [make_premise("P1", "1", street="Calle Secreta 7")]
    sync_record(database, keyring, make_company(tmp_path, [customer], premises), now=NOW)

    clear = repr([_rows(database, table) for table in t.metadata.sorted_tables])

    for secret in ("Zuniga", "3737357", "zoe@", "Secreta", "99Z-IDENTITY"):
        assert secret not in clear
    with database.read() as session:
        assert keyring.open(session.scalars(select(t.customer.c.name_sealed)).one()) == "Zoe Zuniga"
        assert (
            keyring.open(session.scalars(select(t.premise.c.street_sealed)).one())
            == "Calle Secreta 7"
        )


def _seen(database: Database) -> list[tuple[Any, ...]]:
    """(channel, channels) of reach as readers see it."""
    with database.read() as session:
        visible = generations.visible(t.reach, generations.current(session))
        rows = session.execute(select(t.reach.c.channel, t.reach.c.channels).where(visible))
        return sorted(map(tuple, rows))


def _told(database: Database) -> tuple[int, int]:
    """The generation that is seen, and how often anybody was told that the record has changed."""
    with database.read() as session:
        return generations.current(session), changes.counters(session)["record"]


_SEALED_ANEW: set[str] = set()


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
    first = sync_record(database, keyring, mapping, now=NOW)
    with database.write() as session:
        session.execute(
            insert(t.suppression).values(
                address_hash=keyring.hash(MOBILE), channel="*", purpose="*", reason="STOP", at=NOW
            )
        )
    before, told = _state(database), _told(database)

    second = sync_record(database, keyring, mapping, now=NOW + timedelta(days=1))

    assert _state(database) == before
    assert _told(database) == told
    assert second.people == first.people
    assert (second.warned, second.reach) == (first.warned, first.reach)
    assert first.changes == {"unchanged": 0, "new": 9, "changed": 0, "closed": 0}
    assert second.changes == {"unchanged": 9, "new": 0, "changed": 0, "closed": 0}
    with database.read() as session:
        freshness = record.freshness(session)
    assert freshness is not None
    assert (freshness.customers, freshness.premises) == (3, 5)
    assert freshness.loaded_at == NOW + timedelta(days=1)


def test_what_vanished_is_closed_and_comes_back_under_its_id(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    both = [make_customer("1", phone=MOBILE), make_customer("2", email="b@x.example")]
    premises = [make_premise("P1", "1"), make_premise("P2", "2")]
    sync_record(database, keyring, make_company(tmp_path, both, premises), now=NOW)
    ids = _rows(database, t.customer, "ref", "id")

    one = make_company(tmp_path, both[:1], premises[:1])
    report = sync_record(database, keyring, one, now=NOW + timedelta(days=1))

    closed = [("1", None), ("2", NOW + timedelta(days=1))]
    assert _rows(database, t.customer, "ref", "closed_at") == closed
    assert _rows(database, t.account, "ref", "closed_at") == closed
    assert [row[1] for row in _rows(database, t.premise, "ref", "closed_at")] == [
        None,
        NOW + timedelta(days=1),
    ]
    assert ("email", 0) in _rows(database, t.contact_point, "channel", "customers")
    assert (report.closed_customers, report.closed_premises) == (1, 1)

    sync_record(database, keyring, make_company(tmp_path, both, premises), now=NOW)
    assert _rows(database, t.customer, "ref", "id") == ids
    assert {row[1] for row in _rows(database, t.customer, "ref", "closed_at")} == {None}


def test_a_bad_address_stays_bad_and_out_of_reach(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, [make_customer("1", phone=MOBILE)])
    sync_record(database, keyring, mapping, now=NOW)
    with database.write() as session:
        sms = t.contact_point.c.channel == "sms"
        session.execute(update(t.contact_point).where(sms).values(bad_since=NOW))
    mapping = make_company(tmp_path, [make_customer("1", phone=MOBILE, name="Eva")])

    sync_record(database, keyring, mapping, now=NOW)

    assert _seen(database) == [("voice", 4)]


def test_half_an_export_is_refused_and_changes_nothing(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    many = [make_customer(str(number)) for number in range(1, 61)]
    sync_record(database, keyring, make_company(tmp_path, many), now=NOW)
    before = _state(database)
    half = make_company(tmp_path, many[:30])

    with pytest.raises(GuardRefused, match=r"30 of 60 accounts \(50%\) would be closed.* --yes"):
        sync_record(database, keyring, half, now=NOW)

    assert _state(database) == before
    allowed = make_company(
        tmp_path, many[:30], toml=TOML.replace("[consent]", "may_vanish = 0.5\n[consent]")
    )
    assert sync_record(database, keyring, allowed, now=NOW).closed_customers == 30
    few = make_company(tmp_path, many[:5])
    assert sync_record(database, keyring, few, now=NOW, yes=True).closed_accounts == 25


def test_an_address_of_many_joins_nobody_and_still_hears_unless_ignored(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    everybody = [make_customer(str(number), phone=MOBILE) for number in range(1, 13)]
    mapping = make_company(tmp_path, everybody)

    report = sync_record(database, keyring, mapping, now=NOW)

    assert report.people.households == 12
    assert [(one.channel, one.ending, one.customers) for one in report.people.shared] == [
        ("phone", "7357", 12)
    ]
    assert _rows(database, t.contact_point, "channel", "customers") == [("sms", 12), ("voice", 12)]

    toml = TOML.replace("[consent]", 'shared = "ignore"\n[consent]')
    ignoring = make_company(tmp_path, everybody, toml=toml)
    assert sync_record(database, keyring, ignoring, now=NOW).reach == 0
    assert {row[0] for row in _seen(database)} == {""}


def test_a_company_without_network_file_reaches_people_by_locality(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    toml = TOML.partition("[network]")[0]
    customer = make_customer("1", phone=MOBILE)

    report = sync_record(database, keyring, make_company(tmp_path, [customer], toml=toml), now=NOW)

    assert report.warned == {}
    assert _rows(database, t.reach, "tree_order", "locality") == [(-1, "Talca")] * 2


def test_a_register_without_date_or_limit_holds(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    toml = TOML.replace('valid_for = "1 year"', "").replace('ordinary_types = ["home"]', "")
    customers = [make_customer("1", life="S"), make_customer("2", type="shop")]
    mapping = make_company(tmp_path, customers, toml=toml)

    sync_record(database, keyring, mapping, now=NOW)

    assert [row[1] for row in _rows(database, t.account, "ref", "priority")] == ["A", "C"]


def test_a_file_without_any_account_is_refused(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, [make_customer("")])

    with pytest.raises(InputRefused, match="most are refused as missing_customer_number"):
        sync_record(database, keyring, mapping, now=NOW)


def test_dates_are_compared_with_the_companys_day(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, [make_customer("1", life="S", since="2026-06-13")])
    night = datetime(2026, 6, 13, 3, tzinfo=UTC)  # still the 12th in Santiago

    report = sync_record(database, keyring, mapping, now=night)

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

    report = sync_record(database, keyring, make_company(tmp_path, customers, premises), now=NOW)

    assert report.customers.taken == report.premises.taken == len(strings)
    with database.read() as session:
        names = {
            keyring.open(sealed) for sealed in session.scalars(select(t.customer.c.name_sealed))
        }
    assert names == {text.strip() for text in strings}

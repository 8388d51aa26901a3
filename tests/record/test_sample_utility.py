"""The sample utility, read through the mapping file of the docs: every figure of answers.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from outreach.addresses import Keyring
from outreach.model.occasion import Scope
from outreach.model.record import AffectedCounts, RowRefused
from outreach.record.mapping import read_mapping
from outreach.record.report import ImportReport
from outreach.record.sync import sync_record
from outreach.store import audience, scopes
from outreach.store.session import Database

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT.parent / "shared" / "sample-utility"
NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"no sample utility at {SAMPLE}")


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    body: dict[str, Any] = json.loads((SAMPLE / "answers.json").read_text())
    return body


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Any]:
    """(report, database) of one import; the figures are the same on both databases, see test_importing."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield _import(database), database
    database.close()


@pytest.fixture
def report(imported: tuple[ImportReport, Database]) -> ImportReport:
    return imported[0]


def _keyring() -> Keyring:
    return Keyring(seals={1: b"s" * 32}, hashing=b"h" * 32, tokens=b"t" * 32, ids=b"i" * 32)


def _import(database: Database) -> ImportReport:
    mapping = read_mapping(ROOT / "docs/examples/rio-claro/record.toml", folder=SAMPLE)
    return sync_record(database, _keyring(), mapping, now=NOW)


def _rows(rows: tuple[RowRefused, ...], reason: str) -> list[dict[str, int]]:
    return [{"record": row.record, "line": row.line} for row in rows if row.reason == reason]


def test_customer_records_are_taken_and_refused_row_by_row(
    report: ImportReport, answers: dict[str, Any]
) -> None:
    crm = answers["import"]["crm"]
    refused = tuple(row for row in report.refused if row.file == "crm_clientes.csv")

    assert report.customers.records == crm["data_records"]
    assert report.customers.taken == crm["accounts_importable"]
    assert report.customers.refused == {k: v["count"] for k, v in crm["rejected"].items()}
    for reason, expected in crm["rejected"].items():
        rows = _rows(refused, reason)
        assert rows[: len(expected["rows"])] == expected["rows"], reason


def test_duplicate_customer_records_are_told_apart(
    report: ImportReport, answers: dict[str, Any]
) -> None:
    crm = answers["import"]["crm"]
    found = {reason: len(records) for reason, records in report.customers.duplicates.items()}

    assert found == crm["duplicates"]
    assert {k: list(v) for k, v in report.customers.duplicates.items()} == {
        k: sorted(v) for k, v in crm["duplicate_records"].items()
    }
    assert len({*report.customers.duplicates}) == 3


def test_identities_languages_zones_and_registers_are_counted(
    report: ImportReport, answers: dict[str, Any]
) -> None:
    crm, seen = answers["import"]["crm"], report.tallies

    assert dict(seen.identities) == {
        "valid": crm["ruts"]["valid"],
        "invalid": crm["ruts"]["invalid_or_placeholder"],
        "blank": crm["ruts"]["blank"],
    }
    assert dict(seen.languages) == crm["languages"]
    assert dict(seen.zones) == crm["zones"]
    assert dict(seen.life_support) == crm["life_support_register"]
    assert seen.states["deceased"] == crm["deceased_accounts"]


def test_customers_and_households_are_joined(report: ImportReport, answers: dict[str, Any]) -> None:
    crm, people = answers["import"]["crm"], report.people

    assert people.customers == crm["customers"]
    assert people.customers_of_several_accounts == crm["customers_with_several_accounts"]
    assert people.households == crm["households"]
    assert people.households_of_several_customers == crm["households_with_several_customers"]
    assert people.largest_household == crm["largest_household_customers"]


def test_telephones_and_mails_become_contact_points(
    report: ImportReport, answers: dict[str, Any]
) -> None:
    crm, points = answers["import"]["crm"], report.people.contact_points
    expected = crm["contact_points"]
    shared = {f"+{one}" if one.isdigit() else one
              for one in expected["values_shared_by_more_than_10_customers"]}  # fmt: skip

    assert points == {
        "phone": expected["phone"],
        "mobile": expected["mobile"],
        "fixed": expected["fixed"],
        "email": expected["email"],
        "foreign_phone": expected["foreign_phones"],
    }
    assert {one.address_hash for one in report.people.shared} == {
        _keyring().hash(address) for address in shared
    }
    assert dict(report.tallies.refused_phones) == crm["refused_phone_pieces"]
    assert report.tallies.refused_emails.total() == crm["refused_emails"]


def test_reachable_customers_and_households_are_counted(
    report: ImportReport, answers: dict[str, Any]
) -> None:
    crm = answers["import"]["crm"]
    households = crm["reachable_households"]

    assert report.people.reachable_customers == crm["reachable_customers"]
    assert {k: report.people.reachable_households[k] for k in households} == households


def test_supply_points_are_taken_and_refused(report: ImportReport, answers: dict[str, Any]) -> None:
    gis = answers["import"]["gis"]
    refused = tuple(row for row in report.refused if row.file == "gis_suministros.csv")
    lost = {reason: len(records) for reason, records in report.premises.duplicates.items()}

    assert report.premises.records == gis["data_records"]
    assert report.premises.taken == gis["premises_importable"]
    assert {k: _rows(refused, k) for k in gis["rejected"]} == {
        k: v["rows"] for k, v in gis["rejected"].items()
    }
    assert report.premises.refused == {k: v["count"] for k, v in gis["rejected"].items()}
    assert lost == {
        "older_date": gis["duplicates"]["older_edit"],
        "identical": gis["duplicates"]["identical"],
    }
    assert report.warned == gis["warnings"]
    assert report.premises_connected == gis["premises_connected"]
    assert report.premises_without_customer == gis["premises_without_any_importable_customer"]


def test_the_network_is_read(report: ImportReport, answers: dict[str, Any]) -> None:
    network = answers["import"]["network"]
    words = {
        "substation": "subestacion",
        "feeder": "alimentador",
        "section": "seccion",
        "transformer": "transformador",
    }

    assert {words[k]: v for k, v in report.network.kinds.items()} == network["nodes"]
    assert report.network.edges == network["edges"]
    assert report.network.open_edges == network["open_points"]
    assert list(report.network.unknown_ends) == network["edge_ends_without_node"]
    assert list(report.network.unconnected) == network["unconnected_nodes"]
    assert report.network.loops == 0


def test_each_device_touches_exactly_the_people_under_it(
    imported: tuple[ImportReport, Database], answers: dict[str, Any]
) -> None:
    _report, database = imported

    with database.read() as session:
        found = {
            device: _as_answer(audience.affected(session, _under(session, device)))
            for device in answers["devices"]
        }

    expected = {
        device: {key: value for key, value in counts.items() if key != "type"}
        for device, counts in answers["devices"].items()
    }
    assert found == expected
    assert len(found) == 12


def _under(session: Any, device: str) -> scopes.Remaining:
    out = scopes.resolve(session, Scope(nodes=(device,)))
    return scopes.Remaining(occasion=0, version=1, out=out, back=scopes.Part())


def _as_answer(counts: AffectedCounts) -> dict[str, Any]:
    return {
        "premises": counts.premises,
        "accounts": counts.accounts,
        "customers": counts.customers,
        "households": counts.households,
        "life_support_valid_customers": counts.priority_customers,
        "life_support_flagged_not_valid_customers": counts.priority_expired_customers,
        "reachable_customers": counts.reachable,
    }


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_both_databases_hold_the_same_after_the_import(
    database: Database, report: ImportReport
) -> None:
    again = _import(database)

    assert again == report


def test_refused_rows_name_no_person(report: ImportReport, tmp_path: Path) -> None:
    details = Counter(row.detail for row in report.refused)

    named = ("column `", " instead of ")
    assert all(not detail or any(map(detail.__contains__, named)) for detail in details)

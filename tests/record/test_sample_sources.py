"""The sample utility out of databases and Parquet: the same figures as out of its CSV exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.record import crm, test_sample_utility as sample

from outreach.addresses import Keyring
from outreach.record.mapping import Mapping
from outreach.record.report import FileCounts, ImportReport
from outreach.record.sync import sync_record
from outreach.store.session import Database

Exports = dict[str, crm.Export]

pytestmark = pytest.mark.skipif(
    not sample.SAMPLE.exists(), reason=f"no sample utility at {sample.SAMPLE}"
)


@pytest.fixture(scope="module")
def exports() -> Exports:
    return crm.exports()


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    body: dict[str, Any] = json.loads((sample.SAMPLE / "answers.json").read_text())
    return body


@pytest.fixture
def mapping(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, exports: Exports
) -> Iterator[Mapping]:
    """The sample's mapping with its rows in the kind of source that the test names."""
    folder = tmp_path_factory.mktemp("source")
    if request.param == "parquet":
        crm.write_parquet(folder, exports)
        yield crm.parquet_mapping(folder, exports)
    elif request.param == "sqlite":
        yield crm.sql_mapping(folder, crm.sqlite_crm(folder, exports), exports)
    else:
        with crm.postgres_crm(request.getfixturevalue("postgres_url"), exports) as url:
            (folder / ".env").write_text(f"CRM_URL='{url}'\n")
            yield crm.sql_mapping(folder, "env:CRM_URL", exports)


@pytest.mark.no_cover  # other tests walk the same lines; traced, it takes twice as long
@pytest.mark.parametrize(
    ("mapping", "database"),
    [("sqlite", "sqlite"), ("parquet", "sqlite"), ("postgres", "postgres")],
    indirect=True,
    ids=["SQLite", "Parquet", "PostgreSQL"],
)
def test_every_figure_of_the_sample_is_the_same_whatever_holds_its_rows(
    mapping: Mapping,
    database: Database,
    keyring: Keyring,
    exports: Exports,
    answers: dict[str, Any],
) -> None:
    report = sync_record(database, keyring, mapping, now=sample.NOW)

    _rows_are_counted(report, exports, answers["import"])
    sample.test_identities_languages_zones_and_registers_are_counted(report, answers)
    sample.test_customers_and_households_are_joined(report, answers)
    sample.test_telephones_and_mails_become_contact_points(report, answers)
    sample.test_reachable_customers_and_households_are_counted(report, answers)
    sample.test_the_network_is_read(report, answers)
    sample.test_each_device_touches_exactly_the_people_under_it((report, database), answers)


def _rows_are_counted(report: ImportReport, exports: Exports, said: dict[str, Any]) -> None:
    """As from the CSV files, less the rows that no database could hold."""
    customers, premises, gis = report.customers, report.premises, said["gis"]

    _file(customers, exports["customers"].left_out, said["crm"])
    assert customers.taken == said["crm"]["accounts_importable"]
    assert customers.duplicate_counts == said["crm"]["duplicates"]
    _file(premises, exports["premises"].left_out, gis)
    assert premises.taken == gis["premises_importable"]
    assert premises.duplicate_counts == {
        "older_date": gis["duplicates"]["older_edit"],
        "identical": gis["duplicates"]["identical"],
    }
    assert report.warned == gis["warnings"]
    assert report.premises_connected == gis["premises_connected"]
    assert report.premises_without_customer == gis["premises_without_any_importable_customer"]


def _file(found: FileCounts, left_out: dict[str, int], said: dict[str, Any]) -> None:
    assert found.records == said["data_records"] - sum(left_out.values())
    assert left_out.items() <= {k: v["count"] for k, v in said["rejected"].items()}.items()
    assert found.refused == {
        reason: rows["count"] for reason, rows in said["rejected"].items() if reason not in left_out
    }

"""Call logs are taken in once, with bad rows named and good rows kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.make import make_contact_point

from outreach.addresses import Keyring
from outreach.deflection.calls import CallsReport, import_calls, plain_caller, plain_number
from outreach.deflection.calls_mapping import CallsMapping, read_calls_mapping
from outreach.model.errors import InputRefused
from outreach.store import tables as t
from outreach.store.session import Database

NOW = datetime(2026, 7, 12, 12, tzinfo=UTC)
HEADER = "id;when;from;to;line;how;waited;talked;ivr"
MAPPING = CallsMapping(
    delimiter=";",
    columns={
        "call_id": "id", "at": "when", "ani": "from", "dnis": "to", "queue": "line",
        "result": "how", "wait_s": "waited", "talk_s": "talked", "contained": "ivr",
    },
    at_format="%d-%m-%Y %H:%M:%S",
    zone="America/Santiago",
    abandoned=frozenset({"gone"}),
    contained=frozenset({"s"}),
    hidden=frozenset({"anonymous"}),
    outage_numbers=("600 200 1111",),
    region="CL",
)  # fmt: skip
GOOD = "1;12-07-2026 02:40:00;sip:+56961234567@carrier;6002001111;CORTES;GONE;70;0;N"


def take_in(database: Database, keyring: Keyring, path: Path, *rows: str) -> CallsReport:
    path = path / "calls.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return import_calls(database, keyring, MAPPING, path=path, now=NOW)


def test_a_call_is_kept_with_the_hash_of_its_caller_only(
    database: Database, keyring: Keyring, tmp_path: Path
):
    with database.write() as session:
        make_contact_point(session, address="+56961234567")

    report = take_in(database, keyring, tmp_path, GOOD)

    with database.read() as session:
        (row,) = session.execute(t.call.select()).all()
    assert row.at == datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
    assert row.address_hash == keyring.hash("+56961234567")
    assert (row.known, row.abandoned, row.contained, row.wait_s) == (True, True, False, 70)
    assert (report.imported, report.known, report.hidden, report.outage) == (1, 1, 0, 1)


def test_importing_again_and_transfers_change_nothing(
    database: Database, keyring: Keyring, tmp_path: Path
):
    transfer = GOOD.replace("CORTES", "SEGUNDA")
    take_in(database, keyring, tmp_path, GOOD, transfer)

    report = take_in(database, keyring, tmp_path, GOOD, transfer)

    with database.read() as session:
        assert [row.queue for row in session.execute(t.call.select())] == ["CORTES"]
    assert (report.rows, report.imported, report.repeated) == (2, 0, 2)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(GOOD.replace("1;", ";", 1), "call_id_missing", id="no id"),
        pytest.param(GOOD.replace("12-07-2026 02:40:00", ""), "at_missing", id="no time"),
        pytest.param(GOOD.replace("12-07", "32-07"), "time_unreadable", id="no such day"),
        pytest.param(GOOD.replace("2026", "2027"), "time_in_the_future", id="next year"),
        pytest.param(GOOD.replace(";70;", ";x;"), "wait_s_not_seconds", id="wait"),
        pytest.param("7", "at_missing", id="short row"),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_stay(
    database: Database, keyring: Keyring, tmp_path: Path, row, reason
):
    good = GOOD.replace("1;", "2;", 1)

    report = take_in(database, keyring, tmp_path, row, "", good)

    (refused,) = report.refused
    assert (refused.reason, refused.record, refused.line) == (reason, 2, 2)
    assert (report.rows, report.imported) == (2, 1)


@pytest.mark.parametrize("caller", ["Anonymous", "", "abc", "123"])
def test_a_withheld_or_unreadable_caller_still_called(
    database: Database, keyring: Keyring, tmp_path: Path, caller
):
    report = take_in(database, keyring, tmp_path, GOOD.replace("sip:+56961234567@carrier", caller))

    assert (report.imported, report.hidden) == (1, 1)


def test_progress_hears_of_the_rows(database: Database, keyring: Keyring, tmp_path: Path):
    path = tmp_path / "calls.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    heard: list[int] = []

    import_calls(database, keyring, MAPPING, path=path, now=NOW, progress=heard.append)

    assert heard == [1]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        pytest.param("<sip:+569@host>", "+569", id="sip in brackets"),
        pytest.param("tel:+569;phone-context=x", "+569", id="tel"),
        pytest.param("+569@carrier", "+569", id="host alone"),
        pytest.param(" 9 33 ", "9 33", id="plain"),
        pytest.param("name:55", "name:55", id="another scheme"),
    ],
)
def test_a_caller_field_is_stripped_of_its_wrapping(written, plain):
    assert plain_caller(written) == plain


def test_a_dialled_number_is_its_digits_or_what_it_says():
    assert plain_number("600-200 1111") == "6002001111"
    assert plain_number("CORTES") == "CORTES"


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        pytest.param(b"id,when\n1,2\n", "no column", id="other columns"),
        pytest.param(HEADER.encode() + b"\n\xff\n", "not utf-8", id="other encoding"),
        pytest.param(HEADER.encode() + b"\n" + b"x" * 140_000, "delimiter", id="no csv"),
        pytest.param(b"", "no column", id="empty"),
    ],
)
def test_a_file_that_is_not_as_the_mapping_says_is_refused_in_one_line(
    database: Database, keyring: Keyring, tmp_path: Path, body, sign
):
    path = tmp_path / "calls.csv"
    path.write_bytes(body)

    with pytest.raises(InputRefused, match=sign):
        import_calls(database, keyring, MAPPING, path=path, now=NOW)


def test_a_missing_file_is_refused(database: Database, keyring: Keyring, tmp_path: Path):
    with pytest.raises(InputRefused, match="not found"):
        import_calls(database, keyring, MAPPING, path=tmp_path / "no.csv", now=NOW)


PLAIN = """
[columns]
call_id = "id"
at = "when"
ani = "from"
dnis = "to"
[at]
format = "%Y-%m-%dT%H:%M:%S%z"
"""


def test_a_small_mapping_suffices_and_the_offset_in_the_file_wins(tmp_path: Path):
    path = tmp_path / "calls.toml"
    path.write_text(PLAIN)

    mapping = read_calls_mapping(path)

    assert mapping.instant("2026-07-12T02:40:00-0400") == datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
    assert mapping.outage_numbers == ()


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        pytest.param("x = [", "not TOML", id="no toml"),
        pytest.param("outage = 3\n" + PLAIN, r"outage: must be a table", id="no table"),
        pytest.param(PLAIN + "[more]\n", r"\[more\]: unknown table", id="unknown table"),
        pytest.param(PLAIN + 'zona = "x"\n', "at.zona: unknown key", id="unknown key"),
        pytest.param(PLAIN + 'zone = "Mars"\n', "no IANA zone", id="unknown zone"),
        pytest.param(PLAIN + "zone = 3\n", "at.zone: must be a text", id="zone a number"),
        pytest.param(PLAIN + "[words]\nhidden = 0\n", "must be a list of texts", id="no list"),
        pytest.param(PLAIN.replace('dnis = "to"', ""), "columns.dnis: missing", id="column"),
        pytest.param(PLAIN.replace("%z", ""), "at.zone: missing", id="no zone"),
        pytest.param(PLAIN.partition("[at]")[0], "at.format: missing", id="no format"),
    ],
)
def test_a_wrong_mapping_names_its_key(tmp_path: Path, body, sign):
    path = tmp_path / "calls.toml"
    path.write_text(body)

    with pytest.raises(InputRefused, match=sign):
        read_calls_mapping(path)


def test_a_missing_mapping_is_refused(tmp_path: Path):
    with pytest.raises(InputRefused, match="not found"):
        read_calls_mapping(tmp_path / "calls.toml")

"""`outreach record check`: the life-support register for those who keep it."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from sqlalchemy import update
from tests.entry.telling import lines, night, rows

from outreach.store import tables as t

FINDINGS = {
    "deceased": 0, "undeliverable": 0, "expired": 1, "expiring": 1, "no_date": 0, "bad_date": 0,
    "future_date": 0, "duplicate": 0, "never_confirmed": 2, "no_second_channel": 2,
}  # fmt: skip


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    """Account 1 ends this month, account 5 has ended."""
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    with made.database.write() as session:
        for ref, until in (("C-0001", date(2026, 7, 30)), ("C-0005", date(2026, 7, 1))):
            session.execute(
                update(t.account)
                .where(t.account.c.ref == ref)
                .values(life_support="valid", life_support_until=until)
            )
    return made


def test_machines_get_counts_and_entries_without_any_address(terminal):
    found = terminal.answer("record", "check")

    assert found["counts"] == FINDINGS
    assert found["entries"][0] == {
        "account": "C-0005", "locality": "Ñuñoa", "finding": "expired", "until": "2026-07-01",
        "what_to_do": "ask whether it is still needed, and renew it",
    }  # fmt: skip
    assert [row["finding"] for row in found["entries"]] == [
        "expired", "expiring", *["never_confirmed"] * 2, *["no_second_channel"] * 2,
    ]  # fmt: skip
    assert "+56" not in str(found)
    assert rows(terminal, "audit") == []


def test_people_get_counts_then_rows(terminal):
    shown = lines(terminal.run("record", "check", "--within", "10d"))

    assert "about to expire        0" in shown
    assert any("C-0005" in line and "expired" in line and "renew" in line for line in shown)
    assert not any("about to expire" in line and "C-0001" in line for line in shown)


def test_a_clean_register_is_said_to_be_clean(terminal):
    with terminal.database.write() as session:
        session.execute(update(t.account).values(life_support=""))

    shown = terminal.run("record", "check")

    assert (shown.exit_code, shown.stderr) == (0, "the register is clean\n")


def test_csv_on_stdout_has_the_rows_alone(terminal):
    shown = terminal.run("record", "check", "--format", "csv")

    assert len(list(csv.DictReader(io.StringIO(shown.stdout)))) == 6


def test_the_field_team_gets_a_file_with_streets_and_phones_and_it_is_audited(terminal, tmp_path):
    file = tmp_path / "visits.csv"
    file.write_text("old")
    file.chmod(0o644)

    counts = terminal.answer("record", "check", "--csv", str(file), "--with-addresses")

    assert counts == FINDINGS
    with file.open(encoding="utf-8", newline="") as opened:
        found = list(csv.DictReader(opened))
    assert (found[0]["account"], found[0]["street"]) == ("C-0005", "Calle 1")
    assert found[0]["phones"] == "+56970000005"
    assert file.stat().st_mode & 0o777 == 0o600
    [entry] = rows(terminal, "audit")
    assert (entry["action"], entry["detail"]) == ("register.addresses", {"opened": 2})


def test_a_file_with_rows_leaves_the_counts_on_the_screen(terminal, tmp_path):
    file = tmp_path / "visits.csv"

    shown = terminal.run("record", "check", "--csv", str(file))

    assert "expired                1" in lines(shown)
    assert "6 rows in" in shown.stderr
    assert "C-0005" not in shown.stdout
    assert "street" not in file.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--within", "soon"], "not a length of time"),
        (["--csv", "no-such-folder/visits.csv"], "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_done_is_said(terminal, words, said):
    shown = terminal.run("record", "check", *words)

    assert shown.exit_code == 1
    assert said in shown.stderr

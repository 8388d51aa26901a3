"""`outreach person` and `outreach retention` at the terminal."""

from __future__ import annotations

import csv
import json

import pytest
from tests.entry.cli_runs import NOW
from tests.entry.telling import lines, night, send, tripped

from outreach.campaigns import person as asks
from outreach.entry.cli import person, retention

PHONE, REF = "+56970000002", "K-0002"


@pytest.fixture(scope="module")
def told(tmp_path_factory, sqlite_template):
    """The town after a night in which everybody was told; the tests of this file share it, each with a person of its own."""
    with pytest.MonkeyPatch.context() as patch:
        made = night(tmp_path_factory.mktemp("person") / "luz", sqlite_template, patch)
        tripped(made)
        send(made, at=NOW)
        yield made


def test_an_export_is_a_file_for_its_owner_alone_with_text_and_basis_of_each_message(told):
    file = told.folder / "canela.json"

    done = told.run("person", "export", PHONE, "--to", str(file), "--reason", "letter 1")

    held = json.loads(file.read_text())["held"]
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert held["customer"][0]["ref"] == REF
    assert held["contact_points"][0]["address"] == PHONE
    assert {one["basis"] for one in held["messages"]} == {"contract"}
    assert all(one["text"] for one in held["messages"])
    assert PHONE not in done.output
    file.unlink()


def test_an_export_as_csv_has_a_line_a_fact(told):
    rows = list(
        csv.reader(told.run("person", "export", REF, "--format", "csv").stdout.splitlines())
    )

    assert rows[0] == ["section", "number", "field", "value", "source", "at", "basis"]
    assert ["contact_points", "1", "address", PHONE] in [row[:4] for row in rows]


def test_an_export_never_overwrites_a_file(told):
    (told.folder / "there.json").write_text("mine")

    refused = told.run("person", "export", REF, "--to", str(told.folder / "there.json"))

    assert refused.exit_code == 1
    assert (told.folder / "there.json").read_text() == "mine"


def test_a_restriction_is_put_on_and_taken_off(told):
    put = told.answer("person", "restrict", "K-0003", "--reason", "disputes it")
    off = told.answer("person", "restrict", "K-0003", "--lift")

    assert (put["restricted"], put["addresses"], off["addresses"]) == (True, 1, 1)


def test_a_request_is_listed_with_the_day_by_which_it_is_owed(told):
    told.answer("person", "ask", "K-0004", "--kind", "erase", "--reason", "letter 2")

    (one,) = told.answer("person", "list")

    assert (one["person"], one["kind"], one["state"]) == ("K-0004", "erase", "open")
    assert one["owed_by"][:10] == "2026-08-15"


def test_nobody_is_erased_without_the_ref_typed_again(told):
    refused = told.run("person", "erase", REF, "--reason", "letter 2", "--confirm", "K-0003")

    assert refused.exit_code == 3
    assert "nothing was erased" in refused.output


def test_what_was_typed_never_stands_in_a_message(told):
    unknown = told.run("person", "export", "+56971239998")

    assert unknown.exit_code == 1
    assert "71239998" not in unknown.output


def test_an_erasure_cleans_our_files_and_names_those_that_are_not_ours(told):
    exports, source = told.folder / "exports", told.folder / "crm.csv"
    exports.mkdir(exist_ok=True)
    (exports / "letters.csv").write_text("ref,name\nK-0006,X\nK-0003,Y\n")
    source.write_text("C-0006;+56970000006\n")

    done = told.run(
        "person", "erase", "K-0006", "--reason", "letter 2", interactive=True, typed="K-0006\n"
    )

    shown = "\n".join(lines(done))
    gone = told.run("person", "export", "+56970000006")
    assert done.exit_code == 0, done.output
    assert "erased: 1 accounts, 1 addresses" in shown
    assert "crm.csv" in shown
    assert (exports / "letters.csv").read_text() == "ref,name\nK-0003,Y\n"
    assert gone.exit_code == 1
    erased = [one for one in told.answer("person", "list", "--all") if one["kind"] == "erase"]
    assert "done" in {one["state"] for one in erased}


def test_the_audit_of_it_all_verifies(told):
    assert told.run("audit", "verify").exit_code == 0


def test_retention_shows_each_class_and_a_dry_run_lets_nothing_go(told):
    shown = told.answer("retention", "show")
    would = told.answer("retention", "run", "--dry-run")
    gone = told.answer("retention", "run")

    assert {one["class"] for one in shown} == set(retention._NAMES)
    assert {one["days"] for one in shown} >= {90, 730, 1825}
    assert [one["rows"] for one in would] == [one["rows"] for one in gone] == [0] * 7


def test_every_kind_of_request_has_words():
    assert set(person._KINDS) == set(asks.KINDS)

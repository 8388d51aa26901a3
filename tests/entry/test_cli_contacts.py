"""`outreach contacts import` reads every form, from files, streams and logs that grow."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests.deflection.contact_records import CAME, NOW, cdr, conversation, record
from tests.deflection.test_contacts_follow import HEADER, drained, follower, row
from tests.entry.cli_runs import lay_out, run

from outreach.entry.cli.contacts import follow_file

CDR = cdr(start="2026-07-12 02:40:00", lastapp="Queue", lastdata="OUTAGE")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    return lay_out(tmp_path_factory.mktemp("luz") / "w", database=sqlite_template)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("asterisk", CDR),
        ("genesys", json.dumps({"conversations": [conversation()]})),
        ("connect", json.dumps(record()) + json.dumps(record(InitiationMethod="OUTBOUND"))),
    ],
)
def test_a_platforms_log_needs_no_mapping(folder, tmp_path, form, text):
    (tmp_path / "log").write_text(text)
    words = ("contacts", "import", str(tmp_path / "log"), "--as", form, "--format", "json")

    first = json.loads(run(*words, workspace=folder).stdout)
    again = json.loads(run(*words, workspace=folder).stdout)

    assert (first["imported"], first["passed"], first["rejected"]) == (1, form == "connect", 0)
    assert (again["imported"], again["repeated"], again["completed"]) == (0, 1, 0)


def test_a_stream_is_read_from_standard_input(folder, tmp_path):
    mapping = tmp_path / "calls.toml"
    mapping.write_text(
        '[columns]\ncall_id = "id"\nat = "t"\nani = "a"\ndnis = "d"\n[at]\nformat = "epoch"\n'
    )
    line = json.dumps({"id": "s-1", "t": int(CAME.timestamp()), "a": "", "d": "600"})

    shown = run(
        "contacts", "import", "-", "--as", "jsonl", "--mapping", str(mapping), "--format", "json",
        workspace=folder, typed=f"{line}\n",
    )  # fmt: skip

    assert shown.exit_code == 0, shown.output + repr(shown.exception)
    assert json.loads(shown.stdout)["imported"] == 1


@pytest.mark.parametrize(
    ("words", "sign"),
    [
        (("-", "--as", "asterisk", "--follow"), "read until it ends"),
        (("nowhere.csv", "--as", "asterisk", "--follow"), "nowhere.csv: not found"),
        (("nowhere.csv", "--as", "asterisk"), "nowhere.csv: not found"),
        (("nowhere.csv", "--as", "jsonl"), "calls.toml: not found"),
    ],
)
def test_what_cannot_be_read_is_one_line(folder, words, sign):
    shown = run("contacts", "import", *words, workspace=folder)

    assert shown.exit_code == 1
    assert sign in shown.stderr.replace("\n", " ")


def test_a_log_of_another_form_says_so(folder, tmp_path):
    (tmp_path / "log").write_text("a,b\n1,2\n")

    shown = run("contacts", "import", str(tmp_path / "log"), "--as", "genesys", workspace=folder)

    assert shown.exit_code == 1
    assert "is --as the form of this log?" in shown.stderr
    assert "not_json 1" in shown.stdout


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_following_looks_again_each_second_until_ctrl_c(database, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + row(1))
    log = follower(database, path)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt
        with path.open("a") as file:
            file.write(row(2))

    follow_file(log, sleep=sleep, now=lambda: NOW + timedelta(seconds=len(slept)))

    assert slept == [1.0, 1.0]
    assert drained(log).intake.report.imported == 2

"""The commands that take files in: the record, and the log of calls."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.entry.cli_runs import NOW, run
from tests.record.make import make_company, make_customer

from outreach.entry.cli.rejected import write_rejected
from outreach.model.record import RowRefused

# ── record and contacts ──────────────────────────────────────────────────────────────────────


def test_the_record_is_imported_and_its_rejected_rows_are_kept_apart(folder, tmp_path):
    shared = [make_customer(str(each), phone="+56991234567") for each in range(1, 13)]
    make_company(tmp_path, [*shared, make_customer("")])

    shown = run(
        "record",
        "import",
        "--mapping",
        str(tmp_path / "record.toml"),
        "--format",
        "json",
        workspace=folder,
        interactive=True,
    )

    figures = json.loads(shown.stdout)
    assert figures["customers"] > 0
    assert "customers" in shown.stderr
    assert "…4567: held by 12 customers" in shown.stderr
    assert figures["refused"] == sum(figures["rejected_reasons"].values()) == 1
    assert Path(figures["rejected_file"]).exists()


def test_rejected_rows_go_to_a_file_for_its_owner(tmp_path):
    rows = [RowRefused(file="a.csv", record=3, line=4, reason="length", detail="=1+1")]

    path = write_rejected(rows, workspace=tmp_path, source="a", now=NOW)

    assert path is not None
    assert path == tmp_path / "rejected" / "a-20260716T064300Z.csv"
    assert path.read_text() == "file,record,line,reason,detail\na.csv,3,4,length,'=1+1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_rejected_leaves_no_file(tmp_path):
    assert write_rejected([], workspace=tmp_path, source="a", now=NOW) is None
    assert list(tmp_path.iterdir()) == []


CALLS = """
[columns]
call_id = "id"
at = "at"
ani = "from"
dnis = "to"
[at]
format = "%Y-%m-%d %H:%M:%S"
zone = "America/Santiago"
"""


def test_calls_are_imported_once_and_bad_rows_rejected(folder, tmp_path):
    (tmp_path / "calls.toml").write_text(CALLS)
    (tmp_path / "calls.csv").write_text(
        "id,at,from,to\n1,2026-07-16 02:00:00,+56911112222,600\n2,never,+56911112222,600\n"
    )
    words = ("contacts", "import", str(tmp_path / "calls.csv"), "--format", "json")
    mapping = ("--mapping", str(tmp_path / "calls.toml"))

    first = json.loads(run(*words, *mapping, workspace=folder).stdout)
    again = json.loads(run(*words, *mapping, workspace=folder).stdout)

    assert (first["rows"], first["imported"], first["rejected"]) == (2, 1, 1)
    assert again["imported"] == 0
    assert (folder / "rejected").is_dir()


def test_a_missing_mapping_is_one_line(folder, tmp_path):
    shown = run("contacts", "import", "x.csv", "--mapping", "nowhere.toml", workspace=folder)

    assert shown.exit_code == 1
    assert "nowhere.toml" in shown.stderr

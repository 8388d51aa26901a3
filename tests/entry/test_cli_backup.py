"""`outreach db backup` and `restore`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import make
from tests.entry.cli_runs import run

from outreach.store.session import Database


@pytest.fixture
def backed_up(folder: Path) -> Path:
    shown = run("db", "backup", str(folder / "b"), workspace=folder)
    assert shown.exit_code == 0, shown.output
    return folder / "b"


def filled(folder: Path) -> None:
    database = Database(f"sqlite:///{folder / 'outreach.db'}", durable=False)
    with database.write() as session:
        make.make_message(session)
    database.close()


def test_a_backup_says_where_the_key_is_that_it_does_not_hold(folder: Path):
    shown = run("db", "backup", str(folder / "b"), "--format", "json", workspace=folder)

    assert json.loads(shown.stdout)["schema"]
    assert "The key is not in it" in shown.stderr
    assert "outreach.key" in shown.stderr


def test_a_backup_is_never_written_over_the_key(folder: Path):
    before = (folder / "outreach.key").read_bytes()

    refused = run("db", "backup", str(folder / "outreach.key"), workspace=folder)

    assert refused.exit_code == 1
    assert (folder / "outreach.key").read_bytes() == before


def test_what_holds_data_is_replaced_only_after_its_name_was_typed(folder: Path, backed_up: Path):
    filled(folder)

    plain = run("db", "restore", str(backed_up), workspace=folder)
    untyped = run("db", "restore", str(backed_up), "--replace", workspace=folder)
    wrong = run("db", "restore", str(backed_up), "--replace", workspace=folder, interactive=True, typed="luz.db\n")  # fmt: skip
    right = run("db", "restore", str(backed_up), "--replace", workspace=folder, interactive=True, typed="outreach.db\n")  # fmt: skip

    assert (plain.exit_code, untyped.exit_code, wrong.exit_code) == (3, 1, 1)
    assert "--replace" in plain.stderr
    assert "--typed outreach.db" in untyped.stderr.replace("\n", " ")
    assert "nothing was done" in wrong.stderr
    assert right.exit_code == 0, right.output
    assert "is not in it" in right.stdout
    assert "kept as" in right.stdout


def test_a_restore_says_in_counts_what_it_stilled(folder: Path):
    filled(folder)
    file = folder / "b"
    run("db", "backup", str(file), workspace=folder)

    shown = run("db", "restore", str(file), "--replace", "--typed", "outreach.db", workspace=folder)
    told = run("db", "restore", str(file), "--replace", "--typed", "outreach.db", "--format", "json", workspace=folder)  # fmt: skip

    assert "none is sent again without proof" in shown.stdout or "stay unknown" in shown.stdout
    assert "campaigns are paused" in shown.stdout
    facts = json.loads(told.stdout)
    assert facts["in_doubt"] + facts["unknown"] == 1
    assert (facts["runs"], facts["lost_s"]) == (1, 0)
    assert all(len(line) <= 100 for line in shown.stdout.splitlines() if "kept as" not in line)

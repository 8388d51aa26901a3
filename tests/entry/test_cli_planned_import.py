"""`outreach planned import`: what of a file is taken, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.entry.cli_town import Night
from tests.entry.planned_works import HEADER, all_runs, lines, newest, workspace


@pytest.fixture
def night(tmp_path, sqlite_template):
    night = workspace(tmp_path, sqlite_template)
    yield night
    night.database.close()


# ── import ───────────────────────────────────────────────────────────────────────────────────


def imports(
    night: Night, tmp_path: Path, *rows: str, options: tuple[str, ...] = (), code: int = 0
) -> Any:
    path = tmp_path / "works.csv"
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    mapping = ("--mapping", str(tmp_path / "works.toml"))
    return night.answer("planned", "import", str(path), *mapping, *options, code=code)


def row(
    folio: str = "TP-5",
    version: int = 1,
    state: str = "PROGRAMADO",
    nodes: str = "ALM-F12-S1",
    day: str = "20/08/2026",
) -> str:
    return f"{folio};{version};{state};{nodes};{day} 09:00;{day} 13:00;Poda"


def figures(told: dict[str, Any]) -> dict[str, int]:
    return {key: count for key, count in told.items() if count and isinstance(count, int)}


def test_works_are_imported_once_and_a_repeat_changes_nothing(night, tmp_path):
    first = imports(night, tmp_path, row(), row("TP-6"))
    again = imports(night, tmp_path, row(), row("TP-6"))

    assert figures(first) == {"added": 2}
    assert figures(again) == {"unchanged": 2}
    assert newest(night).zone == "America/Santiago"


def test_a_newer_version_moves_and_cancels_by_the_folio(night, tmp_path):
    imports(night, tmp_path, row(), row("TP-6"), options=("--launch",))

    told = imports(
        night,
        tmp_path,
        row(version=2, state="REPROGRAMADO", day="27/08/2026"),
        row("TP-6", version=2, state="ANULADO", nodes="gone"),
        row("TP-7", state="ANULADO"),
    )

    assert figures(told) == {"moved": 1, "cancelled": 1, "unchanged": 1}
    assert len(all_runs(night)) == 2


def test_bad_rows_stay_outside_with_their_place_and_reason(night, tmp_path):
    told = imports(
        night, tmp_path, row(), row("TP-6", nodes="ALM-F99"), row("TP-7", day="99/08/2026"), code=4
    )

    assert figures(told) == {"added": 1, "rejected": 2}
    assert [(each["line"], each["reason"]) for each in told["rows"]] == [
        (3, "unknown_node"),
        (4, "bad_time"),
    ]
    assert "ALM-F99" in (night.folder / "rejected").glob("*.csv").__next__().read_text()


def test_works_over_before_we_knew_them_are_no_mistake_but_running_ones_are(night, tmp_path):
    running = "TP-7;1;PROGRAMADO;ALM-F12-S1;16/07/2026 01:00;16/07/2026 05:00;Poda"

    told = imports(night, tmp_path, row(day="20/05/2026"), running, code=4)

    assert figures(told) == {"over": 1, "rejected": 1}
    assert "open it as an outage" in told["rows"][0]["detail"]


def test_an_older_file_does_not_undo_a_newer_one(night, tmp_path):
    imports(night, tmp_path, row(version=2))

    told = imports(night, tmp_path, row(version=1), code=4)

    assert "sequence 1 is older" in told["rows"][0]["detail"]


def test_notices_already_too_late_and_doubtful_times_are_listed(night, tmp_path):
    twice = "TP-6;1;PROGRAMADO;ALM-F12-S1;06/09/2026 00:30;06/09/2026 05:00;Poda"

    told = imports(night, tmp_path, row(day="17/07/2026"), twice)

    assert [(each["work"], each["notice"]) for each in told["late"]] == [("TP-5", "notice_72h")]
    assert told["doubtful"] == [{"work": "TP-6", "time": "start", "read_as": "Sun 6 Sep 01:30"}]


def test_a_trial_of_an_import_writes_nothing_not_even_rejected_rows(night, tmp_path):
    before = night.snapshot()

    rows = (row(), row("TP-6", nodes="ALM-F99"))
    told = imports(night, tmp_path, *rows, options=("--dry-run", "--launch"), code=4)

    assert (told["added"], told["rejected"], told["rejected_file"]) == (1, 1, None)
    assert night.snapshot() == before
    assert not (night.folder / "rejected").exists()


def test_people_read_the_report_in_tables(night, tmp_path):
    imports(night, tmp_path, row("TP-4"))
    words = ("planned", "import", str(tmp_path / "works.csv"), "--mapping")
    text = "\n".join([HEADER, row(day="17/07/2026"), row("TP-6", nodes="X"), ""])
    (tmp_path / "works.csv").write_text(text)

    trial = night.run(*words, str(tmp_path / "works.toml"), "--dry-run")
    told = night.run(*words, str(tmp_path / "works.toml"), "--launch")

    assert lines(trial)[0] == "TRIAL: nothing is written, nobody is told"
    assert "works without a run tell nobody" in trial.stderr
    assert "works without a run" not in told.stderr
    for word in ("notices whose instant has passed", "notice_72h", "unknown_node", "ned_notice"):
        assert word in told.stdout
    assert "1 row was rejected" in told.stderr
    assert "1 work breaks a rule of its country and was not announced" in told.stderr


def test_a_wrong_mapping_names_every_mistake(night, tmp_path):
    (tmp_path / "works.toml").write_text("[file]\n")
    (tmp_path / "works.csv").write_text(HEADER)
    words = ("planned", "import", str(tmp_path / "works.csv"), "--mapping")

    shown = night.run(*words, str(tmp_path / "works.toml"))

    assert shown.exit_code == 1
    assert "file.zone: missing" in shown.stderr
    assert shown.stdout == ""

"""`outreach planned`: works typed, imported, moved and cancelled, with the notices they owe."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.addresses import read_keyring
from outreach.campaigns import due
from outreach.entry import wiring
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionState, RunState
from outreach.settings import load
from outreach.store import occasions, runs

ADD = ("planned", "add", "--node", "ALM-F12-S2", "--name", "TP-1")
FAR = ("--start", "2026-08-20 09:00", "--end", "13:00")
HEADER = "FOLIO;V;ESTADO;EQUIPOS;INICIO;TERMINO;MOTIVO"
MAPPING = """
[file]
delimiter = ";"
zone = "America/Santiago"
time_format = "%d/%m/%Y %H:%M"
[columns]
ref = "FOLIO"
version = "V"
state = "ESTADO"
nodes = "EQUIPOS"
start = "INICIO"
end = "TERMINO"
cause = "MOTIVO"
[states]
scheduled = ["PROGRAMADO"]
moved = ["REPROGRAMADO"]
cancelled = ["ANULADO"]
"""


@pytest.fixture
def night(tmp_path, sqlite_template):
    night = Night(tmp_path / "luz", sqlite_template)
    (tmp_path / "works.toml").write_text(MAPPING)
    yield night
    night.database.close()


def lines(shown: Result) -> list[str]:
    return shown.stdout.splitlines()


def newest(night: Night) -> Occasion:
    with night.database.read() as session:
        return occasions.every(session)[0]


def all_runs(night: Night) -> list[runs.Run]:
    with night.database.read() as session:
        return runs.every(session)


def begun(night: Night) -> None:
    """The clock starts the work of FAR."""
    settings = load(night.folder)
    engine = wiring.engine(night.database, settings, read_keyring(settings.keys))
    due.tick(engine, now=NOW + timedelta(days=35, hours=7))
    assert newest(night).revision.state is OccasionState.ACTIVE


# ── add ──────────────────────────────────────────────────────────────────────────────────────


def test_a_work_is_added_with_its_notices_in_wall_time(night):
    shown = night.run(*ADD, *FAR)

    assert shown.exit_code == 0, shown.output
    assert lines(shown)[1:6] == [
        "Thu 20 Aug 09:00 to Thu 20 Aug 13:00 (4 h), America/Santiago",
        "3 premises · 3 customers · 0 priority · Ñuñoa",
        "reachable: SMS 3 · e-mail 0 · on no channel 0",
        "notice notice_72h: Mon 17 Aug 09:00",
        "notice notice_24h: Wed 19 Aug 09:00",
    ]
    assert "outreach campaign launch planned-outage pla_" in lines(shown)[6]
    assert shown.stderr == "Thu 20 Aug 09:00, in 35 d 6 h\nThu 20 Aug 13:00, in 35 d 10 h\n"


def test_a_notice_over_a_clock_change_counts_hours_that_really_pass(night):
    words = ("--start", "2026-09-06 09:00", "--end", "13:00")

    told = night.answer(*ADD, *words)

    assert [each["at"] for each in told["notices"]] == [
        "2026-09-03T08:00:00-04:00",
        "2026-09-05T08:00:00-04:00",
    ]


def test_a_late_notice_and_the_breach_are_said(night):
    shown = night.run(*ADD, "--start", "sat 09:00", "--end", "+4h")

    assert "notice notice_72h: Wed 15 Jul 09:00, late: it leaves at once" in lines(shown)
    assert "BREACH: notice_72h was due Wed 15 Jul 09:00, 17 h 43 min ago" in lines(shown)


def test_a_notice_that_serves_nobody_any_more_is_said(night):
    shown = night.run(*ADD, "--start", "+12h", "--end", "+4h")

    assert any(line.endswith("too late: not sent") for line in lines(shown))


def test_launching_in_breach_is_asked_about(night):
    words = (*ADD, "--start", "sat 09:00", "--end", "+4h", "--launch")

    refused = night.run(*words)
    meant = night.run(*words, "--yes")

    assert (refused.exit_code, meant.exit_code) == (1, 0)
    assert "notice_72h is 17 h 43 min too late already" in refused.stderr
    assert len(all_runs(night)) == 1


def test_launched_its_run_owns_the_notices(night):
    shown = night.run(*ADD, *FAR, "--launch")

    assert "launched: planned-outage" in lines(shown)
    instants = night.answer("planned", "show", "tp-1")["instants"]
    assert [each["what"] for each in instants] == ["notice_72h", "notice_24h", "started"]


def test_an_armed_campaign_is_not_launched_twice(night):
    night.arm("planned-outage")

    shown = night.run(*ADD, *FAR, "--launch")

    assert "launched: planned-outage" in lines(shown)
    assert [run.launched_by for run in all_runs(night)] == ["armed:beto"]


def test_a_trial_writes_nothing(night):
    before = night.snapshot()

    trial = night.run(*ADD, "--start", "sat 09:00", "--end", "+4h", "--launch", "--dry-run")

    assert trial.exit_code == 0, trial.output
    assert "launched: planned-outage" in lines(trial)
    assert night.snapshot() == before


def test_a_work_that_looks_like_a_slip_is_asked_about(night):
    words = (*ADD, "--start", "2026-08-20 09:00", "--end", "2026-09-20 13:00")

    assert "lasts 31 d 3 h. Is it right?" in night.run(*words).stderr
    assert night.run(*words, "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--start", "2026-07-01 09:00", "--end", "+4h"), 3, "open it as an outage"),
        (("--start", "sat 09:00", "--end", "2026-07-17 09:00"), 3, "ends before it starts"),
        (("--start", "13/14 09:00", "--end", "+4h"), 1, "day/month"),
        (("--start", "24:00", "--end", "+4h"), 1, "ambiguous"),
        ((*FAR, "--zone", "America/Santigo"), 1, "near: America/Santiago"),
    ],
)
def test_impossible_times_are_refused(night, words, code, said):
    shown = night.run(*ADD, *words)

    assert shown.exit_code == code
    assert said in shown.stderr


def test_a_work_can_have_its_own_zone_service_and_no_name(night):
    told = night.answer(
        "planned", "add", "--locality", "nunoa", *FAR, "--zone", "America/Punta_Arenas",
        "--service", "gas",
    )  # fmt: skip

    assert (told["name"], told["service"]) == ("Ñuñoa", "gas")
    assert newest(night).source_ref is None


def test_a_folio_is_given_to_one_work_only(night):
    night.run(*ADD, *FAR)

    shown = night.run(*ADD, *FAR)

    assert shown.exit_code == 3
    assert "TP-1: is there already (pla_" in shown.stderr


def test_without_a_readable_campaign_the_work_is_kept_all_the_same(night):
    (night.folder / "campaigns" / "planned-outage.toml").unlink()

    assert night.answer(*ADD, *FAR)["notices"] == []


# ── list, show, move, cancel ─────────────────────────────────────────────────────────────────


def test_works_are_listed_the_next_one_first(night):
    night.run(*ADD, *FAR)
    night.run(
        "planned", "add", "--node", "ALM-F12-S1", "--start", "2026-08-01 09:00", "--end", "+4h"
    )

    assert [row["name"] for row in night.answer("planned", "list")] == ["ALM-F12-S1", "TP-1"]
    assert night.run("planned", "list", "--all").exit_code == 0


def test_no_work_is_said(night):
    assert night.run("planned", "list").stderr == "no work is planned\n"


def test_a_moved_work_counts_its_notices_from_the_new_start(night):
    night.run(*ADD, *FAR, "--launch")

    words = ("planned", "move", "tp-1", "--start", "2026-08-27 09:00", "--end", "13:00")
    shown = night.run(*words)

    assert "notice notice_72h: Mon 24 Aug 09:00" in lines(shown)
    again = night.run(*words)
    assert again.stdout == "TP-1: nothing changed, and nobody is told\n"


def test_a_work_that_has_begun_has_only_its_end_moved(night):
    night.run(*ADD, *FAR)
    begun(night)
    later = NOW + timedelta(days=35, hours=7)

    wrong = night.run("planned", "move", "tp-1", *FAR, at=later)
    right = night.run("planned", "move", "tp-1", "--end", "15:00", at=later)

    assert (wrong.exit_code, right.exit_code) == (1, 0)
    assert "only its end can move" in wrong.stderr
    assert newest(night).revision.end_at == NOW + timedelta(days=35, hours=12, minutes=17)


def test_a_running_work_is_restored_like_an_outage(night):
    night.run(*ADD, *FAR)
    begun(night)

    words = ("outage", "restore", "tp-1", "--how", "crew")
    night.run(*words, at=NOW + timedelta(days=35, hours=8))

    assert newest(night).revision.state is OccasionState.RESTORED


def test_a_work_that_has_not_begun_needs_its_new_start(night):
    night.run(*ADD, *FAR)

    shown = night.run("planned", "move", "tp-1", "--end", "15:00")

    assert "--start: missing" in shown.stderr


def test_a_cancelled_work_counts_nobody_and_is_cancelled_once(night):
    night.run(*ADD, *FAR, "--launch")

    shown = night.run("planned", "cancel", "tp-1")
    again = night.run("planned", "cancel", "tp-1")

    assert not any("premises" in line for line in lines(shown))
    assert again.exit_code == 3
    assert all_runs(night)[0].state is RunState.ACTIVE


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
    for word in ("notices whose instant has passed", "notice_72h", "unknown_node"):
        assert word in told.stdout
    assert "1 row was rejected" in told.stderr


def test_a_wrong_mapping_names_every_mistake(night, tmp_path):
    (tmp_path / "works.toml").write_text("[file]\n")
    (tmp_path / "works.csv").write_text(HEADER)
    words = ("planned", "import", str(tmp_path / "works.csv"), "--mapping")

    shown = night.run(*words, str(tmp_path / "works.toml"))

    assert shown.exit_code == 1
    assert "file.zone: missing" in shown.stderr
    assert shown.stdout == ""

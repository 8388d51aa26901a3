"""`outreach planned`: works typed, imported, moved and cancelled, with the notices they owe."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.entry.cli_runs import NOW
from tests.entry.planned_works import ADD, FAR, all_runs, begun, lines, newest, workspace

from outreach.model.words import OccasionState, RunState
from outreach.store import audit


@pytest.fixture
def night(tmp_path, sqlite_template):
    night = workspace(tmp_path, sqlite_template)
    yield night
    night.database.close()


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


SHORT = ("--start", "sat 09:00", "--end", "+4h", "--launch")
PASS = ("--because", "a pole is about to fall", "--approver", "beto")


def test_launching_against_a_rule_of_the_country_is_refused_with_its_source(night):
    before = night.snapshot()

    refused = night.run(*ADD, *SHORT, "--yes")

    assert refused.exit_code == 3
    assert "TP-1: people must hear by 2026-07-15 09:00, 72 h before the start" in refused.stderr
    assert "cl.planned_notice.electricity: 72 h; configured value, not confirmed" in refused.stderr
    assert "certainty R" in refused.stderr
    assert night.snapshot() == before


def test_two_people_and_a_reason_let_it_pass_and_stand_in_the_chain(night):
    passed = night.run(*ADD, *SHORT, *PASS)

    assert passed.exit_code == 0, passed.output
    assert "launched: planned-outage" in lines(passed)
    with night.database.read() as session:
        (entry,) = [one for one in audit.newest(session) if one.action == "pack.waive"]
        assert audit.first_broken(session) is None
    assert entry.detail["rules"] == ["cl.planned_notice.electricity"]
    assert (entry.detail["because"], entry.detail["approver"]) == (PASS[1], "beto")
    assert entry.actor != "beto"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--because", "urgent"), "cannot approve it"),
        (("--because", "urgent", "--approver", ""), "cannot approve it"),
        (("--because", " ", "--approver", "beto"), "--because: empty"),
        (("--approver", "beto"), "--because: empty"),
    ],
)
def test_one_person_alone_or_no_reason_lets_nothing_pass(night, words, said):
    shown = night.run(*ADD, *SHORT, *words)

    assert shown.exit_code == 3
    assert said in shown.stderr
    assert all_runs(night) == []


def test_who_types_it_cannot_be_the_second_person_however_it_is_written(night, monkeypatch):
    monkeypatch.setattr("outreach.entry.cli.judged.account", lambda: "Ana Pérez")

    shown = night.run(*ADD, *SHORT, "--because", "urgent", "--approver", " ana  PÉREZ")

    assert shown.exit_code == 3


def test_a_work_that_is_recorded_but_not_announced_is_not_refused(night):
    shown = night.run(*ADD, *SHORT[:-1])

    assert shown.exit_code == 0
    assert any(
        line.startswith("AGAINST cl.planned_notice.electricity (72 h)") for line in lines(shown)
    )


def test_a_period_that_only_the_campaign_asks_for_is_asked_about(night):
    words = (*ADD, *SHORT, "--service", "telecom")  # no rule of the country is about it

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
    (run,) = all_runs(night)
    assert run.launched_by.startswith("armed:")


def test_a_trial_writes_nothing(night):
    before = night.snapshot()

    trial = night.run(*ADD, *FAR, "--launch", "--dry-run")

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

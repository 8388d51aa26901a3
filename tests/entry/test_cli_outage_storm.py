"""`outreach outage` in a storm: windows, second slips, merge, split, reopen, cancel, promises, whole events."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests import town
from tests.entry.cli_town import Night
from tests.entry.echoed import after, lines, newest

from outreach.store import events, occasions, reports, tables as t


def tripped(night: Night, *words: str) -> None:
    """An outage at the feeder that everybody heard of."""
    night.arm()
    night.run("outage", "open", "ALM-F12", *words)
    night.tell()


def test_a_window_is_echoed_told_and_shown(night):
    tripped(night)

    shown = night.run("outage", "update", "--window", "08:00-10:00", at=after(minutes=10))

    assert shown.exit_code == 0, shown.output
    assert shown.stderr.splitlines() == [
        "Thu 16 Jul 08:00, in 5 h 7 min",
        "Thu 16 Jul 10:00, in 7 h 7 min",
    ]
    said = "estimate between Thu 16 Jul 08:00 and Thu 16 Jul 10:00 · tells again"
    assert lines(shown)[1] == said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--window", "08:00-10:00", "--etr", "09:00"), "give one of them"),
        (("--window", "ten"), "not a window"),
        (("--window", "08:00-23:00"), "The window is 15 h long"),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused(night, typed, said):
    night.run("outage", "open", "ALM-F12")

    shown = night.run("outage", "update", *typed, at=after(minutes=1))

    assert shown.exit_code == 1
    assert said in shown.stderr
    assert newest(night).revision.version == 1


def test_the_second_slip_asks_for_a_window_or_a_second_person(night):
    night.run("outage", "open", "ALM-F12", "--etr", "05:30")
    night.run("outage", "update", "--etr", "06:45", at=after(minutes=130))

    words = ("outage", "update", "last", "--etr", "08:30")
    refused = night.run(*words, at=after(minutes=217))
    approved = night.run(*words, "--approver", "beto", at=after(minutes=217))

    assert (refused.exit_code, approved.exit_code) == (3, 0)
    assert "give a window (--window 08:00-10:00)" in refused.stderr.lower()
    assert newest(night).revision.version == 3


def test_merging_asks_and_says_what_there_is_now(night):
    night.arm()
    night.run("outage", "open", town.SOUTH)
    night.run("outage", "open", town.NORTH)

    asked = night.run("outage", "merge", town.SOUTH, town.NORTH, at=after(minutes=1))
    shown = night.run("outage", "merge", town.SOUTH, town.NORTH, "--yes", at=after(minutes=1))

    assert asked.exit_code == 1
    assert shown.exit_code == 0, shown.output
    assert lines(shown)[0] == "ALM-F12-S2 is part of ALM-F12-S1 now"
    assert lines(shown)[2] == "7 premises · 7 customers · 1 priority · Providencia, Ñuñoa"
    assert "of the one that ended, unsent: 4" in lines(shown)
    undone = night.run("undo", at=after(minutes=2))
    assert (undone.exit_code, "not undone" in undone.stderr) == (3, True)


def test_a_part_becomes_an_outage_of_its_own_since_the_first_start(night):
    tripped(night, "--start", "02:40")

    words = ("outage", "open", "--from", "last", "--node", town.SOUTH, "--cause", "poste")
    told = night.answer(*words, at=after(minutes=30))

    assert (told["name"], told["premises"], told["start_at"]) == (
        town.SOUTH,
        3,
        "2026-07-16T02:40:00-04:00",
    )
    assert told["from"]["premises"] == 4
    again = night.run(*words, "--start", "03:00", at=after(minutes=31))
    assert (again.exit_code, "--start: taken from" in again.stderr) == (1, True)


def test_a_restoration_is_taken_back_whole_whatever_else_is_open(night):
    tripped(night)
    night.run("outage", "restore", "last", "--how", "meters", at=after(minutes=60))
    night.tell()
    night.run("outage", "open", town.SOUTH, "--another", at=after(minutes=65))

    shown = night.run("outage", "reopen", at=after(minutes=70))

    assert shown.exit_code == 0, shown.output
    assert lines(shown)[0].startswith("ALM-F12 · ")
    assert "out since Thu 16 Jul 02:43" in lines(shown)
    assert "not_back_priority: 1 priority now" in lines(shown)


def test_reports_reopen_clusters_and_what_proves_nothing_is_named(night, tmp_path):
    tripped(night, "--start", "02:40")
    night.run("outage", "restore", "last", "--how", "meters", at=after(minutes=60))
    night.tell()
    file = tmp_path / "still-out.csv"
    file.write_text("who;time\nS-0001;03:50\n# a remark\nC-0005\nS-0006;03:00\n777\n")

    words = ("outage", "reopen", "last", "--reports", str(file))
    shown = night.run(*words, at=after(minutes=70))

    assert shown.exit_code == 0, shown.output
    assert lines(shown)[0] == "2 clusters, 2 premises · start Thu 16 Jul 02:40 · IVR changed"
    assert "not_back_priority: 1 priority now" in lines(shown)
    assert lines(shown)[-2:] == [
        "reported before it was back, so no proof: 1",
        "known to nobody: 1 (report 4)",
    ]
    again = night.run(*words, at=after(minutes=75))
    assert lines(again)[0] == "ALM-F12: no report says anything new; nothing is reopened"


def test_reports_come_from_a_pipe_too(night):
    tripped(night)
    night.run("outage", "restore", "last", "--how", "meters", at=after(minutes=60))

    words = ("outage", "reopen", "last", "--reports", "-")
    shown = night.run(*words, at=after(minutes=70), typed="S-0001\n")

    assert lines(shown)[0].startswith("1 cluster, 1 premise · ")


def test_without_a_file_it_is_what_people_told_us_themselves(night, tmp_path):
    tripped(night)
    night.run("outage", "restore", "last", "--how", "meters", at=after(minutes=60))
    night.tell()
    with night.database.write() as session:
        [premise] = reports.premises_named(session, "S-0002")
        said = reports.NewReport(
            at=after(hours=5), via="sms", source_ref="SM1", premise_id=premise, occasion_id=None,
            meaning=reports.OUT,
        )  # fmt: skip
        reports.add(session, said)
    words = ("outage", "reopen", "last", "--reports")

    before = night.snapshot()
    trial = night.run(*words, "--dry-run", at=after(hours=6))
    untouched = night.snapshot() == before
    shown = night.run(*words, at=after(hours=6))
    again = night.run(*words, at=after(hours=7))
    misplaced = night.run("outage", "reopen", "--reports", str(tmp_path / "last"))

    assert (trial.exit_code, untouched) == (0, True), trial.output
    assert lines(trial)[1].startswith("1 cluster, 1 premise · ")
    assert lines(shown)[0].startswith("1 cluster, 1 premise · ")
    assert "not_back: 1 in 30 s · 1 post" in lines(shown)
    assert lines(again)[0] == "ALM-F12: no report says anything new; nothing is reopened"
    assert (misplaced.exit_code, "name the outage before --reports" in misplaced.stderr) == (
        1,
        True,
    )


def test_an_outage_that_was_none_of_ours_is_corrected_with_a_reason(night):
    tripped(night)

    untold = night.run("outage", "cancel", "last", at=after(minutes=5))
    shown = night.run("outage", "cancel", "last", "--reason", "F21", at=after(minutes=5))

    assert (untold.exit_code, "Give --reason" in untold.stderr) == (1, True)
    assert shown.exit_code == 0, shown.output
    assert "told before, and hear that it was none of ours: 7" in lines(shown)
    with night.database.read() as session:
        last = session.execute(select(t.audit).order_by(t.audit.c.id.desc())).first()
    assert last.detail["reason"] == "F21"


def test_promises_show_how_each_was_kept_and_the_hit_rate_of_a_feeder(night):
    night.run("outage", "open", town.SOUTH, "--etr", "05:30", "--cause", "árbol")
    night.run("outage", "update", "--etr", "06:45", at=after(minutes=130))
    night.run("outage", "restore", "last", "--how", "crew", at=after(minutes=200))

    one = night.run("outage", "promises", "last")
    every = night.run("outage", "promises", "--feeder", "alm-f12", "--cause", "arbol")
    none = night.run("outage", "promises", "--cause", "viento")

    assert lines(one)[-1] == (
        "told 2 · kept 1 · missed 1 · waiting 0 · hit rate 50% · late by 1 h 15 min (median)"
    )
    assert "ALM-F12" in every.stdout
    assert lines(every)[-1] == lines(one)[-1]
    assert max(map(len, every.stdout.splitlines())) <= 100
    assert none.stderr == "no estimate was told yet\n"
    [row] = night.answer("outage", "promises")
    assert (row["feeder"], row["hit_rate"], row["late"]) == ("ALM-F12", 0.5, 4500.0)


def test_one_command_speaks_to_every_outage_of_a_storm(night):
    night.run("event", "open", "Temporal")
    night.run("outage", "open", town.NORTH, "--event", "Temporal")
    night.run("outage", "open", town.SOUTH, "--event", "Temporal")

    said = night.run(
        "outage", "update", "--event", "Temporal", "--cause", "viento", at=after(minutes=5)
    )
    back = night.run(
        "outage", "restore", "--event", "temporal", "--how", "crew", "--yes", at=after(minutes=9)
    )

    assert lines(said)[0] == "2 outages changed", said.output
    assert lines(back)[0] == "2 outages changed", back.output
    with night.database.read() as session:
        [storm] = events.every(session)
        members = events.all_occasions(session, storm.id)
        assert occasions.open_ones(session) == []
    assert {each.revision.cause for each in members} == {"viento"}

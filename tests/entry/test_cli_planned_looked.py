"""`outreach planned list`, `show`, `rules`, `waive`, `evidence`: what a planner looks at before and after."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests import make
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.addresses import read_keyring
from outreach.campaigns import due
from outreach.entry import wiring
from outreach.entry.cli.evidence import group as evidence_group
from outreach.entry.cli.planned import group as planned_group
from outreach.settings import load
from outreach.store import tables as t

ADD = ("planned", "add", "--node", "ALM-F12-S2", "--name", "TP-1")
FAR = ("--start", "2026-08-20 09:00", "--end", "13:00")
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:TP-9
DTSTAMP:20260701T000000Z
DTSTART;TZID=America/Santiago:20260718T090000
DTEND;TZID=America/Santiago:20260718T130000
SUMMARY:Poda
X-OUTREACH-NODES:ALM-F12-S1
END:VEVENT
END:VCALENDAR
"""
PASS = ("--because", "urgent repair", "--approver", "beto")


@pytest.fixture
def night(tmp_path: Path, sqlite_template: Path):
    night = Night(tmp_path / "luz", sqlite_template)
    yield night
    night.database.close()


# ── list ─────────────────────────────────────────────────────────────────────────────────────


def test_the_list_has_the_next_notice_and_what_can_no_longer_be_kept(night):
    night.run(*ADD, *FAR, "--launch")
    night.run(
        "planned", "add", "--node", "ALM-F12-S1", "--name", "TP-2", "--start", "sat 09:00",
        "--end", "+4h",
    )  # fmt: skip

    late, ahead = night.answer("planned", "list")

    assert (late["name"], late["announced"], late["next_notice"]) == ("TP-2", False, "")
    assert late["breaches"] == "notice_72h 17 h 43 min late"
    assert (ahead["name"], ahead["announced"], ahead["breaches"]) == ("TP-1", True, "")
    assert (ahead["next_notice"], ahead["next_notice_at"]) == (
        "notice_72h", "2026-08-17T09:00:00-04:00",
    )  # fmt: skip


def test_the_list_as_a_calendar_comes_back_in_as_the_same_works(night, tmp_path):
    night.run(*ADD, *FAR, "--cause", "Poda")
    shown = night.run("planned", "list", "--format", "ical")
    calendar = tmp_path / "works.ics"
    calendar.write_text(shown.stdout, encoding="utf-8", newline="")

    assert shown.stdout.startswith("BEGIN:VCALENDAR")
    assert "STATUS:CONFIRMED" in shown.stdout
    told = night.answer("planned", "import", str(calendar), "--dry-run")
    assert (told["added"], told["rejected"]) == (1, 0)


def test_a_calendar_that_is_not_there_is_said(night, tmp_path):
    shown = night.run("planned", "import", str(tmp_path / "gone.ics"))

    assert shown.exit_code == 1
    assert "cannot be read; check the path" in shown.stderr


# ── show ─────────────────────────────────────────────────────────────────────────────────────


def test_show_has_the_times_as_typed_and_each_notice_with_its_instant_and_state(night):
    night.run(*ADD, *FAR, "--launch")
    night.run("planned", "move", "tp-1", "--start", "2026-08-27 09:00", "--end", "13:00")

    known = night.answer("planned", "show", "tp-1")

    assert [each["as_typed"] for each in known["windows"]] == [
        "2026-08-20T09:00 / 2026-08-20T13:00", "2026-08-27T09:00 / 2026-08-27T13:00",
    ]  # fmt: skip
    assert [(each["step"], each["state"]) for each in known["notices"]] == [
        ("notice_72h", "overtaken"),
        ("notice_24h", "overtaken"),
        ("notice_72h", "waiting"),
        ("notice_24h", "waiting"),
    ]
    assert known["breaches"] == []


def test_show_of_a_work_nobody_announced_has_the_notices_it_would_have(night):
    night.run(*ADD, *FAR)

    known = night.answer("planned", "show", "tp-1")

    assert [(each["step"], each["state"]) for each in known["notices"]] == [
        ("notice_72h", "not announced yet"),
        ("notice_24h", "not announced yet"),
    ]
    assert "notice_72h" in night.run("planned", "show", "tp-1").stdout


def test_conflicts_are_said_when_a_work_is_added_and_when_it_is_shown(night):
    night.run(*ADD, *FAR)
    words = ("--node", "ALM-F12", "--name", "TP-2", "--start", "2026-08-20 11:00", "--end", "+4h")

    added = night.run("planned", "add", *words)

    assert "CONFLICT: overlaps with TP-1, 3 premises in common" in added.stdout
    assert "priority customers are inside" in added.stdout
    shown = night.answer("planned", "show", "tp-2")
    assert any("overlaps with TP-1" in each["what"] for each in shown["breaches"])


def test_a_holiday_is_a_conflict(night):
    told = night.answer(*ADD, "--start", "2026-09-18 09:00", "--end", "13:00")

    assert [(each["kind"], each["day"]) for each in told["conflicts"]] == [
        ("holiday", "2026-09-18")
    ]


def test_who_joined_after_the_notice_went_out_is_a_breach_that_is_listed(night):
    night.run(*ADD, *FAR, "--launch")
    settings = load(night.folder)
    engine = wiring.engine(night.database, settings, read_keyring(settings.keys))
    later = NOW + timedelta(days=33)
    due.tick(engine, now=later)
    night.tell()
    with night.database.write() as session:
        row = session.execute(t.reach.select().where(t.reach.c.locality == "Ñuñoa")).first()
        assert row is not None
        customer = make.make_customer(session)
        point = make.make_contact_point(session)
        make.make_customer_contact(session, customer=customer, contact_point=point)
        make.make_reach(
            session, customer=customer, contact_point=point, premise=row.premise_id,
            **{"from_generation": row.from_generation} if "from_generation" in row._mapping else {},
        )  # fmt: skip

    known = night.run("planned", "show", "tp-1", at=later)

    assert "1 joined after notice_72h" in known.stdout.replace("\n", " ")


# ── rules and waive ──────────────────────────────────────────────────────────────────────────


def test_the_rules_of_the_company_s_country_are_listed_with_their_sources(night):
    shown = night.run("planned", "rules")
    told = night.answer("planned", "rules", "--country", "ar")

    assert "cl.planned_notice" in shown.stdout
    assert "R recalled, not read" in shown.stdout
    notice = next(each for each in told if each["rule"] == "ar.planned_notice.electricity")
    assert (notice["value"], notice["legal"], notice["effect"]) == ("48 h", True, "refuses")
    assert notice["source"].startswith("ENRE 2023")


def test_what_is_not_confirmed_is_never_called_legal(night):
    every = night.answer("planned", "rules", "--country", "all")

    assert {each["is"] for each in every if each["certainty"] in "RX"} == {
        "configured value, not confirmed"
    }
    assert not any(each["legal"] for each in every if each["certainty"] in "RX")


def test_a_country_without_a_pack_is_told_how_to_bring_one(night):
    shown = night.run("planned", "rules", "--country", "uy")

    assert shown.exit_code == 1
    assert "write packs/uy.toml" in shown.stderr


def test_a_moved_work_that_was_announced_keeps_the_rules_at_its_new_date_too(night):
    night.run(*ADD, *FAR, "--launch")
    words = ("planned", "move", "tp-1", "--start", "sat 09:00", "--end", "13:00")

    refused = night.run(*words)
    passed = night.run(*words, *PASS)

    assert (refused.exit_code, passed.exit_code) == (3, 0)
    assert "cl.planned_notice.electricity" in refused.stderr


def test_a_rule_that_is_waived_is_named(night):
    night.run(*ADD, "--start", "sat 09:00", "--end", "+4h")

    told = night.answer("planned", "waive", "tp-1", *PASS)

    assert told["waived"] == ["cl.planned_notice.electricity"]
    assert night.run("planned", "waive", "tp-1", "--because", "x").exit_code == 3


def test_works_are_imported_with_what_they_break_and_announced_only_if_two_people_say_so(
    night, tmp_path
):
    calendar = tmp_path / "w.ics"
    calendar.write_text("\r\n".join(CALENDAR.split("\n")), newline="")
    words = ("planned", "import", str(calendar), "--launch")

    held = night.answer(*words, "--dry-run", code=4)
    taken = night.answer(*words, *PASS)

    assert [(each["work"], each["rule"]) for each in held["broken"]] == [
        ("TP-9", "cl.planned_notice.electricity")
    ]
    assert [each["notice"] for each in held["late"]] == ["notice_72h"]
    assert taken["added"] == 1
    assert night.answer("planned", "list")[0]["announced"] is True


# ── evidence ─────────────────────────────────────────────────────────────────────────────────


def test_evidence_of_a_work_is_written_and_found_whole_or_changed(night, tmp_path):
    night.run(*ADD, *FAR, "--launch")
    folder = tmp_path / "evidence"

    written = night.run("planned", "evidence", "tp-1", "--to", str(folder))
    again = night.run("planned", "evidence", "tp-1", "--to", str(folder))
    sound = night.run("evidence", "verify", str(folder))
    with (folder / "notices.csv").open("a") as file:
        file.write(" ")
    changed = night.run("evidence", "verify", str(folder))

    assert (written.exit_code, again.exit_code, sound.exit_code, changed.exit_code) == (0, 1, 0, 3)
    assert "messages.csv" in written.stdout
    assert "notices.csv: changed" in changed.stderr
    assert json.loads((folder / "manifest.json").read_text())["name"] == "TP-1"


def test_every_verb_of_a_work_is_there():
    assert set(planned_group.commands) == {
        "add", "cancel", "evidence", "import", "list", "move", "rules", "show", "waive",
    }  # fmt: skip
    assert set(evidence_group.commands) == {"verify"}

"""A storm at a terminal: one statement for all its outages, one screen, and the report for the call at nine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night
from tests.entry.echoed import after, lines
from tests.town import FEEDER, NORTH, SOUTH

from outreach.campaigns import alarms
from outreach.entry.cli import storms_named
from outreach.entry.cli.command import Context, Given
from outreach.model.errors import InputRefused
from outreach.outages.revise import Change
from outreach.store import tables as t
from outreach.store.session import Database

WIND = ("--text", "Wind on the coast", "--next", "+45m")


class Kept(Night):
    """A night that was lived through before, in a workspace of its own."""

    def __init__(self, folder: Path, lived: Night) -> None:
        shutil.copytree(lived.folder, folder)
        self.folder = folder
        self.database = Database(f"sqlite:///{folder / 'outreach.db'}")


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Night]:
    """Two outages: the north has no estimate, the south has one."""
    night = Night(tmp_path_factory.mktemp("dark") / "luz", sqlite_template)
    night.arm()
    night.answer("outage", "open", NORTH, "--next", "+30m")
    night.answer("outage", "open", SOUTH, "--etr", "+2h")
    yield night
    night.database.close()


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory, dark: Night) -> Iterator[Night]:
    """Both in one storm."""
    night = Kept(tmp_path_factory.mktemp("storm") / "luz", dark)
    shown = night.run("event", "open", "July storm", "--from", "all", *WIND)
    assert shown.exit_code == 0, shown.output
    yield night
    night.database.close()


@pytest.fixture
def storm(tmp_path: Path, stormy: Night) -> Iterator[Night]:
    night = Kept(tmp_path / "luz", stormy)
    yield night
    night.database.close()


def told(night: Night, at=NOW) -> None:
    """Everything queued was accepted at this moment."""
    with night.database.write() as session:
        session.execute(
            update(t.message)
            .where(t.message.c.state == "queued")
            .values(state="delivered", accepted_at=at)
        )
        session.execute(t.queue.delete())


def test_opening_an_event_says_who_joined_and_who_follows_and_a_trial_writes_nothing(dark):
    before = dark.snapshot()

    shown = lines(dark.run("event", "open", "July storm", "--from", "all", *WIND, "--dry-run"))

    assert dark.snapshot() == before
    assert shown == [
        "TRIAL: nothing is written, nobody is told",
        "July storm · news every 1 h",
        "statement 1 · Wind on the coast · next news Thu 16 Jul 03:28",
        "2 outages joined",
        "1 outage follows · superseded unsent: 5",
        f"left alone, with an estimate of their own: {SOUTH}",
        "to see it: outreach event status 'July storm'",
    ]


def test_an_update_moves_all_that_follow_and_takes_in_who_joins(storm):
    storm.answer("outage", "open", FEEDER, "--next", "+20m", at=after(minutes=1))
    joining = ("--from", FEEDER)

    shown = storm.answer("event", "update", "last", "--next", "+90m", *joining, at=after(minutes=5))

    assert (shown["version"], shown["text"], shown["updated"]) == (2, "Wind on the coast", 2)
    assert (shown["joined"], shown["own_estimate"]) == (1, [SOUTH])
    nothing = storm.run("event", "update")
    assert (nothing.exit_code, "nothing new is said" in nothing.stderr) == (1, True)


def test_the_screen_ranks_by_overdue_promise_within_100_columns(storm):
    told(storm)

    shown = storm.run("event", "status", at=after(minutes=65))

    assert shown.exit_code == 0, shown.output
    text = shown.stdout
    assert "open outages: 2 · customers: 7 · promises overdue: 1" in text
    assert "clock event + 60 min: kept 2" in text
    assert text.index(NORTH) < text.index(SOUTH)
    assert "20 min" in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_status_needs_a_person_while_an_alarm_of_it_is_open(storm):
    told(storm)
    alarms.tick(storm.database, now=after(minutes=40))

    shown = storm.run("event", "status", "--format", "json", at=after(minutes=40))
    listed = storm.answer("alarm", "list", at=after(minutes=40))
    cleared = storm.run("alarm", "clear", listed[0]["id"])

    assert (shown.exit_code, "1 alarm is open" in shown.stderr) == (4, True)
    assert [(one["kind"], one["subject"]) for one in listed] == [("news_due", "July storm")]
    assert "next news due · July storm: cleared" in cleared.stdout
    assert storm.run("event", "status", at=after(minutes=40)).exit_code == 0


def test_an_event_does_not_close_over_open_outages(storm):
    refused = storm.run("event", "close")
    for node in (NORTH, SOUTH):
        storm.answer("outage", "restore", node, "--how", "crew", at=after(hours=1))
    closed = storm.run("event", "close", at=after(hours=1))

    assert (refused.exit_code, NORTH in refused.stderr) == (3, True)
    assert "July storm: closed" in closed.stdout
    assert storm.answer("event", "list") == []


def test_the_report_says_who_was_told_when_and_what_was_kept(storm):
    told(storm, at=after(minutes=4))
    storm.answer("outage", "restore", SOUTH, "--how", "crew", at=after(hours=1))

    page = storm.run("event", "report", at=after(hours=2))
    facts = storm.answer("event", "report", at=after(hours=2))
    table = storm.run("event", "report", "--format", "csv", at=after(hours=2))

    assert page.exit_code == 0, page.output
    assert "promises: 1, kept 1, missed 0" in page.stdout
    assert "customers: 7, told 7, not reached 0" in page.stdout
    assert max(map(len, page.stdout.splitlines())) <= 100
    assert (facts["told"], facts["clocks"]["event"]) == (7, {"kept": 2})
    assert [one["event_clock"] for one in facts["outages"]] == ["kept", "kept"]
    assert table.stdout.splitlines()[0].startswith("id,name,state,start_at,recognised_at")
    assert len(table.stdout.splitlines()) == 3


def test_a_name_that_is_nearly_right_is_helped(storm):
    shown = storm.run("event", "status", "July stom")

    assert (shown.exit_code, "near: July storm" in shown.stderr) == (1, True)


def test_an_outage_that_joins_takes_the_next_news_unless_it_has_its_own(storm):
    context = Context(given=Given(now=NOW, database=storm.database, workspace=storm.folder))

    event, change = storms_named.joining(context, "july storm", Change())
    own = storms_named.joining(context, "last", Change(etr_at=after(hours=2)))[1]

    assert event is not None
    assert (change.next_update_at, own.next_update_at) == (after(minutes=45), None)
    assert storms_named.joining(context, None, Change()) == (None, Change())
    with pytest.raises(InputRefused, match="no such event"):
        storms_named.joining(context, "winter", Change())


def test_the_doctor_tells_of_open_alarms(storm):
    alarms.tick(storm.database, now=after(minutes=40))

    shown = storm.run("doctor", at=after(minutes=40))

    assert "alarm is open; `outreach alarm list`" in " ".join(shown.stdout.split())


def test_contact_lists_are_imported_listed_and_shortened(night, tmp_path: Path):
    file = tmp_path / "lists.csv"
    file.write_text(
        "list,name,locality,channel,address,language\n"
        "press,Radio,,sms,+56 9 6222 2222,es\n"
        "municipality,Ñuñoa,Nunoa,email,guardia@nunoa.example,\n"
        "press,Diario,,fax,12,es\n",
        encoding="utf-8",
    )

    done = night.run("stakeholder", "import", str(file))
    press = night.answer("stakeholder", "list", "--list", "press")
    removed = night.run("stakeholder", "remove", press[0]["id"])

    assert done.exit_code == 4
    assert "lists.csv: record 4: unknown_channel" in done.stderr
    assert [one["name"] for one in press] == ["Radio"]
    assert "6222" not in press[0]["address"]
    assert removed.exit_code == 0
    assert [one["locality"] for one in night.answer("stakeholder", "list")] == ["Ñuñoa"]
    assert night.run("stakeholder", "remove", press[0]["id"]).exit_code == 1

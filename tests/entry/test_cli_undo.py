"""`outreach undo`: what has not left never leaves, and the truth goes back."""

from __future__ import annotations

import getpass
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy import update
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.campaigns import undo as taking_back
from outreach.entry.cli import naming
from outreach.model.words import OccasionState
from outreach.store import audit, occasions, tables as t

SOON = NOW + timedelta(seconds=10)


@pytest.fixture
def night(tmp_path, sqlite_template):
    night = Night(tmp_path / "luz", sqlite_template)
    night.arm()
    yield night
    night.database.close()


def lines(shown: Result) -> list[str]:
    return shown.stdout.splitlines()


def test_an_opening_is_taken_back_with_what_had_not_left(night):
    night.run("outage", "open", "ALM-F12")

    shown = night.run("undo", at=SOON)

    assert shown.exit_code == 0, shown.output
    assert lines(shown)[0].endswith("as before, discarded")
    assert lines(shown)[1:] == ["stopped: 8 · left already: 0"]
    with night.database.read() as session:
        assert occasions.every(session)[0].revision.state is OccasionState.DISCARDED


def test_who_heard_already_is_named_with_the_way_to_correct_it(night):
    night.run("outage", "open", "ALM-F12")
    with night.database.write() as session:
        first = t.message.c.priority == "A"
        session.execute(update(t.message).where(first).values(state="accepted"))

    shown = night.run("undo", at=SOON)

    assert lines(shown)[1] == "stopped: 7 · left already: 1"
    assert "outreach outage correct out_" in lines(shown)[2]


def test_a_launch_is_taken_back_and_the_truth_stays(night):
    night.run(
        "planned", "add", "--node", "ALM-F12-S2", "--start", "+30d", "--end", "+4h", "--launch"
    )

    told = night.answer("undo", at=SOON)

    assert (told["action"], told["state"]) == ("campaign.launch", "scheduled")
    shown = night.run("undo", at=SOON)
    assert shown.exit_code == 3
    assert "nothing to undo" in shown.stderr


def test_the_launch_taken_back_is_said(night):
    night.run(
        "planned", "add", "--node", "ALM-F12-S2", "--start", "+30d", "--end", "+4h", "--launch"
    )

    assert lines(night.run("undo", at=SOON))[0].endswith("launch taken back")


def test_a_trial_of_an_undo_takes_nothing_back(night):
    night.run("outage", "open", "ALM-F12")
    before = night.snapshot()

    trial = night.run("undo", "--dry-run", at=SOON)

    assert lines(trial)[2] == "stopped: 8 · left already: 0"
    assert night.snapshot() == before


def test_the_chain_of_the_audit_names_who_typed(night, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "ana")
    night.run("outage", "open", "ALM-F12")
    night.run("undo", at=SOON)

    with night.database.read() as session:
        assert audit.first_broken(session) is None
        assert {entry.actor for entry in audit.newest(session)} == {"ana"}


def test_who_has_no_account_is_unknown(monkeypatch):
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)

    assert naming.operator() == "unknown"


def test_too_late_is_refused(night):
    night.run("outage", "open", "ALM-F12")

    shown = night.run("undo", at=NOW + taking_back.WITHIN + timedelta(seconds=1))

    assert shown.exit_code == 3

"""`outreach campaign launch` of what cannot drain before it stops being true."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests.entry.telling import UNPLANNED, night

from outreach.store import tables as t

SLOW = """
[[lanes]]
name = "sms"
channel = "sms"
sender = "+56900000000"
rate = 0.0001
"""


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    night_ = night(tmp_path / "luz", sqlite_template, monkeypatch)
    with (night_.folder / "outreach.toml").open("a") as file:
        file.write(SLOW)
    night_.answer("outage", "open", "ALM-F12")
    return night_


def launched(terminal) -> int:
    with terminal.database.read() as session:
        return len(session.execute(select(t.run)).all())


def test_it_is_refused_with_the_numbers_and_what_to_do(terminal):
    shown = terminal.run("campaign", "launch", UNPLANNED, "last", interactive=True, typed="y\n")

    assert shown.exit_code == 3
    refused = shown.stderr.splitlines()[-1]
    assert "opened: sms:*: 6 segments at 0.0001/s take 16 h 40 min" in refused
    assert "shorten the text, add lanes or rate, or promise a later time" in refused
    assert refused.endswith("or send it all the same with --yes")
    assert launched(terminal) == 0


def test_of_an_outage_a_person_may_send_it_all_the_same(terminal):
    shown = terminal.run("campaign", "launch", UNPLANNED, "last", "--yes")

    assert shown.exit_code == 0
    assert launched(terminal) == 1


def test_the_preview_warns_of_it_and_a_trial_is_not_refused(terminal):
    previewed = terminal.run("campaign", "preview", UNPLANNED, "last")
    tried = terminal.run("campaign", "launch", UNPLANNED, "last", "--dry-run")

    assert "WARNING: opened: sms:*: 6 segments" in previewed.stdout
    assert (tried.exit_code, launched(terminal)) == (0, 0)

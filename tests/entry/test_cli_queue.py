"""What will be sent, when and on whose word; and the chain of who did what."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import update
from tests.campaigns import controlled
from tests.entry.telling import UNPLANNED, lines, night

from outreach.entry.cli import identity
from outreach.store import tables as t


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    monkeypatch.setattr(identity, "account", lambda: "ana")
    return night(tmp_path / "luz", sqlite_template, monkeypatch)


def test_the_audit_of_the_queue_names_all_that_will_leave_and_who_stands_for_it(terminal):
    terminal.answer("outage", "open", "ALM-F12")
    terminal.answer("campaign", "launch", UNPLANNED, "last", "--yes")

    found = terminal.answer("queue", "audit")
    shown = lines(terminal.run("queue", "audit"))

    queued = [each for each in found if each["what"] == "queued"]
    owed = [each for each in found if each["what"] == "owed"]
    assert {(each["step"], each["messages"]) for each in queued} == {("opened_priority", 1), ("opened", 6), ("opened", 1)}  # fmt: skip
    assert {(each["author"], each["approver"]) for each in queued} == {("ana", "ana")}
    assert [each["at"] is None for each in queued] == [True, False, False]
    assert owed
    assert all(each["at"] for each in owed)
    assert shown[-1] == "8 messages wait"
    assert max(len(line) for line in shown) <= 100


def test_what_waits_for_a_second_person_stands_in_it_with_what_to_type(terminal):
    controlled.limited(terminal.folder, UNPLANNED, approve_above=3)
    terminal.answer("outage", "open", "ALM-F12")
    terminal.answer("campaign", "launch", UNPLANNED, "last", "--yes")

    [asked] = [each for each in terminal.answer("queue", "audit") if each["what"] == "approval"]

    assert (asked["author"], asked["campaign"]) == ("ana", UNPLANNED)
    assert asked["note"] == "7 customers: outreach campaign approve 1"


def test_paused_drilled_held_and_unwritten_are_told_apart_also_as_csv(terminal):
    controlled.limited(terminal.folder, UNPLANNED, canary_share=0.5)
    terminal.answer("campaign", "drill", UNPLANNED, "--node", "ALM-F12", "--yes")
    terminal.answer("campaign", "pause", "--all")
    with terminal.database.write() as session:
        session.execute(update(t.step_run).values(state="freezing"))

    shown = terminal.run("queue", "audit", "--format", "csv")

    found = list(csv.DictReader(io.StringIO(shown.stdout)))
    notes = {each["note"] for each in found if each["what"] == "queued"}
    assert {"DRILL · paused · waits for `go`"} <= notes
    assert {each["what"] for each in found} == {"queued", "writing", "owed"}


def test_an_empty_queue_says_so(terminal):
    shown = terminal.run("queue", "audit")

    assert (shown.exit_code, shown.stderr) == (0, "nothing will be sent\n")


def test_the_chain_verifies_prints_its_head_and_exits_3_when_it_was_touched(terminal):
    terminal.answer("outage", "open", "ALM-F12")
    terminal.answer("campaign", "launch", UNPLANNED, "last", "--yes")

    listed = terminal.answer("audit", "list", "--action", "campaign.")
    head = terminal.answer("audit", "verify")["head"]
    again = lines(terminal.run("audit", "verify", "--head", head.upper()))
    other = terminal.run("audit", "verify", "--head", "ab")
    with terminal.database.write() as session:
        session.execute(update(t.audit).values(actor="eve"))
    altered = terminal.run("audit", "verify")

    assert [each["action"] for each in listed] == ["campaign.launch"]
    assert again[0] == "2 links, and all hold"
    assert (other.exit_code, "not in the audit chain" in other.stderr) == (3, True)
    assert (altered.exit_code, "link 1 of the audit chain was changed" in altered.stderr) == (
        3,
        True,
    )


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (t.audit.delete().where(t.audit.c.id == 2), "the newest links"),
        (t.known.delete(), "no head is kept"),
    ],
)
def test_a_cut_chain_and_a_lost_head_are_said_in_words(terminal, statement, said):
    terminal.answer("outage", "open", "ALM-F12")
    terminal.answer("campaign", "launch", UNPLANNED, "last", "--yes")
    with terminal.database.write() as session:
        session.execute(statement)

    shown = terminal.run("audit", "verify")

    assert (shown.exit_code, said in shown.stderr) == (3, True)

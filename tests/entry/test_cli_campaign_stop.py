"""The brakes and the correction: exact counts, and who hears."""

from __future__ import annotations

import itertools

import pytest
from tests.entry.telling import LATER, UNPLANNED, lines, night, send, tripped

from outreach import clock
from outreach.model.words import MessageState


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    return night(tmp_path / "luz", sqlite_template, monkeypatch)


# ── the brakes ───────────────────────────────────────────────────────────────────────────────


def test_the_kill_switch_pauses_everything_with_exact_counts(terminal):
    tripped(terminal)
    send(terminal, at=LATER, priority="A")

    shown = lines(terminal.run("campaign", "pause", "--all", "--reason", "wrong feeder"))
    [found] = terminal.answer("campaign", "status")

    assert shown == [
        f"{UNPLANNED} for ALM-F12: paused · left 1 · stopped 0 · waiting 7 · may have left 0"
    ]
    assert found["runs"][0]["reason"].endswith(": wrong feeder")


def test_a_paused_campaign_is_shown_with_its_reason_and_resumed(terminal):
    tripped(terminal)
    terminal.answer("campaign", "pause", "last", "--reason", "look again")

    shown = lines(terminal.run("campaign", "status", "last"))
    [resumed] = terminal.answer("campaign", "resume", "last")

    assert "nobody hears yet" in shown[1]
    assert ": look again ·" in shown[2]
    assert (resumed["state"], resumed["waiting"]) == ("active", 8)


def test_a_cancel_asks_and_takes_back_what_has_not_left(terminal):
    tripped(terminal)

    refused = terminal.run("campaign", "cancel", "last")
    [done] = terminal.answer("campaign", "cancel", "last", "--yes", "--campaign", UNPLANNED)

    assert refused.exit_code == 1
    assert "--yes" in refused.stderr
    assert (done["state"], done["stopped"]) == ("cancelled", 8)


@pytest.mark.parametrize("words", [["pause"], ["pause", "last", "--all"], ["resume"]])
def test_a_brake_needs_an_occasion_or_all(terminal, words):
    shown = terminal.run("campaign", *words)

    assert shown.exit_code == 1
    assert "give an occasion" in shown.stderr


def test_a_kill_switch_with_nothing_to_stop_says_so(terminal):
    shown = terminal.run("campaign", "pause", "--all")

    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "nothing changed" in shown.stderr


def test_an_unknown_lane_is_named_with_those_there_are(terminal):
    shown = terminal.run("campaign", "resume", "--lane", "smoke")

    assert shown.exit_code == 1
    assert "there are: none" in shown.stderr


# ── corrections ──────────────────────────────────────────────────────────────────────────────


def test_exactly_those_who_heard_or_may_have_hear_the_correction(terminal):
    tripped(terminal)
    send(terminal, at=LATER, priority="A")
    send(terminal, at=LATER, priority="B", state=MessageState.UNKNOWN)

    done = terminal.answer("campaign", "correct", "last", "--fact", "solo Ñuñoa", "--yes", at=LATER)

    assert done["hear"] == 2
    assert done["fact"] == "solo Ñuñoa"
    assert done["superseded"] == 6


def test_a_correction_asks_and_can_be_tried(terminal):
    tripped(terminal)
    send(terminal, at=LATER)

    asked = terminal.run("campaign", "correct", "last", "--fact", "x", at=LATER)
    before = terminal.snapshot()
    tried = lines(terminal.run("campaign", "correct", "last", "--fact", "x", "--dry-run", at=LATER))

    assert asked.exit_code == 1
    assert "7 who heard before hear it · SMS 7 · social 1" in tried
    assert terminal.snapshot() == before


def test_the_same_correction_twice_tells_nobody(terminal):
    tripped(terminal)
    terminal.answer("campaign", "correct", "last", "--fact", "x", "--yes")

    again = terminal.answer("campaign", "correct", "last", "--fact", "x", "--yes")

    assert again["changed"] is False


# ── which occasion ───────────────────────────────────────────────────────────────────────────


def test_last_without_any_occasion_says_so(terminal):
    shown = terminal.run("campaign", "watch", "last")

    assert shown.exit_code == 1
    assert "there is no outage, advisory or planned work yet" in shown.stderr


def test_last_is_an_open_outage_before_a_newer_planned_work(terminal):
    outage = terminal.answer("outage", "open", "ALM-F12")
    terminal.answer(
        "planned", "add", "--start", "+100h", "--end", "+104h", "--node", "ALM-F12", "--yes"
    )

    found = terminal.answer("campaign", "watch", "last")

    assert found["id"] == outage["id"]


# ── what providers are asked for ─────────────────────────────────────────────────────────────


def test_a_cancel_asks_back_what_providers_hold_and_the_status_says_what_came_of_it(terminal):
    tripped(terminal)
    send(terminal, at=LATER, priority="A", state=MessageState.ACCEPTED)

    shown = lines(terminal.run("campaign", "cancel", "last", "--yes"))
    [found] = terminal.answer("campaign", "status", "last")

    assert shown[1:] == ["asked back 1: 1 without an answer yet"]
    assert found["asked_back"] == {
        "asked": 1,
        "waiting": 1,
        "recalled": 0,
        "refused": 0,
        "untold": 0,
    }


def test_a_correction_asks_back_what_is_wrong(terminal):
    tripped(terminal)
    send(terminal, at=LATER, state=MessageState.ACCEPTED)

    words = ("campaign", "correct", "last", "--fact", "x", "--yes")
    shown = lines(terminal.run(*words, at=LATER))

    assert "asked back 8: 8 without an answer yet" in shown


def test_counts_that_are_not_final_yet_say_so(terminal, monkeypatch):
    tripped(terminal)
    send(terminal, at=LATER, priority="A", state=MessageState.SENDING)
    monkeypatch.setattr(clock, "monotonic", itertools.count(step=5).__next__)

    shown = lines(terminal.run("campaign", "pause", "last"))
    [found] = terminal.answer("campaign", "pause", "last")

    assert shown[1].startswith("not final yet: 1 is in a call")
    assert found["in_call"] == 1

"""`outreach campaign launch --now-at-night`: what waits for the morning leaves now, by class, with its reason."""

from __future__ import annotations

import pytest
from tests.entry.telling import UNPLANNED, night

from outreach.store import audit


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    """A workspace whose first notice waits for the morning, and an outage at 02:43."""
    night_ = night(tmp_path / "luz", sqlite_template, monkeypatch)
    path = night_.folder / "campaigns" / f"{UNPLANNED}.toml"
    text = path.read_text(encoding="utf-8")
    before, opened, after = text.partition('name = "opened"\n')
    path.write_text(before + opened + after.replace('at_night = "send"', 'at_night = "hold"', 1))
    night_.answer("outage", "open", "ALM-F12")
    return night_


def test_only_the_named_classes_are_woken_and_the_reason_is_kept(terminal):
    held = terminal.answer("campaign", "launch", UNPLANNED, "last", "--yes")
    of_class_b = terminal.answer(
        "campaign", "launch", UNPLANNED, "last", "--yes", "--now-at-night", "tap water", "--class", "B"
    )  # fmt: skip
    rest = terminal.run("campaign", "launch", UNPLANNED, "last", "--yes", "--now-at-night", "x")

    assert (held["woken"], of_class_b["woken"]) == (None, 1)
    assert "woken: 5 messages leave now instead of in the morning" in rest.stdout
    with terminal.database.read() as session:
        entries = audit.newest(session, action="campaign.now_at_night")
    assert [one.detail["reason"] for one in entries] == ["x", "tap water"]


def test_a_launch_wakes_at_once_and_a_trial_writes_nothing(terminal):
    tried = terminal.answer(
        "campaign", "launch", UNPLANNED, "last", "--dry-run", "--now-at-night", "x"
    )
    before = terminal.snapshot()

    done = terminal.answer(
        "campaign", "launch", UNPLANNED, "last", "--yes", "--now-at-night", "x"
    )  # fmt: skip

    assert (tried["woken"], done["woken"]) == (6, 6)
    assert before != terminal.snapshot()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--now-at-night", " "), "say why people are woken"),
        (("--class", "B"), "--class goes with --now-at-night"),
    ],
)
def test_without_a_reason_nothing_is_launched(terminal, words, said):
    before = terminal.snapshot()

    shown = terminal.run("campaign", "launch", UNPLANNED, "last", "--yes", *words)

    assert said in shown.stderr
    assert terminal.snapshot() == before

"""The directives in force, with reason, evidence and expiry."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import make
from tests.entry.cli_runs import NOW
from tests.entry.telling import lines, night, tripped

from outreach.campaigns import routing
from outreach.settings import load


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    return night(tmp_path / "luz", sqlite_template, monkeypatch)


def decide(terminal) -> None:
    settings = load(terminal.folder)
    routing.minute(terminal.database, settings, make.KEYRING, shown=lambda _o: "out_1", now=NOW)


def test_before_any_decision_there_is_none_and_nobody_decides(terminal):
    shown = terminal.run("routing", "show")

    assert shown.stdout.splitlines() == [
        "no directive: the contact center goes by its own flow",
        "mode: never decided",
    ]
    assert "outreach serve" in shown.stderr


def test_what_holds_is_shown_with_reason_evidence_and_expiry(terminal):
    tripped(terminal)
    decide(terminal)

    shown = lines(terminal.run("routing", "show"))

    assert shown[0].startswith("priority queue · ")
    assert shown[0].endswith("expires 2026-07-16 02:53")
    assert "  because: metric class_a_caller" in shown
    assert any(line.startswith("  evidence: status ") for line in shown)
    assert shown[-1] == "mode: live"


def test_after_three_minutes_without_evidence_the_mode_is_stale(terminal):
    decide(terminal)

    shown = terminal.run("routing", "show", at=NOW + timedelta(minutes=4))
    gone = terminal.answer("routing", "show", at=NOW + timedelta(minutes=11))

    assert shown.stdout.splitlines()[-1] == "mode: stale"
    assert (gone["mode"], gone["directives"]) == ("stale", [])


def test_machines_get_the_signed_document(terminal):
    decide(terminal)

    found = terminal.answer("routing", "show")

    assert found["schema"] == "outreach.directives/1"
    assert found["directives"][0]["sig"]

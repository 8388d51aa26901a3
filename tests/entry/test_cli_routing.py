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
    assert "  because: who depends on electricity to live never waits" in shown
    assert any(line.startswith("  evidence: effect of messages not measured yet") for line in shown)
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


def test_what_is_off_says_what_it_waits_for(terminal):
    decide(terminal)

    shown = lines(terminal.run("routing", "show", "--all"))
    facts = {each["kind"]: each for each in terminal.answer("routing", "show", "--all")["off"]}

    assert all(len(line) <= 100 for line in shown)
    text = " ".join(" ".join(shown).split())
    for said in ("wait announcement", "callback offer", "overflow queue", "campaign pace"):
        assert said in text
    assert facts["wait_announcement"]["waits_for"].startswith("measured waits or a live reading")
    assert facts["overflow_queue"]["waits_for"] == "contactcenter.overflow_queue in outreach.toml"
    assert facts["campaign_pace"]["waits_for"] == "a campaign that is sending"
    assert "priority_queue" not in facts


def test_shadow_mode_is_said(terminal):
    write(terminal, contactcenter='mode = "shadow"')
    decide(terminal)

    assert lines(terminal.run("routing", "show"))[-1] == "mode: shadow: everybody only logs them"
    assert terminal.answer("routing", "show")["mode"] == "shadow"


def test_a_trial_of_pushing_shows_what_would_go_where_and_sends_nothing(terminal):
    write(terminal, endpoint=GONE)
    decide(terminal)

    (planned,) = terminal.answer("routing", "push", "--dry-run")

    assert (planned["to"], planned["what"]) == ("wfm", "1 directive")
    assert planned["why"].startswith("generation 1, ")
    assert terminal.run("routing", "show", "--undelivered").stderr.strip() == "everything arrived"


def test_without_anybody_to_tell_pushing_says_how_it_is_done(terminal):
    shown = terminal.run("routing", "push")

    assert shown.exit_code == 1
    assert "consumers pull /v1/directives" in shown.stderr


def test_what_did_not_arrive_is_listed_and_sent_again(terminal):
    write(terminal, endpoint=GONE)
    decide(terminal)

    pushed = terminal.run("routing", "push")
    (letter,) = terminal.answer("routing", "show", "--undelivered")
    again = terminal.run("routing", "push", "--again")

    assert pushed.exit_code == 4
    assert "routing show --undelivered" in pushed.stderr
    assert (letter["endpoint"], letter["failures"]) == ("wfm", 1)
    assert letter["last_status"] == "127.0.0.1 did not answer (ConnectError); is it up?"
    assert again.exit_code == 4


def test_the_simulation_shows_the_price_of_calm(terminal):
    naive, _thresholds, directives = terminal.answer("routing", "simulate", "--nights", "12")

    assert naive["toggles"] > 3 * directives["toggles"]
    assert naive["overrun"] < directives["overrun"]


GONE = """
[[endpoints]]
name = "wfm"
url = "http://127.0.0.1:1/hook"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""


def write(terminal, *, contactcenter: str = "", endpoint: str = "") -> None:
    """Adds to the settings of the workspace, whatever stands there."""
    path = terminal.folder / "outreach.toml"
    written = path.read_text()
    if contactcenter and "[contactcenter]" in written:
        written = written.replace("[contactcenter]", f"[contactcenter]\n{contactcenter}", 1)
    elif contactcenter:
        written += f"\n[contactcenter]\n{contactcenter}\n"
    path.write_text(written + endpoint)

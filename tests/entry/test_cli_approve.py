"""Two people at two accounts: one asks, the other approves; and who sends to many types how many."""

from __future__ import annotations

import json

import pytest
from tests.campaigns import controlled
from tests.entry.telling import UNPLANNED, lines, night, rows

from outreach.entry.cli import identity

ABOVE = [*["campaign", "launch", UNPLANNED, "last"]]


class Desk:
    """A terminal whose account the test sets."""

    def __init__(self, terminal, monkeypatch) -> None:
        self.terminal = terminal
        self._monkeypatch = monkeypatch

    def run(self, who: str, *words: str, **given):
        self._monkeypatch.setattr(identity, "account", lambda: who)
        return self.terminal.run(*words, **given)

    def answer(self, who: str, *words: str, code: int = 0):
        shown = self.run(who, *words, "--format", "json")
        assert shown.exit_code == code, shown.output
        return json.loads(shown.stdout)


@pytest.fixture
def desk(tmp_path, sqlite_template, monkeypatch) -> Desk:
    terminal = night(tmp_path / "luz", sqlite_template, monkeypatch)
    controlled.limited(terminal.folder, UNPLANNED, approve_above=3)
    terminal.answer("outage", "open", "ALM-F12")
    return Desk(terminal, monkeypatch)


def setting(desk: Desk, text: str) -> None:
    with (desk.terminal.folder / "outreach.toml").open("a") as file:
        file.write(f"\n[roles]\n{text}\n")


def test_one_asks_another_approves_and_it_leaves_with_both_names(desk):
    asked = lines(desk.run("ana", *ABOVE, "--yes"))
    untold = rows(desk.terminal, "run")
    own = desk.run("ana", "campaign", "approve", "1", "--yes")
    done = desk.answer("beto", "campaign", "approve", "1", "--yes")
    [explained] = desk.terminal.answer("message", "explain", "K-0001")[0]["messages"]

    assert asked[-1].endswith("somebody other than ana: outreach campaign approve 1")
    assert untold == []
    assert (own.exit_code, "somebody else has to approve" in own.stderr) == (3, True)
    assert (done["author"], done["approver"], done["moved"]) == ("ana", "beto", 0.0)
    assert (explained["launched_by"], explained["approved_by"]) == ("ana", "beto")


def test_the_approver_reads_the_texts_before_the_question(desk):
    desk.run("ana", *ABOVE, "--yes")

    shown = desk.run("beto", "campaign", "approve", "1", interactive=True, typed="n\n")

    assert shown.exit_code == 1
    assert "corte de luz en" in shown.stderr
    assert "Launch it?" in shown.stderr
    assert rows(desk.terminal, "run") == []


def test_a_name_that_is_not_the_accounts_own_is_believed_only_of_a_shared_account(desk):
    desk.run("ana", *ABOVE, "--yes")

    refused = desk.run("ana", "campaign", "approve", "1", "--as", "beto", "--yes")
    setting(desk, "shared_account = true")
    done = desk.answer("ana", "campaign", "approve", "1", "--as", "beto", "--yes")

    assert (refused.exit_code, "log in as beto" in refused.stderr) == (3, True)
    assert done["approver"] == "beto"


def test_an_edit_voids_it_at_the_terminal_too(desk):
    desk.run("ana", *ABOVE, "--yes")
    controlled.edit(desk.terminal.folder)

    shown = desk.run("beto", "campaign", "approve", "1", "--yes")

    assert shown.exit_code == 3
    assert "is void: file or texts were edited" in shown.stderr
    assert "outreach campaign launch" in shown.stderr


def test_a_refused_asking_cannot_be_approved(desk):
    desk.run("ana", *ABOVE, "--yes")

    said = lines(desk.run("beto", "campaign", "refuse", "1", "--reason", "wrong feeder"))
    shown = desk.run("carla", "campaign", "approve", "1", "--yes")

    assert said == ["1: refused"]
    assert (shown.exit_code, "void: wrong feeder" in shown.stderr) == (3, True)


def test_an_emergency_leaves_at_once_and_its_reason_stands_in_the_audit(desk):
    done = desk.answer("ana", *ABOVE, "--yes", "--emergency", "gas smell")

    [entry] = desk.terminal.answer("audit", "list", "--action", "campaign.emergency")
    assert done["is_new"] is True
    assert (entry["actor"], entry["detail"]["reason"]) == ("ana", "gas smell")
    assert [run["approved_by"] for run in rows(desk.terminal, "run")] == ["emergency:ana"]


# ── how many ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def many(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The same town, where eight customers are many."""
    monkeypatch.setattr("outreach.campaigns.blast.LEAST", 5)
    file = desk.terminal.folder / "campaigns" / f"{UNPLANNED}.toml"
    file.write_text(file.read_text().replace("approve_above = 3", "approve_above = 100"))
    return desk


def test_a_yes_is_not_enough_for_unusually_many(many):
    shown = many.run("ana", *ABOVE, "--yes")

    assert shown.exit_code == 3
    assert "7 customers, 100 % of all; --yes is not enough: --yes-to 7" in shown.stderr
    assert rows(many.terminal, "run") == []


@pytest.mark.parametrize(("typed", "code"), [("y\n", 3), ("6\n", 3), ("7\n", 0)])
def test_a_person_types_the_number(many, typed, code):
    shown = many.run("ana", *ABOVE, interactive=True, typed=typed)

    assert shown.exit_code == code, shown.output
    assert "Type the number of customers" in shown.stderr
    assert len(rows(many.terminal, "run")) == (code == 0)


def test_without_a_terminal_the_number_is_an_option(many):
    wrong = many.run("ana", *ABOVE, "--yes-to", "70")
    right = many.run("ana", *ABOVE, "--yes-to", "7")

    assert (wrong.exit_code, right.exit_code) == (3, 0)


# ── canary, drill ────────────────────────────────────────────────────────────────────────────────


def test_the_status_names_the_canary_until_somebody_says_go(desk):
    file = desk.terminal.folder / "campaigns" / f"{UNPLANNED}.toml"
    file.write_text(file.read_text().replace("approve_above = 3", "canary_share = 0.5"))
    desk.run("ana", *ABOVE, "--yes")

    waits = desk.terminal.run("campaign", "status", "last")
    went = lines(desk.run("beto", "campaign", "go"))
    again = lines(desk.run("beto", "campaign", "go"))
    after = desk.terminal.run("campaign", "status", "last")

    assert "canary: 0 of 7 left; look, then `outreach campaign go`" in waits.stdout
    assert waits.exit_code == 4
    assert went == [f"{UNPLANNED}: 7 leave now; 0 left as a canary"]
    assert again == ["no canary waits for a word; nothing changed"]
    assert "canary" not in after.stdout


def test_a_drill_says_what_it_is_and_how_to_end_it(desk):
    shown = lines(desk.run("ana", "campaign", "drill", UNPLANNED, "--node", "ALM-F12", "--yes"))
    status = lines(desk.terminal.run("campaign", "status", "DRILL ALM-F12"))

    assert shown[0] == status[0] == "DRILL: texts are marked, nobody is reached"
    assert shown[-1].startswith("to end it: outreach outage restore out_")
    assert [(each["drill"], each["approved_by"]) for each in rows(desk.terminal, "run")] == [
        (True, "")
    ]


def test_a_planned_work_is_not_drilled_and_a_trial_writes_nothing(desk):
    before = desk.terminal.snapshot()

    planned = desk.run("ana", "campaign", "drill", "planned-outage", "--node", "ALM-F12", "--yes")
    tried = desk.run("ana", "campaign", "drill", UNPLANNED, "--node", "ALM-F12", "--dry-run")

    assert (planned.exit_code, tried.exit_code) == (1, 0)
    assert desk.terminal.snapshot() == before

"""Campaigns at the terminal: checked, armed, previewed, launched, watched, stopped, corrected."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update
from tests import make
from tests.entry.cli_runs import NOW
from tests.entry.telling import LATER, UNPLANNED, lines, night, rows, send, tripped

from outreach.campaigns.status import Status, status
from outreach.entry.cli import campaign_status
from outreach.entry.cli.command import Context
from outreach.entry.cli.output import WIDTH
from outreach.model.occasion import OccasionId
from outreach.model.words import MessageState, OccasionState
from outreach.settings import load
from outreach.store import lanes, tables as t


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    return night(tmp_path / "luz", sqlite_template, monkeypatch)


def edit(terminal, path: str, old: str, new: str) -> None:
    file = terminal.folder / path
    file.write_text(file.read_text().replace(old, new, 1))


# ── files ────────────────────────────────────────────────────────────────────────────────────


def test_the_list_says_what_serves_what_and_which_files_do_not_read(terminal):
    edit(terminal, "campaigns/advisory.toml", 'serves = "advisory"', 'serves = "weather"')

    found = {row["campaign"]: row for row in terminal.answer("campaign", "list")}

    assert found[UNPLANNED]["serves"] == "outage"
    assert found[UNPLANNED]["file"] == "reads"
    assert found["advisory"]["file"] == "1 mistake"
    assert {row["armed"] for row in found.values()} == {None}


def test_lint_names_each_mistake_once_with_file_and_line(terminal):
    edit(terminal, "campaigns/advisory.toml", 'serves = "advisory"', 'serves = "weather"')

    shown = terminal.run("campaign", "lint", "advisory", "--format", "json")

    assert shown.exit_code == 1
    [fault] = json.loads(shown.stdout)
    assert fault["file"].endswith("advisory.toml")
    assert fault["line"] > 1
    assert shown.stderr == "error: 1 thing is wrong\n"


def test_lint_of_sound_campaigns_says_that_all_is_well(terminal):
    shown = terminal.run("campaign", "lint")

    assert (shown.exit_code, shown.stderr) == (0, "all is well\n")


def test_arming_prints_the_ceilings_and_shows_in_the_list_until_disarmed(terminal):
    edit(terminal, "campaigns/unplanned-outage.toml", "# max_audience", "max_audience")
    edit(terminal, "campaigns/unplanned-outage.toml", "# max_cost", "max_cost")
    words = [
        "campaign",
        "arm",
        UNPLANNED,
        "--author",
        "ana",
        "--approver",
        "beto",
        "--until",
        "+12h",
    ]

    armed = lines(terminal.run(*words))
    edit(terminal, "campaigns/unplanned-outage.toml", "fold = true", "fold = false")
    listed = {row["campaign"]: row["armed"] for row in terminal.answer("campaign", "list")}
    gone = lines(terminal.run("campaign", "disarm", UNPLANNED))
    again = lines(terminal.run("campaign", "disarm", UNPLANNED))

    assert armed[0].startswith(
        f"{UNPLANNED}: armed by ana, approved by beto · until 2026-07-16 14:43"
    )
    assert armed[1] == "by itself: at most 50,000 customers · at most 2,500 USD"
    assert listed[UNPLANNED].endswith("with an older text: arm it again")
    assert (gone, again) == (
        [f"{UNPLANNED}: disarmed"],
        [f"{UNPLANNED}: was not armed; nothing changed"],
    )


def test_author_and_approver_are_two_people(terminal):
    shown = terminal.run("campaign", "arm", UNPLANNED, "--author", "ana", "--approver", "ANA")

    assert shown.exit_code == 3
    assert rows(terminal, "armed") == []


def test_an_armed_campaign_without_ceiling_says_so_and_launches_by_itself(terminal):
    words = ["campaign", "arm", UNPLANNED, "--author", "ana", "--approver", "beto"]

    armed = lines(terminal.run(*words))
    opened = terminal.answer("outage", "open", "ALM-F12")

    assert armed[1].startswith("by itself: no ceiling")
    assert opened["launched"] == [UNPLANNED]


# ── preview and launch ───────────────────────────────────────────────────────────────────────


def test_a_preview_shows_counts_minutes_texts_and_folding_and_fits_the_terminal(terminal):
    terminal.answer("outage", "open", "ALM-F12")

    shown = lines(terminal.run("campaign", "preview", UNPLANNED, "last"))

    text = "\n".join(shown)
    assert "opened: 6 at once · 0 held for the night · first hears 02:48, last 02:48" in shown
    assert "7 messages · 7 segments · 0.35 USD" in shown
    assert "not reached: nobody" in shown
    assert "folded to GSM-7; with its accents it would be 2 segments:" in text
    assert max(len(line) for line in shown if not line.startswith("  ")) <= WIDTH
    assert rows(terminal, "run") == []


def test_a_preview_for_machines_holds_steps_samples_and_who_is_not_reached(terminal):
    terminal.answer("outage", "open", "ALM-F12")
    edit(terminal, "campaigns/unplanned-outage.toml", "# max_cost = 2500.0", "max_cost = 0.1")

    found = terminal.answer("campaign", "preview", UNPLANNED, "last")

    assert {step["step"]: step["by_class"] for step in found["steps"]} == {
        "opened_priority": {"A": 1}, "opened": {"B": 1, "C": 5},
    }  # fmt: skip
    assert "Próxima" in found["steps"][1]["samples"][0]["unfolded"]
    assert found["not_reached"] == {}
    assert found["warnings"] == ["cost 0.35 is above the campaign's ceiling of 0.10"]


def test_a_preview_warns_in_words_and_says_never_where_no_lane_carries(terminal):
    terminal.answer("outage", "open", "ALM-F12")
    with (terminal.folder / "outreach.toml").open("a") as file:
        file.write('[[lanes]]\nname = "ar"\nchannel = "sms"\nsender = "+54911"\ncountry = "AR"\n')

    shown = lines(terminal.run("campaign", "preview", UNPLANNED, "last"))

    assert [line for line in shown if line.startswith("WARNING: opened: no lane carries")]


def test_emails_are_shown_with_their_subject(terminal):
    terminal.answer("outage", "open", "ALM-F12")
    with terminal.database.write() as session:
        session.execute(update(t.reach).values(channel="email", channels=2))

    shown = lines(terminal.run("campaign", "preview", UNPLANNED, "last"))

    at = shown.index("opened · e-mail · es")
    assert shown[at + 1].strip()


def test_a_launch_asks_after_showing_the_preview_and_no_means_nothing_was_done(terminal):
    terminal.answer("outage", "open", "ALM-F12")

    shown = terminal.run("campaign", "launch", UNPLANNED, "last", interactive=True, typed="n\n")

    assert shown.exit_code == 1
    assert "7 messages" in shown.stderr
    assert "Send it?" in shown.stderr
    assert rows(terminal, "run") == []


def test_a_launch_tells_how_long_it_can_be_undone_and_a_second_is_a_no_op(terminal):
    terminal.answer("outage", "open", "ALM-F12")

    first = lines(terminal.run("campaign", "launch", UNPLANNED, "last", "--yes"))
    again = terminal.answer("campaign", "launch", UNPLANNED, "last", "--yes")
    said = lines(terminal.run("campaign", "launch", UNPLANNED, "last", "--yes"))

    assert "opened_priority: 1 priority now" in first
    assert first[-1].startswith("the others wait 30 s at least")
    assert again["is_new"] is False
    assert said == [f"{UNPLANNED} was launched for ALM-F12 before: nothing new is sent"]
    assert len(rows(terminal, "run")) == 1


def test_a_dry_run_writes_nothing(terminal):
    terminal.answer("outage", "open", "ALM-F12")
    before = terminal.snapshot()

    shown = lines(terminal.run("campaign", "launch", UNPLANNED, "last", "--dry-run"))

    assert "opened_priority: 1 priority now" in shown
    assert terminal.snapshot() == before


# ── status and watch ─────────────────────────────────────────────────────────────────────────


def test_the_watch_of_the_walk_is_one_line(terminal):
    tripped(terminal)

    [line] = lines(terminal.run("campaign", "watch", "last", "--once"))

    assert line == (
        "priority not confirmed: 1 · promises overdue: 0 · errors: 0 · last person hears 02:48"
    )


def test_the_status_adds_up_and_says_who_launched(terminal):
    tripped(terminal, "--etr", "+3h")
    send(terminal, at=LATER)

    shown = lines(terminal.run("campaign", "status", "last", at=LATER))

    assert shown[1].endswith("errors: 0 · last person heard 02:50")
    assert shown[2].startswith(f"{UNPLANNED} · active · launched Thu 16 Jul 02:43 by ")
    assert [line.split() for line in shown if "opened_with_etr" in line] == [
        ["opened_with_etr", "1", "7", "delivered", "7", "-"]
    ]
    assert shown[-1] == "promise Thu 16 Jul 05:45: open"


def test_the_status_of_everything_is_one_row_an_occasion(terminal):
    tripped(terminal)

    [found] = terminal.answer("campaign", "status")

    assert found["name"] == "ALM-F12"
    assert found["runs"][0]["adds_up"] is True


def test_a_status_without_campaigns_says_how_to_begin(terminal):
    nothing = terminal.run("campaign", "status")
    terminal.answer("outage", "open", "ALM-F12")
    untold = lines(terminal.run("campaign", "status", "last"))

    assert nothing.exit_code == 0
    assert "outreach campaign launch" in nothing.stderr
    assert untold[-1] == "no campaign was launched for it"


def test_doubt_unknown_and_a_stopped_lane_end_the_status_with_4(terminal):
    tripped(terminal)
    send(terminal, at=LATER, priority="A", state=MessageState.IN_DOUBT)
    send(terminal, at=LATER, priority="B", state=MessageState.UNKNOWN)
    with terminal.database.write() as session:
        make.make_lane(session)
        lanes.stop(session, "sms", "401 bad token", now=LATER)

    shown = terminal.run("campaign", "status", at=LATER)
    resumed = lines(terminal.run("campaign", "resume", "--lane", "sms"))
    again = lines(terminal.run("campaign", "resume", "--lane", "sms"))

    assert shown.exit_code == 4
    assert "in doubt: 1 · unknown: 1 · lane sms STOPPED" in shown.stdout
    assert "ALM-F12: 1 in doubt" in shown.stderr
    assert "`outreach campaign resume --lane sms`" in shown.stderr
    assert (resumed, again) == (["lane sms: goes on"], ["lane sms: was not stopped"])


def test_books_that_do_not_balance_end_the_status_with_4(terminal):
    tripped(terminal)
    with terminal.database.write() as session:
        session.execute(update(t.step_run).values(frozen=99))

    shown = terminal.run("campaign", "status", "last")

    assert shown.exit_code == 4
    assert "do not add up" in shown.stderr


def test_left_out_and_a_wave_in_writing_are_shown(terminal):
    tripped(terminal)
    with terminal.database.write() as session:
        session.execute(
            t.left_out.insert().values(step_run_id=1, customer_id=1, reason="opted_out")
        )
        session.execute(update(t.step_run).values(state="freezing"))

    shown = lines(terminal.run("campaign", "status", "last"))

    assert "not reached: opted out 1" in shown
    assert any("being written" in line for line in shown)


def test_the_last_person_of_another_day_is_named_with_the_day(terminal):
    tripped(terminal)
    send(terminal, at=NOW)

    [line] = lines(terminal.run("campaign", "watch", "last", at=NOW + timedelta(days=1)))

    assert line.endswith("last person heard Thu 16 Jul 02:43")


def test_machines_get_one_look(terminal):
    tripped(terminal)

    assert terminal.answer("campaign", "watch", "last")["errors"] == 0


def test_watching_draws_a_look_a_second_until_it_is_over(terminal):
    tripped(terminal)
    found = list(_looks(terminal, 3))
    drawn: list[list[str]] = []
    slept: list[float] = []
    terminal.answer("campaign", "cancel", "last", "--yes")

    campaign_status.followed(
        Context(), lambda _now: found.pop(0), now=lambda: NOW, sleep=slept.append, draw=drawn.append
    )

    assert (len(drawn), slept) == (3, [1.0, 1.0])
    assert drawn[0][1].strip().startswith("opened_priority@1")


def _looks(terminal, count: int):
    """The same look, and at the end one at which all is over."""
    look: Status = status(terminal.database, load(terminal.folder), OccasionId(1), now=NOW)
    yield from [look] * (count - 1)
    revision = replace(look.occasion.revision, state=OccasionState.RESTORED)
    yield replace(look, runs=(), occasion=replace(look.occasion, revision=revision))


def test_ctrl_c_ends_the_watching_and_nothing_else(terminal, monkeypatch):
    tripped(terminal)

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("outreach.entry.cli.campaign_status.time.sleep", interrupted)

    shown = terminal.run("campaign", "watch", "last", interactive=True)

    assert shown.exit_code == 0
    assert shown.stdout.startswith("priority not confirmed: 1")
    assert "it goes on" in shown.stderr


def test_a_look_is_drawn_over_the_one_before_and_cut_to_the_terminal(monkeypatch):
    drawn: list[str] = []
    monkeypatch.setattr("outreach.entry.cli.campaign_status.click.echo", drawn.append)
    draw = campaign_status._redrawn()

    draw(["one", "two"])
    draw(["x" * 200])

    assert drawn[0] == "one\ntwo"
    assert drawn[1].startswith("\x1b[2A\x1b[J")
    assert len(drawn[1].removeprefix("\x1b[2A\x1b[J")) < WIDTH

"""The demo, small: it ends by itself, its states add up, and it is the same every time."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from tests.entry.cli_runs import run

from outreach import settings as configuration
from outreach.entry.cli import demo_workspace
from outreach.entry.demo import utility
from outreach.store import migrations
from outreach.store.session import Database

SMALL = "300"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The answer of one small demo, and its folder."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = run("demo", "--folder", str(folder), "--customers", SMALL, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), folder, done.stderr


def test_every_message_is_in_one_state_and_the_states_add_up(small):
    found, _folder, _said = small

    assert found["adds_up"] is True
    assert sum(found["states"].values()) == found["messages"] > 300
    assert sum(found["by_channel"].values()) == found["messages"]
    assert sum(found["by_class"].values()) == found["messages"]
    assert sum(one["messages"] for one in found["steps"]) == found["messages"]
    assert not found["states"].keys() & {"queued", "sending", "in_doubt"}


def test_class_a_is_told_of_a_trip_in_a_wave_of_its_own(small):
    steps = {(one["occasion"], one["step"]): one for one in small[0]["steps"]}

    assert set(steps["ALB-F12", "opened_priority"]["by_class"]) == {"A"}
    assert "A" not in steps["ALB-F12", "opened"]["by_class"]


def test_the_planned_work_is_announced_twice_and_ends(small):
    steps = [one["step"] for one in small[0]["steps"] if one["occasion"] == "PT-2026-031"]

    assert steps == ["notice_72h", "notice_24h", "started", "restored"]


def test_notices_held_for_the_morning_are_superseded_when_they_are_no_longer_true(small):
    partial = next(one for one in small[0]["steps"] if one["step"] == "partial_restored")

    assert partial["untold"]["superseded"] > 0
    assert set(partial["states"]) <= {"superseded", "delivered", "undelivered"}


def test_three_callers_hear_what_is_true_for_them(small):
    out, restored, unknown = small[0]["ivr"]

    assert (out["status"], out["match"], out["language"]) == ("etr", "ani", "es")
    assert "Quebrada Honda" in out["says"]
    assert (restored["status"], restored["language"]) == ("restored", "pt")
    assert "Las Dunas" in restored["says"]
    assert (unknown["status"], unknown["says"]) == ("none", "")


def test_promises_are_missed_and_kept_in_the_ledger(small):
    promises = small[0]["promises"]

    assert [each["kept"] for each in promises] == [False, False, True]
    assert promises[0]["missed_by_s"] == 45 * 60


def test_calls_are_imported_and_the_front_message_comes_on_and_goes_off(small):
    found, folder, _said = small

    assert found["calls"] > 20
    assert list((folder / "calls").glob("calls-*.csv"))
    front = [each["on"] for each in found["directives"] if each["kind"] == "ivr_upfront"]
    assert front[0] is True
    assert front[-1] is False


def test_progress_is_told_line_by_line_on_stderr(small):
    said = small[2]

    assert "Thu 16 Jul 02:43  ALB-F12 trips:" in said
    assert "\r" not in said


def test_the_workspace_that_it_leaves_is_one_to_work_in(small):
    _found, folder, _said = small

    status = run("campaign", "status", "ALB-F12", workspace=folder)

    loaded = configuration.load(folder)
    database = Database(loaded.database)
    migrations.refuse_other_schema(database, configuration.carried("alembic"))
    database.close()
    assert "restored" in status.stdout
    assert loaded.delivery.only_loopback


def test_a_second_demo_replaces_the_first_and_says_the_same_in_another_language(small):
    found, folder, _said = small

    again = run(
        "demo", "--folder", str(folder), "--customers", SMALL, "--language", "es", env={"COLUMNS": "100"}
    )  # fmt: skip

    assert again.exit_code == 0, again.output
    assert f"{found['messages']} mensajes" in again.stdout
    assert f"llegaron {found['calls']} llamadas" in again.stdout
    assert max(len(line) for line in again.stdout.splitlines()) <= 100
    assert "jue 16 jul 02:43" in again.stderr
    assert 'operator_language = "es"' in (folder / "outreach.toml").read_text(encoding="utf-8")


def test_the_readme_shows_what_the_demo_prints(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("shortened:\n\n```text\n")[2].partition("```")[0].splitlines()

    done = run("demo", "--folder", str(tmp_path / "demo"), env={"COLUMNS": "100"})

    printed = iter(line.rstrip() for line in (done.stderr + done.stdout).splitlines())
    assert len(shown) > 30
    assert [line for line in shown if line not in printed] == []


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")

    done = run("demo", "--folder", str(tmp_path))

    assert done.exit_code == 1
    assert "no earlier demo" in done.stderr
    assert (tmp_path / "mine.txt").exists()


def test_the_same_seed_draws_the_same_company_and_another_seed_another(tmp_path):
    first, second, other = utility.drawn(300), utility.drawn(300), utility.drawn(300, seed=1)

    for name, company in (("first", first), ("second", second)):
        utility.write_exports(company, tmp_path / name)

    assert first == second != other
    for name in (utility.CRM, utility.GIS, utility.GRID):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_the_whole_company_has_life_support_three_languages_and_every_feeder():
    company = utility.drawn()

    people = company.people
    assert 3_500 <= len(people) <= 3_700
    assert 35 <= sum(one.is_life_support for one in people) <= 45
    languages_spoken = [one.language for one in people]
    assert (
        languages_spoken.count("ES")
        > languages_spoken.count("PT")
        > languages_spoken.count("EN")
        > 100
    )
    assert len({one.feeder for one in people}) == 8
    assert all(one.email.endswith(".example") for one in people if one.email)


def test_the_keys_of_a_demo_are_its_own_and_always_the_same():
    assert demo_workspace.keyring() == demo_workspace.keyring()


def test_nothing_of_it_opens_a_connection(tmp_path, monkeypatch):
    def refuse(*_given, **_more):
        raise AssertionError("the demo went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    company = utility.drawn(300)

    demo_workspace.lay_out(tmp_path / "demo", company)

    assert (tmp_path / "demo" / "outreach.key").exists()

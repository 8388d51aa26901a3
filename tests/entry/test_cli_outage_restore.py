"""`outreach outage restore`, `list` and `show`: what is back, what is overdue, what was said."""

from __future__ import annotations

import pytest
from tests import make, town
from tests.entry.echoed import after, lines, newest

from outreach.model.words import OccasionState
from outreach.store import runs

# ── restore ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def told(night):
    """An outage of the whole feeder that everybody was told of."""
    night.arm()
    night.run("outage", "open", "ALM-F12", "--etr", "+8h")
    night.tell()
    return night


def test_a_trial_of_a_partial_restoration_counts_both_sides(told):
    before = told.snapshot()

    words = ("outage", "restore", "last", "--node", "ALM-F12-S2", "--dry-run")
    shown = told.run(*words, at=after(hours=1))

    assert shown.exit_code == 0, shown.output
    assert "3 premises restored (3 told before hear it) · 4 remain, 1 priority" in lines(shown)
    assert told.snapshot() == before


def test_all_but_a_node_is_back_premises_above_it_too(told):
    with told.database.write() as session:
        town.resident(session, number=50, order=1, locality="Providencia", channel=None)

    words = ("outage", "restore", "last", "--except", "ALM-F12-S1", "--how", "crew")
    answer = told.answer(*words, at=after(hours=1))

    assert (answer["restored_premises"], answer["premises"]) == (4, 4)
    assert (answer["state"], answer["known_how"]) == ("partial", "crew")


def test_how_it_is_known_is_asked_on_a_terminal(told):
    words = ("outage", "restore", "last")

    shown = told.run(*words, at=after(hours=5), interactive=True, typed="3\n")

    assert "1  meters: they answer again" in shown.stderr
    assert "7 premises restored (7 told before hear it) · 0 remain, 0 priority" in lines(shown)
    assert "promise Thu 16 Jul 10:45: kept" in lines(shown)
    assert "the IVR says it already · back since Thu 16 Jul 07:43" in lines(shown)
    assert newest(told).revision.known_how == "switching"


def test_how_it_is_known_must_be_said_where_nobody_can_be_asked(told):
    shown = told.run("outage", "restore", "last")

    assert shown.exit_code == 1
    assert "--how: meters, crew, switching" in shown.stderr


def test_a_restoration_can_be_dated_back(told):
    words = ("outage", "restore", "last", "--how", "meters", "--at", "03:30")

    told.run(*words, at=after(hours=1))

    assert newest(told).revision.restored_at == after(minutes=47)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--node", "ALM-F12-S1", "--except", "ALM-F12-S2"), 1, "give one of them"),
        (("--node", "F99"), 3, "F99: not within what is out (ALM-F12)"),
        (("--except", "F99"), 3, "F99: not within what is out"),
        (("--node", "nowhere"), 1, "no such node"),
    ],
    ids=["both", "outside", "except outside", "unknown"],
)
def test_an_impossible_part_is_refused(told, words, code, said):
    with told.database.write() as session:
        make.make_node(session, ref="F99", tree_order=20, tree_last=25)

    shown = told.run("outage", "restore", "last", *words, "--how", "crew")

    assert shown.exit_code == code
    assert said in shown.stderr


def test_part_of_an_outage_by_locality_is_back_by_node(night):
    night.run("outage", "open", "--locality", "Ñuñoa")

    answer = night.answer("outage", "restore", "last", "--node", "ALM-F12-S2", "--how", "crew")

    assert (answer["restored_premises"], answer["premises"]) == (3, 0)


def test_where_nobody_remains_out_the_closing_command_is_named(night):
    night.run("outage", "open", "ALM-F12")

    words = ("--node", "ALM-F12-S1", "--node", "ALM-F12-S2", "--how", "crew")
    shown = night.run("outage", "restore", "last", *words)

    assert any(line.startswith("nobody remains out; to close it:") for line in lines(shown))


def test_the_same_part_restored_twice_changes_nothing(told):
    words = ("outage", "restore", "last", "--node", "ALM-F12-S2", "--how", "crew")
    told.run(*words)

    assert "nothing changed" in told.run(*words).stdout


def test_news_that_are_overdue_are_said(told):
    words = ("outage", "restore", "last", "--node", "ALM-F12-S2", "--how", "crew")

    shown = told.run(*words, at=after(hours=9))

    assert any("news is overdue since Thu 16 Jul 10:45" in line for line in lines(shown))


def test_a_restored_outage_is_not_restored_again(told):
    told.run("outage", "restore", "last", "--how", "crew")

    shown = told.run("outage", "restore", "last", "--how", "crew")

    assert shown.exit_code == 3
    assert "restored already" in shown.stderr


# ── list, show ──────────────────────────────────────────────────────────────────────


def test_the_outage_whose_news_is_most_overdue_comes_first(night):
    night.run("outage", "open", "ALM-F12-S1", "--next", "+3h")
    night.run("outage", "open", "ALM-F12-S2", "--next", "+1h")

    rows = night.answer("outage", "list", at=after(hours=2))

    assert [(row["name"], row["overdue"]) for row in rows] == [
        ("ALM-F12-S2", 3600.0),
        ("ALM-F12-S1", None),
    ]


def test_closed_outages_are_listed_when_asked_for(night):
    night.run("outage", "open", "ALM-F12")
    night.run("outage", "restore", "last", "--how", "crew")

    assert night.run("outage", "list").stderr == "no outage is open\n"
    assert "restored" in night.run("outage", "list", "--all").stdout


def test_an_outage_is_shown_with_its_versions_promises_instants_and_waves(told):
    told.run("outage", "update", "last", "--etr", "+2h", "--cause", "rama")

    shown = told.run("outage", "show", "last").stdout
    answer = told.answer("outage", "show", "last")

    for word in ("ALM-F12", "rama", "etr_expiring", "opened_with_etr@1", "accepted 7"):
        assert word in shown
    assert [each["version"] for each in answer["versions"]] == [1, 2]
    assert [each["outcome"] for each in answer["promises"]] == ["open", "open"]
    assert answer["instants"][0]["outcome"] in {"overtaken", "waiting"}
    assert sum(wave["messages"] for wave in answer["waves"]) > 7


def test_an_outage_that_nobody_was_told_of_is_shown_without_empty_tables(night):
    night.run("outage", "open", "ALM-F12")

    assert "promised" not in night.run("outage", "show", "last").stdout


def test_a_closed_outage_is_shown_with_whom_it_touched(told):
    told.run("outage", "restore", "last", "--how", "crew")

    assert told.answer("outage", "show", "last")["premises"] == 7


def test_the_commands_speak_the_operators_language(night):
    shown = night.run("outage", "open", "ALM-F12", language="es")

    assert "7 suministros" in shown.stdout
    assert newest(night).revision.state is OccasionState.ACTIVE


def test_nothing_is_launched_in_a_trial(night):
    night.arm()

    night.run("outage", "open", "ALM-F12", "--dry-run")

    with night.database.read() as session:
        assert runs.every(session) == []

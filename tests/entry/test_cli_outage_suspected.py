"""`outreach outage suspected`, `confirm`, and what `show` says of reports."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests import town
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night
from tests.entry.echoed import after, lines, newest

from outreach.campaigns import suspecting
from outreach.model.words import OccasionState
from outreach.settings import Settings
from outreach.store import reports
from outreach.store.reports import NewReport


def suspected(night: Night) -> None:
    """Three homes of the north section say that it is dark."""
    say(night, homes=(1, 2, 3))
    engine = town.engine(night.database, Settings(lanes=town.LANES))
    suspecting.minute(engine, now=NOW + timedelta(minutes=1))


def say(night: Night, *, homes: tuple[int, ...]) -> None:
    with night.database.write() as session:
        for home in homes:
            [premise] = reports.premises_named(session, f"S-{home:04}")
            said = NewReport(
                at=NOW, via="sms", source_ref=f"SM{home}", premise_id=premise, occasion_id=None,
                meaning=reports.OUT,
            )  # fmt: skip
            reports.add(session, said)


def test_what_no_outage_explains_is_listed_until_something_does(night):
    say(night, homes=(1, 2))

    [first, second] = night.answer("outage", "reports", at=after(minutes=1))
    table = night.run("outage", "reports", at=after(minutes=1))
    long_ago = night.run("outage", "reports", "--since", "30m", at=after(minutes=60))
    suspected(night)
    explained = night.run("outage", "reports", at=after(minutes=2))

    assert [first["premise"], second["premise"]] == ["S-0001", "S-0002"]
    assert (first["meaning"], first["locality"], first["via"]) == ("out", "Providencia", "sms")
    assert "no service" in table.stdout
    for shown in (long_ago, explained):
        assert "nobody reports" in shown.stdout + shown.stderr


def test_what_is_suspected_is_listed_with_what_speaks_for_it_and_not_as_open(night):
    nothing = night.run("outage", "suspected")
    suspected(night)

    [row] = night.answer("outage", "suspected", at=after(minutes=2))
    table = night.run("outage", "suspected", at=after(minutes=2))
    opened = night.run("outage", "list", at=after(minutes=2))
    alarms = night.run("alarm", "list", at=after(minutes=2))

    assert "nothing is suspected" in nothing.stdout + nothing.stderr
    assert (row["name"], row["premises"], row["reports"]) == (town.NORTH, 3, 3)
    opened_at = NOW + timedelta(minutes=1)
    assert datetime.fromisoformat(row["lapses_at"]) == opened_at + timedelta(hours=6)
    assert "ALM-F12-S1" in table.stdout
    assert "no outage is open" in opened.stdout + opened.stderr
    assert "outage suspected" in alarms.stdout


def test_confirmed_it_launches_what_is_armed_and_says_so(night):
    night.arm()
    suspected(night)

    shown = night.run(
        "outage", "confirm", "last", "--cause", "tree on the line", at=after(minutes=3)
    )
    again = night.run("outage", "confirm", town.NORTH, at=after(minutes=4))
    looked = night.answer("outage", "show", town.NORTH, at=after(minutes=4))

    assert shown.exit_code == 0, shown.output
    assert "4 premises" in "\n".join(lines(shown))
    assert newest(night).revision.state is OccasionState.ACTIVE
    assert (again.exit_code, "it has begun" in again.stderr) == (3, True)
    assert looked["reports"][0] | {"last_at": None} == {
        "meaning": "out",
        "premises": 3,
        "reports": 3,
        "last_at": None,
    }
    assert looked["waves"]


def test_a_trial_confirms_nothing_and_other_verbs_ask_for_it_first(night):
    suspected(night)

    trial = night.run("outage", "confirm", "--dry-run", at=after(minutes=2))
    updated = night.run("outage", "update", town.NORTH, "--etr", "+3h", at=after(minutes=2))
    cancelled = night.run(
        "outage", "cancel", town.NORTH, "--reason", "fuse blown", at=after(minutes=3)
    )
    none_left = night.run("outage", "confirm", at=after(minutes=4))

    assert trial.exit_code == 0, trial.output
    assert (updated.exit_code, "outreach outage confirm" in updated.stderr) == (3, True)
    assert cancelled.exit_code == 0, cancelled.output
    assert newest(night).revision.state is OccasionState.DISCARDED
    assert (none_left.exit_code, "nothing is suspected" in none_left.stderr) == (1, True)

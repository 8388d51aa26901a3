"""`outreach forecast` as a person types it."""

from __future__ import annotations

import csv
import json
from datetime import timedelta

import pytest
from sqlalchemy import insert, update
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night
from tests.entry.telling import lines, night, tripped

from outreach.campaigns import forecasting
from outreach.settings import load
from outreach.store import tables as t

MINUTE = timedelta(minutes=1)


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    return night(tmp_path / "luz", sqlite_template, monkeypatch)


def foretell(terminal: Night) -> None:
    forecasting.minute(terminal.database, load(terminal.folder), now=NOW)


def calls(terminal: Night, minutes: range, *, each: int = 1, talk_s: int | None = None) -> None:
    rows = [
        {
            "call_id": f"{minute}.{number}", "at": NOW - minute * MINUTE, "known": False, "dnis": "600",
            "queue": "", "contained": number == 0, "abandoned": False, "talk_s": talk_s, "source": "file",
        }
        for minute in minutes
        for number in range(each)
    ]  # fmt: skip
    with terminal.database.write() as session:
        session.execute(insert(t.call), rows)


def test_without_calls_it_says_plainly_that_it_is_a_prior(terminal):
    tripped(terminal)
    foretell(terminal)

    shown = lines(terminal.run("forecast", "show"))

    assert shown[0].startswith("outages · as of 02:43 · ")
    assert shown[1].startswith("A PRIOR ONLY")
    assert shown[-2].endswith("outreach forecast plan FILE")
    assert shown[-1] == "to bring in the calls: outreach contacts import FILE"
    assert any(line.strip().startswith("02:43-02:58") for line in shown)
    assert max(map(len, shown)) <= 100


def test_where_no_clock_runs_it_is_made_now_and_written_nowhere(terminal):
    shown = lines(terminal.run("forecast", "show"))

    assert shown[1] == "no outage: the usual calls of this hour"
    assert terminal.run("forecast", "export").exit_code == 3


def test_planned_agents_are_taken_in_and_shown_with_the_wait(terminal):
    plan = terminal.folder / "plan.csv"
    rows = ["queue,start,agents", "outages,2026-07-16 02:30,0", "outages,2026-07-16 02:45,7"]
    plan.write_text("\n".join(rows), encoding="utf-8")
    tripped(terminal)
    with terminal.database.write() as session:
        session.execute(
            update(t.revision).values(start_at=NOW - 30 * MINUTE, recorded_at=NOW - 30 * MINUTE)
        )
    calls(terminal, range(1, 30), each=5)

    tried = terminal.answer("forecast", "plan", str(plan), "--dry-run")
    taken = terminal.answer("forecast", "plan", str(plan))
    foretell(terminal)
    found = terminal.answer("forecast", "show")[0]

    assert (tried["rows"], taken["rows"], taken["queues"]) == (2, 2, ["outages"])
    assert [each["staffed"] for each in found["quarters"]] == [0, 7, 0, 0]
    assert found["quarters"][0]["wait_p80_s"] == 7200
    table = lines(terminal.run("forecast", "show"))
    assert any("over 2 h" in line for line in table)
    assert table[-2].startswith("short of ")
    assert "more than these outages explain" in table[-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("queue,start\n", "no column agents", id="column"),
        pytest.param("queue,start,agents\nother,03:00,1\n", "no queue 'other'", id="queue"),
        pytest.param("queue,start,agents\noutages,03:00,x\n", "agents is 'x'", id="number"),
        pytest.param("queue,start,agents\noutages,sometime,1\n", "sometime", id="time"),
        pytest.param("queue,start,agents\n", "no row", id="empty"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused_with_its_place(terminal, text, said):
    plan = terminal.folder / "plan.csv"
    plan.write_text(text, encoding="utf-8")

    refused = terminal.run("forecast", "plan", str(plan))

    assert refused.exit_code == 1
    assert said in refused.stderr


def test_an_unknown_queue_names_those_there_are(terminal):
    refused = terminal.run("forecast", "show", "--queue", "sales")

    assert refused.exit_code == 1
    assert "outages" in refused.stderr


def test_the_export_stands_on_the_clock_in_each_shape(terminal):
    tripped(terminal)
    foretell(terminal)

    plain = list(csv.DictReader(lines(terminal.run("forecast", "export"))))
    connect = list(csv.DictReader(lines(terminal.run("forecast", "export", "--as", "connect"))))
    genesys = json.loads(terminal.run("forecast", "export", "--as", "genesys").stdout)

    assert [row["start"] for row in plain] == [
        "2026-07-16T06:45:00Z", "2026-07-16T07:00:00Z", "2026-07-16T07:15:00Z",
    ]  # fmt: skip
    assert connect[0]["TimeStamp"] == plain[0]["start"]
    assert len(genesys["planningGroups"][0]["offeredPerInterval"]) == 768


def test_past_calls_are_exported_with_their_handling_time(terminal):
    calls(terminal, range(60, 75), each=3, talk_s=200)

    shown = terminal.run("forecast", "export", "--as", "genesys", "--history", "2h")
    rows = list(csv.DictReader(lines(shown)))

    assert sum(int(row["Offered"]) for row in rows) == 45
    assert sum(int(row["Interactions Handled"]) for row in rows) == 30
    assert sum(int(row["Total Handle Time (Seconds)"]) for row in rows) == 6000
    assert terminal.run("forecast", "export", "--history", "5m").exit_code == 3


def test_learning_says_of_each_past_outage_what_it_taught_or_why_nothing(terminal):
    tripped(terminal)
    terminal.answer("outage", "restore", "last", "--how", "crew", "--yes", at=NOW + 50 * MINUTE)

    shown = terminal.run("forecast", "learn", at=NOW + 60 * MINUTE)

    assert "too few customers" in shown.stdout
    assert "learned 0 curves" in shown.stderr


def test_watching_shows_it_anew_until_somebody_has_seen_enough(terminal, monkeypatch):
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("outreach.entry.cli.forecast.time.sleep", sleep)

    shown = terminal.run("forecast", "show", "--watch", interactive=True)

    assert shown.stdout.count("as of 02:43") == 2
    assert "no longer watched" in shown.stderr
    assert slept == [60, 60]


def test_skills_of_a_queue_are_staffed_each_on_its_own(terminal):
    settings = terminal.folder / "outreach.toml"
    queue = '[[contactcenter.forecast.queues]]\nname = "outages"\nskills = { es = 0.9, pt = 0.1 }\n'
    settings.write_text(settings.read_text() + queue, encoding="utf-8")
    tripped(terminal)
    calls(terminal, range(1, 30), each=9)
    foretell(terminal)

    shown = lines(terminal.run("forecast", "show"))
    first = terminal.answer("forecast", "show")[0]["quarters"][0]

    assert any(line.startswith("agents by skill, in the busiest") for line in shown)
    assert first["agents_by_skill"].keys() == {"es", "pt"}

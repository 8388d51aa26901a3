"""`outreach lane`: how the senders fare, and a person's word over them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update
from tests import make
from tests.entry.cli_runs import NOW, lay_out, run

from outreach.entry.lane_caps import caps as caps_of
from outreach.settings import load
from outreach.store import audit, lane_health, lanes, spent, tables as t
from outreach.store.lane_health import Minute
from outreach.store.session import Database
from outreach.store.spent import Spent

TOML = """
[[lanes]]
name = "sms"
channel = "sms"
sender = "+56900000000"
rate = 100
daily_cap = 3
spend_cap = 2.5
[[lanes]]
name = "backup"
channel = "sms"
sender = "+56911111111"
weight = 0
"""


@pytest.fixture
def folder(tmp_path, sqlite_template):
    place = lay_out(tmp_path / "luz", database=sqlite_template)
    with (place / "outreach.toml").open("a") as file:
        file.write(TOML)
    return place


@pytest.fixture
def database(folder):
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    yield database
    database.close()


def said(folder, *words: str) -> str:
    result = run("lane", *words, workspace=folder)
    assert result.exit_code == 0, result.output
    return result.stdout


def listed(folder) -> dict[str, dict[str, object]]:
    rows = json.loads(said(folder, "list", "--format", "json"))
    return {row["lane"]: row for row in rows}


def state(folder, lane: str = "sms") -> object:
    return listed(folder)[lane]["state"]


def test_the_lanes_of_the_settings_are_listed_before_anybody_has_served(folder):
    rows = listed(folder)

    assert rows["sms"] | {"mean_ms": None} == {
        "lane": "sms", "pool": "sms:*", "rate": "100/s", "weight": "100", "calls": "0",
        "errors": "0", "mean_ms": None, "today": "0 of 3", "spent": "0.00 of 2.5",
        "driven_by": "", "state": "carries",
    }  # fmt: skip
    assert rows["backup"]["state"] == "standby"


def test_the_list_shows_health_spending_and_who_drives(folder, database):
    settings = load(folder)
    caps = caps_of(settings.lanes[0], settings)
    said(folder, "weigh", "sms", "40")
    with database.write() as session:
        lane_health.count(session, "sms", Minute(minute=NOW, calls=4, errors=1, took_ms=1000))
        spent.charge(session, "sms", caps, claimed=[1, 2, 3], now=NOW)
        lanes.acquire(session, "sms", "host:1", now=NOW, lease=lane_health.READ_FOR)

    row = listed(folder)["sms"]

    assert (row["weight"], row["calls"], row["errors"], row["mean_ms"]) == ("40 (home 100)", "4", "1", 250)  # fmt: skip
    assert (row["today"], row["spent"]) == ("3 of 3", "0.15 of 2.5")
    assert (row["driven_by"], row["state"]) == ("host:1", "daily_cap: 3 of 3 messages today")
    assert spent.met(caps, Spent()) == ""


def test_a_lane_that_a_person_stopped_stays_stopped_through_a_restart(folder, database):
    assert "sms is stopped" in said(folder, "stop", "sms", "--why", "under review")
    assert "stopped before" in said(folder, "stop", "sms")

    with database.write() as session:
        assert not lanes.resume(session, "sms", by_hand=False)
    assert str(state(folder)).startswith("stopped: by hand: ")
    assert str(state(folder)).endswith(": under review")

    assert "goes on" in said(folder, "resume", "sms")
    assert "was not stopped" in said(folder, "resume", "sms")
    assert state(folder) == "carries"
    with database.read() as session:
        assert audit.first_broken(session) is None


def test_what_its_provider_stopped_goes_on_after_a_restart(folder, database):
    said(folder, "weigh", "sms", "100")
    with database.write() as session:
        lanes.stop(session, "sms", "401 unauthorised", now=NOW)

        assert lanes.resume(session, "sms", by_hand=False)


@pytest.mark.parametrize(
    ("wait", "shown"), [(1, "waits until 02:44:00"), (-1, "probes with one message")]
)
def test_a_lane_that_fell_out_says_what_it_waits_for(folder, database, wait: int, shown: str):
    said(folder, "weigh", "sms", "0")
    assert state(folder) == "standby"
    with database.write() as session:
        lane_health.cool(session, "sms", until=NOW + wait * lane_health.READ_FOR / 5)

    assert state(folder) == shown


def test_a_lane_that_is_none_is_refused_with_the_names(folder):
    result = run("lane", "stop", "smss", workspace=folder)

    assert result.exit_code == 1
    assert "there is: backup, sms" in result.stderr


def test_doctor_tells_of_caps_that_are_met_and_of_providers_that_fail(folder, database):
    settings = load(folder)
    limits = caps_of(settings.lanes[0], settings)
    said(folder, "weigh", "sms", "100")
    said(folder, "weigh", "backup", "0")
    with database.write() as session:
        spent.charge(session, "sms", limits, claimed=[1, 2, 3], now=NOW)
        lane_health.cool(session, "backup", until=NOW)

    shown = run("doctor", workspace=folder).stdout

    assert "lane sms: daily_cap: 3 of 3 messages today" in " ".join(shown.split())
    assert "lane backup: its provider fails" in " ".join(shown.split())


def test_doctor_asks_whether_somebody_pumps(folder, database):
    text = (folder / "outreach.toml").read_text().replace("daily_cap = 3", "prefix_cap = 1")
    (folder / "outreach.toml").write_text(text)
    settings = load(folder)
    with database.write() as session:
        ids = make.make_messages(session, 2)
        session.execute(update(t.contact_point).values(prefix="+88213"))
        spent.sift(session, caps_of(settings.lanes[0], settings), ids, now=NOW)

    shown = run("doctor", workspace=folder).stdout

    assert "prefix +88213: 1 messages this hour" in " ".join(shown.split())

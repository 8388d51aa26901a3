"""A planned work five days ahead: its notices, its moves and its end, with the clock up and with it down."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.flow import company
from tests.flow.house import ZONE, House

from outreach.campaigns import pins
from outreach.store import runs, tables as t

MONDAY = datetime(2026, 7, 13, 10, 0, tzinfo=ZONE)
TOLD = 25
"""Who can be written to in the section: 20 by SMS, 5 by e-mail."""


@pytest.fixture
def town(house: House, tmp_path: Path) -> House:
    """The house on Monday at 10:00, with the record in."""
    house.hand.turn(MONDAY - house.hand.at)
    mapping = company.write(tmp_path / "exports", company.town())
    house.run("record", "import", "--mapping", mapping)
    return house


def adds(house: House, start: str = "2026-07-18 09:00", *more: str) -> list[str]:
    return house.typed(
        "planned", "add", "--node", company.SOUTH, "--start", start, "--end", "13:00",
        "--name", "TP-1", "--launch", *more,
    )  # fmt: skip


def at(day: int, wall: str) -> datetime:
    hour, minute = map(int, wall.split(":"))
    return datetime(2026, 7, day, hour, minute, tzinfo=ZONE)


def lives(house: House, *instants: datetime) -> None:
    """The clock beats at each instant, and a minute later what is held for undo has left."""
    for instant in instants:
        house.hand.turn(instant - house.hand.at)
        house.work()
        house.forward(minutes=1)
        house.work()


def left(house: House, since: datetime) -> Counter[str]:
    """What left since then, by the beginning of its text."""
    return Counter(one.body.removeprefix("LuzValle: ")[:17] for one in house.outbox(since=since))


def steps(house: House) -> dict[str, int]:
    """Step -> how many people were told by it."""
    return {step: len(people) for step, people in house.told().items()}


def dues(house: House) -> dict[str, tuple[str | None, str | None]]:
    """Instant -> its outcome and the reason."""
    return {
        f"{what} {step} {when.astimezone(ZONE):%d %H:%M}": (outcome, reason)
        for what, step, when, outcome, reason in house.rows(
            select(t.due.c.what, t.due.c.step, t.due.c.at, t.due.c.outcome, t.due.c.reason)
        )
    }


def test_adding_says_the_window_and_when_each_notice_goes(town: House):
    shown = adds(town)

    assert "Sat 18 Jul 09:00 to Sat 18 Jul 13:00 (4 h), America/Santiago" in shown
    assert "notice notice_72h: Wed 15 Jul 09:00" in shown
    assert "notice notice_24h: Fri 17 Jul 09:00" in shown
    assert town.states() == {}


def test_each_notice_reaches_everybody_once_and_the_start_class_a_alone(town: House):
    adds(town)

    lives(town, at(15, "08:59"), at(15, "09:00"), at(17, "09:00"), at(18, "09:00"), at(18, "12:00"))

    assert steps(town) == {"notice_72h": TOLD, "notice_24h": TOLD, "started": 2}
    first = [one for one in town.outbox() if one.at < at(16, "00:00")]
    assert len(first) == TOLD
    assert {f"{one.at.astimezone(ZONE):%d %H:%M}" for one in first} <= {"15 09:00", "15 09:01"}
    spanish = "corte programado en Ñuñoa, sab 18 jul, 09:00-13:00, por obras."
    assert any(spanish in one.body for one in first)
    assert town.adds_up()


def test_what_the_ivr_says_goes_with_the_work(town: House):
    adds(town)
    heard = {}

    for day, wall in ((13, "10:00"), (15, "10:00"), (18, "08:00"), (18, "09:30"), (18, "13:05")):
        lives(town, at(day, wall))
        heard[f"{day} {wall}"] = town.ivr("+56971230035")["status"]

    assert heard.pop("18 13:05") in {"investigating", "stale"}  # it was to be over by now
    assert heard == {
        "13 10:00": "none", "15 10:00": "planned", "18 08:00": "planned", "18 09:30": "planned",
    }  # fmt: skip


def test_a_moved_work_tells_the_move_once_and_counts_its_notices_anew(town: House):
    adds(town)
    lives(town, at(15, "09:00"), at(15, "10:30"))

    town.run("planned", "move", "TP-1", "--start", "2026-07-21 09:00", "--end", "13:00", "--yes")
    lives(town, at(15, "11:00"))
    moved = left(town, at(15, "10:30"))
    lives(town, at(17, "09:00"), at(18, "09:00"), at(20, "09:00"))

    assert sum(moved.values()) == TOLD
    assert moved["CAMBIA DE FECHA e"] > 0
    assert steps(town) == {"notice_72h": 2 * TOLD, "moved": TOLD, "notice_24h": TOLD}
    assert dues(town)["notice notice_24h 17 09:00"] == ("overtaken", "overtaken by version 2")


def test_a_cancelled_work_is_taken_back_from_those_who_heard_and_its_clock_stops(town: House):
    adds(town)
    lives(town, at(15, "09:00"))

    town.run("planned", "cancel", "TP-1")
    lives(town, at(15, "10:00"), at(17, "09:00"), at(18, "09:00"))

    assert steps(town) == {"notice_72h": TOLD, "cancelled": TOLD}
    assert left(town, at(15, "09:30"))["CANCELADO: corte "] > 0
    assert town.ivr("+56971230035")["status"] == "none"


def test_a_work_cancelled_before_anybody_heard_tells_nobody(town: House):
    adds(town)

    town.run("planned", "cancel", "TP-1")
    lives(town, at(15, "09:00"), at(17, "09:00"), at(18, "09:00"))

    assert town.outbox() == []


def test_down_over_both_instants_the_first_is_recorded_as_too_late_and_the_second_still_goes(
    town: House,
):
    adds(town)
    town.forward(days=4, hours=8)

    town.work()
    town.forward(minutes=1)
    town.work()

    assert f"{town.hand.at.astimezone(ZONE):%d %H:%M}" == "17 18:01"
    assert dues(town)["notice notice_72h 15 09:00"] == (
        "expired", "too late: the notice would no longer serve anybody",
    )  # fmt: skip
    assert dues(town)["notice notice_24h 17 09:00"] == ("done", "")
    assert steps(town) == {"notice_24h": TOLD}


def test_nothing_goes_twice_however_often_the_clock_beats(town: House):
    adds(town)
    lives(town, at(15, "09:00"))
    before = len(town.outbox())

    for _beat in range(5):
        town.tick()
        town.work()
    again = town.asked("campaign", "launch", "planned-outage", "TP-1", "--yes")

    assert len(town.outbox()) == before == TOLD
    assert again["is_new"] is False


SHORT = ("2026-07-15 09:00", "--because", "a pole is about to fall", "--approver", "beatriz")


def test_a_work_announced_two_days_ahead_is_refused_and_two_people_let_it_tell_at_once(
    town: House,
):
    refused = town.run(
        "planned", "add", "--node", company.SOUTH, "--start", "2026-07-15 09:00", "--end", "13:00",
        "--launch", "--yes", code=3,
    )  # fmt: skip
    assert "cl.planned_notice.electricity: 72 h; configured value, not confirmed" in refused.stderr

    shown = adds(town, *SHORT)
    town.work()
    town.forward(minutes=1)
    town.work()

    assert "notice notice_72h: Sun 12 Jul 09:00, late: it leaves at once" in shown
    assert "BREACH: notice_72h was due Sun 12 Jul 09:00, 1 d 1 h ago" in shown
    assert steps(town) == {"notice_72h": TOLD}


def test_no_door_announces_a_work_against_a_rule_of_the_country(town: House):
    pinned = pins.read(town.settings, "planned-outage")
    armed_by = runs.Armed(
        campaign="planned-outage", pinned=pinned.digest, author="ana", approver="beatriz",
        at=MONDAY, until=None,
    )  # fmt: skip
    with town.database.write() as session:
        runs.pin(session, pinned.digest, pinned.body, now=MONDAY)
        runs.arm(session, armed_by)
    short = ("--start", "2026-07-15 09:00", "--end", "13:00", "--name", "TP-1")

    armed = town.typed("planned", "add", "--node", company.SOUTH, *short)
    launched = town.run("campaign", "launch", "planned-outage", "TP-1", "--yes", code=3)
    town.run("planned", "waive", "TP-1", "--because", "urgent", "--approver", "beatriz")
    town.run("campaign", "launch", "planned-outage", "TP-1", "--yes")

    assert any("not launched by itself" in line and "72 h" in line for line in armed)
    assert "cl.planned_notice.electricity" in launched.stderr


def test_a_work_past_its_end_tells_that_it_goes_on_and_finished_then_says_so(town: House):
    adds(town)
    lives(town, at(15, "09:00"), at(18, "09:00"), at(18, "13:00"))
    overrun = left(town, at(18, "12:59"))
    heard = town.ivr("+56971230035")["status"]
    lives(town, at(18, "14:00"), at(18, "14:20"))
    town.run("outage", "restore", "TP-1", "--how", "crew")
    lives(town, at(18, "14:25"))

    assert steps(town) == {
        "notice_72h": TOLD, "started": 2, "overrun": 2 * TOLD, "restored": TOLD,
    }  # fmt: skip
    assert sum(overrun.values()) == TOLD
    assert any("sin hora de vuelta" in one.body for one in town.outbox(since=at(18, "12:59")))
    assert heard == "investigating"


def test_a_work_finished_early_is_told_at_once(town: House):
    adds(town)
    lives(town, at(15, "09:00"), at(18, "09:00"), at(18, "11:00"))

    town.run("outage", "restore", "TP-1", "--how", "crew")
    lives(town, at(18, "11:05"), at(18, "13:00"), at(18, "14:00"))

    assert steps(town) == {"notice_72h": TOLD, "started": 2, "restored": TOLD}


def test_each_notice_asks_anew_who_left_hears_it_and_who_joined_is_a_breach_that_is_listed(
    town: House, tmp_path: Path
):
    adds(town)
    lives(town, at(15, "09:00"))
    moved = {"10000035": company.OTHER, "10000061": company.SOUTH}
    people = [replace(one, section=moved.get(one.account, one.section)) for one in company.town()]
    town.run("record", "import", "--mapping", company.write(tmp_path / "later", people))

    listed = town.asked("planned", "show", "TP-1")["breaches"]
    lives(town, at(17, "09:00"))

    assert any("1 joined after notice_72h" in one["what"] for one in listed)
    assert steps(town) == {"notice_72h": TOLD, "notice_24h": TOLD, "left": 1}
    gone = [one.body for one in town.outbox() if "ya no afecta" in one.body]
    assert len(gone) == 1

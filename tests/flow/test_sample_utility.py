"""The sample utility through the terminal alone: what is typed gives every figure of its answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.flow.conftest import EXAMPLES, EXPORTED, SAMPLE
from tests.flow.house import House

from outreach.entry import wiring
from outreach.store import tables as t

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"no sample utility at {SAMPLE}")

ANSWERS: dict[str, Any] = (
    json.loads((SAMPLE / "answers.json").read_text()) if SAMPLE.exists() else {}
)
NOTICES = {"notice_72h": "72h", "notice_24h": "24h"}
"""Steps of our campaign -> notices of the answers; the company's third, of 1 h, is not ours."""
THE_DAY_AFTER = datetime(2026, 6, 13, 12, tzinfo=UTC)
Sample = tuple[House, dict[str, Any]]
Works = tuple[House, dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def works(sample: Sample) -> Works:
    """A house with the planned works announced; what a trial at the planning time printed, and the import."""
    house, _imported = sample
    file, mapping = SAMPLE / "trabajos_programados.csv", EXAMPLES / "works.toml"
    words = ("planned", "import", file, "--launch", "--mapping", mapping)
    house.hand.turn(instant(ANSWERS["planned_works"]["planning_time"]) - house.hand.at)
    trial = house.asked(*words, "--dry-run", code=4)
    house.hand.turn(EXPORTED - house.hand.at)
    return house, trial, house.asked(*words, code=4)


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


def test_nothing_of_the_sample_can_leave_the_house(sample: Sample):
    house, _imported = sample

    providers = {wiring.provider(lane, house.settings) for lane in house.settings.lanes}

    assert providers == {"outbox"}


def test_the_import_prints_the_figures_of_the_answers(sample: Sample):
    _house, imported = sample
    crm = ANSWERS["import"]["crm"]

    assert imported["accounts"] == crm["accounts_importable"]
    assert imported["customers"] == crm["customers"]
    assert imported["households"] == crm["households"]
    assert imported["life_support"] == crm["life_support_register"]
    assert imported["refused"] > 0


@pytest.mark.parametrize("device", ANSWERS.get("devices", {}))
def test_a_count_of_a_device_gives_all_its_figures(sample: Sample, device: str):
    house, _imported = sample
    expected = ANSWERS["devices"][device]

    counted = house.asked("audience", "count", "--node", device)

    assert counted["reachable"] == expected["reachable_customers"]
    assert {key: counted[key] for key in ("premises", "accounts", "customers", "households")} == {
        key: expected[key] for key in ("premises", "accounts", "customers", "households")
    }
    assert counted["priority"] == expected["life_support_valid_customers"]
    assert counted["priority_expired"] == expected["life_support_flagged_not_valid_customers"]


def test_the_works_are_taken_and_the_one_that_is_upside_down_is_rejected(works: Works):
    _house, _trial, imported = works
    planned = ANSWERS["planned_works"]
    (rejected,) = planned["rejected_rows"]
    cancelled = sum(one["status"] == "cancelled" for one in planned["details"].values())

    assert imported["added"] == planned["works"] - cancelled
    assert imported["unchanged"] == cancelled  # before we knew them: nobody was told
    assert [row["record"] for row in imported["rows"]] == [rejected["record"]]


def test_each_work_touches_whom_the_answers_say(works: Works):
    house, *_printed = works
    details = ANSWERS["planned_works"]["details"]
    ahead = {folio: one for folio, one in details.items() if one["status"] != "cancelled"}

    counted = {folio: house.asked("audience", "count", folio) for folio in ahead}

    assert {
        folio: (one["premises"], one["customers"], one["priority"])
        for folio, one in counted.items()
    } == {
        folio: (one["premises"], one["customers"], one["life_support_valid_customers"])
        for folio, one in ahead.items()
    }


def test_the_notices_are_due_at_the_instants_of_the_answers(works: Works):
    house, *_printed = works
    found: dict[str, dict[str, datetime]] = {}
    for folio, step, at in house.rows(
        select(t.occasion.c.source_ref, t.due.c.step, t.due.c.at)
        .join(t.due, t.due.c.occasion_id == t.occasion.c.id)
        .where(t.due.c.what == "notice")
    ):
        found.setdefault(folio, {})[NOTICES[step]] = at

    expected = {
        folio: {name: instant(one["notices"][name]) for name in NOTICES.values()}
        for folio, one in ANSWERS["planned_works"]["details"].items()
        if one["status"] != "cancelled"
    }
    assert found == expected


def test_the_notice_period_is_judged_as_the_answers_do(works: Works):
    _house, trial, _imported = works

    late = {one["work"] for one in trial["late"] if one["notice"] == "notice_72h"}

    assert sorted(late) == ANSWERS["planned_works"]["violate_72h_at_planning_time"]


def test_the_calls_are_imported_once(sample: Sample):
    house, _imported = sample
    words = ("contacts", "import", SAMPLE / "llamadas.csv", "--mapping", EXAMPLES / "calls.toml")

    house.hand.turn(THE_DAY_AFTER - house.hand.at)  # calls that lie ahead are refused

    first, again = house.asked(*words), house.asked(*words)

    assert first["rows"] == ANSWERS["deflection"]["call_rows"]
    assert first["imported"] == ANSWERS["deflection"]["distinct_calls"]
    assert first["outage"] == ANSWERS["deflection"]["outage_number_calls"]
    assert again["imported"] == 0


def test_the_campaign_of_the_storm_reaches_the_households_of_the_answers(sample: Sample):
    house, _imported = sample
    audience = ANSWERS["deflection"]["audience"]
    nodes = [word for device in audience["devices"] for word in ("--node", device)]

    house.hand.turn(EXPORTED - house.hand.at)
    house.asked("outage", "open", *nodes, "--name", "storm")
    house.asked(
        "campaign",
        "launch",
        "unplanned-outage",
        "storm",
        "--yes-to",
        "12659",
        "--emergency",
        "storm",
    )

    opened = house.asked("audience", "count", "storm")
    reached = house.rows(
        select(func.count(t.message.c.household_id.distinct()))
        .join(t.step_run, t.step_run.c.id == t.message.c.step_run_id)
        .where(t.step_run.c.step.in_(["opened", "opened_priority"]))
    )
    assert opened["households"] == audience["households_affected"]
    assert reached == [(audience["households_reachable_by_sms_or_email"],)]
    assert house.adds_up()

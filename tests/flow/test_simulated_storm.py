"""The first hour of the sample utility's storm, simulated over its record: told in time, and never contradicted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flow.conftest import EXAMPLES, SAMPLE
from tests.flow.house import House

from outreach.campaigns import simulating
from outreach.campaigns.simulated import Figures, figures
from outreach.entry import playing
from outreach.store.session import Database

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"no sample utility at {SAMPLE}")
FIRST = 16
"""Messages played: the first outages, with some of their estimates."""


@pytest.fixture(scope="module")
def told(sample: tuple[House, dict[str, Any]], sample_record: Path) -> Figures:
    house, _imported = sample
    coming = simulating.read_storm(
        SAMPLE / "oms_eventos.jsonl", kind="jsonl", mapping=EXAMPLES / "oms.toml"
    )
    record = Database(f"sqlite:///{sample_record}")
    campaign = house.folder / "campaigns" / "unplanned-outage.toml"
    with playing.scratch(house.settings, record, campaign) as place:
        played = playing.played(place, house.keyring, coming[:FIRST], progress=lambda _at: None)
        found = figures(place.database, {"*": 0.05}, now=played.ended_at)
    record.close()
    return found


def test_nothing_that_leaves_is_stale_or_contradictory(told: Figures):
    assert told.messages > 0
    assert told.wrong == {}


def test_nobody_is_told_of_an_outage_that_is_not_theirs(told: Figures):
    assert told.heard
    assert all(one.told <= one.customers for one in told.heard)


def test_class_a_is_told_within_five_minutes_and_nobody_waits_an_hour(told: Figures):
    waits = [one.last_priority for one in told.heard if one.last_priority is not None]

    assert max(waits) <= timedelta(minutes=5)
    assert max(one.last for one in told.heard if one.last) <= timedelta(hours=1)

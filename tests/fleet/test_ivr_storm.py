"""The IVR in a storm, in short: nothing stale is spoken, and the judge would notice if it were."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.fleet.ivr_storm import Storm, blow, judged

from outreach.model.contactcenter import LiveTruth
from outreach.model.words import OccasionState


def test_a_storm_with_jumping_clocks_and_an_absent_database_speaks_nothing_stale():
    tally = asyncio.run(blow(Storm(7), 600, others=1))

    assert tally.stale == []
    assert tally.away == 1
    assert {"etr", "investigating", "restored", "stale"} <= set(tally.statuses)


LATE: dict[str, Any] = {"public_etr": NIGHT + minutes(40)}


@pytest.mark.parametrize(
    ("truth", "heard", "why"),
    [
        (make_truth(**LATE), {"etr": NIGHT + minutes(40)}, ""),
        (make_truth(), {"etr": NIGHT + minutes(40)}, "withdrawn"),
        (make_truth(**LATE), {"etr": NIGHT + minutes(30)}, "changed"),
        (make_truth(public_etr=NIGHT), {"etr": NIGHT}, "in the past"),
        (make_truth(**LATE), {"etr": NIGHT + minutes(40), "expires": 41}, "repeated past"),
        (make_truth(**LATE), {"expires": 0}, "own expiry"),
        (make_truth(state=OccasionState.RESTORED), {}, "restored"),
        (make_truth(), {"status": "restored"}, "too early"),
        (make_truth(next_update_at=NIGHT), {}, "overdue"),
        (make_truth(is_feed=True, heartbeat_at=NIGHT - timedelta(minutes=6)), {}, "feed is silent"),
        (make_truth(), {"next": NIGHT - minutes(1)}, "news in the past"),
    ],
)
def test_the_judge_tells_a_stale_sentence(truth: LiveTruth, heard: dict[str, Any], why: str):
    said = {name: heard[name].isoformat() if name in heard else "" for name in ("etr", "next")}
    answer = {
        "status": heard.get("status", "etr"),
        "text": json.dumps(said),
        "expires_at": (NIGHT + minutes(heard.get("expires", 1))).isoformat(),
    }

    found = judged(truth, answer, is_back=False, now=NIGHT)

    assert why in found
    assert bool(found) is bool(why)

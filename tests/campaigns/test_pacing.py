"""A campaign that brings calls is slowed and given back; what a person paused stays paused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests import make
from tests.make import NOW

from outreach.campaigns import pacing, stopping
from outreach.campaigns.pacing import Act, decided
from outreach.campaigns.routing_evidence import PACED, SendingRun
from outreach.model.alarm import AlarmKind
from outreach.model.contactcenter import Directive, DirectiveKind
from outreach.model.words import RunState
from outreach.store import alarms, runs
from outreach.store.session import Database

KEY = "unplanned-outage/out_1"
PAUSE, SLOW = {"action": "pause"}, {"action": "slow", "factor": 0.5}


def sending(**changes: Any) -> SendingRun:
    given: dict[str, Any] = {
        "id": 1, "occasion": 7, "campaign": "unplanned-outage", "state": RunState.ACTIVE,
        "reason": "", "shown_id": "out_1",
    }  # fmt: skip
    return SendingRun(**given | changes)


def directive(params: dict[str, Any], **changes: Any) -> Directive:
    given: dict[str, Any] = {
        "id": f"campaign_pace:{KEY}", "kind": DirectiveKind.CAMPAIGN_PACE, "scope": {},
        "priority": 10, "params": params, "state_since": NOW, "issued_at": NOW,
        "expires_at": NOW + timedelta(minutes=10), "reason": {}, "evidence": {},
        "approved_by": "auto",
    }  # fmt: skip
    return Directive(**given | changes)


def acts(run: SendingRun, params: dict[str, Any] | None, minutes: int = 1) -> list[Act]:
    held = [directive(params)] if params else []
    return [
        decided([run], held, now=NOW + timedelta(minutes=minute))[0].act
        for minute in range(minutes)
    ]


@pytest.mark.parametrize(
    ("changes", "params", "expected"),
    [
        pytest.param({}, PAUSE, Act.PAUSE, id="sends, must not"),
        pytest.param({}, None, Act.LEAVE, id="sends, may"),
        pytest.param(
            {"state": RunState.PAUSED, "reason": f"{PACED}: x"}, PAUSE, Act.LEAVE, id="rests"
        ),
        pytest.param(
            {"state": RunState.PAUSED, "reason": f"{PACED}: x"}, None, Act.RESUME, id="given back"
        ),
        pytest.param(
            {"state": RunState.PAUSED, "reason": "paused by ana"}, None, Act.LEAVE, id="a person's"
        ),
        pytest.param({"shown_id": "out_2"}, PAUSE, Act.LEAVE, id="another outage"),
    ],
)
def test_what_becomes_of_a_run(changes, params, expected):
    assert acts(sending(**changes), params) == [expected]


def test_slow_by_half_rests_every_second_minute():
    found = acts(sending(), SLOW, minutes=6)

    assert found in ([Act.PAUSE, Act.LEAVE] * 3, [Act.LEAVE, Act.PAUSE] * 3)


def test_an_expired_directive_slows_nobody():
    over = directive(PAUSE, expires_at=NOW)

    assert decided([sending()], [over], now=NOW)[0].act is Act.LEAVE


def test_it_pauses_raises_one_alarm_and_takes_both_back(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session)
        number = make.make_run(session, occasion=occasion)
    run = sending(id=number, occasion=occasion)
    for minute in range(2):
        now = NOW + timedelta(minutes=minute)
        pacing.act(database, decided([run], [directive(PAUSE)], now=now), now=now)
    with database.read() as session:
        paused = runs.get(session, number)
        standing = alarms.open_ones(session)
    ours = sending(id=number, occasion=occasion, state=paused.state, reason=paused.reason)

    pacing.act(database, decided([ours], [], now=NOW), now=NOW)

    with database.read() as session:
        assert runs.get(session, number).state is RunState.ACTIVE
        assert alarms.open_ones(session) == []
    assert paused.state is RunState.PAUSED
    assert paused.reason.startswith(PACED)
    assert [one.kind for one in standing] == [AlarmKind.CALLS_ADDED]


def test_a_person_who_was_faster_wins(database: Database):
    with database.write() as session:
        number = make.make_run(session)
    with database.read() as session:
        run = runs.get(session, number)
    stopping.pause(database, [run], actor="ana", now=NOW)

    pacing.act(database, decided([sending(id=number)], [directive(PAUSE)], now=NOW), now=NOW)

    with database.read() as session:
        assert runs.get(session, number).reason == "paused by ana"

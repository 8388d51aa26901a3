"""Which lane carries how much: decided from minutes, on a clock of our own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests import make

from outreach.delivery import failover
from outreach.delivery.failover import Change, Standing, Tally
from outreach.model.message import Accepted, Delayed, InDoubt, Refused
from outreach.store import lane_health, lanes, leases
from outreach.store.lane_health import Minute
from outreach.store.session import Database

NOW = make.NOW.replace(second=30)
FLOOR = make.NOW
MINUTE = timedelta(minutes=1)


def minute(ago: int = 0, **counts: int) -> Minute:
    return Minute(minute=FLOOR - ago * MINUTE, **counts)


def lane(name: str = "a", *minutes: Minute, **changes: Any) -> Standing:
    values: dict[str, Any] = {"lane": name, "weight": 100, "home": 100, "minutes": minutes}
    return Standing(**(values | changes))


def dead(name: str = "a", **changes: Any) -> Standing:
    return lane(name, minute(calls=60, errors=55), **changes)


def slow(name: str = "a", **changes: Any) -> Standing:
    calm = [minute(ago, calls=100, took_ms=30_000) for ago in (4, 3, 2)]
    return lane(name, *calm, minute(calls=20, took_ms=60_000), **changes)


def well(name: str = "b", **changes: Any) -> Standing:
    return lane(name, *(minute(ago, calls=100, took_ms=30_000) for ago in (1, 0)), **changes)


def decided(*pool: Standing) -> dict[str, tuple[int, bool]]:
    """lane -> (weight, whether it is cooled), of those that change."""
    return {
        each.lane: (each.weight, each.cooled_until == NOW + MINUTE)
        for each in failover.decide(pool, now=NOW)
    }


def test_fifty_errors_in_a_minute_give_the_load_to_the_others():
    assert decided(dead(), well(weight=30, home=30)) == {"a": (0, True), "b": (100, False)}


def test_a_standby_takes_over():
    assert decided(dead(), lane("b", weight=0, home=0)) == {"a": (0, True), "b": (100, False)}


def test_of_the_minute_before_only_the_part_within_sixty_seconds_counts():
    old = lane("a", minute(1, calls=100, errors=90))
    newer = lane("a", minute(1, calls=100, errors=100))

    assert decided(old, well()) == {}
    assert decided(newer, well()) == {"a": (0, True)}


def test_a_lane_that_gives_nothing_but_errors_need_not_collect_fifty():
    hung = lane("a", minute(calls=5, errors=5))

    assert decided(hung, well()) == {"a": (0, True)}
    assert decided(lane("a", minute(calls=4, errors=4)), well()) == {}
    assert decided(lane("a", minute(calls=30, errors=29)), well()) == {}
    assert decided(hung) == {}


def test_refused_numbers_and_throttles_open_nothing():
    assert decided(lane("a", minute(calls=900, throttles=900)), well()) == {}


@pytest.mark.parametrize(
    "pool", [[dead()], [dead(), dead("b")], [dead(), well(cooled_until=NOW)]],
    ids=["alone", "all fail", "the other is out"],
)  # fmt: skip
def test_where_nobody_takes_over_a_failing_lane_keeps_its_weight_and_waits(pool: list[Standing]):
    changes = decided(*pool)

    assert {each: changes[each] for each in ("a",)} == {"a": (100, True)}
    assert set(changes.values()) == {(100, True)}


def test_a_second_switch_within_a_minute_is_none():
    just_now = NOW - timedelta(seconds=40)

    waits = decided(dead(), well(weighed_at=just_now, weight=40))

    assert waits == {"a": (100, True)}


def test_a_lane_that_lost_points_a_moment_ago_may_lose_the_rest():
    assert decided(dead(weight=80, weighed_at=NOW - MINUTE / 2), well()) == {"a": (0, True)}


def test_a_slow_lane_gives_twenty_points_to_those_that_are_not():
    assert decided(slow(), well(weight=50, home=50)) == {"a": (80, False), "b": (70, False)}
    assert decided(slow(weight=20), well()) == {"a": (10, False)}
    assert decided(slow(weight=10), well()) == {"a": (30, False)}


@pytest.mark.parametrize(
    "pool", [[slow()], [slow(), slow("b")], [slow(), well(cooled_until=NOW)]],
    ids=["alone", "all slow", "the other is out"],
)  # fmt: skip
def test_nothing_switches_when_nobody_is_better(pool: list[Standing]):
    assert decided(*pool) == {}


def test_slowness_moves_points_once_a_minute():
    assert decided(slow(weighed_at=NOW - timedelta(seconds=59)), well()) == {}


def test_what_nobody_feels_is_not_slow():
    quick = lane("a", *(minute(ago, calls=100, took_ms=2_000) for ago in (3, 2)),
                 minute(calls=20, took_ms=4_000))  # fmt: skip
    few = lane("a", minute(2, calls=100, took_ms=2_000), minute(calls=4, took_ms=40_000))

    assert decided(quick, well()) == decided(few, well()) == {}


def test_lanes_drift_home_in_steps_first_up_then_down():
    assert decided(well("a", weight=20), well(weight=100, home=50)) == {"a": (40, False)}
    assert decided(well("a", weight=90), well(weight=100, home=50)) == {"a": (100, False)}
    assert decided(well("a"), well(weight=100, home=50)) == {"b": (80, False)}
    assert decided(well("a"), well(weight=10, home=0)) == {"b": (0, False)}
    assert decided(well("a"), well(weight=100, home=50, weighed_at=NOW)) == {}


def test_nobody_goes_home_while_another_is_out():
    out = lane("a", weight=0, cooled_until=NOW + MINUTE)

    assert decided(out, well(weight=100, home=50)) == {}


def test_errors_that_were_judged_do_not_open_the_circuit_again():
    judged = lane("a", minute(1, calls=200, errors=200), minute(calls=1), weighed_at=FLOOR)

    assert decided(judged, well(weighed_at=FLOOR - MINUTE)) == {}


def test_a_tally_counts_the_providers_errors_alone():
    tally = Tally()
    later = Delayed(id=1, code="503", reason="", retry_after=timedelta(0))
    slow_down = Delayed(id=1, code="429", reason="", retry_after=timedelta(0), throttled=True)
    number = Refused(id=1, code="21211", reason="", address_is_bad=True)

    tally.saw([Accepted(id=1, provider_ref="SM1"), number], took_s=0.1)
    tally.saw([later, slow_down, InDoubt(id=1, reason="")], took_s=10)

    assert tally.taken(now=NOW) == Minute(
        minute=NOW, calls=5, errors=2, throttles=1, doubts=1, took_ms=30_200
    )
    assert tally.taken(now=NOW) == Minute(minute=NOW)


def weighed(database: Database, homes: Mapping[str, int], **changes: Any) -> list[Change]:
    given: dict[str, Any] = {"owner": "w1", "now": NOW}
    return failover.weigh(database, homes, **(given | changes))


def test_weights_are_written_by_one_owner(database: Database):
    homes = {"sms": 100, "backup": 0}
    with database.write() as session:
        make.make_lane(session)
        make.make_lane(session, name="backup", weight=0)
        make.make_lane(session, name="stopped", stopped_at=NOW)
        make.make_lane(session, name="no longer ours")
        lane_health.count(session, "sms", minute(calls=60, errors=60))
        leases.take(session, failover.LEASE, "w2", now=NOW, lease=MINUTE)
    assert weighed(database, homes) == []

    later = NOW + timedelta(seconds=61)
    with database.write() as session:
        lane_health.count(session, "sms", Minute(minute=later, calls=60, errors=60))
    changes = weighed(database, homes, now=later)

    assert [(each.lane, each.weight) for each in changes] == [("sms", 0), ("backup", 100)]
    with database.read() as session:
        by_name = {each.name: each for each in lanes.every(session)}
    assert (by_name["sms"].weight, by_name["sms"].cooled_until) == (0, later + MINUTE)
    assert (by_name["backup"].effective_rate, by_name["backup"].weighed_at) == (100.0, later)
    assert weighed(database, homes, now=later) == []


def test_two_slow_or_dead_providers_over_ten_minutes_switch_nothing_and_one_at_most_once_a_minute():
    """G17, rule by rule: minutes of both lanes as a driver would count them."""
    both = _switches({"a": (90, 20_000), "b": (90, 20_000)})
    one = _switches({"a": (90, 20_000), "b": (90, 300)})

    assert both == []
    assert one != []
    assert min(later - at for at, later in itertools.pairwise(one)) >= 60


def _switches(takes: dict[str, tuple[int, int]]) -> list[int]:
    """Seconds at which a weight moved, of lanes calm for 3 minutes and then as slow as is said."""
    state = {name: lane(name) for name in takes}
    moved = []
    for second in range(0, 600, 5):
        now = FLOOR + timedelta(seconds=second)
        for name, (calls, took) in takes.items():
            mean = 300 if second < 180 else took
            state[name] = _after(state[name], now, calls // 12, mean)
        changes = failover.decide(list(state.values()), now=now)
        for each in changes:
            if each.weight != state[each.lane].weight:
                moved.append(second)
            state[each.lane] = Standing(
                lane=each.lane, weight=each.weight, home=100, weighed_at=now,
                cooled_until=each.cooled_until, minutes=state[each.lane].minutes,
            )  # fmt: skip
    return sorted(set(moved))


def _after(one: Standing, now: Any, calls: int, mean_ms: int) -> Standing:
    this = now.replace(second=0)
    old = [each for each in one.minutes if this - 5 * MINUTE < each.minute < this]
    had = next((each for each in one.minutes if each.minute == this), Minute(minute=this))
    seen = Minute(
        minute=this, calls=had.calls + calls, took_ms=had.took_ms + calls * mean_ms,
        errors=had.errors,
    )  # fmt: skip
    return Standing(
        lane=one.lane, weight=one.weight, home=one.home, weighed_at=one.weighed_at,
        cooled_until=one.cooled_until, minutes=(*old, seen),
    )  # fmt: skip

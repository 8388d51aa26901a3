"""The simulated world has the shape that was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from outreach.deflection import storms
from outreach.deflection.storms import World

MANY = 200_000


@pytest.fixture(scope="module")
def silent() -> storms.Storm:
    """Everybody known, no repeats, no effect: what is left is the curve."""
    world = World(households=MANY, identified=1.0, repeats=0.0)
    return storms.draw(world, storms.generator(11))


def test_classes_have_their_shares_and_go_first_in_their_order(silent):
    shares = np.bincount(silent.stratum) / MANY
    last = [silent.slot[silent.stratum == each].max() for each in (0, 1)]

    assert shares == pytest.approx([0.02, 0.18, 0.80], abs=0.005)
    assert last[0] < silent.slot[silent.stratum == 1].min()
    assert last[1] < silent.slot[silent.stratum == 2].min()


def test_slots_fill_the_rollout_evenly_from_launch_on(silent):
    assert silent.slot[[0, -1]] == pytest.approx([10, 70], abs=0.001)
    assert np.diff(silent.slot) == pytest.approx(60 / MANY)


def test_supply_returns_early_to_a_third_and_late_to_the_rest(silent):
    early = silent.until < 200

    assert early.mean() == pytest.approx(0.35, abs=0.01)
    assert silent.until[early].mean() == pytest.approx(130, abs=1)
    assert silent.until[~early].min() >= 240
    assert silent.until.max() <= 360


def test_an_average_household_calls_as_often_as_the_curve_says(silent):
    times, shares = storms._curve()
    expected = 0.15 * np.interp(silent.until, times, shares).mean()

    assert len(silent.at) / MANY == pytest.approx(expected, rel=0.03)
    assert shares[-1] == 1.0


def test_the_undeliverable_and_the_higher_classes_call_more(silent):
    calls = np.bincount(silent.caller, minlength=MANY)

    def rate(of: Any) -> float:
        return float(calls[of].mean())

    assert rate(~silent.delivered) / rate(silent.delivered) == pytest.approx(1.5, abs=0.1)
    assert rate(silent.stratum == 1) / rate(silent.stratum == 2) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("world", "fewer"),
    [
        pytest.param(World(deflection=0.4), 0.4, id="deflects"),
        pytest.param(World(deflection=-0.5), -0.5, id="adds"),
        pytest.param(World(deflection=0.4, fade_minutes=1e-6), 0.0, id="faded at once"),
    ],
)
def test_the_told_call_less_by_what_is_true(world, fewer):
    made = {
        name: storms.draw(
            World(
                households=MANY, deflection=true, fade_minutes=world.fade_minutes, repeats=0.0,
                identified=1.0,
            ),
            storms.generator(12, place),
        )
        for place, (name, true) in enumerate({"told": world.deflection, "silent": 0.0}.items())
    }  # fmt: skip

    after = {name: int((each.at > each.heard[each.caller]).sum()) for name, each in made.items()}

    saved = (after["silent"] - after["told"]) / after["silent"]
    assert saved == pytest.approx(fewer, abs=0.06)


def test_calls_come_in_order_and_while_the_household_is_without_supply(silent):
    same = silent.caller[1:] == silent.caller[:-1]

    assert (np.diff(silent.caller) >= 0).all()
    assert (np.diff(silent.at)[same] >= 0).all()
    assert (silent.at < silent.until[silent.caller]).all()


def test_a_pair_shares_news_and_restoration():
    world = World(households=2_000, paired=1.0, talk=1.0)
    stratum = np.repeat([0, 1, 2], [40, 360, 1600])
    until, heard = np.arange(2_000.0), np.full(2_000, np.inf)
    heard[::2] = 5.0

    shared, told = storms._talked(world, storms.generator(3), stratum, until, heard)

    assert len(np.unique(shared)) == 1_000
    assert (told < np.inf).mean() > 0.6


def test_heavy_callers_first_means_what_it_says():
    drawn = storms.draw(World(households=MANY, heavy_first=True), storms.generator(4))
    calls = np.bincount(drawn.caller, minlength=MANY)
    c = np.flatnonzero(drawn.stratum == 2)

    assert calls[c[: len(c) // 4]].mean() > 4 * calls[c[-len(c) // 4 :]].mean()


def test_generators_of_two_places_are_strangers():
    one, again, other = (storms.generator(1, place).random(4) for place in (0, 0, 1))

    assert (one == again).all()
    assert (one != other).all()

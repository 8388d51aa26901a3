"""The picture compares like with like, and claims no more than may be said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from outreach.entry import languages
from outreach.entry.cli import deflection_picture
from outreach.entry.cli.deflection_picture import bins, compared, draw, effects, headline, width
from outreach.model.deflection import Bucket, Deflection, Interval, Verdict
from outreach.model.errors import InputRefused

START = datetime(2026, 7, 16, 1, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/Santiago")
MEASURED = Deflection(
    verdict=Verdict.DEFLECTS, reasons=(), sums=None, theta_msg=0.62, variance=0.01,
    theta_interval=Interval(low=0.54, high=0.71), theta_itt=0.69, itt_variance=0.01,
    itt_interval=Interval(low=0.61, high=0.77), calls_avoided=300.0,
    calls_avoided_interval=Interval(low=200.0, high=400.0), identified_share=0.7,
    measured_at=START,
)  # fmt: skip


def bucket(minute: int, *, priority: str = "C", **counts: Any) -> Bucket:
    return Bucket(
        step_run=1, priority=priority, channel="sms", minute=minute,
        **{"t0": 0.0, "t1": 0.0, **counts},
    )  # fmt: skip


@pytest.fixture
def storm() -> list[Bucket]:
    """Rollout over an hour; who is told calls half as often."""
    return [
        bucket(
            minute, t0=1000 - 10 * minute, t1=10 * minute, d0=(100 - minute) // 10,
            d1d=minute // 20, d1u=1,
        )
        for minute in range(100)
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def _coarse(monkeypatch):
    """Few dots: what is drawn is the same, and takes a fifth of the time."""
    monkeypatch.setattr(deflection_picture, "_DOTS", 30)


def test_classes_that_call_more_and_are_told_first_do_not_make_the_told_look_worse():
    busy = bucket(20, priority="A", t0=10, t1=90, d0=1, d1d=9)
    calm = bucket(20, priority="C", t0=900, t1=100, d0=9, d1d=1)

    [rate] = bins([busy, calm], 5)

    assert rate.told == pytest.approx(rate.untold)
    assert rate.every == pytest.approx(1000 * 20 / 1100)


def test_rates_are_calls_a_minute_of_a_thousand_households():
    rates = bins([bucket(minute, t0=500, t1=500, d0=2, d1d=1) for minute in range(10)], 5)

    assert [rate.minute for rate in rates] == [0, 5]
    assert rates[0].untold == pytest.approx(4.0)
    assert rates[0].told == pytest.approx(2.0)
    assert rates[0].told_share == pytest.approx(0.5)


def test_where_nobody_waits_any_more_there_is_nothing_to_compare():
    [rate] = bins([bucket(80, t1=1000, d1d=3)], 5)

    assert (rate.told, rate.untold) == (None, None)
    assert rate.every == pytest.approx(3.0)


def test_points_that_stand_on_next_to_nobody_are_left_out():
    rates = bins([bucket(0, t0=1000, t1=1, d1d=1), bucket(5, t0=500, t1=500, d0=3)], 5)

    assert [rate.minute for rate in compared(rates)] == [5]


@pytest.mark.parametrize(
    ("calls", "minutes"), [(10, 5), (2, 10), (1, 30)], ids=["many", "some", "few"]
)
def test_fewer_calls_make_wider_points(calls, minutes):
    assert width([bucket(minute, t0=5, t1=5, d0=calls) for minute in range(60)]) == minutes


def test_the_headline_says_the_effect_with_its_interval():
    assert headline(MEASURED) == (
        "A delivered message saves 38% of the calls (95 %: 29% to 46%): deflects calls"
    )


@pytest.mark.parametrize("verdict", [Verdict.NOT_ENOUGH, Verdict.REFUSED])
def test_no_number_is_said_that_may_not_be_published(verdict):
    silent = replace(MEASURED, verdict=verdict)

    assert effects(silent) == []
    assert "38%" not in headline(silent)


@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_it_is_drawn_in_every_language(language, storm, tmp_path):
    languages.use(language)
    path = tmp_path / "effect.png"

    draw(storm, MEASURED, path, title="ALM-F12", start=START, zone=ZONE)

    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 3_000


def test_a_refused_run_is_drawn_without_lines_to_compare(storm, tmp_path):
    refused = replace(MEASURED, verdict=Verdict.REFUSED, reasons=("the seed is missing",))
    paths = [tmp_path / name for name in ("shown.png", "refused.png")]

    for path, measured in zip(paths, (MEASURED, refused), strict=True):
        draw(storm, measured, path, title="ALM-F12", start=START, zone=ZONE)

    assert paths[1].stat().st_size < paths[0].stat().st_size


def test_nobody_at_risk_is_said_in_a_line(tmp_path):
    with pytest.raises(InputRefused, match="nothing to draw"):
        draw([], MEASURED, tmp_path / "none.png", title="ALM-F12", start=START, zone=ZONE)

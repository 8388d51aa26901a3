"""How many calls were saved, said only as far as the calls allow."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from tests.entry.telling import LATER, lines, night, send, tripped

from outreach.entry.cli import deflection
from outreach.model.deflection import Deflection, EpisodeCounts, Interval, Verdict

MEASURED = Deflection(
    verdict=Verdict.DEFLECTS,
    reasons=("receipts are known for only 80% of the households sent to",),
    sums=None,
    theta_msg=0.6,
    variance=0.01,
    theta_interval=Interval(low=0.5, high=0.72),
    theta_itt=0.7,
    itt_variance=0.01,
    itt_interval=Interval(low=0.6, high=0.8),
    calls_avoided=334.4,
    calls_avoided_interval=Interval(low=100.0, high=600.0),
    identified_share=0.7,
    measured_at=LATER,
    calls_avoided_scaled=477.7,
    counts=EpisodeCounts(unsent=300, delivered=150, undelivered=50),
    grace=(("sms", 2.0),),
)


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    tripped(made)
    send(made, at=LATER)
    return made


def measures(monkeypatch, **changes) -> None:
    found = replace(MEASURED, **changes)
    monkeypatch.setattr(deflection, "measure", lambda *_given, **_named: found)


def test_without_any_call_it_says_not_enough_and_how_to_bring_them(terminal):
    shown = lines(terminal.run("deflection", "show", at=LATER))
    [found] = terminal.answer("deflection", "show", "last", at=LATER)

    assert shown[0] == "unplanned-outage · ALM-F12: not enough calls yet"
    assert "outreach contacts import" in shown[1]
    assert (found["verdict"], found["theta_msg"], found["episodes"]) == (
        "not enough calls yet",
        None,
        0,
    )


def test_a_published_estimate_has_intervals_and_labels(terminal, monkeypatch):
    measures(monkeypatch)

    shown = lines(terminal.run("deflection", "show", at=LATER))

    assert shown[:5] == [
        "unplanned-outage · ALM-F12: deflects calls",
        "  a delivered message saves 40% of the calls (95 %: 28% to 50%)",
        "  sending saves 30% (95 %: 20% to 40%), delivered or not",
        "  calls avoided: 334 (95 %: 100 to 600), of identified callers",
        "  if the others behave alike: 478",
    ]
    assert "  calls by household: 300 not told yet · 150 told · 50 undelivered" in shown
    assert "  identified: 70% of all calls" in shown
    assert "  grace after sending: SMS 2.0 min" in shown
    assert shown[-1] == "  note: receipts are known for only 80% of the households sent to"


def test_machines_get_numbers_only_where_they_may_be_published(terminal, monkeypatch):
    measures(monkeypatch)
    [published] = terminal.answer("deflection", "show", at=LATER)
    measures(monkeypatch, verdict=Verdict.REFUSED)
    [refused] = terminal.answer("deflection", "show", at=LATER)

    assert (published["theta_msg"], published["theta_interval"]) == (0.6, [0.5, 0.72])
    assert (refused["theta_msg"], refused["theta_interval"]) == (None, None)


def test_too_few_calls_print_no_number_but_what_could_be_seen(terminal, monkeypatch):
    measures(monkeypatch, verdict=Verdict.NOT_ENOUGH, variance=0.09)

    shown = lines(terminal.run("deflection", "show", at=LATER))

    assert shown[:2] == [
        "unplanned-outage · ALM-F12: not enough calls yet",
        f"  with these calls only a deflection of {1 - math.exp(-2.8 * 0.3):.0%} or more would show",
    ]
    assert not any("saves" in line for line in shown)


def test_a_refusal_gives_its_reasons(terminal, monkeypatch):
    measures(monkeypatch, verdict=Verdict.REFUSED, reasons=("the seed is missing",))

    assert (
        lines(terminal.run("deflection", "show", at=LATER))[-1] == "  refused: the seed is missing"
    )


def test_an_estimate_with_parts_missing_prints_the_rest(terminal, monkeypatch):
    measures(
        monkeypatch, theta_interval=None, itt_interval=None, calls_avoided=None,
        calls_avoided_scaled=None, identified_share=None, grace=(), counts=None,
    )  # fmt: skip

    shown = lines(terminal.run("deflection", "show", at=LATER))

    assert len(shown) == 3


def test_without_a_variance_an_even_rollout_says_what_could_be_seen():
    counts = EpisodeCounts(unsent=40, delivered=40, undelivered=20)
    found = replace(MEASURED, verdict=Verdict.NOT_ENOUGH, variance=None, counts=counts)

    least = deflection.detectable(found)

    info = 100 * sum((m + 0.5) / 10 * (1 - (m + 0.5) / 10) for m in range(10)) / 10
    assert least == pytest.approx(1 - math.exp(-2.8 / math.sqrt(info) / (40 / 60)))


@pytest.mark.parametrize(
    "counts",
    [None, EpisodeCounts(), EpisodeCounts(unsent=5, undelivered=5)],
    ids=["uncounted", "none", "nobody-reached"],
)
def test_what_can_tell_nothing_has_no_smallest_effect(counts):
    found = replace(MEASURED, verdict=Verdict.NOT_ENOUGH, variance=None, counts=counts)

    assert deflection.detectable(found) is None
    assert list(deflection._too_few(found)) == []


def test_before_any_launch_there_is_nothing_to_measure(tmp_path, sqlite_template, monkeypatch):
    terminal = night(tmp_path / "luz", sqlite_template, monkeypatch)

    shown = terminal.run("deflection", "show")

    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "nothing to measure" in shown.stderr

"""How many calls were saved, said only as far as the calls allow."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.entry.telling import LATER, lines, night, send, tripped

from outreach.campaigns import measuring
from outreach.deflection.holdout import contrast
from outreach.entry.cli import deflection_words as words
from outreach.model.deflection import (
    Called,
    Deflection,
    EpisodeCounts,
    Interval,
    Sums,
    Verdict,
)

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


@pytest.fixture(scope="module")
def terminal(tmp_path_factory, sqlite_template):
    """Nothing here writes: one night for all, for it is dear."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = night(tmp_path_factory.mktemp("night") / "luz", sqlite_template, monkeypatch)
        tripped(made)
        send(made, at=LATER)
        yield made


def measures(monkeypatch, **changes) -> None:
    found = replace(MEASURED, **changes)
    of_run = SimpleNamespace(deflection=found)
    monkeypatch.setattr(measuring, "of_run", lambda *_given, **_named: of_run)


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

    assert len(shown) == 4
    assert not any("saves" in line for line in shown)


def test_without_a_variance_an_even_rollout_says_what_could_be_seen():
    counts = EpisodeCounts(unsent=40, delivered=40, undelivered=20)
    found = replace(MEASURED, verdict=Verdict.NOT_ENOUGH, variance=None, counts=counts)

    least = words.detectable(found)

    info = 100 * sum((m + 0.5) / 10 * (1 - (m + 0.5) / 10) for m in range(10)) / 10
    assert least == pytest.approx(1 - math.exp(-2.8 / math.sqrt(info) / (40 / 60)))


@pytest.mark.parametrize(
    "counts",
    [None, EpisodeCounts(), EpisodeCounts(unsent=5, undelivered=5)],
    ids=["uncounted", "none", "nobody-reached"],
)
def test_what_can_tell_nothing_has_no_smallest_effect(counts):
    found = replace(MEASURED, verdict=Verdict.NOT_ENOUGH, variance=None, counts=counts)

    assert words.detectable(found) is None
    assert list(words.too_few(found)) == []


def test_before_any_launch_there_is_nothing_to_measure(tmp_path, sqlite_template, monkeypatch):
    terminal = night(tmp_path / "luz", sqlite_template, monkeypatch)

    shown = terminal.run("deflection", "show")

    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "nothing to measure" in shown.stderr


def test_every_number_ends_with_the_method_that_made_it(terminal, monkeypatch):
    measures(monkeypatch)

    shown = lines(terminal.run("deflection", "show", at=LATER))
    [found] = terminal.answer("deflection", "show", at=LATER)

    assert any(line.startswith("  method: message deflection, 1 - theta_msg") for line in shown)
    assert found["method"].startswith("message deflection, 1 - theta_msg")


def test_a_call_with_a_price_makes_a_sum_with_its_interval(terminal, monkeypatch):
    measures(monkeypatch)
    monkeypatch.setenv("OUTREACH_CONTACTCENTER__CALL_COST", "2.5")

    shown = lines(terminal.run("deflection", "show", at=LATER))
    [found] = terminal.answer("deflection", "show", at=LATER)

    assert any("cost saved: 836" in line and "(95 %: 250 to 1,500)" in line for line in shown)
    assert (found["cost_saved"], found["cost_saved_interval"]) == (836.0, [250.0, 1500.0])


@pytest.mark.parametrize(
    ("by", "label"),
    [
        ("wave", "waited for it"),
        ("class", "not causal"),
        ("channel", "not causal unless randomised"),
        ("lag", "average over exposures inside the rollout"),
    ],
)
def test_parts_come_with_what_may_not_be_read_into_them(terminal, by, label):
    shown = terminal.run("deflection", "show", "last", "--by", by, at=LATER).stdout

    assert label in " ".join(shown.split())


def test_campaigns_are_added_up_and_the_untrusted_left_out(terminal, monkeypatch):
    measures(monkeypatch, sums=SUMS, verdict=Verdict.NOT_ENOUGH)
    [pooled] = terminal.answer("deflection", "show", "--pooled", "--since", "30d", at=LATER)
    measures(
        monkeypatch, sums=SUMS, verdict=Verdict.REFUSED, design_reasons=("the seed is missing",)
    )
    [none] = terminal.answer("deflection", "show", "--pooled", at=LATER)
    shown = lines(terminal.run("deflection", "show", "--pooled", at=LATER))

    assert (pooled["runs"], pooled["left_out"]) == (1, 0)
    assert pooled["theta_msg"] == pytest.approx(60 / (110 - 10))
    assert (none["runs"], none["left_out"], none["theta_msg"]) == (0, 1, None)
    assert "1 left out" in shown[-1]


def test_since_alone_is_refused_with_what_to_do(terminal):
    refused = terminal.run("deflection", "show", "--since", "30d", at=LATER)

    assert refused.exit_code != 0
    assert "--pooled" in refused.stderr


def test_a_holdout_is_told_in_lines_of_its_own_and_never_as_theta(terminal, monkeypatch):
    measures(monkeypatch)
    found = contrast(Called(households=900, called=90), Called(households=100, called=20))
    monkeypatch.setattr(measuring, "holdout", lambda *_given, **_named: found)

    shown = lines(terminal.run("deflection", "show", at=LATER))

    assert "  of 1,000 households 100.0 fewer called (95 %: 30.0 to 190.6)" in shown
    assert shown[-1].endswith("not theta_msg")


SUMS = Sums(
    delivered_w0=60.0, undelivered_w0=10.0, unsent_w1=110.0, sxx=40.0, sxy=0.0, syy=80.0,
    itt_cross=50.0, delivered_episodes=90, episodes=300, itt_xx=50.0, itt_yy=80.0,
)  # fmt: skip

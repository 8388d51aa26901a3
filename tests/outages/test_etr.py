"""Estimates: rounded once, told again by an asymmetric rule, kept or missed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from outreach.model.campaign import Renotify
from outreach.model.words import Event
from outreach.outages.etr import PromiseSettled, public_etr, renotify, settle_promise, usable

SAMPLE = Path(__file__).parents[2].parent / "shared/sample-utility"
NOW = datetime(2026, 7, 16, 3, tzinfo=UTC)
RULES = Renotify()


def _in(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("minutes", "rounded"),
    [
        pytest.param(0, 0, id="already-whole"),
        pytest.param(1, 15, id="up-never-down"),
        pytest.param(14.999, 15, id="seconds-count"),
        pytest.param(15, 15, id="stays"),
        pytest.param(15.001, 30, id="just-over"),
    ],
)
def test_the_public_estimate_is_rounded_up_to_the_quarter_hour(
    minutes: float, rounded: float
) -> None:
    assert public_etr(_in(minutes)) == _in(rounded)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001  made aware below
def test_rounding_is_never_earlier_nor_a_whole_step_later_and_happens_once(naive: datetime) -> None:
    etr = naive.replace(tzinfo=UTC)

    rounded = public_etr(etr)

    assert timedelta() <= rounded - etr < timedelta(minutes=15)
    assert public_etr(rounded) == rounded


def test_the_step_of_rounding_can_be_set() -> None:
    assert public_etr(_in(31), 30) == _in(60)


@pytest.mark.parametrize(("minutes", "answer"), [(1, True), (0, False), (-1, False)])
def test_an_estimate_is_usable_only_while_it_lies_ahead(minutes: float, answer: bool) -> None:  # noqa: FBT001  a case table
    assert usable(_in(minutes), NOW) is answer


def test_no_estimate_is_not_usable() -> None:
    assert not usable(None, NOW)


@pytest.mark.parametrize(
    ("told", "new", "event"),
    [
        pytest.param(None, 120, Event.ETR_SET, id="first"),
        pytest.param(None, None, None, id="none-at-all"),
        pytest.param(None, -1, None, id="first-but-past"),
        pytest.param(120, None, None, id="withdrawn-is-not-judged-here"),
        pytest.param(120, 0, None, id="past-tells-nothing"),
        pytest.param(120, 120, None, id="same"),
        pytest.param(120, 149, None, id="a-little-later"),
        pytest.param(120, 150, Event.ETR_LATER, id="later-by-30"),
        pytest.param(120, 61, None, id="a-little-earlier"),
        pytest.param(120, 60, Event.ETR_EARLIER, id="earlier-by-60"),
        pytest.param(31, 45, None, id="old-not-yet-expiring"),
        pytest.param(30, 45, Event.ETR_LATER, id="old-expires-within-30"),
        pytest.param(30, 15, Event.ETR_EARLIER, id="old-expires-and-earlier"),
        pytest.param(30, 30, None, id="expiring-but-same"),
        pytest.param(-10, 15, Event.ETR_LATER, id="old-has-passed"),
    ],
)
def test_a_changed_estimate_is_told_by_the_asymmetric_rule(
    told: float | None, new: float | None, event: Event | None
) -> None:
    told_at = None if told is None else _in(told)
    new_at = None if new is None else _in(new)

    assert renotify(told_at, new_at, NOW, RULES) is event


@pytest.mark.parametrize(
    ("outcome", "settled"),
    [
        pytest.param({}, None, id="open"),
        pytest.param(
            {"restored_at": _in(60)}, PromiseSettled(kept=True, missed_by=timedelta()), id="on-time"
        ),
        pytest.param(
            {"restored_at": _in(75)},
            PromiseSettled(kept=False, missed_by=timedelta(minutes=15)),
            id="restored-late",
        ),
        pytest.param(
            {"replaced_by": _in(135)},
            PromiseSettled(kept=False, missed_by=timedelta(minutes=75)),
            id="slipped",
        ),
        pytest.param({"replaced_by": _in(30)}, None, id="an-earlier-one-breaks-nothing"),
        pytest.param({"withdrawn": True}, PromiseSettled(kept=False), id="withdrawn"),
    ],
)
def test_a_promise_is_settled_by_what_came_of_it(
    outcome: dict[str, Any], settled: PromiseSettled | None
) -> None:
    assert settle_promise(_in(60), **outcome) == settled


# ── The storm of the sample utility ──────────────────────────────────────────────────────────

_TYPES = {
    "OUTAGE_CREATED", "SCOPE_CHANGED", "ETR_SET", "CREW_STATUS", "CAUSE_SET", "PARTIAL_RESTORE",
    "MERGED", "RESTORED", "REOPENED", "DISCARDED",
}  # fmt: skip
_CLOSES = {"MERGED": "merged", "DISCARDED": "discarded", "RESTORED": "restored"}


def _accepted(lines: list[str]) -> Iterator[dict[str, Any]]:
    """Messages that rules 1 to 3 of the sample's section 3 let through."""
    seen: set[str] = set()
    last: dict[str, int] = {}
    closed: dict[str, str] = {}
    for line in lines:
        try:
            message = json.loads(line)
        except json.JSONDecodeError:
            continue
        kind, outage = message["type"], message.get("outage_id", "")
        if kind not in _TYPES or message["event_id"] in seen:
            continue
        if (kind != "OUTAGE_CREATED" and outage not in last) or message["seq"] <= last.get(
            outage, -1
        ):
            continue
        seen.add(message["event_id"])
        last[outage] = message["seq"]
        if outage in closed and not (
            closed[outage] == "restored" and kind in {"CAUSE_SET", "REOPENED"}
        ):
            continue
        closed.pop(outage, None) if kind == "REOPENED" else None
        if kind in _CLOSES:
            closed[outage] = _CLOSES[kind]
        yield message


@pytest.mark.skipif(not SAMPLE.exists(), reason="../shared/sample-utility is not here")
def test_the_storm_tells_as_many_estimates_as_its_answers_say() -> None:
    answers = json.loads((SAMPLE / "answers.json").read_text(encoding="utf-8"))["storm"]
    lines = (SAMPLE / "oms_eventos.jsonl").read_text(encoding="utf-8").splitlines()
    told: dict[str, datetime | None] = defaultdict(lambda: None)
    known: dict[str, str | None] = defaultdict(lambda: None)
    counts: Counter[Event] = Counter()
    by_outage: Counter[str] = Counter()

    for message in _accepted(lines):
        outage = message["outage_id"]
        if "etr" not in message or message["etr"] == known[outage]:
            continue
        known[outage] = message["etr"]
        new = datetime.fromisoformat(message["etr"]) if message["etr"] else None
        now = datetime.fromisoformat(message["rx"])
        event = renotify(told[outage], new, now, RULES)
        if event is not None:
            told[outage] = new
            counts[event] += 1
            by_outage[outage] += event is not Event.ETR_SET

    assert counts[Event.ETR_SET] == answers["etr_notices"]["first"] == 64
    assert (
        counts[Event.ETR_LATER] + counts[Event.ETR_EARLIER]
        == answers["etr_notices"]["renotices_default"]
        == 28
    )
    assert {outage: by_outage[outage] for outage in answers["outages"]} == {
        outage: entry["etr_renotices_default"] for outage, entry in answers["outages"].items()
    }

"""Before a launch it is said what the calls can show, who hears late, and what that costs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from tests.entry.telling import LATER, night, tripped

from outreach.campaigns.measurable import Outlook
from outreach.deflection.planning import Detectable
from outreach.entry.cli import measurable
from outreach.entry.cli.output import Format, Output

PRECISE = Detectable(info=164.0, se_itt=0.078, se_msg=0.099, deflection=0.24)
OUTLOOK = Outlook(detectable=PRECISE)
CONTEXT = SimpleNamespace(now=LATER, out=Output(format=Format.TABLE, zone=ZoneInfo("UTC")))


def lines(outlook: Outlook | None) -> list[str]:
    shown = SimpleNamespace(
        steps=[SimpleNamespace(step="opened", outlook=outlook)],
        occasion=SimpleNamespace(zone="America/Santiago"),
    )
    return list(measurable.lines(CONTEXT, shown))  # type: ignore[arg-type]


def test_the_smallest_effect_that_shows_is_named():
    [line] = lines(OUTLOOK)

    assert line == (
        "opened: its calls will show a deflection of 24% or more"
        " (information 164, SE 0.099; for an ordinary outage)"
    )


def test_what_is_sent_too_fast_says_so_and_works_say_nothing():
    assert lines(replace(OUTLOOK, detectable=None)) == [
        "opened: sent too fast or too late to measure what it does to the calls"
    ]
    assert lines(None) == []


def test_a_tail_names_its_price_and_the_second_person():
    said = lines(
        replace(OUTLOOK, tail_at=LATER, tail_share=0.2, tail_households=9800, tail_calls=65.6)
    )

    assert said[1].startswith("  late tail: about 9,800 households hear at ")
    assert said[1].endswith("that costs about 66 calls at a deflection of 25%")
    assert said[2] == "  this needs a second person by name: outreach campaign approve"


def test_a_holdout_says_whom_it_never_tells():
    said = lines(replace(OUTLOOK, holdout_share=0.05))

    assert said[1] == "  holdout: 5% of the households of classes B and C are never told"


@pytest.mark.parametrize(
    ("outlook", "smallest"), [(OUTLOOK, 0.24), (Outlook(detectable=None), None)]
)
def test_machines_get_the_same(outlook, smallest):
    found = measurable.facts(outlook)

    assert found is not None
    assert found["minimum_detectable"] == smallest
    assert measurable.facts(None) is None


def test_a_preview_shows_it(tmp_path, sqlite_template, monkeypatch):
    terminal = night(tmp_path / "luz", sqlite_template, monkeypatch)
    tripped(terminal)

    shown = terminal.run("campaign", "preview", "unplanned-outage", "last", at=LATER)
    found = terminal.answer("campaign", "preview", "unplanned-outage", "last", at=LATER)

    assert shown.exit_code == 0
    assert "measure" in shown.stdout or "its calls will show" in shown.stdout
    assert all("measurable" in step for step in found["steps"])

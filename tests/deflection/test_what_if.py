"""What breaks the estimate breaks it here too, within Monte-Carlo error of the figures of reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outreach.deflection import what_if
from outreach.deflection.what_if import CHANGES, Change, Found, tried

BY_NAME = {each.name: each for each in CHANGES}


@pytest.mark.parametrize("name", ["latency", "fade-30", "undelivered", "all-calls", "adds"])
def test_a_change_gives_its_figure(name):
    found = tried(BY_NAME[name], households=500_000, seed=2)

    assert found.error < 0.06
    assert found.agrees


def test_the_heaviest_callers_first_give_nonsense():
    found = tried(BY_NAME["heavy-first"], households=250_000, seed=2)

    assert found.agrees
    assert found.share < -1


def test_an_estimate_far_from_its_figure_does_not_agree():
    change = replace(BY_NAME["base"], reference=0.2)

    found = Found(change=change, share=0.40, error=0.01)

    assert not found.agrees
    assert Found(change=BY_NAME["base"], share=0.40, error=0.01).agrees


def test_pieces_of_one_study_are_different_outages(monkeypatch):
    monkeypatch.setattr(what_if, "PIECE", 20_000)
    base: Change = BY_NAME["base"]

    one = tried(base, households=20_000, seed=1)
    more = tried(base, households=60_000, seed=1)

    assert more.error < one.error
    assert more.share != one.share

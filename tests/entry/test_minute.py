"""The minute of the contact center: every step in order, whatever befalls the one before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests import make, town

from outreach.campaigns import forecasting, measuring, platforms, pressed, routing
from outreach.entry.minute import Minute
from outreach.entry.wiring import Clocks, Installation
from outreach.model.errors import StoreUnusable
from outreach.store.session import Database

STEPS = (
    (platforms, "read_queues"),
    (pressed, "take_waiting"),
    (measuring, "minute"),
    (forecasting, "minute"),
    (routing, "minute"),
    (platforms, "push"),
)


@pytest.fixture
def installation(sqlite_template, tmp_path) -> Installation:
    """On a database that nothing here reads."""
    return Installation(
        settings=town.workspace(tmp_path),
        database=Database(f"sqlite:///{sqlite_template}"),
        keyring=make.KEYRING,
        clocks=Clocks(now=lambda: datetime(2026, 7, 15, 6, tzinfo=UTC)),
        owner="tests",
    )


@pytest.fixture
def done(monkeypatch) -> list[str]:
    """What was called, in order; nothing of it really runs."""
    called: list[str] = []

    def step(name: str) -> Callable[..., list[object]]:
        def go(*_args: object, **_kwargs: object) -> list[object]:
            called.append(name)
            return []

        return go

    for room, name in STEPS:
        monkeypatch.setattr(room, name, step(f"{room.__name__}.{name}"))
    return called


def test_the_steps_come_in_order(installation, done):
    Minute(of=installation).turn()

    assert done == [f"{room.__name__}.{name}" for room, name in STEPS]


@pytest.mark.parametrize("error", [StoreUnusable("away"), ZeroDivisionError()])
def test_a_broken_step_stops_none_after_it(installation, done, monkeypatch, error):
    def broken(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(measuring, "minute", broken)

    Minute(of=installation).turn()

    assert done[-1] == f"{platforms.__name__}.push"
    assert f"{measuring.__name__}.minute" not in done


def test_who_has_lost_the_lead_goes_no_further(installation, done):
    answers = iter([True, True, False])

    Minute(of=installation, leads=lambda: next(answers)).turn()

    assert len(done) == 2

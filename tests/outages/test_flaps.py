"""A source that changes its mind within minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState as S
from outreach.outages.flaps import held_until

T0 = datetime(2026, 6, 12, 23, tzinfo=UTC)
OPEN = Revision(
    version=1, state=S.ACTIVE, scope=Scope(nodes=("S1",)), start_at=T0, recorded_at=T0
)  # fmt: skip


def chain(*steps: tuple[int, S, int]) -> list[Revision]:
    """(minute, state, estimate in hours) of each revision."""
    return [
        replace(
            OPEN, version=number, state=state, public_etr=T0 + timedelta(hours=etr),
            recorded_at=T0 + timedelta(minutes=minute),
        )
        for number, (minute, state, etr) in enumerate(steps, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "minute"),
    [
        ([(0, S.ACTIVE, 3), (1, S.RESTORED, 3)], None),  # the first word is told
        ([(0, S.ACTIVE, 3), (30, S.RESTORED, 3), (35, S.ACTIVE, 3)], 40),
        ([(0, S.ACTIVE, 3), (30, S.RESTORED, 3), (40, S.ACTIVE, 3)], None),
        ([(0, S.ACTIVE, 3), (30, S.ACTIVE, 5)], None),
        ([(0, S.ACTIVE, 3), (30, S.ACTIVE, 5), (33, S.ACTIVE, 3)], 40),
        ([(0, S.ACTIVE, 3), (30, S.ACTIVE, 5), (33, S.ACTIVE, 5)], None),
        ([(0, S.ACTIVE, 3), (30, S.ACTIVE, 5), (33, S.RESTORED, 5)], None),
        ([(0, S.ACTIVE, 3), (30, S.ACTIVE, 5), (33, S.ACTIVE, 3), (36, S.ACTIVE, 5)], 43),
        ([(0, S.ACTIVE, 3)], None),
    ],
)
def test_what_changed_the_same_way_minutes_ago_waits(steps, minute):
    *before, new = chain(*steps)

    until = held_until(before, new)

    assert until == (None if minute is None else T0 + timedelta(minutes=minute))

"""Several schedulers as processes under kill -9 and SIGSTOP, in short: each instant fires exactly once."""

from __future__ import annotations

from pathlib import Path

from tests.fleet.clock_storm import played

from outreach.store.session import Database


def test_each_instant_fires_once_while_leaders_are_killed_and_stopped(
    database: Database, tmp_path: Path
) -> None:
    tally = played(tmp_path, database, kills=4)

    assert (tally.kills, tally.stops) == (3, 1)
    assert tally.takeovers >= 3
    assert tally.fires >= 8
    assert tally.exactly_once == tally.fires
    assert tally.is_clean, tally

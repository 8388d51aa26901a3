"""A fleet of real processes under kill -9, in short: nothing is lost, nothing is doubled in silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fleet import checker, drive, nemesis, recipients
from tests.fleet.nursery import Nursery
from tests.fleet.terms import FAULTY, Fates, Lane

from outreach.store.session import Database

LANES = (
    Lane(name="sms1", channel="sms", rate=25.0),
    Lane(name="sms2", channel="sms", rate=25.0),
    Lane(name="email", channel="email", rate=25.0),
)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def test_kills_and_lost_replies_lose_nothing_and_double_nothing_in_silence(
    database: Database, tmp_path: Path, nursery: Nursery
) -> None:
    recipients.workspace(tmp_path)
    recipients.fill(database, sms=250, email=50)
    url = database.url.render_as_string(hide_password=False)
    fleet = drive.make_fleet(
        tmp_path, url, 7, lanes=LANES, fates=FAULTY,
        windows=nemesis.windows(7, seconds=30, scale=0.05),
    )  # fmt: skip

    with drive.running(fleet, nursery, database, workers=2) as driven:
        driven.storm(kills=12, seconds=10)
        driven.settle(still=15)
        driven.listen_on(seconds=1.5)

    verdict = checker.check(fleet, database)
    assert driven.kills >= 5
    assert not driven.crashes
    assert driven.uneven == 0
    assert verdict.recipients == 300
    assert verdict.broken == {}, verdict.examples


@pytest.mark.parametrize(
    ("rule", "found", "silent"),
    [
        ("resend in doubt", "unflagged", 1.0),
        ("believe", "invented", 0.0),
        ("regress", "regressed", 0.0),
        ("tell", "told", 0.0),
    ],
)
def test_a_rule_broken_on_purpose_is_found(
    rule: str, found: str, silent: float, tmp_path: Path, nursery: Nursery, sqlite_template: Path
) -> None:
    path = tmp_path / "fleet.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    recipients.workspace(tmp_path)
    recipients.fill(database, sms=60)
    fleet = drive.make_fleet(
        tmp_path,
        f"sqlite:///{path}",
        3,
        lanes=LANES[:1],
        fates=Fates(lost_reply=0.3, silent=silent),
        breaks=rule,
    )

    with drive.running(fleet, nursery, database, workers=1) as driven:
        driven.settle(still=6, seconds=12)
        driven.listen_on(seconds=1.5)

    verdict = checker.check(fleet, database)
    database.close()
    assert found in verdict.broken


def test_a_seed_names_one_schedule() -> None:
    slots = ["w0", "w1", "web", "clock0"]

    digests = [nemesis.digest(seed, slots, scale=0.05) for seed in (1, 1, 2)]

    assert digests[0] == digests[1]
    assert digests[0] != digests[2]

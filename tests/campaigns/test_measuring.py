"""The minute keeps the measured effect of live runs, whatever comes twice, late, or in another order."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from prometheus_client.core import Metric
from sqlalchemy import func, select, update
from tests import make
from tests.deflection.test_measure import NOW, WORLD, write_ledger

from outreach.campaigns import measuring, pins
from outreach.deflection import measure, simulate
from outreach.deflection.estimate import refusal
from outreach.deflection.evidence import from_minutes
from outreach.entry.http import deflection_metrics
from outreach.model.campaign import Campaign, Measurement
from outreach.model.deflection import (
    Bucket,
    CountedCall,
    Deflection,
    EpisodeCounts,
    Interval,
    Sums,
    Verdict,
)
from outreach.model.words import OccasionKind
from outreach.settings import Settings
from outreach.settings_contactcenter import ContactCenter
from outreach.store import measured as kept, tables as t
from outreach.store.measured import Candidate
from outreach.store.session import Database

SETTINGS = Settings(contactcenter=ContactCenter(outage_numbers=("6002001111",)))
MINUTE = timedelta(minutes=1)
SMALL = replace(WORLD, households=400)
CAMPAIGN = Campaign(name="unplanned-outage", serves=OccasionKind.OUTAGE)


@pytest.fixture(autouse=True)
def pinned(monkeypatch) -> None:
    """The ledger of these tests has no campaign file behind it."""
    monkeypatch.setattr(pins, "campaign", lambda *_given: CAMPAIGN)


def rows(database: Database, run: int) -> tuple[list[Bucket], list[CountedCall], Deflection | None]:
    with database.read() as session:
        waves = list(session.scalars(select(t.step_run.c.id).where(t.step_run.c.run_id == run)))
        return (
            list(kept.buckets(session, waves)),
            list(kept.calls(session, waves)),
            kept.newest(session, run),
        )


def test_the_minute_keeps_what_the_ledger_says_and_a_second_look_writes_nothing(database: Database):
    drawn = simulate.draw(SMALL, 4)
    with database.write() as session:
        run = write_ledger(session, make.KEYRING, drawn)
        session.execute(update(t.step_run).values(frozen=len(drawn.slots)))

    # Half of the story, then all of it: receipts and calls come late.
    with database.write() as session:
        session.execute(update(t.message).values(state="sent", delivered_at=None))
    measuring.minute(database, SETTINGS, now=NOW - 300 * MINUTE)
    with database.write() as session:
        for number, slot in enumerate(drawn.slots, start=1):
            state = "delivered" if slot.delivered else "undelivered"
            session.execute(
                update(t.message)
                .where(t.message.c.household_id == number)
                .values(state=state, delivered_at=slot.receipt_at)
            )
    count = measuring.minute(database, SETTINGS, now=NOW)
    buckets, calls, found = rows(database, run)
    with database.write() as session:
        waves = [1, *{call.step_run for call in calls}]
        again = kept.keep_buckets(session, waves, buckets), kept.keep_calls(session, waves, calls)

    with database.read() as session:
        expected = measure.measured(
            session, run, rules=measuring.rules(CAMPAIGN, SETTINGS), now=NOW
        )
    assert count == 1
    assert found is not None
    assert found.sums is not None
    assert found == expected.deflection
    assert buckets == sorted(expected.buckets(), key=lambda each: (each.priority, each.minute))
    assert asdict(from_minutes(buckets, calls)) == pytest.approx(asdict(found.sums), rel=1e-9)
    assert again == (0, 0)


def test_an_older_minute_never_takes_the_place_of_a_newer(database: Database):
    with database.write() as session:
        run = make.make_run(session)
        newer, older = refusal("newer"), refusal("older")

        first = kept.save(session, run, newer, now=NOW)
        second = kept.save(session, run, older, now=NOW - MINUTE)

        assert (first, second) == (True, False)
        assert kept.newest(session, run) == replace(newer, measured_at=NOW)


def test_what_may_be_said_comes_before_what_is_newest(database: Database):
    with database.write() as session:
        runs = [make.make_run(session) for _each in range(3)]
        ended = make.make_run(session)
        session.execute(
            update(t.occasion)
            .where(
                t.occasion.c.id
                == select(t.run.c.occasion_id).where(t.run.c.id == ended).scalar_subquery()
            )
            .values(open=False)
        )
        for run in (*runs, ended):
            kept.save(session, run, refusal("too early"), now=NOW)
        kept.save(session, runs[1], PUBLISHABLE, now=NOW)

    with database.read() as session:
        latest = kept.latest(session)
        metrics = {each.name: each for each in deflection_metrics.read(session)}

    assert latest == replace(PUBLISHABLE, measured_at=NOW)
    [ratio] = metrics["outreach_deflection_ratio"].samples
    assert ratio.value == pytest.approx(0.4)
    assert ratio.labels["verdict"] == "deflects"
    assert values(metrics["outreach_deflection_runs"])["refused"] == 2


def values(family: Metric) -> dict[str, float]:
    return {each.labels["verdict"]: each.value for each in family.samples}


def test_nothing_live_is_nothing_known(database: Database):
    with database.read() as session:
        assert kept.latest(session) is None
        assert kept.newest(session, 1) is None
        assert session.scalar(select(func.count()).select_from(t.measured)) == 0


# ── whose turn it is ────────────────────────────────────────────────────────────────────────────


def candidate(run: int, messages: int = 100, ago: float | None = None) -> Candidate:
    at = None if ago is None else NOW - ago * MINUTE
    return Candidate(run=run, messages=messages, measured_at=at)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        pytest.param([candidate(1, ago=2), candidate(2)], [2, 1], id="never measured first"),
        pytest.param([candidate(1, ago=1.2), candidate(2, ago=5)], [2, 1], id="then the oldest"),
        pytest.param([candidate(1, ago=0.5)], [], id="not twice in a minute"),
        pytest.param([candidate(1, ago=-3)], [1], id="a clock set back"),
        pytest.param([candidate(1, 1_000_000, ago=3)], [], id="a large one every five minutes"),
        pytest.param([candidate(1, 1_000_000, ago=5)], [1], id="and then"),
        pytest.param(
            [candidate(1, 900_000), candidate(2, 150_000), candidate(3)], [1], id="one at least"
        ),
    ],
)
def test_a_minute_measures_what_it_can_carry(candidates, chosen):
    assert measuring.due(candidates, now=NOW) == chosen


# ── together ────────────────────────────────────────────────────────────────────────────────────


def run_with(**changes) -> Deflection:
    sums = Sums(
        delivered_w0=6.0, undelivered_w0=1.0, unsent_w1=11.0, sxx=4.0, sxy=0.0, syy=8.0,
        itt_cross=5.0, delivered_episodes=9, episodes=30, itt_xx=5.0, itt_yy=8.0,
    )  # fmt: skip
    return replace(refusal("too few", sums=sums), identified_share=0.5, **changes)


def test_sums_are_added_and_never_ratios():
    pool = measuring.together([run_with(counts=EpisodeCounts(unsent=20, delivered=10))] * 20)

    assert (pool.runs, pool.refused) == (20, 0)
    assert pool.deflection.theta_msg == pytest.approx(0.6)
    assert pool.deflection.variance == pytest.approx((4 / 36 + 8 / 100) / 20)
    assert pool.deflection.verdict is Verdict.DEFLECTS
    assert pool.deflection.counts == EpisodeCounts(unsent=400, delivered=200)
    assert pool.deflection.identified_share == pytest.approx(0.5)


def test_a_run_of_an_untrusted_order_brings_nothing_to_the_pool():
    pool = measuring.together([run_with(design_reasons=("no seed",)), run_with()])

    assert (pool.runs, pool.refused) == (1, 1)


def test_an_empty_pool_refuses():
    assert measuring.together([]).deflection.verdict is Verdict.REFUSED


def test_the_campaign_names_its_grace_and_its_tail():
    campaign = replace(CAMPAIGN, measurement=Measurement(tail_share=0.2, grace_minutes=4))

    found = measuring.rules(campaign, SETTINGS)

    assert (found.least_grace, found.tail_share) == (4, 0.2)
    assert found.outage_numbers == ("6002001111",)


PUBLISHABLE = replace(
    refusal(), verdict=Verdict.DEFLECTS, theta_msg=0.6, variance=0.01,
    theta_interval=Interval(low=0.5, high=0.72), calls_avoided=60.0,
)  # fmt: skip

"""The sample utility's storm, message by message through the real engine: every figure of its answers."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import distinct, func, or_, select
from tests.flow import ivr_replay
from tests.flow.conftest import EXAMPLES, SAMPLE
from tests.make import KEYRING

from outreach.campaigns.engine import Engine
from outreach.campaigns.intake import take_in
from outreach.model.alarm import AlarmKind
from outreach.model.intake import Outcome, Taken
from outreach.model.occasion import Occasion, Scope
from outreach.model.record import AffectedCounts
from outreach.model.words import Event, OccasionState
from outreach.outages import intake_oms
from outreach.outages.intake_mapping import read_feed_mapping
from outreach.settings import Delivery, Feed, Settings
from outreach.store import alarms, audience, feeds, occasions, promises, scopes, tables as t
from outreach.store.session import Database, Session

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"no sample utility at {SAMPLE}")

STORM: dict[str, Any] = (
    json.loads((SAMPLE / "answers.json").read_text())["storm"] if SAMPLE.exists() else {}
)
EVENTS = SAMPLE / "oms_eventos.jsonl"
BEGAN = datetime(2026, 6, 12, 22, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What the replay left: the database, the count, every outage by its reference."""

    engine: Engine
    taken: Taken
    outages: dict[str, Occasion]

    def read(self) -> Any:
        return self.engine.database.read()


@pytest.fixture(scope="module")
def storm(sample_record: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    """One replay for all tests, each message at its own time of arrival.

    Nobody is counted on the way: who is touched is counted at the end, and 400 counts of a large
    outage cost more than everything else together.
    """
    folder = tmp_path_factory.mktemp("storm")
    shutil.copy(sample_record, folder / "storm.db")
    database = Database(f"sqlite:///{folder / 'storm.db'}", durable=False)
    settings = Settings(
        workspace=folder,
        feeds=(Feed(name="oms", kind="jsonl"),),
        delivery=Delivery(quarter_hour_etr=5),  # this company rounds to 5 minutes, as its OMS does
    )
    engine = Engine(
        database=database, settings=settings, keyring=KEYRING, random_bytes=secrets.token_bytes
    )
    said = intake_oms.read(BytesIO(EVENTS.read_bytes()), read_feed_mapping(EXAMPLES / "oms.toml"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(audience, "affected", lambda *_given: AffectedCounts(reachable={}))
        taken = take_in(engine, "oms", said, now=BEGAN, as_received=True)
    with database.read() as session:
        every = occasions.every(session, limit=1000)
    yield Storm(engine=engine, taken=taken, outages={str(one.source_ref): one for one in every})
    database.close()


def test_every_line_becomes_what_the_answers_say(storm: Storm):
    counts = {outcome.value: count for outcome, count in storm.taken.counts.items()}

    assert counts == STORM["lines"]


def test_what_is_not_applied_is_named_line_by_line(storm: Storm):
    named = [
        (int(one.place.removeprefix("line ")), one.outcome.value) for one in storm.taken.not_applied
    ]

    assert named == [(line, reason) for line, reason, *_which in STORM["lines_not_applied"]]


def test_the_final_states_are_those_of_the_answers(storm: Storm):
    found = [one.revision.state.value for one in storm.outages.values()]

    assert len(found) == STORM["distinct_outages"]
    assert {state: found.count(state) for state in set(found)} == STORM["final_states"]


@pytest.mark.parametrize("ref", STORM.get("outages", {}))
def test_each_outage_ends_as_the_answers_say(storm: Storm, ref: str):
    expected = STORM["outages"][ref]
    outage = storm.outages[ref]
    revision = outage.revision
    number: dict[int, str] = {one.id: ref for ref, one in storm.outages.items()}

    found = {
        "state": revision.state.value,
        "versions": revision.version,
        "start": iso(revision.start_at),
        "etr": iso(revision.etr_at),
        "etr_confidence": revision.etr_confidence or None,
        "cause": revision.cause or None,
        "restored": iso(revision.restored_at),
        "merged_into": outage.merged_into and number[outage.merged_into],
        "parent": outage.parent_id and number[outage.parent_id],
        "scope_devices": sorted(revision.scope.nodes),
        **_touched(storm, outage),
    }

    assert found == {name: expected[name] for name in found}


def iso(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None


def _touched(storm: Storm, outage: Occasion) -> dict[str, int]:
    """Who is in the scope, restored or not, and who is still out; counted on the record's own tables."""
    with storm.read() as session:
        whole = scopes.whole(session, outage, outage.revision).covers(t.premise)
        rest = scopes.remaining(session, outage).covers(t.premise)
        premises, customers = _count(session, whole)
        still_out, _customers = _count(session, rest)
    return {
        "scope_premises": premises,
        "scope_customers": customers,
        "still_out_premises": still_out,
    }


def _count(session: Session, touched: Any) -> tuple[int, int]:
    open_ones = (touched, t.premise.c.closed_at.is_(None))
    premises = session.execute(select(func.count()).select_from(t.premise).where(*open_ones))
    customers = session.execute(
        select(func.count(distinct(t.account.c.customer_id)))
        .select_from(t.premise)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(*open_ones, t.account.c.closed_at.is_(None))
    )
    return premises.scalar_one(), customers.scalar_one()


def test_whoever_was_ever_affected_is_counted(storm: Storm):
    with storm.read() as session:
        ever = [
            revision.scope
            for outage in storm.outages.values()
            if outage.revision.state is not OccasionState.DISCARDED
            for revision in occasions.history(session, outage.id)
        ]
        nodes = tuple({node for scope in ever for node in scope.nodes})
        named = tuple({premise for scope in ever for premise in scope.premises})
        union = scopes.resolve(session, Scope(nodes=nodes, premises=named))
        touched = or_(
            *(t.premise.c.tree_order.between(low, high) for low, high in union.spans),
            t.premise.c.id.in_(union.premise_ids),
        )
        premises, customers = _count(session, touched)

    assert premises == STORM["ever_affected"]["premises"]
    assert customers == STORM["ever_affected"]["customers"]


def test_estimates_are_told_again_as_often_as_the_answers_say(storm: Storm):
    told, expected = storm.taken.told, STORM["etr_notices"]

    assert told[Event.ETR_LATER] + told[Event.ETR_EARLIER] == expected["renotices_default"]


@pytest.mark.parametrize("ref", STORM.get("outages", {}))
def test_each_promise_of_the_ledger_is_a_first_notice_or_a_renotice(storm: Storm, ref: str):
    expected = STORM["outages"][ref]

    with storm.read() as session:
        made = promises.of(session, storm.outages[ref].id)

    # After a withdrawal, which people are told, the next estimate is a first one again.
    again = 1 if ref == "RC-260612-0015" else 0
    assert len(made) == expected["first_etr_notice"] + expected["etr_renotices_default"] + again


def test_a_list_that_lost_half_its_outages_restores_nothing_and_raises_one_alarm(storm: Storm):
    lost = [
        {"line": int(one.place.removeprefix("line ")), "open": one.open, "missing": one.missing}
        for one in storm.taken.halved
    ]
    with storm.read() as session:
        raised = [
            one for one in alarms.of(session, ["feed:oms"]) if one.kind is AlarmKind.FEED_HALVED
        ]

    assert lost == STORM["mass_disappearances"]
    assert [one.cleared_by for one in raised] == ["list is whole again"] * len(raised)
    assert raised


def test_no_answer_of_the_ivr_is_stale_at_any_second_of_the_storm(storm: Storm):
    with storm.read() as session:
        every = ivr_replay.truths(session, storm.outages)

    asked, stale = ivr_replay.replay(every)

    assert stale == []
    assert asked > 4_000


def test_taking_the_storm_in_again_changes_nothing(storm: Storm):
    raw = b"\n".join(EVENTS.read_bytes().splitlines()[:60])
    said = intake_oms.read(BytesIO(raw), read_feed_mapping(EXAMPLES / "oms.toml"))

    again = take_in(storm.engine, "oms", said, now=BEGAN, as_received=True)

    assert set(again.counts) == {Outcome.DUPLICATE_EVENT}
    with storm.read() as session:
        after = occasions.every(session, limit=1000)
        kept = feeds.outcomes(session, "oms", since=BEGAN)
    assert {one.source_ref: one.revision for one in after} == {
        ref: one.revision for ref, one in storm.outages.items()
    }
    assert kept[Outcome.APPLIED] == STORM["lines"]["applied"]

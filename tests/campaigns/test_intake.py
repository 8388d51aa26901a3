"""Messages of a feed into the truth: once, in order, with what people hear of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns import opened

from outreach.campaigns import intake
from outreach.campaigns.engine import Engine
from outreach.model.alarm import AlarmKind
from outreach.model.errors import GuardRefused
from outreach.model.intake import MessageKind as K, OutageMessage, Outcome, Taken, Unreadable
from outreach.model.occasion import Occasion
from outreach.model.words import Event, OccasionState
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.settings import Feed
from outreach.store import alarms, feeds, leases, occasions, tables as t

NOW = make.NOW
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what is no matter of the database."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    made = opened.make_engine(database, tmp_path)
    feeds_of_it = (Feed(name="oms", kind="jsonl"),)
    return replace(made, settings=made.settings.model_copy(update={"feeds": feeds_of_it}))


def says(kind: K, ref: str = "RC-1", *, seq: int | None = None, **fields: Any) -> OutageMessage:
    return OutageMessage(
        event_key=f"{ref}/{seq}" if seq else "", seq=seq, outage_ref=ref, kind=kind,
        fields=fields,  # type: ignore[arg-type]
        content=f"{kind}{sorted(fields.items())}",
    )  # fmt: skip


def created(ref: str = "RC-1", *, node: str = town.NORTH, **fields: Any) -> OutageMessage:
    return says(K.CREATED, ref, seq=1, **({"nodes": (node,), "start": NOW} | fields))


def take(engine: Engine, *messages: OutageMessage | Unreadable, at=NOW, feed="oms") -> Taken:
    return intake.take_in(engine, feed, messages, now=at)


def outage(engine: Engine, ref: str = "RC-1") -> Occasion:
    with engine.database.read() as session:
        [found] = occasions.named(session, ref)
    return found


def test_an_outage_is_opened_changed_and_ended_by_its_messages(engine):
    taken = take(
        engine,
        created(),
        says(K.ETR, seq=2, etr=NOW + 2 * HOUR),
        says(K.CREW, seq=3, crew="ON_SITE"),
        says(K.SCOPE, seq=4, nodes=(town.FEEDER,)),
        says(K.PARTIAL, seq=5, restored_nodes=(town.NORTH,)),
        says(K.RESTORED, seq=6, restored_at=NOW),
    )

    revision = outage(engine).revision
    assert taken.counts == {Outcome.APPLIED: 5, Outcome.CREW_ONLY: 1}
    assert (revision.version, revision.state) == (5, OccasionState.RESTORED)
    assert (revision.source, revision.author, revision.source_seq) == ("feed:oms", "oms", 6)
    assert outage(engine).name == town.NORTH
    assert taken.told[Event.OPENED] == taken.told[Event.RESTORED] == 1


def test_repeats_and_older_messages_change_nothing_in_another_batch_either(engine):
    later = says(K.ETR, seq=3, etr=NOW + HOUR)
    take(engine, created(), later)
    before = outage(engine).revision

    taken = take(
        engine,
        later,
        replace(later, event_key="again"),
        replace(later, event_key="other", content="other"),
        says(K.CAUSE, seq=2, cause="TREE"),
        says(K.ETR, "RC-9", seq=1, etr=None),
        Unreadable(place="line 6", reason="unknown_type", detail="PLAN"),
        Unreadable(place="line 7", reason="bad_field", detail="etr: must be a time"),
    )

    assert outage(engine).revision == before
    assert [one.outcome for one in taken.not_applied] == [
        Outcome.DUPLICATE_EVENT,
        Outcome.DUPLICATE_SEQUENCE,
        Outcome.STALE,
        Outcome.STALE,
        Outcome.UNKNOWN_OUTAGE,
        Outcome.UNKNOWN_TYPE,
        Outcome.UNREADABLE,
    ]
    with engine.database.read() as session:
        assert feeds.latest(session, "oms", limit=1)[0].why == "bad_field: etr: must be a time"


@on_sqlite
def test_a_message_that_changed_nothing_still_moves_the_sequence_on(engine):
    take(engine, created(), says(K.SCOPE, seq=5, nodes=(town.NORTH,)))

    taken = take(engine, says(K.CAUSE, seq=4, cause="TREE"))

    assert taken.counts == {Outcome.STALE: 1}


@on_sqlite
def test_after_a_crash_between_truth_and_note_nothing_is_opened_twice(engine):
    take(engine, created())
    with engine.database.write() as session:
        session.execute(t.feed_event.delete())

    taken = take(engine, created())

    assert taken.counts == {Outcome.NO_CHANGE: 1}


@on_sqlite
def test_a_merged_outage_names_its_survivor_and_takes_nothing_more(engine):
    taken = take(
        engine,
        created("A"),
        created("B", node=town.SOUTH),
        says(K.MERGED, "A", seq=2, into="B"),
        says(K.ETR, "A", seq=3, etr=NOW + HOUR),
    )

    assert outage(engine, "A").revision.state is OccasionState.MERGED
    assert outage(engine, "A").merged_into == outage(engine, "B").id
    assert taken.counts == {Outcome.APPLIED: 3, Outcome.CLOSED: 1}


@on_sqlite
def test_a_nested_outage_knows_its_parent_and_began_with_it(engine):
    take(engine, created("A", node=town.FEEDER, start=NOW - HOUR))

    take(engine, created("B", parent="A"))

    assert outage(engine, "B").parent_id == outage(engine, "A").id
    assert outage(engine, "B").revision.start_at == NOW - HOUR


def test_accounts_stand_for_the_premises_they_hold(engine):
    take(engine, says(K.STANDS, seq=1, accounts=("C-0001", "C-none"), premises=("S-0002",)))

    assert outage(engine).revision.scope.premises == ("S-0001", "S-0002")


@on_sqlite
def test_an_outage_that_names_no_place_is_refused_with_the_reason(engine):
    taken = take(engine, says(K.CREATED, seq=1, nodes=(), start=NOW), created("B"))

    assert taken.counts == {Outcome.REFUSED: 1, Outcome.APPLIED: 1}
    assert "nothing is named" in taken.not_applied[0].detail


@on_sqlite
def test_a_reference_that_another_source_has_does_not_mix_the_two(engine):
    take(engine, created(), feed="other")

    taken = take(engine, created(node=town.SOUTH), says(K.CAUSE, seq=2, cause="TREE"))

    with engine.database.read() as session:
        refs = {one.source_ref: one.revision.cause for one in occasions.every(session)}
    assert taken.counts == {Outcome.APPLIED: 2}
    assert refs == {"RC-1": "", "oms/RC-1": "TREE"}


@on_sqlite
def test_a_persons_word_in_between_does_not_cost_the_message(engine, monkeypatch):
    take(engine, created())
    real, raced = Engine.revise, list[int]()

    def overtaken(self, number, revision, **given):
        if not raced:
            raced.append(number)
            own = revise.updated(outage(engine).revision, Change(cause="crew"), now=NOW)
            assert own is not None
            real(self, number, own, now=NOW)
        return real(self, number, revision, **given)

    monkeypatch.setattr(Engine, "revise", overtaken)

    taken = take(engine, says(K.ETR, seq=2, etr=NOW + 2 * HOUR))

    revision = outage(engine).revision
    assert taken.counts == {Outcome.APPLIED: 1}
    assert (revision.version, revision.cause, revision.etr_at) == (3, "crew", NOW + 2 * HOUR)


@on_sqlite
def test_one_feed_is_read_by_one_reader_at_a_time(engine):
    with engine.database.write() as session:
        leases.take(session, "feed:oms", "somebody", now=NOW, lease=MINUTE)

    with pytest.raises(GuardRefused, match="feed oms: is being read"):
        take(engine, created())

    assert take(engine, created(), feed="other").messages == 1


def names(count: int) -> list[str]:
    return [f"RC-{number}" for number in range(count)]


def test_a_list_that_lost_half_restores_nothing_and_alarms_until_it_is_whole(engine):
    take(engine, *(created(name) for name in names(6)))

    halved = take(engine, says(K.SNAPSHOT, "", active=("RC-0",)))
    take(engine, says(K.SNAPSHOT, "", active=()), at=NOW + MINUTE)

    with engine.database.read() as session:
        [alarm] = alarms.open_ones(session)
        assert len(feeds.open_of(session, "feed:oms")) == 6
    assert [(one.open, one.missing) for one in halved.halved] == [(6, 5)]
    assert row(engine).listed is None  # it was not believed
    assert (alarm.kind, alarm.subject) == (AlarmKind.FEED_HALVED, "feed:oms")

    take(engine, says(K.SNAPSHOT, "", active=tuple(names(6))), at=NOW + 2 * MINUTE)

    with engine.database.read() as session:
        assert alarms.open_ones(session) == []
    assert row(engine).listed == 6


@on_sqlite
def test_a_feed_is_heard_as_of_its_newest_message_and_not_by_repeating_itself(engine):
    old = replace(created(), at=NOW - HOUR)

    take(engine, old)
    first = heard(engine)
    take(engine, old, at=NOW + HOUR)
    repeated = heard(engine)
    take(engine, replace(says(K.CAUSE, seq=2, cause="TREE"), at=NOW + HOUR), at=NOW + HOUR)

    assert (first, repeated, heard(engine)) == (NOW - HOUR, NOW - HOUR, NOW + HOUR)


def row(engine: Engine) -> feeds.Feed:
    with engine.database.read() as session:
        found = feeds.one(session, "oms")
    assert found is not None
    return found


def heard(engine: Engine) -> datetime:
    return row(engine).heard_at


def test_a_flap_tells_nobody_twice(engine):
    take(engine, created(node=town.FEEDER, etr=NOW + 2 * HOUR))
    engine.launch(outage(engine).id, opened.UNPLANNED, actor="ana", now=NOW)
    opened.told(engine)

    take(engine, says(K.ETR, seq=2, etr=NOW + 5 * HOUR), at=NOW + 30 * MINUTE)
    opened.told(engine)
    take(engine, says(K.ETR, seq=3, etr=NOW + 2 * HOUR), at=NOW + 33 * MINUTE)

    assert waiting(engine, "C") == {NOW + 40 * MINUTE}

    take(engine, says(K.ETR, seq=4, etr=NOW + 5 * HOUR), at=NOW + 36 * MINUTE)

    assert waiting(engine, "C") <= {NOW + 43 * MINUTE}


def waiting(engine: Engine, priority: str) -> set[Any]:
    """When the queued messages of a class may leave."""
    with engine.database.read() as session:
        q = t.queue.c
        return set(session.scalars(select(q.not_before).where(q.priority == priority)))

"""Reach kept up piece by piece is reach built afresh, whatever happened to the record in between."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update
from tests import make
from tests.store import random_town
from tests.store.random_town import seeded

from outreach.model.words import CHANNEL_BITS, Channel, LoadState
from outreach.store import (
    consents,
    generations,
    reach,
    recurrences,
    suppressions,
    tables as t,
    touched,
)
from outreach.store.session import Database, Session

COLUMNS = [column for column in t.reach.c if column.name not in {"since", "until"}]


def seen(database: Database):
    """The rows of the current generation."""
    with database.read() as session:
        now = generations.visible(t.reach, generations.current(session))
        return sorted(tuple(row) for row in session.execute(select(*COLUMNS).where(now)))


def anew(database: Database):
    """What the record says, one statement over all of it."""
    with database.read() as session:
        rows = session.execute(reach._rows(t.premise.c.id > 0)).mappings()
        return sorted(tuple(row[column.name] for column in COLUMNS) for row in rows)


def renewed(database: Database):
    reach.renew(database, now=make.NOW)
    generations.switch(database, now=make.NOW)
    generations.purge(database)


def leftovers(database: Database):
    with database.read() as session:
        premises = session.execute(select(t.touched_premise)).all()
        return [*premises, *session.scalars(select(t.touched_customer.c.customer_id))]


def count(database: Database, table):
    with database.read() as session:
        return len(session.execute(select(table)).all())


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_changes_keeps_reach_equal_to_a_recomputation(database, seed):
    draw = seeded(seed)
    with database.write() as session:
        random_town.build(session, draw)
    renewed(database)
    first = seen(database)

    for _load in range(5):
        with database.write() as session:
            for _change in range(draw.randrange(1, 5)):
                random_town.change(session, draw)
        renewed(database)
        assert seen(database) == anew(database)

    assert first
    assert leftovers(database) == []
    assert count(database, t.reach) == len(seen(database))


def test_a_load_is_seen_at_the_switch_and_not_before(database):
    with database.write() as session:
        random_town.build(session, seeded(1))
    renewed(database)
    before = seen(database)
    with database.write() as session:
        premise = session.execute(select(t.premise.c.id, t.premise.c.tree_order)).first()
        session.execute(
            update(t.premise).where(t.premise.c.id == premise.id).values(closed_at=make.NOW)
        )
        touched.note(session, premise.id, [premise.tree_order])

    reach.renew(database, now=make.NOW)
    during = seen(database)
    generations.switch(database, now=make.NOW)

    assert during == before
    assert seen(database) == anew(database) != before


def test_an_unchanged_premise_that_is_touched_keeps_its_rows(database):
    with database.write() as session:
        random_town.build(session, seeded(2))
    renewed(database)
    with database.write() as session:
        for premise in session.execute(select(t.premise.c.id, t.premise.c.tree_order)).all():
            touched.note(session, premise.id, [premise.tree_order])

    renewed(database)

    with database.read() as session:
        assert set(session.scalars(select(t.reach.c.since))) == {1}


@pytest.mark.parametrize("crash_at", range(1, 9))
def test_a_build_that_crashed_is_gone_on_with(database, monkeypatch, crash_at):
    monkeypatch.setattr(reach, "_BUILD_PREMISES", 3)
    monkeypatch.setattr(recurrences, "_BUILD_IDS", 5)
    with database.write() as session:
        random_town.build(session, seeded(3))
    calls = []
    real = touched.set_mark

    def crash(session, *args):
        calls.append(1)
        if len(calls) == 2 * crash_at:
            raise KeyboardInterrupt
        real(session, *args)

    monkeypatch.setattr(touched, "set_mark", crash)
    with pytest.raises(KeyboardInterrupt):
        reach.renew(database, now=make.NOW)
    monkeypatch.setattr(touched, "set_mark", real)

    renewed(database)

    assert seen(database) == anew(database)
    assert leftovers(database) == []


def test_a_renewal_that_crashed_is_gone_on_with(database, monkeypatch):
    draw = seeded(4)
    with database.write() as session:
        random_town.build(session, draw)
    renewed(database)
    monkeypatch.setattr(reach, "_PREMISES", 1)
    with database.write() as session:
        for _change in range(12):
            random_town.change(session, draw)
    real = touched.forget_premises
    calls = []

    def crash(session, premises):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(session, premises)

    monkeypatch.setattr(touched, "forget_premises", crash)
    with pytest.raises(KeyboardInterrupt):
        reach.renew(database, now=make.NOW)
    with database.write() as session:
        random_town.change(session, draw)

    renewed(database)

    assert seen(database) == anew(database)


def test_rows_of_an_older_version_are_replaced_by_the_first_build(database):
    with database.write() as session:
        premise = make.make_premise(session, account=make.make_account(session), tree_order=7)
        customer = session.execute(select(t.customer.c.id)).scalar_one()
        make.make_reach(session, customer=customer, contact_point=0, premise=premise, locality="x")

    renewed(database)

    assert seen(database) == anew(database)
    assert count(database, t.reach) == 1


def test_a_wave_still_being_frozen_keeps_the_rows_it_began_with(database):
    with database.write() as session:
        random_town.build(session, seeded(5))
    renewed(database)
    with database.write() as session:
        wave = make.make_step_run(session, state="freezing", generation=1)
        for premise in session.execute(select(t.premise.c.id, t.premise.c.tree_order)).all():
            touched.note(session, premise.id, [premise.tree_order])
        session.execute(update(t.premise).values(closed_at=make.NOW))
    before = seen(database)

    renewed(database)
    kept = count(database, t.reach)
    with database.write() as session:
        session.execute(update(t.step_run).where(t.step_run.c.id == wave).values(state="frozen"))
    generations.purge(database)

    assert seen(database) == []
    assert kept == len(before) > 0
    assert count(database, t.reach) == count(database, t.headcount) == 0
    assert leftovers(database) == []


def holder_of_a_bad_number(database: Database):
    """A town kept up, with one message whose number does not exist."""
    with database.write() as session:
        message = make.make_message(session)
        row = make.row_of(session, message)
        account = make.make_account(session, customer=row.customer_id)
        make.make_premise(session, account=account)
    renewed(database)
    return message


def test_a_number_that_a_receipt_calls_bad_leaves_reach_by_itself(database):
    message = holder_of_a_bad_number(database)
    with database.write() as session:
        suppressions.mark_bad(session, [message], now=make.NOW)
        suppressions.mark_bad(session, [], now=make.NOW)

    done = reach.keep_up(database, owner="worker", now=make.NOW)

    assert done == 1
    assert seen(database) == anew(database)
    assert [row[COLUMNS.index(t.reach.c.channel)] for row in seen(database)] == [""]
    assert reach.keep_up(database, owner="worker", now=make.NOW) == 0


def texted_and_mailed(session: Session) -> tuple[bytes, bytes]:
    """A customer under a feeder with a telephone and an e-mail address; their keyed hashes."""
    customer = make.make_customer(session)
    make.make_premise(session, account=make.make_account(session, customer=customer))
    hashes = []
    for channel, address in ((Channel.SMS, "+56912345678"), (Channel.EMAIL, "ana@town.example")):
        point = make.make_contact_point(session, channel=channel, address=address)
        make.make_customer_contact(session, customer=customer, contact_point=point)
        hashes.append(make.KEYRING.hash(address))
    return hashes[0], hashes[1]


def channels(database: Database) -> dict[str, int]:
    """channel -> the set of channels on which notices of service reach its holder."""
    reach.keep_up(database, owner="worker", now=make.NOW)
    assert seen(database) == anew(database)
    at = [COLUMNS.index(t.reach.c[name]) for name in ("channel", "channels")]
    return {row[at[0]]: row[at[1]] for row in seen(database)}


SMS, EMAIL = CHANNEL_BITS[Channel.SMS], CHANNEL_BITS[Channel.EMAIL]


def test_who_said_no_on_one_channel_hears_on_the_next_and_again_after_a_yes(database):
    with database.write() as session:
        sms, _email = texted_and_mailed(session)
    renewed(database)
    word = consents.Word(address_hash=sms, channel=Channel.SMS, via="reply")

    both = {"sms": SMS | EMAIL, "email": SMS | EMAIL}
    assert channels(database) == both
    with database.write() as session:
        consents.stop(session, word, now=make.NOW)
    assert channels(database) == {"email": EMAIL}
    with database.write() as session:
        consents.start(session, word, provider_too=False, now=make.NOW)
    assert channels(database) == both


def test_an_opt_out_that_the_carrier_reports_leaves_reach_by_itself(database):
    message = holder_of_a_bad_number(database)
    with database.write() as session:
        suppressions.opt_out(session, [message], now=make.NOW)

    assert channels(database) == {"": 0}


def test_who_wants_no_notices_of_service_is_still_there_for_an_emergency(database):
    with database.write() as session:
        hashes = texted_and_mailed(session)
    renewed(database)
    words = [
        consents.Word(address_hash=hashed, channel=channel, purpose="service", via="page")
        for hashed, channel in zip(hashes, (Channel.SMS, Channel.EMAIL), strict=True)
    ]

    with database.write() as session:
        consents.stop(session, words[0], now=make.NOW)
    assert channels(database) == {"sms": EMAIL, "email": EMAIL}
    with database.write() as session:
        consents.stop(session, words[1], now=make.NOW)
    assert channels(database) == {"sms": 0, "email": 0}


def test_nothing_is_kept_up_while_a_load_is_merging_or_another_process_does_it(database):
    message = holder_of_a_bad_number(database)
    with database.write() as session:
        suppressions.mark_bad(session, [message], now=make.NOW)
        session.execute(
            insert(t.record_load).values(source="x", loaded_at=make.NOW, counts={}, state="merging")
        )

    merging = reach.keep_up(database, owner="worker", now=make.NOW)
    with database.write() as session:
        session.execute(update(t.record_load).values(state=LoadState.DONE))
        session.execute(
            insert(t.lease).values(name="record", owner="sync", until=make.NOW, fence=1)
        )
    held = reach.keep_up(database, owner="worker", now=make.NOW)

    assert (merging, held) == (0, 0)
    assert leftovers(database) != []


def test_nothing_is_kept_up_before_the_first_load(database):
    with database.write() as session:
        message = make.make_message(session)
        suppressions.mark_bad(session, [message], now=make.NOW)

    assert reach.keep_up(database, owner="worker", now=make.NOW) == 0

"""A correction reaches exactly who heard the mistake, or may have, on every channel they heard it on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from tests import carried_copy, make, town
from tests.campaigns import controlled
from tests.campaigns.controlled import UNPLANNED
from tests.campaigns.opened import open_outage, update as updated

from outreach.campaigns import correcting, faults, stopping
from outreach.campaigns.correcting import Correction
from outreach.campaigns.engine import Engine
from outreach.model.occasion import OccasionId, Scope
from outreach.model.words import TOLD_STATES, Channel, MessageState, RunState
from outreach.outages import revise
from outreach.store import claims, occasions, runs, tables as t
from outreach.store.claims import Claim

NOW = make.NOW
LATER = NOW + timedelta(minutes=10)
NOT_TOLD = frozenset(MessageState) - TOLD_STATES - {MessageState.SENDING, MessageState.QUEUED}


def correct(engine: Engine, occasion: OccasionId, fact: str = "solo Ñuñoa") -> Correction:
    with engine.database.read() as session:
        current = occasions.get(session, occasion).revision
    revision = revise.corrected(current, fact, now=LATER)
    assert revision is not None
    return correcting.correct(engine, occasion, revision, actor="ana", now=LATER)


def launched(engine: Engine) -> OccasionId:
    occasion = open_outage(engine).occasion.id
    engine.launch(occasion, UNPLANNED, actor="ana", now=NOW)
    return occasion


def leave(engine: Engine, states: list[MessageState]) -> None:
    """Each message, oldest first, ends in the next of these states; what is left over stays queued."""
    with engine.database.write() as session:
        ids = session.scalars(select(t.message.c.id).order_by(t.message.c.id)).all()
        for number, state in zip(ids, states, strict=False):
            session.execute(update(t.message).where(t.message.c.id == number).values(state=state))
            session.execute(t.queue.delete().where(t.queue.c.message_id == number))


def points(engine: Engine, *, step: str = "", told: bool = False) -> set[tuple[str, int]]:
    """(channel, contact point) of a step's messages, or of all that were or may have been told."""
    m = t.message.c
    asked = select(m.channel, m.contact_point_id).join(t.step_run, t.step_run.c.id == m.step_run_id)
    asked = asked.where(t.step_run.c.step == step) if step else asked
    if told:
        asked = asked.where(m.state.in_([*TOLD_STATES, MessageState.SENDING]))
    with engine.database.read() as session:
        return {(row[0], row[1]) for row in session.execute(asked)}


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    """Eight customers, class A on two channels, and an account of our own."""
    settings = town.workspace(tmp_path, lanes=(*town.LANES, town.SOCIAL))
    with database.write() as session:
        town.build(session)
        customer = session.execute(
            select(t.customer.c.id).where(t.customer.c.ref == "K-0001")
        ).scalar_one()
        premise = session.execute(
            select(t.premise.c.id).where(t.premise.c.ref == "S-0001")
        ).scalar_one()
        mail = make.make_contact_point(session, channel=Channel.EMAIL)
        make.make_customer_contact(session, customer=customer, contact_point=mail)
        make.make_reach(
            session, customer=customer, contact_point=mail, premise=premise, priority="A",
            channel=Channel.EMAIL, channels=3, locale="es",
        )  # fmt: skip
        session.execute(update(t.reach).where(t.reach.c.customer_id == customer).values(channels=3))
    return town.engine(database, settings)


def test_exactly_who_was_or_may_have_been_told_hears_it_on_each_channel_they_heard_on(engine):
    occasion = launched(engine)
    told = sorted(TOLD_STATES)
    leave(engine, [*told, MessageState.SENDING, MessageState.FAILED])
    heard = points(engine, told=True)

    done = correct(engine, occasion)

    assert points(engine, step="correction") == heard
    assert (done.hear, sum(done.told.values()), done.silent) == (len(heard), len(heard), ())
    assert {channel for channel, _point in heard} >= {"sms", "email"}


def test_a_post_is_corrected_by_a_post(engine):
    occasion = launched(engine)
    leave(engine, [MessageState.ACCEPTED] * 20)

    done = correct(engine, occasion)

    assert done.told[Channel.SOCIAL] == 1
    assert {channel for channel, _point in points(engine, step="correction")} == {
        "sms", "email", "social",
    }  # fmt: skip


def test_a_correction_waits_neither_to_be_undone_nor_for_the_night(engine):
    occasion = launched(engine)
    leave(engine, [MessageState.ACCEPTED] * 20)
    correct(engine, occasion)

    with engine.database.write() as session:
        wanted = Claim(
            lane="sms", pool="sms:*", owner="w", now=LATER, lease=timedelta(seconds=30), limit=50
        )
        left = claims.claim(session, wanted)

    assert {one.step for one in left} == {"correction"}
    assert len(left) == 7


def test_who_heard_that_they_are_no_longer_concerned_hears_the_correction_too(engine):
    applied = open_outage(engine)
    engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)
    leave(engine, [MessageState.ACCEPTED] * 20)
    heard = points(engine, told=True)
    updated(engine, applied, after=timedelta(minutes=1), scope=Scope(nodes=(town.SOUTH,)))
    leave(engine, [MessageState.ACCEPTED] * 40)

    correct(engine, applied.occasion.id)

    assert points(engine, step="correction") == heard


@pytest.mark.parametrize("state", [RunState.PAUSED, RunState.CANCELLED])
def test_a_brake_pulled_in_fright_does_not_keep_the_correction_back(engine, state):
    occasion = launched(engine)
    leave(engine, [MessageState.ACCEPTED] * 3)
    with engine.database.read() as session:
        chosen = runs.of(session, occasion)
    brake = stopping.pause if state is RunState.PAUSED else stopping.cancel
    brake(engine.database, chosen, actor="ana", now=NOW)

    done = correct(engine, occasion)

    with engine.database.write() as session:
        [run] = runs.of(session, occasion)
        wanted = Claim(
            lane="sms", pool="sms:*", owner="w", now=LATER, lease=timedelta(seconds=30), limit=50
        )
        left = [one.step for one in claims.claim(session, wanted)]
    assert done.resumed == (UNPLANNED,)
    assert run.state is (RunState.ACTIVE if state is RunState.PAUSED else RunState.FINISHED)
    assert set(left) == {"correction"}


def test_who_only_nearly_heard_hears_nothing(engine):
    occasion = launched(engine)
    leave(engine, sorted(NOT_TOLD))

    done = correct(engine, occasion)

    assert (done.hear, done.told) == (0, {})


def test_a_campaign_without_a_step_for_corrections_is_a_fault_in_daylight(
    sqlite_template, tmp_path
):
    engine = controlled.on(controlled.copied(sqlite_template, tmp_path / "w"), tmp_path / "w")
    file = tmp_path / "w" / "campaigns" / f"{UNPLANNED}.toml"
    text = file.read_text()
    before, _step, after = text.partition('on = "correction"')
    file.write_text(before.rpartition("[[step]]")[0] + after.partition("[[step]]")[2][:0])

    found = faults.of_campaign(engine.settings, UNPLANNED)
    launched(engine)
    leave(engine, [MessageState.ACCEPTED] * 3)
    with engine.database.read() as session:
        [run] = runs.every(session)
    done = correct(engine, OccasionId(run.occasion_id))

    assert [each.message for each in found if "taken back" in each.message]
    assert (done.silent, done.hear) == ((UNPLANNED,), 0)


def test_what_is_over_may_not_wait_for_a_canary(tmp_path):
    settings = town.workspace(tmp_path)
    controlled.limited(tmp_path, UNPLANNED, canary_share=0.1)
    file = tmp_path / "campaigns" / f"{UNPLANNED}.toml"
    file.write_text(file.read_text().replace('tier = "restoration"', 'tier = "bulk"'))

    found = [each.message for each in faults.of_campaign(settings, UNPLANNED)]

    assert [each for each in found if "'restored' would wait for the canary" in each]


def test_a_correction_without_words_for_a_channel_in_use_is_a_fault(tmp_path):
    settings = town.workspace(tmp_path)
    templates = carried_copy.own_templates(tmp_path)
    for locale in ("es", "pt", "en"):
        (templates / "correction" / locale / "voice.txt").unlink()

    found = faults.of_campaign(settings, UNPLANNED)

    assert [each for each in found if "voice.txt" in each.message]

"""Keys of the IVR: one text a household, one report a call, and a report that is truth at once."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns.opened import NOW, launched, make_engine, open_outage, restore, told

from outreach.campaigns import pressed, reopening
from outreach.campaigns.engine import Engine
from outreach.campaigns.pressed import Keys, Pressed, Taking
from outreach.campaigns.telling import Teller
from outreach.model.message import Recipient
from outreach.model.words import OccasionState
from outreach.store import claims, ivr, occasions, tables as t
from outreach.store.ivr import Callers

HOUR = timedelta(hours=1)
ONE_OF_C = "+56970000002"
CLASS_A = "+56970000001"


@pytest.fixture
def engine(database, tmp_path):
    return make_engine(database, tmp_path)


def key(applied, digit="1", *, number=ONE_OF_C, call="call-1", account="") -> Pressed:
    return Pressed(
        digit=digit,
        call_id=call,
        occasion=applied.occasion.id if applied else None,
        addresses=(make.KEYRING.hash(number),) if number else (),
        account=account,
    )


def links(engine: Engine) -> Any:
    with engine.database.read() as session:
        return session.execute(
            select(t.message.c.state, t.queue.c.tier, t.queue.c.pool)
            .join(t.step_run, t.step_run.c.id == t.message.c.step_run_id)
            .join(t.queue, t.queue.c.message_id == t.message.c.id, isouter=True)
            .where(t.step_run.c.template == "status_link")
        ).all()


def claimed(engine: Engine, at: datetime) -> list[Recipient]:
    with engine.database.write() as session:
        return claims.claim(
            session,
            claims.Claim(
                lane="sms", pool="sms:*", owner="w", now=at, lease=timedelta(minutes=1), limit=9
            ),
        )


def test_press_one_writes_one_text_a_household_in_two_hours(engine):
    applied = open_outage(engine)
    take = Keys(engine=engine)

    first = take(key(applied), NOW)
    replayed = take(key(applied), NOW + timedelta(seconds=2))
    another_call = take(key(applied, call="call-2"), NOW + HOUR)

    assert [first, replayed, another_call] == [Taking.SENT, Taking.SENT_BEFORE, Taking.SENT_BEFORE]
    assert [tuple(each) for each in links(engine)] == [("queued", 1, "sms:*")]
    later = NOW + timedelta(hours=2, minutes=1)
    assert take(key(applied), later) is Taking.SENT_BEFORE, "the same call never twice"
    assert take(key(applied, call="call-3"), later) is Taking.SENT
    assert len(links(engine)) == 2


def test_the_text_is_claimed_and_rendered_from_what_was_pinned(engine):
    applied = open_outage(engine)
    Keys(engine=engine)(key(applied), NOW)

    [recipient] = claimed(engine, NOW + timedelta(seconds=1))
    content = Teller(engine.database, engine.settings).render(recipient, "")

    assert recipient.template == "status_link"
    assert content.segments == 1
    assert "Providencia" in content.text


@pytest.mark.parametrize(
    "who", ["class a", "stranger", "opted out", "bad number", "no consent", "no lane", "no outage"]
)
def test_who_may_not_be_texted_gets_no_link(engine, who):
    applied = open_outage(engine)
    number = {"class a": CLASS_A, "stranger": "+56222222222"}.get(who, ONE_OF_C)
    points = t.contact_point.c.address_hash == make.KEYRING.hash(number)
    with engine.database.write() as session:
        if who == "opted out":
            make.make_suppression(session, address_hash=make.KEYRING.hash(number))
        if who == "bad number":
            session.execute(update(t.contact_point).where(points).values(bad_since=NOW))
        if who == "no consent":
            session.execute(update(t.customer_contact).values(basis=""))
    if who == "no lane":
        engine = town.engine(
            engine.database, engine.settings.model_copy(update={"lanes": town.LANES[1:]})
        )

    taking = Keys(engine=engine)(key(None if who == "no outage" else applied, number=number), NOW)

    assert taking is Taking.NO_LINK
    assert links(engine) == []


def test_press_two_is_truth_at_once_and_only_there(engine):
    applied = launched(engine)
    told(engine)
    restore(engine, applied, after=HOUR)
    told(engine)
    later = NOW + HOUR + timedelta(minutes=10)
    take = Keys(engine=engine)

    first = take(key(applied, "2"), later)
    again = take(key(applied, "2"), later + timedelta(seconds=3))
    another_call = take(key(applied, "2", call="call-2"), later + HOUR)

    assert [first, again, another_call] == [Taking.REPORTED, Taking.KNOWN, Taking.KNOWN]
    with engine.database.read() as session:
        [nested] = occasions.nested_in(session, applied.occasion.id)
        parent = occasions.get(session, applied.occasion.id)
        waiting = session.execute(select(t.report).where(t.report.c.taken_at.is_(None))).all()
        live = {each.occasion.id for each in ivr.live(session, since=NOW, shown=lambda _one: "x")}
    assert (nested.revision.start_at, nested.revision.state) == (NOW, OccasionState.ACTIVE)
    assert tuple(nested.revision.scope.premises) == ("S-0002",)
    assert parent.revision.state is OccasionState.RESTORED
    assert not waiting
    assert nested.id in live


def test_calls_of_one_household_at_the_same_moment_are_one_report(engine):
    applied = launched(engine)
    told(engine)
    restore(engine, applied, after=HOUR)
    take = Keys(engine=engine)
    found: list[Taking] = []

    def call(number: int) -> None:
        found.append(take(key(applied, "2", call=f"call-{number}"), NOW + 2 * HOUR))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(found) == [Taking.KNOWN, Taking.KNOWN, Taking.REPORTED]
    with engine.database.read() as session:
        assert len(occasions.nested_in(session, applied.occasion.id)) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"number": "+56222222222"}, Taking.NOBODY),
        ({"number": "", "account": "C-0003"}, Taking.KNOWN),
        ({}, Taking.KNOWN),
    ],
    ids=["a stranger", "an account in an open outage", "a number in an open outage"],
)
def test_what_is_known_or_nobodys_opens_nothing(engine, changes, expected):
    applied = open_outage(engine)

    taking = Keys(engine=engine)(key(applied, "2", **changes), NOW)

    assert taking is expected
    with engine.database.read() as session:
        assert occasions.nested_in(session, applied.occasion.id) == []


def test_of_several_supplies_nobody_can_tell_which_is_meant(engine):
    applied = open_outage(engine)
    with engine.database.write() as session:
        account = session.execute(
            select(t.account.c.id).where(t.account.c.ref == "C-0002")
        ).scalar_one()
        make.make_premise(session, account=account, ref="S-0099", tree_order=3)
    restore(engine, applied, after=HOUR)

    taking = Keys(engine=engine)(key(applied, "2"), NOW + 2 * HOUR)

    assert taking is Taking.NOTED
    with engine.database.read() as session:
        assert len(session.execute(select(t.report.c.id)).all()) == 2


def test_a_report_that_a_crash_left_waiting_becomes_truth_a_moment_later(engine, monkeypatch):
    applied = open_outage(engine)
    restore(engine, applied, after=HOUR)
    later = NOW + 2 * HOUR

    def crash(*_given, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reopening, "by_reports", crash)
        with pytest.raises(KeyboardInterrupt):
            Keys(engine=engine)(key(applied, "2"), later)
    taken = pressed.take_waiting(engine, now=later + timedelta(seconds=6))

    assert taken == 1
    with engine.database.read() as session:
        assert len(occasions.nested_in(session, applied.occasion.id)) == 1
    assert pressed.take_waiting(engine, now=later + HOUR) == 0


def test_another_key_is_not_ours(engine):
    assert Keys(engine=engine)(key(None, "7"), NOW) is Taking.OTHER


def test_who_was_texted_of_an_outage_is_remembered_by_the_number(engine):
    applied = launched(engine)
    other = open_outage(engine)
    told(engine)
    hashed = make.KEYRING.hash(ONE_OF_C)
    sent_at = NOW + timedelta(minutes=5)
    with engine.database.write() as session:
        session.execute(update(t.message).values(accepted_at=sent_at))
    callers = Callers(engine.database)

    found = [
        callers.told_at(hashed, applied.occasion.id),
        callers.told_at(hashed, other.occasion.id),
        callers.told_at(make.KEYRING.hash("+56222222222"), applied.occasion.id),
    ]
    [premise] = callers.by_address(hashed)
    callers.close()

    assert found == [sent_at, None, None]
    assert premise.takes_sms

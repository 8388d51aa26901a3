"""The life-support register, read with what became of telling its people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert
from tests import make
from tests.make import KEYRING, NOW

from outreach.model.words import Channel, LifeSupportState, MessageState
from outreach.store import hygiene, tables as t
from outreach.store.session import Database, Session

VALID = LifeSupportState.VALID
UNTIL = date(2026, 12, 31)


def _registered(session: Session, ref: str, **changes: Any) -> tuple[int, int]:
    """(customer, account) of a new entry with a phone that takes texts and calls."""
    customer = make.make_customer(session)
    entry = {"life_support": VALID, "life_support_until": UNTIL} | changes
    account = make.make_account(session, customer=customer, ref=ref, **entry)
    for channel in (Channel.SMS, Channel.VOICE):
        point = make.make_contact_point(session, address=f"+5691111{ref:0>4}", channel=channel)
        make.make_customer_contact(session, customer=customer, contact_point=point)
    return customer, account


def _told(session: Session, customer: int, *states: MessageState, **changes: Any) -> None:
    for state in states:
        make.make_message(session, customer_id=customer, household_id=1, state=state, **changes)


def _entry(database: Database) -> hygiene.Entry:
    with database.read() as session:
        [found] = hygiene.entries(session)
    return found


def test_an_entry_says_where_until_when_and_on_which_channels(database: Database):
    with database.write() as session:
        customer, account = _registered(session, "7")
        make.make_premise(session, account=account, locality="Ñuñoa")
        make.make_account(session, customer=customer, ref="8")
        _registered(session, "9", closed_at=NOW)
        _told(session, customer, MessageState.DELIVERED, delivered_at=NOW)

    assert _entry(database) == hygiene.Entry(
        account_id=account,
        account="7",
        customer_id=customer,
        state=VALID,
        until=UNTIL,
        locality="Ñuñoa",
        channels=frozenset({Channel.SMS, Channel.VOICE}),
        is_twice=False,
        delivered_at=NOW,
        comes_back=False,
    )


@pytest.mark.parametrize(
    ("states", "comes_back"),
    [
        ([MessageState.UNDELIVERED], True),
        ([MessageState.DELIVERED, *[MessageState.FAILED] * 3], True),
        ([MessageState.DELIVERED, *[MessageState.UNDELIVERED] * 2], False),
        ([MessageState.UNDELIVERED, MessageState.DELIVERED], False),
        ([MessageState.CANCELLED], False),
    ],
)
def test_messages_come_back_when_none_of_the_last_three_arrived(
    database: Database, states: list[MessageState], *, comes_back: bool
):
    with database.write() as session:
        customer, _account = _registered(session, "7")
        _told(session, customer, *states)

    assert _entry(database).comes_back is comes_back


def test_what_is_bad_opted_out_or_without_ground_is_no_channel(database: Database):
    with database.write() as session:
        customer, _account = _registered(session, "7")
        mail = make.make_contact_point(
            session, address="a@example.com", channel=Channel.EMAIL, bad_since=NOW
        )
        make.make_customer_contact(session, customer=customer, contact_point=mail)
        make.make_suppression(session, address_hash=KEYRING.hash("+56911110007"), channel="sms")
        make.make_suppression(
            session, address_hash=KEYRING.hash("+56911110007"), purpose="commercial"
        )
        other, _other_account = _registered(session, "8", life_support=LifeSupportState.NO_DATE)
        session.execute(
            t.customer_contact.update()
            .where(t.customer_contact.c.customer_id == other)
            .values(basis="")
        )

    with database.read() as session:
        assert [one.channels for one in hygiene.entries(session)] == [{Channel.VOICE}, set()]
        assert hygiene.unreachable(session) == 1


def test_a_premise_or_a_customer_on_the_register_by_two_accounts_is_there_twice(
    database: Database,
):
    with database.write() as session:
        _customer, first = _registered(session, "1")
        _customer, second = _registered(session, "2")
        premise = make.make_premise(session, account=first)
        session.execute(
            insert(t.supply).values(premise_id=premise, account_id=second, role="occupant")
        )
        customer, _third = _registered(session, "3")
        make.make_account(session, customer=customer, ref="4", life_support=VALID)
        _registered(session, "5")

    with database.read() as session:
        assert {one.account: one.is_twice for one in hygiene.entries(session)} == {
            "1": True, "2": True, "3": True, "4": True, "5": False,
        }  # fmt: skip


def test_states_are_counted_by_last_day_and_the_dead_need_no_reaching(database: Database):
    with database.write() as session:
        _registered(session, "1")
        _registered(session, "2")
        customer, _account = _registered(
            session, "3", life_support=LifeSupportState.DECEASED, life_support_until=None
        )
        make.make_account(session)
        session.execute(
            delete(t.customer_contact).where(t.customer_contact.c.customer_id == customer)
        )

    with database.read() as session:
        assert sorted(hygiene.states(session)) == sorted(
            [(VALID, UNTIL, 2), (LifeSupportState.DECEASED, None, 1)]
        )
        assert hygiene.unreachable(session) == 0


def test_a_door_has_a_street_and_each_phone_once(database: Database):
    with database.write() as session:
        _customer, account = _registered(session, "1")
        make.make_premise(session, account=account)
        _customer, moved = _registered(session, "2")
        make.make_premise(session, account=moved, closed_at=NOW - timedelta(days=1))

    with database.read() as session:
        doors = hygiene.doors(session, [account, moved])

    assert [
        (one.account_id, one.street_sealed and KEYRING.open(one.street_sealed)) for one in doors
    ] == [(account, "Calle 1"), (moved, None)]
    assert [KEYRING.open(sealed) for sealed in doors[0].phones_sealed] == ["+56911110001"]

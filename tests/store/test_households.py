"""Households: whole and around a change they agree, whatever happens to the record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import delete, func, insert, select, update
from tests import make
from tests.make import NOW

from outreach.model.words import Channel
from outreach.store import household_links as links, households, tables as t
from outreach.store.components import Components
from outreach.store.session import Database, Session

LIMIT = 2
"""An address of more customers joins nobody; small, so that few people cross it."""


@pytest.fixture(autouse=True)
def nobody_is_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(households, "FEW", 0)


def _household_of(session: Session) -> dict[int, str]:
    found = select(t.customer.c.id, t.household.c.ref).join(
        t.household, t.household.c.id == t.customer.c.household_id
    )
    return dict(session.execute(found.where(t.customer.c.closed_at.is_(None))).all())


def _expected(session: Session) -> dict[int, str]:
    """By the slowest way there is: sets that meet are poured together until none does."""
    held: dict[Any, set[int]] = defaultdict(set)
    for link in session.execute(links._held()):
        held[link.address_hash].add(link.customer_id)
    ties = [who for who in held.values() if len(who) <= LIMIT]
    supplied: dict[int, set[int]] = defaultdict(set)
    for supply in session.execute(links._supplied()):
        supplied[supply.premise_id].add(supply.customer_id)
    groups = [{one} for one in links.open_customers(session)]
    for tie in [*ties, *supplied.values()]:
        groups = [
            *(one for one in groups if not one & tie),
            set().union(*(one for one in groups if one & tie)),
        ]
    accounts: dict[int, list[str]] = defaultdict(list)
    opened = select(t.account.c.customer_id, t.account.c.ref).where(t.account.c.closed_at.is_(None))
    for customer, ref in session.execute(opened):
        accounts[customer].append(ref)
    named = {}
    for group in groups:
        refs = [ref for one in group for ref in accounts[one]]
        for one in group:
            named[one] = f"H-{min(refs, key=lambda ref: (len(ref), ref))}" if refs else ""
    return named


def _renew(database: Database) -> households.Renewed:
    return households.renew(database, shared_by_more_than=LIMIT, now=NOW)


def _touch(database: Database, customers: Iterable[int]) -> None:
    with database.write() as session:
        session.execute(delete(t.touched_customer))
        session.execute(delete(t.touched_premise))
        households.touch(session, list(customers))


def _people(session: Session, how_many: int) -> list[int]:
    """Customers 1, 2 … with accounts 1, 2 … and a household of their own."""
    made = []
    for number in range(1, how_many + 1):
        customer = make.make_customer(session)
        make.make_account(session, customer=customer, ref=f"{number}")
        made.append(customer)
    return made


def _hold(session: Session, customer: int, address: str, channel: Channel = Channel.SMS) -> int:
    """The contact point of this address, held by the customer from now on."""
    digest = make.KEYRING.hash(address)
    known = select(t.contact_point.c.id).where(
        t.contact_point.c.address_hash == digest, t.contact_point.c.channel == channel
    )
    point = session.scalar(known)
    point = point or make.make_contact_point(session, address=address, channel=channel)
    make.make_customer_contact(session, customer=customer, contact_point=point)
    return point


def test_a_phone_on_two_channels_joins_two_customers(database: Database):
    with database.write() as session:
        one, other, alone = _people(session, 3)
        _hold(session, one, "+56911111111", Channel.SMS)
        _hold(session, other, "+56911111111", Channel.VOICE)
        _hold(session, alone, "+56922222222")
    _touch(database, [one, other, alone])

    done = _renew(database)

    assert (done.whole, done.touched, done.moved) == (True, 3, 3)
    with database.read() as session:
        assert _household_of(session) == {one: "H-1", other: "H-1", alone: "H-3"}


def test_the_lowest_account_is_lowest_as_a_number(database: Database):
    with database.write() as session:
        customer = make.make_customer(session)
        for ref in ("100", "20", "a-very-long-account-number"):
            make.make_account(session, customer=customer, ref=ref)
        make.make_account(session, customer=customer, ref="3", closed_at=NOW)
    _touch(database, [customer])

    _renew(database)

    with database.read() as session:
        assert _household_of(session) == {customer: "H-20"}


def test_an_address_of_too_many_joins_nobody_and_of_one_less_joins_again(database: Database):
    with database.write() as session:
        people = _people(session, 10)
        point = _hold(session, people[0], "caretaker@example.com", Channel.EMAIL)
        for one in people[1:LIMIT]:
            _hold(session, one, "caretaker@example.com", Channel.EMAIL)
    _touch(database, people)
    _renew(database)
    with database.write() as session:
        _hold(session, people[LIMIT], "caretaker@example.com", Channel.EMAIL)
    _touch(database, [people[LIMIT]])

    one_too_many = _renew(database)

    assert (one_too_many.whole, one_too_many.moved) == (False, 1)
    with database.read() as session:
        assert len(set(_household_of(session).values())) == len(people)

    with database.write() as session:
        session.execute(
            delete(t.customer_contact).where(t.customer_contact.c.customer_id == people[0])
        )
    _touch(database, [people[0]])
    with database.write() as session:
        households.note_holders(session, [point])
    _renew(database)

    with database.read() as session:
        found = _household_of(session)
        assert found[people[1]] == found[people[2]] == "H-2"


def test_who_moves_is_noted_for_reach_with_the_premises(database: Database):
    with database.write() as session:
        one, other = _people(session, 2)
        account = session.scalar(select(t.account.c.id).where(t.account.c.customer_id == other))
        premise = make.make_premise(session, account=account, tree_order=77)
        _hold(session, one, "+56911111111")
        _hold(session, other, "+56911111111")
    _touch(database, [one])

    _renew(database)

    with database.read() as session:
        assert set(session.scalars(select(t.touched_customer.c.customer_id))) == {one, other}
        assert session.execute(select(t.touched_premise)).all() == [(premise, 77)]


def test_holder_and_occupant_of_a_touched_premise_are_one_household(database: Database):
    with database.write() as session:
        people = _people(session, 30)
        accounts = dict(session.execute(select(t.account.c.customer_id, t.account.c.id)).all())
    _touch(database, people)
    _renew(database)
    with database.write() as session:
        premise = make.make_premise(session, account=accounts[people[3]])
        session.execute(
            insert(t.supply).values(
                premise_id=premise, account_id=accounts[people[7]], role="occupant"
            )
        )
        session.execute(delete(t.touched_customer))
        session.execute(insert(t.touched_premise).values(premise_id=premise, tree_order=1))

    done = _renew(database)

    assert not done.whole
    with database.read() as session:
        found = _household_of(session)
        assert found[people[7]] == found[people[3]] == "H-4"
        assert found == _expected(session)


def test_nothing_touched_changes_nothing(database: Database):
    with database.write() as session:
        _people(session, 2)

    assert _renew(database) == households.Renewed(whole=False, touched=0, moved=0)


def test_a_renewal_that_broke_off_is_finished_by_the_next(database: Database, monkeypatch):
    with database.write() as session:
        people = _people(session, 9)
        for one in people:
            _hold(session, one, f"{(one - people[0]) // LIMIT}@example.com", Channel.EMAIL)
    _touch(database, people)
    monkeypatch.setattr(households, "_SLICE", 2)
    slices = iter(range(2))

    def break_off(_stage: str, _count: int) -> None:
        if next(slices, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        households.renew(database, shared_by_more_than=LIMIT, now=NOW, progress=break_off)
    _renew(database)

    with database.read() as session:
        assert _household_of(session) == _expected(session)
        assert session.scalar(select(func.count()).select_from(t.touched_customer)) == len(people)


def test_accounts_come_in_the_order_of_numbers_whatever_the_database_sorts_by(database):
    refs = ["10", "9", "ñ2", "a2", "B2", "-2", "A10"]
    with database.write() as session:
        ids = {make.make_account(session, ref=ref): ref for ref in refs}

    with database.read() as session:
        found = [ids[account] for _customer, account in links.open_accounts(session)]

    assert found == ["9", "-2", "10", "B2", "a2", "ñ2", "A10"]


def test_components_pass_over_strangers_and_keep_the_first_account():
    people = Components([3, 5, 9])

    people.join(3, 4)
    people.join(3, 9)
    people.offer(4, 1)
    people.offer(9, 7)
    people.offer(3, 2)

    assert [people.first(one) for one in (3, 5, 9, 4)] == [7, 0, 7, 0]
    assert list(people.slices(2)) == [(3, 5), (9, 9)]
    assert (len(people), list(people)) == (3, [3, 5, 9])


_MANY = 14
_ADDRESSES = ("+56911111111", "+56922222222", "a@example.com")
_who = st.integers(0, _MANY - 1)
_change = st.one_of(
    st.tuples(st.just("hold"), _who, st.sampled_from(_ADDRESSES), st.sampled_from(list(Channel))),
    st.tuples(st.just("lose"), _who, st.sampled_from(_ADDRESSES)),
    st.tuples(st.just("live"), _who, st.integers(0, 3)),
    st.tuples(st.just("leave"), _who, st.integers(0, 3)),
    st.tuples(st.just("close"), _who),
    st.tuples(st.just("reopen"), _who),
    st.tuples(st.just("swap account"), _who, _who),
)


class _Village:
    """A record that changes as a load changes it: who is concerned is noted."""

    def __init__(self, session: Session) -> None:
        self.people = _people(session, _MANY)
        self.premises = [make.make_premise(session) for _ in range(4)]

    def change(self, session: Session, what: str, *how: Any) -> None:
        one = self.people[how[0]]
        getattr(self, what.replace(" ", "_"))(session, one, *how[1:])
        households.touch(session, [one])

    def hold(self, session: Session, one: int, address: str, channel: Channel) -> None:
        self.lose(session, one, address)
        _hold(session, one, address, channel)

    def lose(self, session: Session, one: int, address: str) -> None:
        points = list(
            session.scalars(
                select(t.contact_point.c.id).where(
                    t.contact_point.c.address_hash == make.KEYRING.hash(address)
                )
            )
        )
        households.note_holders(session, points)
        link = t.customer_contact.c
        session.execute(
            delete(t.customer_contact).where(
                link.customer_id == one, link.contact_point_id.in_(points)
            )
        )

    def live(self, session: Session, one: int, place: int) -> None:
        self.leave(session, one, place)
        for account in self._accounts(session, one):
            session.execute(
                insert(t.supply).values(
                    premise_id=self.premises[place], account_id=account, role="holder"
                )
            )

    def leave(self, session: Session, one: int, place: int) -> None:
        session.execute(
            delete(t.supply).where(
                t.supply.c.account_id.in_(self._accounts(session, one)),
                t.supply.c.premise_id == self.premises[place],
            )
        )

    def close(self, session: Session, one: int) -> None:
        session.execute(update(t.customer).where(t.customer.c.id == one).values(closed_at=NOW))
        points = session.scalars(
            select(t.customer_contact.c.contact_point_id).where(
                t.customer_contact.c.customer_id == one
            )
        )
        households.note_holders(session, list(points))

    def reopen(self, session: Session, one: int) -> None:
        session.execute(update(t.customer).where(t.customer.c.id == one).values(closed_at=None))

    def swap_account(self, session: Session, one: int, other: int) -> None:
        """An account that changes its owner takes its supplies along."""
        for account in self._accounts(session, one)[:1]:
            session.execute(
                update(t.account)
                .where(t.account.c.id == account)
                .values(customer_id=self.people[other])
            )
        households.touch(session, [self.people[other]])

    def _accounts(self, session: Session, one: int) -> list[int]:
        found = select(t.account.c.id).where(t.account.c.customer_id == one)
        return list(session.scalars(found.order_by(t.account.c.id)))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(loads=st.lists(st.lists(_change, min_size=1, max_size=4), min_size=1, max_size=5))
def test_around_any_change_households_are_what_they_would_be_from_scratch(
    database: Database, monkeypatch: pytest.MonkeyPatch, loads: list[list[tuple[Any, ...]]]
):
    monkeypatch.setattr(households, "_TOUCHED_AT_ONCE", 2)
    with database.write() as session:
        for table in (t.customer_contact, t.supply, t.account, t.customer, t.premise):
            session.execute(delete(table))
        village = _Village(session)
    for whole_from, load in zip((0.0, *[9.0] * len(loads)), [[], *loads], strict=True):
        monkeypatch.setattr(households, "WHOLE_FROM", whole_from)
        _touch(database, village.people if not load else [])
        with database.write() as session:
            for change in load:
                village.change(session, *change)

        _renew(database)

        with database.read() as session:
            expected, found = _expected(session), _household_of(session)
            assert {one: found[one] for one, ref in expected.items() if ref} == {
                one: ref for one, ref in expected.items() if ref
            }

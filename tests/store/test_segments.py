"""A segment takes whom its words say, on reach and in the counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import insert, select
from tests import make

from outreach.audience import segments as checking
from outreach.model.audience import Segment
from outreach.model.occasion import Scope
from outreach.model.words import Channel, MessageState, PriorityClass
from outreach.store import audience, people, scopes, segments, tables as t
from outreach.store.session import Database, Session

HOUR = timedelta(hours=1)
SCOPE = Scope(localities=("Providencia", "Ñuñoa"))
_Person = tuple[str, str, str, str, tuple[str, ...], tuple[Channel, ...]]
_PEOPLE: tuple[_Person, ...] = (
    # class, locale, locality, type, tags, channels
    ("A", "es-CL", "Providencia", "residential", ("vip",), (Channel.SMS, Channel.EMAIL)),
    ("B", "pt", "Providencia", "hospital", (), (Channel.SMS,)),
    ("C", "es", "Ñuñoa", "residential", ("staff", "vip"), (Channel.EMAIL,)),
    ("C", "en", "Ñuñoa", "shop", (), ()),
    ("C", "es_x", "Ñuñoa", "residential", (), (Channel.SMS,)),
)


@pytest.fixture
def town(database: Database) -> Database:
    """Five customers K0 to K4, one supply each; K3 has nothing to write to."""
    with database.write() as session:
        for number, one in enumerate(_PEOPLE):
            _person(session, number, one)
    return database


def _person(session: Session, number: int, one: _Person) -> None:
    priority, locale, locality, kind, tags, channels = one
    customer = make.make_customer(session, ref=f"K{number}", locale=locale)
    account = make.make_account(session, customer=customer, customer_type=kind, priority=priority)
    premise = make.make_premise(session, account=account, locality=locality)
    for tag in tags:
        session.execute(insert(t.customer_tag).values(tag=tag, customer_id=customer))
    bits = sum({Channel.SMS: 1, Channel.EMAIL: 2}[channel] for channel in channels)
    same: dict[str, Any] = {
        "customer": customer,
        "premise": premise,
        "priority": priority,
        "channels": bits,
    }
    for channel in channels:
        point = make.make_contact_point(session, channel=channel)
        make.make_customer_contact(session, customer=customer, contact_point=point)
        make.make_reach(session, contact_point=point, **same)
    if not channels:
        make.make_reach(session, contact_point=0, **same)


def taken(session: Session, segment: Segment, *, now: datetime = make.NOW) -> set[str]:
    typed = scopes.typed(session, SCOPE)
    return {one.ref for one in people.affected(session, typed, segment, now=now)}


def number(session: Session, ref: str) -> int:
    found: int = session.execute(
        select(t.customer.c.id).where(t.customer.c.ref == ref)
    ).scalar_one()
    return found


@pytest.mark.parametrize(
    ("segment", "refs"),
    [
        (Segment(), {"K0", "K1", "K2", "K3", "K4"}),
        (Segment(classes=(PriorityClass.A, PriorityClass.B)), {"K0", "K1"}),
        (Segment(locales=("es",)), {"K0", "K2"}),
        (Segment(locales=("es-CL", "en")), {"K0", "K3"}),
        (Segment(localities=("Ñuñoa",)), {"K2", "K3", "K4"}),
        (Segment(customer_types=("hospital", "shop")), {"K1", "K3"}),
        (Segment(tags=("vip",)), {"K0", "K2"}),
        (Segment(tags=("vip", "staff")), {"K0", "K2"}),
        (Segment(channels=(Channel.EMAIL,)), {"K0", "K2"}),
        (Segment(channels=(Channel.EMAIL, Channel.SMS)), {"K0", "K1", "K2", "K4"}),
        (Segment(tags=("vip",), localities=("Ñuñoa",)), {"K2"}),
    ],
)  # fmt: skip
def test_conditions_add_up_and_values_are_alternatives(town, segment, refs):
    with town.read() as session:
        assert taken(session, segment) == refs


@pytest.mark.parametrize(
    ("state", "accepted", "opened", "is_told"),
    [
        (MessageState.DELIVERED, 1, 2, True),
        (MessageState.UNDELIVERED, 5, 5, True),
        (MessageState.DELIVERED, 7, 7, False),
        (MessageState.QUEUED, None, 48, True),
        (MessageState.IN_DOUBT, None, 48, True),
        (MessageState.FAILED, None, 2, False),
        (MessageState.SUPPRESSED, None, 2, False),
        (MessageState.QUEUED, None, 0, False),
    ],
    ids=["lately", "lost", "long ago", "waiting", "in doubt", "failed", "opted out", "same wave"],
)
def test_who_was_written_to_within_that_time_is_left_out(town, state, accepted, opened, is_told):
    with town.write() as session:
        wave = make.make_step_run(session, created_at=make.NOW - opened * HOUR)
        at = None if accepted is None else make.NOW - accepted * HOUR
        make.make_message(
            session, step_run=wave, customer_id=number(session, "K0"), household_id=1,
            state=state, accepted_at=at,
        )  # fmt: skip

        left = taken(session, Segment(not_told_for=6 * HOUR))

    assert ("K0" not in left) is is_told
    assert {"K1", "K2", "K3"} <= left


def test_who_shares_the_address_was_told_with_it(town):
    with town.write() as session:
        one, other = number(session, "K1"), number(session, "K4")
        point = session.execute(
            select(t.customer_contact.c.contact_point_id).where(t.customer_contact.c.customer_id == one)
        ).scalar_one()  # fmt: skip
        make.make_customer_contact(session, customer=other, contact_point=point)
        session.execute(
            t.reach.update().where(t.reach.c.customer_id == other).values(contact_point_id=point)
        )
        wave = make.make_step_run(session, created_at=make.NOW - HOUR)
        make.make_message(
            session, step_run=wave, customer_id=one, household_id=1, contact_point_id=point,
            state=MessageState.SENT, accepted_at=make.NOW - HOUR,
        )  # fmt: skip

        left = taken(session, Segment(not_told_for=6 * HOUR))

    assert left == {"K0", "K2", "K3"}


def test_type_and_class_are_those_of_the_supply_at_hand(town):
    with town.write() as session:
        customer = number(session, "K0")
        account = make.make_account(session, customer=customer, customer_type="shop", priority="C")
        premise = make.make_premise(session, account=account, locality="Ñuñoa")
        point = make.make_contact_point(session)
        make.make_reach(session, customer=customer, contact_point=point, premise=premise)

        shops = segments.counted(
            session, scopes.typed(session, SCOPE), Segment(customer_types=("shop",)), now=make.NOW
        )

    assert (shops.customers, shops.premises, shops.priority_customers) == (2, 2, 0)
    assert shops.localities == ("Ñuñoa",)


def test_the_count_of_everybody_is_that_of_the_scope(town):
    with town.read() as session:
        typed = scopes.typed(session, SCOPE)

        assert segments.counted(session, typed, Segment(), now=make.NOW) == audience.affected(
            session, typed
        )
        assert segments.messages(session, typed, Segment(), now=make.NOW) == audience.messages(
            session, typed
        )


SEGMENTS = st.builds(
    Segment,
    classes=st.sets(st.sampled_from(PriorityClass)).map(tuple),
    locales=st.sets(st.sampled_from(["es", "pt", "es-CL"])).map(tuple),
    localities=st.sets(st.sampled_from(["Providencia", "Ñuñoa"])).map(tuple),
    customer_types=st.sets(st.sampled_from(["residential", "shop", "hospital"])).map(tuple),
    tags=st.sets(st.sampled_from(["vip", "staff"])).map(tuple),
    channels=st.sets(st.sampled_from([Channel.SMS, Channel.EMAIL])).map(tuple),
)


def by_hand(segment: Segment) -> set[str]:
    found: set[str] = set()
    for number_, (priority, locale, locality, kind, tags, channels) in enumerate(_PEOPLE):
        checks: tuple[tuple[Any, set[Any]], ...] = (
            (segment.classes, {priority}),
            (segment.locales, {locale, locale.partition("-")[0]}),
            (segment.localities, {locality}),
            (segment.customer_types, {kind}),
            (segment.tags, set(tags)),
            (segment.channels, set(channels)),
        )
        if all(not wanted or has & set(wanted) for wanted, has in checks):
            found.add(f"K{number_}")
    return found


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(segment=SEGMENTS)
def test_any_segment_equals_sets(town, segment):
    with town.read() as session:
        typed = scopes.typed(session, SCOPE)
        counts = segments.counted(session, typed, segment, now=make.NOW)

        assert taken(session, segment) == by_hand(segment)
        assert segments.customers(session, typed, segment, now=make.NOW) == len(by_hand(segment))
        assert counts.customers == counts.premises == counts.accounts == len(by_hand(segment))
        assert counts.reachable["none"] == len(by_hand(segment) & {"K3"})


def test_a_segment_is_put_in_the_records_own_spelling(town):
    typed = Segment(
        localities=("nunoa",), tags=("VIP",), customer_types=("Hospital",), locales=("ES-cl", "es")
    )

    with town.read() as session:
        checked = checking.checked(session, typed)

    assert checked.unknown == ()
    assert checked.segment == Segment(
        localities=("Ñuñoa",), tags=("vip",), customer_types=("hospital",), locales=("es-CL", "es")
    )


def test_what_nobody_has_comes_back_with_what_is_near(town):
    typed = Segment(localities=("Providence",), tags=("vipp",), locales=("fr",))

    with town.read() as session:
        checked = checking.checked(session, typed)

    assert [(one.key, one.value, one.near) for one in checked.unknown] == [
        ("locales", "fr", ()),
        ("localities", "Providence", ("Providencia",)),
        ("tags", "vipp", ("vip",)),
    ]


def test_a_closed_account_lends_nobody_its_type(town):
    with town.write() as session:
        session.execute(
            t.account.update().where(t.account.c.customer_type == "shop").values(closed_at=make.NOW)
        )

        checked = checking.checked(session, Segment(customer_types=("shop",)))

        assert [one.value for one in checked.unknown] == ["shop"]
        assert taken(session, Segment(customer_types=("shop",))) == set()


def test_conditions_are_added_one_by_one():
    segment = Segment(tags=("vip",), classes=(PriorityClass.A,), not_told_for=HOUR)

    assert list(checking.growing(segment)) == [
        ("classes", Segment(classes=(PriorityClass.A,))),
        ("tags", Segment(classes=(PriorityClass.A,), tags=("vip",))),
        ("not_told_for", segment),
    ]

"""Counts made beforehand are the counts of the rows, whatever happened to the record."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import delete, func, insert, select, update
from tests import make
from tests.store import random_town
from tests.store.random_town import PLACES, seeded

from outreach.model.record import AffectedCounts
from outreach.model.words import Channel
from outreach.store import (
    audience,
    families,
    freeze,
    generations,
    headcounts,
    reach,
    runs,
    tables as t,
)
from outreach.store.scopes import Part, Remaining
from outreach.store.session import Database, Session

LAST = PLACES[-1]
SPANS = [(0, LAST), (PLACES[1], PLACES[3]), (PLACES[2], PLACES[5]), (PLACES[4], LAST), (LAST, LAST), (5, 6),
         (0, (1 << 63) - 1)]  # fmt: skip


def scope(span: tuple[int, int]):
    return Remaining(occasion=1, version=1, out=Part(spans=(span,)), back=Part())


def kept_up(database: Database, draw, *, loads=0):
    """A random town whose reach was built, and then renewed so many times."""
    with database.write() as session:
        random_town.build(session, draw)
    for load in range(loads + 1):
        with database.write() as session:
            for _change in range(3 if load else 0):
                random_town.change(session, draw)
        reach.renew(database, now=make.NOW)
        generations.switch(database, now=make.NOW)
        generations.purge(database)


def fast(session: Session, span):
    counted = headcounts.counts(session, span, generations.current(session))
    assert counted
    return counted.affected, counted.messages


def general(session: Session, span):
    return audience._affected(session, scope(span)), audience._messages(session, scope(span))


def by_hand(session: Session, span):
    """The same from the record itself, person by person."""
    rows = session.execute(
        select(t.premise.c.id, t.premise.c.locality, t.account.c.id.label("account"), t.account.c.priority,
               t.account.c.priority_expired, t.customer)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .join(t.customer, t.customer.c.id == t.account.c.customer_id)
        .where(t.premise.c.tree_order.between(*span), t.premise.c.closed_at.is_(None),
               t.account.c.closed_at.is_(None))
    ).all()  # fmt: skip
    class_a = {row.id_1 for row in rows if row.priority == "A"}
    people = {row.id_1: row.preferred for row in rows}
    held = {person: points(session, person) for person in people}
    channels = {person: {channel for channel, _point in mine} for person, mine in held.items()}
    reachable = {
        name: sum(bool(of & wanted) for of in channels.values())
        for name, wanted in {"sms": {"sms"}, "email": {"email"}, "voice": {"voice"},
                             "sms_or_email": {"sms", "email"}}.items()
    }  # fmt: skip
    open_premises = session.execute(
        select(t.premise.c.locality)
        .where(t.premise.c.tree_order.between(*span), t.premise.c.closed_at.is_(None))
    ).scalars().all()  # fmt: skip
    written = {
        (channel, point)
        for person, mine in held.items()
        for channel, point in mine
        if channel == speaks(people[person], channels[person])
    }
    return AffectedCounts(
        premises=len(open_premises),
        accounts=len({row.account for row in rows}),
        customers=len(people),
        households=len({row.household_id for row in rows}),
        priority_customers=len(class_a),
        priority_expired_customers=len({row.id_1 for row in rows if row.priority_expired} - class_a),
        reachable=reachable | {"none": sum(not of for of in channels.values())},
        localities=tuple(sorted(set(open_premises), key=lambda name: (-open_premises.count(name), name))),
    ), {
        channel: sum(each == channel for each, _point in written)
        for channel in ("sms", "email")
        if any(each == channel for each, _point in written)
    }  # fmt: skip


def points(session: Session, customer):
    c, p = t.customer_contact.c, t.contact_point
    found = select(p.c.channel, p.c.id, p.c.address_hash).join(
        t.customer_contact, c.contact_point_id == p.c.id
    )
    usable = c.usable & (c.basis != "") & p.c.bad_since.is_(None)
    held = session.execute(found.where(c.customer_id == customer, usable)).all()
    said = session.execute(select(t.suppression)).all()
    noes = {
        row: {no.purpose for no in said
              if no.address_hash == row.address_hash and no.channel in {"*", row.channel}}
        for row in held
    }  # fmt: skip
    return {(row.channel, row.id) for row in held if not noes[row] & {"*", "service"}}


def speaks(preferred: str | None, channels):
    return next((one for one in (preferred, "sms", "email") if one in channels - {"voice"}), "")


def frozen(database: Database, span):
    """Messages by channel of a step by SMS and e-mail to everybody under the span."""
    with database.write() as session:
        wave = make.make_step_run(
            session, state="freezing", slice_from=-2, generation=generations.current(session)
        )
    done = False
    while not done:
        with database.write() as session:
            plan = freeze.Freezing(
                wave=runs.wave(session, wave), seed=make.SEED, scope=scope(span),
                channels=(Channel.SMS, Channel.EMAIL), siblings=(), earlier=(), releases=(),
                not_after=None, pools=(),
            )  # fmt: skip
            done = freeze.freeze_slice(session, plan)
    with database.read() as session:
        m = t.message.c
        rows = session.execute(
            select(m.channel, func.count()).where(m.step_run_id == wave).group_by(m.channel)
        )
        return dict(map(tuple, rows))


@pytest.mark.parametrize("seed", range(5))
def test_counts_of_a_span_are_those_of_its_rows_of_the_record_and_of_the_freeze(database, seed):
    kept_up(database, seeded(seed), loads=seed % 4)

    for span in SPANS:
        with database.read() as session:
            counted = fast(session, span)
            assert counted == general(session, span) == by_hand(session, span)
            assert audience.affected(session, scope(span)) == counted[0]
        assert frozen(database, span) == counted[1]


def shuffled(draw: Random):
    """Places given other numbers, some of them each other's; order and blocks change."""
    old = [place for place in PLACES if place > 0]
    return dict(zip(old, draw.sample([*old, 5 << 32, 299 << 32, 1 << 50], len(old)), strict=True))


def relabel(session: Session, places):
    for table in (t.premise, t.reach):
        for old, new in places.items():
            session.execute(
                update(table).where(table.c.tree_order == old).values(tree_order=-2 - new)
            )
        session.execute(
            update(table).where(table.c.tree_order < -1).values(tree_order=-2 - table.c.tree_order)
        )
    headcounts.moved(session, places)


@pytest.mark.parametrize("seed", range(4))
def test_counts_follow_places_that_get_other_numbers(database, seed):
    draw = seeded(seed)
    kept_up(database, draw, loads=2)

    with database.write() as session:
        relabel(session, shuffled(draw))

    with database.read() as session:
        for span in [*SPANS, (0, 1 << 51), (299 << 32, 310 << 32)]:
            assert fast(session, span) == general(session, span) == by_hand(session, span)


def test_counts_follow_places_that_move_between_renewal_and_switch(database):
    draw = seeded(11)
    kept_up(database, draw, loads=1)
    with database.write() as session:
        for _change in range(5):
            random_town.change(session, draw)
    reach.renew(database, now=make.NOW)
    places = shuffled(draw)

    with database.write() as session:
        relabel(session, places)
        headcounts.moved(session, {1: 1})
    with database.read() as session:
        now = fast(session, (0, 1 << 51))[0]
        assert now.customers == general(session, (0, 1 << 51))[0].customers
    generations.switch(database, now=make.NOW)

    with database.read() as session:
        for span in [*SPANS, (0, 1 << 51)]:
            assert fast(session, span) == general(session, span) == by_hand(session, span)


def test_headcounts_are_asked_for_one_whole_span_and_only_when_they_agree(database):
    kept_up(database, seeded(1))
    wide = scope(SPANS[0])
    with database.write() as session:
        right = audience.affected(session, wide)
        session.execute(delete(t.headcount))
        session.execute(delete(t.recurrence))

        trusted = audience.affected(session, wide).customers
        two = Remaining(occasion=1, version=1, out=Part(spans=((0, 1), (2, LAST))), back=Part())
        apart = audience.affected(session, two)
        session.execute(update(t.record_state).values(counted=False))
        mistrusted = audience.affected(session, wide)

    assert trusted == 0
    assert apart == mistrusted == right


def test_two_localities_of_one_number_are_counted_by_their_rows(database, monkeypatch):
    kept_up(database, seeded(2))
    monkeypatch.setattr(headcounts, "locality_number", lambda _name: 7)

    with database.read() as session:
        assert headcounts.counts(session, SPANS[0], 1) is None
        assert audience.messages(session, scope(SPANS[0])) == general(session, SPANS[0])[1]


def test_the_order_of_localities_is_by_premises_and_then_by_name():
    assert headcounts.in_order({"b": 1, "a": 1, "c": 2}) == ("c", "a", "b")


@pytest.mark.parametrize(
    ("span", "blocks"),
    [
        ((0, (1 << 40) - 1), (0, 0)),
        ((1, (1 << 40) - 1), (1, 0)),
        ((1, (3 << 40) - 1), (1, 2)),
        ((0, (1 << 40)), (0, 0)),
    ],
)
def test_only_blocks_that_lie_whole_in_a_span_are_summed(span, blocks):
    assert families.whole_blocks(*span) == blocks


def test_a_count_costs_some_places_and_blocks_and_not_the_people(database):
    kept_up(database, seeded(3))
    with database.write() as session:
        session.execute(insert(t.headcount).values(level=1, place=0, family=3, bucket=0, since=0, count=9))  # fmt: skip
        session.execute(delete(t.reach))

        counted = headcounts.counts(session, (0, (1 << 40) - 1), 1)

    assert counted
    assert counted.affected.reachable["none"] >= 9

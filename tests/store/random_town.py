"""Random records for tests of reach: people, points and premises in every relation, on few places."""

from __future__ import annotations

from random import Random

from sqlalchemy import delete, insert, select, update
from tests import make

from outreach.model.words import Channel
from outreach.store import tables as t, touched
from outreach.store.dialects import insert_into
from outreach.store.session import Session

PLACES = (-1, 1 << 32, 2 << 32, 3 << 32, 300 << 32, 301 << 32, 302 << 32, 800 << 32)
"""Three blocks of 256 nodes, and off the network."""
LOCALITIES = ("Ñuñoa", "Providencia", "Talca")


def seeded(number: int) -> Random:
    return Random(number)  # noqa: S311  the same town in every run


def build(session: Session, draw: Random, *, customers: int = 14) -> None:
    """A town of so many customers; its reach is still to be built."""
    households = [make.make_household(session) for _each in range(customers // 2)]
    points = [
        make.make_contact_point(session, channel=draw.choice(list(Channel)[:3]))
        for _each in range(customers)
    ]
    for _each in range(customers):
        customer = make.make_customer(
            session,
            household=draw.choice(households),
            preferred=draw.choice([None, "sms", "email", "voice"]),
        )
        for point in draw.sample(points, draw.randrange(4)):
            make.make_customer_contact(
                session,
                customer=customer,
                contact_point=point,
                usable=draw.random() < 0.9,
                basis=draw.choice(["contract", "consent", ""]),
            )
        for _account in range(draw.randrange(1, 3)):
            account(session, draw, customer)


def account(session: Session, draw: Random, customer: int) -> None:
    number = make.make_account(
        session,
        customer=customer,
        priority=draw.choice("AABCCC"),
        priority_expired=draw.random() < 0.3,
    )
    for _premise in range(draw.randrange(4)):
        premise = make.make_premise(
            session,
            account=number,
            tree_order=draw.choice(PLACES),
            locality=draw.choice(LOCALITIES),
        )
        touched.note(session, premise, [_place(session, premise)])


def change(session: Session, draw: Random) -> None:
    """One change of the record, noted as a load would note it."""
    draw.choice(
        [_close, _move, _supply, _unsupply, _mark_bad, _say_no, _say_no, _say_yes, _hold, _household, _reclass]
    )(session, draw)  # fmt: skip


def _any(session: Session, draw: Random, table) -> int:
    return int(draw.choice(sorted(session.scalars(select(table.c.id)))))


def _place(session: Session, premise: int) -> int:
    found = select(t.premise.c.tree_order).where(t.premise.c.id == premise)
    return int(session.execute(found).scalar_one())


def _close(session: Session, draw: Random) -> None:
    premise = _any(session, draw, t.premise)
    closed = draw.choice([None, make.NOW])
    session.execute(update(t.premise).where(t.premise.c.id == premise).values(closed_at=closed))
    touched.note(session, premise, [_place(session, premise)])


def _move(session: Session, draw: Random) -> None:
    premise = _any(session, draw, t.premise)
    stood, stands = _place(session, premise), draw.choice(PLACES)
    where = t.premise.c.id == premise
    session.execute(update(t.premise).where(where).values(tree_order=stands))
    touched.note(session, premise, {stood, stands})


def _supply(session: Session, draw: Random) -> None:
    premise, number = _any(session, draw, t.premise), _any(session, draw, t.account)
    _unlink(session, premise, number)
    session.execute(insert(t.supply).values(premise_id=premise, account_id=number, role="occupant"))


def _unsupply(session: Session, draw: Random) -> None:
    rows = session.execute(select(t.supply.c.premise_id, t.supply.c.account_id)).all()
    premise, number = draw.choice(sorted(rows))
    _unlink(session, premise, number)


def _unlink(session: Session, premise: int, number: int) -> None:
    s = t.supply.c
    session.execute(delete(t.supply).where(s.premise_id == premise, s.account_id == number))
    touched.note(session, premise, [_place(session, premise)])


def _mark_bad(session: Session, draw: Random) -> None:
    point = _any(session, draw, t.contact_point)
    where = t.contact_point.c.id == point
    session.execute(update(t.contact_point).where(where).values(bad_since=make.NOW))
    touched.holders_of_points(session, [point])


def _say_no(session: Session, draw: Random) -> None:
    where = t.contact_point.c.id == _any(session, draw, t.contact_point)
    point = session.execute(select(t.contact_point).where(where)).one()
    row = {"address_hash": point.address_hash, "channel": draw.choice(["*", point.channel]),
           "purpose": draw.choice(["*", "service", "service", "commercial"])}  # fmt: skip
    said = insert_into(session, t.suppression).values(**row, reason="said so", at=make.NOW)
    session.execute(said.on_conflict_do_nothing())
    touched.holders_of_addresses(session, [point.address_hash])


def _say_yes(session: Session, draw: Random) -> None:
    where = t.contact_point.c.id == _any(session, draw, t.contact_point)
    hashed = session.execute(select(t.contact_point.c.address_hash).where(where)).scalar_one()
    session.execute(delete(t.suppression).where(t.suppression.c.address_hash == hashed))
    touched.holders_of_addresses(session, [hashed])


def _hold(session: Session, draw: Random) -> None:
    customer, point = _any(session, draw, t.customer), _any(session, draw, t.contact_point)
    held = t.customer_contact.c
    known = held.customer_id == customer, held.contact_point_id == point
    session.execute(delete(t.customer_contact).where(*known))
    if draw.random() < 0.7:
        make.make_customer_contact(session, customer=customer, contact_point=point)
    _touch(session, customer)


def _household(session: Session, draw: Random) -> None:
    customer, household = _any(session, draw, t.customer), _any(session, draw, t.household)
    where = t.customer.c.id == customer
    session.execute(update(t.customer).where(where).values(household_id=household))
    _touch(session, customer)


def _reclass(session: Session, draw: Random) -> None:
    number = _any(session, draw, t.account)
    values = {
        "priority": draw.choice("ABC"),
        "priority_expired": draw.random() < 0.5,
        "closed_at": draw.choice([None, None, make.NOW]),
    }
    session.execute(update(t.account).where(t.account.c.id == number).values(**values))
    customer = session.execute(
        select(t.account.c.customer_id).where(t.account.c.id == number)
    ).scalar_one()
    _touch(session, customer)


def _touch(session: Session, customer: int) -> None:
    known = select(t.touched_customer.c.customer_id).where(
        t.touched_customer.c.customer_id == customer
    )
    if session.execute(known).first() is None:
        session.execute(insert(t.touched_customer).values(customer_id=customer))

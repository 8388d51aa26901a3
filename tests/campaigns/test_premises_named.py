"""A person with several premises gets one message that names them, and nobody reads another's street."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns.tell import NOW, customer, launched, moved

from outreach.addresses import Keyring
from outreach.campaigns.engine import Engine
from outreach.campaigns.explain import Proof, explain
from outreach.campaigns.telling import Teller
from outreach.model.message import Content
from outreach.model.words import Channel, MessageState
from outreach.store import tables as t
from outreach.store.explain import Wanted, messages
from outreach.store.session import Session


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    """K-0001 by e-mail at S-0001 in Providencia, and others beside."""
    with database.write() as session:
        town.build(session, channel=Channel.EMAIL)
    return town.engine(database, town.workspace(tmp_path))


def supplied(engine: Engine, street: str, locality: str = "Ñuñoa", *, ref: str = "K-0002") -> None:
    """A further premise of theirs, under the same feeder."""
    with engine.database.write() as session:
        person = session.execute(
            select(t.customer.c.id).where(t.customer.c.ref == ref)
        ).scalar_one()
        [point] = session.scalars(
            select(t.customer_contact.c.contact_point_id).where(
                t.customer_contact.c.customer_id == person
            )
        )
        account = make.make_account(session, customer=person)
        premise = make.make_premise(
            session, account=account, tree_order=7, locality=locality,
            street_sealed=make.KEYRING.seal(street),
        )  # fmt: skip
        make.make_reach(
            session, customer=person, contact_point=point, premise=premise, channels=2, locale="es"
        )


def told(engine: Engine, *, keyring: Keyring | None = make.KEYRING) -> Content:
    person = customer(engine, "K-0002")
    with engine.database.read() as session:
        [sent] = [
            one
            for one in messages(session, Wanted(limit=100))
            if _customer(session, one.recipient.id) == person
        ]
    return Teller(engine.database, engine.settings, keyring).render(sent.recipient, "")


def _customer(session: Session, message: int) -> int:
    number: int = make.row_of(session, message).customer_id
    return number


def test_an_email_names_the_streets_of_a_person_with_several(engine):
    supplied(engine, "Los Plátanos 7 <b>")
    launched(engine)

    content = told(engine)

    assert "(2 direcciones)" in content.text
    assert "Direcciones: Calle 1, Providencia; Los Plátanos 7 <b>, Ñuñoa." in content.text
    assert "Los Plátanos 7 &lt;b&gt;, Ñuñoa." in content.html


def test_who_has_one_premise_reads_no_list(engine):
    launched(engine)

    assert "Direcciones" not in told(engine).text


def test_a_line_break_in_a_street_stops_no_notice(engine):
    supplied(engine, "Calle\r\nNueva 2")
    launched(engine)

    assert "Calle Nueva 2, Ñuñoa." in told(engine).text


def test_without_the_key_the_localities_are_named(engine):
    supplied(engine, "Calle 2")
    supplied(engine, "Calle 3")
    launched(engine)

    assert "Direcciones: Providencia, Ñuñoa (2)." in told(engine, keyring=None).text


def test_more_than_ten_premises_are_told_by_locality(engine):
    for number in range(11):
        supplied(engine, f"Calle {number}")
    launched(engine)

    assert "Direcciones: Providencia, Ñuñoa (11)." in told(engine).text


def test_a_mailbox_of_two_customers_shows_no_street(engine):
    supplied(engine, "Calle 2")
    with engine.database.write() as session:
        point = session.execute(
            select(t.customer_contact.c.contact_point_id)
            .join(t.customer, t.customer.c.id == t.customer_contact.c.customer_id)
            .where(t.customer.c.ref == "K-0002")
        ).scalar_one()
        make.make_customer_contact(
            session, customer=make.make_customer(session), contact_point=point
        )
    launched(engine)

    assert "Direcciones: Providencia, Ñuñoa." in told(engine).text


def test_a_list_that_does_not_add_up_is_left_out(engine):
    supplied(engine, "Calle 2")
    launched(engine)
    with engine.database.write() as session:
        session.execute(t.premise.update().where(t.premise.c.tree_order == 7).values(closed_at=NOW))

    assert "Direcciones" not in told(engine).text


def test_the_words_are_proved_with_the_key_that_opens_the_streets(engine):
    supplied(engine, "Calle 2")
    launched(engine)
    moved(engine, MessageState.DELIVERED)
    keyring = None  # as `moved` rendered it

    [mine] = explain(
        engine.database, engine.settings, customer(engine, "K-0002"), keyring=keyring
    ).told

    assert mine.proof is Proof.MATCH

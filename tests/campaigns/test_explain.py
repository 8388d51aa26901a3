"""Why a person was told, or not, and whether the words can be proved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns.tell import NOW, customer, launched, moved, opened, updated

from outreach.campaigns.engine import Engine
from outreach.campaigns.explain import Explanation, Proof, Told, customers, explain
from outreach.model.words import LeftOut, MessageState
from outreach.settings import Company, Settings
from outreach.store import tables as t
from outreach.store.explain import by_message

S = MessageState
LATER = NOW + timedelta(minutes=7)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    with database.write() as session:
        town.build(session)
        town.resident(session, number=60, order=3, locality="Providencia", channel=None)
    return town.engine(database, town.workspace(tmp_path))


def of(engine: Engine, ref: str, *, settings: Settings | None = None) -> Explanation:
    return explain(engine.database, settings or engine.settings, customer(engine, ref))


def only(found: Explanation) -> Told:
    [told] = found.told
    return told


def test_what_left_is_rendered_again_and_proved(engine):
    launched(engine)
    moved(engine, S.DELIVERED)

    told = only(of(engine, "K-0002"))

    assert (told.sent.state, told.proof) == (S.DELIVERED, Proof.MATCH)
    assert told.content is not None
    assert "Providencia" in told.content.text


def test_what_waits_shows_what_it_would_say(engine):
    launched(engine)

    told = only(of(engine, "K-0002"))

    assert (told.sent.state, told.proof, told.content is None) == (S.QUEUED, Proof.NOT_SENT, False)


def test_what_was_superseded_shows_no_text(engine):
    updated(engine, launched(engine), at=LATER, cause="a tree")

    first = of(engine, "K-0002").told[0]

    assert (first.sent.state, first.proof, first.content) == (S.SUPERSEDED, Proof.NOT_SENT, None)


def test_a_message_that_left_without_a_hash_is_not_proved(engine):
    launched(engine)
    moved(engine, S.UNKNOWN, body_hash=None)

    assert only(of(engine, "K-0002")).proof is Proof.NO_HASH


def test_other_words_of_the_company_are_named_as_the_change(engine):
    launched(engine)
    moved(engine, S.DELIVERED)
    other = engine.settings.model_copy(update={"company": Company(sender="Otra")})

    told = only(of(engine, "K-0002", settings=other))

    assert told.proof is Proof.CHANGED
    assert [line for line in told.changed if "company's own words" in line]


def test_a_record_loaded_since_is_named_as_a_possible_change(engine):
    launched(engine)
    moved(engine, S.DELIVERED)
    with engine.database.write() as session:
        make.make_load(session, source="crm", loaded_at=LATER)
    other = engine.settings.model_copy(update={"company": Company(sender="Otra")})

    told = only(of(engine, "K-0002", settings=other))

    assert "the record was loaded again" in told.changed[0]


def test_a_lane_that_cannot_receive_any_more_is_proved_to_be_the_change(engine):
    """The restoration asks for a reply only where one can be received."""
    launched(engine)
    moved(engine, S.DELIVERED)
    with engine.database.write() as session:
        session.execute(update(t.step_run).values(template="outage_restored"))
        session.execute(update(t.message).values(state=S.QUEUED, body_hash=None))
        session.execute(t.queue.delete())
    moved(engine, S.DELIVERED)
    lanes = tuple(lane.model_copy(update={"two_way": False}) for lane in engine.settings.lanes)
    one_way = engine.settings.model_copy(update={"lanes": lanes})

    told = only(of(engine, "K-0002", settings=one_way))

    assert told.proof is Proof.CHANGED
    assert told.changed == (
        "the lanes could receive answers then and cannot now, or the reverse (lanes.two_way)",
    )


def test_a_text_that_cannot_be_rendered_any_more_says_why(engine):
    launched(engine)
    moved(engine, S.DELIVERED)
    with engine.database.write() as session:
        session.execute(update(t.step_run).values(template="gone"))

    told = only(of(engine, "K-0002"))

    assert (told.proof, told.content) == (Proof.CHANGED, None)
    assert "gone" in told.changed[0]


def test_who_was_left_out_hears_the_reason(engine):
    launched(engine)

    found = of(engine, "K-0060")

    assert (found.told, [one.reason for one in found.left_out]) == ((), [LeftOut.NO_CONTACT])
    assert (found.left_out[0].step, found.left_out[0].occasion_name) == ("opened", town.FEEDER)


def test_an_occasion_without_campaign_is_named_as_untold(engine):
    occasion = opened(engine).occasion

    found = of(engine, "K-0002")

    assert [each.id for each in found.touching] == [occasion.id]
    assert found.untold == found.touching


def test_an_outage_elsewhere_does_not_touch(engine):
    opened(engine)
    with engine.database.write() as session:
        town.resident(session, number=70, order=90, locality="Lejos", channel=None)

    found = of(engine, "K-0070")

    assert (found.touching, found.untold, found.told) == ((), (), ())


def test_one_message_for_a_shared_phone_is_explained_to_both(engine):
    with engine.database.write() as session:
        other = make.make_customer(session, ref="K-0080")
        point = session.execute(
            select(t.contact_point.c.id).where(
                t.contact_point.c.address_hash == make.KEYRING.hash("+56970000002")
            )
        ).scalar_one()
        make.make_customer_contact(session, customer=other, contact_point=point)
    launched(engine)

    assert (
        only(of(engine, "K-0080")).sent.recipient.id == only(of(engine, "K-0002")).sent.recipient.id
    )


def test_receipts_and_troubled_tries_stand_in_order_of_time(engine):
    launched(engine)
    moved(engine, S.DELIVERED)
    message = only(of(engine, "K-0002")).sent.recipient.id
    with engine.database.write() as session:
        session.execute(
            t.attempt.insert().values(
                {
                    "message_id": message, "try": 1, "lane": "sms", "started_at": NOW, "outcome": "in_doubt",
                    "code": "", "reason": "no answer", "looks": 0,
                }
            )
        )  # fmt: skip
        for key, state, at in (("b", "delivered", LATER), ("a", None, None)):
            session.execute(
                t.receipt.insert().values(
                    provider="twilio", event_key=key, message_id=message, state=state, code="30003",
                    at=at, received_at=NOW + timedelta(seconds=9), raw_sealed=b"",
                )
            )  # fmt: skip

    heard = only(of(engine, "K-0002")).heard

    assert [(one.kind, one.says) for one in heard] == [
        ("in_doubt", "no answer"), ("receipt", ""), ("receipt", "delivered"),
    ]  # fmt: skip


def test_a_person_is_found_by_ref_account_address_and_message(engine):
    launched(engine)
    wanted = customer(engine, "K-0002")
    number = only(of(engine, "K-0002")).sent.recipient.id

    with engine.database.read() as session:
        found = [
            customers(session, ["K-0002"], []),
            customers(session, ["C-0002"], []),
            customers(session, ["?"], [make.KEYRING.hash("+56970000002")]),
            by_message(session, number),
        ]
        nobody = customers(session, ["?"], [b"?"])

    assert found == [[wanted]] * 4
    assert nobody == []


def test_a_suppressed_point_says_why(engine):
    with engine.database.write() as session:
        make.make_suppression(session, address_hash=make.KEYRING.hash("+56970000002"))

    [point] = of(engine, "K-0002").points

    assert point.suppressed == "asked"

"""What the record knows of somebody, and how fresh it is."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import insert, update
from tests import make
from tests.make import KEYRING, NOW

from outreach.model.words import Channel, LoadState
from outreach.store import provenance, tables as t
from outreach.store.provenance import Origin
from outreach.store.session import Database, Session

PHONE = "+56911111111"


def _ana(session: Session) -> int:
    """A customer with an account, a fed premise, a phone, a tag and a housemate."""
    source = session.execute(
        insert(t.record_source).values(name="customers.csv", read_at=NOW).returning(t.record_source.c.id)
    ).scalar_one()  # fmt: skip
    home = make.make_household(session, ref="H-7")
    ana = make.make_customer(session, household=home, ref="C-ana")
    make.make_customer(session, household=home, ref="C-beto")
    make.make_customer(session, household=home, ref="C-gone", closed_at=NOW)
    account = make.make_account(
        session, customer=ana, ref="7", source_id=source, source_record=12,
        loaded_at=NOW, updated_on=date(2026, 1, 2),
    )  # fmt: skip
    for ref, parent in (("S1", None), ("F1", "S1"), ("T1", "F1")):
        make.make_node(session, ref=ref, parent_ref=parent)
    make.make_premise(session, account=account, ref="P-7", tree_order=5)
    make.make_premise(session, account=account, ref="P-8", tree_order=-1)
    point = make.make_contact_point(session, address=PHONE)
    make.make_customer_contact(session, customer=ana, contact_point=point)
    session.execute(insert(t.customer_tag).values(tag="pilot", customer_id=ana))
    make.make_suppression(
        session, address_hash=KEYRING.hash(PHONE), at=NOW, reason="asked", purpose="commercial"
    )
    make.make_suppression(
        session, address_hash=KEYRING.hash(PHONE), at=NOW, reason="asked", channel="voice"
    )
    return ana


def test_a_customer_is_known_with_all_that_hangs_on_them_and_where_it_comes_from(
    database: Database,
):
    with database.write() as session:
        ana = _ana(session)

        [found] = provenance.known(session, [ana])

    assert (found.ref, found.household, found.members, found.tags) == (
        "C-ana", "H-7", ("C-beto",), ("pilot",),
    )  # fmt: skip
    [account] = found.accounts
    assert account.origin == Origin("customers.csv", 12, NOW, date(2026, 1, 2))
    fed, orphan = found.premises
    assert (fed.path, fed.role, fed.account) == (("S1", "F1", "T1"), "holder", "7")
    assert (orphan.path, orphan.origin) == ((), Origin(None, None, None, None))
    [point] = found.points
    assert (point.basis, point.consent, point.customers, point.loaded_at) == (
        "contract", True, 1, NOW,
    )  # fmt: skip
    assert [(one.channel, one.purpose) for one in point.suppressions] == [("*", "commercial")]


def test_somebody_is_found_by_account_customer_premise_or_address(database: Database):
    with database.write() as session:
        ana = _ana(session)

        for ref in ("7", "C-ana", "P-8"):
            assert provenance.customers_named(session, ref) == [ana]
        assert provenance.customers_named(session, "nobody") == []
        assert provenance.customers_at(session, [KEYRING.hash(PHONE)]) == [ana]
        assert provenance.customers_at(session, [b"nobody"]) == []


def test_a_loop_in_the_network_ends(database: Database):
    with database.write() as session:
        ana = _ana(session)
        session.execute(
            update(t.network_node).where(t.network_node.c.ref == "S1").values(parent_ref="T1")
        )

        [found] = provenance.known(session, [ana])

    assert found.premises[0].path[-1] == "T1"


def test_freshness_is_that_of_the_last_load_that_ended(database: Database):
    later = NOW + timedelta(hours=1)
    with database.write() as session:
        assert provenance.freshness(session).loaded_at is None
        counts = {"customers": 5, "premises": 6}
        for at, state in ((NOW, LoadState.DONE), (later, LoadState.REFUSED)):
            session.execute(
                insert(t.record_load).values(source="m", loaded_at=at, counts=counts, state=state)
            )
            counts = {}
        session.execute(insert(t.record_source).values(name="b", read_at=NOW))
        session.execute(insert(t.record_source).values(name="a"))

        found = provenance.freshness(session)
        assert (found.loaded_at, found.customers, found.premises) == (NOW, 5, 6)
        assert found.sources == (("a", None), ("b", NOW))
        assert found.unfinished is None

        session.execute(
            insert(t.record_load).values(
                source="m", loaded_at=later, counts={}, state=LoadState.MERGING, phase="reach"
            )
        )
        assert provenance.freshness(session).unfinished == (LoadState.MERGING, "reach", later)


def test_the_channel_of_an_opt_out_shows_on_that_channel(database: Database):
    with database.write() as session:
        ana = _ana(session)
        voice = make.make_contact_point(session, address=PHONE, channel=Channel.VOICE)
        make.make_customer_contact(session, customer=ana, contact_point=voice)

        [found] = provenance.known(session, [ana])

    assert {one.channel: len(one.suppressions) for one in found.points} == {"sms": 1, "voice": 2}

"""Who calls, found by one point query, and what is true for them; on both databases."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text
from tests.make import (
    KEYRING,
    NOW,
    make_account,
    make_contact_point,
    make_customer,
    make_customer_contact,
    make_lane,
    make_message,
    make_node,
    make_occasion,
    make_premise,
    make_revision,
    make_run,
    make_step_run,
)

from outreach.model.contactcenter import CallerPremise, LiveTruth
from outreach.model.errors import StoreUnusable
from outreach.model.occasion import OccasionId
from outreach.store import figures, ivr, occasions, preferences, tables as t
from outreach.store.ivr import Callers
from outreach.store.preferences import Wish
from outreach.store.session import Database

NUMBER = "+56911112222"


def someone(
    database: Database,
    *,
    customer: Any = None,
    account: Any = None,
    point: Any = None,
    **premise: Any,
) -> int:
    """A customer with one account, one premise and the number; returns the premise's id."""
    with database.write() as session:
        person = make_customer(session, **(customer or {}))
        contract = make_account(session, customer=person, **(account or {}))
        number = make_contact_point(session, address=NUMBER, **({"customers": 1} | (point or {})))
        make_customer_contact(session, customer=person, contact_point=number)
        return make_premise(session, account=contract, **premise)


def asked(database: Database) -> tuple[CallerPremise, ...]:
    callers = Callers(database)
    found = callers.by_address(KEYRING.hash(NUMBER))
    callers.close()
    return found


def test_a_number_finds_the_supplies_of_its_customer(database):
    premise = someone(
        database,
        customer={"locale": "pt"},
        account={"priority": "A", "customer_type": "clinic"},
        tree_order=42,
        locality="Ñuñoa",
    )

    (found,) = asked(database)

    assert (found.premise_id, found.tree_order, found.locality) == (premise, 42, "Ñuñoa")
    assert (found.locale, found.priority, found.customer_type) == ("pt", "A", "clinic")


def test_the_language_chosen_on_a_person_s_page_is_the_one_they_hear(database):
    someone(database, customer={"locale": "es"}, account={"ref": "C-1"})
    callers = Callers(database)
    with database.write() as session:
        customer = callers.by_account("C-1")[0].customer_id
        preferences.save(session, customer, Wish(locale="pt"), [], now=NOW)

    assert callers.by_account("C-1")[0].locale == "pt"
    with database.write() as session:
        preferences.save(session, customer, Wish(quiet=(60, 120)), [], now=NOW)
    assert callers.by_account("C-1")[0].locale == "es"
    callers.close()


def test_a_supply_is_found_once_whatever_the_purposes_of_the_contact(database):
    with database.write() as session:
        person = make_customer(session)
        number = make_contact_point(session, address=NUMBER)
        for purpose in ("service", "emergency"):
            make_customer_contact(session, customer=person, contact_point=number, purpose=purpose)
        make_premise(session, account=make_account(session, customer=person))

    assert len(asked(database)) == 1


@pytest.mark.parametrize(
    ("channels", "is_texted"),
    [(("voice",), False), (("sms",), True), (("voice", "sms"), True)],
)
def test_a_number_is_one_supply_whichever_channels_it_serves(database, channels, is_texted):
    with database.write() as session:
        person = make_customer(session)
        for channel in channels:
            number = make_contact_point(session, address=NUMBER, channel=channel)
            make_customer_contact(session, customer=person, contact_point=number)
        make_premise(session, account=make_account(session, customer=person))

    (found,) = asked(database)

    assert found.takes_sms is is_texted


@pytest.mark.parametrize(
    "closed",
    [{"customer": {"closed_at": NOW}}, {"account": {"closed_at": NOW}}, {"closed_at": NOW}],
    ids=["customer", "account", "premise"],
)
def test_what_is_closed_is_not_found(database, closed):
    someone(database, **closed)

    assert asked(database) == ()


@pytest.mark.parametrize(("holders", "known"), [(10, 1), (11, 0)])
def test_an_address_of_many_customers_identifies_nobody(database, holders, known):
    someone(database, point={"customers": holders})

    assert len(asked(database)) == known


def test_an_account_finds_its_supplies_and_an_unknown_one_none(database):
    someone(database, account={"ref": "C-77"})
    callers = Callers(database)

    assert len(callers.by_account("C-77")) == 1
    assert callers.by_account("' OR 1=1 --") == ()
    callers.close()


def test_every_thread_asks_on_a_connection_of_its_own(database):
    someone(database)
    callers = Callers(database)
    found = []

    def ask():
        found.append(len(callers.by_address(KEYRING.hash(NUMBER))))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [1, 1, 1]
    assert len(callers._open) == 3
    callers.close()


def test_a_broken_database_is_one_error_and_the_next_call_connects_anew(database):
    someone(database)
    callers = Callers(database)
    with database.write() as session:
        session.execute(text("ALTER TABLE supply RENAME TO gone"))

    with pytest.raises(StoreUnusable):
        callers.by_address(KEYRING.hash(NUMBER))

    with database.write() as session:
        session.execute(text("ALTER TABLE gone RENAME TO supply"))
    assert len(callers.by_address(KEYRING.hash(NUMBER))) == 1
    callers.close()
    callers.close()


def live(database: Database, since: datetime = NOW - timedelta(hours=2)) -> list[LiveTruth]:
    with database.read() as session:
        return ivr.live(session, since=since, shown=lambda each: f"out_{each.id}")


def test_a_live_truth_knows_whom_it_touches_and_how_many(database):
    with database.write() as session:
        make_node(session, ref="F12", tree_order=10, tree_last=19)
        make_node(session, ref="F12-S2", tree_order=15, tree_last=19)
        both = make_customer(session)
        for order, place in ((11, "A"), (12, "B"), (16, "B")):
            make_premise(
                session, account=make_account(session, customer=both), tree_order=order,
                locality=place,
            )  # fmt: skip
        named = make_premise(session, account=make_account(session), ref="P-X", tree_order=90,
                             locality="C")  # fmt: skip
        make_premise(session, account=make_account(session), tree_order=95)
        number = make_occasion(session, version=0)
        make_revision(
            session,
            occasion=number,
            version=1,
            scope={"nodes": ["F12"], "localities": ["D"], "premises": ["P-X"]},
            restored={"nodes": ["F12-S2"], "localities": [], "premises": []},
        )
        occasion = t.occasion.update().values(version=1)
        session.execute(occasion)
        session.execute(
            insert(t.scope_premise).values(
                occasion_id=number, version=1, restored=False, premise_id=named
            )
        )

    (found,) = live(database)

    assert found.scope.spans == ((10, 19),)
    assert found.scope.premise_ids == {named}
    assert found.scope.localities == {"D"}
    assert found.back.spans == ((15, 19),)
    assert found.back.premise_ids == frozenset()
    assert (found.areas, found.customers) == (("B", "A", "C"), 2)
    assert (found.is_feed, found.heartbeat_at, found.shown_id) == (False, None, f"out_{number}")


def test_a_feeds_truth_lives_by_when_it_was_told(database):
    with database.write() as session:
        number = make_occasion(session, version=0)
        make_revision(session, occasion=number, version=1, source="feed:adms")
        session.execute(t.occasion.update().values(version=1))

    (found,) = live(database)

    assert found.is_feed
    assert found.heartbeat_at == found.occasion.revision.recorded_at


def test_what_closed_long_ago_is_not_live(database):
    with database.write() as session:
        make_occasion(session, open=False)

    assert live(database, since=NOW + timedelta(days=1)) == []
    assert len(live(database, since=NOW - timedelta(days=1))) == 1


def test_figures_count_messages_queues_and_runs(database):
    with database.write() as session:
        run = make_run(session, occasion=make_occasion(session, name="ALM-F12"))
        wave = make_step_run(session, run=run)
        make_message(session, step_run=wave)
        make_message(session, step_run=wave, state="delivered", rank=7)
        make_lane(session)
        make_run(session)

    with database.read() as session:
        by_state, waiting = figures.messages(session), figures.queued(session)
        other, first = figures.runs(session)
        loaded = figures.record_loaded_at(session)

    assert by_state == {("sms", "queued"): 1, ("sms", "delivered"): 1}
    assert sum(waiting.values()) == 1
    assert (first.occasion, first.states) == ("ALM-F12", {"delivered": 1, "queued": 1})
    assert (other.states, loaded) == ({}, None)


def test_the_newest_revision_is_the_live_one(database):
    with database.write() as session:
        number = make_occasion(session, version=3)

    (found,) = live(database)

    with database.read() as session:
        assert found.occasion == occasions.get(session, OccasionId(number))
    assert found.occasion.revision.version == 3

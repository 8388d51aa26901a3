"""What a lane may still spend: exact in the claim, whoever else claims."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make

from outreach.model.words import MessageState as S, PriorityClass
from outreach.store import claims, lanes, ledger, settle, spent, tables as t
from outreach.store.session import Database, Session
from outreach.store.settle import Settled
from outreach.store.spent import Caps, Spent

NOW = make.NOW
LEASE = timedelta(seconds=30)
CHILE = Caps(zone=make.ZONE, country="CL", prices={"*": 1.0, "CL": 0.05})


def capped(**changes: Any) -> Caps:
    values: dict[str, Any] = {"zone": make.ZONE, "country": "CL", "prices": CHILE.prices}
    return Caps(**(values | changes))


def about(cost: float) -> Any:
    return pytest.approx(cost)


def spend(session: Session, caps: Caps, **changes: Any) -> None:
    spent.charge(session, "sms", caps, **({"now": NOW} | changes))


def today(database: Database, caps: Caps = CHILE) -> Spent:
    with database.read() as session:
        return spent.today(session, "sms", caps, now=NOW)


def given(database: Database, how_many: int = 1, **changes: Any) -> list[int]:
    with database.write() as session:
        return make.make_messages(session, how_many, **changes)


def settled(one: int, state: S = S.ACCEPTED, segments: int | None = 1) -> Settled:
    return Settled(id=one, try_=1, state=state, segments=segments)


def test_a_lane_without_caps_may_claim_what_it_wants(database: Database):
    with database.write() as session:
        assert spent.allowance(session, "sms", spent.UNCAPPED, now=NOW, wanted=7) == 7


def test_a_claim_books_a_segment_each_and_settling_adds_the_rest(database: Database):
    with database.write() as session:
        spend(session, CHILE, claimed=[1, 2, 3])
    assert today(database) == Spent(messages=3, segments=3, cost=about(0.15))

    with database.write() as session:
        spend(session, CHILE, settled=[settled(1, segments=3), settled(2, S.IN_DOUBT, None)])
        spend(session, CHILE, settled=[settled(3, S.QUEUED)])

    assert today(database) == Spent(messages=2, segments=4, cost=about(0.2))


def test_nothing_to_book_writes_nothing(database: Database):
    with database.write() as session:
        spend(session, CHILE)

    assert today(database) == Spent()


def test_what_was_booked_yesterday_is_not_taken_back_from_today(database: Database):
    with database.write() as session:
        spend(session, CHILE, settled=[settled(1, S.QUEUED)])
        spend(session, CHILE, settled=[settled(2, S.QUEUED)])

    assert today(database) == Spent()


def test_a_day_is_the_company_s_own(database: Database):
    with database.write() as session:
        spend(session, CHILE, claimed=[1])

    in_two_hours, tonight = NOW + timedelta(hours=2), NOW + timedelta(hours=22)
    with database.read() as session:
        assert spent.today(session, "sms", CHILE, now=in_two_hours).messages == 1
        assert spent.today(session, "sms", CHILE, now=tonight).messages == 0


def test_the_daily_cap_is_met_exactly(database: Database):
    caps = capped(daily=10)
    with database.write() as session:
        spend(session, caps, claimed=range(7))
        assert spent.allowance(session, "sms", caps, now=NOW, wanted=5) == 3
        spend(session, caps, claimed=range(3))
        assert spent.allowance(session, "sms", caps, now=NOW, wanted=5) == 0

    assert spent.met(caps, today(database)) == "daily_cap: 10 of 10 messages today"


def test_while_messages_are_in_hand_the_most_they_may_cost_is_held_back(database: Database):
    caps = capped(spend=2.0)
    ids = given(database, 2)
    with database.write() as session:
        assert spent.allowance(session, "sms", caps, now=NOW, wanted=9) == 4
        session.execute(update(t.message).values(state=S.SENDING, lane="sms"))
        spend(session, caps, claimed=ids)
        assert spent.allowance(session, "sms", caps, now=NOW, wanted=9) == 2


def test_the_last_message_goes_while_anything_is_left(database: Database):
    caps = capped(spend=0.06)
    with database.write() as session:
        assert spent.allowance(session, "sms", caps, now=NOW, wanted=9) == 1
        spend(session, caps, claimed=[1])
        spend(session, caps, settled=[settled(1, segments=2)])
        assert spent.allowance(session, "sms", caps, now=NOW, wanted=9) == 0

    assert spent.met(caps, today(database)) == "spend_cap: 0.10 of 0.06 today"


def test_the_last_message_waits_for_one_in_hand(database: Database):
    caps = capped(spend=0.06)
    given(database)
    with database.write() as session:
        session.execute(update(t.message).values(state=S.SENDING, lane="sms"))

        assert spent.allowance(session, "sms", caps, now=NOW, wanted=9) == 0


def test_what_costs_nothing_meets_no_spend_cap(database: Database):
    with database.write() as session:
        free = capped(spend=1.0, prices={})
        assert spent.allowance(session, "sms", free, now=NOW, wanted=9) == 9


def test_a_cap_that_is_not_met_says_nothing():
    assert spent.met(capped(daily=5, spend=1.0), Spent(messages=4, cost=0.9)) == ""


def test_a_lane_for_every_country_pays_the_price_of_each(database: Database):
    caps = capped(country="*", spend=100.0)
    chilean, brazilian = given(database, 2)
    with database.write() as session:
        point = select(t.message.c.contact_point_id).where(t.message.c.id == brazilian)
        session.execute(
            update(t.contact_point)
            .where(t.contact_point.c.id == point.scalar_subquery())
            .values(country="BR")
        )
        spend(session, caps, claimed=[chilean, brazilian])
        assert spent.allowance(session, "sms", caps, now=NOW, wanted=99) == 9

    assert today(database, caps).cost == pytest.approx(1.05)


def test_over_the_prefix_cap_messages_wait_for_the_next_hour(database: Database):
    caps = capped(prefix=3)
    ids = given(database, 5)
    with database.write() as session:
        session.execute(update(t.contact_point).values(prefix="+5699"))
        assert spent.sift(session, caps, ids, now=NOW) == set(ids[3:])

    with database.read() as session:
        assert ledger.adds_up(session)
        rows = [make.row_of(session, one) for one in ids]
        queue = {
            row[0]: row[1]
            for row in session.execute(select(t.queue.c.message_id, t.queue.c.not_before))
        }
        assert spent.full_prefixes(session, caps, now=NOW) == {"+5699": 3}
        assert spent.full_prefixes(session, CHILE, now=NOW) == {}
        assert spent.full_prefixes(session, caps, now=NOW + timedelta(hours=1)) == {}
    next_hour = NOW.replace(minute=0) + timedelta(hours=1)
    assert [row.not_before for row in rows] == [None] * 3 + [next_hour] * 2
    assert [row.state for row in rows] == [S.QUEUED] * 5
    assert [queue[one] for one in ids] == [None] * 3 + [next_hour] * 2


def test_life_support_passes_the_prefix_cap_and_is_counted(database: Database):
    caps = capped(prefix=1)
    ids = given(database, 2, priority=PriorityClass.A) + given(database, 1)
    with database.write() as session:
        session.execute(update(t.contact_point).values(prefix="+5699"))

        assert spent.sift(session, caps, ids, now=NOW) == {ids[2]}
        assert spent.full_prefixes(session, caps, now=NOW) == {"+5699": 2}


def test_what_never_left_does_not_count_against_its_prefix(database: Database):
    caps = capped(prefix=2)
    ids = given(database, 2)
    with database.write() as session:
        session.execute(update(t.contact_point).values(prefix="+5699"))
        spent.sift(session, caps, ids, now=NOW)
        spend(session, caps, settled=[settled(ids[0], S.QUEUED), settled(ids[1])])

        assert spent.sift(session, caps, ids[:1], now=NOW) == set()


def test_addresses_without_a_prefix_meet_no_prefix_cap(database: Database):
    ids = given(database, 2)
    with database.write() as session:
        session.execute(update(t.contact_point).values(prefix=""))

        assert spent.sift(session, capped(prefix=1), ids, now=NOW) == set()


@pytest.mark.parametrize("prefix", [None, 5])
def test_a_country_that_is_not_allowed_fails_and_is_not_counted(
    database: Database, prefix: int | None
):
    one = given(database)
    caps = capped(countries=("PE", "BR"), prefix=prefix)
    with database.write() as session:
        assert spent.sift(session, caps, one, now=NOW) == set()

    with database.read() as session:
        row = make.row_of(session, one[0])
        assert session.execute(select(t.prefix_hour)).all() == []
    assert (row.state, row.reason) == (S.FAILED, "country_not_allowed")


def test_an_allowed_country_may_leave(database: Database):
    one = given(database)
    with database.write() as session:
        assert spent.sift(session, capped(countries=("CL",)), one, now=NOW) == set()
        assert spent.sift(session, capped(countries=("CL",)), [], now=NOW) == set()

    with database.read() as session:
        assert make.state_of(session, one[0]) == S.QUEUED


def test_hours_of_prefixes_are_forgotten_after_a_day(database: Database):
    ids = given(database)
    with database.write() as session:
        spent.sift(session, capped(prefix=9), ids, now=NOW - timedelta(hours=26))
        spent.sift(session, capped(prefix=9), ids, now=NOW)
        spent.sweep(session, now=NOW)

        assert len(session.execute(select(t.prefix_hour)).all()) == 1


@pytest.mark.parametrize("cap", [capped(daily=150), capped(spend=9.0)], ids=["daily", "spend"])
def test_eight_claimers_of_one_lane_pass_its_caps_by_one_message_at_most(
    database: Database, cap: Caps
):
    """Texts have 1 to 3 segments of 0.05, known only once they are settled; G18."""
    with database.write() as session:
        make.make_lane(session)
        make.make_messages(session, 300)
    segments = random.Random(7)  # noqa: S311  a draw of lengths
    claimers = [threading.Thread(target=_claim, args=(database, cap, segments)) for _ in range(8)]

    for each in claimers:
        each.start()
    for each in claimers:
        each.join()

    now = today(database, cap)
    with database.read() as session:
        sent = session.execute(select(t.message.c.segments).where(t.message.c.state == S.ACCEPTED))
        true_segments = [row[0] for row in sent]
        assert ledger.adds_up(session)
    assert (now.messages, now.segments) == (len(true_segments), sum(true_segments))
    assert now.cost == pytest.approx(sum(true_segments) * 0.05)
    if cap.daily:
        assert now.messages == 150
    if cap.spend:
        assert 9.0 <= now.cost < 9.0 + 3 * 0.05


def _claim(database: Database, cap: Caps, draw: random.Random) -> None:
    owner = threading.current_thread().name
    hand: list[Settled] = []
    idle = 0
    while idle < 3:
        with database.write() as session:
            # What a sender's turn does: renewing its lease locks the lane, and orders the claims.
            session.execute(update(t.lane).values(fence=t.lane.c.fence + 1))
            spent.charge(session, "sms", cap, settled=hand, now=NOW)
            settle.settle(session, owner, hand, provider="carrier", now=NOW)
            limit = spent.allowance(session, "sms", cap, now=NOW, wanted=11)
            taken = claims.claim(session, _wanted(owner, limit)) if limit else []
            spent.charge(session, "sms", cap, claimed=[one.id for one in taken], now=NOW)
        idle = 0 if taken else idle + 1
        hand = [
            settled(one.id, S.QUEUED if draw.random() < 0.1 else S.ACCEPTED, draw.randint(1, 3))
            for one in taken
        ]
        hand = [_of_try(one, taken[index].try_) for index, one in enumerate(hand)]


def _of_try(one: Settled, try_: int) -> Settled:
    return Settled(
        id=one.id, try_=try_, state=one.state, segments=one.segments, provider_ref=f"SM{one.id}"
    )


def _wanted(owner: str, limit: int) -> claims.Claim:
    return claims.Claim(lane="sms", pool="sms:CL", owner=owner, now=NOW, lease=LEASE, limit=limit)


def test_a_lane_that_waits_or_carries_nothing_is_not_asked_for(database: Database):
    with database.write() as session:
        make.make_lane(session)
        make.make_lane(session, name="standby", weight=0)
        make.make_lane(session, name="cooling", cooled_until=NOW + LEASE)
        make.make_lane(session, name="probing", weight=0, cooled_until=NOW)
        make.make_message(session)

        assert lanes.idle_with_work(session, now=NOW) == ["probing", "sms"]
        by_name = {lane.name: lane.carries(9, now=NOW) for lane in lanes.every(session)}
    assert by_name == {"sms": 9, "standby": 0, "cooling": 0, "probing": 1}

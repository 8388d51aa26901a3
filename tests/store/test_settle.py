"""Settling a chunk in one statement: every value arrives, and only under the hand that claimed it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update
from tests import make

from outreach.model.words import MessageState
from outreach.store import claims, settle, stop, tables as t
from outreach.store.claims import Claim
from outreach.store.session import Database
from outreach.store.settle import Settled

LATER = make.NOW + timedelta(minutes=3, microseconds=7)


def claimed(database: Database, how_many: int) -> list[int]:
    with database.write() as session:
        make.make_lane(session)
        make.make_messages(session, how_many)
        wanted = Claim(
            lane="sms", pool="sms:CL", owner="w1", now=make.NOW, lease=timedelta(seconds=30), limit=99
        )  # fmt: skip
        return [one.id for one in claims.claim(session, wanted)]


def test_each_row_gets_its_own_values(database: Database):
    first, second, third, fourth = claimed(database, 4)
    results = [
        Settled(id=first, try_=1, state=MessageState.ACCEPTED, provider_ref="SMá'\"", segments=2,
                body_hash=b"\x00" * 32),
        Settled(id=second, try_=1, state=MessageState.SENT, body_hash=b"\xff" * 32, segments=1),
        Settled(id=third, try_=1, state=MessageState.FAILED, reason="no such number", spent=True),
        Settled(id=fourth, try_=1, state=MessageState.QUEUED, not_before=LATER, delayed=True,
                spent=True, code="503"),
    ]  # fmt: skip

    with database.write() as session:
        written = settle.settle(session, "w1", results, provider="p", now=make.NOW)

    with database.read() as session:
        rows = [make.row_of(session, one) for one in (first, second, third, fourth)]
    assert written.stale == ()
    assert [(row.state, row.provider_ref, row.segments) for row in rows] == [
        ("accepted", "SMá'\"", 2), ("sent", None, 1), ("failed", None, None), ("queued", None, None),
    ]  # fmt: skip
    assert [row.body_hash for row in rows] == [b"\x00" * 32, b"\xff" * 32, None, None]
    assert [row.accepted_at for row in rows] == [make.NOW, make.NOW, None, None]
    assert [row.not_before for row in rows] == [None, None, None, LATER]
    assert [(row.failures, row.reason) for row in rows[2:]] == [(1, "no such number"), (1, None)]
    assert {row.owner for row in rows} == {None}


def test_a_row_that_is_ours_under_a_later_try_is_not_written(database: Database):
    (message,) = claimed(database, 1)
    with database.write() as session:
        session.execute(update(t.message).values({"try": 2}))

    late = Settled(id=message, try_=1, state=MessageState.FAILED)
    with database.write() as session:
        written = settle.settle(session, "w1", [late], provider="p", now=make.NOW)

    with database.read() as session:
        assert make.state_of(session, message) is MessageState.SENDING
    assert (written.counts, written.stale) == ({}, (message,))


def test_a_look_finds_an_opt_out_among_thousands_in_hand(database: Database):
    hashes = [make.KEYRING.hash(f"+569{n:08}") for n in range(3_000)]
    with database.write() as session:
        make.make_suppression(session, address_hash=hashes[2_999])
        make.make_suppression(session, address_hash=make.KEYRING.hash("somebody else"))

    with database.read() as session:
        found = stop.look(session, waves=[], addresses=hashes)
        nothing = stop.look(session, waves=[], addresses=[])

    assert {address for address, _channel, _purpose in found.addresses} == {hashes[2_999]}
    assert nothing.addresses == frozenset()

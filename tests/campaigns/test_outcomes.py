"""Events of messages: gathered by the minute, each message once, in documents of at most 500 ids."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from tests import make
from tests.campaigns.listening import declare, listening
from tests.delivery.test_receipts import event

from outreach.campaigns import outcomes
from outreach.delivery import receipts
from outreach.model.words import MessageState as S
from outreach.store import outgoing, tables as t
from outreach.store.session import Database

NOW = make.NOW.replace(second=0)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def run(database: Database) -> int:
    """A run, and endpoints that want its messages from NOW on."""
    declare(database, listening("message.*"))
    gather(database, NOW)
    with database.write() as session:
        return make.make_run(session, campaign="storm")


def gather(database: Database, at) -> int:
    return outcomes.gather(database, make.KEYRING, now=at)


def messages(database: Database, run: int, number: int, state: S, **changes: Any) -> list[int]:
    with database.write() as session:
        wave = make.make_step_run(session, run=run)
        return make.make_messages(
            session, number, step_run=wave, **{"state": state, "try": 1}, **changes
        )


def received(database: Database, state: S, ids: list[int], *, at=NOW, applied: bool = True) -> None:
    told = [event(one, state) for one in ids]
    receipts.take_in(database, make.KEYRING, told, b"raw", now=at)
    with database.write() as session:
        while applied and receipts.apply(session, make.KEYRING, now=at):
            pass


def found(database: Database) -> list[tuple[str, int]]:
    """(kind, messages) of every document, in the order they were written."""
    with database.read() as session:
        kept = [
            (one.kind, json.loads(one.body)["data"]) for one in outgoing.newest(session, limit=99)
        ]
    assert all(data["count"] == len(data["messages"]) for _kind, data in kept)
    return [(kind, data["count"]) for kind, data in reversed(kept)]


def test_delivered_messages_are_told_once_when_their_minute_is_over(database: Database, run: int):
    ids = messages(database, run, 3, S.SENT)
    received(database, S.DELIVERED, ids, at=NOW + SECOND)

    early = gather(database, NOW + 89 * SECOND)
    written = [gather(database, NOW + 90 * SECOND + again * MINUTE) for again in range(3)]

    assert (early, written) == (0, [1, 0, 0])
    with database.read() as session:
        [document] = outgoing.newest(session)
    kept = json.loads(document.body)
    assert document.kind == "message.delivered"
    assert kept["data"]["messages"] == [make.KEYRING.public_id("msg", one) for one in ids]
    assert kept["data"]["campaign"] == "storm"
    assert kept["data"]["minute"] == "2026-07-12T06:40:00Z"


def test_each_outcome_is_a_document_of_its_own_and_none_holds_more_than_its_most(
    database: Database, run: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outcomes, "MOST_IDS", 2)
    received(database, S.DELIVERED, messages(database, run, 5, S.SENT), at=NOW + SECOND)
    received(database, S.UNDELIVERED, messages(database, run, 1, S.SENT), at=NOW + SECOND)

    gather(database, NOW + 2 * MINUTE)

    assert found(database) == [
        ("message.delivered", 2), ("message.delivered", 2), ("message.delivered", 1),
        ("message.undelivered", 1),
    ]  # fmt: skip


def test_a_receipt_that_is_not_applied_yet_holds_up_those_behind_it_and_loses_none(
    database: Database, run: int
):
    received(database, S.DELIVERED, messages(database, run, 1, S.SENT), at=NOW + SECOND)
    received(
        database, S.DELIVERED, messages(database, run, 1, S.SENT), at=NOW + SECOND, applied=False
    )

    first = gather(database, NOW + 2 * MINUTE)
    with database.write() as session:
        receipts.apply(session, make.KEYRING, now=NOW + 2 * MINUTE)
    second = gather(database, NOW + 3 * MINUTE)

    assert (first, second) == (1, 1)
    assert found(database) == [("message.delivered", 1)] * 2


def test_a_receipt_of_which_a_later_word_is_known_says_nothing(database: Database, run: int):
    ids = messages(database, run, 1, S.ACCEPTED)
    received(database, S.SENT, ids, at=NOW + SECOND)
    received(database, S.UNDELIVERED, ids, at=NOW + SECOND)
    received(database, S.DELIVERED, ids, at=NOW + 2 * SECOND)

    gather(database, NOW + 2 * MINUTE)

    assert found(database) == [("message.delivered", 1)]


def test_more_than_a_round_takes_follows_in_the_next(
    database: Database, run: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outcomes, "MOST_RECEIPTS", 2)
    received(database, S.DELIVERED, messages(database, run, 5, S.SENT), at=NOW + SECOND)

    written = [gather(database, NOW + 2 * MINUTE + number * 5 * SECOND) for number in range(4)]

    assert written == [1, 1, 1, 0]
    assert found(database) == [("message.delivered", 2), ("message.delivered", 2), ("message.delivered", 1)]  # fmt: skip


def test_what_failed_at_the_send_or_was_given_up_is_told_once(database: Database, run: int):
    at = NOW + SECOND
    messages(database, run, 2, S.FAILED, claimed_at=at)
    messages(database, run, 1, S.UNKNOWN, claimed_at=at, reason="no proof")
    silent = messages(database, run, 1, S.ACCEPTED, claimed_at=at)
    for minute in range(1, 31):
        gather(database, NOW + minute * MINUTE)
    before = found(database)
    with database.write() as session:
        gone = update(t.message).where(t.message.c.id.in_(silent))
        session.execute(gone.values(state=S.UNKNOWN, reason="no receipt"))

    for minute in range(72 * 60, 74 * 60, 20):
        gather(database, NOW + minute * MINUTE)

    assert before == [("message.failed", 2), ("message.unknown", 1)]
    assert found(database)[2:] == [("message.unknown", 1)]


def test_a_drill_and_what_was_before_anybody_asked_tell_nothing(database: Database):
    with database.write() as session:
        drill = make.make_run(session, drill=True)
        real = make.make_run(session)
    received(database, S.DELIVERED, messages(database, real, 1, S.SENT), at=NOW - MINUTE)
    declare(database, listening("message.*"))
    gather(database, NOW)
    received(database, S.DELIVERED, messages(database, drill, 1, S.SENT), at=NOW + SECOND)

    assert [gather(database, NOW + 2 * MINUTE), found(database)] == [0, []]


def test_nobody_wants_them_and_nothing_is_read_but_one_row(database: Database):
    declare(database, listening("outage.*"))

    assert gather(database, NOW) == 0
    with database.read() as session:
        assert session.execute(t.known.select()).all()[0].name == "news:wanted"


def test_what_ended_without_a_receipt_is_found_by_its_index(kept_sqlite: Database):
    with kept_sqlite.read() as session:
        plan = session.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM message WHERE message.state IN ('failed', 'unknown')"
                " AND state = :state AND claimed_at >= :since AND claimed_at < :until"
            ),
            {"state": "failed", "since": 1, "until": 2},
        ).all()

    assert "ix_message_ended" in str(plan)

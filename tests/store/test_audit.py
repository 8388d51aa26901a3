"""The audit is a chain: no row can be changed, put in, taken out or cut off without being seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from tests import make

from outreach.store import audit, tables as t
from outreach.store.audit import Broken
from outreach.store.session import Database

NOW = make.NOW
LINKS = 4


@pytest.fixture
def chain(database: Database) -> Database:
    with database.write() as session:
        for number in range(LINKS):
            audit.write(
                session, f"person {number}", "campaign.launch", f"occasion:{number}",
                now=NOW + timedelta(minutes=number), waves=[number], reason="ñ",
            )  # fmt: skip
    return database


def verified(database: Database, *, head: str = "") -> audit.Verified:
    with database.read() as session:
        return audit.verify(session, head=head)


def ids(database: Database) -> list[int]:
    with database.read() as session:
        return list(session.scalars(select(t.audit.c.id).order_by(t.audit.c.id)))


def changed(database: Database, statement) -> audit.Verified:
    """What a look finds while the statement stands, which is then rolled back."""
    with database.read() as session:
        session.execute(statement)
        return audit.verify(session)


def test_an_untouched_chain_holds_and_prints_its_head(chain):
    found = verified(chain)

    with chain.read() as session:
        newest = session.scalars(select(t.audit.c.digest).order_by(t.audit.c.id.desc())).first()
    assert (found.links, found.broken, found.head) == (LINKS, None, newest)
    assert verified(chain, head=found.head).broken is None


def test_a_change_of_any_column_of_any_row_is_seen(chain):
    flips = {
        "at": NOW - timedelta(days=1), "actor": "nobody", "action": "undo", "subject": "occasion:9",
        "detail": {"waves": [], "reason": "ñ"}, "previous": "0" * 64, "digest": "0" * 64,
    }  # fmt: skip

    missed = [
        (number, column)
        for number in ids(chain)
        for column, value in flips.items()
        if changed(
            chain, update(t.audit).where(t.audit.c.id == number).values({column: value})
        ).broken
        is None
    ]

    assert missed == []


def test_a_row_taken_out_anywhere_is_seen(chain):
    found = [
        changed(chain, delete(t.audit).where(t.audit.c.id == number)).broken
        for number in ids(chain)
    ]

    assert found == [Broken.LINK] * (LINKS - 1) + [Broken.TAIL]


@pytest.mark.parametrize("left", range(LINKS))
def test_a_tail_that_was_cut_off_is_seen(chain, left):
    kept = ids(chain)[:left]

    found = changed(chain, delete(t.audit).where(t.audit.c.id.not_in(kept)))

    assert (found.links, found.broken) == (left, Broken.TAIL)


def test_a_row_put_in_is_seen(chain):
    row = {
        "at": NOW, "actor": "eve", "action": "undo", "subject": "x", "detail": {}, "previous": "",
        "digest": "",
    }  # fmt: skip

    assert changed(chain, insert(t.audit).values(**row)).broken is Broken.LINK


def test_a_chain_written_anew_with_its_head_is_told_by_a_head_kept_elsewhere(chain):
    head = verified(chain).head
    with chain.write() as session:
        session.execute(delete(t.audit))
        audit.write(session, "eve", "campaign.launch", "occasion:1", now=NOW)

    assert verified(chain).broken is None
    assert verified(chain, head=head).broken is Broken.HEAD


def test_a_head_kept_elsewhere_stays_good_as_the_chain_grows(chain):
    head = verified(chain).head
    with chain.write() as session:
        audit.write(session, "ana", "undo", "occasion:1", now=NOW)

    assert verified(chain, head=head).broken is None


def test_without_the_head_beside_it_the_end_of_a_chain_is_not_proved(chain):
    assert changed(chain, delete(t.known)).broken is Broken.UNKEPT


def test_an_empty_chain_holds_unless_a_head_is_known_of_it(database):
    assert verified(database).broken is None
    assert verified(database, head="ab").broken is Broken.HEAD


def test_the_list_is_of_a_person_an_action_or_a_subject(chain):
    with chain.write() as session:
        audit.write(session, "person 1", "task.take", "tsk_1", now=NOW)
        by_person = audit.newest(session, actor="person 1")
        by_action = audit.newest(session, action="campaign.")
        by_subject = audit.newest(session, subject="tsk_1")

    assert [each.action for each in by_person] == ["task.take", "campaign.launch"]
    assert len(by_action) == LINKS
    assert [each.actor for each in by_subject] == ["person 1"]

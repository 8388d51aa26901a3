"""What people asked of their data after a backup was taken holds in it once it is put back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from secrets import token_bytes

import pytest
from sqlalchemy import select, text, update
from tests import make
from tests.campaigns.test_backups import LATER, put_back, taken
from tests.campaigns.test_person import MAIL, PHONE, REF, WHO, settle
from tests.make import KEYRING

from outreach.campaigns import person
from outreach.store import person_requests, suppressions, tables as t
from outreach.store.session import Database

OTHER = "K-other"
SOON = replace(WHO, now=LATER)


@pytest.fixture
def her(database: Database) -> int:
    with database.write() as session:
        return settle(session)


def refs(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(select(t.customer.c.ref)))


def requests(database: Database) -> list[tuple[str, bool]]:
    with database.read() as session:
        every = person_requests.every(session, closed=True)
    return [(one.kind, one.done_at is not None) for one in every]


def test_who_was_erased_since_is_erased_again(database: Database, her: int, tmp_path: Path):
    file = taken(database, tmp_path)
    person.erase(database, KEYRING, her, SOON, draw=token_bytes)

    done = put_back(database, file)

    assert (done.stilled.erased, done.is_all_known) == (1, True)
    assert OTHER in refs(database)
    assert REF not in refs(database)
    assert requests(database) == [("erase", True)]
    with database.read() as session:
        hashes = set(session.scalars(select(t.contact_point.c.address_hash)))
        back = session.scalars(select(t.erased_ref.c.ref_hash)).all()
    assert hashes.isdisjoint(KEYRING.hash(one) for one in (PHONE, MAIL))
    assert KEYRING.hash(f"ref {REF}") in back


def test_who_was_erased_before_is_not_erased_twice(database: Database, her: int, tmp_path: Path):
    person.erase(database, KEYRING, her, SOON, draw=token_bytes)
    file = taken(database, tmp_path)

    done = put_back(database, file)

    assert done.stilled.erased == 0
    assert requests(database) == [("erase", True)]


def test_a_number_that_is_somebody_else_s_in_the_copy_erases_nobody(
    database: Database, her: int, tmp_path: Path
):
    with database.write() as session:
        session.execute(update(t.customer).where(t.customer.c.id == her).values(ref="K-newer"))
        session.execute(update(t.account).where(t.account.c.customer_id == her).values(ref="A-newer"))  # fmt: skip
    file = taken(database, tmp_path)
    with database.write() as session:
        session.execute(update(t.customer).where(t.customer.c.id == her).values(ref=REF))
        session.execute(update(t.account).where(t.account.c.customer_id == her).values(ref="A-1"))
    person.erase(database, KEYRING, her, SOON, draw=token_bytes)

    done = put_back(database, file)

    assert done.stilled.erased == 0
    assert "K-newer" in refs(database)


def test_a_restriction_and_its_end_since_hold(database: Database, her: int, tmp_path: Path):
    file = taken(database, tmp_path)
    person.restrict(database, KEYRING, her, SOON)

    put_back(database, file)

    def is_restricted() -> bool:
        with database.read() as session:
            found = suppressions.by_address(session, [KEYRING.hash(PHONE)])
        return "restricted" in {one.reason for some in found.values() for one in some}

    assert is_restricted()
    file = taken(database, tmp_path)
    person.lift(database, KEYRING, her, replace(SOON, now=LATER + (LATER - make.NOW)))

    put_back(database, file, now=LATER + 2 * (LATER - make.NOW))

    assert not is_restricted()
    assert requests(database) == [("restrict", True), ("lift", True)]


def test_an_open_request_comes_along(database: Database, her: int, tmp_path: Path):
    with database.write() as session:
        person_requests.ask(session, her, "export", by="eva", reason="mail", now=make.NOW)
    file = taken(database, tmp_path)
    with database.write() as session:
        person_requests.done(session, her, "export", by="eva", reason="mail", now=LATER)
        person_requests.ask(session, her, "erase", by="eva", reason="mail", now=LATER)

    put_back(database, file)

    assert requests(database) == [("export", True), ("erase", False)]
    assert REF in refs(database)


def test_an_older_schema_gives_what_it_has_and_says_that_it_is_not_all(
    database: Database, her: int, tmp_path: Path
):
    file = taken(database, tmp_path)
    with database.write() as session:
        make.make_suppression(session, address_hash=b"n" * 16)
        session.execute(text("DROP TABLE erased_ref"))

    done = put_back(database, file)

    assert (done.stilled.carried, done.is_all_known) == (1, False)

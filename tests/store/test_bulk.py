"""Lists of thousands of values in one parameter."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from sqlalchemy import insert, select
from tests import make

from outreach.store import bulk, tables as t
from outreach.store.session import Database

HASHES = [bytes([number]) * 32 for number in range(5)]


def given(database: Database) -> None:
    rows = [
        {
            "channel": "sms",
            "purpose": "service",
            "address_hash": each,
            "reason": "stop",
            "at": make.NOW,
        }
        for each in HASHES
    ]
    with database.write() as session:
        session.execute(insert(t.suppression), rows)


@pytest.mark.parametrize("asked", [[], [HASHES[0]], HASHES[1:4], [b"\xff" * 32, HASHES[4]]])
def test_rows_are_found_by_their_hashes(database: Database, asked: list[bytes]):
    given(database)
    column = t.suppression.c.address_hash

    with database.read() as session:
        found = session.scalars(select(column).where(bulk.among(session, column, asked)))

        assert {bytes(each) for each in found} == {*asked} & {*HASHES}


def test_lists_of_hashes_are_one_statement_to_the_library(database: Database):
    """It keeps the text of hundreds of statements: written out, each list was one of 100 KB."""
    column, cache = t.suppression.c.address_hash, database.engine._compiled_cache
    assert cache is not None

    with database.read() as session:
        sizes = []
        for asked in (HASHES[:2], HASHES[2:]):
            session.execute(select(column).where(bulk.among(session, column, asked)))
            sizes.append(len(cache))

    assert sizes[0] == sizes[1]


def test_hashes_of_several_lengths_are_never_cut_wrong(database: Database):
    column = t.suppression.c.address_hash
    refuses = pytest.raises(ValueError, match="several lengths")

    # PostgreSQL takes them as an array, whatever their lengths.
    with database.read() as session, refuses if database.is_sqlite else nullcontext():
        bulk.among(session, column, [b"ab", b"abc"])

"""The keyed rank is the same number in Python, SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import insert, select

from outreach.model import order
from outreach.store.ranks import keyed_rank
from outreach.store.session import Database
from outreach.store.tables import household

SEED = bytes(range(32))


def test_the_reference_digests_of_the_specification_are_met():
    heads = [order.digest(SEED, f"H-{n}").hex()[:16] for n in (1, 2, 3, 4)]

    assert heads == ["13cbc389c869ab36", "01150bd93e71dbc5", "afae931361d9b6f7", "599aeccb6de995cd"]


def test_the_database_ranks_households_as_python_does(database: Database):
    refs = [*(f"H-{n}" for n in range(1, 50)), "H-Ñandú", "H-" + "9" * 200]
    with database.write() as session:
        session.execute(insert(household), [{"ref": ref} for ref in refs])

    with database.read() as session:
        ranked = session.execute(
            select(household.c.ref, keyed_rank(SEED, household.c.ref, session.get_bind().dialect))
        )
        found = {row[0]: row[1] for row in ranked}

    assert found == {ref: order.rank(SEED, ref) for ref in refs}

"""The schema goes up, comes down, and is exactly what the tables say."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect, select, text
from tests import make

from outreach.model.errors import StoreUnusable
from outreach.settings import carried
from outreach.store import migrations, tables as t
from outreach.store.session import Database


def test_a_migrated_database_has_no_differences(database: Database):
    assert migrations.differences(database) == []


def test_a_downgrade_to_base_leaves_nothing_and_an_upgrade_brings_all_back(database: Database):
    migrations.downgrade(database, carried("alembic"), "base")

    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}

    migrations.upgrade(database, carried("alembic"))
    assert migrations.differences(database) == []


def test_a_database_newer_than_the_code_is_refused_in_one_line(database: Database):
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))

    with pytest.raises(StoreUnusable, match="newer"):
        migrations.refuse_other_schema(database, carried("alembic"))


def test_a_current_database_is_accepted(database: Database):
    migrations.refuse_other_schema(database, carried("alembic"))


def test_a_missing_file_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(StoreUnusable, match="outreach db upgrade"):
        Database(f"sqlite:///{tmp_path / 'none.db'}")


def test_a_downgrade_keeps_every_premise_under_its_node_and_every_opt_out(database: Database):
    high = 1 << 40
    with database.write() as session:
        feeder = make.make_node(session, ref="F", tree_order=high, tree_last=high + 900)
        make.make_node(session, ref="T", tree_order=high + 500, tree_last=high + 600)
        account = make.make_account(session)
        premise = make.make_premise(
            session, account=account, transformer="T", tree_order=high + 500
        )
        session.execute(
            insert(t.suppression).values(
                address_hash=b"h" * 16, channel="*", purpose="*", reason="asked", at=make.NOW
            )
        )

    migrations.downgrade(database, carried("alembic"), "0001")

    with database.read() as session:

        def one(query: str) -> Any:
            return session.execute(text(query)).one()

        first, last = one(f"SELECT tree_order, tree_last FROM network_node WHERE id = {feeder}")  # noqa: S608
        (place,) = one(f"SELECT tree_order FROM premise WHERE id = {premise}")  # noqa: S608
        assert first < place <= last < 1 << 31
        assert one("SELECT count(*) FROM suppression") == (1,)
    migrations.upgrade(database, carried("alembic"))
    assert migrations.differences(database) == []


def test_who_said_no_before_is_looked_at_again_so_that_they_hear_on_their_next_channel(
    database: Database,
):
    with database.write() as session:
        said_no, silent = make.make_customer(session), make.make_customer(session)
        for customer, address in ((said_no, "+56911111111"), (silent, "+56922222222")):
            point = make.make_contact_point(session, address=address)
            make.make_customer_contact(session, customer=customer, contact_point=point)
        make.make_suppression(session, address_hash=make.KEYRING.hash("+56911111111"))
    migrations.downgrade(database, carried("alembic"), "0010")

    migrations.upgrade(database, carried("alembic"))

    with database.read() as session:
        assert session.scalars(select(t.touched_customer.c.customer_id)).all() == [said_no]


def test_the_files_are_named_by_their_revisions_in_one_line():
    walked = ScriptDirectory(str(carried("alembic"))).walk_revisions()

    assert [each.revision for each in walked][::-1] == list(migrations._chain(carried("alembic")))

"""The schema goes up, comes down, and is exactly what the tables say."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from outreach.model.errors import StoreUnusable
from outreach.settings import carried
from outreach.store import migrations
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

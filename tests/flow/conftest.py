"""Houses for the stories: on both databases, or on a SQLite file of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flow.house import House

from outreach.store.session import Database


@pytest.fixture
def house(tmp_path: Path, sqlite_template: Path) -> Iterator[House]:
    """A house on a SQLite file of its own, everything on the outbox."""
    path = tmp_path / "house.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    house = House(tmp_path / "luz", database)
    yield house
    house.close()
    database.close()

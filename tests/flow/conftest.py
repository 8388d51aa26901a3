"""Houses for the stories: on both databases, or on a SQLite file of their own."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.flow.house import Hand, House

from outreach.entry.http import pressed, questions
from outreach.store.session import Database

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT.parent / "shared" / "sample-utility"
EXAMPLES = ROOT / "docs" / "examples" / "rio-claro"
EXPORTED = datetime(2026, 6, 12, 12, tzinfo=UTC)
"""On the day of the exports."""


@pytest.fixture(scope="module", autouse=True)
def _patience() -> Iterator[None]:
    """Stories are about what is said; how long a caller waits for it is for tests of the route."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pressed, "WITHIN_S", 60.0)
        patch.setattr(questions, "LOOKUP_WITHIN_S", 60.0)
        yield


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


@pytest.fixture(scope="session")
def sample(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[tuple[House, dict[str, Any]]]:
    """A house with the sample utility imported, everything on the outbox; and what the import printed."""
    if not SAMPLE.exists():
        pytest.skip(f"no sample utility at {SAMPLE}")
    folder = tmp_path_factory.mktemp("sample")
    shutil.copy(sqlite_template, folder / "house.db")
    database = Database(f"sqlite:///{folder / 'house.db'}")
    house = House(folder / "luz", database, hand=Hand(EXPORTED))
    imported = house.asked(
        "record", "import", "--mapping", EXAMPLES / "record.toml", "--folder", SAMPLE
    )
    with (
        sqlite3.connect(folder / "house.db") as living,
        sqlite3.connect(folder / "record.db") as kept,
    ):
        living.backup(kept)
    yield house, imported
    house.close()
    database.close()


@pytest.fixture(scope="session")
def sample_record(sample: tuple[House, dict[str, Any]]) -> Path:
    """A database with the sample utility's record and nothing else; copy it."""
    house, _imported = sample
    return house.folder.parent / "record.db"

"""A workspace for the tests of the commands: empty, or in the middle of a night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.entry.cli_runs import lay_out
from tests.entry.cli_town import Night


@pytest.fixture
def night(tmp_path: Path, sqlite_template: Path) -> Iterator[Night]:
    """The town of `tests/town.py`, at a terminal whose clock the test sets."""
    night = Night(tmp_path / "luz", sqlite_template)
    yield night
    night.database.close()


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a database, and nothing of the environment that it runs in."""
    for name in ("DATABASE_URL", "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "SENDGRID_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OUTREACH_DELIVERY__ONLY_LOOPBACK", "true")
    return lay_out(tmp_path / "luz", database=sqlite_template, link="https://luz.cl")

"""The small town under a campaign that asks for a second person, or for a canary."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests import carried_copy, town

from outreach.campaigns.engine import Engine
from outreach.settings import Roles
from outreach.store.session import Database

UNPLANNED = "unplanned-outage"
TEXT = Path("templates") / "outage_opened" / "es" / "sms.txt"


def limited(folder: Path, name: str, **limits: float) -> None:
    """The campaign's own limits, put before those it has."""
    file = folder / "campaigns" / f"{name}.toml"
    lines = "\n".join(f"{key} = {value}" for key, value in limits.items())
    file.write_text(file.read_text().replace("[limits]", f"[limits]\n{lines}", 1))


def on(
    database: Database, folder: Path, *, roles: dict[str, Any] | None = None, **limits: float
) -> Engine:
    """An engine over the town: eight customers, one of them class A."""
    with database.write() as session:
        town.build(session)
    settings = town.workspace(folder).model_copy(update={"roles": Roles(**(roles or {}))})
    limited(folder, UNPLANNED, **limits)
    return town.engine(database, settings)


def copied(template: Path, folder: Path) -> Database:
    """A database of a test's own, on SQLite alone: for rules that no SQL decides."""
    folder.mkdir(exist_ok=True)
    shutil.copy(template, folder / "outreach.db")
    return Database(f"sqlite:///{folder / 'outreach.db'}", durable=False)


def edit(folder: Path, text: str = " Gracias.") -> None:
    """Somebody edits the text that B and C hear first."""
    carried_copy.own_templates(folder)
    file = folder / TEXT
    file.write_text(file.read_text() + text)

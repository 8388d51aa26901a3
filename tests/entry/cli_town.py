"""A workspace with the small town in its database, for the commands that keep the truth."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import select, update
from tests import carried_copy, town
from tests.entry.cli_runs import NOW, lay_out

from outreach.campaigns import pins
from outreach.entry.cli.command import Given
from outreach.entry.cli.main import cli
from outreach.settings import load
from outreach.store import runs, tables as t
from outreach.store.session import Database


class Night:
    """One terminal in one workspace, at a time that the test says."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = lay_out(folder, database=template)
        for name in ("campaigns", "templates"):
            shutil.rmtree(self.folder / name)
        carried_copy.lay_out(self.folder)
        self.database = Database(f"sqlite:///{self.folder / 'outreach.db'}")
        with self.database.write() as session:
            town.build(session)

    def run(
        self,
        *words: str,
        at: datetime = NOW,
        language: str = "en",
        interactive: bool = False,
        typed: str | None = None,
    ) -> Result:
        return CliRunner().invoke(
            cli,
            ["--workspace", str(self.folder), *words],
            input=typed,
            env={"OUTREACH_LANGUAGE": language, "OUTREACH_WORKSPACE": None},
            obj=Given(now=at, interactive=interactive),
        )

    def answer(self, *words: str, at: datetime = NOW, code: int = 0) -> Any:
        """What a machine gets."""
        shown = self.run(*words, "--format", "json", at=at)
        assert shown.exit_code == code, shown.output
        return json.loads(shown.stdout)

    def arm(self, campaign: str = "unplanned-outage", *, ceiling: int | None = None) -> None:
        if ceiling is not None:
            file = self.folder / "campaigns" / f"{campaign}.toml"
            limits = f"[limits]\nmax_audience = {ceiling}"
            file.write_text(file.read_text().replace("[limits]", limits, 1))
        pinned = pins.read(load(self.folder), campaign)
        with self.database.write() as session:
            runs.pin(session, pinned.digest, pinned.body, now=NOW)
            runs.arm(
                session,
                runs.Armed(
                    campaign=campaign, pinned=pinned.digest, author="ana", approver="beto",
                    at=NOW, until=None,
                ),
            )  # fmt: skip

    def tell(self) -> None:
        """Everything queued reaches the carrier."""
        with self.database.write() as session:
            session.execute(
                update(t.message).where(t.message.c.state == "queued").values(state="accepted")
            )
            session.execute(t.queue.delete())

    def snapshot(self) -> dict[str, list[Any]]:
        """Every row of every table, to see that nothing was written."""
        with self.database.read() as session:
            return {
                table.name: [tuple(row) for row in session.execute(select(table))]
                for table in t.metadata.sorted_tables
            }

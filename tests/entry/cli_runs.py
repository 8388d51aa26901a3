"""Runs the program in this process, as a person would type it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from outreach.addresses import new_keyring, write_keyring
from outreach.entry.cli.command import Given
from outreach.entry.cli.main import cli

NOW = datetime(2026, 7, 16, 6, 43, tzinfo=UTC)


def run(
    *words: str,
    workspace: Path | None = None,
    language: str = "en",
    interactive: bool = False,
    typed: str | None = None,
    env: Mapping[str, str | None] | None = None,
    **given: Any,
) -> Result:
    """The result of `outreach <words>` at NOW; `typed` is what the person answers."""
    place = [] if workspace is None else ["--workspace", str(workspace)]
    return CliRunner().invoke(
        cli,
        [*place, *words],
        input=typed,
        env={"OUTREACH_LANGUAGE": language, "OUTREACH_WORKSPACE": None, **(env or {})},
        obj=Given(now=NOW, interactive=interactive, **given),
    )


def lay_out(folder: Path, *, database: Path, **company: str) -> Path:
    """A workspace with a migrated database, fresh keys, one campaign and one template."""
    folder.mkdir(exist_ok=True)
    lines = [f'{key} = "{value}"' for key, value in company.items()]
    (folder / "outreach.toml").write_text("\n".join(["[company]", *lines, ""]), encoding="utf-8")
    shutil.copy(database, folder / "outreach.db")
    write_keyring(new_keyring(), folder / "outreach.key")
    texts = folder / "templates" / "notice" / "es"
    texts.mkdir(parents=True)
    (texts / "sms.txt").write_text("{{ s }}: corte de luz en {{ zone }}.", encoding="utf-8")
    (folder / "campaigns").mkdir()
    return folder

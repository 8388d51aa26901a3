"""Finds the workspace and its language without loading the settings, which takes 0.2 s."""

from __future__ import annotations

import tomllib
from pathlib import Path

from outreach.model.errors import InputRefused

FILE = "outreach.toml"


def nearest(start: Path) -> Path | None:
    """The closest folder upwards from `start` that holds an outreach.toml, or None."""
    return next((at for at in (start, *start.parents) if (at / FILE).is_file()), None)


def found(named: Path | None, start: Path) -> Path:
    """The workspace named, else the nearest one; InputRefused if there is none."""
    folder = named or nearest(start)
    if folder is None:
        raise InputRefused(
            f"no {FILE} here or above; run `outreach init DIR`, then work inside DIR"
        )
    return folder


def operator_language(folder: Path | None) -> str | None:
    """`company.operator_language` of the file, or None; a broken file is complained of elsewhere."""
    if folder is None:
        return None
    try:
        company = tomllib.loads((folder / FILE).read_text()).get("company", {})
        return str(company["operator_language"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None

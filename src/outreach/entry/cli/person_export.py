"""Writes what is held on a person as one document or as one line a fact, for their eyes."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

_COLUMNS = ("section", "number", "field", "value", "source", "at", "basis")
_AT = ("at", "loaded_at", "asked_at", "opened_at")


def written(held: Mapping[str, Any], form: str) -> str:
    """`json` or `csv`; times in ISO 8601, UTC."""
    if form == "json":
        return json.dumps(held, indent=2, ensure_ascii=False, default=_plain) + "\n"
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for section, rows in held["held"].items():
        for number, row in enumerate(rows, 1):
            lines.writerows(_facts(section, number, row))
    return text.getvalue()


def _facts(section: str, number: int, row: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    at = next((row[name] for name in _AT if row.get(name)), None)
    tail = (row.get("source") or "outreach", _plain(at) if at else "", row.get("basis") or "")
    return [(section, number, name, _cell(value), *tail) for name, value in row.items()]


def _cell(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    text = "" if value is None else str(_plain(value))
    return f"'{text}" if text[:1] in {"=", "-", "@", "\t", "\r"} else text


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def keep(text: str, path: Path) -> None:
    """A new file for its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)

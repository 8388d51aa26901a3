"""The file of rejected rows: what stays outside, where it stood, and why."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from outreach.entry.cli.output import unspoiled
from outreach.model.record import RowRefused

FOLDER = "rejected"
_COLUMNS = ("file", "record", "line", "reason", "detail")


def write_rejected(
    rows: Iterable[RowRefused], *, workspace: Path, source: str, now: datetime
) -> Path | None:
    """Writes `rejected/<source>-<time>.csv` for its owner only; None where nothing was rejected."""
    rejected = list(rows)
    if not rejected:
        return None
    folder = workspace / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{source}-{now:%Y%m%dT%H%M%SZ}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        path.chmod(0o600)
        lines = csv.writer(file)
        lines.writerow(_COLUMNS)
        for row in rejected:
            lines.writerow([unspoiled(str(getattr(row, column))) for column in _COLUMNS])
    return path

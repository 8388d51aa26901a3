"""The file of rejected rows: what stays outside, where it stood, and why."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from outreach.entry.cli.output import unspoiled
from outreach.model.record import RowRefused

FOLDER = "rejected"
_COLUMNS = ("file", "record", "line", "reason", "detail")


@dataclass(kw_only=True)
class Rejected:
    """Writes rejected rows as they come, so that a bad export of millions fills no memory.

    with Rejected(…) as rejected:
        …, refuse=rejected.write
    """

    workspace: Path
    source: str
    now: datetime
    path: Path | None = None
    """The file; None as long as nothing was rejected."""
    _file: IO[str] | None = field(default=None, repr=False)
    _lines: Any = field(default=None, repr=False)

    def write(self, row: RowRefused) -> None:
        if self._lines is None:
            self._open()
        self._lines.writerow([unspoiled(str(getattr(row, column))) for column in _COLUMNS])

    def _open(self) -> None:
        """For its owner only."""
        folder = self.workspace / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / f"{self.source}-{self.now:%Y%m%dT%H%M%SZ}.csv"
        self._file = self.path.open("w", encoding="utf-8", newline="")
        self.path.chmod(0o600)
        self._lines = csv.writer(self._file)
        self._lines.writerow(_COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def write_rejected(
    rows: Iterable[RowRefused], *, workspace: Path, source: str, now: datetime
) -> Path | None:
    """Writes `rejected/<source>-<time>.csv` for its owner only; None where nothing was rejected."""
    with Rejected(workspace=workspace, source=source, now=now) as rejected:
        for row in rows:
            rejected.write(row)
    return rejected.path

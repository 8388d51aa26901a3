"""The history of a fleet: who began what when, and how it ended: invoke, ok, fail, or unknown.

Each process appends to a file of its own, one line and one write an event, so that a kill loses nothing
that was written and tears nothing in two. `at` is CLOCK_MONOTONIC, which all processes share.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from outreach import clock


class History:
    """The file of one process."""

    def __init__(self, folder: Path, who: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._who = who
        path = folder / f"{who}-{os.getpid()}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, event: str, **what: Any) -> None:
        line = {"at": clock.monotonic(), "who": self._who, "event": event, **what}
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def read(folder: Path) -> list[dict[str, Any]]:
    """Every event of every process, in order."""
    files = sorted(folder.glob("*.jsonl")) if folder.exists() else []
    return sorted((one for file in files for one in lines(file)), key=lambda one: one["at"])


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file; a last one without its end was never written."""
    if not file.exists():
        return
    for line in file.read_bytes().split(b"\n")[:-1]:
        yield json.loads(line)

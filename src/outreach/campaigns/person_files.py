"""The files of a workspace that may name a person: what of them is taken out, and what has to be looked at."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

OURS = ("rejected", "exports")
"""Folders whose tables we wrote: rows that name the person are taken out."""
OUTBOX = "outbox.db"
_LOOKED_AT = {".csv", ".json", ".jsonl", ".txt", ".log", ".html", ".md", ".toml", ".xml", ".ics"}
_SHORT = 4
"""Letters; a word of fewer stands everywhere."""
_MOST = 64 << 20
"""Bytes; a larger file is named to be looked at by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Rows taken out of our own tables and outbox, and the files where a name, a number or an e-mail still stands."""

    rows: int
    still: tuple[Path, ...]


def clean(workspace: Path, said: Iterable[str]) -> Cleaned:
    """`said`: names, addresses, refs of the person, as they would stand in a file.

    Takes rows out of rejected/ and exports/ and messages out of the outbox. Sources, templates and whatever
    else is not ours to change are only named.
    """
    marks = tuple({form for text in said for form in _spelt(text)})
    rows = _outbox(workspace / OUTBOX, marks)
    for folder in OURS:
        rows += sum(_without(path, marks) for path in _files(workspace / folder))
    still = tuple(path for path in _files(workspace) if _names(path, marks))
    return Cleaned(rows=rows, still=still)


def _spelt(text: str) -> Iterator[str]:
    """A number also without its plus, and as a national one: its last eight digits."""
    if len(text) < _SHORT:
        return
    yield text.casefold()
    if text.startswith("+") and text[1:].isdigit():
        yield text[-8:]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix in _LOOKED_AT and path.is_file():
            yield path


def _names(path: Path, marks: tuple[str, ...]) -> bool:
    if path.stat().st_size > _MOST:
        return True
    text = path.read_text(encoding="utf-8", errors="replace").casefold()
    return any(mark in text for mark in marks)


def _without(path: Path, marks: tuple[str, ...]) -> int:
    """Writes a table anew without the rows that name the person; its head stays. Whole or not at all."""
    if not _names(path, marks) or path.stat().st_size > _MOST:
        return 0
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    lines = _records(text) if path.suffix == ".csv" else text.splitlines(keepends=True)
    if path.suffix not in {".csv", ".jsonl"}:
        return _gone(path)
    kept = [line for at, line in enumerate(lines) if _is_head(path, at) or not _marked(line, marks)]
    beside = path.with_name(f".{path.name}.new")
    beside.touch(mode=0o600)
    beside.write_text("".join(kept), encoding="utf-8", errors="surrogateescape")
    beside.replace(path)
    return len(lines) - len(kept)


def _gone(path: Path) -> int:
    """A document of ours that is about the person, such as what was handed to them."""
    path.unlink()
    return 1


def _is_head(path: Path, at: int) -> bool:
    return at == 0 and path.suffix == ".csv"


def _marked(line: str, marks: tuple[str, ...]) -> bool:
    folded = line.casefold()
    return any(mark in folded for mark in marks)


def _records(text: str) -> list[str]:
    """The rows of a CSV as it would be written again: a cell may hold line ends."""
    records = []
    for row in csv.reader(io.StringIO(text)):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        records.append(line.getvalue())
    return records


def _outbox(path: Path, marks: tuple[str, ...]) -> int:
    """What the outbox keeps masks the address, but a text may name the person."""
    if not path.exists():
        return 0
    store = sqlite3.connect(path, timeout=10)
    try:
        store.execute("PRAGMA secure_delete=ON")
        rows = store.execute("SELECT id, subject || ' ' || body || ' ' || html FROM message")
        named = [(number,) for number, text in rows if _marked(text, marks)]
        with store:
            store.executemany("DELETE FROM message WHERE id = ?", named)
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        store.close()
    return len(named)

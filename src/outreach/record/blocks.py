"""Decodes a text file block by block, cut at line ends: memory stays flat whatever lies in the file."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from outreach.model.errors import InputRefused

LONGEST_LINE = 1 << 20
"""Characters. A longer line is no line of an export: a lost line end, or no text at all."""
UNDECODABLE = "\udcff"
"""Stands where bytes were that the encoding does not define; no decoded text contains it."""

_BLOCK = 1 << 18
_ENOUGH = 1_000
"""Letters beyond ASCII after which we know the encoding."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _marked(error: Any) -> tuple[str, int]:
    """Bytes that mean nothing cost their record, and not the file."""
    return UNDECODABLE, error.end


codecs.register_error("outreach.marked", _marked)


def open_bytes(path: Path) -> BinaryIO:
    """The file; InputRefused if it is missing or cannot be read."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputRefused(f"{path}: no such file; the mapping names it") from None
    except OSError as error:
        raise InputRefused(f"{path}: cannot be read: {error.strerror}") from None


def blocks(
    path: Path, file: BinaryIO, encoding: str, *, longest: int = LONGEST_LINE
) -> Iterator[tuple[str, bool]]:
    """(whole lines with their line ends, is clean); the last line of the file may lack its end.

    Clean: no UNDECODABLE and no NUL in it. Raises InputRefused for a line of more than `longest`
    characters without reading it to its end, and as `pieces` does.
    """
    rest, line = "", 1
    for text in pieces(path, file, encoding):
        waiting = rest + text
        cut = _end_of_lines(waiting)
        whole, rest = waiting[:cut], waiting[cut:]
        if whole:
            line += whole.count("\n") or whole.count("\r")
            yield whole, _is_clean(whole)
        if len(rest) > longest:
            raise InputRefused(
                f"{path}: line {line}: longer than {longest:,} characters; "
                "is it a text file, and does each record end with a line end?"
            )
    if rest:
        yield rest, _is_clean(rest)


def pieces(path: Path, file: BinaryIO, encoding: str) -> Iterator[str]:
    """The decoded text in pieces of some 256 KiB, without byte order mark.

    Raises InputRefused when the file fails, and UnicodeError when the encoding cannot be used at
    all (`utf-16` without a byte order mark).
    """
    decoder = codecs.getincrementaldecoder(encoding)("outreach.marked")
    starts, chunk = True, b"-"
    while chunk:
        chunk = _read(path, file)
        text = decoder.decode(chunk, not chunk)
        if starts and text:
            text, starts = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), False
        yield text


def _is_clean(text: str) -> bool:
    return UNDECODABLE not in text and "\0" not in text


def _read(path: Path, file: BinaryIO) -> bytes:
    try:
        return file.read(_BLOCK)
    except OSError as error:
        raise InputRefused(
            f"{path}: cannot be read further: {error.strerror}; nothing of it counts, try again"
        ) from None


def _end_of_lines(text: str) -> int:
    """Where the last whole line ends. A final CR may be half a CRLF: it waits."""
    return max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1


def resolved(path: Path, encoding: str) -> str:
    """The codec to read with: `auto` looked up, a UTF-16 file without byte order mark recognised."""
    if encoding == "auto":
        found = detected(path)
        return "utf-8" if found == "ascii" else found
    if codecs.lookup(encoding).name == "utf-16":
        found = detected(path)
        return found if found.startswith("utf-16") else encoding
    return encoding


def detected(path: Path) -> str:
    """What the bytes look like: ascii, utf-8, utf-16, utf-16-le, utf-16-be, utf-32, else cp1252.

    Reads until 1,000 letters beyond ASCII have been seen: some systems write the first one late.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("outreach.marked")
    good = bad = 0
    with open_bytes(path) as file:
        chunk = _read(path, file)
        if sure := _by_nature(chunk):
            return sure
        while chunk and good + bad < _ENOUGH:
            text = decoder.decode(chunk)
            wrong = text.count(UNDECODABLE)
            good, bad = good + _beyond_ascii(text) - wrong, bad + wrong
            chunk = _read(path, file)
    if not good and not bad:
        return "ascii"
    return "utf-8" if good > bad else "cp1252"


def _by_nature(head: bytes) -> str:
    """By byte order mark, or by the zeros that UTF-16 leaves in Western text."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    half = len(head) // 2
    if half and head[1::2].count(0) > half // 2:
        return "utf-16-le"
    return "utf-16-be" if half and head[::2].count(0) > half // 2 else ""


def _beyond_ascii(text: str) -> int:
    return 0 if text.isascii() else sum(letter > "\x7f" for letter in text)

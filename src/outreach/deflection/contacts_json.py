"""Reads JSON documents one after another out of a stream, however they are strung together, in bounded memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from outreach.model.errors import InputRefused

MOST_CHARS = 4 * 1024 * 1024
"""Of one document; the longest conversation of a platform is a tenth of it."""
BROKEN = object()
"""Stands for a piece that is no JSON; reading goes on with the next line."""

LISTS = ("conversations", "records", "contacts", "Records")
"""Names under which platforms wrap a list of documents."""

_BETWEEN = re.compile(r"[\s,\x1e\ufeff]*")
_OPENING = re.compile(rf'\{{\s*"(?:{"|".join(LISTS)})"\s*:\s*\[')
_CLOSING = re.compile(r"\]\s*(?:,[^\[\]{}]*)?\}")
"""The end of a wrapped list, with the counts that follow it."""
_DECODER = json.JSONDecoder()
_NEAR = 16
"""A mistake so near to the end may be a value that goes on in the next piece."""


def documents(pieces: Iterable[str]) -> Iterator[Any]:
    """Every value of a stream: one a line, without anything between, a list, or a wrapped list.

    pieces: the text in any cuts. BROKEN comes for what is no JSON. InputRefused for a document without end.
    """
    stream = _Stream()
    for piece in pieces:
        yield from stream.fed(piece)
    if stream.held.strip(" \t\r\n]}"):
        yield BROKEN


class _Stream:
    def __init__(self) -> None:
        self.held = ""
        self._in_wrapped = False

    def fed(self, piece: str) -> Iterator[Any]:
        """The values that are whole now."""
        self.held += piece
        at = self._start(0)
        while at < len(self.held):
            end: int | None
            try:
                value, end = _DECODER.raw_decode(self.held, at)
            except (ValueError, RecursionError) as error:
                value, end = BROKEN, self._past(error)
            if end is None:
                break
            yield value
            at = self._start(end)
        self.held = self.held[at:]
        if len(self.held) > MOST_CHARS:
            raise InputRefused(f"a JSON document of more than {MOST_CHARS} characters")

    def _start(self, at: int) -> int:
        """Where the next value begins, past what surrounds it."""
        while True:
            at = self._after(_BETWEEN, at)
            opened = self._after(_OPENING, at)
            closed = self._after(_CLOSING, at) if self._in_wrapped else at
            if opened > at:
                self._in_wrapped, at = True, opened
            elif closed > at:
                self._in_wrapped, at = False, closed
            elif self.held.startswith(("[", "]"), at) and not self._in_wrapped:
                at += 1
            else:
                return at

    def _after(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self.held, at)
        return found.end() if found else at

    def _past(self, error: Exception) -> int | None:
        """The line after a mistake; None while it may only be a value that is not whole yet."""
        if not isinstance(error, json.JSONDecodeError):
            return len(self.held)
        unfinished = error.msg.startswith(("Unterminated", "Invalid control"))
        if unfinished or error.pos >= len(self.held) - _NEAR:
            return None
        line = self.held.find("\n", error.pos)
        return None if line < 0 else line

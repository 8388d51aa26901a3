"""Reads JSON exports: one list of objects, piece by piece, or one object a line."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.blocks import LONGEST_LINE, blocks, open_bytes, pieces, resolved
from outreach.record.cells import Row, Typed, refuse_missing
from outreach.record.source_form import SourceForm

_SPACE = re.compile(r"[ \t\r\n]*")
_MANY_KEYS = 1_000
_Item = tuple[int, Any]
"""(line where it begins, value); the value is a _Damaged where the line is no JSON."""


class _NotJson(ValueError):
    """What Python would read although no other system does: NaN, Infinity."""


class _Damaged(str):
    """What is wrong with one line."""

    __slots__ = ()


def _refuse_constant(word: str) -> Any:
    raise _NotJson(f"`{word}` is no JSON number")


# Numbers stay as they are written: an account number is not to be rounded, nor a huge one computed.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)


class JsonFile:
    """An open JSON file. Iterating gives a Row, or a RowRefused that says why.

    Refused: `not_an_object`, `bad_json` (one object a line), `nested_value`, `undecodable`,
    `nul_byte`. A key that an object lacks is an empty cell; a list of plain values is one cell,
    joined by `;`. Raises InputRefused when the file is missing, damaged, or no list of objects, and
    at its end when no object at all had one of the `wanted` keys.
    """

    def __init__(
        self,
        folder: Path,
        form: SourceForm,
        wanted: Iterable[str] = (),
        *,
        longest: int = LONGEST_LINE,
    ) -> None:
        self.path = folder / form.file
        self.name = self.path.name
        self.records = 0
        self._wanted = [name for name in wanted if name]
        self._file = open_bytes(self.path)
        try:
            encoding = resolved(self.path, form.encoding)
            if is_by_line(form):
                self._items = _by_line(blocks(self.path, self._file, encoding, longest=longest))
            else:
                text = _Text(self.path, pieces(self.path, self._file, encoding), longest)
                self._items = text.items(form.list_key)
            self.columns = self._first_columns()
        except UnicodeError:
            self.close()
            raise InputRefused(f"{self.path}: not written in {form.encoding}") from None
        except InputRefused:
            self.close()
            raise
        self._typed = Typed(name=self.name, columns=tuple(self.columns), booleans=form.booleans)

    def __iter__(self) -> Iterator[Row | RowRefused]:
        unseen, seen = set(self._wanted), set[str]()
        try:
            for record, (line, item) in enumerate(self._items, start=1):
                self.records = record
                if unseen and isinstance(item, dict):
                    unseen -= item.keys()
                    seen.update(item if len(seen) < _MANY_KEYS else ())
                yield self._judged(record, line, item)
        finally:
            self.close()
        if seen:
            refuse_missing(f"{self.path}: in none of its objects", seen, unseen)

    def close(self) -> None:
        self._file.close()

    def _judged(self, record: int, line: int, item: Any) -> Row | RowRefused:
        if isinstance(item, _Damaged):
            return self._typed.refused(record, line, "bad_json", item)
        if not isinstance(item, dict):
            return self._typed.refused(record, line, "not_an_object")
        return self._typed.row(record, line, [item.get(column) for column in self.columns])

    def _first_columns(self) -> list[str]:
        """What is wanted, else what the first object has; its shape says whether the file is ours."""
        first = next(self._items, None)
        if first is None:
            return [*dict.fromkeys(self._wanted)]
        line, item = first
        if not isinstance(item, dict | _Damaged):
            raise InputRefused(f"{self.path}: record 1, line {line}: not a list of objects")
        self._items = chain([first], self._items)
        return [*dict.fromkeys(self._wanted or item)]


def is_by_line(form: SourceForm) -> bool:
    by_suffix = Path(form.file).suffix.lower() in {".jsonl", ".ndjson"}
    return form.format == "jsonl" or (form.format == "auto" and by_suffix)


def _by_line(texts: Iterator[tuple[str, bool]]) -> Iterator[_Item]:
    lines = chain.from_iterable(text.removesuffix("\n").split("\n") for text, _clean in texts)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _one(line)


def _one(line: str) -> Any:
    try:
        return _DECODER.decode(line)
    except json.JSONDecodeError as error:
        return _Damaged(f"column {error.colno}: {error.msg}")
    except (_NotJson, RecursionError) as error:
        return _Damaged(_said(error))


def _said(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


class _Text:
    """A JSON text of which only the part at hand is in memory."""

    def __init__(self, path: Path, texts: Iterator[str], longest: int) -> None:
        self._path, self._texts, self._longest = path, texts, longest
        self._text, self._at = "", 0
        self._line, self._counted = 1, 0
        """Line of the letter at _counted."""

    def items(self, key: str) -> Iterator[_Item]:
        """The members of the list that is the text, or stands under `key` of it, to the very end."""
        start = self._next()
        if start != ("{" if key else "["):
            raise self._unlike(start, key)
        yield from self._member(key) if key else self._list()
        if self._next():
            raise self._refused("more after the end")

    def _member(self, key: str) -> Iterator[_Item]:
        """Of an object only the list under `key`; the rest is checked and let go."""
        names = []
        for name in self._names():
            is_list = self._next() == "["
            items = self._list() if is_list else iter([(self._line_here(), self._value())])
            if name != key:
                deque(items, maxlen=0)
            elif is_list:
                yield from items
            else:
                raise InputRefused(f"{self._path}: no list of objects under `{key}`")
            names.append(name)
        refuse_missing(str(self._path), names, [key])

    def _names(self) -> Iterator[str]:
        """Each key of an object, and the text stands at its value."""
        self._at += 1
        if self._next() == "}":
            self._at += 1
            return
        while True:
            if self._next() != '"':
                raise self._refused("a key in quotes must stand here")
            name = str(self._value())
            self._expect(":")
            yield name
            if self._expect(",}") == "}":
                return

    def _list(self) -> Iterator[_Item]:
        self._at += 1
        if self._next() == "]":
            self._at += 1
            return
        while True:
            self._next()
            yield self._line_here(), self._value()
            if self._expect(",]") == "]":
                return

    def _next(self) -> str:
        """The next letter that is no space, or nothing at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _expect(self, letters: str) -> str:
        found = self._next()
        if not found or found not in letters:
            raise self._refused(f"`{letters[0]}` expected" if found else "the file ends too early")
        self._at += 1
        return found

    def _value(self) -> Any:
        """The value at hand, taken whole; at the end of what is in memory it may be cut short."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > self._longest or not self._more():
                    raise self._refused(error.msg, error.pos) from None
                continue
            except (_NotJson, RecursionError) as error:
                raise self._refused(_said(error)) from None
            if end < len(self._text) or not self._more():
                self._at = end
                return value

    def _more(self) -> bool:
        """Lets go of what has been read, and reads on; False at the end of the file."""
        self._line_here()
        text = next((text for text in self._texts if text), "")
        if text:
            self._text = self._text[self._at :] + text
            self._at = self._counted = 0
        return bool(text)

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _refused(self, said: str, at: int = -1) -> InputRefused:
        place = max(self._at, at)
        self._line += self._text.count("\n", self._counted, place)
        self._counted = place
        column = place - self._text.rfind("\n", 0, place)
        return InputRefused(f"{self._path}: line {self._line}, column {column}: {said}; not JSON")

    def _unlike(self, start: str, key: str) -> InputRefused:
        if key or start != "{":
            what = "object" if key else "list"
            return InputRefused(
                f"{self._path}: not a JSON {what}" if start else f"{self._path}: empty"
            )
        return InputRefused(
            f"{self._path}: one object and no list of objects; name the key of the list (list_key), "
            'or set format = "jsonl" if each line is an object'
        )

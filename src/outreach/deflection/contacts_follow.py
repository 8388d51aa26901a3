"""Follows a log that grows: bounded reads, a place kept with the rows, and rotation survived."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from outreach.deflection.calls import CHUNK, Intake
from outreach.deflection.contacts import FORMATS, Form
from outreach.deflection.contacts_asterisk import names_columns
from outreach.model.errors import InputRefused
from outreach.store import known
from outreach.store.session import Session

MOST_BYTES = 256 * 1024
"""Read at once; a record must fit, and must end its line."""
_SIGN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far a file was read."""

    file: int = 0
    """Its number in the file system: a rotated file keeps it under another name."""
    offset: int = 0
    lines: int = 0
    signed: int = 0
    sign: str = ""
    """Digest of the `signed` bytes before the place: numbers are used again, and files cut off."""


@dataclass(slots=True, kw_only=True)
class Follower:
    """Takes in what a file grows by, from where the last follower of it stood.

    The place is committed with the rows before it: a kill loses nothing, and counts nothing twice.
    """

    intake: Intake
    path: Path
    form: Form
    place: Place = field(default_factory=Place)

    def __post_init__(self) -> None:
        with self.intake.database.read() as session:
            kept = known.of(session, self.name)
        if kept:
            with suppress(
                ValueError, TypeError
            ):  # of another version: read anew, nothing counts twice
                self.place = Place(**json.loads(kept.value))

    @property
    def name(self) -> str:
        """Of the place in the store; a digest, for paths may name people."""
        where = f"{self.form}:{self.path.absolute()}".encode()
        return f"contacts:{hashlib.sha256(where).hexdigest()[:32]}"

    def turn(self, *, now: datetime) -> bool:
        """Takes in one bounded piece; False: there is nothing more for now. InputRefused: no such file."""
        self.intake.terms.passes(now)
        try:
            is_same, number = self._compared(self.path)
        except FileNotFoundError:
            is_same, number = False, 0  # between the two files of a rotation
        except OSError as error:
            raise InputRefused(f"{self.path}: {error.strerror}") from None
        if is_same:
            return self._piece(self.path, now=now)
        old = self._rotated()
        if old is not None and self._piece(old, now=now, is_last=True):
            return True
        if not number:
            return False
        self.place = Place(file=number)
        return self._piece(self.path, now=now)

    def until(self, ends: Callable[[], bool], *, clock: Callable[[], datetime]) -> None:
        """Turn after turn; `ends` waits a moment where nothing is left to read, and says whether to stop."""
        while self.turn(now=clock()) or not ends():
            pass

    def _compared(self, path: Path) -> tuple[bool, int]:
        """Whether it is the file of our place, not cut off since; and its number."""
        place = self.place
        with path.open("rb") as file:
            number = os.fstat(file.fileno()).st_ino
            file.seek(place.offset - place.signed)
            before = file.read(place.signed)
        return number == place.file and _digest(before) == place.sign, number

    def _rotated(self) -> Path | None:
        """The file of our place under the name that rotation gave it; None where it is gone."""
        for path in sorted(self.path.parent.glob(f"{self.path.name}?*")):
            with suppress(OSError):
                if self._compared(path)[0]:
                    return path
        return None

    def _piece(self, path: Path, *, now: datetime, is_last: bool = False) -> bool:
        with path.open("rb") as file:
            header = self._header(file)
            file.seek(self.place.offset)
            raw = _whole_lines(file.read(MOST_BYTES), is_last=is_last)
        if not raw:
            return False
        after = replace(
            self.place,
            offset=self.place.offset + len(raw),
            lines=self.place.lines + raw.count(b"\n"),
            signed=len(raw[-_SIGN:]),
            sign=_digest(raw[-_SIGN:]),
        )
        self._take(header, raw, after, now=now)
        return True

    def _header(self, file: BinaryIO) -> bytes:
        """The line that names the columns, again for what follows later in the file."""
        if not self.place.offset or not FORMATS[self.form].has_header:
            return b""
        first = file.readline(MOST_BYTES)
        is_record = self.form is Form.ASTERISK and not names_columns(self._text(first))
        return b"" if is_record else first

    def _text(self, raw: bytes) -> str:
        return raw.decode(self.intake.terms.mapping.encoding, errors="replace")

    def _take(self, header: bytes, raw: bytes, after: Place, *, now: datetime) -> None:
        ahead = self.place.lines - bool(header)
        lines = io.StringIO(self._text(header + raw), newline="")
        seen = [
            each._replace(record=each.record + ahead, line=each.line + ahead)
            for each in FORMATS[self.form].see(lines, self.intake.terms)
        ]

        def keep(session: Session) -> None:
            known.keep(session, self.name, json.dumps(asdict(after)), now=now)

        whole = len(seen) - len(seen) % CHUNK
        for at in range(0, whole, CHUNK):
            self.intake.take(seen[at : at + CHUNK])
        self.intake.take(seen[whole:], beside=keep)
        self.place = after


def _whole_lines(raw: bytes, *, is_last: bool) -> bytes:
    """Up to the last line end: the rest is still being written, unless nobody writes here any more."""
    is_all = len(raw) < MOST_BYTES
    end = raw.rfind(b"\n") + 1
    return raw if (is_last and is_all) or not (end or is_all) else raw[:end]


def _digest(signed: bytes) -> str:
    return hashlib.sha256(signed).hexdigest()[:16] if signed else ""

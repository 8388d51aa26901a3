"""Reads one source to its end and stages what is new or changed; an unchanged row costs a look-up."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from itertools import islice
from typing import Any, Protocol

from outreach.addresses import Keyring
from outreach.model.record import RowRefused
from outreach.record.cells import Row
from outreach.record.newest import Losers, Read, wins
from outreach.record.sources import Source
from outreach.store import staging
from outreach.store.session import Database, Session
from outreach.store.staging import Standing

CHUNK = 5_000
_KEPT = 10_000
"""Refused rows that are kept for the report; all are counted, and all go to whoever takes them."""
_BETWEEN = "\x1f"

Refuse = Callable[[RowRefused], None]
Hold = Callable[[Session], None]
"""Prolongs the lease in a transaction that writes."""


class Reader(Protocol):
    """What an entity knows of its rows."""

    entity: str
    keyring: Keyring

    def ref(self, row: Row) -> str: ...
    def refusal(self, row: Row, ref: str) -> str: ...
    def day(self, row: Row) -> date | None: ...
    def staged(self, ref: str, row: Row, digest: int) -> tuple[tuple[object, ...], str]: ...
    def forget(self, sealed: Iterable[bytes]) -> None: ...


@dataclass(slots=True, kw_only=True)
class Tally:
    """What reading one source gave so far."""

    records: int = 0
    accepted: int = 0
    unchanged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    kept: list[RowRefused] = field(default_factory=list)
    losers: Losers = field(default_factory=Losers)

    @property
    def taken(self) -> int:
        """Distinct accounts, or premises."""
        return self.accepted - self.losers.count


class Reading:
    """One pass over one source.

    `seen` holds, by id, the record at which a row of the record was met: 4 bytes each, and all
    that grows with the rows.
    """

    def __init__(
        self,
        database: Database,
        reader: Reader,
        key: bytes,
        *,
        hold: Hold,
        refuse: Refuse,
        changed: int = -1,
    ) -> None:
        """key: at most 64 bytes that tell the mapping and the columns apart. changed: place of the
        column that says when a row changed; -1: none does.
        """
        self.tally = Tally()
        with database.read() as session:
            highest = staging.highest(session, reader.entity)
        self.is_known = highest > 0
        self.seen = array("I", bytes(4 * (highest + 1)))
        self.day = reader.day
        self._database, self._reader, self._key = database, reader, key
        self._hold, self._refuse = hold, refuse
        self._changed = changed
        self.latest_change = ""
        self._name = ""
        self._closed: set[str] = set()

    def read(self, source: Source, progress: Callable[[int], None]) -> None:
        """Reads to the end; progress hears the records after each chunk."""
        self._name = source.name
        rows = iter(source)
        while some := list(islice(rows, CHUNK)):
            self._take(some)
            progress(self.tally.records)

    def vanished(self) -> Iterator[list[int]]:
        """Ids that no row named, in chunks; closed ones and gaps are among them."""
        unmet = (id_ for id_, record in enumerate(self.seen) if not record and id_)
        while some := list(islice(unmet, CHUNK)):
            yield some

    def closed(self) -> Iterator[list[int]]:
        """Ids of which a row said that they are closed, and no other row that they are not, in chunks."""
        refs = iter(self._closed)
        while some := list(islice(refs, CHUNK)):
            with self._database.read() as session:
                standing = staging.standing(session, self._reader.entity, some)
            yield [one.id for one in standing.values() if not self.seen[one.id]]

    def _take(self, some: list[Row | RowRefused]) -> None:
        offers = list(self._accepted(some))
        refs = {ref for ref, _row, _digest in offers}
        with self._database.read() as session:
            entity = self._reader.entity
            standing = staging.standing(session, entity, refs) if self.is_known else {}
            staged = staging.staged(session, entity, refs)
        chunk = _Chunk(reading=self, standing=standing, before=_reads(staged))
        for ref, row, digest in offers:
            chunk.offer(ref, row, digest)
        self._write(chunk)

    def _accepted(self, some: list[Row | RowRefused]) -> Iterator[tuple[str, Row, int]]:
        reader, tally = self._reader, self.tally
        tally.records += len(some)
        for row in some:
            if isinstance(row, RowRefused):
                self._outside(row)
                continue
            ref = reader.ref(row)
            if reason := reader.refusal(row, ref):
                self._outside(
                    RowRefused(file=self._name, record=row.record, line=row.line, reason=reason)
                )
                if reason == "closed_account" and self.is_known:
                    self._closed.add(ref)
                continue
            tally.accepted += 1
            if self._changed >= 0:
                self.latest_change = later(self.latest_change, row.fields[self._changed].strip())
            yield ref, row, self._digest(row)

    def _outside(self, refused: RowRefused) -> None:
        self.tally.refused[refused.reason] += 1
        if len(self.tally.kept) < _KEPT:
            self.tally.kept.append(refused)
        self._refuse(refused)

    def _digest(self, row: Row) -> int:
        """63 bits of the cells as they stand, and of the mapping that reads them."""
        content = _BETWEEN.join(row.fields).encode("utf-8", "surrogatepass")
        digest = blake2b(content, digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big") >> 1

    def _write(self, chunk: _Chunk) -> None:
        """One transaction; none where nothing is new."""
        if not chunk.pending and not chunk.reverted:
            return
        entity = self._reader.entity
        read = [
            self._reader.staged(ref, row, digest)
            for ref, (row, digest) in sorted(chunk.pending.items())
        ]
        sealed = self._reader.keyring.seal_each([clear for _open, clear in read])
        rows = [(*open_, body) for (open_, _clear), body in zip(read, sealed, strict=True)]
        with self._database.write() as session:
            self._hold(session)
            displaced = [ref for ref in chunk.before if ref in chunk.pending] + [*chunk.reverted]
            if displaced and entity == "account":
                self._reader.forget(staging.bodies(session, displaced))
            staging.unstage(session, entity, displaced)
            staging.stage(session, entity, rows)


def later(one: str, other: str) -> str:
    """The later of two changes as their source writes them: numbers, or days and times from the year on."""
    if one.isdecimal() and other.isdecimal():
        return max(one, other, key=int)
    return max(one, other)


def _reads(staged: dict[str, Any]) -> dict[str, Read]:
    return {ref: Read(one.record, one.day, one.digest) for ref, one in staged.items()}


@dataclass(slots=True, kw_only=True)
class _Chunk:
    """Some rows on their way: which of them stand, which are staged, which replace what."""

    reading: Reading
    standing: dict[str, Standing]
    before: dict[str, Read]
    """Staged by an earlier chunk of this load."""
    pending: dict[str, tuple[Row, int]] = field(default_factory=dict)
    """ref -> (row, digest) to be staged."""
    reverted: set[str] = field(default_factory=set)
    """Staged earlier, and now found to be as the record has them."""

    def offer(self, ref: str, row: Row, digest: int) -> None:
        known = self.standing.get(ref)
        winner = self._winner(ref, known)
        if winner is not None and not self._beats(ref, row, digest, winner):
            return
        is_as_it_stands = known is not None and known.is_open and known.digest == digest
        if known is not None:
            self.reading.seen[known.id] = row.record
        if is_as_it_stands:
            self.reading.tally.unchanged += winner is None or winner.digest != digest
            self.pending.pop(ref, None)
            if ref in self.before:
                self.reverted.add(ref)
        else:
            self.reading.tally.unchanged -= (
                winner is not None and known is not None and self._stood(known, winner)
            )
            self.reverted.discard(ref)
            self.pending[ref] = row, digest

    def _stood(self, known: Standing, winner: Read) -> bool:
        return known.is_open and known.digest == winner.digest

    def _beats(self, ref: str, row: Row, digest: int, winner: Read) -> bool:
        losers = self.reading.tally.losers
        offered = Read(row.record, self.reading.day(row), digest)
        if wins(offered, winner):
            losers.lost(ref, winner, to=offered)
            return True
        losers.lost(ref, offered, to=winner)
        return False

    def _winner(self, ref: str, known: Standing | None) -> Read | None:
        """The row that holds this ref so far in this load."""
        if ref in self.pending:
            row, digest = self.pending[ref]
            return Read(row.record, self.reading.day(row), digest)
        if ref in self.before and ref not in self.reverted:
            return self.before[ref]
        if known is not None and (record := self.reading.seen[known.id]):
            return Read(record, known.day, known.digest or 0)
        return None

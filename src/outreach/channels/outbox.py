"""A carrier of our own: takes messages without credentials, fails some, sends receipts, keeps all to look at."""

from __future__ import annotations

import asyncio
import hmac
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from outreach.model.message import (
    Accepted,
    Attempt,
    Delayed,
    Found,
    Outcome,
    Outgoing,
    Receipt,
    Refused,
)
from outreach.model.words import Channel, MessageState

PROVIDER = "outbox"
FILE = "outbox.db"
REFUSED, UNDELIVERED, DELIVERED, SENT = "refused", "undelivered", "delivered", "sent"
_FULL_WAIT = timedelta(seconds=30)
_SHOWN = 2
_DRAWS = 1 << 32

_TABLES = """
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, channel TEXT NOT NULL,
  sender TEXT NOT NULL, masked TEXT NOT NULL, address_hash BLOB NOT NULL, subject TEXT NOT NULL,
  body TEXT NOT NULL, html TEXT NOT NULL, segments INTEGER NOT NULL, fate TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS message_address ON message (address_hash);
CREATE TABLE IF NOT EXISTS receipt_due (
  at INTEGER NOT NULL, channel TEXT NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (channel, at, message)
) WITHOUT ROWID;
"""
_INSERT = "INSERT OR IGNORE INTO message VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OWED = """
INSERT OR IGNORE INTO receipt_due
SELECT at + ?, channel, id FROM message WHERE id > ? AND fate IN ('delivered', 'undelivered')
"""
_DUE = """
SELECT receipt_due.at, message, token, fate FROM receipt_due JOIN message ON id = message
WHERE receipt_due.channel = ? AND receipt_due.at <= ? ORDER BY 1, 2 LIMIT ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """One message as the page shows it; `to` is masked, and the store knows no more."""

    id: int
    token: str
    at: datetime
    channel: Channel
    sender: str
    to: str
    subject: str
    body: str
    html: str
    segments: int
    fate: str
    """What becomes of it: refused, undelivered, delivered, or sent where no receipt comes."""


class Outbox:
    """One channel's door to the mailbox in `folder` (file outbox.db, mode 0600, shared by all channels).

    seed: at least 16 bytes; with the token it decides the fate of a message, the same in every run.
    refused, undelivered: shares of messages refused at once, and reported undelivered later.
    latency: from acceptance to the receipt. Addresses are kept masked, and as a keyed hash.
    """

    batch_size = 1000
    stays_inside = True
    """Drills leave by nothing else."""

    def __init__(  # noqa: PLR0913  shares and latency have defaults
        self,
        folder: Path,
        channel: Channel,
        *,
        seed: bytes,
        clock: Callable[[], datetime],
        refused: float = 0.0,
        undelivered: float = 0.02,
        latency: timedelta = timedelta(seconds=3),
    ) -> None:
        self.channel = channel
        self.has_receipts = channel is not Channel.SOCIAL
        self._seed = seed
        self._clock = clock
        self._refused = refused
        self._failing = refused + undelivered
        self._latency = latency // timedelta(microseconds=1)
        self._handed: list[tuple[str, int, int]] = []
        self._lock = threading.Lock()
        self._store = _opened(folder / FILE)

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        """Written and committed before the answer; a token sent twice is kept once."""
        return await asyncio.to_thread(self._take, batch)

    async def find(self, attempts: list[Attempt], deadline: float) -> list[Found]:
        """Exact, by token."""
        return [self._find_one(attempt) for attempt in attempts]

    async def close(self) -> None:
        with self._lock:
            self._store.close()

    def due_receipts(self, now: datetime, *, limit: int = 10_000) -> list[Receipt]:
        """Receipts of this channel due by now, oldest first, at most `limit`.

        The next call counts as the sign that these were taken in: after a crash between the two
        they come again, as a carrier's do.
        """
        with self._lock, self._store:
            self._store.executemany(
                "DELETE FROM receipt_due WHERE channel = ? AND at = ? AND message = ?", self._handed
            )
            rows = self._store.execute(_DUE, (self.channel, _micros(now), limit)).fetchall()
            self._handed = [(self.channel, at, message) for at, message, _token, _fate in rows]
        return [_receipt(at, token, fate) for at, _message, token, fate in rows]

    def messages(
        self, *, limit: int = 100, channel: Channel | None = None, search: str = ""
    ) -> list[OutboxMessage]:
        """Newest first; all channels unless one is named.

        search: part of a subject, body or masked address, or a whole address.
        """
        with self._lock:
            rows = self._store.execute(
                """SELECT id, token, at, channel, sender, masked, subject, body, html, segments, fate
                FROM message WHERE (?1 IS NULL OR channel = ?1) AND (?2 = '' OR address_hash = ?3
                OR instr(casefold(subject || ' ' || body || ' ' || masked), ?2))
                ORDER BY id DESC LIMIT ?4""",
                (channel, search.casefold(), self._hash(search), limit),
            ).fetchall()
        return [_shown(*row) for row in rows]

    def _take(self, batch: list[Outgoing]) -> list[Outcome]:
        at = _micros(self._clock())
        fates = [self._fate(one.token) for one in batch]
        rows = [self._row(one, at, fate) for one, fate in zip(batch, fates, strict=True)]
        try:
            with self._lock, self._store:
                last = self._store.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
                self._store.executemany(_INSERT, rows)
                if self.has_receipts:
                    self._store.execute(_OWED, (self._latency, last))
        except sqlite3.Error as error:
            return [_delayed(one.id, error) for one in batch]
        return [_outcome(one, fate) for one, fate in zip(batch, fates, strict=True)]

    def _row(self, one: Outgoing, at: int, fate: str) -> tuple[object, ...]:
        content = one.content
        return (
            one.token, at, one.channel, one.sender, masked(one.to), self._hash(one.to),
            content.subject, content.text, content.html, content.segments, fate,
        )  # fmt: skip

    def _fate(self, token: str) -> str:
        drawn = int.from_bytes(hmac.digest(self._seed, token.encode(), "sha256")[:4]) / _DRAWS
        if drawn < self._refused:
            return REFUSED
        if not self.has_receipts:
            return SENT
        return UNDELIVERED if drawn < self._failing else DELIVERED

    def _hash(self, address: str) -> bytes:
        return hmac.digest(self._seed, b"to " + address.lower().encode(), "sha256")[:16]

    def _find_one(self, attempt: Attempt) -> Found:
        with self._lock:
            row = self._store.execute(
                "SELECT token FROM message WHERE token = ? AND fate <> ?", (attempt.token, REFUSED)
            ).fetchone()
        return Found(id=attempt.id, provider_ref=_ref(attempt.token) if row else None)


def masked(address: str) -> str:
    """Enough to tell two apart on a page, too little to write to."""
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"{address[:4]}****{address[-_SHOWN:]}"


def _opened(path: Path) -> sqlite3.Connection:
    # Created with its mode before SQLite opens it; its -wal and -shm files take the same one.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    store = sqlite3.connect(path, timeout=5, check_same_thread=False)
    store.create_function("casefold", 1, str.casefold)  # SQLite's lower() knows ASCII only
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = NORMAL")  # a mailbox to look at, not our ledger
    # Tokens and addresses come in no order: with the usual 2 MB a batch writes the same pages again and again.
    store.execute("PRAGMA cache_size = -32768")
    store.execute("PRAGMA wal_autocheckpoint = 4000")
    store.executescript(_TABLES)
    return store


def _micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _ref(token: str) -> str:
    return f"outbox.{token}"


def _outcome(one: Outgoing, fate: str) -> Outcome:
    if fate == REFUSED:
        return Refused(
            id=one.id, code="outbox_bad_address", reason="outbox: refused", address_is_bad=True
        )
    return Accepted(id=one.id, provider_ref=_ref(one.token))


def _delayed(id_: int, error: sqlite3.Error) -> Delayed:
    reason = f"outbox cannot be written: {error}"
    return Delayed(id=id_, code="outbox_store", reason=reason, retry_after=_FULL_WAIT)


def _receipt(at: int, token: str, fate: str) -> Receipt:
    state = MessageState.DELIVERED if fate == DELIVERED else MessageState.UNDELIVERED
    return Receipt(
        provider=PROVIDER,
        event_key=f"{token}.{fate}",
        token=token,
        provider_ref=_ref(token),
        state=state,
        code="" if fate == DELIVERED else "outbox_unreachable",
        at=_instant(at),
    )


def _shown(*row: object) -> OutboxMessage:
    names = tuple(OutboxMessage.__dataclass_fields__)
    values = dict(zip(names, row, strict=True))
    values |= {"at": _instant(int(str(values["at"]))), "channel": Channel(str(values["channel"]))}
    return OutboxMessage(**values)  # type: ignore[arg-type]  # columns of our own table

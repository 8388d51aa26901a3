"""The keys as a web process holds them: looked up in memory, read again when they change, and counted."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from outreach.model.api_key import ApiKey
from outreach.model.errors import OutreachError
from outreach.store import api_keys, changes
from outreach.store.session import Database

log = structlog.get_logger()

LOOK_EVERY_S = 0.5
"""A key that was made or revoked is known within a second."""
TRUSTED_S = 1.0
"""Older than this the table is read before anybody is let in: between two requests a key may be revoked."""
WITHIN_S = 0.25
"""How long a caller waits for that; with the database away the keys hold as they were known last."""
NOTED_EVERY = timedelta(minutes=1)
_MINUTE_S = 60.0


@dataclass(slots=True)
class Bucket:
    """A minute's requests, refilled evenly; may be spent at once after a quiet minute."""

    per_minute: int
    left: float
    at: float

    def take(self, now_s: float) -> bool:
        """Whether one more request is within the limit."""
        self.refill(now_s)
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def refill(self, now_s: float) -> None:
        passed = max(0.0, now_s - self.at)
        self.left = min(self.per_minute, self.left + passed * self.per_minute / _MINUTE_S)
        self.at = now_s

    @property
    def wait_s(self) -> int:
        """Whole seconds until the next request is taken."""
        return max(1, math.ceil((1 - self.left) * _MINUTE_S / self.per_minute))

    @property
    def full_in_s(self) -> int:
        """Whole seconds until the whole minute's number is there again."""
        return math.ceil((self.per_minute - self.left) * _MINUTE_S / self.per_minute)


class Buckets:
    """One bucket a name; the names used longest ago are forgotten, so that memory is bounded."""

    def __init__(self, monotonic: Callable[[], float], *, most: int) -> None:
        self._monotonic = monotonic
        self._most = most
        self._of: OrderedDict[object, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, name: object, per_minute: int) -> Bucket:
        """The bucket of a name; full when it is new, or when its limit was changed."""
        found = self._of.get(name)
        if found is None or found.per_minute != per_minute:
            found = Bucket(per_minute, per_minute, self._monotonic())
            self._of[name] = found
            if len(self._of) > self._most:
                self._of.popitem(last=False)
        else:
            self._of.move_to_end(name)
            found.refill(self._monotonic())
        return found

    def take(self, name: object, per_minute: int) -> Bucket | None:
        """None: one more is taken. Else the bucket that is empty."""
        bucket = self.of(name, per_minute)
        return None if bucket.take(self._monotonic()) else bucket


class KeyTable:
    """digest -> key, of the good ones; one short look at a counter every half second while it is asked."""

    def __init__(
        self, database: Database, *, monotonic: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._monotonic = monotonic
        self._now = now
        self._keys: dict[bytes, ApiKey] = {}
        self._counter = -1
        self._looked_at = -math.inf
        self._began_at = -math.inf
        self._looking: Future[None] | None = None
        self._noted: dict[int, datetime] = {}
        # One thread looks; the other may wait for a writer's lock without holding up the look.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="keys")

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key of a digest, good or expired since the look; None for none."""
        age = self._monotonic() - self._looked_at
        if age >= LOOK_EVERY_S:
            look = self._look_begun()
            if age >= TRUSTED_S or digest not in self._keys:
                await self._seen(look)
        return self._keys.get(digest)

    def _look_begun(self) -> Future[None] | None:
        """The look under way, or a new one; one at a time, and no more often than that."""
        is_over = self._looking is None or self._looking.done()
        if is_over and self._monotonic() - self._began_at >= LOOK_EVERY_S:
            self._began_at = self._monotonic()
            self._looking = self._threads.submit(self.look)
        return self._looking

    async def _seen(self, look: Future[None] | None) -> None:
        """Waits for a look that is young: of one that hangs only the first callers wait."""
        if look is None or look.done() or self._monotonic() - self._began_at >= WITHIN_S:
            return
        await asyncio.wait({asyncio.wrap_future(look)}, timeout=WITHIN_S)

    def holds(self, digest: bytes) -> bool:
        """Whether it was a good key at the last look."""
        return digest in self._keys

    def look(self) -> None:
        """Reads the keys if they changed since the last look; blocking."""
        began = self._monotonic()
        try:
            with self._database.read() as session:
                counter = changes.counters(session).get("keys", 0)
                if counter != self._counter:
                    found = api_keys.good(session, now=self._now())
                    self._keys = {each.digest: each for each in found}
                    self._counter = counter
            self._looked_at = began
        except OutreachError as error:
            log.warning("keys not read", why=str(error))

    def was_used(self, key: ApiKey, now: datetime) -> None:
        """Notes the use at most once a minute, in a thread of its own: nobody waits for it."""
        noted = self._noted.get(key.id)
        if noted is None or now - noted >= NOTED_EVERY:
            self._noted[key.id] = now
            self._threads.submit(self._note, key.id, now)

    def _note(self, key: int, at: datetime) -> None:
        try:
            with self._database.write() as session:
                api_keys.used(session, {key: at})
        except OutreachError as error:
            log.warning("use of a key not noted", why=str(error))

    def close(self) -> None:
        """Waits for what is being written."""
        self._threads.shutdown(wait=True)

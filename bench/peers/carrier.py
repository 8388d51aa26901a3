"""A carrier on loopback in a process of its own that takes every SMS and knows how often it took each.

As fast as a stub can be by hand: it must be faster than what it measures.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

_TO = re.compile(rb"(?:^|&)To=([^&]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the carrier has accepted since it was last told to forget. `doubled` in recipients."""

    accepted: int
    recipients: int
    doubled: int
    seconds: float
    """From the first to the last."""

    @property
    def rate(self) -> float:
        """Messages a second."""
        return (self.accepted - 1) / self.seconds if self.seconds else 0.0


class _Ledger:
    """How often each recipient was accepted, and when the first and the last."""

    def __init__(self) -> None:
        self.numbers: Counter[bytes] = Counter()
        self.accepted = 0
        self.first = self.last = 0.0

    def accept(self, body: bytes) -> int:
        found = _TO.search(body)
        self.numbers[found[1] if found else b""] += 1
        self.accepted += 1
        self.last = time.perf_counter()
        self.first = self.first or self.last
        return self.accepted

    def as_json(self) -> bytes:
        doubled = sum(1 for times in self.numbers.values() if times > 1)
        return json.dumps({
            "accepted": self.accepted, "recipients": len(self.numbers), "doubled": doubled,
            "seconds": self.last - self.first,
        }).encode()  # fmt: skip


class _Line(asyncio.Protocol):
    """One connection: POST is a message, GET reads the ledger and, at /forget, empties it."""

    ledger = _Ledger()
    delay = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.held = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.held[:end])
            length = _length(head.lower())
            if len(self.held) < end + 4 + length:
                return
            body = bytes(self.held[end + 4 : end + 4 + length])
            del self.held[: end + 4 + length]
            if head.startswith(b"POST"):
                self._take(body)
            else:
                self._tell(head)

    def _take(self, body: bytes) -> None:
        number = self.ledger.accept(body)
        reply = _reply(b'{"sid": "SM%032x", "status": "queued", "error_code": null}' % number)
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, reply)
        else:
            self.transport.write(reply)

    def _tell(self, head: bytes) -> None:
        self.transport.write(_reply(self.ledger.as_json()))
        if head.startswith(b"GET /forget"):
            _Line.ledger = _Ledger()


def _length(head: bytes) -> int:
    at = head.find(b"content-length:")
    return int(head[at + 15 : at + 30].split(b"\r")[0]) if at >= 0 else 0


def _reply(body: bytes) -> bytes:
    head = b"HTTP/1.1 201 CREATED\r\nContent-Type: application/json\r\n"
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def _serve(ready: Any, delay: float) -> None:
    async def main() -> None:
        _Line.delay = delay
        server = await asyncio.get_running_loop().create_server(_Line, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def running(delay: float = 0.0) -> Iterator[str]:
    """Its URL; `delay` in seconds between a message's acceptance and its answer."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, delay))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def taken(url: str, *, forget: bool = False) -> Taken:
    """What it has accepted so far; afterwards nothing, if told to forget."""
    with urlopen(f"{url}/{'forget' if forget else 'ledger'}", timeout=10) as answer:  # noqa: S310  loopback
        return Taken(**json.load(answer))

"""Uvicorn's connection with limits of our own: time, heads, and how many connections one process holds."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_WITHIN_S = 10.0
"""A request, or the first one of a new connection, must be whole by then."""
ANSWER_WITHIN_S = 60.0
"""An answer must be made and taken by then: who does not read it holds it no longer."""
LOOK_EVERY_S = 2.5
MOST_HEADERS = 100
MOST_HEAD = 32 * 1024
"""Bytes of request line and headers; Twilio's and SendGrid's stay below 4 KiB."""
MOST_CONNECTIONS = 2_000
_SPARE_FILES = 200
"""Of the process's open files: database, carriers, logs."""


class PatientProtocol(HttpToolsProtocol):
    """Closes connections whose request drips in, or whose head or answer has no end; uvicorn alone holds them.

    One timer a connection looks at one instant, so that a request costs an assignment and no timer.
    """

    _awaited_since: float | None = None
    _answering_since: float | None = None
    _watch: asyncio.TimerHandle | None = None
    _in_head = False
    _head = 0

    def connection_made(self, transport: Any) -> None:
        make_room(self.connections)
        super().connection_made(transport)
        self._awaited_since = self.loop.time()
        self._watch = self.loop.call_later(LOOK_EVERY_S, self._look)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if (
            was_in_head and self._in_head
        ):  # one header without an end: the parser tells of whole ones
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._refuse()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited_since = self.loop.time()
        self._in_head, self._head = True, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._counted(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._counted(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._answering_since = self.loop.time()
        super().on_headers_complete()
        # The answer to HEAD writes no body after its head, and a 100 goes out before both.
        if self.scope["method"] != "HEAD" and not self.expect_100_continue:
            self.cycle.transport = _InOnePiece(self.transport)

    def on_message_complete(self) -> None:
        self._awaited_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._answering_since = None
        super().on_response_complete()
        if self._awaited_since is not None and not self._in_head:
            self.transport.close()  # answered before its body was whole: the rest is not wanted

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def awaited_since(self) -> float | None:
        """When the request that is not whole yet began, or the connection; None: nothing is owed to us."""
        return self._awaited_since

    def _counted(self, size: int) -> None:
        """Raises to the parser, which answers 400 and closes."""
        self._head += size
        if self._head > MOST_HEAD or len(self.headers) > MOST_HEADERS:
            raise HttpParserError("the head is too large")

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.send_400_response("Request header fields too large.")

    def _look(self) -> None:
        now = self.loop.time()
        waits = (self._awaited_since, REQUEST_WITHIN_S), (self._answering_since, ANSWER_WITHIN_S)
        if any(since is not None and now - since >= limit for since, limit in waits):
            self.transport.abort() if self._awaited_since is None else self.transport.close()
            return
        self._watch = self.loop.call_later(LOOK_EVERY_S, self._look)


class _InOnePiece(asyncio.Transport):
    """Keeps the head of an answer until its body comes, as ASGI wants it; uvicorn alone writes each at once.

    One system call, one packet and one awakening of the reader less: a tenth of what an answer of the IVR costs.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: Any) -> None:
        if self._head is None:
            self._head = data
        elif self._head:
            self._transport.writelines((self._head, data))
            self._head = b""
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


def most_connections() -> int:
    """As many as the process may have files open, less a reserve, and never more than our own limit."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_SPARE_FILES, min(MOST_CONNECTIONS, soft - _SPARE_FILES))


_most = most_connections()


def make_room(connections: set[Any]) -> None:
    """Where all places are taken, whoever has kept us waiting longest for a request leaves.

    Honest callers ask within milliseconds; a flood of silent connections only pushes out itself.
    """
    if len(connections) < _most:
        return
    waiting = [
        (since, each)
        for each in connections
        if isinstance(each, PatientProtocol) and (since := each.awaited_since()) is not None
    ]
    if waiting:
        min(waiting, key=lambda pair: pair[0])[1].transport.abort()

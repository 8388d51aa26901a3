"""Carries HTTP requests to providers over pooled connections, and tells apart "not sent" from "lost"."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import certifi
import pycurl

MAX_REPLY = 1 << 20
CONNECT_S = 5.0
IDLE_S = 30
"""Connections idle for longer are not reused: a provider that closed one would leave us in doubt."""


class CallFailed(Exception):
    """A request without an answer; the message is one line without address or body."""


class NotSent(CallFailed):
    """Nothing of the request left: name, connection, TLS. Safe to try again."""


class Lost(CallFailed):
    """It left, at least in part, and no whole answer came back: it may have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer; header names in lower case, the last value where one repeats."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Transport:
    """Pooled HTTP/1.1 with keep-alive, verified TLS, no redirects; one event loop for its whole life.

    only_loopback: refuses, after resolution, any host that is not this machine, and any proxy.
    connections: most open at once to one host; requests beyond wait inside their own deadline.
    max_reply: bytes; a longer answer counts as lost.
    """

    def __init__(
        self,
        *,
        only_loopback: bool = False,
        connections: int = 200,
        connect_s: float = CONNECT_S,
        max_reply: int = MAX_REPLY,
    ) -> None:
        self._only_loopback = only_loopback
        self._connect_s = connect_s
        self._max_reply = max_reply
        self._idle: list[tuple[Any, _Target]] = []
        """Handles, each with where it was last aimed."""
        self._waiting: dict[Any, asyncio.Future[int]] = {}
        self._watched: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._ring_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, connections)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)

    async def request(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        deadline: float,
    ) -> Response:
        """The whole answer, whatever its status. `deadline` is the total, in seconds. NotSent, Lost."""
        if deadline <= 0:
            raise NotSent("no time left before the call")
        self._loop = self._loop or asyncio.get_running_loop()
        target = (method, url, tuple(headers.items()))
        easy, set_up = self._idle.pop() if self._idle else (self._new_handle(), None)
        if (
            set_up != target
        ):  # what a handle was told it keeps: mostly it calls the same place again
            _aim(easy, target)
        answer, head = list[bytes](), list[bytes]()
        if method == "POST":
            easy.setopt(pycurl.POSTFIELDSIZE, len(body))
            # A body that cannot be rewound: with POSTFIELDS curl silently posts again when a reused
            # connection closes without an answer, and the person would get two copies.
            easy.setopt(pycurl.READFUNCTION, io.BytesIO(body).read)
        easy.setopt(pycurl.TIMEOUT_MS, max(1, int(deadline * 1000)))
        easy.setopt(pycurl.WRITEFUNCTION, answer.append)
        easy.setopt(pycurl.HEADERFUNCTION, head.append)
        code = await self._perform(easy)
        if code != pycurl.E_OK:
            raise _failure(easy, code)
        status = easy.getinfo(pycurl.RESPONSE_CODE)
        self._idle.append((easy, target))
        return Response(status=status, headers=_parsed(head), body=b"".join(answer))

    async def close(self) -> None:
        """Ends what is under way as lost, and closes all connections."""
        for easy, waiting in list(self._waiting.items()):
            self._finish(easy, waiting, pycurl.E_ABORTED_BY_CALLBACK)
        for easy, _target in self._idle:
            easy.close()
        self._idle.clear()
        self._multi.close()
        if self._timer is not None:
            self._timer.cancel()

    async def _perform(self, easy: Any) -> int:
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[easy] = waiting
        self._multi.add_handle(easy)
        try:
            return await waiting
        finally:
            if easy in self._waiting:  # cancelled: the connection goes with it
                self._finish(easy, waiting, pycurl.E_ABORTED_BY_CALLBACK)

    def _new_handle(self) -> Any:
        easy = pycurl.Curl()
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.NOPROGRESS, 1)
        easy.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        easy.setopt(pycurl.FOLLOWLOCATION, 0)
        easy.setopt(pycurl.SSL_VERIFYPEER, 1)
        easy.setopt(pycurl.SSL_VERIFYHOST, 2)
        easy.setopt(pycurl.CAINFO, certifi.where())
        easy.setopt(pycurl.TCP_NODELAY, 1)
        easy.setopt(pycurl.MAXAGE_CONN, IDLE_S)
        easy.setopt(pycurl.MAXFILESIZE, self._max_reply)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, int(self._connect_s * 1000))
        if self._only_loopback:
            easy.setopt(pycurl.PROXY, "")
            easy.setopt(pycurl.OPENSOCKETFUNCTION, _open_loopback)
        return easy

    def _watch(self, what: int, descriptor: int, _multi: Any, _assigned: Any) -> None:
        assert self._loop is not None  # noqa: S101  curl calls back only after a request
        wanted = 0 if what == pycurl.POLL_REMOVE else what
        known = self._watched.get(descriptor, 0)
        for bit, add, remove in (
            (pycurl.POLL_IN, self._loop.add_reader, self._loop.remove_reader),
            (pycurl.POLL_OUT, self._loop.add_writer, self._loop.remove_writer),
        ):
            if wanted & bit and not known & bit:
                add(descriptor, self._act, descriptor, bit)
            elif known & bit and not wanted & bit:
                remove(descriptor)
        self._watched[descriptor] = wanted

    def _set_timer(self, milliseconds: int) -> None:
        """Curl moves its timer several times a request: one that rings too early is set again instead."""
        if milliseconds < 0 or self._loop is None:
            self._ring_at = None
            return
        self._ring_at = self._loop.time() + milliseconds / 1000
        if self._timer is None or self._timer.when() > self._ring_at:
            self._arm(self._ring_at)

    def _arm(self, at: float) -> None:
        assert self._loop is not None  # noqa: S101  set by the first request
        if self._timer is not None:
            self._timer.cancel()
        # Never act inside curl's own callback, not even for 0 ms: it must not be re-entered.
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._ring_at is None:
            return
        if self._loop is not None and self._loop.time() < self._ring_at:
            self._arm(self._ring_at)
            return
        self._ring_at = None
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, descriptor: int, bits: int) -> None:
        self._multi.socket_action(descriptor, bits)
        left = 1
        while left:
            left, good, bad = self._multi.info_read()
            for easy in good:
                self._finish(easy, self._waiting[easy], pycurl.E_OK)
            for easy, code, _message in bad:
                self._finish(easy, self._waiting[easy], code)

    def _finish(self, easy: Any, waiting: asyncio.Future[int], code: int) -> None:
        del self._waiting[easy]
        self._multi.remove_handle(easy)
        if not waiting.done():
            waiting.set_result(code)


_Target = tuple[str, str, tuple[tuple[str, str], ...]]
"""Method, URL and headers."""


def _aim(easy: Any, target: _Target) -> None:
    method, url, headers = target
    easy.setopt(pycurl.HTTPGET if method == "GET" else pycurl.POST, 1)
    easy.setopt(pycurl.URL, url)
    easy.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers])


def _failure(easy: Any, code: int) -> CallFailed:
    """Sent or not is judged by whether a byte of the request left, not by the name of the error."""
    left = easy.getinfo(pycurl.REQUEST_SIZE)
    easy.close()
    reason = f"curl {code}: {_REASONS.get(code, 'connection failed')}"
    return Lost(reason) if left else NotSent(reason)


_REASONS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "host name not found",
    pycurl.E_COULDNT_CONNECT: "connection refused, or host not allowed",
    pycurl.E_OPERATION_TIMEDOUT: "no answer within the deadline",
    pycurl.E_GOT_NOTHING: "closed without an answer",
    pycurl.E_SEND_FAIL_REWIND: "closed without an answer",
    pycurl.E_RECV_ERROR: "reset while reading the answer",
    pycurl.E_PARTIAL_FILE: "answer cut short",
    pycurl.E_FILESIZE_EXCEEDED: "answer too long",
    pycurl.E_SSL_CONNECT_ERROR: "TLS failed",
    pycurl.E_PEER_FAILED_VERIFICATION: "TLS certificate not trusted",
    pycurl.E_ABORTED_BY_CALLBACK: "given up",
}


def _parsed(head: list[bytes]) -> dict[str, str]:
    """Headers of the last header block (a 100 may stand before it), of lines as they came."""
    headers: dict[str, str] = {}
    for line in head:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
        elif name.startswith("HTTP/"):
            headers.clear()
    return headers


def _open_loopback(_purpose: int, address: Any) -> Any:
    """Opens the socket that curl asks for, unless it would lead off this machine."""
    family, kind, protocol, where = address
    host = where[0].decode() if isinstance(where[0], bytes) else where[0]
    if not ipaddress.ip_address(host).is_loopback:
        return pycurl.SOCKET_BAD
    return _Opened(socket.socket(family, kind, protocol).detach())


class _Opened:
    """A descriptor for pycurl, which takes a copy and leaves this one to be closed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)

"""A scripted HTTP server on loopback, in a thread of its own, with a ledger of what it took."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import parse_qsl, urlsplit

DRIP_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does with one request.

    accepted: None, the fake decides; else whether the request enters the ledger.
    then: reply; drop the connection; hang without a byte; drip one byte at a time.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    accepted: bool | None = None
    then: str = "reply"
    lag: float = 0.0

    def encode(self) -> bytes:
        headers = {"content-type": "application/json", **self.headers}
        headers["content-length"] = str(len(self.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Scripted\r\n{lines}\r\n".encode() + self.body


class HttpFake:
    """Use as a context manager. Scripts are taken in order; without one, `answer` decides."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.requests: list[Request] = []
        self.came = threading.Event()
        """Set by the first request."""
        self.connections = 0
        self._scripts: deque[Reply] = deque()
        self._always: Reply | None = None
        self._open: set[asyncio.BaseTransport] = set()
        self.url = ""

    def accept(self, request: Request) -> Reply:
        """The provider's own answer; it enters the request into its ledger."""
        raise NotImplementedError

    def next(self, status: int = 200, *, times: int = 1, **how: object) -> None:
        """Scripts the next replies: body (bytes, or what json takes), headers, retry_after, accepted, then, lag."""
        self._scripts.extend([_reply(status, how)] * times)

    def always(self, status: int = 200, **how: object) -> None:
        """Scripts every reply from now on."""
        self._always = _reply(status, how)

    def lose(self, times: int = 1) -> None:
        """The next are accepted, and their replies lost."""
        self.next(accepted=True, then="drop", times=times)

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        self.came.set()
        script = self._scripts.popleft() if self._scripts else self._always
        if script is None:
            return self.accept(request)
        if script.accepted:
            genuine = self.accept(request)
            if script.then != "reply" or script.status == 200 and not script.body:  # noqa: RUF021
                return replace(genuine, then=script.then, lag=script.lag)
        return script

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{port}"
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _listen(self) -> int:
        make: Callable[[], asyncio.Protocol] = lambda: _Connection(self)  # noqa: E731
        self._server = await self._loop.create_server(make, "127.0.0.1", 0, ssl=self._tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def _shut(self) -> None:
        self._server.close()
        for transport in list(self._open):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        await asyncio.sleep(0)


class _Connection(asyncio.Protocol):
    def __init__(self, fake: HttpFake) -> None:
        self._fake = fake
        self._came = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # Without it each request costs 40 ms: Nagle against delayed acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._fake._open.add(transport)
        self._fake.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._fake._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, rest = self._came.partition(b"\r\n\r\n")
        if not end:
            return
        request = _parsed(head, rest)
        if request is None:
            return
        self._came = b""
        reply = self._fake.answer(request)
        asyncio.get_running_loop().call_later(reply.lag, self._give, reply)

    def _give(self, reply: Reply) -> None:
        assert self._transport is not None
        if reply.then == "drop":
            self._transport.close()
        elif reply.then == "reset":
            self._transport.abort()
        elif reply.then == "cut":
            self._transport.write(reply.encode()[:-3])
            self._transport.close()
        elif reply.then == "drip":
            self._drip(reply.encode())
        elif reply.then == "reply":
            self._transport.write(reply.encode())

    def _drip(self, left: bytes) -> None:
        if left and self._transport is not None and not self._transport.is_closing():
            self._transport.write(left[:1])
            asyncio.get_running_loop().call_later(DRIP_S, self._drip, left[1:])


def _parsed(head: bytes, rest: bytes) -> Request | None:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _colon, value in pairs}
    if len(rest) < int(headers.get("content-length", "0")):
        return None
    url = urlsplit(target)
    query = dict(parse_qsl(url.query))
    return Request(method=method, path=url.path, query=query, headers=headers, body=rest)


def _reply(status: int, how: dict[str, object]) -> Reply:
    headers = dict(how.pop("headers", {}))  # type: ignore[call-overload]
    if "retry_after" in how:
        headers["Retry-After"] = str(how.pop("retry_after"))
    body = how.pop("body", b"")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, body=raw, headers=headers, **how)  # type: ignore[arg-type]

"""Plain ASGI for the few routes that must be fast: a body within limits in, one response out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from outreach.model.errors import InputRefused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_WITHIN_S = 10.0
MOST_FIELDS = 200

SAFE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)


class BodyTooLarge(InputRefused):
    """The body passes the limit of this route."""


class BodyTooSlow(InputRefused):
    """The body did not arrive in time."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One whole response."""

    status: int = 200
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    @cached_property  # a reply that is kept is sent thousands of times
    def head(self) -> list[tuple[bytes, bytes]]:
        """Its headers and the safe ones; what it says of its own comes first."""
        own = {name for name, _value in self.headers}
        return [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(self.body)),
            *self.headers,
            *(each for each in SAFE_HEADERS if each[0] not in own),
        ]


async def read_body(scope: Scope, receive: Receive, *, limit: int) -> bytes:
    """The whole body; BodyTooLarge before it is held, BodyTooSlow after ten seconds."""
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLarge(f"more than {limit} bytes")
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):  # rare: no timer for the one-piece bodies of real callers
        body = await _rest(receive, body, limit)
    if len(body) > limit:
        raise BodyTooLarge(f"more than {limit} bytes")
    return body


async def _rest(receive: Receive, first: bytes, limit: int) -> bytes:
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await _gather(receive, first, limit)
    except TimeoutError:
        raise BodyTooSlow("the body did not arrive in time") from None


async def _gather(receive: Receive, first: bytes, limit: int) -> bytes:
    parts, size, more = [first], len(first), True
    while more and size <= limit:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts)


async def reply(send: Send, answer: Reply) -> None:
    """Sends one response with the safe headers."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.head})
    await send({"type": "http.response.body", "body": answer.body})


def header(scope: Scope, name: bytes) -> str:
    """The first header of this lower-case name, or an empty string."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


def media_type(scope: Scope) -> str:
    return header(scope, b"content-type").partition(";")[0].strip().lower()


def form(body: bytes) -> list[tuple[str, str]]:
    """The pairs of a form-encoded body; ValueError if it is not UTF-8 or has absurdly many."""
    return parse_qsl(
        body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
    )

"""`Idempotency-Key`: a POST that comes again gets the answer of the first, and does nothing a second time.

Names are kept for 24 hours, one row a request, beside the key that sent it. The answer is sealed: it may
name customers. A failure of ours (5xx) is not kept, so that the request can be tried anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable

import structlog

from outreach.entry.http.context import WebContext
from outreach.entry.http.problems import problem
from outreach.entry.http.wire import (
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Reply,
    Scope,
    Send,
    read_body,
    reply,
)
from outreach.model.errors import OutreachError
from outreach.store import idempotents
from outreach.store.idempotents import Found, Kept, Named

log = structlog.get_logger()

BODY_LIMIT = 8 * 1024 * 1024
"""As the largest body that any route of /v1 takes."""
KEPT_LIMIT = 1024 * 1024
"""A longer answer is not kept: its request may be repeated."""
_NAME = re.compile(rb'"?([\x21\x23-\x7e]{1,255})"?')
"""As a quoted string of structured fields, or bare, as most send it."""

App = Callable[[Scope, Receive, Send], Awaitable[None]]


def again(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, for whoever reads it next; after it, what the client does."""
    is_given = False

    async def received() -> dict[str, object]:
        nonlocal is_given
        if is_given:
            return dict(await receive())
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received


class Once:
    """One request that names itself: answered, or answered again."""

    def __init__(self, context: WebContext, inner: App, *, key_id: int, name: bytes) -> None:
        self._context = context
        self._inner = inner
        self._key_id = key_id
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _NAME.fullmatch(self._name)
        if match is None:
            await reply(send, _BAD_NAME)
            return
        try:
            body = await read_body(scope, receive, limit=BODY_LIMIT)
        except (BodyTooLarge, BodyTooSlow) as error:
            await reply(send, problem(413 if isinstance(error, BodyTooLarge) else 408, str(error)))
            return
        named = Named(key_id=self._key_id, key=match[1].decode(), request=_digest(scope, body))
        try:
            known = await asyncio.to_thread(self._begin, named)
        except OutreachError:
            await reply(send, _AWAY)
            return
        if known.found is Found.NEW:
            await self._answer(named, scope, again(body, receive), send)
        else:
            await reply(send, self._known(known))

    async def _answer(self, named: Named, scope: Scope, receive: Receive, send: Send) -> None:
        tape = _Tape(send)
        try:
            await self._inner(scope, receive, tape)
        finally:
            await asyncio.to_thread(self._settle, named, tape)
            await tape.play()

    def _settle(self, named: Named, tape: _Tape) -> None:
        """What was done stays done and is answered, whether or not it can be kept."""
        try:
            with self._context.database.write() as session:
                if tape.may_be_kept:
                    idempotents.finish(session, named, self._kept(tape))
                else:
                    idempotents.forget(session, named)
        except OutreachError as error:
            log.warning("answer not kept", why=str(error))

    def _begin(self, named: Named) -> Kept:
        with self._context.database.write() as session:
            return idempotents.begin(session, named, now=self._context.now())

    def _kept(self, tape: _Tape) -> Kept:
        """Sealed as latin-1, which holds every byte."""
        return Kept(
            found=Found.ANSWERED,
            status=tape.status,
            content_type=tape.content_type,
            body_sealed=self._context.keyring.seal(bytes(tape.body).decode("latin-1")),
        )

    def _known(self, known: Kept) -> Reply:
        if known.found is Found.OTHER:
            return _OTHER
        if known.found is Found.UNDER_WAY:
            return _UNDER_WAY
        return Reply(
            status=known.status,
            body=self._context.keyring.open(known.body_sealed).encode("latin-1"),
            content_type=known.content_type.encode(),
            headers=((b"idempotent-replayed", b"true"), (b"cache-control", b"no-store")),
        )


class _Tape:
    """Holds an answer back until it is kept: who hears it may rely on hearing it again."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Scope] = []
        self.status = 0
        self.content_type = ""
        self.body = bytearray()

    async def __call__(self, message: Scope) -> None:
        self._messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = dict(message["headers"])
            self.content_type = named.get(b"content-type", b"").decode("latin-1")
        elif len(self.body) <= KEPT_LIMIT:
            self.body += message.get("body", b"")

    @property
    def may_be_kept(self) -> bool:
        """Answered, not by a failure of ours, nor by one that passes; and not too long."""
        is_final = 200 <= self.status < 500 and self.status not in {408, 429}  # noqa: PLR2004
        return is_final and len(self.body) <= KEPT_LIMIT

    async def play(self) -> None:
        for message in self._messages:
            await self._send(message)


def _digest(scope: Scope, body: bytes) -> bytes:
    hashed = hashlib.sha256(f"{scope['method']} {scope['path']}?".encode())
    hashed.update(scope["query_string"] + b"\n" + body)
    return hashed.digest()


_BAD_NAME = problem(
    400, "Idempotency-Key: 1 to 255 printable characters without spaces, such as a UUID"
)
_OTHER = problem(
    422, "this Idempotency-Key was used for another request; send a new one with another body"
)
_AWAY = problem(503, "the database cannot be used now; send it again with the same Idempotency-Key")
_WAIT = problem(
    409, "the first request with this Idempotency-Key is still being answered; ask again"
)
_UNDER_WAY = Reply(
    status=_WAIT.status,
    body=_WAIT.body,
    content_type=_WAIT.content_type,
    headers=(*_WAIT.headers, (b"retry-after", b"1")),
)

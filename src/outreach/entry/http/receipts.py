"""The providers' webhooks: verified on the raw body, kept, and answered only after the commit.

Many requests share one commit: whatever arrives while one is being written waits for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import structlog

from outreach.entry.http.context import Callback, WebContext
from outreach.entry.http.ivr import public_url
from outreach.entry.http.problems import problem
from outreach.entry.http.wire import (
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Reply,
    Scope,
    form,
    header,
    read_body,
)
from outreach.model.errors import InputRefused
from outreach.model.message import Receipt

log = structlog.get_logger()

BODY_LIMIT = 1024 * 1024
MOST_EVENTS = 10_000
MOST_DEEP = 100
"""Brackets open at once in a body of JSON; SendGrid's own are 3."""
MOST_IN_ONE_COMMIT = 500
MOST_EVENTS_IN_ONE_COMMIT = 2_000
"""A body may bring a thousand events: other writers wait for the commit."""
LINGER_S = 0.010
ENOUGH = 128
"""With fewer callbacks waiting, a commit waits a moment for more: it costs the same for many."""
TWILIO = "/webhooks/twilio/status/"
SENDGRID = "/webhooks/sendgrid"
SENDGRID_SIGNATURE = b"x-twilio-email-event-webhook-signature"
SENDGRID_TIMESTAMP = b"x-twilio-email-event-webhook-timestamp"

DONE = Reply(status=204, content_type=b"text/plain")
FORGED = problem(403, "not signed by the provider for this address")


class GroupCommit:
    """Writes callbacks in one thread, one transaction at a time, all that wait in each."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="receipts")
        self._waiting: list[tuple[Callback, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def kept(self, callback: Callback) -> None:
        """Returns when the callback is on disk; raises what the store raised."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((callback, done))
        if self._writer is None:
            self._writer = asyncio.ensure_future(self._write())
        await done

    async def _write(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < ENOUGH:
                    await asyncio.sleep(LINGER_S)
                batch = self._waiting[: self._size()]
                del self._waiting[: len(batch)]
                await self._commit(batch)
        finally:
            self._writer = None

    def _size(self) -> int:
        """How many of those waiting share the next commit: one at least."""
        events = 0
        for number, (callback, _done) in enumerate(self._waiting[:MOST_IN_ONE_COMMIT]):
            events += len(callback.receipts)
            if events > MOST_EVENTS_IN_ONE_COMMIT:
                return max(1, number)
        return MOST_IN_ONE_COMMIT

    async def _commit(self, batch: Sequence[tuple[Callback, asyncio.Future[None]]]) -> None:
        callbacks = [callback for callback, _done in batch]
        take_in, now = self._context.take_in, self._context.now()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, take_in, callbacks, now)
        except Exception as error:  # noqa: BLE001  every waiting request must be answered
            _settle(batch, error)
        else:
            _settle(batch, None)

    def close(self) -> None:
        self._thread.shutdown(wait=True)


def _settle(
    batch: Sequence[tuple[Callback, asyncio.Future[None]]], error: Exception | None
) -> None:
    for _callback, done in batch:
        if done.done():  # the provider hung up meanwhile
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


class _Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


_Read = Callable[[Scope, bytes], Sequence[Receipt]]


class ReceiptRoutes:
    """The two webhooks. A forged or odd request changes nothing, and its body is never logged."""

    def __init__(self, context: WebContext, group: GroupCommit) -> None:
        self._context = context
        self._group = group

    async def twilio(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /webhooks/twilio/status/<token>`; the token names the try."""
        return await self._answer(scope, receive, self._of_twilio)

    async def sendgrid(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /webhooks/sendgrid`; one body, many events."""
        return await self._answer(scope, receive, self._of_sendgrid)

    async def _answer(self, scope: Scope, receive: Receive, read: _Read) -> Reply:
        try:
            raw = await _within_limits(scope, receive)
            receipts = read(scope, raw)
            await self._group.kept(Callback(receipts=receipts, raw=raw))
        except _Refused as refused:
            return refused.reply
        except Exception as error:  # noqa: BLE001  5xx: the provider comes again
            log.error("receipt not kept", why=type(error).__name__)  # noqa: TRY400  its text may be personal
            return problem(503, "not kept; send it again")
        return DONE

    def _of_twilio(self, scope: Scope, raw: bytes) -> Sequence[Receipt]:
        _expect(scope, "application/x-www-form-urlencoded")
        try:
            pairs = form(raw)
        except ValueError:
            raise _Refused(problem(400, "not a form in UTF-8")) from None
        check = self._context.twilio_genuine
        signature = header(scope, b"x-twilio-signature")
        if check is None or not check(public_url(self._context, scope), pairs, signature):
            raise _Refused(FORGED)
        token = scope["path"].removeprefix(TWILIO)
        return [self._context.twilio_receipt(dict(pairs), token or None)]

    def _of_sendgrid(self, scope: Scope, raw: bytes) -> Sequence[Receipt]:
        _expect(scope, "application/json")
        check = self._context.sendgrid_genuine
        signature, at = header(scope, SENDGRID_SIGNATURE), header(scope, SENDGRID_TIMESTAMP)
        if check is None or not check(raw, signature, at):
            raise _Refused(FORGED)
        if _is_too_deep(raw):
            raise _Refused(problem(413, f"nested deeper than {MOST_DEEP}"))
        try:
            receipts = self._context.sendgrid_receipts(raw)
        except (InputRefused, ValueError):
            raise _Refused(problem(400, "not a list of events")) from None
        if len(receipts) > MOST_EVENTS:
            raise _Refused(problem(413, f"more than {MOST_EVENTS} events in one body"))
        return receipts


async def _within_limits(scope: Scope, receive: Receive) -> bytes:
    if header(scope, b"content-encoding") not in {"", "identity"}:
        raise _Refused(problem(415, "send it uncompressed"))
    try:
        return await read_body(scope, receive, limit=BODY_LIMIT)
    except BodyTooLarge as error:
        raise _Refused(problem(413, str(error))) from None
    except BodyTooSlow as error:
        raise _Refused(problem(408, str(error))) from None


def _expect(scope: Scope, kind: str) -> None:
    named, _semicolon, rest = header(scope, b"content-type").lower().partition(";")
    charset = rest.rpartition("charset=")[2].strip(' "')
    if named.strip() != kind or charset not in {"", "utf-8"}:
        raise _Refused(problem(415, f"send {kind} in UTF-8"))


_OPENING = b"[{"
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def _is_too_deep(raw: bytes) -> bool:
    """Before the body is parsed: a megabyte of brackets is what a parser chokes on."""
    brackets = raw.translate(None, _NO_BRACKET)
    if sum(map(brackets.count, (b"[", b"{"))) <= MOST_DEEP:
        return False
    depths = accumulate(1 if each in _OPENING else -1 for each in brackets)
    return max(depths, default=0) > MOST_DEEP

"""The carrier's callbacks to our webhook: shuffled, doubled, some before the reply, some forged, some never.

Twilio posts each once and forgets; SendGrid comes again until it gets a 2xx. Both are in the history:
`ok` on 2xx, `fail` on another answer, `unknown` when the connection broke.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.fleet.history import History
from tests.fleet.terms import AUTH_TOKEN, Fleet, drawn, sendgrid_key
from twilio.request_validator import RequestValidator

from outreach import clock

_SPREAD_S = 20.0
"""Callbacks come within so long of the acceptance, at scale 1."""
_POSTERS = 8
_RETRY_S = 0.5
_TIMEOUT_S = 10.0


@dataclass(order=True)
class _Post:
    at: float
    number: int
    path: str = field(compare=False)
    body: bytes = field(compare=False)
    headers: dict[str, str] = field(compare=False)
    said: list[dict[str, str]] = field(compare=False)
    until_ok: bool = field(default=False, compare=False)


class Callbacks:
    """Keeps what is to be posted, and posts it when its time comes."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._history = History(fleet.history, "carrier")
        self._queue: asyncio.PriorityQueue[_Post] = asyncio.PriorityQueue()
        self._numbers = itertools.count()
        self._validator = RequestValidator(AUTH_TOKEN)
        self._key = sendgrid_key()

    def texted(self, sid: str, token: str, url: str, to: str) -> None:
        """The callbacks of one SMS."""
        draw = drawn(self._fleet.seed, "callbacks", sid)
        if draw.random() < self._fleet.fates.silent:
            return
        early = drawn(self._fleet.seed, "early", token).random() < 0.05
        first = 0.0 if early else self._after(draw.random() / 4)
        last = "delivered" if draw.random() < 0.97 else "undelivered"
        self._text(sid, url, to, "sent", wait=first)
        self._text(sid, url, to, last, wait=self._after(draw.random()))
        if draw.random() < 0.1:
            self._text(sid, url, to, last, wait=self._after(draw.random()))
        if draw.random() < 0.01:
            self._text(f"FORGED{sid}", url, to, "undelivered", wait=0.0, forged=True)

    def mailed(self, people: list[tuple[str, str, str]]) -> None:
        """The events of one mail request: (to, token, message id)."""
        draw = drawn(self._fleet.seed, "events", people[0][1])
        for kind, span in (("processed", 4), ("delivered", 1)):
            events = [
                {
                    "event": kind, "email": to, "attempt": token, "timestamp": int(clock.now().timestamp()),
                    "sg_event_id": f"{ref}.{token}.{kind}", "sg_message_id": f"{ref}.filter",
                }
                for to, token, ref in people
            ]  # fmt: skip
            self._mail(events, wait=self._after(draw.random() / span))

    def _after(self, share: float) -> float:
        return share * _SPREAD_S * self._fleet.scale

    def _text(
        self, sid: str, url: str, to: str, status: str, *, wait: float, forged: bool = False
    ) -> None:
        form = {"MessageSid": sid, "MessageStatus": status, "To": to}
        signed = "Zm9yZ2Vk" if forged else self._validator.compute_signature(url, form)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": signed,
        }
        path = urlsplit(url).path
        token = path.rpartition("/")[2]
        said = [{"token": token, "sid": sid, "status": status, "forged": "yes" if forged else ""}]
        self._put(path, urlencode(form).encode(), headers, said=said, wait=wait)

    def _mail(self, events: list[dict[str, Any]], *, wait: float) -> None:
        raw, at = json.dumps(events).encode() + b"\r\n", "1785826980"
        signature = base64.b64encode(self._key.sign(at.encode() + raw, ec.ECDSA(hashes.SHA256())))
        headers = {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": signature.decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": at,
        }
        said = [
            {"token": one["attempt"], "sid": one["sg_message_id"].partition(".")[0],
             "status": one["event"], "forged": ""}
            for one in events
        ]  # fmt: skip
        self._put("/webhooks/sendgrid", raw, headers, said=said, wait=wait, until_ok=True)

    def _put(
        self, path: str, body: bytes, headers: dict[str, str], *, said: list[dict[str, str]],
        wait: float, until_ok: bool = False,
    ) -> None:  # fmt: skip
        post = _Post(clock.monotonic() + wait, next(self._numbers), path, body, headers, said, until_ok)  # fmt: skip
        self._queue.put_nowait(post)

    @asynccontextmanager
    async def posting(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._post_for_ever()) for _each in range(_POSTERS)]
            yield
            for task in tasks:
                task.cancel()

    async def _post_for_ever(self) -> None:
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while True:
            post = await self._queue.get()
            while (ahead := post.at - clock.monotonic()) > 0:
                await asyncio.sleep(min(ahead, 0.02))
                self._queue.put_nowait(post)  # another may be due sooner by now
                post = await self._queue.get()
            line, status = await self._posted(line, post)
            self._said(post, status)
            if post.until_ok and not 200 <= status < 300:
                post.at = clock.monotonic() + _RETRY_S
                self._queue.put_nowait(post)

    def _said(self, post: _Post, status: int) -> None:
        event = "unknown" if not status else "ok" if status < 300 else "fail"
        for said in post.said:
            self._history.note(event, what="callback", answered=status, **said)

    async def _posted(
        self, line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None, post: _Post
    ) -> tuple[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None, int]:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if line is None:
                    line = await asyncio.open_connection("127.0.0.1", self._fleet.ports["web"])
                return line, await _exchange(*line, self._request(post))
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            if line is not None:
                line[1].close()
            return None, 0

    def _request(self, post: _Post) -> bytes:
        host = self._fleet.web_url.removeprefix("http://")
        fields = {"Host": host, "Content-Length": str(len(post.body)), **post.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {post.path} HTTP/1.1\r\n{head}\r\n".encode() + post.body


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> int:
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length:")[2].partition("\r\n")[0].strip()
    if length:
        await reader.readexactly(int(length))
    return int(head.split(" ", 2)[1])

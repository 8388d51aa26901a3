"""Posts on X through Tweepy; one own account a lane, one post a notice."""

from __future__ import annotations

import functools
import json
import logging
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from outreach import clock
from outreach.channels import replies
from outreach.channels.transport import CallFailed, Response, Transport
from outreach.model.message import Accepted, InDoubt, Outcome, Outgoing, Refused
from outreach.model.words import Channel

PROVIDER = "x"
LONGEST_WAIT = timedelta(minutes=15)
"""X counts in windows of 15 minutes."""
DUPLICATE_REF = "duplicate"
"""Stands for the id that X does not tell when it refuses a text as posted already."""


class XPost:
    """One account. In doubt, the same text may be sent again: X refuses what it has posted already."""

    channel = Channel.SOCIAL
    has_receipts = False
    batch_size = 1

    def __init__(
        self,
        *,
        consumer_key: str,
        consumer_secret: str,
        access_token: str,
        access_token_secret: str,
        base_url: str = "https://api.twitter.com",
        transport: Transport | None = None,
    ) -> None:
        # Tweepy and what it signs with log headers, the token among them, at DEBUG.
        for name in ("tweepy", "oauthlib", "requests_oauthlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._keys = {
            "consumer_key": consumer_key,
            "consumer_secret": consumer_secret,
            "access_token": access_token,
            "access_token_secret": access_token_secret,
        }
        self._base_url = base_url.rstrip("/")
        self._transport = transport or Transport()

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        """One after the other: an account's posts have an order."""
        until = clock.monotonic() + deadline
        return [await self._send_one(one, until) for one in batch]

    async def close(self) -> None:
        await self._transport.close()

    async def _send_one(self, one: Outgoing, until: float) -> Outcome:
        prepared = self._build(one.content.text)
        try:
            answer = await self._transport.request(
                "POST",
                prepared.url,
                headers=dict(prepared.headers),
                body=prepared.body,
                deadline=until - clock.monotonic(),
            )
        except CallFailed as failure:
            return replies.of_failure(one.id, failure)
        return _outcome(one, answer)

    def _build(self, text: str) -> Any:
        """The signed request that Tweepy would send, but to our base address."""
        from tweepy import Client  # noqa: PLC0415  tweepy

        client = Client(**self._keys)
        client.session = _capturing()(self._base_url)
        try:
            client.create_tweet(text=text)
        except _Built as built:
            return built.request
        raise AssertionError("Tweepy sent by itself")  # pragma: no cover


class _Built(Exception):
    """Tweepy's finished request, caught on its way to the network."""

    def __init__(self, request: Any) -> None:
        self.request = request


@functools.cache
def _capturing() -> Any:
    from requests import Request, Session  # noqa: PLC0415  requests, with tweepy

    class Capturing(Session):
        def __init__(self, base_url: str) -> None:
            super().__init__()
            self._base_url = base_url

        def request(self, method: str, url: str, **parts: Any) -> Any:  # type: ignore[override]
            # The signature covers the address, so the base is changed before signing.
            raise _Built(Request(method, self._base_url + urlsplit(url).path, **parts).prepare())

    return Capturing


def _outcome(one: Outgoing, answer: Response) -> Outcome:
    code, reason = str(answer.status), f"X HTTP {answer.status}"
    if 200 <= answer.status < 300:  # noqa: PLR2004
        ref = _post_id(answer.body)
        if ref:
            return Accepted(id=one.id, provider_ref=ref)
        return InDoubt(id=one.id, reason="X's answer names no post")
    if answer.status == 403 and b"duplicate" in answer.body.lower():  # noqa: PLR2004
        return _duplicate(one)
    return replies.of_status(
        one.id, answer.status, code=code, reason=reason, wait=_until_reset(answer.headers)
    )


def _duplicate(one: Outgoing) -> Outcome:
    """From the second try on the text that stands there is ours: an earlier try had gone through."""
    try_ = one.token.split(".")[1:2]
    if try_ and try_[0].isdecimal() and int(try_[0]) > 1:
        return Accepted(id=one.id, provider_ref=DUPLICATE_REF)
    return Refused(
        id=one.id,
        code="duplicate",
        reason="X: the same text was posted already; put the time in it",
    )


def _post_id(body: bytes) -> str:
    try:
        ref = json.loads(body)["data"]["id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return ref if isinstance(ref, str) else ""


def _until_reset(headers: dict[str, str]) -> timedelta:
    """From the answer's own date to x-rate-limit-reset (epoch seconds); X sends no Retry-After."""
    try:
        now = parsedate_to_datetime(headers["date"]).timestamp()
        wait = timedelta(seconds=int(headers["x-rate-limit-reset"]) - now)
    except (KeyError, ValueError, TypeError, OverflowError):
        return replies.retry_after(headers)
    return min(max(wait, timedelta(seconds=1)), LONGEST_WAIT)

"""Keys pressed on our calls: the provider's signature checked, the answer kept, then spoken to."""

from __future__ import annotations

import asyncio

import structlog

from outreach.entry.http.context import WebContext
from outreach.entry.http.ivr import XML, public_url
from outreach.entry.http.problems import problem
from outreach.entry.http.receipts import FORGED
from outreach.entry.http.wire import (
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Reply,
    Scope,
    form,
    header,
    media_type,
    read_body,
)

log = structlog.get_logger()

VOICE = "/webhooks/twilio/voice/"
BODY_LIMIT = 16 * 1024
_AGAIN = b"again=1"


class VoiceRoutes:
    """The webhook of a call. A forged or odd request changes nothing, and its body is never logged."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    async def key(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /webhooks/twilio/voice/<token>` with Digits; answers TwiML after the commit."""
        if media_type(scope) != "application/x-www-form-urlencoded":
            return problem(415, "send application/x-www-form-urlencoded")
        try:
            pairs = form(await read_body(scope, receive, limit=BODY_LIMIT))
        except BodyTooLarge as error:
            return problem(413, str(error))
        except BodyTooSlow as error:
            return problem(408, str(error))
        except ValueError:
            return problem(400, "not a form in UTF-8")
        check = self._context.twilio_genuine
        signature = header(scope, b"x-twilio-signature")
        if check is None or not check(public_url(self._context, scope), pairs, signature):
            return FORGED
        return await self._answered(scope, dict(pairs).get("Digits", ""))

    async def _answered(self, scope: Scope, digits: str) -> Reply:
        token = scope["path"].removeprefix(VOICE)
        is_again = scope["query_string"] == _AGAIN
        press, now = self._context.press, self._context.now()
        if press is None:
            return problem(404, "no such call")
        try:
            said = await asyncio.to_thread(press, token, digits, is_again=is_again, now=now)
        except Exception as error:  # noqa: BLE001  nothing was kept: no 2xx
            log.error("answer not kept", why=type(error).__name__)  # noqa: TRY400  its text may be personal
            return problem(503, "not kept; send it again")
        if said is None:
            return problem(404, "no such call")
        return Reply(body=said.encode(), content_type=XML)

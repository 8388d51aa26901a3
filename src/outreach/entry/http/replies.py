"""What people write back, by webhook: checked, kept and acted upon, and only then answered.

`POST /webhooks/twilio/inbound`: SMS and WhatsApp, signed; the answer is TwiML.
`POST /webhooks/sendgrid/inbound[/<token>]`: e-mail by Inbound Parse, signed, or named by the token of the settings.
"""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import structlog

from outreach.addresses import normalise_email
from outreach.campaigns.replying_rules import Answer
from outreach.channels import sendgrid_inbound, twilio_inbound
from outreach.entry.http.context import WebContext
from outreach.entry.http.ivr import XML, public_url
from outreach.entry.http.problems import problem
from outreach.entry.http.receipts import FORGED, SENDGRID_SIGNATURE, SENDGRID_TIMESTAMP
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
from outreach.model.errors import InputRefused
from outreach.model.reply import InboundReply

log = structlog.get_logger()

TWILIO_INBOUND = "/webhooks/twilio/inbound"
SENDGRID_INBOUND = "/webhooks/sendgrid/inbound"
TEXT_LIMIT = 64 * 1024
MAIL_LIMIT = 1024 * 1024
"""SendGrid posts up to 30 MB; a larger e-mail is refused, and comes again until SendGrid gives up."""
_THREADS = 4
_LONGEST_TYPE = 300
DONE = Reply(status=204, content_type=b"text/plain")


class ReplyRoutes:
    """The two webhooks. A forged or odd request changes nothing, and its body is never logged."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="replies")

    async def twilio(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /webhooks/twilio/inbound`: a form; answers TwiML after the commit."""
        if media_type(scope) != "application/x-www-form-urlencoded":
            return problem(415, "send application/x-www-form-urlencoded")
        raw = await _body(scope, receive, TEXT_LIMIT)
        if isinstance(raw, Reply):
            return raw
        try:
            pairs = form(raw)
        except ValueError:
            return problem(400, "not a form in UTF-8")
        check, signature = self._context.twilio_genuine, header(scope, b"x-twilio-signature")
        if check is None or not check(public_url(self._context, scope), pairs, signature):
            return FORGED
        try:
            reply = self._as_recorded(twilio_inbound.reply(dict(pairs), now=self._context.now()))
        except InputRefused as error:
            log.warning("reply not read", why=str(error))
            return _twiml(None)
        answer = await self._taken(reply)
        return answer if isinstance(answer, Reply) else _twiml(answer.text)

    def _as_recorded(self, reply: InboundReply) -> InboundReply:
        """By the number as the record writes it, whatever the carrier's way of writing it."""
        return replace(reply, address=self._context.normalise(reply.address) or reply.address)

    async def sendgrid(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /webhooks/sendgrid/inbound`: a form of parts; 204 after the commit."""
        kind = header(scope, b"content-type")
        if media_type(scope) != "multipart/form-data" or len(kind) > _LONGEST_TYPE:
            return problem(415, "send multipart/form-data")
        if not self._is_ours(scope) and not self._signs():
            return FORGED
        raw = await _body(scope, receive, MAIL_LIMIT)
        if isinstance(raw, Reply):
            return raw
        if not self._is_genuine(scope, raw):
            return FORGED
        reply = await asyncio.to_thread(_mail, raw, kind, self._context.now())
        if reply is None:
            return DONE
        answer = await self._taken(reply)
        return answer if isinstance(answer, Reply) else DONE

    async def _taken(self, reply: InboundReply) -> Answer | Reply:
        loop, take = asyncio.get_running_loop(), self._context.take_reply
        if take is None:
            return problem(503, "replies are not taken here")
        try:
            return await loop.run_in_executor(self._threads, take, reply, self._context.now())
        except Exception as error:  # noqa: BLE001  5xx: the provider comes again
            log.error("reply not kept", why=type(error).__name__)  # noqa: TRY400  its text may be personal
            return problem(503, "not kept; send it again")

    def _signs(self) -> bool:
        return self._context.mail_genuine is not None

    def _is_genuine(self, scope: Scope, raw: bytes) -> bool:
        """Signed where a key is set, whatever the path says; else by the token."""
        check = self._context.mail_genuine
        if check is None:
            return self._is_ours(scope)
        return check(raw, header(scope, SENDGRID_SIGNATURE), header(scope, SENDGRID_TIMESTAMP))

    def _is_ours(self, scope: Scope) -> bool:
        """Before the body is read: a path without the token costs nobody a mebibyte."""
        given = str(scope["path"]).removeprefix(SENDGRID_INBOUND).removeprefix("/")
        wanted = self._context.settings.sendgrid.inbound_token.get_secret_value()
        return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _mail(raw: bytes, kind: str, now: datetime) -> InboundReply | None:
    """None: no e-mail that can be read; to refuse it would bring it again for three days."""
    try:
        named = sendgrid_inbound.fields(raw, kind)
        return sendgrid_inbound.reply(named, normalise=normalise_email, now=now)
    except InputRefused as error:
        log.warning("e-mail not read", why=str(error))
        return None


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes | Reply:
    if header(scope, b"content-encoding") not in {"", "identity"}:
        return problem(415, "send it uncompressed")
    try:
        return await read_body(scope, receive, limit=limit)
    except BodyTooLarge as error:
        return problem(413, str(error))
    except BodyTooSlow as error:
        return problem(408, str(error))


def _twiml(text: str | None) -> Reply:
    return Reply(body=twilio_inbound.answer(text).encode(), content_type=XML)

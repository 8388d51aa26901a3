"""Keys that callers press in the IVR: `POST /v1/ivr/pressed` in JSON, by Connect's event, or as Twilio's action."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import structlog

from outreach.campaigns.pressed import Pressed, Taking
from outreach.contactcenter import connect_map, phrases, twiml
from outreach.entry.http.context import WebContext
from outreach.entry.http.ivr import BODY_LIMIT, PERSONAL, XML, is_genuine
from outreach.entry.http.problems import problem
from outreach.entry.http.questions import Recognition
from outreach.entry.http.wire import (
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Reply,
    Scope,
    form,
    media_type,
    read_body,
)
from outreach.entry.shown import read_id

log = structlog.get_logger()

WITHIN_S = 1.2
"""After it the caller goes on unanswered; what is under way is finished all the same."""
_FORM = "application/x-www-form-urlencoded"
_SPOKEN = {
    Taking.SENT: "sent",
    Taking.SENT_BEFORE: "sent",
    Taking.REPORTED: "noted",
    Taking.KNOWN: "noted",
    Taking.NOTED: "noted",
}
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A key as it came; the caller is in here, so that it is never shown."""

    digit: str
    call_id: str
    outage_id: str
    locale: str
    ani: str = field(repr=False)
    account: str = field(repr=False)
    is_twilio: bool = False


class PressedRoutes:
    """Answers a key after the commit; whatever goes wrong, the call goes on."""

    def __init__(self, context: WebContext, recognition: Recognition) -> None:
        self._context = context
        self._recognition = recognition
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="pressed")

    async def pressed(self, scope: Scope, receive: Receive) -> Reply:
        """JSON or a form with ani or account, digit, call_id, outage_id; the query is Twilio's alone."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if PERSONAL & {name.lower() for name in query}:
            return problem(400, "a caller's number or account goes in the body of a POST")
        try:
            body = await read_body(scope, receive, limit=BODY_LIMIT)
        except (BodyTooLarge, BodyTooSlow):
            body = b""
        is_form = media_type(scope) == _FORM
        fields = _fields(body, is_form=is_form)
        is_twilio = "CallSid" in fields or "Digits" in fields
        if is_twilio and not is_genuine(self._context, scope, body):
            return problem(403, "not signed by Twilio for this address")
        asked = _asked(query | fields if is_twilio else fields, is_twilio=is_twilio)
        return self._said(asked, await self._taken(asked))

    async def _taken(self, asked: _Asked) -> Taking | None:
        """None: nobody knows in time, or at all; the call goes on without a word."""
        take, key = self._context.pressed, self._key(asked)
        if take is None or key is None:
            return Taking.NOBODY if take and asked.digit in {"1", "2"} else Taking.OTHER
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(WITHIN_S):
                return await loop.run_in_executor(self._threads, take, key, self._context.now())
        except Exception as error:  # noqa: BLE001  somebody waits on the line
            log.warning("key not answered", digit=key.digit, why=type(error).__name__)
            return None

    def _key(self, asked: _Asked) -> Pressed | None:
        hashes = self._recognition.standing(asked.ani)
        if not hashes and not asked.account:
            return None
        named = read_id(self._context.keyring, asked.outage_id)
        return Pressed(
            digit=asked.digit,
            call_id=asked.call_id,
            occasion=named[1] if named else None,
            addresses=hashes,
            account=asked.account,
        )

    def _said(self, asked: _Asked, taking: Taking | None) -> Reply:
        word = _SPOKEN.get(taking) if taking else None
        text = phrases.reply(asked.locale, word) if word else ""
        if not asked.is_twilio:
            flat = {"done": taking.value if taking else _UNKNOWN, "text": text}
            return Reply(body=json.dumps(flat, ensure_ascii=False).encode())
        url = self._context.settings.contactcenter.default_flow_url
        passed_on = asked.digit if taking is Taking.OTHER else ""
        document = twiml.goes_on(
            [text] if text else [], asked.locale, default_flow_url=url, digit=passed_on
        )
        return Reply(body=document.encode(), content_type=XML)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _fields(body: bytes, *, is_form: bool) -> dict[str, str]:
    try:
        if is_form:
            return dict(form(body))
        found = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(found, Mapping):
        return {}
    if "Details" in found:
        return connect_map.asked(found)
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _asked(fields: Mapping[str, str], *, is_twilio: bool) -> _Asked:
    def given(*names: str) -> str:
        return next((fields[name][:128] for name in names if fields.get(name)), "")

    return _Asked(
        digit=given("Digits", "digit"),
        call_id=given("CallSid", "call_id"),
        outage_id=given("outage_id"),
        locale=given("lang"),
        ani=given("From", "ani"),
        account=given("account"),
        is_twilio=is_twilio,
    )

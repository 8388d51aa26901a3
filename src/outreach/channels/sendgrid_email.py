"""Sends e-mail through SendGrid, equal texts in one request, and reads its event webhook.

The vendor's SDK builds each request; our transport carries it, because the SDK has no total deadline.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from outreach import clock
from outreach.channels import replies
from outreach.channels.transport import CallFailed, Response, Transport
from outreach.model.errors import InputRefused
from outreach.model.message import Accepted, InDoubt, Outcome, Outgoing, Receipt, Refused
from outreach.model.words import Channel, MessageState

PROVIDER = "sendgrid"
_TAKEN = 202
_AT_FAULT = re.compile(r"personalizations\.(\d+)\.")

STATES = {
    "processed": MessageState.ACCEPTED,
    "delivered": MessageState.DELIVERED,
    "bounce": MessageState.UNDELIVERED,
    "dropped": MessageState.UNDELIVERED,
}
"""What is not here (deferred, open, click, unknown) is kept and moves nothing."""
OPTED_OUT = frozenset({"spamreport", "unsubscribe", "group_unsubscribe"})
_DROPPED_FOR_GOOD = frozenset({"bounced address", "invalid"})
_DROPPED_OPTED_OUT = frozenset({"unsubscribed address", "spam reporting address"})


class SendGridEmail:
    """One SendGrid account; recipients of the same sender, subject and texts share a request."""

    channel = Channel.EMAIL
    has_receipts = True
    batch_size = 1000
    """Personalizations that one request may hold."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str = "https://api.sendgrid.com",
        transport: Transport | None = None,
    ) -> None:
        # The vendor's HTTP layer logs payload and key at DEBUG.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._key = api_key
        self._base_url = base_url.rstrip("/")
        self._transport = transport or Transport()
        self._request: Any = None
        """Address and headers as the SDK builds them, once: it takes longer than the call itself."""

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        """One request for each distinct text, all at once; an answer to an e-mail goes alone."""
        until = clock.monotonic() + deadline
        alike: dict[object, list[Outgoing]] = defaultdict(list)
        for one in batch:
            alike[one.sender, one.content, one.answers].append(one)
        answers = await asyncio.gather(
            *(self._send_alike(group, until) for group in alike.values())
        )
        outcomes = {outcome.id: outcome for answer in answers for outcome in answer}
        return [outcomes[one.id] for one in batch]

    async def close(self) -> None:
        await self._transport.close()

    async def _send_alike(self, group: list[Outgoing], until: float) -> list[Outcome]:
        """A refused request was not processed at all: without those at fault, the rest go again."""
        refused: list[Outcome] = []
        while group:
            answer = await self._post(group, until)
            if isinstance(answer, CallFailed):
                return refused + [replies.of_failure(one.id, answer) for one in group]
            at_fault = _at_fault(answer, len(group))
            if not at_fault:
                return refused + [_outcome(one.id, answer) for one in group]
            refused += [_bad_address(group[number].id) for number in at_fault]
            group = [one for number, one in enumerate(group) if number not in at_fault]
        return refused

    async def _post(self, group: list[Outgoing], until: float) -> Response | CallFailed:
        if self._request is None:
            self._request = _built_request(self._key, self._base_url)
        try:
            return await self._transport.request(
                "POST",
                self._request.full_url,
                headers=dict(self._request.header_items()),
                body=_body(group),
                deadline=until - clock.monotonic(),
            )
        except CallFailed as failure:
            return failure


def receipts(raw: bytes) -> list[Receipt]:
    """The events of one verified webhook body; InputRefused when it is not a JSON list of objects."""
    try:
        events = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputRefused("SendGrid webhook: the body is not JSON") from None
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise InputRefused("SendGrid webhook: the body is not a list of events")
    return [_receipt(event) for event in events]


def is_genuine(raw: bytes, signature: str, timestamp: str, public_key: str) -> bool:
    """Whether SendGrid signed exactly these bytes; `public_key` is base64, as its settings show it."""
    from sendgrid.helpers.eventwebhook import EventWebhook  # noqa: PLC0415  sendgrid

    try:
        return bool(EventWebhook(public_key).verify_signature(raw.decode(), signature, timestamp))
    except ValueError:  # no UTF-8, no base64, no key
        return False


def _receipt(event: dict[str, Any]) -> Receipt:
    kind, ref = _text(event, "event"), _text(event, "sg_message_id").partition(".")[0]
    reason = _text(event, "reason").lower()
    hard = kind == "bounce" and _text(event, "type") != "blocked"
    at = event.get("timestamp")
    return Receipt(
        provider=PROVIDER,
        event_key=_text(event, "sg_event_id") or f"{ref}.{kind}.{at}",
        token=_text(event, "attempt") or None,
        provider_ref=ref or None,
        state=STATES.get(kind),
        code=_text(event, "status") or kind,
        at=datetime.fromtimestamp(at, UTC) if isinstance(at, int) and 0 <= at < 1 << 36 else None,
        address_is_bad=hard or (kind == "dropped" and reason in _DROPPED_FOR_GOOD),
        opted_out=kind in OPTED_OUT or (kind == "dropped" and reason in _DROPPED_OPTED_OUT),
    )


def _text(event: dict[str, Any], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


def _outcome(id_: int, answer: Response) -> Outcome:
    if answer.status == _TAKEN and (ref := answer.headers.get("x-message-id")):
        return Accepted(id=id_, provider_ref=ref)
    if 200 <= answer.status < 300:  # noqa: PLR2004
        return InDoubt(id=id_, reason=f"SendGrid answered {answer.status} without a message id")
    return replies.of_status(
        id_,
        answer.status,
        code=str(answer.status),
        reason=f"SendGrid HTTP {answer.status}",
        wait=replies.retry_after(answer.headers),
    )


def _bad_address(id_: int) -> Refused:
    return Refused(id=id_, code="400", reason="SendGrid: not a valid address", address_is_bad=True)


def _at_fault(answer: Response, size: int) -> set[int]:
    """Numbers of the recipients that a 400 names; its own words hold their addresses."""
    if answer.status != 400:  # noqa: PLR2004
        return set()
    fields = " ".join(f"{field}." for field in _fields(answer.body))
    return {int(number) for number in _AT_FAULT.findall(fields) if int(number) < size}


def _fields(body: bytes) -> Iterator[str]:
    try:
        errors = json.loads(body)["errors"]
        yield from (error["field"] for error in errors if error["field"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return


def _body(group: list[Outgoing]) -> bytes:
    """The mail as JSON. What is personal is written apart: as objects it takes three times as long."""
    first = group[0]
    html = [{"type": "text/html", "value": first.content.html}] if first.content.html else []
    shared = {
        "from": {"email": first.sender},
        "subject": first.content.subject,
        "content": [{"type": "text/plain", "value": first.content.text}, *html],
        "headers": first.automatic_headers,
        # Links stay on the company's own domain, and nobody is watched reading.
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
    people = ", ".join([_personal(one) for one in group])
    return f'{{"personalizations": [{people}], {json.dumps(shared)[1:]}'.encode()


def _personal(one: Outgoing) -> str:
    to, attempt = _quoted(one.to), _quoted(one.token)
    if not one.unsubscribe_url:
        return f'{{"to": [{{"email": {to}}}], "custom_args": {{"attempt": {attempt}}}}}'
    return (
        f'{{"to": [{{"email": {to}}}], "custom_args": {{"attempt": {attempt}}},'
        f' "headers": {{"List-Unsubscribe": {_quoted(one.unsubscribe)},'
        ' "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}}'
    )


_quoted = json.encoder.encode_basestring_ascii


class _Built(Exception):
    """The SDK's finished request, caught on its way to the network."""

    def __init__(self, request: Any) -> None:
        self.request = request


def _built_request(key: str, base_url: str) -> Any:
    """The urllib request that the SDK would send, around an empty mail."""
    from sendgrid import SendGridAPIClient  # noqa: PLC0415  sendgrid

    sdk = SendGridAPIClient(key, host=base_url)
    sdk.client = _capturing()(host=base_url, request_headers=sdk.client.request_headers, version=3)
    try:
        sdk.send({})
    except _Built as built:
        return built.request
    raise AssertionError("the SDK sent by itself")  # pragma: no cover


@functools.cache
def _capturing() -> Any:
    from python_http_client import Client  # noqa: PLC0415  sendgrid

    class Capturing(Client):  # type: ignore[misc]  # ships no types
        def _build_client(self, name: str | None = None) -> Any:
            built = super()._build_client(name)
            built.__class__ = Capturing
            return built

        def _make_request(self, opener: Any, request: Any, timeout: float | None = None) -> Any:
            raise _Built(request)

    return Capturing

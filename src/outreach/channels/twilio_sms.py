"""Sends SMS through Twilio, looks up what is in doubt, and reads its status callbacks.

The vendor's SDK builds what every request has in common and reads every refusal; our transport
carries it, because the SDK alone has no total deadline and sends 557 a second where this sends
thousands.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

from outreach import clock
from outreach.channels import replies
from outreach.channels.transport import CallFailed, Transport
from outreach.channels.twilio_carrier import (
    TOO_MANY,
    Creating,
    Throttled,
    creating,
    form_body,
    messages_of,
    quoted,
    quoted_new,
)
from outreach.channels.twilio_recall import cancelled
from outreach.channels.twilio_signature import signs_exactly
from outreach.model.message import (
    Accepted,
    Attempt,
    Delayed,
    Found,
    InDoubt,
    Outcome,
    Outgoing,
    Receipt,
    Refused,
)
from outreach.model.words import Channel, MessageState

PROVIDER = "twilio"
_PAGE = 50
_NO_WAIT = timedelta(0)
_CLOCKS_APART = timedelta(seconds=5)
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What the SDK raises over an answer that is not what it should be."""

REASONS = {
    20003: "account or key refused",
    20005: "account not active",
    10004: "more calls at once than the account may make",
    20429: "too many requests",
    21210: "the sender is not verified for calls",
    21211: "not a valid number",
    21212: "the sender is not a valid number",
    21214: "a number that cannot be called",
    21215: "calling this country is not enabled",
    21217: "not a valid number",
    21408: "sending to this country is not enabled",
    21606: "the sender is not ours, or cannot send SMS",
    21610: "this person opted out at Twilio",
    21611: "more than 10 h are queued on this sender",
    21614: "not a mobile number",
    21635: "a landline",
    21660: "the sender belongs to another account",
    30001: "queue overflow",
    30002: "account suspended",
    30003: "phone unreachable",
    30005: "unknown number",
    30006: "a landline, or a network out of reach",
    30007: "filtered by the network",
    30008: "unknown error of the network",
    30036: "not delivered while the text was true",
    63017: "account limit of messages a second",
}
"""Our words for Twilio's codes: its own messages hold the person's number."""

BAD_ADDRESS = frozenset({21211, 21214, 21217, 21614, 21635, 30005, 30006})
OPTED_OUT = 21610
STOPS_LANE = frozenset({20003, 20005, 21210, 21212, 21606, 21660, 30002})
SLOW_DOWN = {
    10004: timedelta(seconds=1),
    20429: replies.THROTTLED_WAIT,
    21611: replies.LONGEST_WAIT,
    63017: timedelta(seconds=1),
}
"""Codes of requests that were not processed; how long to wait."""

STATES: dict[str, MessageState | None] = {
    "accepted": MessageState.ACCEPTED,
    "scheduled": MessageState.ACCEPTED,
    "queued": MessageState.ACCEPTED,
    "sending": MessageState.ACCEPTED,
    "sent": MessageState.SENT,
    "partially_delivered": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.UNDELIVERED,
    "canceled": MessageState.UNDELIVERED,
}
"""MessageStatus of a callback; what is not here (receiving, received) moves nothing."""


class TwilioSms:
    """One account at Twilio; each message names its own sender: a number, or `MG…` for a service."""

    channel = Channel.SMS
    has_receipts = True
    batch_size = 50
    """Each is a request of its own: small batches, so that a slow answer holds up few others."""

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        public_url: str,
        base_url: str = "https://api.twilio.com",
        transport: Transport | None = None,
    ) -> None:
        self._account = account_sid
        self._token = auth_token
        self._callback = f"{public_url.rstrip('/')}/webhooks/twilio/status/"
        self._base_url = base_url.rstrip("/")
        self._transport = transport or Transport()
        self._creating: Creating | None = None

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        """All messages at once, as many in flight as the transport has connections."""
        until = clock.monotonic() + deadline
        if self._creating is None:
            self._creating = creating(
                account=self._account, token=self._token, base_url=self._base_url
            )
        post = partial(posted, self._transport, self._creating, until=until)
        return list(await asyncio.gather(*(post(one, self._form(one)) for one in batch)))

    async def find(self, attempts: list[Attempt], deadline: float) -> list[Found]:
        """Tries found, or proved absent. A try that cannot be told is left out: two texts alike, no answer."""
        messages = self._messages(deadline)
        alike: dict[tuple[str, str, str], list[Attempt]] = defaultdict(list)
        for attempt in attempts:
            alike[attempt.to, attempt.sender, attempt.body].append(attempt)
        single = [group[0] for group in alike.values() if len(group) == 1]
        found = await asyncio.gather(*(self._find_one(messages, attempt) for attempt in single))
        return [one for one in found if one is not None]

    async def recall(self, refs: list[str], deadline: float) -> dict[str, str]:
        """Cancels what Twilio has not handed on: ref -> recalled, refused or untold."""
        messages = self._messages(deadline)
        said = await asyncio.gather(*(cancelled(messages, ref) for ref in refs))
        return dict(zip(refs, said, strict=True))

    async def close(self) -> None:
        await self._transport.close()

    def _messages(self, deadline: float) -> Any:
        return messages_of(
            self._transport,
            account=self._account,
            token=self._token,
            base_url=self._base_url,
            until=clock.monotonic() + deadline,
        )

    def _form(self, one: Outgoing) -> bytes:
        """The form of one message, in the order in which the SDK writes it."""
        seconds = min(36000, max(6, int(one.valid_for.total_seconds())))
        return b"To=%b&StatusCallback=%b%b&ValidityPeriod=%d&%b" % (
            quoted_new(one.to),
            quoted(self._callback),
            quoted_new(one.token),
            seconds,
            _shared(one.sender, one.content.text),
        )

    async def _find_one(self, messages: Any, attempt: Attempt) -> Found | None:
        from twilio.base.exceptions import TwilioException  # noqa: PLC0415  twilio

        try:
            # No DateSent: a queued message has none yet, and would not be listed.
            page = await messages.page_async(
                to=attempt.to, page_size=_PAGE, **_listed_by(attempt.sender)
            )
            listed = list(page)
        except (CallFailed, Throttled, TwilioException, *_UNREADABLE):
            return None
        return _found(attempt, listed)


async def posted(
    transport: Transport, create: Creating, one: Outgoing, form: bytes, *, until: float
) -> Outcome:
    """Creates a message, or a call, by monotonic `until`; what the answer means for it."""
    from twilio.base.exceptions import TwilioException  # noqa: PLC0415  twilio

    try:
        sid = await create.post(transport, form, deadline=until - clock.monotonic())
    except CallFailed as failure:
        return replies.of_failure(one.id, failure)
    except Throttled as throttled:
        return Delayed(
            id=one.id, code="429", reason="too many requests",
            retry_after=throttled.wait, throttled=True,
        )  # fmt: skip
    except TwilioException as error:
        return outcome(one.id, error)
    except _UNREADABLE:
        return InDoubt(id=one.id, reason="Twilio's answer could not be read")
    if not isinstance(sid, str) or not sid:
        return InDoubt(id=one.id, reason="Twilio's answer names no message")
    return Accepted(id=one.id, provider_ref=sid)


def receipt(form: Mapping[str, str], token: str | None) -> Receipt:
    """One verified status callback; `token` is the last part of the URL it came to."""
    status, code = form.get("MessageStatus", ""), form.get("ErrorCode", "")
    sid = form.get("MessageSid", "")
    number = int(code) if code.isdecimal() else 0
    return Receipt(
        provider=PROVIDER,
        event_key=f"{sid}.{status}",
        token=token,
        provider_ref=sid or None,
        state=STATES.get(status),
        code=code or ("canceled" if status == "canceled" else ""),
        address_is_bad=number in BAD_ADDRESS,
        opted_out=number == OPTED_OUT,
    )


def is_genuine(url: str, form: Iterable[tuple[str, str]], signature: str, auth_token: str) -> bool:
    """Whether Twilio signed this form for this public URL, with or without its port.

    form: all pairs as they came, repeated names included.
    """
    pairs = list(form)
    if signs_exactly(url, pairs, signature, auth_token):
        return True
    from twilio.request_validator import RequestValidator  # noqa: PLC0415  twilio

    return bool(RequestValidator(auth_token).validate(url, _Form(pairs), signature))


class _Form(dict[str, list[str]]):
    """Repeated names, in the shape that the vendor's validator asks for."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getall(self, name: str) -> list[str]:
        return self[name]


@lru_cache(maxsize=256)
def _shared(sender: str, text: str) -> bytes:
    """What all who get this text share."""
    name = "MessagingServiceSid" if sender.startswith("MG") else "From"
    return form_body({name: sender, "Body": text})


def _listed_by(sender: str) -> dict[str, str]:
    """A service picks its number, so a listing cannot filter by it."""
    return {} if sender.startswith("MG") else {"from_": sender}


def outcome(id_: int, error: Any) -> Outcome:
    """By Twilio's code where it decides, else by HTTP status; the same for texts and calls."""
    number = error.code if isinstance(error.code, int) else error.status
    code, reason = (
        str(number),
        f"Twilio {number}: {REASONS.get(number, 'see twilio.com/docs/errors')}",
    )
    if error.status >= 500:  # noqa: PLR2004  it may have been carried out, whatever its code
        return replies.of_status(id_, error.status, code=code, reason=reason, wait=_NO_WAIT)
    if number in SLOW_DOWN:
        return replies.of_status(id_, TOO_MANY, code=code, reason=reason, wait=SLOW_DOWN[number])
    if number in STOPS_LANE:
        return Refused(id=id_, code=code, reason=reason, stop_lane=True)
    if number in BAD_ADDRESS or number == OPTED_OUT:
        opted_out = number == OPTED_OUT
        return Refused(
            id=id_, code=code, reason=reason, address_is_bad=not opted_out, opted_out=opted_out
        )
    return replies.of_status(id_, error.status, code=code, reason=reason, wait=_NO_WAIT)


def _found(attempt: Attempt, listed: list[Any]) -> Found | None:
    """One match: found. None on a page that reaches back far enough: absent. Else it cannot be told."""
    since = attempt.started_at - _CLOCKS_APART
    recent = [one for one in listed if one.date_created is None or one.date_created >= since]
    matches = [one for one in recent if one.body == attempt.body]
    if len(matches) == 1 and matches[0].sid:
        return Found(id=attempt.id, provider_ref=matches[0].sid)
    if len(matches) > 1:
        return Found(id=attempt.id, provider_ref=None, is_one_of_several=True)
    if matches or len(recent) == _PAGE:
        return None
    return Found(id=attempt.id, provider_ref=None)

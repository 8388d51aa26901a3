"""Calls people through Twilio: says a text twice, hears one key, and knows a person from a machine.

The SDK builds what every call has in common and reads every refusal; our transport carries it. What
one code or HTTP status means is the table of `twilio_sms`: it is the same provider.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from outreach import clock
from outreach.channels import twilio_sms
from outreach.channels.transport import CallFailed, Transport
from outreach.channels.twilio_carrier import (
    Creating,
    Throttled,
    creating,
    form_body,
    messages_of,
)
from outreach.channels.twilio_recall import cancelled
from outreach.model.message import (
    Attempt,
    Content,
    Found,
    Outcome,
    Outgoing,
    Receipt,
)
from outreach.model.words import Channel, MessageState

PROVIDER = "twilio_voice"
RINGS_S = 30
"""How long it rings; a mailbox answers after about so long."""
KEY_WITHIN_S = 8
"""How long a key may take after the text."""
PAUSE_S = 1
MOST_TWIML = 4_000
"""Characters of an inline document (Twilio's limit)."""
EVENTS = ("initiated", "ringing", "answered", "completed")
MACHINE = "machine"
"""Our code where an answering machine, a fax or a modem took the call."""
VOICES = {"es": "es-MX", "pt": "pt-BR", "en": "en-US"}
"""Languages that Twilio's basic voices speak, by the language of a text."""

STATES: dict[str, MessageState | None] = {
    "queued": MessageState.ACCEPTED,
    "initiated": MessageState.ACCEPTED,
    "ringing": MessageState.ACCEPTED,
    "in-progress": MessageState.SENT,
    "answered": MessageState.SENT,
    "completed": MessageState.SENT,
    "busy": MessageState.UNDELIVERED,
    "no-answer": MessageState.UNDELIVERED,
    "failed": MessageState.UNDELIVERED,
    "canceled": MessageState.UNDELIVERED,
}
"""CallStatus of a callback. That a call was completed says nothing: a machine may have taken it."""

_PAGE = 50
_CLOCKS_APART = timedelta(seconds=5)
_LISTED_WITHIN = timedelta(minutes=2)
"""A call made later than this after a try began is another one."""
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


class TwilioVoice:
    """One account at Twilio; each message names the number that calls."""

    channel = Channel.VOICE
    has_receipts = True
    batch_size = 100

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
        self._webhooks = f"{public_url.rstrip('/')}/webhooks/twilio"
        self._base_url = base_url.rstrip("/")
        self._transport = transport or Transport()
        self._creating: Creating | None = None

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        """Places all calls at once; accepted means that Twilio will dial, not that anybody heard."""
        until = clock.monotonic() + deadline
        if self._creating is None:
            self._creating = creating(
                account=self._account, token=self._token, base_url=self._base_url, resource="calls"
            )
        place = partial(twilio_sms.posted, self._transport, self._creating, until=until)
        return list(await asyncio.gather(*(place(one, self._form(one)) for one in batch)))

    async def find(self, attempts: list[Attempt], deadline: float) -> list[Found]:
        """Calls found by person, sender and time, or proved absent; what cannot be told is left out.

        A listing names no text and no token, so that of two calls to one person nothing can be told.
        """
        calls = self._calls(deadline)
        times = Counter((one.to, one.sender) for one in attempts)
        single = [one for one in attempts if times[one.to, one.sender] == 1]
        found = await asyncio.gather(*(self._find_one(calls, one) for one in single))
        return [one for one in found if one is not None]

    async def recall(self, refs: list[str], deadline: float) -> dict[str, str]:
        """Takes back calls that nobody has answered yet: ref -> recalled, refused or untold.

        `canceled` leaves a call under way alone: who has picked up hears it to the end.
        """
        calls = self._calls(deadline)
        said = await asyncio.gather(*(cancelled(calls, ref) for ref in refs))
        return dict(zip(refs, said, strict=True))

    async def close(self) -> None:
        await self._transport.close()

    def fields(self, one: Outgoing) -> list[tuple[str, object]]:
        """The form of one call, in the order in which the SDK writes it."""
        action = f"{self._webhooks}/voice/{one.token}"
        return [
            ("To", one.to),
            ("From", one.sender),
            ("StatusCallback", f"{self._webhooks}/status/{one.token}"),
            *(("StatusCallbackEvent", event) for event in EVENTS),
            ("Timeout", RINGS_S),
            ("MachineDetection", "Enable"),
            ("Twiml", document(one.content, action=action)),
        ]

    def _calls(self, deadline: float) -> Any:
        return messages_of(
            self._transport,
            account=self._account,
            token=self._token,
            base_url=self._base_url,
            until=clock.monotonic() + deadline,
            resource="calls",
        )

    def _form(self, one: Outgoing) -> bytes:
        return b"&".join(form_body({name: value}) for name, value in self.fields(one))

    async def _find_one(self, calls: Any, attempt: Attempt) -> Found | None:
        from twilio.base.exceptions import TwilioException  # noqa: PLC0415  twilio

        try:
            # No StartTime: a call that waits has none yet, and would not be listed.
            page = await calls.page_async(to=attempt.to, from_=attempt.sender, page_size=_PAGE)
            listed = list(page)
        except (CallFailed, Throttled, TwilioException, *_UNREADABLE):
            return None
        return _found(attempt, listed)


def document(content: Content, *, action: str) -> str:
    """TwiML of a call: the text twice, then a wait for one key; every end goes to `action`.

    The key may be pressed while it speaks. A text too long to be said twice is said once.
    """
    written = _document(content, action=action, times=2)
    return written if len(written) <= MOST_TWIML else _document(content, action=action, times=1)


def said(sentences: list[str], locale: str, *, action: str = "") -> str:
    """TwiML that answers a key; with `action` it waits for another one, else it hangs up."""
    from twilio.twiml.voice_response import VoiceResponse  # noqa: PLC0415  twilio

    response = VoiceResponse()
    speaker = _gather(response, action) if action else response
    for sentence in sentences:
        speaker.say(sentence, language=voice(locale))
    if not action:
        response.hangup()
    return str(response)


def voice(locale: str) -> str:
    """`es-CL` -> es-MX: the voice of a text's language; Spanish where it has none."""
    return VOICES.get(locale.replace("_", "-").partition("-")[0].lower(), VOICES["es"])


def receipt(form: Mapping[str, str], token: str | None) -> Receipt:
    """One verified status callback of a call; `token` is the last part of the URL it came to."""
    status, sid = form.get("CallStatus", ""), form.get("CallSid", "")
    answered_by = form.get("AnsweredBy", "")
    state, code = STATES.get(status), ""
    if state is MessageState.UNDELIVERED:
        code = status
    if status == "completed" and answered_by == "human":
        state = MessageState.DELIVERED
    elif answered_by.startswith(MACHINE) or answered_by == "fax":
        state, code = MessageState.UNDELIVERED, MACHINE
    return Receipt(
        provider=PROVIDER,
        event_key=f"{sid}.{status}",
        token=token,
        provider_ref=sid or None,
        state=state,
        code=code,
    )


def _document(content: Content, *, action: str, times: int) -> str:
    from twilio.twiml.voice_response import VoiceResponse  # noqa: PLC0415  twilio

    response = VoiceResponse()
    gather = _gather(response, action)
    for turn in range(times):
        if turn:
            gather.pause(length=PAUSE_S)
        gather.say(content.text, language=voice(content.locale))
    return str(response)


def _gather(response: Any, action: str) -> Any:
    return response.gather(
        num_digits=1,
        timeout=KEY_WITHIN_S,
        action=action,
        method="POST",
        action_on_empty_result=True,
    )


def _found(attempt: Attempt, listed: list[Any]) -> Found | None:
    """One call of that time: found. None on a page that reaches back far enough: absent."""
    since = attempt.started_at - _CLOCKS_APART
    until = attempt.started_at + _LISTED_WITHIN
    recent = [one for one in listed if one.date_created is None or one.date_created >= since]
    matches = [one for one in recent if one.date_created is None or one.date_created <= until]
    if len(matches) == 1 and matches[0].sid:
        return Found(id=attempt.id, provider_ref=matches[0].sid)
    if len(matches) > 1:
        return Found(id=attempt.id, provider_ref=None, is_one_of_several=True)
    if matches or len(recent) == _PAGE:
        return None
    return Found(id=attempt.id, provider_ref=None)

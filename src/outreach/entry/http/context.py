"""What the web side is given: the database and keys, and functions of the rooms that it may not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from outreach.addresses import Keyring
from outreach.channels.outbox import OutboxMessage
from outreach.contactcenter.answer import Offers, Rules, Speak
from outreach.model.contactcenter import LiveTruth
from outreach.model.message import Receipt
from outreach.model.words import Channel
from outreach.settings import Settings
from outreach.store.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """The receipts of one webhook request, with its raw body."""

    receipts: Sequence[Receipt]
    raw: bytes


TakeIn = Callable[[Sequence[Callback], datetime], object]
"""Stores the callbacks and returns after the commit; one transaction for all of them."""
TwilioReceipt = Callable[[Mapping[str, str], str | None], Receipt]
"""(form, token of the path) -> what it says; `channels.twilio_sms.receipt`."""
TwilioGenuine = Callable[[str, Iterable[tuple[str, str]], str], bool]
"""(public URL, pairs of the form, X-Twilio-Signature) -> whether Twilio signed it."""
SendGridReceipts = Callable[[bytes], Sequence[Receipt]]
"""Raw body -> its events; InputRefused if it is no list of events."""
SendGridGenuine = Callable[[bytes, str, str], bool]
"""(raw body, signature, timestamp) -> whether SendGrid signed it."""

Outbox = Callable[[Channel | None, int], Sequence[OutboxMessage]]
"""(channel, or None for all; most messages) -> newest first; `channels.outbox.Outbox.messages`."""


def _nothing_written(_channel: Channel | None, _limit: int) -> Sequence[OutboxMessage]:
    return ()


def _no_directives(_now: datetime) -> Mapping[str, Any]:
    return {"directives": []}


def _no_offers(_now: datetime) -> Offers:
    return Offers()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContext:
    """Everything the web side needs. Absent signature checks: those webhooks refuse everything."""

    settings: Settings
    database: Database
    keyring: Keyring
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    load_live: Callable[[], Sequence[LiveTruth]]
    """The open occasions and those just over; blocking, called off the event loop."""
    speak: Speak
    normalise: Callable[[str], str | None]
    """A number as a person or a platform writes it -> E.164, None if it is none."""
    rules: Rules
    take_in: TakeIn
    twilio_receipt: TwilioReceipt
    twilio_genuine: TwilioGenuine | None = None
    sendgrid_receipts: SendGridReceipts
    sendgrid_genuine: SendGridGenuine | None = None
    directives: Callable[[datetime], Mapping[str, Any]] = field(default=_no_directives)
    offers: Callable[[datetime], Offers] = field(default=_no_offers)
    outbox: Outbox = field(default=_nothing_written)

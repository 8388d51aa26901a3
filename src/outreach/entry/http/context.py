"""What the web side is given: the database and keys, and functions of the rooms that it may not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from outreach.addresses import Keyring
from outreach.campaigns.pressed import Pressed, Taking
from outreach.campaigns.replying_rules import Answer
from outreach.campaigns.trouble import Said, Told
from outreach.channels.outbox import OutboxMessage
from outreach.contactcenter.answer import Rules, Speak
from outreach.entry.launches import Launched, LookedAt
from outreach.model.contactcenter import Directive, LiveTruth
from outreach.model.intake import Taken
from outreach.model.message import Content, Receipt, Recipient
from outreach.model.occasion import OccasionId
from outreach.model.reply import InboundReply
from outreach.model.words import Channel
from outreach.settings import Settings
from outreach.store.session import Database, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """The receipts of one webhook request, with its raw body."""

    receipts: Sequence[Receipt]
    raw: bytes


TakeIn = Callable[[Sequence[Callback], datetime], object]
"""Stores the callbacks and returns after the commit; one transaction for all of them."""
TakeOutages = Callable[[bytes, datetime], Taken]
"""(raw body, now) -> what became of the outage messages in it; InputRefused if it is no document."""
TwilioReceipt = Callable[[Mapping[str, str], str | None], Receipt]
"""(form, token of the path) -> what it says; `channels.twilio_sms.receipt`."""
TwilioGenuine = Callable[[str, Iterable[tuple[str, str]], str], bool]
"""(public URL, pairs of the form, X-Twilio-Signature) -> whether Twilio signed it."""
SendGridReceipts = Callable[[bytes], Sequence[Receipt]]
"""Raw body -> its events; InputRefused if it is no list of events."""
SendGridGenuine = Callable[[bytes, str, str], bool]
"""(raw body, signature, timestamp) -> whether SendGrid signed it."""


class Press(Protocol):
    """A key on a call -> TwiML after the commit, None if the token is none of ours; blocking."""

    def __call__(self, token: str, digits: str, *, is_again: bool, now: datetime) -> str | None: ...


TakeReply = Callable[[InboundReply, datetime], Answer]
"""What somebody wrote back, kept and acted upon after the commit; blocking. `campaigns.replying.take`."""
TakeKey = Callable[[Pressed, datetime], Taking]
"""A key that a caller of the IVR pressed, after the commit; blocking. `campaigns.pressed.Keys`."""
Launch = Callable[[OccasionId, str, str, datetime], Launched]
"""(occasion, campaign, who asks, now) -> what became of it; blocking. `entry.launches.launch`."""
Look = Callable[[OccasionId, str, datetime], LookedAt]
"""(occasion, campaign, now) -> what a launch would do; blocking, writes nothing. `entry.launches.look`."""
Outbox = Callable[[Channel | None, int], Sequence[OutboxMessage]]
"""(channel, or None for all; most messages) -> newest first; `channels.outbox.Outbox.messages`."""


def _nothing_written(_channel: Channel | None, _limit: int) -> Sequence[OutboxMessage]:
    return ()


def _no_directives(_now: datetime) -> Mapping[str, Any]:
    return {"directives": []}


def _no_jobs(_session: Session) -> Mapping[str, int]:
    return {}


def _nothing_held(_now: datetime) -> Sequence[Directive]:
    return ()


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
    held: Callable[[datetime], Sequence[Directive]] = field(default=_nothing_held)
    """The directives in force."""
    outbox: Outbox = field(default=_nothing_written)
    jobs_waiting: Callable[[Session], Mapping[str, int]] = field(default=_no_jobs)
    """kind -> jobs that no worker has taken yet."""
    take_outages: TakeOutages | None = None
    launch: Launch | None = None
    """Absent: nothing is launched from outside."""
    preview: Look | None = None
    """Absent: nothing can be looked at before a launch."""
    pressed: TakeKey | None = None
    """Takes a key pressed in the IVR; absent: none is offered."""
    take_reply: TakeReply | None = None
    """Absent: what people write is refused."""
    mail_genuine: SendGridGenuine | None = None
    """Of Inbound Parse; absent: e-mails are known by the token of the settings."""
    trouble: Callable[[Said, datetime], Told] | None = None
    """Takes what a person reports of their own supply, after the commit; absent: pages take none."""
    said: Callable[[Recipient], Content] | None = None
    """What a message said, rendered again without streets; absent: pages show no earlier texts."""
    press: Press | None = None
    """`entry.answering.Keys`; absent: nobody is called."""
    turned_away: Counter[int] = field(default_factory=Counter)
    """Status -> requests that the gate refused since the process began."""

"""What goes to a channel, what comes back, and what a receipt says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from outreach.model.words import Channel, MessageState, PriorityClass, Purpose, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A rendered message. SMS and voice use `text`; e-mail all three; social `text`."""

    text: str
    subject: str = ""
    html: str = ""
    segments: int = 1
    """SMS segments; 1 on every other channel."""
    locale: str = ""
    """Of a text that is spoken: it picks the voice. Empty on channels that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message about to leave; `token` names this try and comes back in its receipts."""

    id: int
    token: str
    channel: Channel
    to: str
    sender: str
    content: Content
    purpose: Purpose
    valid_for: timedelta
    """How long the text stays true; at least 6 s, at most 10 h."""
    unsubscribe_url: str = ""
    """Of an e-mail: a POST there stops them (RFC 8058)."""
    unsubscribe_mail: str = ""
    """The same by an answer to this address; empty where nobody reads answers."""
    answers: str | None = None
    """Message-ID of the e-mail that it answers, empty if that had none; None: it answers nothing."""

    @property
    def unsubscribe(self) -> str:
        """The value of List-Unsubscribe; empty: it has none."""
        mail = (
            f"<mailto:{self.unsubscribe_mail}?subject=unsubscribe>" if self.unsubscribe_mail else ""
        )
        return (
            ", ".join(filter(None, (f"<{self.unsubscribe_url}>", mail)))
            if self.unsubscribe_url
            else ""
        )

    @property
    def automatic_headers(self) -> dict[str, str]:
        """What tells machines not to answer, and mail readers which e-mail it belongs to. RFC 3834, 5322."""
        if self.answers is None:
            return {"Auto-Submitted": "auto-generated"}
        threaded = {"In-Reply-To": self.answers, "References": self.answers} if self.answers else {}
        return {"Auto-Submitted": "auto-replied", **threaded}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider has it."""

    id: int
    provider_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Refused for good: not tried again. `address_is_bad` teaches the record; `opted_out` suppresses."""

    id: int
    code: str
    reason: str
    address_is_bad: bool = False
    opted_out: bool = False
    stop_lane: bool = False
    """401, 403, suspended account: nothing of this lane can leave. The message itself stays queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed:
    """Not processed: may be tried again after `retry_after`; a throttle spends no try."""

    id: int
    code: str
    reason: str
    retry_after: timedelta
    throttled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """It may or may not have left; looked up before anything else, never blindly resent."""

    id: int
    reason: str


Outcome = Accepted | Refused | Delayed | InDoubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a lookup of an in-doubt try proved; provider_ref None means: not there."""

    id: int
    provider_ref: str | None
    is_one_of_several: bool = False
    """Some that are alike are there, and nothing tells which is this try: none is adopted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A try whose outcome is in doubt, as a lookup needs it. `to` and `body` are in clear."""

    id: int
    token: str
    to: str
    sender: str
    body: str
    started_at: datetime


class Sends(Protocol):
    """A channel, as the sender sees it: one outcome per message of the batch, always.

    `deadline` is the total number of seconds for the whole call. A channel may also have
    `async find(attempts, deadline) -> list[Found]` (see Finds).
    """

    channel: Channel
    has_receipts: bool
    batch_size: int
    """Most messages of one call."""

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]: ...

    async def close(self) -> None: ...


class Finds(Protocol):
    """A channel that can look up tries in doubt at its provider."""

    async def find(self, attempts: list[Attempt], deadline: float) -> list[Found]: ...


@runtime_checkable
class Recalls(Protocol):
    """A channel that can ask its provider to take back what it has not delivered."""

    async def recall(self, refs: list[str], deadline: float) -> dict[str, str]:
        """Provider reference -> `recalled`, `refused` (too late), or `untold` (no clear answer)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One provider event about one message, already verified and translated."""

    provider: str
    event_key: str
    """Unique per event at the provider: replays are recognised by it."""
    token: str | None
    """`Outgoing.token` when the provider returns it."""
    provider_ref: str | None
    state: MessageState | None
    """None: an event we keep but that moves nothing (open, click, unknown type)."""
    code: str = ""
    at: datetime | None = None
    address_is_bad: bool = False
    opted_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One claimed row of the ledger with what rendering needs; the address still sealed."""

    id: int
    try_: int
    occasion: int
    version: int
    step: str
    template: str
    campaign: str
    channel: Channel
    locale: str
    zone: str
    priority: PriorityClass
    address_sealed: bytes
    locality: str
    premises: int
    """How many affected premises this contact point stands for."""
    not_after: datetime | None
    purpose: Purpose
    fields: dict[str, str] = field(default_factory=dict)
    run: int = 0
    step_run: int = 0
    pinned: str = ""
    """Digest of the campaign and texts this run was launched with."""
    tier: Tier = Tier.BULK
    address_hash: bytes = b""
    failures: int = 0
    """Tries spent so far; a throttle spends none."""
    drill: bool = False
    """An exercise: no lane that reaches people may take it."""

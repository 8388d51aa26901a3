"""Rules of the product broken on purpose in a child, so that the checker can be seen to find it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from tests.fleet.failpoints import put_everywhere

from outreach.channels import replies
from outreach.channels.transport import CallFailed
from outreach.channels.twilio_sms import TwilioSms
from outreach.delivery import receipts
from outreach.delivery.stops import StopBoard
from outreach.model.message import Accepted, Delayed, Outcome, Outgoing

_SOON = timedelta(milliseconds=100)


def break_rule(name: str) -> None:
    """Breaks the rule of that name; none for an empty one."""
    if name:
        RULES[name]()


def _resend_in_doubt() -> None:
    """What most senders do: no answer, so once more."""

    def resend(id_: int, _failure: CallFailed) -> Outcome:
        return Delayed(id=id_, code="lost", reason="no answer", retry_after=_SOON, throttled=True)

    put_everywhere(replies.of_failure, resend)


def _believe() -> None:
    """Every tenth message is called accepted, and nobody was asked."""
    plain = TwilioSms.send

    async def send(channel: TwilioSms, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        left = [one for one in batch if one.id % 10]
        made: list[Outcome] = [Accepted(id=one.id, provider_ref=f"SM{one.id:032x}") for one in batch if one not in left]  # fmt: skip
        return made + await plain(channel, left, deadline)

    _put(TwilioSms, "send", send)


def _overlook_stops() -> None:
    def allows(*_args: Any, **_more: Any) -> None:
        return None

    _put(StopBoard, "allows", allows)


def _regress() -> None:
    """Receipts in the order in which they come, whatever was said before."""
    plain = receipts.next_state

    def whatever_it_says(_current: Any, said: Any, **_more: Any) -> Any:
        return said

    put_everywhere(plain, whatever_it_says)


def _tell() -> None:
    """Each worker logs whom it sends to."""
    plain = TwilioSms.send

    async def send(channel: TwilioSms, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        structlog.get_logger().debug("sending", to=[one.to for one in batch])
        return await plain(channel, batch, deadline)

    _put(TwilioSms, "send", send)


def _put(owner: type, name: str, instead: Any) -> None:
    setattr(owner, name, instead)


RULES: dict[str, Callable[[], None]] = {
    "resend in doubt": _resend_in_doubt,
    "believe": _believe,
    "overlook stops": _overlook_stops,
    "regress": _regress,
    "tell": _tell,
}

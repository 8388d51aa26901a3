"""Asks Twilio to cancel a message or call that it still holds, and reads what it says."""

from __future__ import annotations

from typing import Any

from outreach.channels.transport import CallFailed
from outreach.channels.twilio_carrier import Throttled

RECALLED, REFUSED, UNTOLD = "recalled", "refused", "untold"
_CANCELED = "canceled"
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
_TOO_LATE = frozenset({400, 404, 409, 422})
"""Not a key that was refused, nor a server in trouble."""


async def cancelled(listed: Any, sid: str) -> str:
    """`recalled` only where the answer itself says `canceled`; `untold` where there is no clear answer.

    listed: the SDK's list of Messages or Calls, as `twilio_carrier.messages_of` gives it.
    """
    from twilio.base.exceptions import TwilioException, TwilioRestException  # noqa: PLC0415  twilio

    try:
        answered = await listed(sid).update_async(status=_CANCELED)
    except TwilioRestException as refused:
        return REFUSED if refused.status in _TOO_LATE else UNTOLD
    except (CallFailed, Throttled, TwilioException, *_UNREADABLE):
        return UNTOLD
    return RECALLED if answered.status == _CANCELED else REFUSED

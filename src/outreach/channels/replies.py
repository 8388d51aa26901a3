"""What a failed call or a plain HTTP status means for one message, the same for every provider.

Source: the classes of the ambiguous-send protocol: not sent and 429 are safe to try again, 4xx is
final, and whatever may have been carried out is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

from outreach.channels.transport import CallFailed, NotSent
from outreach.model.message import Delayed, InDoubt, Outcome, Refused

LONGEST_WAIT = timedelta(minutes=5)
NOT_SENT_WAIT = timedelta(seconds=5)
THROTTLED_WAIT = timedelta(seconds=10)
"""When a provider says 429 and not for how long."""

_OURS_IS_WRONG = frozenset({401, 403, 404, 405, 407})
"""Key, account or base address: every message of the lane would meet the same answer."""


def of_failure(id_: int, failure: CallFailed) -> Outcome:
    """Nothing left: delayed. Something may have left: in doubt."""
    if isinstance(failure, NotSent):
        return Delayed(id=id_, code="not_sent", reason=str(failure), retry_after=NOT_SENT_WAIT)
    return InDoubt(id=id_, reason=str(failure))


def of_status(id_: int, status: int, *, code: str, reason: str, wait: timedelta) -> Outcome:
    """The outcome by HTTP status alone; `wait` is for 429 only."""
    if status == 429:  # noqa: PLR2004  Too Many Requests
        return Delayed(id=id_, code=code, reason=reason, retry_after=wait, throttled=True)
    if status in _OURS_IS_WRONG or 300 <= status < 400:  # noqa: PLR2004  a redirect: base address
        return Refused(id=id_, code=code, reason=reason, stop_lane=True)
    if 400 <= status < 500:  # noqa: PLR2004
        return Refused(id=id_, code=code, reason=reason)
    return InDoubt(id=id_, reason=f"{reason} (HTTP {status})")


def retry_after(headers: Mapping[str, str], *, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """How long the provider asks to wait, in seconds or until a date; at most `longest`."""
    asked = headers.get("retry-after", "")
    try:
        wait = timedelta(seconds=float(asked))
    except (ValueError, OverflowError):
        wait = _until(asked, headers.get("date", ""))
    return min(max(wait, timedelta(seconds=1)), longest)


def _until(asked: str, answered: str) -> timedelta:
    """Between the two dates of the answer itself: the provider's clock, not ours."""
    try:
        return parsedate_to_datetime(asked) - parsedate_to_datetime(answered)
    except (TypeError, ValueError):
        return THROTTLED_WAIT

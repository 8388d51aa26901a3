"""Detail events of Genesys Cloud: each moment of a conversation as the part of a contact that it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.deflection.calls_reading import Terms, Unfit, named, text, whole_seconds
from outreach.model.calls import CallRow, ContactKind

KINDS = {
    "voice": ContactKind.CALL,
    "chat": ContactKind.CHAT,
    "message": ContactKind.MESSAGE,
    "email": ContactKind.MESSAGE,
}
"""Media types, in lower case. The others (callback, co-browsing, …) belong to a conversation counted already."""
_TOPIC = "v2.detail.events.conversation."
_START = datetime(1970, 1, 1, tzinfo=UTC)

_Facts = dict[str, Any]


def call(document: dict[str, Any], terms: Terms) -> CallRow | None:
    """The part that an event tells; None: not inbound, or of another medium.

    Unfit for what is no detail event.
    """
    topic, body = _opened(document)
    if not topic.startswith(_TOPIC) or not isinstance(body, dict):
        raise Unfit("not_a_detail_event")
    kind = KINDS.get(text(body.get("mediaType")).lower())
    if kind is None or text(body.get("direction")).lower() != "inbound":
        return None
    tell = _TELLS.get(_moment(topic), _nothing)
    return CallRow(
        call_id=named(body.get("conversationId")),
        at=terms.past(_time(body.get("eventTime"))),
        address_hash=terms.caller(text(body.get("ani") or body.get("addressFrom"))),
        dnis=terms.dialled(text(body.get("dnis") or body.get("addressTo"))),
        source=terms.mapping.source,
        kind=kind.value,
        **tell(body, terms),
    )


def _opened(document: dict[str, Any]) -> tuple[str, Any]:
    """Topic and body out of a notification, or out of EventBridge's `detail` around it."""
    inner = document.get("detail")
    told = inner if isinstance(inner, dict) else document
    return text(told.get("topicName")), told.get("eventBody")


def _moment(topic: str) -> str:
    """`acd.end` of `v2.detail.events.conversation.<id>.acd.end`."""
    return topic.removeprefix(_TOPIC).partition(".")[2]


def _time(written: Any) -> datetime:
    """Milliseconds since 1970, as all detail events have it."""
    if isinstance(written, bool) or not isinstance(written, int):
        raise Unfit("time_unreadable")
    try:
        return _START + timedelta(milliseconds=written)
    except OverflowError:
        raise Unfit("time_unreadable") from None


def _nothing(_body: _Facts, _terms: Terms) -> _Facts:
    return {}


def _queued(body: _Facts, terms: Terms) -> _Facts:
    return {"queue": terms.queue(text(body.get("queueId"))), "contained": False}


def _left_queue(body: _Facts, terms: Terms) -> _Facts:
    outcome = text(body.get("acdOutcome")).upper()
    return _queued(body, terms) | {
        "abandoned": {"ABANDON": True, "ANSWERED": False}.get(outcome),
        "wait_s": _seconds(body.get("connectedDurationMs")),
    }


def _agent_done(body: _Facts, _terms: Terms) -> _Facts:
    talked = _seconds(body.get("interactingDurationMs"))
    return {"contained": False, "abandoned": False, "talk_s": talked} if talked else {}


def _wrapped(body: _Facts, _terms: Terms) -> _Facts:
    return {"wrap_up": text(body.get("wrapupCode"))}


def _over(_body: _Facts, _terms: Terms) -> _Facts:
    """Contained, unless another event tells of a queue."""
    return {"contained": True}


_TELLS: dict[str, Callable[[_Facts, Terms], _Facts]] = {
    "acd.start": _queued,
    "acd.end": _left_queue,
    "user.end": _agent_done,
    "acw": _wrapped,
    "customer.end": _over,
}


def _seconds(written: Any) -> int | None:
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    return whole_seconds(written // 1000)

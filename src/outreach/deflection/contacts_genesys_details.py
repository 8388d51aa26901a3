"""Analytics documents of Genesys Cloud: a whole conversation, from its participants' sessions and their metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from outreach.deflection.calls_reading import Terms, Unfit, named, text, whole_seconds
from outreach.deflection.contacts_genesys_events import KINDS
from outreach.model.calls import CallRow

_CUSTOMERS = frozenset({"customer", "external"})
_WAITS = ("tWait", "tAnswered", "tAbandon", "tAcd")
"""Milliseconds in a queue, the first that is told."""
_MOST_MS = 1e12
"""More is no metric of a call; unbounded, one document could stop an import."""


def call(document: dict[str, Any], terms: Terms) -> CallRow | None:
    """The contact; None: not inbound, or of another medium than a customer's."""
    if text(document.get("originatingDirection")).lower() not in ("", "inbound"):
        return None
    caller = next(_sessions(document, _CUSTOMERS), {})
    kind = KINDS.get(text(caller.get("mediaType")).lower())
    if kind is None or text(caller.get("direction")).lower() == "outbound":
        return None
    queues = list(_sessions(document, frozenset({"acd"})))
    agents = list(_sessions(document, frozenset({"agent", "user"})))
    is_over = bool(document.get("conversationEnd"))
    talked = sum(each for session in agents for each in _metrics(session, "tTalk"))
    is_answered = bool(talked) or any(True for s in queues for _ in _metrics(s, "tAnswered"))
    return CallRow(
        call_id=named(document.get("conversationId")),
        at=terms.past(_time(document.get("conversationStart"))),
        address_hash=terms.caller(text(caller.get("ani") or caller.get("addressFrom"))),
        dnis=terms.dialled(text(caller.get("dnis") or caller.get("addressTo"))),
        queue=terms.queue(_queue(queues)),
        contained=False if queues or agents else (True if is_over else None),
        abandoned=_is_abandoned(queues, is_answered=is_answered, is_over=is_over),
        wait_s=_wait(queues),
        talk_s=whole_seconds(talked // 1000) if talked else None,
        source=terms.mapping.source,
        kind=kind.value,
        wrap_up=_wrap_up(agents),
    )


def _sessions(document: dict[str, Any], purposes: frozenset[str]) -> Iterator[dict[str, Any]]:
    for participant in _objects(document.get("participants")):
        if text(participant.get("purpose")).lower() in purposes:
            yield from _objects(participant.get("sessions"))


def _objects(listed: Any) -> Iterator[dict[str, Any]]:
    return (each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else iter(())  # fmt: skip


def _metrics(session: dict[str, Any], name: str) -> Iterator[float]:
    for metric in _objects(session.get("metrics")):
        value = metric.get("value")
        if metric.get("name") == name and isinstance(value, int | float) and 0 <= value < _MOST_MS:
            yield value


def _queue(queues: list[dict[str, Any]]) -> str:
    segments = chain.from_iterable(_objects(session.get("segments")) for session in queues)
    return next((text(each["queueId"]) for each in segments if each.get("queueId")), "")


def _wait(queues: list[dict[str, Any]]) -> int | None:
    for session in queues:
        for name in _WAITS:
            for value in _metrics(session, name):
                return whole_seconds(value // 1000)
    return None


def _is_abandoned(queues: list[dict[str, Any]], *, is_answered: bool, is_over: bool) -> bool | None:
    """None while it is open, and for what left a queue for a flow: nobody hung up."""
    if is_answered:
        return False
    if any(True for session in queues for _ in _metrics(session, "tAbandon")):
        return True
    return False if is_over and not queues else None


def _wrap_up(agents: list[dict[str, Any]]) -> str:
    segments = list(chain.from_iterable(_objects(session.get("segments")) for session in agents))
    return next((text(each["wrapUpCode"]) for each in reversed(segments) if each.get("wrapUpCode")), "")  # fmt: skip


def _time(written: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text(written))
    except ValueError:
        raise Unfit("time_unreadable") from None
    if at.tzinfo is None:
        raise Unfit("time_unreadable")
    return at

"""What other systems can be told, by name."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

DIRECTIVES = "directives"
"""The contact center's document: no event but a state, of which only the newest counts."""
_EVERYTHING = "*"


class NewsKind(StrEnum):
    """Something that happened; the name without `outreach.` before it, as endpoints ask for it."""

    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_UNDELIVERED = "message.undelivered"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_UNKNOWN = "message.unknown"
    OUTAGE_OPENED = "outage.opened"
    OUTAGE_REVISED = "outage.revised"
    OUTAGE_RESTORED = "outage.restored"
    CAMPAIGN_LAUNCHED = "campaign.launched"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_RESUMED = "campaign.resumed"
    CAMPAIGN_FINISHED = "campaign.finished"
    """Cancelled, or over after its correction: nothing more leaves."""
    REPLY_RECEIVED = "reply.received"
    TASK_OPENED = "task.opened"
    TASK_CLOSED = "task.closed"
    CASE_OPENED = "case.opened"
    ENDPOINT_TESTED = "endpoint.tested"
    """Asked for by `outreach webhook test`; goes to that endpoint whatever it wants."""


def wants(asked: Iterable[str], kind: str) -> bool:
    """Whether an endpoint that asked for these hears of a kind: by its name, or its family as `outage.*`.

    `*` is every kind of event; the directives have to be asked for by their name.
    """
    family = kind.partition(".")[0]
    is_event = kind != DIRECTIVES
    return any(
        one == kind or (is_event and one in {f"{family}.*", _EVERYTHING}) for one in asked
    )  # fmt: skip


def askable() -> tuple[str, ...]:
    """Every word that `kinds` of an endpoint may hold."""
    families = sorted({f"{kind.partition('.')[0]}.*" for kind in NewsKind})
    return (DIRECTIVES, _EVERYTHING, *families, *NewsKind)

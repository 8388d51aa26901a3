"""In which order messages count: repeats, stale sequences, lists that lost half their outages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from outreach.model.intake import MessageKind, Missing, OutageMessage, Outcome
from outreach.outages.intake_apply import opens

LEAST_MISSING = 5
MISSING_SHARE = 0.30
BELIEVED_SHARE = 0.50
"""A list that leaves out more than this share of what is open is not believed at all."""


@dataclass(slots=True, kw_only=True)
class Known:
    """What was accepted of a feed so far."""

    keys: set[str] = field(default_factory=set)
    sequences: dict[str, dict[int, str]] = field(default_factory=dict)
    """Outage -> {accepted sequence: hash of its content}."""

    def accept(self, message: OutageMessage) -> None:
        """The sequence of its outage moves on, and its identity is known."""
        self.recognise(message)
        if message.seq is not None:
            self.sequences.setdefault(message.outage_ref, {})[message.seq] = message.content

    def recognise(self, message: OutageMessage) -> None:
        if message.event_key:
            self.keys.add(message.event_key)


def refusal(message: OutageMessage, known: Known, *, is_known_outage: bool) -> Outcome | None:
    """Why a message is not looked at, tested in this order; None: it is.

    A stale message is refused even if it is about another field than the newer one.
    """
    if message.event_key in known.keys:
        return Outcome.DUPLICATE_EVENT
    if message.kind is MessageKind.SNAPSHOT:
        return None
    if not is_known_outage and not opens(message):
        return Outcome.UNKNOWN_OUTAGE
    accepted = known.sequences.get(message.outage_ref)
    if message.seq is None or not accepted or message.seq > max(accepted):
        return None
    is_same = accepted.get(message.seq) == message.content
    return Outcome.DUPLICATE_SEQUENCE if is_same else Outcome.STALE


def missing(place: str, *, listed: Collection[str], still_open: Collection[str]) -> Missing | None:
    """What a list leaves out, if that is too much to be true: at least 5, and 30 % of the open ones."""
    gone = set(still_open).difference(listed)
    if len(gone) < LEAST_MISSING or len(gone) < MISSING_SHARE * len(still_open):
        return None
    return Missing(place=place, open=len(still_open), missing=len(gone))


def is_believed(lost: Missing | None) -> bool:
    """Whether a list may stand as the last whole one."""
    return lost is None or lost.missing <= BELIEVED_SHARE * lost.open

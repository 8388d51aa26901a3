"""What only a person can do for a customer of class A, and what such a customer answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TaskKind(StrEnum):
    """Why a person must act."""

    UNANSWERED = "unanswered"
    NEEDS_HELP = "needs_help"
    UNREACHABLE = "unreachable"


class Via(StrEnum):
    """How an answer came."""

    KEY = "key"
    REPLY = "reply"
    AGENT = "agent"


class Meaning(StrEnum):
    """What an answer says."""

    HEARD = "heard"
    NEEDS_HELP = "needs_help"


class Outcome(StrEnum):
    """How a task ended. Only the first two are words of the customer, which close class A."""

    HEARD = "heard"
    NEEDS_HELP = "needs_help"
    """Spoken to, and handed to who helps."""
    NOT_REACHED = "not_reached"
    ANSWERED = "answered"
    """The customer answered by themselves before anybody called."""


MEANINGS = {Outcome.HEARD: Meaning.HEARD, Outcome.NEEDS_HELP: Meaning.NEEDS_HELP}
"""What an agent's outcome says in the customer's place; the others say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task, as it stands; nothing of it names the person."""

    id: int
    kind: TaskKind
    occasion: int
    occasion_name: str
    zone: str
    run: int | None
    customer: int
    customer_ref: str
    why: str
    opened_at: datetime
    taken_at: datetime | None
    taken_by: str
    closed_at: datetime | None
    closed_by: str
    outcome: Outcome | None
    pushed_at: datetime | None
    pushes: int

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

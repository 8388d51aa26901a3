"""Counts the rows that a freeze would write, without writing them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from outreach.model.words import Channel, PriorityClass
from outreach.store import freeze
from outreach.store.freeze import Freezing
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Recipients of one wave who get the same text at the same time."""

    channel: Channel
    priority: PriorityClass
    locale: str
    locality: str
    zone: str
    pool: str
    not_before: datetime | None
    messages: int
    premises: int = 1
    """How many each of them has in the scope: their text may count them."""


def groups(session: Session, plan: Freezing) -> list[Group]:
    """The would-be messages by text and time; their sum is the audience of the wave."""
    rows = freeze.rows(session, plan).subquery()
    keys = [
        rows.c[name]
        for name in (
            "channel",
            "priority",
            "locale",
            "locality",
            "zone",
            "pool",
            "not_before",
            "premises",
        )
    ]
    found = session.execute(
        select(*keys, func.count().label("messages")).group_by(*keys).order_by(*keys)
    )
    return [
        Group(
            channel=Channel(row.channel), priority=PriorityClass(row.priority), locale=row.locale,
            locality=row.locality, zone=row.zone, pool=row.pool, not_before=row.not_before,
            messages=row.messages, premises=row.premises,
        )
        for row in found
    ]  # fmt: skip

"""What the API lists a page at a time: outages, runs, and single messages without a person in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from outreach.model.words import MessageState, OccasionKind, OccasionState
from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One message as a machine may know it: no address, no customer, no text."""

    id: int
    run_id: int
    occasion_id: int
    occasion_kind: OccasionKind
    campaign: str
    step: str
    version: int
    channel: str
    state: MessageState
    reason: str
    provider: str
    tries: int
    segments: int | None
    created_at: datetime
    accepted_at: datetime | None
    delivered_at: datetime | None


def outages(
    session: Session,
    *,
    states: Collection[OccasionState],
    since: datetime | None,
    after: int | None,
    limit: int,
) -> list[int]:
    """Numbers of outages, oldest first, drills left out; `since`: whose newest word is not older."""
    o, r = t.occasion.c, t.revision.c
    newest = (r.occasion_id == o.id) & (r.version == o.version)
    wanted = (
        select(o.id)
        .join(t.revision, newest)
        .where(o.kind == OccasionKind.OUTAGE, o.drill.is_(False), o.id > (after or 0))
        .order_by(o.id)
        .limit(limit)
    )
    if states:
        wanted = wanted.where(r.state.in_(list(states)))
    if since is not None:
        wanted = wanted.where(r.recorded_at >= since)
    return list(session.scalars(wanted))


def message(session: Session, number: int) -> SentMessage | None:
    """One message by its number."""
    m, w, r, o = t.message.c, t.step_run.c, t.run.c, t.occasion.c
    same = (
        "channel",
        "reason",
        "provider",
        "segments",
        "accepted_at",
        "delivered_at",
        "state",
        "try",
    )
    row = (
        session.execute(
            select(
                *(m[name] for name in same),
                w.step,
                w.version,
                w.created_at,
                w.run_id,
                r.campaign,
                o.id.label("occasion_id"),
                o.kind,
            )
            .join_from(t.message, t.step_run, w.id == m.step_run_id)
            .join(t.run, r.id == w.run_id)
            .join(t.occasion, o.id == r.occasion_id)
            .where(m.id == number)
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    given = ("run_id", "occasion_id", "campaign", "step", "version", "channel", "segments",
             "created_at", "accepted_at", "delivered_at")  # fmt: skip
    return SentMessage(
        id=number,
        occasion_kind=OccasionKind(row["kind"]),
        state=MessageState(row["state"]),
        reason=row["reason"] or "",
        provider=row["provider"] or "",
        tries=row["try"],
        **{name: row[name] for name in given},
    )

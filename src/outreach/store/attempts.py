"""Tries in doubt: which are due for a look, and what was decided about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, exists, func, or_, select, update

from outreach.model.message import Recipient
from outreach.model.words import MessageState
from outreach.store import bulk, claims, restoring, settle, tables as t
from outreach.store.session import Session

_WAVES = 2_000
"""How far back another message to the same address is looked for: weeks, or the whole of a storm."""
NO_PROOF = "no proof"
SEVERAL = "several alike at the provider"
"""Reason on a message that the provider may or may not hold beside its like."""
RESENT = "resent without proof"
"""Reason on a message that may have reached its person twice."""
_UNPROVEN = (NO_PROOF, SEVERAL, RESENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A try whose outcome is in doubt. `ended_at`: when we last may have been calling."""

    recipient: Recipient
    started_at: datetime
    ended_at: datetime
    looks: int
    """How often the provider said that it has no such message."""
    stopped_as: MessageState | None
    """Set once the text may not be sent again: overtaken, cancelled, expired, opted out."""
    restored: bool = False
    """From a backup: it may have left long ago, and is sent again on proof alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What becomes of a doubt; state None: it waits for the next look."""

    id: int
    try_: int
    looked: bool
    state: MessageState | None = None
    provider_ref: str | None = None
    reason: str | None = None


def due(
    session: Session,
    lane: str,
    *,
    now: datetime,
    settle_for: timedelta,
    apart: timedelta,
    limit: int,
) -> list[Doubt]:
    """Doubts of a lane that have settled and were not looked at a moment ago, oldest first."""
    a, m, w = t.attempt, t.message, t.step_run
    rows = session.execute(
        select(
            *claims.of_recipient(),
            a.c.started_at,
            a.c.ended_at,
            a.c.looks,
            a.c.code,
            claims.stopped_as(now).label("stop"),
        )
        .select_from(a)
        .join(m, (m.c.id == a.c.message_id) & (m.c["try"] == a.c["try"]))
        .join(w, w.c.id == m.c.step_run_id)
        .join(t.run, t.run.c.id == w.c.run_id)
        .join(t.contact_point, t.contact_point.c.id == m.c.contact_point_id)
        .where(
            a.c.lane == lane,
            a.c.outcome == "in_doubt",
            a.c.settled_at.is_(None),
            m.c.state == MessageState.IN_DOUBT,
            a.c.ended_at <= now - settle_for,
            or_(a.c.looked_at.is_(None), a.c.looked_at <= now - apart),
        )
        .order_by(a.c.ended_at)
        .limit(limit)
    ).mappings()
    return [_doubt(row) for row in rows]


def write(
    session: Session, decisions: Sequence[Decided], *, provider: str, now: datetime
) -> list[int]:
    """Writes decisions; those a receipt settled meanwhile stay as they are. Returns the written ids."""
    m = t.message
    still = session.execute(
        select(m.c.id, m.c["try"])
        .where(m.c.id.in_([one.id for one in decisions]), m.c.state == MessageState.IN_DOUBT)
        .with_for_update()
    ).all()
    live = {(row[0], row[1]) for row in still}
    ours = [one for one in decisions if (one.id, one.try_) in live]
    for one in ours:
        _write(session, one, provider=provider, now=now)
    settle.requeue(session, [one.id for one in ours if one.state is MessageState.QUEUED])
    return [one.id for one in ours]


def of_others(session: Session, found: Mapping[int, str], *, since: datetime) -> dict[int, bool]:
    """Messages whose found copy another message of the same address has, or may have.

    `found`: message -> the provider's reference. True: another carries that reference. False: another
    is in a call or in doubt itself, or a try of it since `since` was given up without proof, and of
    two messages with the same words nobody can say whose it is.
    """
    m, w = t.message.c, t.step_run.c
    asked = session.execute(
        select(m.id, m.contact_point_id, m.step_run_id).where(bulk.among(session, m.id, [*found]))
    ).all()
    to: dict[int, list[int]] = {}
    for row in asked:
        to.setdefault(row.contact_point_id, []).append(row.id)
    # By wave and address, as the index is.
    waves = select(w.id).where(w.id > min((row.step_run_id for row in asked), default=0) - _WAVES)
    a = t.attempt.c
    was_given_up = exists().where(
        a.message_id == m.id, a.settled_as.in_(_UNPROVEN), a.ended_at >= since
    )
    is_open = or_(m.state.in_([MessageState.SENDING, MessageState.IN_DOUBT]), was_given_up)
    theirs = select(m.id, m.contact_point_id, m.provider_ref, is_open).where(
        m.step_run_id.in_(waves),
        bulk.among(session, m.contact_point_id, [*to]),
        or_(m.provider_ref.in_(found.values()), is_open),
    )
    others: dict[int, bool] = {}
    for other, address, ref, is_at_hand in session.execute(theirs):
        for message in to[address]:
            is_its = ref == found[message]
            if other != message and (is_its or is_at_hand):
                others[message] = others.get(message, False) or is_its
    return others


def flag_copies(session: Session, seen: Mapping[int, Collection[str]]) -> list[int]:
    """Messages of which the provider holds another copy than the one we know, now flagged as such.

    `seen`: message -> the provider's references in receipts that say it has the message, or gave
    it to the person. Two references are two copies: a first try whose reply was lost for longer
    than its listing lagged.
    """
    m = t.message
    rows = session.execute(
        select(m.c.id, m.c.provider_ref).where(
            bulk.among(session, m.c.id, list(seen)), m.c.provider_ref.is_not(None)
        )
    )
    doubled = [row[0] for row in rows if set(seen[row[0]]) - {row[1]}] if seen else []
    if doubled:
        session.execute(
            update(m).where(bulk.among(session, m.c.id, doubled)).values(reason=settle.DUPLICATE)
        )
    return doubled


def copies(session: Session) -> int:
    """Messages of which the provider turned out to hold two copies; the goal is 1 in 10,000 at most."""
    known = t.message.c.reason == settle.DUPLICATE
    return session.execute(select(func.count()).select_from(t.message).where(known)).scalar_one()


def _write(session: Session, one: Decided, *, provider: str, now: datetime) -> None:
    a, m = t.attempt, t.message
    values: dict[str, Any] = {}
    if one.looked:
        values |= {"looked_at": now, "looks": a.c.looks + int(one.provider_ref is None)}
    if one.state is not None:
        values |= {"settled_at": now, "settled_as": one.reason or one.state.value}
        moved: dict[str, Any] = {"state": one.state, "reason": one.reason, "not_before": None}
        if one.provider_ref is not None:
            moved |= {"provider_ref": one.provider_ref, "provider": provider, "accepted_at": now}
        session.execute(update(m).where(m.c.id == one.id).values(moved))
    if values:
        session.execute(
            update(a).where(a.c.message_id == one.id, a.c["try"] == one.try_).values(values)
        )


def _doubt(row: RowMapping) -> Doubt:
    return Doubt(
        recipient=claims.recipient(row, row["try"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        looks=row["looks"],
        stopped_as=MessageState(row["stop"]) if row["stop"] else None,
        restored=row["code"] == restoring.RESTORED,
    )

"""Messages that a provider may still hold and that are true no more: asked back, and what it said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, literal, or_, select, update

from outreach.model.words import MessageState, PriorityClass
from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

_S = MessageState
_HELD = (_S.ACCEPTED, _S.SENDING, _S.IN_DOUBT)
"""The provider has it, may have it, or has it in a moment."""
_LEFT = (_S.SENT, _S.DELIVERED, _S.UNDELIVERED)
_NEVER_LEFT = (_S.QUEUED, _S.CANCELLED, _S.SUPERSEDED, _S.SUPPRESSED, _S.EXPIRED, _S.FAILED)
_COLUMNS = ("message_id", "lane", "provider_ref", "asked_at", "outcome")
RECALLED = "recalled"
"""Reason on a message that its provider took back."""


class Outcome(StrEnum):
    """What came of asking a message back."""

    WAITING = ""
    RECALLED = "recalled"
    """The provider says that it will not deliver it."""
    REFUSED = "refused"
    """Too late: on its way, or there."""
    UNTOLD = "untold"
    """No answer in time, or a provider that takes nothing back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One message to be asked back."""

    message: int
    provider_ref: str


def of_waves(
    session: Session,
    waves: Sequence[int],
    classes: Collection[PriorityClass] = tuple(PriorityClass),
    *,
    now: datetime,
) -> int:
    """Notes what providers hold, or are about to, of these waves; how many were not noted before.

    In the transaction that stops them. What is in a call at this moment is noted without its
    reference: once it is known, it is asked for, and what never left is forgotten.
    """
    m = t.message.c
    return _note(session, [m.step_run_id.in_(waves), m.priority.in_(classes)], now=now)


def of_addresses(
    session: Session, messages: Collection[int], *, since: datetime, now: datetime
) -> int:
    """The same for all that goes to the addresses of these messages, of waves opened after `since`."""
    m, p = t.message, t.contact_point
    theirs = (
        select(p.c.address_hash, p.c.channel)
        .join(m, m.c.contact_point_id == p.c.id)
        .where(m.c.id.in_(list(messages)))
        .distinct()
        .subquery()
    )
    points = session.scalars(
        select(p.c.id).join(
            theirs, and_(theirs.c.address_hash == p.c.address_hash, theirs.c.channel == p.c.channel)
        )
    ).all()
    waves = session.scalars(select(t.step_run.c.id).where(t.step_run.c.created_at >= since)).all()
    # Both, for that is the key: messages have no index on the address alone.
    return _note(
        session, [m.c.step_run_id.in_(waves), m.c.contact_point_id.in_(points)], now=now
    )  # fmt: skip


def _note(session: Session, which: Sequence[ColumnElement[bool]], *, now: datetime) -> int:
    m = t.message.c
    rows = select(
        m.id, m.lane, func.coalesce(m.provider_ref, ""), literal(now, UtcDateTime), literal("")
    ).where(*which, m.state.in_(_HELD), m.lane.is_not(None))
    into = insert_into(session, t.recall)
    noted: Any = session.execute(
        into.from_select(_COLUMNS, rows).on_conflict_do_nothing(),
        execution_options={"preserve_rowcount": True},
    )
    return int(noted.rowcount)


def lanes(session: Session, *, now: datetime, again: timedelta) -> list[str]:
    """Lanes with something to ask their provider, or to settle without."""
    r, m = t.recall.c, t.message.c
    found = session.scalars(
        select(r.lane)
        .join(t.message, m.id == r.message_id)
        .where(
            r.outcome == Outcome.WAITING, m.state.not_in([_S.SENDING, _S.IN_DOUBT]), _due(now, again)
        )
        .distinct()
    )  # fmt: skip
    return sorted(found)


def settle_known(session: Session, lane: str, *, before: datetime) -> None:
    """What need not be asked: it never left, is gone already, or was asked in vain since `before`."""
    r, m = t.recall, t.message
    waiting = (r.c.lane == lane, r.c.outcome == Outcome.WAITING)
    session.execute(delete(r).where(*waiting, r.c.message_id.in_(_in(_NEVER_LEFT))))
    session.execute(
        update(r).where(*waiting, r.c.message_id.in_(_in(_LEFT))).values(outcome=Outcome.REFUSED)
    )
    untold = or_(r.c.message_id.in_(_in((_S.UNKNOWN,))), r.c.asked_at <= before)
    still = select(m.c.id).where(m.c.state.in_([_S.SENDING, _S.IN_DOUBT]))
    session.execute(
        update(r)
        .where(*waiting, untold, r.c.message_id.not_in(still.where(m.c.id == r.c.message_id)))
        .values(outcome=Outcome.UNTOLD)
    )


def _in(states: Collection[MessageState]) -> Any:
    """Message ids in these states, for rows of recall."""
    m = t.message.c
    return select(m.id).where(m.id == t.recall.c.message_id, m.state.in_(states))


def take(
    session: Session, lane: str, *, now: datetime, again: timedelta, limit: int
) -> list[Ask]:  # fmt: skip
    """What to ask next; marked as tried, so that two workers do not ask for the same."""
    r, m = t.recall, t.message
    rows = session.execute(
        select(r.c.message_id, m.c.provider_ref)
        .join(m, m.c.id == r.c.message_id)
        .where(
            r.c.lane == lane,
            r.c.outcome == Outcome.WAITING,
            m.c.state == _S.ACCEPTED,
            m.c.provider_ref.is_not(None),
            _due(now, again),
        )
        .order_by(r.c.tried_at.is_not(None), r.c.message_id)
        .limit(limit)
        .with_for_update(of=r, skip_locked=True)
    ).all()
    ids = [row[0] for row in rows]
    session.execute(update(r).where(r.c.message_id.in_(ids)).values(tried_at=now))
    return [Ask(message=row[0], provider_ref=row[1]) for row in rows]


def _due(now: datetime, again: timedelta) -> ColumnElement[bool]:
    tried_at = t.recall.c.tried_at
    return or_(tried_at.is_(None), tried_at <= now - again)


def write(session: Session, outcomes: Mapping[int, Outcome]) -> None:
    """Message -> what its provider said. One that it took back is `cancelled`, whatever came first.

    Its own receipt says `canceled` too, before or after this; a delivery that was told stands.
    """
    r, m = t.recall, t.message
    for outcome in set(outcomes.values()) - {Outcome.WAITING}:
        ids = [message for message, said in outcomes.items() if said is outcome]
        session.execute(
            update(r).where(r.c.message_id.in_(ids)).values(outcome=outcome, provider_ref=_ref())
        )
        if outcome is Outcome.RECALLED:
            taken_back = m.c.state.in_([_S.ACCEPTED, _S.UNDELIVERED, _S.UNKNOWN])
            session.execute(
                update(m)
                .where(m.c.id.in_(ids), taken_back)
                .values(state=_S.CANCELLED, reason=RECALLED)
            )


def _ref() -> Any:
    """The message's own reference, known by now."""
    m, r = t.message.c, t.recall.c
    own = select(m.provider_ref).where(m.id == r.message_id).scalar_subquery()
    return func.coalesce(own, r.provider_ref)


def give_up(session: Session, lane: str) -> int:
    """All that waits of a lane whose provider takes nothing back; how many."""
    r = t.recall
    done: Any = session.execute(
        update(r)
        .where(r.c.lane == lane, r.c.outcome == Outcome.WAITING, r.c.message_id.in_(_in((_S.ACCEPTED,))))
        .values(outcome=Outcome.UNTOLD)
    )  # fmt: skip
    return int(done.rowcount)


def counts(
    session: Session,
    *,
    run: int | None = None,
    occasion: int | None = None,
    since: datetime | None = None,
) -> dict[Outcome, int]:
    """Messages asked back, by outcome (each named), of a run or of an occasion.

    Those whose call has not ended yet count as waiting. `since`: asked then or later.
    """
    r, w = t.recall.c, t.step_run.c
    which = [w.run_id == run] if run is not None else []
    which += [t.run.c.occasion_id == occasion] if occasion is not None else []
    which += [r.asked_at >= since] if since is not None else []
    rows = session.execute(
        select(r.outcome, func.count())
        .join(t.message, t.message.c.id == r.message_id)
        .join(t.step_run, w.id == t.message.c.step_run_id)
        .join(t.run, t.run.c.id == w.run_id)
        .where(*which)
        .group_by(r.outcome)
    )
    return dict.fromkeys(Outcome, 0) | {Outcome(row[0]): row[1] for row in rows}

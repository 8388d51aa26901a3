"""Climbs the ladder: who got no receipt in time is tried on the next channel of the step, in the same wave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from outreach.model.words import Channel, MessageState, PriorityClass, RunState, StepRunState
from outreach.store import contactable, runs, tables as t
from outreach.store.dialects import insert_into
from outreach.store.freeze import Release
from outreach.store.runs import Wave
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

_S = MessageState
_WAITING = (_S.QUEUED,)
_HEARD = (_S.DELIVERED,)
_STOPPED = (_S.SUPERSEDED, _S.CANCELLED, _S.EXPIRED)
"""Stopped because it is true no more, or was taken back: no other channel says it either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """One wave's ladder at one instant, decided beforehand."""

    wave: int
    channels: tuple[Channel, ...]
    """Of the step, in its order, as far as lanes carry them."""
    after: timedelta
    now: datetime
    pools: tuple[str, ...]
    releases: tuple[Release, ...]
    """When a message may leave that is written now: a ladder wakes nobody whom the step would not."""
    silent: tuple[str, ...]
    """Providers that send no receipts: their `sent` is the last word."""
    home: str = "*"
    """As `Freezing.home`."""


def waves(session: Session, *, now: datetime, apart: timedelta, young: timedelta) -> list[Wave]:
    """Frozen waves of active runs that still hold and were not looked at within `apart`.

    Older ones than `young` have said what they had to say.
    """
    w, run, o = t.step_run.c, t.run.c, t.occasion.c
    numbers = session.scalars(
        select(w.id)
        .join(t.run, run.id == w.run_id)
        .join(t.occasion, o.id == run.occasion_id)
        .where(
            w.state == StepRunState.FROZEN,
            w.superseded_at.is_(None),
            w.cancelled_classes == "",
            w.created_at > now - young,
            or_(w.ladder_at.is_(None), w.ladder_at <= now - apart),
            run.state == RunState.ACTIVE,
        )
        .order_by(w.id)
    )
    return [runs.wave(session, number) for number in numbers.all()]


def candidates(session: Session, climb: Climb, *, limit: int) -> list[int]:
    """The last message of each customer whom nothing reached in time and who has another channel; ids."""
    m = t.message
    return list(
        session.scalars(select(m.c.id).where(*_is_due(climb)).order_by(m.c.id).limit(limit))
    )


def _is_due(climb: Climb) -> list[ColumnElement[bool]]:
    """What a message must fulfil to be the last of a customer whom nothing reached in time."""
    m, other = t.message, t.message.alias()
    late = m.c.claimed_at <= climb.now - climb.after
    alive = and_(
        other.c.step_run_id == climb.wave,
        other.c.customer_id == m.c.customer_id,
        other.c.id != m.c.id,
        or_(
            other.c.state.in_([*_WAITING, *_HEARD]),
            other.c.claimed_at > climb.now - climb.after,
            other.c.id > m.c.id,  # one row a customer: the youngest stands for all
        ),
    )
    return [
        m.c.step_run_id == climb.wave,
        m.c.customer_id > 0,
        late,
        m.c.state.not_in([*_WAITING, *_HEARD, *_STOPPED]),
        not_(and_(m.c.state == _S.SENT, m.c.provider.in_(climb.silent))),
        or_(m.c.not_after.is_(None), m.c.not_after > climb.now),
        exists(_next_points(climb, m)),
        not_(exists().where(alive).correlate(m)),
    ]


def climb(session: Session, plan: Climb, messages: Sequence[int]) -> int:
    """Writes the next rung of these messages' customers, queued, into their wave; how many.

    Holds the wave's row, so that a newer revision either stops these too or is seen here. The same
    rung twice is one: a wave has one message a contact point.
    """
    w = t.step_run.c
    still = session.execute(
        select(w.tier)
        .where(w.id == plan.wave, w.superseded_at.is_(None), w.cancelled_classes == "")
        .with_for_update()
    ).first()
    if still is None:
        return 0
    m = t.message.c
    # Asked again under the lock: another worker may have moved them up since they were read.
    due = session.scalars(select(m.id).where(m.id.in_(messages), *_is_due(plan))).all()
    if not due:
        return 0
    written = _insert(session, plan, due)
    _queue(session, written, tier=still[0])
    session.execute(
        update(t.step_run).where(w.id == plan.wave).values(frozen=w.frozen + len(written))
    )
    return len(written)


def looked_at(session: Session, wave: int, *, now: datetime) -> None:
    """The wave's ladder is climbed up to now."""
    session.execute(update(t.step_run).where(t.step_run.c.id == wave).values(ladder_at=now))


def climbed(session: Session, run: int) -> dict[int, int]:
    """wave -> customers of it who were tried on a second channel or more."""
    m, w = t.message.c, t.step_run.c
    several = (
        select(m.step_run_id, m.customer_id)
        .join(t.step_run, w.id == m.step_run_id)
        .where(w.run_id == run, w.ladder_at.is_not(None), m.customer_id > 0)
        .group_by(m.step_run_id, m.customer_id)
        .having(func.count(m.channel.distinct()) > 1)
        .subquery()
    )
    rows = session.execute(
        select(several.c.step_run_id, func.count()).group_by(several.c.step_run_id)
    )
    return {row[0]: row[1] for row in rows}


def zones(session: Session, wave: int) -> tuple[str, ...]:
    """The IANA zones of a wave's people."""
    return tuple(
        session.scalars(select(t.message.c.zone).where(t.message.c.step_run_id == wave).distinct())
    )


def _next_points(plan: Climb, m: Any) -> Any:
    """Contact points of the message's customer on their next channel: the first without a message in the wave."""
    held, point = t.customer_contact.alias("held"), t.contact_point.alias("point")
    at = _place(plan, point.c.channel)
    theirs = and_(
        held.c.customer_id == m.c.customer_id,
        point.c.channel.in_(plan.channels),
        contactable.is_spoken_to(held, point),
        not_(_is_tried(plan, m, point)),
        not_(_is_written(plan, point)),
    )
    before, held_before = t.contact_point.alias("before"), t.customer_contact.alias("held_before")
    nearer = (
        exists()
        .where(
            held_before.c.customer_id == m.c.customer_id,
            before.c.id == held_before.c.contact_point_id,
            contactable.is_spoken_to(held_before, before),
            before.c.channel.in_(plan.channels),
            not_(_is_tried(plan, m, before)),
            _place(plan, before.c.channel) < at,
        )
        .correlate(m, point)
    )
    return (
        select(point.c.id)
        .join(held, held.c.contact_point_id == point.c.id)
        .where(theirs, not_(nearer))
        .correlate(m)
    )


def _place(plan: Climb, channel: ColumnElement[str]) -> ColumnElement[int]:
    order = {one.value: number for number, one in enumerate(plan.channels)}
    return case(order, value=channel, else_=len(order))


def _is_tried(plan: Climb, m: Any, point: FromClause) -> ColumnElement[bool]:
    """Whether the wave has a message to this customer on that point's channel."""
    tried = t.message.alias("tried")
    return (
        exists()
        .where(
            tried.c.step_run_id == plan.wave,
            tried.c.customer_id == m.c.customer_id,
            tried.c.channel == point.c.channel,
        )
        .correlate(m, point)
    )


def _is_written(plan: Climb, point: FromClause) -> ColumnElement[bool]:
    """Whether the wave writes to this contact point already, for whomever."""
    written = t.message.alias("written")
    return (
        exists()
        .where(written.c.step_run_id == plan.wave, written.c.contact_point_id == point.c.id)
        .correlate(point)
    )


def _insert(session: Session, plan: Climb, messages: Sequence[int]) -> list[int]:
    m, point = t.message, t.contact_point
    own = cast(point.c.channel, Text) + ":" + point.c.country
    copied = [
        m.c[name]
        for name in ("step_run_id", "customer_id", "household_id", "priority", "locale", "zone",
                     "locality", "premises", "rank", "not_after")
    ]  # fmt: skip
    found = (
        select(
            *copied,
            point.c.id.label("contact_point_id"),
            point.c.channel,
            case((own.in_(plan.pools), own), else_=point.c.channel + f":{plan.home}").label("pool"),
            literal(_S.QUEUED.value).label("state"),
            literal(0).label("try"),
            literal(0).label("failures"),
            _not_before(plan).label("not_before"),
        )
        .select_from(m)
        .join(point, point.c.id.in_(_next_points(plan, m)))
        .where(m.c.id.in_(messages))
    )
    names = [column.name for column in found.selected_columns]
    return list(
        session.scalars(
            insert_into(session, m)
            .from_select(names, found)
            .on_conflict_do_nothing()
            .returning(m.c.id)
        )
    )


def _queue(session: Session, messages: Sequence[int], *, tier: int) -> None:
    m = t.message.c
    rows = select(
        m.pool, literal(tier), m.priority, m.rank, m.id, m.step_run_id, m.not_before
    ).where(m.id.in_(messages))
    names = ["pool", "tier", "priority", "rank", "message_id", "step_run_id", "not_before"]
    session.execute(insert(t.queue).from_select(names, rows))


def _not_before(plan: Climb) -> ColumnElement[Any]:
    m, cases = t.message.c, []
    for release in plan.releases:
        for instant, is_a in ((release.priority_not_before, True), (release.not_before, False)):
            if instant is not None and instant > plan.now:
                of_class = m.priority == PriorityClass.A if is_a else m.priority != PriorityClass.A
                cases.append(
                    (and_(m.zone == release.zone, of_class), literal(instant, UtcDateTime))
                )
    return case(*cases, else_=cast(null(), UtcDateTime)) if cases else cast(null(), UtcDateTime)

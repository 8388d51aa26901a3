"""Freezes a wave's audience into the ledger: INSERT … SELECT in slices, then the queue in claim order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Select,
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
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from outreach.model.words import (
    CHANNEL_BITS,
    TOLD_STATES,
    Audience,
    Channel,
    MessageState,
    PriorityClass,
    StepRunState,
)
from outreach.store import ranks, tables as t
from outreach.store.audience import affected_accounts, why_not
from outreach.store.runs import Wave
from outreach.store.scopes import Remaining
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

SLICE_ROWS = 20_000
"""Rows of reach a transaction takes: well under 0.5 s, so that other writers never wait longer."""
_END = (1 << 31) - 1
_MAYBE_TOLD = [*TOLD_STATES, MessageState.SENDING]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """When a message of this zone and class may leave, and until when it is true."""

    zone: str
    not_before: datetime | None
    priority_not_before: datetime | None
    """The same for class A."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezing:
    """Everything one wave's freeze needs, decided beforehand."""

    wave: Wave
    seed: bytes
    scope: Remaining
    channels: tuple[Channel, ...]
    siblings: tuple[int, ...]
    """Waves of the same run and revision: nobody hears twice of one revision."""
    earlier: tuple[int, ...]
    """Every other wave of the run: who was told before."""
    releases: tuple[Release, ...]
    not_after: datetime | None
    pools: tuple[str, ...]
    """`sms:CL`, `sms:*`: pools that have a lane; an address goes to its country's, else to `*`."""
    only_in_scope: bool = False
    """TOLD leaves out who is out of the scope by now: what still holds no longer holds for them."""
    heard_at: tuple[int, ...] | None = None
    """TOLD: only who heard last at one of these versions; None: at any."""
    posts_at: datetime | None = None
    """When our own accounts say it too, in the company's `locale` and the area's `zone`; None: they do not."""
    locale: str = ""
    zone: str = ""


def freeze_slice(session: Session, plan: Freezing) -> bool:
    """Writes the next slice in the caller's transaction; True when it was the last.

    The slice mark moves in the same commit, so that a crash repeats a slice harmlessly. Filling the
    queue is a slice of its own.
    """
    if plan.wave.audience in {Audience.TOLD, Audience.LEFT}:
        _insert(session, _from_ledger(plan))
        _finish(session, plan)
        return True
    if plan.wave.slice_from >= _END:
        _finish(session, plan)
        return True
    upto = _slice_end(session, plan)
    between = t.reach.c.tree_order.between(plan.wave.slice_from, upto)
    _insert(session, _from_reach(session.get_bind().dialect, plan, between))
    _mark(session, plan.wave.id, slice_from=min(upto + 1, _END))
    return False


def at_slice(plan: Freezing, wave: Wave) -> Freezing:
    """The plan, going on where the wave's mark stands."""
    return replace(plan, wave=wave)


def _slice_end(session: Session, plan: Freezing) -> int:
    """The tree order of the last row of this slice; a node's rows are never split."""
    found = session.execute(
        select(t.reach.c.tree_order)
        .where(plan.scope.covers(t.reach), t.reach.c.tree_order >= plan.wave.slice_from)
        .order_by(t.reach.c.tree_order)
        .offset(SLICE_ROWS)
        .limit(1)
    ).scalar()
    return _END if found is None else found


def _insert(session: Session, rows: Select[Any]) -> None:
    """Inserts message rows; a contact point met in an earlier slice gains its further premises."""
    dialect = session.get_bind().dialect.name
    maker: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = maker(t.message).from_select(
        [column.name for column in rows.selected_columns], rows
    )
    worse = case(
        (statement.excluded.priority < t.message.c.priority, statement.excluded.priority),
        else_=t.message.c.priority,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["step_run_id", "contact_point_id"],
            set_={
                "premises": t.message.c.premises + statement.excluded.premises,
                "priority": worse,
            },
        )
    )


def rows(plan: Freezing, dialect: Dialect) -> Select[Any]:
    """The message rows that a freeze would write, in one SELECT: a preview counts these very rows."""
    if plan.wave.audience in {Audience.TOLD, Audience.LEFT}:
        return _from_ledger(plan)
    return _from_reach(dialect, plan, true())


def _from_reach(dialect: Dialect, plan: Freezing, between: ColumnElement[bool]) -> Select[Any]:
    """Contactable points in the scope, one row each, on the channel their customer hears on."""
    r = t.reach
    conditions = [plan.scope.covers(r), between, r.c.channel == _chosen_channel(plan.channels)]
    told = list(plan.siblings)
    if told:
        conditions.append(not_(_has_message(r.c.contact_point_id, told, states=None)))
    if plan.wave.audience is Audience.JOINED and plan.earlier:
        conditions.append(
            not_(_has_message(r.c.contact_point_id, plan.earlier, states=_MAYBE_TOLD))
        )
    least = func.min(r.c.priority)
    household = func.min(r.c.household)
    return (
        select(
            *_common(plan),
            r.c.contact_point_id,
            func.min(r.c.customer_id).label("customer_id"),
            func.min(r.c.household_id).label("household_id"),
            r.c.channel,
            least.label("priority"),
            func.min(r.c.locale).label("locale"),
            func.min(r.c.zone).label("zone"),
            func.min(r.c.locality).label("locality"),
            func.count(r.c.premise_id.distinct()).label("premises"),
            ranks.keyed_rank(plan.seed, household, dialect).label("rank"),
            _pool(func.min(r.c.channel), func.min(r.c.country), plan.pools).label("pool"),
            _not_before(plan, func.min(r.c.zone), least).label("not_before"),
        )
        .where(and_(*conditions))
        .group_by(r.c.contact_point_id, r.c.channel)
        .having(least.in_(plan.wave.classes))
    )


def _from_ledger(plan: Freezing) -> Select[Any]:
    """Who was told before and has not left; for LEFT those of them no longer in the scope."""
    m, w = t.message, t.step_run
    heard = (
        select(m.c.contact_point_id, func.max(m.c.id).label("last"))
        .where(m.c.step_run_id.in_(plan.earlier), m.c.state.in_(_MAYBE_TOLD))
        .group_by(m.c.contact_point_id)
        .subquery()
    )
    conditions = [w.c.audience != Audience.LEFT, m.c.priority.in_(plan.wave.classes)]
    if plan.heard_at is not None:
        conditions.append(w.c.version.in_(plan.heard_at))
    if plan.siblings:
        conditions.append(not_(_has_message(m.c.contact_point_id, plan.siblings, states=None)))
    still = select(t.reach.c.contact_point_id).where(plan.scope.covers(t.reach))
    if plan.wave.audience is Audience.LEFT:
        conditions += [m.c.contact_point_id.not_in(still), m.c.customer_id > 0]
    elif plan.only_in_scope:
        conditions.append(or_(m.c.contact_point_id.in_(still), m.c.customer_id == 0))
    copied = ("contact_point_id", "customer_id", "household_id", "channel", "priority", "locale", "zone",
              "locality", "premises", "rank", "pool")  # fmt: skip
    return (
        select(
            *_common(plan),
            *(m.c[name] for name in copied),
            _not_before(plan, m.c.zone, m.c.priority).label("not_before"),
        )
        .join(heard, heard.c.last == m.c.id)
        .join(w, w.c.id == m.c.step_run_id)
        .where(and_(*conditions))
    )


def _common(plan: Freezing) -> list[ColumnElement[Any]]:
    return [
        literal(plan.wave.id).label("step_run_id"),
        literal(MessageState.QUEUED.value).label("state"),
        literal(0).label("try"),
        literal(0).label("failures"),
        literal(plan.not_after, UtcDateTime).label("not_after")
        if plan.not_after
        else _no_time("not_after"),
    ]


def _no_time(name: str) -> ColumnElement[Any]:
    return cast(null(), UtcDateTime).label(name)


def _chosen_channel(channels: Sequence[Channel]) -> ColumnElement[str]:
    """The preferred channel if the step offers it and the customer has it, else the first they have."""
    r = t.reach
    has = {channel: r.c.channels.op("&")(CHANNEL_BITS[channel]) != 0 for channel in channels}
    preferred = [
        (and_(r.c.preferred == channel, has[channel]), channel.value) for channel in channels
    ]
    in_order = [(has[channel], channel.value) for channel in channels]
    return case(*preferred, *in_order, else_="")


def _has_message(
    point: Column[int] | ColumnElement[int],
    waves: Sequence[int],
    *,
    states: Sequence[MessageState] | None,
) -> ColumnElement[bool]:
    other = t.message.alias()
    wanted = (other.c.step_run_id.in_(waves)) & (other.c.contact_point_id == point)
    if states is not None:
        wanted &= other.c.state.in_(states)
    return exists().where(wanted)


def _pool(
    channel: ColumnElement[str], country: ColumnElement[str], pools: Sequence[str]
) -> ColumnElement[str]:
    own = cast(channel, Text) + ":" + country
    return case((own.in_(pools), own), else_=channel + ":*")


def _not_before(
    plan: Freezing, zone: ColumnElement[str], priority: ColumnElement[str]
) -> ColumnElement[Any]:
    cases = []
    for release in plan.releases:
        for instant, is_a in ((release.priority_not_before, True), (release.not_before, False)):
            if instant is not None:
                of_class = priority == PriorityClass.A if is_a else priority != PriorityClass.A
                cases.append((and_(zone == release.zone, of_class), literal(instant, UtcDateTime)))
    return case(*cases, else_=cast(null(), UtcDateTime)) if cases else cast(null(), UtcDateTime)


def _finish(session: Session, plan: Freezing) -> None:
    """Fills the queue in claim order, says who is left out, and lets the wave go.

    A newer revision may have overtaken the wave while it froze: then nothing of it leaves.
    """
    m, wave = t.message, plan.wave
    _broadcast(session, plan)
    if wave.superseded_at is not None:
        session.execute(
            update(m)
            .where(m.c.step_run_id == wave.id)
            .values(state=MessageState.SUPERSEDED, reason="superseded")
        )
    session.execute(
        insert(t.queue).from_select(
            ["pool", "tier", "priority", "rank", "message_id", "step_run_id", "not_before"],
            select(
                m.c.pool,
                literal(int(wave.tier)),
                m.c.priority,
                m.c.rank,
                m.c.id,
                m.c.step_run_id,
                m.c.not_before,
            )
            .where(m.c.step_run_id == wave.id, m.c.state == MessageState.QUEUED)
            .order_by(m.c.pool, m.c.priority, m.c.rank),
        )
    )
    if wave.audience is Audience.AFFECTED:
        _leave_out(session, plan)
    frozen = session.execute(select(func.count()).where(m.c.step_run_id == wave.id)).scalar_one()
    _mark(session, wave.id, state=StepRunState.FROZEN, frozen=frozen, frozen_at=wave.created_at)


def _broadcast(session: Session, plan: Freezing) -> None:
    """Our own accounts get one post each: no customer, no household, outside the audience."""
    if plan.posts_at is None or plan.wave.audience in {Audience.TOLD, Audience.LEFT}:
        return  # posted accounts are among those told, and hear the change with them
    c = t.contact_point.c
    own = select(
        *_common(plan), c.id.label("contact_point_id"), literal(0).label("customer_id"),
        literal(0).label("household_id"), c.channel, literal("C").label("priority"),
        literal(plan.locale).label("locale"), literal(plan.zone).label("zone"),
        literal("").label("locality"), literal(0).label("premises"), literal(0).label("rank"),
        literal(f"{Channel.SOCIAL}:*").label("pool"),
        literal(plan.posts_at, UtcDateTime).label("not_before"),
    ).where(c.channel == Channel.SOCIAL)  # fmt: skip
    if plan.wave.audience is Audience.JOINED and plan.earlier:
        own = own.where(not_(_has_message(c.id, plan.earlier, states=_MAYBE_TOLD)))
    _insert(session, own)


def _leave_out(session: Session, plan: Freezing) -> None:
    rows = affected_accounts(plan.scope).subquery()
    reached = select(t.reach.c.customer_id).where(
        plan.scope.covers(t.reach), t.reach.c.channel.in_(plan.channels)
    )
    classes = select(rows.c.customer_id).group_by(rows.c.customer_id).having(
        func.min(rows.c.priority).in_(plan.wave.classes)
    )  # fmt: skip
    session.execute(
        insert(t.left_out).from_select(
            ["step_run_id", "customer_id", "reason"],
            select(
                literal(plan.wave.id), t.customer.c.id, why_not(t.customer.c.id, plan.scope)
            ).where(t.customer.c.id.in_(classes), t.customer.c.id.not_in(reached)),
        )
    )


def _mark(session: Session, wave: int, **values: Any) -> None:
    session.execute(update(t.step_run).where(t.step_run.c.id == wave).values(**values))

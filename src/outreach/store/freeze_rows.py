"""The message rows of a wave as one SELECT: a freeze inserts them slice by slice, a preview counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    union_all,
)

from outreach.model.words import (
    TOLD_STATES,
    Audience,
    Channel,
    LeftOut,
    MessageState,
    PriorityClass,
)
from outreach.store import (
    audience,
    contactable,
    daily_cap,
    generations,
    overlap,
    ranks,
    segments,
    stakeholders,
    tables as t,
    told_waves,
    wishes,
    withheld,
)
from outreach.store.freezing import Freezing
from outreach.store.scopes import Remaining
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

_Conditions = list[ColumnElement[bool]]
_MAYBE_TOLD = [*TOLD_STATES, MessageState.SENDING]
_SCOPES = 100  # that one condition names
_COPIED = ("contact_point_id", "customer_id", "household_id", "channel", "priority", "locale", "zone",
           "locality", "premises", "rank", "pool")  # fmt: skip
COLUMNS = ("step_run_id", "state", "try", "failures", "not_after", *_COPIED, "not_before")
"""Of a message, as a freeze writes it."""


def rows(session: Session, plan: Freezing) -> Select[Any]:
    """The message rows that a freeze would write, in one SELECT: a preview counts these very rows."""
    if plan.lists:
        point = t.contact_point.c
        return stakeholders.rows(
            plan,
            _common(plan),
            pool=_pool(point.channel, point.country, plan),
            not_before=lambda zone: _not_before(plan, zone, literal(PriorityClass.C.value)),
        )
    found = _found(session, plan)
    if plan.bars:
        row = found.subquery()
        found = select(row).where(not_(or_(*(each for each, _ in _barred(session, plan, row)))))
    return found if plan.silences is None else wishes.fulfilled(found, plan.silences)


def _found(session: Session, plan: Freezing) -> Select[Any]:
    """Everybody whom the wave is for, whatever they had or hear elsewhere today."""
    if not plan.is_to_told:
        found = _from_reach(session, plan)
        return found.having(_newly_dark(plan) > 0) if plan.beside.others else found
    told = _told(plan)
    return told.where(not_(_is_still_out(plan))) if plan.beside.others else told


def _barred(
    session: Session, plan: Freezing, row: Any
) -> list[tuple[ColumnElement[bool], LeftOut]]:
    """Who of the found must not be written to today, and why."""
    barred: list[tuple[ColumnElement[bool], LeftOut]] = []
    if plan.cap:
        met = daily_cap.is_met(plan.cap, row.c.customer_id)
        is_bound = and_(row.c.priority != PriorityClass.A, row.c.customer_id > 0)
        barred.append((and_(is_bound, met), LeftOut.DAILY_CAP))
    for some in _slices(plan.muted):
        inside = or_(*(each.covers(t.premise) for each in some))
        barred.append((overlap.holds(row.c.contact_point_id, inside), LeftOut.MUTED))
    if plan.holdout and not plan.is_to_told:
        barred.append((withheld.is_held_out(session, plan, row), LeftOut.HOLDOUT))
    return barred


def _slices(scopes: Sequence[Remaining]) -> list[Sequence[Remaining]]:
    """A statement nests no deeper than a thousand on SQLite, and a storm has hundreds of outages."""
    return [scopes[start : start + _SCOPES] for start in range(0, len(scopes), _SCOPES)]


def messages(session: Session, plan: Freezing) -> list[Select[Any]]:
    """The same in the order of the unique key, and the posts of our own accounts."""
    found = rows(session, plan)
    found = found.order_by(found.selected_columns.contact_point_id)
    return [found] if plan.is_to_told or plan.posts_at is None else [found, _own_accounts(plan)]


def left_out(session: Session, plan: Freezing) -> list[Select[Any]]:
    """Who is not written to, with the reason: without a channel, told elsewhere, or not today."""
    if plan.lists:
        return []
    found = _without_channel(session, plan)
    if plan.beside.others:
        found.append(_still_out(plan) if plan.is_to_told else _told_already(session, plan))
    if plan.bars:
        row = _found(session, plan).subquery()
        found += [
            _left_out(plan, row.c.customer_id, literal(reason.value)).where(barred)
            for barred, reason in _barred(session, plan, row)
        ]
    if len(found) <= 1:
        return found
    # A customer of two contact points may be there for two reasons; the table has one row of each.
    each = union_all(*found).subquery()
    return [
        select(each.c.step_run_id, each.c.customer_id, func.min(each.c.reason).label("reason"))
        .group_by(each.c.step_run_id, each.c.customer_id)
    ]  # fmt: skip


def _left_out(
    plan: Freezing, customer: ColumnElement[int], reason: ColumnElement[str]
) -> Select[Any]:
    wave = literal(plan.wave.id).label("step_run_id")
    columns: list[ColumnElement[Any]] = [
        wave,
        customer.label("customer_id"),
        reason.label("reason"),
    ]
    return select(*columns)


def _without_channel(session: Session, plan: Freezing) -> list[Select[Any]]:
    """Who is affected and has none of the step's channels."""
    r, wave = t.reach.c, plan.wave
    if wave.audience is not Audience.AFFECTED:
        return []
    reason = audience.why_not(r.customer_id, func.max(r.channels))
    warned = func.count(case((contactable.is_warned_alone(plan.channels), 1))) > 0
    return [
        _left_out(plan, r.customer_id, reason)
        .where(*_of_audience(session, plan, r.customer_id), audience.not_reached(plan.channels))
        .group_by(r.customer_id)
        .having(
            func.min(r.priority).in_(wave.classes), *([not_(warned)] if plan.is_emergency else [])
        )
    ]


def _told_already(session: Session, plan: Freezing) -> Select[Any]:
    """Whose every premise is dark in another outage too, which has told them."""
    r = t.reach.c
    return (
        _left_out(plan, r.customer_id, literal(LeftOut.TOLD_ALREADY.value))
        .where(*_spoken_to(session, plan, r.customer_id))
        .group_by(r.customer_id)
        .having(func.min(r.priority).in_(plan.wave.classes), _newly_dark(plan) == 0)
    )


def _newly_dark(plan: Freezing) -> ColumnElement[int]:
    """Rows of a group whose person has not heard of that premise from another outage."""
    return func.count(case((not_(overlap.is_told(plan.beside.others, plan.together)), 1)))


def _still_out(plan: Freezing) -> Select[Any]:
    """Whom a closing notice would tell an untruth, for another outage keeps their premises dark."""
    customer = (t.message if plan.laid is None else plan.laid).c.customer_id
    columns = _left_out(plan, customer, literal(LeftOut.STILL_OUT.value)).selected_columns
    return _told(plan).with_only_columns(*columns).where(_is_still_out(plan)).distinct()


def _told(plan: Freezing) -> Select[Any]:
    laid = plan.laid
    return from_ledger(plan) if laid is None else select(*(laid.c[name] for name in COLUMNS))


def _is_still_out(plan: Freezing) -> ColumnElement[bool]:
    """Our own accounts speak to everybody: they are held back by nobody's premises."""
    m = (t.message if plan.laid is None else plan.laid).c
    return and_(m.customer_id > 0, overlap.is_still_out(m.contact_point_id, plan.beside))


def _of_audience(session: Session, plan: Freezing, by: ColumnElement[int]) -> _Conditions:
    """What rows of reach, grouped `by`, must fulfil to be of this wave: scope, generation, segment."""
    conditions = [plan.scope.covers(t.reach), generations.visible(t.reach, plan.wave.generation)]
    if plan.untold is not None:
        conditions.append(told_waves.is_of(plan.untold, by))
    elif plan.wave.classes == (PriorityClass.A,):
        conditions.append(audience.urgent(by, plan.scope, plan.wave.generation))
    if plan.segment is not None:
        conditions += segments.condition(session, plan.segment, t.reach, plan.wave.created_at)
    return conditions


def _from_reach(session: Session, plan: Freezing) -> Select[Any]:
    """Contactable points of the scope, one row each, on the channel their customer hears on."""
    r, dialect = t.reach.c, session.get_bind().dialect
    first = _bare if dialect.name == "sqlite" else func.min
    priority = audience.best_of(r.priority)
    return (
        select(
            *_common(plan),
            r.contact_point_id,
            func.min(r.customer_id).label("customer_id"),
            first(r.household_id).label("household_id"),
            r.channel,
            priority.label("priority"),
            first(r.locale).label("locale"),
            first(r.zone).label("zone"),
            first(r.locality).label("locality"),
            func.count(r.premise_id.distinct()).label("premises"),
            ranks.keyed_rank(plan.seed, first(r.household), dialect).label("rank"),
            _pool(r.channel, first(r.country), plan).label("pool"),
            _leaves(session, plan, first).label("not_before"),
        )
        .where(*_spoken_to(session, plan, r.contact_point_id))
        .group_by(r.contact_point_id, r.channel)
        .having(priority.in_(plan.wave.classes))
    )


def _leaves(session: Session, plan: Freezing, first: Any) -> ColumnElement[Any]:
    """Not before the hour of its zone and class; the late tail at its own."""
    r = t.reach.c
    priority = audience.best_of(r.priority)
    in_turn = _not_before(plan, first(r.zone), priority)
    if plan.tail is None:
        return in_turn
    late = withheld.is_late(session, plan, first, priority)
    return case((late, literal(plan.tail.at, UtcDateTime)), else_=in_turn)


def _bare(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """On SQLite of the row of the one min(), the lowest customer's: a quarter less time than min() of each."""
    return column


def _spoken_to(session: Session, plan: Freezing, by: ColumnElement[int]) -> _Conditions:
    """The same to become messages, whatever their class."""
    r = t.reach
    spoken = r.c.channel == contactable.chosen(plan.channels, r.c.channels, r.c.preferred)
    if plan.together:
        spoken = or_(spoken, _on_every_channel(plan, r.c.priority, r.c.channel))
    if plan.is_emergency:
        spoken = or_(spoken, contactable.is_warned_alone(plan.channels))
    conditions = [*_of_audience(session, plan, by), spoken, r.c.channel != ""]
    if told := plan.siblings:
        conditions.append(not_(overlap.has_message(r.c.contact_point_id, told, states=None)))
    if plan.wave.audience is Audience.JOINED:
        heard = (*plan.siblings, *plan.earlier)
        conditions += [
            not_(overlap.has_message(r.c.contact_point_id, plan.earlier, states=_MAYBE_TOLD)),
            # Who heard by one channel or number has not just joined, whatever became of what went to the others.
            not_(overlap.was_told(r.c.customer_id, heard, states=_MAYBE_TOLD)),
        ]
    return conditions


def _on_every_channel(
    plan: Freezing, priority: ColumnElement[str], channel: ColumnElement[str]
) -> ColumnElement[bool]:
    """Whether this class hears on every channel of the step, and this is one."""
    return and_(priority.in_(plan.together), channel.in_(plan.channels))


def _is_first_told(plan: Freezing) -> ColumnElement[bool]:
    """Of a customer told on several channels, the first in the step's order; a post has no customer.

    Most hear on the first channel anyway: they are not looked up.
    """
    m, other = t.message, t.message.alias()
    order = {channel.value: number for number, channel in enumerate(plan.channels)}
    own, theirs = (case(order, value=each.c.channel, else_=len(order)) for each in (m, other))
    nearer = exists().where(
        other.c.customer_id == m.c.customer_id,
        other.c.step_run_id.in_(plan.earlier),
        other.c.state.in_(_MAYBE_TOLD),
        theirs < own,
    ).correlate(m)  # fmt: skip
    first = [m.c.channel == channel for channel in plan.channels[:1]]
    every = _on_every_channel(plan, m.c.priority, m.c.channel)
    return or_(*first, m.c.customer_id == 0, every, not_(nearer))


def from_ledger(plan: Freezing) -> Select[Any]:
    """Who was told before and has not left; for LEFT those of them no longer in the scope."""
    m, w = t.message, t.step_run
    heard = (
        select(m.c.contact_point_id, func.max(m.c.id).label("last"))
        .where(m.c.step_run_id.in_(plan.earlier), m.c.state.in_(_MAYBE_TOLD))
        # Stakeholders have their own steps; only a correction goes to all who heard the mistake.
        .where(
            or_(m.c.customer_id > 0, m.c.channel == Channel.SOCIAL, literal(plan.everybody_told))
        )
        .group_by(m.c.contact_point_id)
        .subquery()
    )
    conditions: list[ColumnElement[bool]] = [m.c.priority.in_(plan.wave.classes)]
    if not plan.everybody_told and plan.heard_in is None:
        conditions.append(w.c.audience != Audience.LEFT)
    if plan.channels and not plan.everybody_told:
        conditions.append(_is_first_told(plan))
    if plan.heard_in is not None:
        conditions.append(w.c.id.in_(plan.heard_in))
    if plan.within is not None:
        conditions.append(or_(_is_in_scope(plan.within), m.c.customer_id == 0))
    if plan.siblings:
        conditions.append(
            not_(overlap.has_message(m.c.contact_point_id, plan.siblings, states=None))
        )
    if plan.wave.audience is Audience.LEFT:
        conditions += [not_(_is_in_scope(plan.scope)), m.c.customer_id > 0]
    elif plan.only_in_scope:
        conditions.append(or_(_is_in_scope(plan.scope), m.c.customer_id == 0))
    return (
        select(
            *_common(plan),
            *(m.c[name] for name in _COPIED),
            _not_before(plan, m.c.zone, m.c.priority).label("not_before"),
        )
        .join(heard, heard.c.last == m.c.id)
        .join(w, w.c.id == m.c.step_run_id)
        .where(and_(*conditions))
    )


def _is_in_scope(scope: Remaining) -> ColumnElement[bool]:
    """Whether anybody who holds the message's contact point is supplied in the scope."""
    return overlap.holds(t.message.c.contact_point_id, scope.covers(t.premise))


def _own_accounts(plan: Freezing) -> Select[Any]:
    """Our own accounts get one post each: no customer, no household, outside the audience."""
    c = t.contact_point.c
    own = select(
        *_common(plan), c.id.label("contact_point_id"), literal(0).label("customer_id"),
        literal(0).label("household_id"), c.channel, literal("C").label("priority"),
        literal(plan.locale).label("locale"), literal(plan.zone).label("zone"),
        literal("").label("locality"), literal(0).label("premises"), literal(0).label("rank"),
        literal(f"{Channel.SOCIAL}:{plan.home}").label("pool"),
        literal(plan.posts_at, UtcDateTime).label("not_before"),
    ).where(c.channel == Channel.SOCIAL)  # fmt: skip
    if plan.wave.audience is Audience.JOINED and plan.earlier:
        own = own.where(not_(overlap.has_message(c.id, plan.earlier, states=_MAYBE_TOLD)))
    return own


def _common(plan: Freezing) -> list[ColumnElement[Any]]:
    return [
        literal(plan.wave.id).label("step_run_id"),
        literal(MessageState.QUEUED.value).label("state"),
        literal(0).label("try"),
        literal(0).label("failures"),
        literal(plan.not_after, UtcDateTime).label("not_after")
        if plan.not_after
        else cast(null(), UtcDateTime).label("not_after"),
    ]


def _pool(
    channel: ColumnElement[str], country: ColumnElement[str], plan: Freezing
) -> ColumnElement[str]:
    own = cast(channel, Text) + ":" + country
    return case((own.in_(plan.pools), own), else_=channel + f":{plan.home}")


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

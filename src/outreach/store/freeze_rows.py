"""The message rows of a wave as one SELECT: a freeze inserts them slice by slice, a preview counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
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
    true,
)

from outreach.model.audience import Segment
from outreach.model.words import TOLD_STATES, Audience, Channel, MessageState, PriorityClass
from outreach.store import contactable, generations, ranks, segments, tables as t
from outreach.store.runs import Wave
from outreach.store.scopes import Remaining
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

_MAYBE_TOLD = [*TOLD_STATES, MessageState.SENDING]
_COPIED = ("contact_point_id", "customer_id", "household_id", "channel", "priority", "locale", "zone",
           "locality", "premises", "rank", "pool")  # fmt: skip


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
    segment: Segment | None = None
    """Whom of the scope the step speaks to; None: everybody."""
    only_in_scope: bool = False
    """TOLD leaves out who is out of the scope by now: what still holds no longer holds for them."""
    heard_at: tuple[int, ...] | None = None
    """TOLD: only who heard last at one of these versions; None: at any."""
    posts_at: datetime | None = None
    """When our own accounts say it too, in the company's `locale` and the area's `zone`; None: they do not."""
    locale: str = ""
    zone: str = ""


def rows(session: Session, plan: Freezing) -> Select[Any]:
    """The message rows that a freeze would write, in one SELECT: a preview counts these very rows."""
    if plan.wave.audience in {Audience.TOLD, Audience.LEFT}:
        return from_ledger(plan, true())
    found = from_reach(session, plan, true())
    least = func.min(t.reach.c.priority)
    return found.having(least.in_(plan.wave.classes))


def of_audience(session: Session, plan: Freezing) -> list[ColumnElement[bool]]:
    """What rows of reach must fulfil to be of this wave: scope, generation, segment."""
    conditions = [plan.scope.covers(t.reach), generations.visible(t.reach, plan.wave.generation)]
    if plan.segment is not None:
        conditions += segments.condition(session, plan.segment, t.reach, plan.wave.created_at)
    return conditions


def from_reach(session: Session, plan: Freezing, part: ColumnElement[bool]) -> Select[Any]:
    """Contactable points of a part of the scope, one row each, on the channel their customer hears on.

    Those of a better class than the wave's are among them: they veto what another part finds.
    """
    r = t.reach
    conditions = _spoken_to(session, plan, part)
    least = func.min(r.c.priority)
    household = func.min(r.c.household)
    found = (
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
            ranks.keyed_rank(plan.seed, household, session.get_bind().dialect).label("rank"),
            _pool(r.c.channel, func.min(r.c.country), plan.pools).label("pool"),
            _not_before(plan, func.min(r.c.zone), least).label("not_before"),
        )
        .where(and_(*conditions))
        .group_by(r.c.contact_point_id, r.c.channel)
    )
    worst = _worst(plan)
    return found if worst is PriorityClass.C else found.having(least <= worst.value)


def is_by_premise(session: Session, plan: Freezing) -> bool:
    """Whether `by_premise` may stand for `from_reach`: on SQLite, and where no class is cut off."""
    return session.get_bind().dialect.name == "sqlite" and _worst(plan) is PriorityClass.C


def by_premise(session: Session, plan: Freezing, part: ColumnElement[bool]) -> Select[Any]:
    """The same rows, but one a premise, for an insert that adds premises up: half the time of the other.

    SQLite only: what is not aggregated comes from the row of the one min(), the lowest customer's.
    """
    r = t.reach.c
    best = _best(r.priority)
    return (
        select(
            *_common(plan),
            r.contact_point_id,
            func.min(r.customer_id).label("customer_id"),
            r.household_id,
            r.channel,
            best.label("priority"),
            r.locale,
            r.zone,
            r.locality,
            literal(1).label("premises"),
            ranks.keyed_rank(plan.seed, r.household, session.get_bind().dialect).label("rank"),
            _pool(r.channel, r.country, plan.pools).label("pool"),
            _not_before(plan, r.zone, best).label("not_before"),
        )
        .where(and_(*_spoken_to(session, plan, part)))
        .group_by(r.contact_point_id, r.premise_id)
    )


def _worst(plan: Freezing) -> PriorityClass:
    return max(plan.wave.classes, default=PriorityClass.A)


def _best(priority: ColumnElement[str]) -> ColumnElement[str]:
    """The best class of a group without min(): a second one would leave open whose row is taken."""
    has = [
        (func.count(case((priority == each, 1))) > 0, each.value)
        for each in (PriorityClass.A, PriorityClass.B)
    ]
    return case(*has, else_=PriorityClass.C.value)


def _spoken_to(
    session: Session, plan: Freezing, part: ColumnElement[bool]
) -> list[ColumnElement[bool]]:
    """What rows of reach must fulfil to become messages, whatever their class."""
    r = t.reach
    chosen = contactable.chosen(plan.channels, r.c.channels, r.c.preferred)
    conditions = [*of_audience(session, plan), part, r.c.channel == chosen, r.c.channel != ""]
    told = list(plan.siblings)
    if told:
        conditions.append(not_(_has_message(r.c.contact_point_id, told, states=None)))
    if plan.wave.audience is Audience.JOINED and plan.earlier:
        conditions.append(
            not_(_has_message(r.c.contact_point_id, plan.earlier, states=_MAYBE_TOLD))
        )
    return conditions


def from_ledger(plan: Freezing, part: ColumnElement[bool]) -> Select[Any]:
    """Who was told before and has not left; for LEFT those of them no longer in the scope."""
    m, w = t.message, t.step_run
    heard = (
        select(m.c.contact_point_id, func.max(m.c.id).label("last"))
        .where(m.c.step_run_id.in_(plan.earlier), m.c.state.in_(_MAYBE_TOLD), part)
        .group_by(m.c.contact_point_id)
        .subquery()
    )
    conditions = [w.c.audience != Audience.LEFT, m.c.priority.in_(plan.wave.classes)]
    if plan.heard_at is not None:
        conditions.append(w.c.version.in_(plan.heard_at))
    if plan.siblings:
        conditions.append(not_(_has_message(m.c.contact_point_id, plan.siblings, states=None)))
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
    """Whether anybody who holds the message's contact point is supplied in the scope.

    By the record's own indexes, point by point: reach is in the order of places, and would have to be
    read through for every slice.
    """
    held, p = t.customer_contact.c, t.premise.c
    return exists(
        select(p.id)
        .join(t.supply, t.supply.c.premise_id == p.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .join(t.customer_contact, held.customer_id == t.account.c.customer_id)
        .where(
            held.contact_point_id == t.message.c.contact_point_id,
            t.account.c.closed_at.is_(None),
            p.closed_at.is_(None),
            scope.covers(t.premise),
        )
        .correlate(t.message)
    )


def own_accounts(plan: Freezing) -> Select[Any]:
    """Our own accounts get one post each: no customer, no household, outside the audience."""
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

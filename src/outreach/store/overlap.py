"""Other occasions that keep the same premises dark: who was told there, and for whom nothing is over yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    column,
    delete,
    exists,
    not_,
    or_,
    select,
    table,
    update,
)

from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import (
    TOLD_STATES,
    Audience,
    LeftOut,
    MessageState,
    OccasionKind,
    OccasionState,
    PriorityClass,
    StepRunState,
)
from outreach.store import generations, occasions, scopes, tables as t
from outreach.store.scopes import Part, Remaining
from outreach.store.session import Session

_HEARS = [*TOLD_STATES, MessageState.QUEUED, MessageState.SENDING]
"""Of a message elsewhere: its person was told, may have been, or is about to be."""
_AT_ONCE = 500
BEGUN = {OccasionState.ACTIVE, OccasionState.PARTIAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An open occasion that may hold premises of ours.

    `waves`: of all its runs, and of what it swallowed; where it is asked who was told.
    """

    occasion: int
    scope: Remaining
    waves: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside one wave: nothing in nearly all of them, and then its SQL is as if alone."""

    others: tuple[Other, ...] = ()
    concerned: tuple[Remaining, ...] = field(default=())
    """Every place that our own occasion ever named: what a closing notice speaks of."""


ALONE = Beside()


def telling(session: Session, occasion: Occasion, scope: Remaining) -> Beside:
    """Open outages of the same service that touch this scope and have told people of it."""
    if occasion.kind is not OccasionKind.OUTAGE:
        return ALONE
    found = (
        replace(one, waves=waves_of(session, one.occasion))
        for one in _touching(session, _others(session, occasion), (scope.out,))
    )
    return Beside(others=tuple(one for one in found if one.waves))


def closing(session: Session, occasion: Occasion) -> Beside:
    """What keeps premises dark of which this occasion is about to say that they are not.

    Works count from their start: before it nobody is without supply for them, and a notice about one
    work says nothing about another.
    """
    if occasion.kind is OccasionKind.ADVISORY or occasion.revision.state is OccasionState.SCHEDULED:
        return ALONE
    dark = _others(session, occasion, works=True)
    if not dark:
        return ALONE
    concerned = ever(session, occasion)
    found = _touching(session, dark, [each.out for each in concerned])
    return Beside(others=found, concerned=concerned) if found else ALONE


def ever(session: Session, occasion: Occasion) -> tuple[Remaining, ...]:
    """Each scope that the occasion ever had, restored or not."""
    distinct = {each.scope: each for each in occasions.history(session, occasion.id)}
    return tuple(scopes.whole(session, occasion, each) for each in distinct.values())


def waiting(session: Session, occasion: Occasion) -> tuple[Occasion, ...]:
    """Open outages that left people out because this one had told them; oldest first."""
    others = _others(session, occasion)
    having = _having_left_out(session, [one.id for one in others])
    left = [one for one in others if one.id in having]
    if not left:  # nearly always
        return ()
    places = [each.out for each in ever(session, occasion)]
    numbers = {one.occasion for one in _touching(session, left, places)}
    return tuple(one for one in left if one.id in numbers)


def take_back_ends(session: Session, occasion: Occasion) -> int:
    """Supersedes queued last words of other occasions to who is in the dark by this one; how many.

    Only people of its own scope are looked at: a blackout that ended holds its thousands for the morning.
    """
    ends = _ends_waiting(session, occasion)
    if not ends:
        return 0
    scope, generation = scopes.remaining(session, occasion), generations.current(session)
    r, m, q = t.reach, t.message, t.queue
    points = select(r.c.contact_point_id).where(
        scope.covers(r), generations.visible(r, generation), r.c.channel != ""
    )
    found: list[int] = []
    for number in _ever_near(session, ends, scope.out):  # nearly always none
        waves, ended = ends[number], occasions.get(session, OccasionId(number))
        beside = closing(session, ended)
        if all(one.occasion != occasion.id for one in beside.others):
            continue
        found += session.scalars(
            select(m.c.id).where(
                m.c.step_run_id.in_(waves),
                m.c.contact_point_id.in_(points),
                m.c.state == MessageState.QUEUED,
                m.c.customer_id > 0,
                is_still_out(m.c.contact_point_id, beside),
            )
        )
    every = [wave for waves in ends.values() for wave in waves]
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        session.execute(delete(q).where(q.c.step_run_id.in_(every), q.c.message_id.in_(some)))
        session.execute(
            update(m)
            .where(m.c.id.in_(some), m.c.state == MessageState.QUEUED)
            .values(state=MessageState.SUPERSEDED, reason="out again")
        )
    return len(found)


def _ends_waiting(session: Session, occasion: Occasion) -> dict[int, list[int]]:
    """Occasion -> waves with queued messages that say that supply is back, or was never away."""
    w, r, o, v = t.step_run.c, t.run.c, t.occasion.c, t.revision.c
    newest = (v.occasion_id == o.id) & (v.version == o.version)
    is_end = and_(w.audience == Audience.TOLD, v.state == OccasionState.RESTORED)
    rows = session.execute(
        select(o.id, w.id)
        .join(t.run, r.id == w.run_id)
        .join(t.occasion, o.id == r.occasion_id)
        .join(t.revision, newest)
        .where(
            exists().where(t.queue.c.step_run_id == w.id),
            w.superseded_at.is_(None),
            w.version == o.version,
            o.id != occasion.id,
            o.service == occasion.service,
            o.drill.is_(occasion.drill),
            or_(w.audience == Audience.LEFT, is_end),
        )
    )
    found: dict[int, list[int]] = defaultdict(list)
    for number, wave in rows:
        found[number].append(wave)
    return found


@lru_cache(maxsize=1)
def is_told(others: tuple[Other, ...], together: tuple[PriorityClass, ...]) -> ColumnElement[bool]:
    """True for a row of reach that is dark in another outage whose notice its person has, or is to get.

    A class that hears on every channel at once is told as a person: who was texted there is not called here.
    Kept from a wave's messages for whom it leaves out: beside a dozen outages it is most of either.
    """
    r = t.reach.c
    either: list[ColumnElement[bool]] = []
    for other in others:
        heard = has_message(r.contact_point_id, other.waves, states=_HEARS)
        if together:
            heard = or_(
                heard,
                and_(r.priority.in_(together), was_told(r.customer_id, other.waves, states=_HEARS)),
            )
        either.append(and_(other.scope.covers(t.reach), heard))
    return or_(*either)


def is_still_out(point: ColumnElement[int], beside: Beside) -> ColumnElement[bool]:
    """Whether every premise that this closing concerns, of whoever holds the point, is dark elsewhere."""
    ours = or_(*(each.covers(t.premise) for each in beside.concerned))
    dark = or_(*(each.scope.covers(t.premise) for each in beside.others))
    return and_(holds(point, and_(ours, dark)), not_(holds(point, and_(ours, not_(dark)))))


def holds(point: ColumnElement[int], inside: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether anybody who holds a contact point is supplied at a premise that fulfils `inside`.

    By the record's own indexes, point by point: reach is in the order of places, and would have to be
    read through for every slice.
    """
    return exists(premises_of(point).where(inside).with_only_columns(t.premise.c.id))


def premises_of(point: ColumnElement[int]) -> Select[tuple[int]]:
    """Open premises of whoever holds a contact point; correlated to the table of `point`."""
    held, p = t.customer_contact.c, t.premise.c
    return (
        select(p.id)
        .join(t.supply, t.supply.c.premise_id == p.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .join(t.customer_contact, held.customer_id == t.account.c.customer_id)
        .where(
            held.contact_point_id == point,
            t.account.c.closed_at.is_(None),
            p.closed_at.is_(None),
        )
        .correlate_except(t.premise, t.supply, t.account, t.customer_contact)
    )


_MESSAGE = table(
    t.message.name,
    *(
        column(name, t.message.c[name].type)
        for name in ("step_run_id", "contact_point_id", "customer_id", "state")
    ),
).alias("other_message")
"""With the columns asked for alone, and one for all: a wave beside a dozen outages has thirty of them, each its own."""


def has_message(
    point: ColumnElement[int], waves: Sequence[int], *, states: Sequence[MessageState] | None
) -> ColumnElement[bool]:
    """Whether one of these waves has a message to the contact point, in one of the states (None: any)."""
    other = _MESSAGE.c
    wanted = [_of(waves), other.contact_point_id == point]
    if states is not None:
        wanted.append(other.state.in_(states))
    return exists().where(*wanted)


def was_told(
    customer: ColumnElement[int], waves: Sequence[int], *, states: Sequence[MessageState]
) -> ColumnElement[bool]:
    """The same of a customer, on whatever channel."""
    other = _MESSAGE.c
    return exists().where(
        other.customer_id == customer,
        _of(waves),
        other.state.in_(states),
    )


def _of(waves: Sequence[int]) -> ColumnElement[bool]:
    """As one parameter: given a list, the library looks at each of hundreds, for each outage beside."""
    given: BindParameter[int] = bindparam("of_waves", waves, expanding=True, unique=True)
    return _MESSAGE.c.step_run_id.in_(given)


def may_touch(one: Part, other: Part) -> bool:
    """False where two scopes surely share no premise; only spans can tell."""
    if one.is_empty or other.is_empty:
        return False
    if one.localities or one.stands_apart or other.localities or other.stands_apart:
        return True
    return any(
        low <= last and first <= high for low, high in one.spans for first, last in other.spans
    )


def _others(session: Session, occasion: Occasion, *, works: bool = False) -> list[Occasion]:
    """Open outages of the same service (and works that have begun), exercises among themselves."""
    kinds = {OccasionKind.OUTAGE, OccasionKind.PLANNED} if works else {OccasionKind.OUTAGE}
    return [
        one
        for one in occasions.open_ones(session)
        if one.id != occasion.id
        and one.kind in kinds
        and one.revision.state in BEGUN
        and (one.service, one.drill) == (occasion.service, occasion.drill)
    ]


def _touching(
    session: Session, candidates: Sequence[Occasion], places: Iterable[Part]
) -> tuple[Other, ...]:
    ours = tuple(places)
    found = []
    for one in _near(session, candidates, ours):
        scope = scopes.remaining(session, one)
        if any(may_touch(each, scope.out) for each in ours):
            found.append(Other(occasion=one.id, scope=scope))
    return tuple(found)


def _near(
    session: Session, candidates: Sequence[Occasion], places: Sequence[Part]
) -> list[Occasion]:
    """Candidates whose nodes meet ours, by one query for all: a storm has hundreds, and few meet."""
    refs = {ref for one in candidates for ref in one.revision.scope.nodes}
    spans = scopes.spans_of(session, refs)
    return [one for one in candidates if _is_near(one.revision, spans, places)]


def _ever_near(session: Session, numbers: Iterable[int], place: Part) -> list[int]:
    """Of occasions those that ever named nodes which meet a place, or what nodes do not tell; by one query for all."""
    held = {
        number: {each.scope: each for each in occasions.history(session, OccasionId(number))}
        for number in numbers
    }
    refs = {ref for scopes_of in held.values() for scope in scopes_of for ref in scope.nodes}
    spans = scopes.spans_of(session, refs)
    return [
        number
        for number, distinct in held.items()
        if any(_is_near(each, spans, (place,)) for each in distinct.values())
    ]


def _is_near(revision: Revision, spans: dict[str, scopes.Span], places: Sequence[Part]) -> bool:
    scope = revision.scope
    if scope.localities or scope.premises or scope.postal_codes or scope.areas:
        return True
    part = Part(spans=tuple(spans[ref] for ref in scope.nodes if ref in spans))
    return any(may_touch(each, part) for each in places)


def waves_of(session: Session, occasion: int, *, empty: bool = False) -> tuple[int, ...]:
    """The waves of every run of an occasion, and of those merged into it; `empty`: also without a message."""
    w = t.step_run.c
    swallowed = [one.id for one in occasions.absorbed(session, OccasionId(occasion))]
    mine = select(t.run.c.id).where(t.run.c.occasion_id.in_([occasion, *swallowed]))
    wanted = [] if empty else [or_(w.frozen > 0, w.state != StepRunState.FROZEN)]
    return tuple(session.scalars(select(w.id).where(w.run_id.in_(mine), *wanted).order_by(w.id)))


def _having_left_out(session: Session, wanted: Sequence[int]) -> set[int]:
    """Those of which a wave, or one of what was merged into them, left out people told elsewhere.

    One query, and another where something was merged: it is asked at every revision of a storm.
    """
    if not wanted:
        return set()
    out, w, r, o = t.left_out.c, t.step_run.c, t.run.c, t.occasion.c
    told = exists().where(
        out.step_run_id == w.id, out.reason == LeftOut.TOLD_ALREADY, w.run_id == r.id
    )
    rows = session.execute(
        select(r.occasion_id, o.merged_into).join(t.occasion, o.id == r.occasion_id).where(
            or_(o.id.in_(wanted), o.merged_into.is_not(None)), told
        )
    ).all()  # fmt: skip
    found = {row[0] for row in rows}
    if any(into is not None for _number, into in rows):
        found |= _survivors(session, found)
    return found & set(wanted)


def _survivors(session: Session, absorbed: Iterable[int]) -> set[int]:
    """What these were merged into, and what those were."""
    o = t.occasion.c
    merged = session.execute(select(o.id, o.merged_into).where(o.merged_into.is_not(None)))
    into = {row[0]: row[1] for row in merged}
    found: set[int] = set()
    for one in absorbed:
        above = into.get(one)
        while above is not None and above not in found:
            found.add(above)
            above = into.get(above)
    return found

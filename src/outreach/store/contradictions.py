"""Judges the ledger: every text that left must have been the newest truth, and true, in that moment.

older after newer      a person read an older version of an occasion after a newer one
superseded             it left although a newer version had been written more than a moment before
past estimate          it names an estimate that had passed
after the end          an occasion was over, and it is neither its last notice nor a correction
restored while out     it says that supply is back where another outage kept it away

By the instants of the ledger: a try in doubt may have left when its call began, another message left
when its provider took it. The goal is none, always; the function is for tests, drills and doctors.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import Audience, Event, MessageState, OccasionKind, OccasionState
from outreach.store import occasions, overlap, runs, scopes, tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Session

MOMENT = timedelta(seconds=12)
"""A stop is seen within a second, and a call takes ten and one of grace."""
_ESTIMATE = re.compile(r"\betr\b")
"""The field of a template that holds it."""
_S = MessageState
_LEFT = (_S.ACCEPTED, _S.SENT, _S.DELIVERED, _S.UNDELIVERED, _S.UNKNOWN, _S.IN_DOUBT)
_LAST_WORDS = {Event.RESTORED, Event.CANCELLED, Event.ENDED, Event.CORRECTION}


class Rule(StrEnum):
    """What a text may not be."""

    OLDER_AFTER_NEWER = "older after newer"
    SUPERSEDED = "superseded"
    PAST_ESTIMATE = "past estimate"
    AFTER_THE_END = "after the end"
    RESTORED_WHILE_OUT = "restored while out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """One message that broke a rule; opaque ids only."""

    rule: Rule
    message: int
    occasion: int
    version: int
    left_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wave:
    """A wave that may have broken a rule, with what its step and its texts are."""

    id: int
    occasion: int
    version: int
    on: str
    audience: str
    names_estimate: bool
    span: tuple[datetime, datetime]
    """When the first and the last of its messages left."""


@dataclass(slots=True)
class _Reading:
    """What is read once for all rules."""

    session: Session
    moment: timedelta
    pinned: dict[str, dict[str, Any]] = field(default_factory=dict)
    known: dict[int, tuple[Occasion, list[Revision]]] = field(default_factory=dict)
    out: dict[tuple[int, int], Remaining] = field(default_factory=dict)

    def steps(self, digest: str) -> dict[str, Any]:
        """Step -> its keys in the pinned file; and under `texts` those of its templates."""
        if digest not in self.pinned:
            body = runs.pinned(self.session, digest)
            parsed = tomllib.loads(body.get("campaign", ""))
            texts = body.get("texts", {})
            self.pinned[digest] = {
                one["name"]: one | {"texts": str(texts.get(one["template"], ""))}
                for one in parsed.get("step", [])
            }
        return self.pinned[digest]

    def history(self, occasion: int) -> tuple[Occasion, list[Revision]]:
        if occasion not in self.known:
            number = OccasionId(occasion)
            found = occasions.get(self.session, number), occasions.history(self.session, number)
            self.known[occasion] = found
        return self.known[occasion]

    def dark(self, occasion: Occasion, revision: Revision) -> Remaining:
        """What was out at a revision: it lay over the last words of many others."""
        key = (occasion.id, revision.version)
        if key not in self.out:
            self.out[key] = scopes.remaining(self.session, occasion, revision)
        return self.out[key]


def contradictions(
    session: Session,
    *,
    occasions_of: Sequence[int] | None = None,
    moment: timedelta = MOMENT,
) -> list[Contradiction]:
    """Every broken rule, by message; of all occasions unless some are named.

    `moment`: how long after a change a text that was on its way may still arrive; 0 where time stands
    still between a claim and its call. A pass over all messages of the occasions.
    """
    reading = _Reading(session=session, moment=moment)
    found = [*_older_after_newer(reading, occasions_of)]
    for wave in _waves(reading, occasions_of):
        found += _of_wave(reading, wave)
    return sorted(found, key=lambda one: (one.left_at, one.message, one.rule))


def _older_after_newer(reading: _Reading, wanted: Sequence[int] | None) -> Iterator[Contradiction]:
    """By window over (occasion, contact point), in the order in which they left."""
    m, w, r = t.message.c, t.step_run.c, t.run.c
    at = _left_at()
    newest_before = func.max(w.version).over(
        partition_by=(r.occasion_id, m.contact_point_id),
        order_by=(at, m.id),
        rows=(None, -1),
    )
    ordered = (
        _messages(m.id, r.occasion_id, w.version, newest_before.label("before"))
        .where(*([r.occasion_id.in_(list(wanted))] if wanted is not None else []))
        .subquery()
    )
    late = select(ordered).where(ordered.c.version < ordered.c.before)
    for row in reading.session.execute(late):
        yield Contradiction(
            rule=Rule.OLDER_AFTER_NEWER,
            message=row.id,
            occasion=row.occasion_id,
            version=row.version,
            left_at=row.left_at,
        )


def _waves(reading: _Reading, wanted: Sequence[int] | None) -> list[_Wave]:
    """Those of which something left."""
    w, r, m = t.step_run.c, t.run.c, t.message.c
    of = [r.occasion_id.in_(list(wanted))] if wanted is not None else []
    left = _messages(m.step_run_id).where(*of).subquery()
    spans = (
        select(
            left.c.step_run_id,
            func.min(left.c.left_at).label("first"),
            func.max(left.c.left_at).label("last"),
        )
        .group_by(left.c.step_run_id)
        .subquery()
    )
    rows = reading.session.execute(
        select(
            w.id, w.step, w.version, w.audience, r.occasion_id, r.pinned,
            spans.c.first, spans.c.last,
        )
        .join(t.run, r.id == w.run_id)
        .join(spans, spans.c.step_run_id == w.id)
        .order_by(w.id)
    ).all()  # fmt: skip
    return [_wave(reading, row) for row in rows]


def _wave(reading: _Reading, row: Any) -> _Wave:
    step = reading.steps(row.pinned).get(row.step, {})
    return _Wave(
        id=row.id,
        occasion=row.occasion_id,
        version=row.version,
        on=step.get("on", ""),
        audience=row.audience,
        names_estimate=_ESTIMATE.search(step.get("texts", "")) is not None,
        span=(row.first, row.last),
    )


def _of_wave(reading: _Reading, wave: _Wave) -> Iterator[Contradiction]:
    _occasion, history = reading.history(wave.occasion)
    [own] = [each for each in history if each.version == wave.version]
    newer = [each.recorded_at for each in history if each.version > wave.version]
    at, last = _left_at(), wave.span[1]
    broken: list[tuple[Rule, ColumnElement[bool]]] = []
    if newer and last > min(newer) + reading.moment:
        broken.append((Rule.SUPERSEDED, at > min(newer) + reading.moment))
    if wave.names_estimate and own.public_etr is not None and own.state.is_open:
        broken.append((Rule.PAST_ESTIMATE, at >= own.public_etr + reading.moment))
    for begin, end in _over(history):
        if wave.on not in _LAST_WORDS and last > begin + reading.moment:
            after = at > begin + reading.moment
            broken.append((Rule.AFTER_THE_END, after if end is None else and_(after, at < end)))
    broken += [(Rule.RESTORED_WHILE_OUT, each) for each in _dark_elsewhere(reading, wave)]
    for rule, condition in broken:
        yield from _found(reading, wave, rule, condition)


def _found(
    reading: _Reading, wave: _Wave, rule: Rule, condition: ColumnElement[bool]
) -> Iterator[Contradiction]:
    rows = reading.session.execute(
        _messages(t.message.c.id).where(t.message.c.step_run_id == wave.id, condition)
    )
    for row in rows:
        yield Contradiction(
            rule=rule,
            message=row.id,
            occasion=wave.occasion,
            version=wave.version,
            left_at=row.left_at,
        )


def _over(history: Sequence[Revision]) -> Iterator[tuple[datetime, datetime | None]]:
    """Spans in which the occasion was closed; None: to this day. Opened again, it speaks again."""
    begin: datetime | None = None
    for each in history:
        if begin is None and not each.state.is_open:
            begin = each.recorded_at
        elif begin is not None and each.state.is_open:
            yield begin, each.recorded_at
            begin = None
    if begin is not None:
        yield begin, None


def _dark_elsewhere(reading: _Reading, wave: _Wave) -> Iterator[ColumnElement[bool]]:
    """For each other outage that lay over ours as this wave left: its people, in that span of time."""
    occasion, _history = reading.history(wave.occasion)
    if occasion.kind is OccasionKind.ADVISORY or not _says_back(wave):
        return
    point = t.message.c.contact_point_id
    ever = overlap.ever(reading.session, occasion)
    ours = or_(*(each.covers(t.premise) for each in ever))
    at = _left_at()
    for other, revision, until in _meanwhile(reading, occasion, *wave.span):
        dark = reading.dark(other, revision)
        if not any(overlap.may_touch(each.out, dark.out) for each in ever):
            continue
        begins = revision.recorded_at + reading.moment
        during = and_(at > begins, at < until) if until else at > begins
        theirs = overlap.holds(point, and_(ours, dark.covers(t.premise)))
        elsewhere = overlap.holds(point, and_(ours, ~dark.covers(t.premise)))
        yield and_(during, t.message.c.customer_id > 0, theirs, ~elsewhere)


def _says_back(wave: _Wave) -> bool:
    return wave.on == Event.RESTORED or wave.audience == Audience.LEFT


def _meanwhile(
    reading: _Reading, ours: Occasion, first: datetime, last: datetime
) -> Iterator[tuple[Occasion, Revision, datetime | None]]:
    """Revisions of other outages of the service that were the newest at some time in between."""
    o = t.occasion.c
    others = reading.session.scalars(
        select(o.id).where(
            o.id != ours.id,
            o.kind == OccasionKind.OUTAGE,
            o.service == ours.service,
            o.drill.is_(ours.drill),
            o.opened_at <= last,
        )
    ).all()
    for number in others:
        other, history = reading.history(number)
        ends = [*(each.recorded_at for each in history[1:]), None]
        for each, until in zip(history, ends, strict=True):
            overlaps = each.recorded_at <= last and (until is None or until >= first)
            if overlaps and each.state in {OccasionState.ACTIVE, OccasionState.PARTIAL}:
                yield other, each, until


def _messages(*columns: Any) -> Select[Any]:
    """What left, or may have, with the instant; over message, step_run and run, joined."""
    m, a = t.message, t.attempt
    return (
        select(*columns, _left_at().label("left_at"))
        .select_from(m)
        .join(t.step_run, t.step_run.c.id == m.c.step_run_id)
        .join(t.run, t.run.c.id == t.step_run.c.run_id)
        .outerjoin(
            a,
            (a.c.message_id == m.c.id) & (a.c["try"] == m.c["try"]) & (a.c.outcome == "in_doubt"),
        )
        .where(m.c.state.in_(_LEFT))
    )


def _left_at() -> ColumnElement[datetime]:
    """A doubt that is settled later left at its call, not when it was found."""
    m, a = t.message.c, t.attempt.c
    known = func.coalesce(m.accepted_at, m.delivered_at, m.claimed_at)
    return case((a.started_at.is_not(None), a.started_at), else_=known)

"""One truth, versioned: each verb takes the newest revision and a change, and returns the next one.

| verb      | from                             | gives                                               |
|-----------|----------------------------------|-----------------------------------------------------|
| opened    | nothing                          | version 1, active                                   |
| nested    | nothing, within a parent         | version 1, active, since its parent began           |
| updated   | scheduled, active, partial       | the same state with what is new                     |
|           | restored: the cause alone        | restored                                            |
| restored  | active, partial                  | partial with a part (parts add up), else restored   |
| reopened  | restored, partial                | active; restored parts and time forgotten           |
| split     | active, partial                  | the rest, and version 1 of what left it             |
| absorbing | active, partial                  | the survivor of a merge with both scopes            |
| merged    | active, partial, suspected       | merged: takes nothing more                          |
| discarded | active, partial, suspected       | discarded: takes nothing more                       |
| corrected | any                              | the same state, with the fact                       |

A verb returns None where nothing would change, so that a repeat is no new version and tells nobody:
also where only time took something away, as an estimate that passed. Any other state: GuardRefused,
which says what to do instead. An older sequence of a source is refused (`guards.is_repeat`), by the
last sequence that made a version; who accepts sequences that changed nothing remembers them itself.

For sources (`Origin(source="oms", …)`, whatever is neither person nor clock) there is no question
"are you sure", starts and restorations may lie anywhere, nobody need say how a restoration is known,
and an estimate in the past is kept as `etr_at` with `public_etr` None: known, and told to nobody.
Say `etr_confidence=""` for "the source states none"; None leaves what stands.

What reports of customers point at is `suspected` before it is active: `revise_suspected`.

Everything is pure; who keeps the revisions decides that only the newest one is changed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import change as changes, guards, scoping
from outreach.outages.change import (
    CORRECTION,
    NOTHING,
    PERSON,
    Change,
    Origin,
    closed,
    following,
    kept,
    next_revision,
)

__all__ = ["CORRECTION", "NOTHING", "PERSON", "Change", "Origin", "following", "next_revision"]

_S = OccasionState
_LIVE = (_S.ACTIVE, _S.PARTIAL)
_KNOWN = (*_LIVE, _S.SUSPECTED)
KNOWN_HOW = ("meters", "crew", "switching")
"""How a restoration may be known."""


def opened(
    scope: Scope,
    *,
    start_at: datetime,
    change: Change,
    now: datetime,
    origin: Origin = PERSON,
) -> Revision:
    """Version 1 of an outage; `change` brings estimate, cause, cadence and next news.

    Raises InputRefused for an empty scope or a time without zone, GuardRefused for impossible times.
    """
    guards.aware(start=start_at)
    if not origin.is_source:
        guards.start_allowed(start_at, now=now, confirmed=change.confirmed)
    return _first(scope, start_at, change, now, origin)


def nested(
    parent: Revision, scope: Scope, *, change: Change, now: datetime, origin: Origin = PERSON
) -> Revision:
    """Version 1 of an outage inside another: out since its parent began, however long ago."""
    return _first(scope, parent.start_at, change, now, origin)


def _first(
    scope: Scope, start_at: datetime, change: Change, now: datetime, origin: Origin
) -> Revision:
    guards.scope_named(scope)
    blank = Revision(version=0, state=_S.ACTIVE, scope=scope, start_at=start_at, recorded_at=now)
    facts = changes.facts(blank, change, now, origin)
    return replace(blank, version=1, **facts, **changes.by(origin))


def updated(
    current: Revision, change: Change, *, now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """A live outage, work or advisory with what is new; None for a repeat or if nothing is.

    The rounding of an estimate that stays is kept, unless it has passed: then there is none to
    tell until a new one comes. A restored one takes its cause alone. Raises GuardRefused for a
    closed occasion, a stale sequence, or an estimate that is past, before the start, or a likely
    slip and unconfirmed.
    """
    if guards.is_repeat(current, origin.source_seq):
        return None
    if current.state is _S.RESTORED and change.cause is not None and changes.is_cause_alone(change):
        return next_revision(current, now, origin, cause=change.cause)
    guards.state_is(current, (*_LIVE, _S.SCHEDULED), "update")
    if change.scope is not None:
        guards.scope_named(change.scope)
    facts = changes.facts(current, change, now, origin)
    return (
        following(current, now, origin, **facts)
        if changes.says_more(current, change, facts)
        else None
    )


def started_at(
    current: Revision, began: datetime, change: Change, *, now: datetime, origin: Origin = PERSON
) -> Revision:
    """As `updated`, and it began at another time than was thought."""
    revision = updated(replace(current, start_at=began), change, now=now, origin=origin)
    return revision or following(current, now, origin, start_at=began)


def restored(
    current: Revision,
    *,
    part: Scope | None = None,
    known_how: str = "",
    now: datetime,
    restored_at: datetime | None = None,
    origin: Origin = PERSON,
) -> Revision | None:
    """All of it is back, or with `part` that much of the scope; parts add up.

    `restored` of a full restoration stays what was back before: scope less restored are those who
    learn it now. For "all but these nodes" give `partial.all_but(...)` as part.
    Raises InputRefused if no person says how it is known, GuardRefused for a closed occasion.
    """
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, _LIVE, "restore")
    at = restored_at or now
    if not origin.is_source:
        if known_how not in KNOWN_HOW:
            raise InputRefused(f"known how: {known_how!r}; one of {', '.join(KNOWN_HOW)}")
        guards.restored_allowed(at, start_at=current.start_at, now=now)
    if part is None:
        return next_revision(
            current, now, origin, known_how=known_how, **closed(_S.RESTORED), restored_at=at
        )
    back = _with_part(current, part)
    if back == current.restored:
        return None
    facts = {"state": _S.PARTIAL, "restored": back, "known_how": known_how}
    return next_revision(current, now, origin, **facts, **kept(current, now))


def _with_part(current: Revision, part: Scope) -> Scope:
    guards.scope_named(part)
    if part.less is not None:
        raise InputRefused("part: name what is back; nothing can be taken away from it")
    return scoping.union(current.restored, part)


def reopened(
    current: Revision, *, change: Change = NOTHING, now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """The restoration was false: the whole scope is out again, since the first start.

    The estimate stands again while it lies ahead, unless `change` brings another or withdraws it.
    """
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, (*_LIVE, _S.RESTORED), "reopen")
    if current.state is _S.ACTIVE and current.restored == Scope():
        return None
    again = replace(
        current, state=_S.ACTIVE, restored=Scope(), restored_at=None,
        **changes.told_again(current, change, now),
    )  # fmt: skip
    facts = changes.facts(again, change, now, origin)
    out = {"state": _S.ACTIVE, "restored": Scope(), "restored_at": None, "known_how": ""}
    return following(current, now, origin, **out, **facts)


def split(
    current: Revision,
    part: Scope,
    *,
    change: Change = NOTHING,
    now: datetime,
    origin: Origin = PERSON,
) -> tuple[Revision, Revision]:
    """The outage without `part`, and version 1 of the outage that `part` becomes.

    That one began when this did, and keeps what is known of it unless `change` says otherwise.
    GuardRefused if nothing would remain.
    """
    guards.state_is(current, _LIVE, "split")
    guards.scope_named(part)
    rest = scoping.without(current.scope, part)
    if rest.is_empty:
        raise GuardRefused("that is all of it; update this outage instead")
    left = replace(current, version=0, scope=part, recorded_at=now, source_seq=None)
    facts = changes.facts(left, replace(change, scope=None), now, origin)
    own = replace(left, version=1, **facts, **changes.by(origin))
    return following(current, now, origin, scope=rest, **kept(current, now)), own


def absorbing(
    survivor: Revision, absorbed: Revision, *, now: datetime, origin: Origin = PERSON
) -> Revision:
    """The survivor of a merge: both scopes, both restored parts, the earlier start; its own facts."""
    guards.state_is(survivor, _LIVE, "merge into it")
    guards.state_is(absorbed, _KNOWN, "merge")
    back = scoping.union(survivor.restored, absorbed.restored)
    return following(
        survivor,
        now,
        origin,
        scope=scoping.together(survivor.scope, absorbed.scope),
        restored=back,
        state=_S.ACTIVE if back.is_empty else _S.PARTIAL,
        start_at=min(survivor.start_at, absorbed.start_at),
        **kept(survivor, now),
    )


def merged(current: Revision, *, now: datetime, origin: Origin = PERSON) -> Revision | None:
    """It is absorbed by another outage and ends; `Occasion.merged_into` says by which."""
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, _KNOWN, "merge")
    return next_revision(current, now, origin, **closed(_S.MERGED))


def corrected(
    current: Revision, fact: str, *, now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """The same truth, with the fact that was told wrongly; also of a closed occasion."""
    fact = fact.strip()
    if not fact:
        raise InputRefused("fact: empty; say what is correct")
    return next_revision(
        current, now, origin, text=fact, known_how=CORRECTION, **kept(current, now)
    )


def discarded(
    current: Revision, *, fact: str = "", now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """It never was an outage of ours; who was told hears the correction, with the fact if there is one."""
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, _KNOWN, "discard")
    return next_revision(
        current, now, origin, text=fact.strip(), known_how=CORRECTION, **closed(_S.DISCARDED)
    )


def undone(
    current: Revision, previous: Revision, *, now: datetime, origin: Origin = PERSON
) -> Revision:
    """A new version equal to the truth before `current`; an estimate passed meanwhile is not told."""
    if previous.version >= current.version:
        raise GuardRefused(f"version {previous.version} is not older than {current.version}")
    back = replace(
        previous,
        version=current.version + 1,
        recorded_at=now,
        known_how=changes.still_known(previous),
        **kept(previous, now),
    )
    # The sequence never goes back: a repeat of the undone message must stay a repeat.
    return replace(back, author=origin.author, source=origin.source, source_seq=current.source_seq)


def advised(
    scope: Scope,
    text: str,
    *,
    start_at: datetime,
    end_at: datetime,
    now: datetime,
    origin: Origin = PERSON,
) -> Revision:
    """Version 1 of an advisory, valid from start to end."""
    guards.scope_named(scope)
    guards.aware(start=start_at, end=end_at)
    if not text.strip():
        raise InputRefused("text: empty; say what people should know")
    if end_at <= max(start_at, now):
        raise GuardRefused("the advisory ends before it starts, or has ended; give a later end")
    return Revision(
        version=1,
        state=_S.ACTIVE,
        scope=scope,
        start_at=start_at,
        end_at=end_at,
        text=text.strip(),
        next_update_at=end_at,
        recorded_at=now,
        **changes.by(origin),
    )


def ended(current: Revision, *, now: datetime, origin: Origin = PERSON) -> Revision:
    """The advisory is over."""
    guards.state_is(current, (_S.ACTIVE,), "end")
    return following(current, now, origin, **closed(_S.ENDED))

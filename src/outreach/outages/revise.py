"""One truth, versioned: each verb takes the newest revision and a change, and returns the next one.

A verb returns None where nothing would change, so that a repeat is no new version and tells nobody.
Everything is pure; who keeps the revisions decides that only the newest one is changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import guards
from outreach.outages.etr import public_etr, usable

_S = OccasionState
_LIVE = (_S.ACTIVE, _S.PARTIAL)
KNOWN_HOW = ("meters", "crew", "switching")
"""How a restoration may be known."""
CORRECTION = "correction"
"""`Revision.known_how` of a revision that corrects what was told before; its text is the fact."""
HOUR = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who says so: a person, or a source with its own rising sequence."""

    author: str = ""
    source: str = "person"
    source_seq: int | None = None


PERSON = Origin()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is new about an occasion; None leaves as it is."""

    etr_at: datetime | None = None
    etr_confidence: str | None = None
    withdrawn: bool = False
    """The estimate no longer holds and there is no other."""
    cause: str | None = None
    scope: Scope | None = None
    text: str | None = None
    """Of an advisory."""
    end_at: datetime | None = None
    """Of an advisory."""
    next_update_at: datetime | None = None
    cadence: timedelta = HOUR
    """Sets next_update_at where there is neither an estimate nor an own time of next news."""
    confirmed: bool = False
    """A person saw that the times look like a slip, and means them."""
    etr_minutes: int = 15
    """What the public estimate is rounded up to."""


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
    guards.scope_named(scope)
    guards.start_allowed(start_at, now=now, confirmed=change.confirmed)
    blank = Revision(version=0, state=_S.ACTIVE, scope=scope, start_at=start_at, recorded_at=now)
    return replace(blank, version=1, **_stated(blank, change, now), **_by(origin))


def updated(
    current: Revision, change: Change, *, now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """A live outage, work or advisory with what is new; None for a repeat or if nothing is.

    The rounding of an estimate that stays is kept, unless it has passed: then there is none to
    tell until a new one comes. Raises GuardRefused for a closed occasion, a stale sequence, or an
    estimate that is past, before the start, or a likely slip and unconfirmed.
    """
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, (*_LIVE, _S.SCHEDULED), "update")
    if change.scope is not None:
        guards.scope_named(change.scope)
    return next_revision(current, now, origin, **_stated(current, change, now))


def restored(
    current: Revision,
    *,
    part: Scope | None = None,
    known_how: str,
    now: datetime,
    restored_at: datetime | None = None,
    origin: Origin = PERSON,
) -> Revision | None:
    """All of it is back, or with `part` that much of the scope; parts add up.

    `restored` of a full restoration stays what was back before: scope less restored are those who
    learn it now. For "all but these nodes" give `partial.all_but(...)` as part.
    Raises InputRefused if nobody says how it is known, GuardRefused for a closed occasion.
    """
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, _LIVE, "restore")
    if known_how not in KNOWN_HOW:
        raise InputRefused(f"known how: {known_how!r}; one of {', '.join(KNOWN_HOW)}")
    at = restored_at or now
    guards.restored_allowed(at, start_at=current.start_at, now=now)
    if part is None:
        return next_revision(
            current, now, origin, known_how=known_how, **_closed(_S.RESTORED), restored_at=at
        )
    guards.scope_named(part)
    if part.less is not None:
        raise InputRefused("part: name what is back; nothing can be taken away from it")
    back = _union(current.restored, part)
    if back == current.restored:
        return None
    return next_revision(
        current,
        now,
        origin,
        state=_S.PARTIAL,
        restored=back,
        known_how=known_how,
        **_kept(current, now),
    )


def corrected(
    current: Revision, fact: str, *, now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """The same truth, with the fact that was told wrongly; also of a closed occasion."""
    fact = fact.strip()
    if not fact:
        raise InputRefused("fact: empty; say what is correct")
    return next_revision(
        current, now, origin, text=fact, known_how=CORRECTION, **_kept(current, now)
    )


def discarded(
    current: Revision, *, fact: str = "", now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """It never was an outage of ours; with a fact, those told before hear the correction."""
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, _LIVE, "discard")
    how = CORRECTION if fact.strip() else ""
    return next_revision(
        current, now, origin, text=fact.strip(), known_how=how, **_closed(_S.DISCARDED)
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
        known_how=_still_known(previous),
        **_kept(previous, now),
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
        **_by(origin),
    )


def ended(current: Revision, *, now: datetime, origin: Origin = PERSON) -> Revision:
    """The advisory is over."""
    guards.state_is(current, (_S.ACTIVE,), "end")
    return following(current, now, origin, **_closed(_S.ENDED))


def next_revision(
    current: Revision, now: datetime, origin: Origin, **changes: Any
) -> Revision | None:
    """The next version with these changes, or None if they are the truth already."""
    new = following(current, now, origin, **changes)
    same = replace(
        new,
        version=current.version,
        recorded_at=current.recorded_at,
        author=current.author,
        source=current.source,
        source_seq=current.source_seq,
    )
    return None if same == current else new


def following(current: Revision, now: datetime, origin: Origin, **changes: Any) -> Revision:
    """The next version with these changes, whatever they are."""
    return replace(
        current,
        version=current.version + 1,
        recorded_at=now,
        **{"known_how": _still_known(current), **changes},
        **_by(origin, current),
    )


def _stated(current: Revision, change: Change, now: datetime) -> dict[str, Any]:
    """The facts of a change, its estimate judged and rounded, its next news promised."""
    facts: dict[str, Any] = {
        "scope": change.scope or current.scope,
        "cause": current.cause if change.cause is None else change.cause,
        "etr_confidence": change.etr_confidence or current.etr_confidence,
        "end_at": change.end_at or current.end_at,
        "text": change.text or current.text,
    }
    facts |= _estimate(current, change, now)
    facts["next_update_at"] = _next_news(current, change, facts["public_etr"], now)
    return facts


def _estimate(current: Revision, change: Change, now: datetime) -> dict[str, Any]:
    if change.withdrawn:
        return {"etr_at": None, "public_etr": None}
    if change.etr_at is None or change.etr_at == current.etr_at:
        return _kept(current, now)
    guards.etr_allowed(
        change.etr_at, start_at=current.start_at, now=now, confirmed=change.confirmed
    )
    return {"etr_at": change.etr_at, "public_etr": public_etr(change.etr_at, change.etr_minutes)}


def _next_news(
    current: Revision, change: Change, public: datetime | None, now: datetime
) -> datetime | None:
    """Own word, else the estimate itself, else what was promised, else one cadence from now."""
    if change.next_update_at is not None:
        guards.next_news_allowed(change.next_update_at, now=now, confirmed=change.confirmed)
        return change.next_update_at
    if public is not None:
        return public
    promised = current.next_update_at
    still_ahead = usable(promised, now) and not change.withdrawn and current.public_etr is None
    if still_ahead:
        return promised
    ends_at = change.end_at or current.end_at
    return ends_at if usable(ends_at, now) else now + change.cadence


def _kept(current: Revision, now: datetime) -> dict[str, Any]:
    public = current.public_etr if usable(current.public_etr, now) else None
    return {"etr_at": current.etr_at, "public_etr": public}


def _still_known(current: Revision) -> str:
    """A correction is one revision's; how a part came back stays known."""
    return "" if current.known_how == CORRECTION else current.known_how


def _closed(state: OccasionState) -> dict[str, Any]:
    return {"state": state, "public_etr": None, "next_update_at": None}


def _by(origin: Origin, current: Revision | None = None) -> dict[str, Any]:
    last = current.source_seq if current else None
    seq = last if origin.source_seq is None else origin.source_seq
    return {"author": origin.author, "source": origin.source, "source_seq": seq}


def _union(one: Scope, other: Scope) -> Scope:
    def both(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*left, *right)))

    return Scope(
        nodes=both(one.nodes, other.nodes),
        localities=both(one.localities, other.localities),
        premises=both(one.premises, other.premises),
        postal_codes=both(one.postal_codes, other.postal_codes),
        areas=both(one.areas, other.areas),
    )

"""What is new about an occasion, who says so, and the facts that the next revision makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import guards
from outreach.outages.etr import public_etr, usable, window_from

CORRECTION = "correction"
"""`Revision.known_how` of a revision that corrects what was told before; its text is the fact."""
HOUR = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who says so: a person, the clock, or a source with its own rising sequence."""

    author: str = ""
    source: str = "person"
    source_seq: int | None = None

    @property
    def is_source(self) -> bool:
        """Another system: it is not asked whether it is sure, and is believed about the past."""
        return self.source not in {"person", "clock"}


PERSON = Origin()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is new about an occasion; None leaves as it is."""

    etr_at: datetime | None = None
    etr_from: datetime | None = None
    """Begin of a window that ends at `etr_at`; an `etr_at` without it is one exact time."""
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


NOTHING = Change()
_SAID = ("scope", "cause", "etr_confidence", "end_at", "text", "etr_at", "etr_from")


def facts(current: Revision, change: Change, now: datetime, origin: Origin) -> dict[str, Any]:
    """The facts of a change, its estimate judged and rounded, its next news promised."""
    said: dict[str, Any] = {
        "scope": change.scope or current.scope,
        "cause": current.cause if change.cause is None else change.cause,
        "etr_confidence": _or(change.etr_confidence, current.etr_confidence),
        "end_at": change.end_at or current.end_at,
        "text": change.text or current.text,
    }
    said |= _estimate(current, change, now, origin)
    said["next_update_at"] = _next_news(current, change, said["public_etr"], now)
    return said


def says_more(current: Revision, change: Change, said: dict[str, Any]) -> bool:
    """Whether somebody said something new; what only time took away makes no version."""
    if any(getattr(current, name) != said[name] for name in _SAID):
        return True
    return change.next_update_at not in {None, current.next_update_at}


def is_cause_alone(change: Change) -> bool:
    """Whether nothing but the cause is new, if that."""
    said = (change.etr_at, change.scope, change.text, change.end_at, change.next_update_at)
    return not (change.withdrawn or any(each is not None for each in said))


def kept(current: Revision, now: datetime) -> dict[str, Any]:
    """The estimate as it stands; one that has passed is told no more."""
    public = current.public_etr if usable(current.public_etr, now) else None
    return {"etr_at": current.etr_at, "etr_from": current.etr_from, "public_etr": public}


def told_again(current: Revision, change: Change, now: datetime) -> dict[str, Any]:
    """The estimate that an end took away, rounded again while it lies ahead."""
    if current.etr_at is None or not usable(current.etr_at, now):
        return {"public_etr": None, "next_update_at": None}
    return {"public_etr": public_etr(current.etr_at, change.etr_minutes), "next_update_at": None}


def closed(state: OccasionState) -> dict[str, Any]:
    """What an end leaves to tell of the future: nothing. The estimate itself is kept."""
    return {"state": state, "public_etr": None, "next_update_at": None}


def by(origin: Origin, current: Revision | None = None) -> dict[str, Any]:
    """Who wrote the revision; the source's sequence stays where a person changes its outage."""
    last = current.source_seq if current else None
    seq = last if origin.source_seq is None else origin.source_seq
    return {"author": origin.author, "source": origin.source, "source_seq": seq}


def following(current: Revision, now: datetime, origin: Origin, **changes: Any) -> Revision:
    """The next version with these changes, whatever they are."""
    return replace(
        current,
        version=current.version + 1,
        recorded_at=now,
        **{"known_how": still_known(current), **changes},
        **by(origin, current),
    )


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


def still_known(current: Revision) -> str:
    """A correction is one revision's; how a part came back stays known."""
    return "" if current.known_how == CORRECTION else current.known_how


def _estimate(current: Revision, change: Change, now: datetime, origin: Origin) -> dict[str, Any]:
    if change.withdrawn:
        return {"etr_at": None, "etr_from": None, "public_etr": None}
    if change.etr_at is None or _stands(current, change, origin):
        return kept(current, now)
    if not origin.is_source:
        guards.etr_allowed(
            change.etr_at, start_at=current.start_at, now=now, confirmed=change.confirmed
        )
        guards.etr_window_allowed(
            change.etr_from, change.etr_at, now=now, confirmed=change.confirmed
        )
    guards.aware(etr=change.etr_at, etr_from=change.etr_from)
    minutes = change.etr_minutes
    return {
        "etr_at": change.etr_at,
        "etr_from": change.etr_from and window_from(change.etr_from, minutes),
        "public_etr": public_etr(change.etr_at, minutes) if usable(change.etr_at, now) else None,
    }


def _stands(current: Revision, change: Change, origin: Origin) -> bool:
    """A source that repeats its estimate does not make an exact time of a person's window."""
    if change.etr_at != current.etr_at:
        return False
    if change.etr_from is None:
        return current.etr_from is None or origin.is_source
    return window_from(change.etr_from, change.etr_minutes) == current.etr_from


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


def _or(said: str | None, stands: str) -> str:
    return stands if said is None else said

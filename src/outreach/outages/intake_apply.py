"""What a message of a feed makes of the truth: the verb of `revise` that its kind stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from outreach.model.errors import GuardRefused
from outreach.model.intake import MessageKind, OutageFields, OutageMessage
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import revise
from outreach.outages.change import Change, Origin
from outreach.outages.guards import OLDEST_START

_K = MessageKind
_S = OccasionState
STARTS_AHEAD = timedelta(hours=1)
"""How far ahead a start may lie; further off it is a planned work, or a clock that is wrong."""
_PLACES = ("nodes", "premises", "localities", "postal_codes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What the installation adds to every message."""

    etr_minutes: int = 15
    cadence: timedelta = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """A message as it is heard: by whom it is said, when, and with which habits."""

    message: OutageMessage
    habits: Habits
    now: datetime
    origin: Origin

    @property
    def given(self) -> OutageFields:
        return self.message.fields


def opens(message: OutageMessage) -> bool:
    """Whether the message makes an outage that was not there: created, or standing and not over."""
    if message.kind is _K.STANDS:
        return not _is_over(message.fields)
    return message.kind is _K.CREATED


def is_closed_to(current: Revision, message: OutageMessage) -> bool:
    """Whether the outage takes nothing of this kind any more."""
    if current.state is _S.RESTORED:
        return message.kind not in {_K.CAUSE, _K.REOPENED, _K.STANDS}
    return not current.state.is_open


def first(saying: Saying, *, parent: Revision | None) -> Revision:
    """Version 1. InputRefused if it names no place, GuardRefused for a start far off."""
    given, now, origin = saying.given, saying.now, saying.origin
    change = replace(_change(saying), etr_confidence=given.get("etr_confidence", ""))
    scope = scope_of(Scope(), given)
    if parent is not None:
        return revise.nested(parent, scope, change=change, now=now, origin=origin)
    start_at = given.get("start") or saying.message.at or now
    _refuse_odd_start(start_at, now)
    return revise.opened(scope, start_at=start_at, change=change, now=now, origin=origin)


def _refuse_odd_start(start_at: datetime, now: datetime) -> None:
    if start_at > now + STARTS_AHEAD:
        raise GuardRefused(
            "the outage starts ahead of now; send planned works by `outreach planned import`"
        )
    if now - start_at > OLDEST_START:
        raise GuardRefused(
            f"the outage began {(now - start_at).days} days ago; if it is still true, open it by hand"
        )


def following(current: Revision, saying: Saying) -> Revision | None:
    """The next revision of an outage that takes this kind; None if the message says nothing new."""
    return _VERBS[saying.message.kind](current, saying)


def scope_of(current: Scope, given: OutageFields) -> Scope:
    """The scope with the places that the fields name, in place of the old ones or beside them."""
    said: Mapping[str, Any] = given
    named = {name: said[name] for name in _PLACES if name in said}
    if given.get("adds"):
        named = {
            name: tuple(sorted({*getattr(current, name), *refs})) for name, refs in named.items()
        }
    changed = any(getattr(current, name) != refs for name, refs in named.items())
    return replace(current, **named) if changed else current


def _updated(current: Revision, saying: Saying) -> Revision | None:
    change = replace(_change(saying), scope=scope_of(current.scope, saying.given))
    return revise.updated(current, change, now=saying.now, origin=saying.origin)


def _change(saying: Saying) -> Change:
    given, habits = saying.given, saying.habits
    etr = given.get("etr")
    return Change(
        etr_at=etr,
        withdrawn="etr" in given and etr is None,
        etr_confidence=given.get("etr_confidence"),
        cause=given.get("cause"),
        cadence=habits.cadence,
        etr_minutes=habits.etr_minutes,
    )


def _caused(current: Revision, saying: Saying) -> Revision | None:
    """The cause alone: the one thing that a restored outage still takes."""
    change = Change(cause=saying.given.get("cause", ""))
    return revise.updated(current, change, now=saying.now, origin=saying.origin)


def _part_restored(current: Revision, saying: Saying) -> Revision | None:
    given = saying.given
    part = Scope(nodes=given.get("restored_nodes", ()), premises=given.get("restored_premises", ()))
    return revise.restored(current, part=part, now=saying.now, origin=saying.origin)


def _restored(current: Revision, saying: Saying) -> Revision | None:
    """Clocks of other systems differ: a restoration is too good to be refused for a minute."""
    said = saying.given.get("restored_at") or saying.message.at or saying.now
    at = min(max(said, current.start_at), max(saying.now, current.start_at))
    return revise.restored(current, now=saying.now, restored_at=at, origin=saying.origin)


def _reopened(current: Revision, saying: Saying) -> Revision | None:
    change = replace(_change(saying), scope=scope_of(current.scope, saying.given))
    return revise.reopened(current, change=change, now=saying.now, origin=saying.origin)


def _discarded(current: Revision, saying: Saying) -> Revision | None:
    """The source's reason is its own words, in its own language: people are not told them."""
    return revise.discarded(current, now=saying.now, origin=saying.origin)


def _stands(current: Revision, saying: Saying) -> Revision | None:
    is_restored = current.state is _S.RESTORED
    if saying.given.get("discarded"):
        return None if is_restored else _discarded(current, saying)
    if "restored_at" in saying.given:
        return None if is_restored else _restored(current, saying)
    return _reopened(current, saying) if is_restored else _updated(current, saying)


def _is_over(given: OutageFields) -> bool:
    return bool(given.get("discarded")) or "restored_at" in given


_VERBS: Mapping[MessageKind, Callable[[Revision, Saying], Revision | None]] = {
    _K.CREATED: _updated,
    _K.SCOPE: _updated,
    _K.ETR: _updated,
    _K.CAUSE: _caused,
    _K.PARTIAL: _part_restored,
    _K.RESTORED: _restored,
    _K.REOPENED: _reopened,
    _K.MERGED: lambda current, saying: revise.merged(current, now=saying.now, origin=saying.origin),
    _K.DISCARDED: _discarded,
    _K.STANDS: _stands,
    _K.CREW: lambda _current, _saying: None,
    _K.SNAPSHOT: lambda _current, _saying: None,
}

"""What happened between two revisions, in the words that campaign steps answer to.

| kind     | from → to                           | events                                          |
|----------|-------------------------------------|-------------------------------------------------|
| outage   | nothing → open                      | OPENED, with or without an estimate             |
| any      | open → open, part came back         | PARTIAL, JOINED                                 |
| outage   | open → open, estimate changed       | ETR_SET, _LATER, _EARLIER or _WITHDRAWN, JOINED |
| outage   | open → open, anything else          | JOINED                                          |
| planned  | nothing → scheduled                 | none: its notices are due instants              |
| planned  | scheduled → scheduled, times moved  | MOVED, JOINED                                   |
| planned  | scheduled → active                  | STARTED, JOINED                                 |
| planned  | active → active, end moved          | DELAYED, JOINED                                 |
| advisory | nothing → active                    | ADVISED                                         |
| advisory | text or validity changed            | ADVISED, JOINED                                 |
| any      | → restored, cancelled, ended        | RESTORED, CANCELLED, ENDED                      |
| any      | a correction, also when closed      | CORRECTION, and JOINED while open               |
| any      | → merged, discarded                 | none                                            |

At a later revision who was told hears the change (audience `told`), who was not hears the whole
(JOINED, audience `joined`): so each person hears one notice of a revision, also those whose first
notice was superseded before it left. NOTICE, STILL_UNKNOWN and ETR_EXPIRING come from the clock.
"""

from __future__ import annotations

from datetime import datetime

from outreach.model.campaign import Renotify
from outreach.model.occasion import Revision
from outreach.model.words import Event, OccasionKind, OccasionState
from outreach.outages import etr
from outreach.outages.revise import CORRECTION

_FIRST = {
    OccasionKind.OUTAGE: (Event.OPENED,),
    OccasionKind.PLANNED: (),
    OccasionKind.ADVISORY: (Event.ADVISED,),
}
_CLOSING = {
    OccasionState.RESTORED: (Event.RESTORED,),
    OccasionState.CANCELLED: (Event.CANCELLED,),
    OccasionState.ENDED: (Event.ENDED,),
    OccasionState.MERGED: (),
    OccasionState.DISCARDED: (),
}


def events(
    kind: OccasionKind,
    previous: Revision | None,
    current: Revision,
    *,
    told_etr: datetime | None,
    now: datetime,
    rules: Renotify,
) -> tuple[Event, ...]:
    """The events of `current`, by the table above.

    `told_etr` is the public estimate that people heard last, None if none. After a withdrawal it
    may be passed either way: the next estimate counts as set anew.
    """
    if current.known_how == CORRECTION:
        return (Event.CORRECTION, *_joined(current))
    if not current.state.is_open:
        return _CLOSING[current.state]
    if previous is None:
        return _FIRST[kind]
    if _part_came_back(previous, current):
        return (Event.PARTIAL, Event.JOINED)
    change = _change(kind, previous, current, told_etr=told_etr, now=now, rules=rules)
    return (change, Event.JOINED) if change else (Event.JOINED,)


def _change(
    kind: OccasionKind,
    previous: Revision,
    current: Revision,
    *,
    told_etr: datetime | None,
    now: datetime,
    rules: Renotify,
) -> Event | None:
    match kind:
        case OccasionKind.OUTAGE:
            return _outage_change(previous, current, told_etr=told_etr, now=now, rules=rules)
        case OccasionKind.PLANNED:
            return _planned_change(previous, current)
        case OccasionKind.ADVISORY:
            return _advisory_change(previous, current)


def _joined(current: Revision) -> tuple[Event, ...]:
    return (Event.JOINED,) if current.state.is_open else ()


def _part_came_back(previous: Revision, current: Revision) -> bool:
    """PARTIAL swallows a changed estimate: what still holds is told with it."""
    before, after = previous.restored, current.restored
    return any(
        set(new) - set(old)
        for old, new in (
            (before.nodes, after.nodes),
            (before.localities, after.localities),
            (before.premises, after.premises),
            (before.postal_codes, after.postal_codes),
            (before.areas, after.areas),
        )
    )


def _outage_change(
    previous: Revision,
    current: Revision,
    *,
    told_etr: datetime | None,
    now: datetime,
    rules: Renotify,
) -> Event | None:
    if current.etr_at is None:
        was_told = told_etr is not None and previous.etr_at is not None
        return Event.ETR_WITHDRAWN if was_told else None
    told = None if previous.etr_at is None else told_etr
    return etr.renotify(told, current.public_etr, now, rules)


def _planned_change(previous: Revision, current: Revision) -> Event | None:
    if previous.state is OccasionState.SCHEDULED and current.state is not OccasionState.SCHEDULED:
        return Event.STARTED
    if (previous.start_at, previous.end_at) == (current.start_at, current.end_at):
        return None
    return Event.MOVED if current.state is OccasionState.SCHEDULED else Event.DELAYED


def _advisory_change(previous: Revision, current: Revision) -> Event | None:
    changed = (previous.text, previous.end_at) != (current.text, current.end_at)
    return Event.ADVISED if changed else None

"""What happened between two revisions, in the words that campaign steps answer to.

| kind     | from → to                           | events                                          |
|----------|-------------------------------------|-------------------------------------------------|
| outage   | nothing, suspected → open           | OPENED, with or without an estimate             |
| outage   | → suspected                         | none: nobody is told of what nobody confirmed   |
| any      | open → open, part came back         | PARTIAL, JOINED                                 |
| outage   | open → open, estimate changed       | ETR_SET, _LATER, _EARLIER or _WITHDRAWN, JOINED |
| outage   | open → open, anything else          | JOINED                                          |
| planned  | nothing → scheduled                 | none: its notices are due instants              |
| planned  | scheduled → scheduled, times moved  | MOVED, JOINED                                   |
| planned  | scheduled → active                  | STARTED, JOINED                                 |
| planned  | active → active, end moved          | DELAYED, JOINED                                 |
| planned  | active → active, end passed         | OVERRUN, JOINED                                 |
| advisory | nothing → active                    | ADVISED                                         |
| advisory | text or validity changed            | ADVISED, JOINED                                 |
| any      | → restored, cancelled, ended        | RESTORED, CANCELLED, ENDED                      |
| any      | closed, or a part back → out again  | STILL_OUT, as above if changed, JOINED          |
| any      | a correction, also when closed      | CORRECTION, and JOINED while open               |
| any      | → discarded                         | CORRECTION, to who was told; else nobody        |
| any      | → merged: they follow the survivor  | none                                            |
| any      | closed → closed                     | none, unless a correction                       |

At a later revision who was told hears the change (audience `told`), who was not hears the whole
(JOINED, audience `joined`): so each person hears one notice of a revision, also those whose first
notice was superseded before it left. NOTICE, STILL_UNKNOWN and ETR_EXPIRING come from the clock.
"""

from __future__ import annotations

from datetime import datetime

from outreach.model.campaign import Renotify
from outreach.model.occasion import Revision
from outreach.model.words import Event, OccasionKind, OccasionState
from outreach.outages import etr, scoping
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
    OccasionState.SUSPECTED: (),
    OccasionState.DISCARDED: (Event.CORRECTION,),
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
        just_ended = previous is None or previous.state.is_open
        return _CLOSING[current.state] if just_ended else ()
    if previous is None or previous.state is OccasionState.SUSPECTED:
        return _FIRST[kind]
    out_again = _is_out_again(previous, current)
    if _part_came_back(previous, current) and not out_again:
        return (Event.PARTIAL, Event.JOINED)
    change = _change(kind, previous, current, told_etr=told_etr, now=now, rules=rules)
    happened = (Event.STILL_OUT if out_again else None, change, Event.JOINED)
    return tuple(event for event in happened if event is not None)


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
    return not scoping.without(current.restored, previous.restored).is_empty


def _is_out_again(previous: Revision, current: Revision) -> bool:
    """A restoration was false, all of it or a part."""
    gone = scoping.without(previous.restored, current.restored)
    return not previous.state.is_open or not gone.is_empty


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
    if current.end_at is None:
        return Event.OVERRUN
    if _wall_stands(previous, current):
        return None
    return Event.MOVED if current.state is OccasionState.SCHEDULED else Event.DELAYED


def _wall_stands(previous: Revision, current: Revision) -> bool:
    """Only the rules of the zone changed: what people were told to read on their clocks is still right."""
    walls = (current.start_wall or "no start", current.end_wall or "no end")
    return walls == (previous.start_wall, previous.end_wall)


def _advisory_change(previous: Revision, current: Revision) -> Event | None:
    changed = (previous.text, previous.end_at) != (current.text, current.end_at)
    return Event.ADVISED if changed else None

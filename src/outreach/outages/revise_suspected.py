"""A suspected outage: what reports point at, until a person or the network's own system confirms it.

| verb      | from      | gives                                                                      |
|-----------|-----------|----------------------------------------------------------------------------|
| suspected | nothing   | version 1, suspected                                                       |
| confirmed | suspected | active: an outage like another, which is told from here on                 |
| lapsed    | suspected | discarded: nobody confirmed it, and nobody reports it any longer            |

`revise.discarded` takes it back; `revise.merged` ends it in an outage that explains it, or in a
suspicion of the device above. Every other verb refuses it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import change as changes, guards, revise
from outreach.outages.change import NOTHING, PERSON, Change, Origin, following

SOURCE = "reports"
"""`Revision.source` of what reports alone say."""
REPORTS = Origin(author="customer reports", source=SOURCE)
_LAPSE = Origin(author="clock", source="clock")
_SUSPECTED = (OccasionState.SUSPECTED,)


def suspected(scope: Scope, *, start_at: datetime, now: datetime) -> Revision:
    """Version 1: it began no later than the first report; there is neither estimate nor promise."""
    guards.aware(start=start_at)
    guards.scope_named(scope)
    return Revision(
        version=1, state=OccasionState.SUSPECTED, scope=scope, start_at=start_at,
        recorded_at=now, **changes.by(REPORTS),
    )  # fmt: skip


def confirmed(
    current: Revision, *, change: Change = NOTHING, now: datetime, origin: Origin = PERSON
) -> Revision:
    """It is an outage; `change` brings scope, estimate, cause and next news. GuardRefused for any other state."""
    guards.state_is(current, _SUSPECTED, "confirm")
    facts = changes.facts(current, change, now, origin)
    return following(current, now, origin, state=OccasionState.ACTIVE, **facts)


def lapses_at(revision: Revision, *, last_report_at: datetime | None, after: timedelta) -> datetime:
    """When a suspicion ends by itself: so long after its newest report, or after it was opened if that is later."""
    return max(last_report_at or revision.recorded_at, revision.recorded_at) + after


def lapsed(current: Revision, *, now: datetime) -> Revision | None:
    """Discarded by the clock; nobody was told of it, so nobody hears. GuardRefused for any other state."""
    guards.state_is(current, _SUSPECTED, "lapse")
    return revise.discarded(current, now=now, origin=_LAPSE)

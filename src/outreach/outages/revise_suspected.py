"""A suspected outage: what reports point at, until a person or the network's own system confirms it.

| verb      | from      | gives                                                                      |
|-----------|-----------|----------------------------------------------------------------------------|
| suspected | nothing   | version 1, suspected                                                       |
| confirmed | suspected | active: an outage like another, which is told from here on                 |

`revise.discarded` takes it back; `revise.merged` ends it in an outage that explains it, or in a
suspicion of the device above. Every other verb refuses it.
"""

from __future__ import annotations

from datetime import datetime

from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import change as changes, guards
from outreach.outages.change import NOTHING, PERSON, Change, Origin, following

SOURCE = "reports"
"""`Revision.source` of what reports alone say."""
REPORTS = Origin(author="customer reports", source=SOURCE)
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

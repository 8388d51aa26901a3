"""Two outages become one, or one becomes two: both revisions in one transaction, and nobody hears twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.campaigns import following
from outreach.campaigns.engine import Applied, Engine
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision
from outreach.outages import revise
from outreach.outages.revise import PERSON, Origin
from outreach.store import audience, occasions, scopes
from outreach.store.session import Session

MERGE, SPLIT = "occasion.merge", "occasion.split"
"""What the audit calls them; `undo` takes neither back."""


def merge(
    engine: Engine,
    absorbed: OccasionId,
    survivor: OccasionId,
    *,
    now: datetime,
    origin: Origin = PERSON,
) -> tuple[Applied, Applied]:
    """One outage goes into another: the absorbed as it ended, the survivor as it is.

    Nothing unsent of the absorbed leaves; who heard of it hears from now on of the survivor.
    GuardRefused where the two cannot be one.
    """
    with engine.database.write() as session:
        gone, kept = occasions.get(session, absorbed), occasions.get(session, survivor)
        following.refuse_merge(gone, kept)
        whole = revise.absorbing(kept.revision, gone.revision, now=now, origin=origin)
        ended = revise.merged(gone.revision, now=now, origin=origin) or gone.revision
        most = max(_premises(session, gone), _premises(session, kept))
        occasions.append(session, absorbed, ended)
        occasions.merge(session, absorbed, survivor)
        engine.hand_over(session, gone, kept, now=now)
        closed = occasions.get(session, absorbed)
        first = engine.follow(session, gone.revision, closed, now=now, action=MERGE)
        current = occasions.append(session, survivor, whole)
        # What the absorbed had back comes back to nobody by being named here.
        before = replace(kept.revision, restored=whole.restored)
        second = engine.follow(session, before, current, now=now, action=MERGE)
        following.refuse_loss(most, second.counting.within(session).premises)
    return engine.frozen(first), engine.frozen(second)


def split(
    engine: Engine,
    occasion: OccasionId,
    parts: tuple[Revision, Revision],
    *,
    new: NewOccasion,
    now: datetime,
) -> tuple[Applied, Applied]:
    """Writes what `revise.split` gave: the outage with the rest, and the `new` one that left it."""
    rest, own = parts
    with engine.database.write() as session:
        source = occasions.get(session, occasion)
        current = occasions.append(session, occasion, rest)
        part = occasions.add(session, replace(new, parent_id=occasion), own)
        first = engine.follow(session, source.revision, current, now=now, action=SPLIT)
        second = engine.follow(session, source.revision, part, now=now, out_of=source, action=SPLIT)
    return engine.frozen(first), engine.frozen(second)


def _premises(session: Session, occasion: Occasion) -> int:
    return audience.affected(session, scopes.remaining(session, occasion)).premises

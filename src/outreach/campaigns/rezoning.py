"""New rules of a time zone: works keep their times on the wall, and their instants move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.audience.zone_rules import Release
from outreach.campaigns.engine import Engine
from outreach.model.alarm import AlarmKind
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import OccasionKind
from outreach.outages import wall_time
from outreach.store import alarms, audit, known, leases, occasions
from outreach.store.leases import Fence
from outreach.store.session import Session

ACTOR = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What a release changed."""

    before: str
    """The release by which instants were computed until now; empty: it was never noted."""
    moved: tuple[OccasionId, ...] = ()
    is_older: bool = False
    """This process reads older rules than were known: nothing is moved back, and somebody must update it."""


def renew(
    engine: Engine, release: Release, *, now: datetime, fence: Fence | None = None
) -> Renewed | None:
    """Recomputes planned works from their times on the wall when the release is another than last time.

    None: it is the same. Notes it, raises the alarm `zone_rules` where works moved, and writes the audit.
    A crash on the way repeats it, and what has moved by then stays where it is.
    """
    with engine.database.read() as session:
        noted = known.of(session, known.ZONE_RULES)
        works = [one for one in occasions.open_ones(session) if one.kind is OccasionKind.PLANNED]
    if noted is not None and noted.value == release.name:
        return None
    if noted is not None and release.is_older(noted.value):
        return _older(engine, release, noted, now=now, fence=fence)
    moved = tuple(one.id for one in works if _moved(engine, one, now=now, fence=fence))
    before = noted.value if noted else ""
    with engine.database.write() as session:
        _stand(session, fence)
        known.keep(session, known.ZONE_RULES, release.name, now=now)
        if moved:
            _alarm(session, release, now, now, before=before, moved=list(moved))
        audit.write(
            session, ACTOR, "zone_rules.renew", f"zone_rules:{release.name}", now=now,
            before=before, moved=list(moved),
        )  # fmt: skip
    return Renewed(before=before, moved=moved)


def _moved(engine: Engine, work: Occasion, *, now: datetime, fence: Fence | None) -> bool:
    revision = wall_time.rezoned(work.revision, work.zone, now=now)
    if revision is None:
        return False
    engine.revise(work.id, revision, now=now, guard=lambda session: _stand(session, fence))
    return True


def _older(
    engine: Engine, release: Release, noted: known.Known, *, now: datetime, fence: Fence | None
) -> Renewed | None:
    """Said once: two hosts with different rules must not move works to and fro."""
    with engine.database.write() as session:
        _stand(session, fence)
        is_new = _alarm(session, release, noted.at, now, before=noted.value, moved=[])
    return Renewed(before=noted.value, is_older=True) if is_new else None


def _alarm(
    session: Session, release: Release, due_at: datetime, now: datetime, *, before: str, moved: list[OccasionId]
) -> bool:  # fmt: skip
    return alarms.raise_(
        session, AlarmKind.ZONE_RULES, f"zone_rules:{release.name}", due_at, now,
        name=release.name, before=before, read_from=release.where, moved=moved,
    )  # fmt: skip


def _stand(session: Session, fence: Fence | None) -> None:
    if fence is not None:
        leases.stand(session, leases.LEADER, fence)

"""What each platform was last told, so that only changes travel and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from outreach.model.platforms import Pushed
from outreach.store import tables as t
from outreach.store.session import Session

SLICE = 500


def standing(session: Session, target: str) -> dict[str, Pushed]:
    """Key -> what stands there as far as we know; at most a platform's 5,000 rows."""
    p = t.pushed.c
    rows = session.execute(select(t.pushed).where(p.target == target)).mappings()
    return {
        row["key"]: Pushed(
            key=row["key"],
            digest=row["digest"],
            pushed_at=row["pushed_at"],
            expires_at=row["expires_at"],
            version=row["version"],
        )
        for row in rows
    }


def note(
    session: Session, target: str, told: Sequence[Pushed], *, ended: Iterable[str] = ()
) -> None:
    """Notes what was told, and forgets what was taken away; once for a minute's changes."""
    p = t.pushed.c
    gone = [*ended, *(each.key for each in told)]
    for start in range(0, len(gone), SLICE):
        some = gone[start : start + SLICE]
        session.execute(delete(t.pushed).where(p.target == target, p.key.in_(some)))
    if told:
        session.execute(insert(t.pushed), [_row(target, each) for each in told])


def _row(target: str, each: Pushed) -> dict[str, Any]:
    return {
        "target": target,
        "key": each.key,
        "digest": each.digest,
        "pushed_at": each.pushed_at,
        "expires_at": each.expires_at,
        "version": each.version,
    }

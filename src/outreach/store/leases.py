"""Who leads the clock: one row, a lease, and a fence that rises at each takeover."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from outreach.store import tables as t
from outreach.store.session import Session

LEADER = "clock"
"""The lease of the process that leads the clock; whoever serves holds it."""


def take(session: Session, name: str, owner: str, *, now: datetime, lease: timedelta) -> int | None:
    """Takes or prolongs the lease; its fence, or None while another owner holds it."""
    mine = (t.lease.c.name == name) & or_(t.lease.c.owner == owner, t.lease.c.until < now)
    held = session.execute(select(t.lease.c.owner).where(t.lease.c.name == name)).scalar()
    rises = 0 if held == owner else 1
    taken = session.execute(
        update(t.lease)
        .where(mine)
        .values(owner=owner, until=now + lease, fence=t.lease.c.fence + rises)
        .returning(t.lease.c.fence)
    ).scalar()
    if taken is not None or held is not None:
        return taken
    maker = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"name": name, "owner": owner, "until": now + lease, "fence": 1}
    return session.execute(
        maker(t.lease).values(**row).on_conflict_do_nothing().returning(t.lease.c.fence)
    ).scalar()


def holder(session: Session, name: str, *, now: datetime) -> str | None:
    """Who holds the lease at `now`."""
    return session.execute(
        select(t.lease.c.owner).where(t.lease.c.name == name, t.lease.c.until >= now)
    ).scalar()

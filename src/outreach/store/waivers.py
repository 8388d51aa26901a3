"""Rules that two people let a work break, read back from the audit chain, where they were written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from outreach.store import tables as t
from outreach.store.session import Session

ACTION = "pack.waive"


def of(session: Session, occasion: int) -> list[dict[str, Any]]:
    """What was recorded for an occasion, oldest first: rules, start_at, because, author, approver."""
    a = t.audit.c
    return list(
        session.scalars(
            select(a.detail)
            .where(a.action == ACTION, a.subject == f"occasion:{occasion}")
            .order_by(a.id)
        )
    )

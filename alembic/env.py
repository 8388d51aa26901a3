"""Runs migrations on the connection that `outreach db` hands over, or on OUTREACH's own database."""

from __future__ import annotations

from alembic import context

from outreach.store.migrations import configure

configure(context)

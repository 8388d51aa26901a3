"""The job queue's own tables, on PostgreSQL, as the installed Procrastinate writes them."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

from outreach.store import job_schema

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    job_schema.create(op.get_bind())


def downgrade() -> None:
    job_schema.drop(op.get_bind())

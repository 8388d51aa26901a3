"""Found by index: whom a move of the network reorders, and the outages of a night."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_recurrence_earlier", "recurrence", ["earlier"])
    op.create_index("ix_occasion_opened_at", "occasion", ["opened_at"])


def downgrade() -> None:
    op.drop_index("ix_occasion_opened_at", table_name="occasion")
    op.drop_index("ix_recurrence_earlier", table_name="recurrence")

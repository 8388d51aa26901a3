"""Notes who holds an address that has said no: reach learns of them, and they hear by their next channel."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

revision: str = "0011"
down_revision: str | Sequence[str] | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO touched_customer (customer_id) "
        "SELECT DISTINCT held.customer_id FROM customer_contact held "
        "JOIN contact_point point ON point.id = held.contact_point_id "
        "WHERE point.address_hash IN (SELECT address_hash FROM suppression) "
        "ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    """They stay noted: to look at them once more changes nothing."""

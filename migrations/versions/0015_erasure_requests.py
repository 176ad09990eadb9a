"""Wishes to be erased are found without reading the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_ledger_entry_erasure_requested",
        "ledger_entry",
        ["contact_id"],
        unique=False,
        postgresql_where=sa.text("event = 'erasure_requested'"),
    )

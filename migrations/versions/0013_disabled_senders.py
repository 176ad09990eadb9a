"""Connections to sending services that nothing is taken of."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sender_connection", sa.Column("disabled_at", postgresql.TIMESTAMP(timezone=True), nullable=True))

"""What finds bans on plain addresses for who asks by SHA-256."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prohibition_hash",
        sa.Column("hash_key", postgresql.UUID(), nullable=False),
        sa.Column("prohibition_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash_key", "prohibition_id", name=op.f("pk_prohibition_hash")),
    )
    op.create_table(
        "prohibition_hashed_to",
        sa.Column("canonical_version", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("database", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("canonical_version", name=op.f("pk_prohibition_hashed_to")),
    )

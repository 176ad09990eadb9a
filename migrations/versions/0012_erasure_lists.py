"""The desk: people to be erased, sealed attachments, decisions carried over, counts of consents by notice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()
TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    op.create_table(
        "erasure_list",
        sa.Column("id", UUID, nullable=False),
        sa.Column("contact_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("counted", JSONB, nullable=False),
        sa.Column("controllers", TEXTS, nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("approval", UUID, nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("task", UUID, nullable=True),
        sa.Column("outcome", JSONB, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_list")),
    )
    op.create_index("ix_erasure_list_created", "erasure_list", ["created_at"], unique=False)
    op.add_column("attachment", sa.Column("sealed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("review_decision", sa.Column("carried_from", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("ck_review_decision_scope"), "review_decision", type_="check")
    op.create_check_constraint(
        op.f("ck_review_decision_scope"), "review_decision", 'num_nonnulls("row", reason, carried_from) = 1'
    )
    op.create_table(
        "notice_count",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("consents", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", TIMESTAMPTZ, nullable=False),
        sa.PrimaryKeyConstraint("key", "version", name=op.f("pk_notice_count")),
    )

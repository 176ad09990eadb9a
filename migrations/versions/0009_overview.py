"""Overview: counts kept beside the rows they count; files brought to be imported."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()


def upgrade() -> None:
    op.create_table(
        "act_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("first_entry", sa.BigInteger(), nullable=False),
        sa.Column("last_entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "controller", "event", name=op.f("pk_act_count")),
    )
    op.create_table(
        "counted_chain",
        sa.Column("chain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_counted_chain")),
    )
    op.create_table(
        "state_count",
        sa.Column("figure", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", TIMESTAMPTZ, nullable=False),
        sa.PrimaryKeyConstraint("figure", "controller", "part", "state", name=op.f("pk_state_count")),
    )
    op.create_table(
        "link_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "campaign", "kind", "name", name=op.f("pk_link_count")),
    )
    op.create_table(
        "import_upload",
        sa.Column("id", UUID, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("controllers", JSONB, nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("options", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("mends", UUID, nullable=True),
        sa.Column("look_task", UUID, nullable=True),
        sa.Column("preview_task", UUID, nullable=True),
        sa.Column("apply_task", UUID, nullable=True),
        sa.Column("rejected", sa.BigInteger(), nullable=True),
        sa.Column("applied_at", TIMESTAMPTZ, nullable=True),
        sa.Column("forgotten_at", TIMESTAMPTZ, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_upload")),
    )
    op.create_index("ix_import_upload_created", "import_upload", ["created_at", "id"], unique=False)

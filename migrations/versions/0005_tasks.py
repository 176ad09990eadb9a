"""Long work in the background, uploads, and what staff decided about rows to review."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("id", UUID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", JSONB, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("told", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("result", JSONB, nullable=True),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("started_at", TIMESTAMPTZ, nullable=True),
        sa.Column("heartbeat_at", TIMESTAMPTZ, nullable=True),
        sa.Column("finished_at", TIMESTAMPTZ, nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_task_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_kind", "task", ["kind", "created_at"], unique=False)
    op.create_index(
        "ix_task_open", "task", ["created_at"], unique=False, postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.create_table(
        "list_screening",
        sa.Column("id", UUID, nullable=False),
        sa.Column("controller", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("file_id", UUID, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("mapping", JSONB, nullable=True),
        sa.Column("sheet", sa.Text(), nullable=True),
        sa.Column("options", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("campaign", JSONB, nullable=True),
        sa.Column("task", UUID, nullable=True),
        sa.Column("screening", UUID, nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("summary", JSONB, nullable=True),
        sa.Column("screened_at", TIMESTAMPTZ, nullable=True),
        sa.Column("valid_until", TIMESTAMPTZ, nullable=True),
        sa.Column("previous", UUID, nullable=True),
        sa.Column("forgotten_at", TIMESTAMPTZ, nullable=True),
        sa.ForeignKeyConstraint(
            ["previous"], ["list_screening.id"], name=op.f("fk_list_screening_previous_list_screening")
        ),
        sa.ForeignKeyConstraint(["screening"], ["screening.id"], name=op.f("fk_list_screening_screening_screening")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_screening")),
    )
    op.create_index("ix_list_screening_controller", "list_screening", ["controller", "created_at"], unique=False)
    op.create_index("ix_list_screening_created_at", "list_screening", ["created_at", "id"], unique=False)
    op.create_table(
        "handed_list",
        sa.Column("id", UUID, nullable=False),
        sa.Column("list_screening", UUID, nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("handed_by", sa.Text(), nullable=False),
        sa.Column("handed_at", TIMESTAMPTZ, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("with_decided", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("taken_at", TIMESTAMPTZ, nullable=True),
        sa.Column("withdrawn_at", TIMESTAMPTZ, nullable=True),
        sa.ForeignKeyConstraint(
            ["list_screening"], ["list_screening.id"], name=op.f("fk_handed_list_list_screening_list_screening")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handed_list")),
    )
    op.create_index("ix_handed_list_account", "handed_list", ["account", "handed_at"], unique=False)
    op.create_index("ix_handed_list_list_screening", "handed_list", ["list_screening"], unique=False)
    op.create_table(
        "review_decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("list_screening", UUID, nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("decided_at", TIMESTAMPTZ, nullable=False),
        sa.CheckConstraint("verdict IN ('allow', 'block')", name=op.f("ck_review_decision_verdict")),
        sa.CheckConstraint('("row" IS NULL) <> (reason IS NULL)', name=op.f("ck_review_decision_scope")),
        sa.ForeignKeyConstraint(
            ["list_screening"], ["list_screening.id"], name=op.f("fk_review_decision_list_screening_list_screening")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_decision")),
    )
    op.create_index("ix_review_decision_list_screening", "review_decision", ["list_screening", "id"], unique=False)

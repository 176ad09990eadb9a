"""Links and what comes of them: the outbox, subscriptions, proposals, journal marks, job runs, client counts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()
TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    op.create_table(
        "client_count",
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("client", UUID, nullable=False),
        sa.Column("window", TIMESTAMPTZ, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("door", "client", "window", name=op.f("pk_client_count")),
    )
    op.create_index("ix_client_count_window", "client_count", ["window"], unique=False)
    op.create_table(
        "job_run",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", TIMESTAMPTZ, nullable=False),
        sa.Column("started_at", TIMESTAMPTZ, nullable=False),
        sa.Column("finished_at", TIMESTAMPTZ, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job", "slot", name=op.f("pk_job_run")),
    )
    op.create_table(
        "journal_mark",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("taken_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file", name=op.f("pk_journal_mark")),
    )
    op.create_table(
        "leave_reason",
        sa.Column("prohibition_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMPTZ, nullable=False),
        sa.PrimaryKeyConstraint("prohibition_id", name=op.f("pk_leave_reason")),
    )
    op.create_table(
        "outgoing_mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("address_key", UUID, nullable=False),
        sa.Column("fields", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("due_at", TIMESTAMPTZ, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_at", TIMESTAMPTZ, nullable=True),
        sa.Column("given_up_at", TIMESTAMPTZ, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mail")),
    )
    op.create_index("ix_outgoing_mail_address_key", "outgoing_mail", ["address_key", "created_at"], unique=False)
    op.create_index(
        "ix_outgoing_mail_due",
        "outgoing_mail",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("sent_at is null and given_up_at is null"),
    )
    op.create_table(
        "pending_subscription",
        sa.Column("id", UUID, nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("topics", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("address_key", UUID, nullable=False),
        sa.Column("asked_at", TIMESTAMPTZ, nullable=False),
        sa.Column("expires_at", TIMESTAMPTZ, nullable=False),
        sa.Column("confirmed_at", TIMESTAMPTZ, nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_subscription")),
    )
    op.create_index("ix_pending_subscription_expires", "pending_subscription", ["expires_at"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("controller", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("data", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("digest", UUID, nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decided_at", TIMESTAMPTZ, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
        sa.UniqueConstraint("digest", name=op.f("uq_proposal_digest")),
    )
    op.create_index(
        "ix_proposal_contact",
        "proposal",
        ["contact_id"],
        unique=False,
        postgresql_where=sa.text("contact_id is not null"),
    )
    op.create_index(
        "ix_proposal_open", "proposal", ["created_at"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "read_message",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("read_at", TIMESTAMPTZ, nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "uid_validity", "uid", name=op.f("pk_read_message")),
    )
    op.create_table(
        "subscription_form",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("topics", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("origins", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("closed_at", TIMESTAMPTZ, nullable=True),
        sa.ForeignKeyConstraint(
            ["controller"], ["controller.key"], name=op.f("fk_subscription_form_controller_controller")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_subscription_form")),
    )
    op.add_column("controller", sa.Column("branding", JSONB, server_default=sa.text("'{}'"), nullable=False))
    op.add_column("topic", sa.Column("descriptions", JSONB, server_default=sa.text("'{}'"), nullable=False))
    op.add_column("topic", sa.Column("cadence", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("what people asked for is not undone by a migration")

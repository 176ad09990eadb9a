"""Exports: schedules, runs, and the stored set of what was sent to whom; restorations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()


def upgrade() -> None:
    op.create_table(
        "export_schedule",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("campaign", JSONB, nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default=sa.text("'full'"), nullable=False),
        sa.Column("destination", JSONB, nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("encrypt_to", sa.Text(), nullable=True),
        sa.Column("cron", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), server_default=sa.text("'Europe/Helsinki'"), nullable=False),
        sa.Column("catch_up", sa.Text(), server_default=sa.text("'latest'"), nullable=False),
        sa.Column("skip_older_hours", sa.Integer(), nullable=True),
        sa.Column("most_lag_hours", sa.Integer(), nullable=True),
        sa.Column("lag_ends_certificates", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("paused_at", TIMESTAMPTZ, nullable=True),
        sa.ForeignKeyConstraint(
            ["controller"], ["controller.key"], name=op.f("fk_export_schedule_controller_controller")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_export_schedule")),
    )
    op.create_table(
        "export_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("slot", TIMESTAMPTZ, nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("base_sequence", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=False),
        sa.Column("heartbeat_at", TIMESTAMPTZ, nullable=False),
        sa.Column("started_at", TIMESTAMPTZ, nullable=False),
        sa.Column("published_at", TIMESTAMPTZ, nullable=True),
        sa.Column("register_position", sa.Text(), nullable=True),
        sa.Column("ledger_head", sa.Text(), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", TIMESTAMPTZ, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["schedule"], ["export_schedule.key"], name=op.f("fk_export_run_schedule_export_schedule")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_run")),
        sa.UniqueConstraint("schedule", "sequence", name="uq_export_run_schedule_sequence"),
        sa.UniqueConstraint("schedule", "slot", name="uq_export_run_schedule_slot"),
    )
    op.create_table(
        "exported_entry",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("address_key", UUID, nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", TIMESTAMPTZ, nullable=True),
        sa.Column("partner_digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["schedule"], ["export_schedule.key"], name=op.f("fk_exported_entry_schedule_export_schedule")
        ),
        sa.PrimaryKeyConstraint("schedule", "address_key", "from_seq", name=op.f("pk_exported_entry")),
    )
    op.create_index("ix_exported_entry_from", "exported_entry", ["schedule", "from_seq"], unique=False)
    op.create_index(
        "ix_exported_entry_to",
        "exported_entry",
        ["schedule", "to_seq"],
        unique=False,
        postgresql_where=sa.text("to_seq is not null"),
    )
    op.drop_index("ix_contact_point_contact", table_name="contact_point")
    op.create_index(
        "ix_contact_merged_into",
        "contact",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into is not null"),
    )
    op.create_table(
        "restoration",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("backup_taken_at", TIMESTAMPTZ, nullable=False),
        sa.Column("restored_at", TIMESTAMPTZ, nullable=False),
        sa.Column("restored_by", sa.Text(), nullable=False),
        sa.Column("recovered_at", TIMESTAMPTZ, nullable=True),
        sa.Column("recovered_by", sa.Text(), nullable=True),
        sa.Column("replayed", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restoration")),
    )


def downgrade() -> None:
    raise NotImplementedError("what was sent to whom is not undone by a migration")

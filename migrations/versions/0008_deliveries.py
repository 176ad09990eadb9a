"""Deliveries: acknowledgement, links, alarms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()


def upgrade() -> None:
    # Checked a million times where a set is stored, and half of its time (consentmgr.exports.models.ExportedEntry).
    op.drop_constraint("fk_exported_entry_schedule_export_schedule", "exported_entry", type_="foreignkey")
    op.create_table(
        "scheduler_heartbeat",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("started_at", TIMESTAMPTZ, nullable=False),
        sa.Column("beaten_at", TIMESTAMPTZ, nullable=False),
        sa.Column("overdue", JSONB, server_default=sa.text("'[]'"), nullable=False),
        sa.PrimaryKeyConstraint("process"),
    )
    op.create_table(
        "relied_partner",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("most_lag_hours", sa.Integer(), nullable=False),
        sa.Column("waiting_since", TIMESTAMPTZ, nullable=True),
        sa.Column("waiting_for", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("schedule"),
    )
    op.create_table(
        "alarm",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("since", TIMESTAMPTZ, nullable=False),
        sa.Column("mailed_at", TIMESTAMPTZ, nullable=True),
        sa.Column("posted_at", TIMESTAMPTZ, nullable=True),
        sa.Column("resolved_at", TIMESTAMPTZ, nullable=True),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.create_table(
        "export_link",
        sa.Column("id", UUID, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("address_key", UUID, nullable=False),
        sa.Column("files", JSONB, nullable=False),
        sa.Column("created_at", TIMESTAMPTZ, nullable=False),
        sa.Column("expires_at", TIMESTAMPTZ, nullable=False),
        sa.Column("most_downloads", sa.Integer(), nullable=False),
        sa.Column("closed_at", TIMESTAMPTZ, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["export_run.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "address_key", name="uq_export_link_run_address"),
    )
    op.create_table(
        "export_download",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("link_id", UUID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMPTZ, nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["export_link.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_export_download_link", "export_download", ["link_id", "name"])
    # Schedules that were made before this table.
    op.execute(
        "INSERT INTO relied_partner (schedule, partner, controller, channel, purpose, topic, most_lag_hours,"
        " waiting_since, waiting_for)"
        " SELECT s.key, s.partner, s.controller, s.channel, s.purpose, s.topic, s.most_lag_hours,"
        "  CASE WHEN n.sequence IS NULL AND a.sequence IS NOT NULL THEN NULL ELSE coalesce(n.at, s.created_at) END,"
        "  n.sequence"
        " FROM export_schedule s"
        " LEFT JOIN LATERAL (SELECT max(sequence) AS sequence FROM export_run"
        "   WHERE schedule = s.key AND acknowledged_at IS NOT NULL) a ON true"
        " LEFT JOIN LATERAL (SELECT sequence, coalesce(published_at, started_at) AS at FROM export_run"
        "   WHERE schedule = s.key AND sequence > coalesce(a.sequence, 0) ORDER BY sequence LIMIT 1) n ON true"
        " WHERE s.lag_ends_certificates AND s.most_lag_hours IS NOT NULL AND s.content = 'suppressed'"
    )

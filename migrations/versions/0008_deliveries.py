"""Deliveries: acknowledgement, links, alarms, sets that are told from what changed."""

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


class XID8(sa.types.UserDefinedType):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


# An address that a contact or an organisation has no longer leaves its key, whoever took it and by whichever statement.
POINT_GONE = (
    """
CREATE OR REPLACE FUNCTION consentmgr_points_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %I.contact_point_gone (address_key) SELECT address_key FROM gone', TG_TABLE_SCHEMA);
  RETURN NULL;
END $$
""",
    """
CREATE OR REPLACE FUNCTION consentmgr_point_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %I.contact_point_gone (address_key) VALUES ($1)', TG_TABLE_SCHEMA) USING OLD.address_key;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER points_deleted AFTER DELETE ON contact_point REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_points_deleted()
""",
    """
CREATE TRIGGER point_moved AFTER UPDATE ON contact_point FOR EACH ROW
  WHEN ((OLD.address_key, OLD.kind, OLD.contact_id, OLD.organisation_id)
    IS DISTINCT FROM (NEW.address_key, NEW.kind, NEW.contact_id, NEW.organisation_id))
  EXECUTE FUNCTION consentmgr_point_moved()
""",
)


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
    op.add_column("export_run", sa.Column("asked_on", sa.Date(), nullable=True))
    op.add_column("export_run", sa.Column("asked_by", sa.Text(), nullable=True))
    op.add_column("export_run", sa.Column("whole_at", TIMESTAMPTZ, nullable=True))
    op.create_table(
        "export_weighed",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("address_key", UUID, nullable=False),
        sa.PrimaryKeyConstraint("schedule", "address_key"),
    )
    op.create_table(
        "contact_point_gone",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("address_key", UUID, nullable=False),
        sa.Column("changed_xid", XID8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("gone_at", TIMESTAMPTZ, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_contact_point_gone_changed", "contact_point_gone", ["changed_xid"])
    for statement in POINT_GONE:
        op.execute(statement)
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

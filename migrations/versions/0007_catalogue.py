"""The catalogue's pages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()


def upgrade() -> None:
    op.execute("CREATE INDEX ix_organisation_name ON organisation (lower(coalesce(name, '')) text_pattern_ops, id)")
    op.create_index("ix_organisation_ref", "organisation", ["ref"], postgresql_where=sa.text("ref is not null"))
    op.create_index(
        "ix_prohibition_source",
        "prohibition",
        ["source", "id"],
        postgresql_where=sa.text("source not in ('robinson_phone', 'robinson_post', 'population_register')"),
    )
    op.create_index(
        "ix_prohibition_campaign",
        "prohibition",
        [sa.text("(evidence ->> 'campaign')")],
        postgresql_where=sa.text("(evidence ->> 'campaign') is not null"),
    )

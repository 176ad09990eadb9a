"""Whether any ban arrived hashed is told without reading all bans."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_prohibition_hashed",
        "prohibition",
        ["id"],
        unique=False,
        postgresql_where=sa.text("target_kind in ('email_sha256', 'phone_sha256') and lifted_at is null"),
    )

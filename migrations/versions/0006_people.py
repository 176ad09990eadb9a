"""People's pages: evidence attached, and search."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
UUID = postgresql.UUID()

# As consentmgr.register.name_words had it when this was written.
NAME = "left(coalesce(given, '') || ' ' || coalesce(family, ''), 200)"
LETTERS = "åäöÅÄÖéüøæšžáàâãçèêëíìîïñóòôõúùûýÿāčđēģīķļłńņūÉÜØÆŠŽÁÀÈÍÓÚ"
BARE = "aaoaaoeuoaszaaaaceeeiiiinoooouuuyyacdegikllnnueuoaszaaeiou"
BETWEEN = "-.,/_()’`´\"''"
CREATE_FUNCTION = f"""
CREATE FUNCTION name_words(given text, family text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_remove(string_to_array(CASE WHEN {NAME} ~ '[^A-Za-z ]'
    THEN translate(lower({NAME}), '{LETTERS}{BETWEEN}', '{BARE}{" " * 12}') ELSE lower({NAME}) END, ' '), ''))
$$
"""


def upgrade() -> None:
    op.execute(CREATE_FUNCTION)
    op.create_index(
        "ix_contact_name_words",
        "contact",
        [sa.text("name_words(given_name, family_name)")],
        postgresql_using="gin",
    )
    op.create_table(
        "attachment",
        sa.Column("id", UUID, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", TIMESTAMPTZ, nullable=False),
        sa.Column("stored_by", sa.Text(), nullable=False),
        sa.Column("used_at", TIMESTAMPTZ, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_contact", "attachment", ["contact_id"])
    op.create_index("ix_attachment_unused", "attachment", ["stored_at"], postgresql_where=sa.text("used_at is null"))

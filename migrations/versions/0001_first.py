"""The first schema: register, ledger, prohibitions, campaigns, screening, audit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIMESTAMPTZ = postgresql.TIMESTAMP(timezone=True)
JSONB = postgresql.JSONB()
UUID = postgresql.UUID()
TEXTS = postgresql.ARRAY(sa.Text())


class XID8(sa.types.UserDefinedType):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


# The fences of consentmgr.consents.append_only as they stood at this revision; a test holds that they are still the
# newest, so that a change there comes with a migration.
GUARDS = (
    """
CREATE OR REPLACE FUNCTION consentmgr_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: what is recorded stays as it is', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$
""",
    """
CREATE OR REPLACE FUNCTION consentmgr_guard_prohibition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  may_change CONSTANT text[] := ARRAY['lifted_at', 'lifted_by_entry', 'document', 'evidence', 'changed_xid'];
  found boolean;
BEGIN
  IF to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
    RAISE EXCEPTION 'a prohibition is not rewritten: it is lifted, or a new one is added'
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF (NEW.document IS DISTINCT FROM OLD.document AND NEW.document IS NOT NULL)
     OR (NEW.evidence IS DISTINCT FROM OLD.evidence AND (NEW.evidence <> '{}' OR NEW.document IS NOT NULL)) THEN
    RAISE EXCEPTION 'the words of a prohibition are not rewritten: erasure empties them'
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF (NEW.lifted_at, NEW.lifted_by_entry) IS DISTINCT FROM (OLD.lifted_at, OLD.lifted_by_entry) THEN
    IF OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL OR NEW.lifted_by_entry IS NULL THEN
      RAISE EXCEPTION 'a prohibition is lifted once, by an act in the ledger' USING ERRCODE = 'restrict_violation';
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.ledger_entry WHERE id = $1 AND event = ''prohibition_lifted'''
                   ' AND prohibition = $2)', TG_TABLE_SCHEMA) INTO found USING NEW.lifted_by_entry, NEW.id::text;
    IF NOT found THEN
      RAISE EXCEPTION 'a prohibition is lifted only by an act in the ledger' USING ERRCODE = 'restrict_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE FUNCTION consentmgr_guard_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  unexplained bigint;
BEGIN
  EXECUTE format($sql$
    SELECT min(e.id) FROM gone g JOIN %1$I.ledger_entry e ON e.id = g.entry_id WHERE NOT (
    EXISTS (SELECT FROM %1$I.ledger_entry x WHERE x.contact_id = e.contact_id AND x.event = 'erased')
    OR (e.event IN ('prohibition_added', 'prohibition_lifted') AND EXISTS (
        SELECT FROM %1$I.prohibition p WHERE p.id = e.prohibition::bigint AND (
          EXISTS (SELECT FROM %1$I.erased_key k WHERE k.address_key = p.address_key)
          OR EXISTS (SELECT FROM %1$I.contact c WHERE c.ref = p.contact_ref AND c.erased_at IS NOT NULL))))
)
  $sql$, TG_TABLE_SCHEMA) INTO unexplained;
  IF unexplained IS NOT NULL THEN
    RAISE EXCEPTION 'evidence of entry % is not deleted: the ledger has no erasure of that person', unexplained
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE OR REPLACE FUNCTION consentmgr_guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.chain <> OLD.chain OR NEW.seq <= OLD.seq THEN
    RAISE EXCEPTION 'the head of a chain only moves forward' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE FUNCTION consentmgr_guard_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(NEW) - 'supersedes' IS DISTINCT FROM to_jsonb(OLD) - 'supersedes' THEN
    RAISE EXCEPTION 'a notice is what people were shown: other words are a new version'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
""",
    "DROP TRIGGER IF EXISTS frozen ON ledger_entry",
    "CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON ledger_entry FOR EACH ROW EXECUTE FUNCTION consentmgr_refuse_change()",
    "DROP TRIGGER IF EXISTS frozen ON audit_event",
    "CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION consentmgr_refuse_change()",
    "DROP TRIGGER IF EXISTS frozen ON erased_key",
    "CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON erased_key FOR EACH ROW EXECUTE FUNCTION consentmgr_refuse_change()",
    "DROP TRIGGER IF EXISTS kept ON prohibition",
    "CREATE TRIGGER kept BEFORE DELETE ON prohibition FOR EACH ROW EXECUTE FUNCTION consentmgr_refuse_change()",
    "DROP TRIGGER IF EXISTS kept ON notice",
    "CREATE TRIGGER kept BEFORE DELETE ON notice FOR EACH ROW EXECUTE FUNCTION consentmgr_refuse_change()",
    "DROP TRIGGER IF EXISTS kept ON ledger_head",
    "CREATE TRIGGER kept BEFORE DELETE ON ledger_head FOR EACH ROW EXECUTE FUNCTION consentmgr_refuse_change()",
    "DROP TRIGGER IF EXISTS not_truncated ON ledger_entry",
    "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_refuse_change()",
    "REVOKE UPDATE, DELETE, TRUNCATE ON ledger_entry FROM PUBLIC, CURRENT_USER",
    "DROP TRIGGER IF EXISTS not_truncated ON audit_event",
    "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_refuse_change()",
    "REVOKE UPDATE, DELETE, TRUNCATE ON audit_event FROM PUBLIC, CURRENT_USER",
    "DROP TRIGGER IF EXISTS not_truncated ON erased_key",
    "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON erased_key FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_refuse_change()",
    "REVOKE UPDATE, DELETE, TRUNCATE ON erased_key FROM PUBLIC, CURRENT_USER",
    "DROP TRIGGER IF EXISTS not_truncated ON prohibition",
    "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON prohibition FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_refuse_change()",
    "REVOKE UPDATE, DELETE, TRUNCATE ON prohibition FROM PUBLIC, CURRENT_USER",
    "DROP TRIGGER IF EXISTS not_truncated ON notice",
    "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON notice FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_refuse_change()",
    "REVOKE UPDATE, DELETE, TRUNCATE ON notice FROM PUBLIC, CURRENT_USER",
    "DROP TRIGGER IF EXISTS not_truncated ON ledger_head",
    "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON ledger_head FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_refuse_change()",
    "REVOKE UPDATE, DELETE, TRUNCATE ON ledger_head FROM PUBLIC, CURRENT_USER",
    "DROP TRIGGER IF EXISTS not_truncated ON ledger_evidence",
    "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON ledger_evidence FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_refuse_change()",
    "REVOKE UPDATE, DELETE, TRUNCATE ON ledger_evidence FROM PUBLIC, CURRENT_USER",
    "GRANT UPDATE (seq, hash) ON ledger_head TO CURRENT_USER",
    "GRANT UPDATE (lifted_at, lifted_by_entry, document, evidence, changed_xid) ON prohibition TO CURRENT_USER",
    "GRANT UPDATE (supersedes) ON notice TO CURRENT_USER",
    "GRANT DELETE ON ledger_evidence TO CURRENT_USER",
    "DROP TRIGGER IF EXISTS frozen ON ledger_evidence",
    "CREATE TRIGGER frozen BEFORE UPDATE ON ledger_evidence FOR EACH ROW EXECUTE FUNCTION consentmgr_refuse_change()",
    "DROP TRIGGER IF EXISTS guarded ON prohibition",
    "CREATE TRIGGER guarded BEFORE UPDATE ON prohibition FOR EACH ROW EXECUTE FUNCTION consentmgr_guard_prohibition()",
    "DROP TRIGGER IF EXISTS guarded ON ledger_head",
    "CREATE TRIGGER guarded BEFORE UPDATE ON ledger_head FOR EACH ROW EXECUTE FUNCTION consentmgr_guard_head()",
    "DROP TRIGGER IF EXISTS guarded ON notice",
    "CREATE TRIGGER guarded BEFORE UPDATE ON notice FOR EACH ROW EXECUTE FUNCTION consentmgr_guard_notice()",
    "DROP TRIGGER IF EXISTS guarded ON ledger_evidence",
    """
CREATE TRIGGER guarded AFTER DELETE ON ledger_evidence REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_guard_evidence()
""",
    """
INSERT INTO ledger_head (chain, seq, hash)
  SELECT chain, 0, decode(repeat('00', 32), 'hex') FROM generate_series(0, 15) AS chain
  ON CONFLICT DO NOTHING
""",
)


def upgrade() -> None:
    op.create_table(
        "address_key_in_use",
        sa.Column("key_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("since", TIMESTAMPTZ, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_address_key_in_use")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", TIMESTAMPTZ, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("detail", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_table(
        "campaign",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column("recorded_at", TIMESTAMPTZ, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_campaign")),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("controllers", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=True),
        sa.Column("name_key", UUID, nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("municipality", sa.Text(), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("deceased_on", sa.Date(), nullable=True),
        sa.Column("non_disclosure", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("restricted_since", sa.Date(), nullable=True),
        sa.Column("last_interaction_on", sa.Date(), nullable=True),
        sa.Column("register_update_ban", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("erased_at", TIMESTAMPTZ, nullable=True),
        sa.Column("merged_into", sa.BigInteger(), nullable=True),
        sa.Column("changed_xid", XID8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["contact.id"], name=op.f("fk_contact_merged_into_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("ref", name=op.f("uq_contact_ref")),
    )
    op.create_index("ix_contact_changed", "contact", ["changed_xid"], unique=False)
    op.create_table(
        "controller",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("business_id", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_controller")),
    )
    op.create_index(
        "ix_controller_one_default", "controller", ["is_default"], unique=True, postgresql_where=sa.text("is_default")
    )
    op.create_table(
        "erased_key",
        sa.Column("address_key", UUID, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("hashed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("erased_at", TIMESTAMPTZ, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.Column("changed_xid", XID8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.PrimaryKeyConstraint("address_key", "contact_id", "hashed", name=op.f("pk_erased_key")),
    )
    op.create_index("ix_erased_key_changed", "erased_key", ["changed_xid"], unique=False)
    op.create_table(
        "external_list",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_external_list")),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("options", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", TIMESTAMPTZ, nullable=False),
        sa.Column("finished_at", TIMESTAMPTZ, nullable=True),
        sa.Column("next_line", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("counts", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    op.create_index("ix_import_batch_sha256", "import_batch", ["sha256"], unique=False)
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chain", sa.SmallInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMPTZ, nullable=False),
        sa.Column("recorded_at", TIMESTAMPTZ, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("given_by", sa.Text(), server_default=sa.text("'self'"), nullable=False),
        sa.Column("order_known", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("channels", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("purposes", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("topics", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("audiences", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.Column("prohibition", sa.Text(), nullable=True),
        sa.Column("double_opt_in", sa.Text(), nullable=True),
        sa.Column("pre_ticked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("condition_of_service", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("freely_joined", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("express_request", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_proof", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("detail", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("digest", UUID, nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "id = seq * 16 + chain and chain between 0 and 15 and seq > 0", name=op.f("ck_ledger_entry_place")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("digest", name=op.f("uq_ledger_entry_digest")),
    )
    op.create_index(
        "ix_ledger_entry_contact",
        "ledger_entry",
        ["contact_id"],
        unique=False,
        postgresql_where=sa.text("contact_id is not null"),
    )
    op.create_table(
        "ledger_evidence",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("data", postgresql.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_ledger_evidence")),
    )
    op.create_table(
        "ledger_head",
        sa.Column("chain", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "notice",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("controllers", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("channels", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("purposes", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("topics", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("audiences", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("supersedes", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", "version", "language", name=op.f("pk_notice")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("business_id", sa.Text(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), server_default=sa.text("'FI'"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("form", sa.Text(), server_default=sa.text("'unknown'"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("employees", sa.Integer(), nullable=True),
        sa.Column("domains", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("changed_xid", XID8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("identity", name=op.f("uq_organisation_identity")),
    )
    op.create_index("ix_organisation_changed", "organisation", ["changed_xid"], unique=False)
    op.create_index("ix_organisation_domains", "organisation", ["domains"], unique=False, postgresql_using="gin")
    op.create_table(
        "policy_setting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", JSONB, nullable=True),
        sa.Column("set_at", TIMESTAMPTZ, nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_setting")),
    )
    op.create_index("ix_policy_setting_name", "policy_setting", ["name", "id"], unique=False)
    op.create_table(
        "prohibition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("address_key", UUID, nullable=True),
        sa.Column("contact_ref", sa.Text(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("channels", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("purposes", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("topics", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("controllers", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("evidence", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("document", JSONB, nullable=True),
        sa.Column("digest", UUID, nullable=False),
        sa.Column("recorded_at", TIMESTAMPTZ, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", TIMESTAMPTZ, nullable=True),
        sa.Column("lifted_by_entry", sa.BigInteger(), nullable=True),
        sa.Column("changed_xid", XID8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(address_key, contact_ref, organisation, domain) = 1", name=op.f("ck_prohibition_one_target")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prohibition")),
        sa.UniqueConstraint("digest", name=op.f("uq_prohibition_digest")),
    )
    op.create_index(
        "ix_prohibition_address_key",
        "prohibition",
        ["address_key"],
        unique=False,
        postgresql_where=sa.text("address_key is not null"),
    )
    op.create_index("ix_prohibition_changed", "prohibition", ["changed_xid"], unique=False)
    op.create_index(
        "ix_prohibition_contact_ref",
        "prohibition",
        ["contact_ref"],
        unique=False,
        postgresql_where=sa.text("contact_ref is not null"),
    )
    op.create_index(
        "ix_prohibition_domain", "prohibition", ["domain"], unique=False, postgresql_where=sa.text("domain is not null")
    )
    op.create_index(
        "ix_prohibition_organisation",
        "prohibition",
        ["organisation"],
        unique=False,
        postgresql_where=sa.text("organisation is not null"),
    )
    op.create_table(
        "screening",
        sa.Column("id", UUID, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("screened_at", TIMESTAMPTZ, nullable=False),
        sa.Column("valid_until", TIMESTAMPTZ, nullable=False),
        sa.Column("register_position", sa.Text(), nullable=False),
        sa.Column("counts", JSONB, nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening")),
    )
    op.create_table(
        "standing",
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", TIMESTAMPTZ, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "contact_id", "matter", "controller", "channel", "purpose", "topic", name=op.f("pk_standing")
        ),
    )
    op.create_table(
        "contact_point",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("organisation_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("postal", JSONB, nullable=True),
        sa.Column("address_key", UUID, nullable=False),
        sa.Column("sha256_key", UUID, nullable=True),
        sa.Column("sha256_digits_key", UUID, nullable=True),
        sa.Column("key_id", sa.SmallInteger(), nullable=False),
        sa.Column("canonical_version", sa.SmallInteger(), nullable=False),
        sa.Column("use", sa.Text(), server_default=sa.text("'unknown'"), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("acquired_on", sa.Date(), nullable=True),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("informed_on", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'ok'"), nullable=False),
        sa.Column("soft_bounces", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("published_by_organisation", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "contact_id is not null or organisation_id is not null", name=op.f("ck_contact_point_has_owner")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_contact_point_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_contact_point_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
        sa.UniqueConstraint("contact_id", "kind", "address_key", name="uq_contact_point_contact_kind_key"),
    )
    op.create_index("ix_contact_point_address_key", "contact_point", ["address_key"], unique=False)
    op.create_index("ix_contact_point_contact", "contact_point", ["contact_id", "kind"], unique=False)
    op.create_index(
        "ix_contact_point_organisation",
        "contact_point",
        ["organisation_id"],
        unique=False,
        postgresql_where=sa.text("organisation_id is not null"),
    )
    op.create_index(
        "ix_contact_point_sha256_digits_key",
        "contact_point",
        ["sha256_digits_key"],
        unique=False,
        postgresql_where=sa.text("sha256_digits_key is not null"),
    )
    op.create_index(
        "ix_contact_point_sha256_key",
        "contact_point",
        ["sha256_key"],
        unique=False,
        postgresql_where=sa.text("sha256_key is not null"),
    )
    op.create_table(
        "customer_relation",
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("product_group", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("last_purchase_on", sa.Date(), nullable=True),
        sa.Column("address_from_sale", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("opt_out_offered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_customer_relation_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["controller"], ["controller.key"], name=op.f("fk_customer_relation_controller_controller")
        ),
        sa.PrimaryKeyConstraint(
            "contact_id", "controller", "product_group", "relation", name=op.f("pk_customer_relation")
        ),
    )
    op.create_table(
        "legal_basis_tag",
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_legal_basis_tag_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["controller"], ["controller.key"], name=op.f("fk_legal_basis_tag_controller_controller")
        ),
        sa.PrimaryKeyConstraint("contact_id", "controller", "purpose", "basis", name=op.f("pk_legal_basis_tag")),
    )
    op.create_table(
        "message_sent",
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("at", TIMESTAMPTZ, nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("campaign", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_message_sent_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", "at", "controller", "channel", "campaign", name=op.f("pk_message_sent")),
    )
    op.create_table(
        "organisation_customer",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("product_group", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("last_purchase_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["controller"], ["controller.key"], name=op.f("fk_organisation_customer_controller_controller")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_organisation_customer_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "organisation_id", "controller", "product_group", name=op.f("pk_organisation_customer")
        ),
    )
    op.create_table(
        "processing_purpose",
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("names", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("data_categories", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("recipients", TEXTS, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("retention_months", sa.Integer(), nullable=True),
        sa.Column("balancing_test", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["controller"], ["controller.key"], name=op.f("fk_processing_purpose_controller_controller")
        ),
        sa.PrimaryKeyConstraint("controller", "key", name=op.f("pk_processing_purpose")),
    )
    op.create_table(
        "role",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_role_contact_id_contact"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_role_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role")),
    )
    op.create_index(op.f("ix_role_contact_id"), "role", ["contact_id"], unique=False)
    op.create_index(op.f("ix_role_organisation_id"), "role", ["organisation_id"], unique=False)
    op.create_table(
        "topic",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("names", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("public", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["controller"], ["controller.key"], name=op.f("fk_topic_controller_controller")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_topic")),
    )
    op.create_table(
        "role_area",
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name=op.f("fk_role_area_role_id_role"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id", "area", name=op.f("pk_role_area")),
    )
    for statement in GUARDS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    raise NotImplementedError("the first schema is not undone: dropping a register is not a migration")

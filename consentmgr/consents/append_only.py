"""What keeps the ledger, the prohibitions and the proof from being changed.

Three fences, each of its own kind: privileges taken from everybody, the tables' owner included; triggers, which stop
even a superuser's statement; and a guard in the ORM, which refuses before a statement is made. An owner can take
triggers away and give privileges back; that is what the hash chain and the signed heads are for, and why a large
installation runs the product as another role (``least_privilege``).

``CREATE_STATEMENTS`` are for a migration. They name no schema: they make their functions in the schema the session
works in, and each function finds its tables by the schema of the table its trigger is on, so that neither another
search path nor a temporary table of the same name leads it astray.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session

from consentmgr.audit.models import AuditEvent
from consentmgr.consents.models import LedgerEntry, LedgerEvidence
from consentmgr.kit.errors import ConsentmgrError
from consentmgr.register.models import Notice

#: Tables whose rows are never changed nor removed.
FROZEN_TABLES = ("ledger_entry", "audit_event", "erased_key")
#: Tables whose rows are never removed.
KEPT_TABLES = ("prohibition", "notice", "ledger_head")

_REFUSE = """
CREATE OR REPLACE FUNCTION consentmgr_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: what is recorded stays as it is', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$
"""

# A ban is only ever lifted, once, by an act that is in the ledger; erasure takes the words, never the ban.
_PROHIBITION_UPDATE = """
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
"""

#: Whether an erasure accounts for the evidence of entry ``e`` being gone: of its contact, or of the address or
#: person that the prohibition it records protects. ``%1$I.`` stands for the schema.
ERASURE_OF_ENTRY = """
    EXISTS (SELECT FROM %1$I.ledger_entry x WHERE x.contact_id = e.contact_id AND x.event = 'erased')
    OR (e.event IN ('prohibition_added', 'prohibition_lifted') AND EXISTS (
        SELECT FROM %1$I.prohibition p WHERE p.id = e.prohibition::bigint AND (
          EXISTS (SELECT FROM %1$I.erased_key k WHERE k.address_key = p.address_key)
          OR EXISTS (SELECT FROM %1$I.contact c WHERE c.ref = p.contact_ref AND c.erased_at IS NOT NULL))))
"""

_EVIDENCE_DELETE = """
CREATE OR REPLACE FUNCTION consentmgr_guard_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  unexplained bigint;
BEGIN
  EXECUTE format($sql$
    SELECT min(e.id) FROM gone g JOIN %1$I.ledger_entry e ON e.id = g.entry_id WHERE NOT (ERASURE_OF_ENTRY)
  $sql$, TG_TABLE_SCHEMA) INTO unexplained;
  IF unexplained IS NOT NULL THEN
    RAISE EXCEPTION 'evidence of entry % is not deleted: the ledger has no erasure of that person', unexplained
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$
""".replace("ERASURE_OF_ENTRY", ERASURE_OF_ENTRY)

_HEAD_UPDATE = """
CREATE OR REPLACE FUNCTION consentmgr_guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.chain <> OLD.chain OR NEW.seq <= OLD.seq THEN
    RAISE EXCEPTION 'the head of a chain only moves forward' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""

_NOTICE_UPDATE = """
CREATE OR REPLACE FUNCTION consentmgr_guard_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(NEW) - 'supersedes' IS DISTINCT FROM to_jsonb(OLD) - 'supersedes' THEN
    RAISE EXCEPTION 'a notice is what people were shown: other words are a new version'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$
"""


_EVIDENCE_TRIGGER = """
CREATE TRIGGER guarded AFTER DELETE ON ledger_evidence REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION consentmgr_guard_evidence()
"""

_EMPTY_CHAINS = """
INSERT INTO ledger_head (chain, seq, hash)
  SELECT chain, 0, decode(repeat('00', 32), 'hex') FROM generate_series(0, 15) AS chain
  ON CONFLICT DO NOTHING
"""


# What the triggers then look at: chains move on, bans are lifted and their words erased, evidence is erased.
_STILL_ALLOWED = (
    "UPDATE (seq, hash) ON ledger_head",
    "UPDATE (lifted_at, lifted_by_entry, document, evidence, changed_xid) ON prohibition",
    "UPDATE (supersedes) ON notice",
    "DELETE ON ledger_evidence",
)


def _trigger(table: str, name: str, timing: str, function: str, *, each: str) -> tuple[str, str]:
    return (
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
        f"CREATE TRIGGER {name} {timing} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()",
    )


def _statements() -> tuple[str, ...]:
    refuse = "consentmgr_refuse_change"
    found: list[str] = [_REFUSE, _PROHIBITION_UPDATE, _EVIDENCE_DELETE, _HEAD_UPDATE, _NOTICE_UPDATE]
    for table in FROZEN_TABLES:
        found += _trigger(table, "frozen", "BEFORE UPDATE OR DELETE", refuse, each="ROW")
    for table in KEPT_TABLES:
        found += _trigger(table, "kept", "BEFORE DELETE", refuse, each="ROW")
    for table in (*FROZEN_TABLES, *KEPT_TABLES, "ledger_evidence"):
        found += _trigger(table, "not_truncated", "BEFORE TRUNCATE", refuse, each="STATEMENT")
        # From the owner too, who is whom the product runs as in a small installation.
        found.append(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER")
    found += (f"GRANT {what} TO CURRENT_USER" for what in _STILL_ALLOWED)
    found += _trigger("ledger_evidence", "frozen", "BEFORE UPDATE", refuse, each="ROW")
    found += _trigger("prohibition", "guarded", "BEFORE UPDATE", "consentmgr_guard_prohibition", each="ROW")
    found += _trigger("ledger_head", "guarded", "BEFORE UPDATE", "consentmgr_guard_head", each="ROW")
    found += _trigger("notice", "guarded", "BEFORE UPDATE", "consentmgr_guard_notice", each="ROW")
    found += (
        "DROP TRIGGER IF EXISTS guarded ON ledger_evidence",
        _EVIDENCE_TRIGGER,
        _EMPTY_CHAINS,
    )
    return tuple(found)


#: Functions, triggers, revoked privileges and the sixteen empty chains; safe to run again.
CREATE_STATEMENTS: tuple[str, ...] = _statements()


def least_privilege(role: str) -> tuple[str, ...]:
    """Grants for a role that the product runs as where another role owns the tables (docs/decisions/0005).

    Such a role cannot take the triggers away, as an owner could. ``role`` is an SQL identifier. The statements are
    for the owner, in the schema of the tables, after every migration; the product never runs them itself.
    """
    guarded = ", ".join((*FROZEN_TABLES, *KEPT_TABLES, "ledger_evidence"))
    return (
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE ON {guarded} FROM {role}",
        *(f"GRANT {what} TO {role}" for what in _STILL_ALLOWED),
    )


class ChangeRefused(ConsentmgrError):
    """Code tried to change or remove what is only ever appended."""

    problem = "change-refused"


_REFUSED: tuple[type, ...] = (LedgerEntry, LedgerEvidence, AuditEvent, Notice)


@event.listens_for(Session, "before_flush")
def _refuse_flush(session: Session, _context: Any, _instances: Any) -> None:
    changed = [thing for thing in session.dirty if session.is_modified(thing)]
    for thing in (*changed, *session.deleted):
        if isinstance(thing, _REFUSED):
            raise ChangeRefused(f"{type(thing).__name__} rows are appended and never changed")


@event.listens_for(Session, "do_orm_execute")
def _refuse_statement(state: ORMExecuteState) -> None:
    if not (state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    refused = state.bind_mapper.class_
    if issubclass(refused, _REFUSED):
        raise ChangeRefused(f"{refused.__name__} rows are appended and never changed")

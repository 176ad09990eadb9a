"""A register to import into and look at, and documents to put in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import text

from consentmgr.db import Database
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.changes import Changes
from consentmgr.importing.documents import FileDocument, decode
from consentmgr.importing.export import exported_lines
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import AddressKeys

NOW = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
ACME: dict[str, Any] = {"type": "controller", "key": "acme", "name": "Acme Oy", "default": True}

#: What of a register an import may change; ``changed_xid`` too, because nothing may be told as changed that is not.
TABLES = (
    "controller", "topic", "notice", "processing_purpose", "organisation", "organisation_customer", "contact",
    "contact_point", "role", "role_area", "customer_relation", "message_sent", "legal_basis_tag", "external_list",
    "campaign", "ledger_entry", "ledger_evidence", "standing", "prohibition", "erased_key",
)  # fmt: skip


class Register:
    """A register of a test."""

    def __init__(self, database: Database, keys: AddressKeys) -> None:
        self.database = database
        self.keys = keys
        self.now = NOW

    @contextmanager
    def beside(self) -> Iterator[Register]:
        """Another register, empty."""
        with self.database.scratch_schema() as scratch:
            yield Register(scratch, self.keys)

    def take(self, *documents: dict[str, Any] | FileDocument, now: datetime | None = None) -> Changes:
        """Apply documents in one transaction. Every one must be readable; rejections are in the answer."""
        with self.database.transaction() as session:
            return apply_documents(session, read(*documents), keys=self.keys, actor="test", now=now or self.now)

    def take_well(self, *documents: dict[str, Any] | FileDocument, now: datetime | None = None) -> Changes:
        """Apply documents of which none may be rejected."""
        changes = self.take(*documents, now=now)
        assert not changes.rejected, changes.rejected
        return changes

    def refusal(self, *documents: dict[str, Any]) -> Rejection:
        """Why the last of these documents is rejected; it must be the only one."""
        changes = self.take(*documents)
        assert list(changes.rejected) == [len(documents) - 1], changes
        return changes.rejected[len(documents) - 1]

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), parameters)]

    def one(self, query: str, **parameters: Any) -> Any:
        """The single value of a single row."""
        ((value,),) = self.rows(query, **parameters)
        return value

    def contact(self, ref: str = "crm:1") -> dict[str, Any]:
        with self.database.connect() as connection:
            found = connection.execute(text("SELECT * FROM contact WHERE ref = :ref"), {"ref": ref}).mappings().one()
            return dict(found)

    def checksum(self) -> dict[str, str]:
        """A digest of every table, down to the transaction that last touched each row."""
        return {
            table: self.one(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t")
            for table in TABLES
        }

    def export(self) -> list[bytes]:
        with self.database.reading() as session:
            return list(exported_lines(session, key_id=self.keys.key_id))

    def exported(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.export()]


def read(*documents: dict[str, Any] | FileDocument) -> Sequence[FileDocument]:
    found: list[FileDocument] = []
    for document in documents:
        if isinstance(document, dict):
            decoded = decode(msgspec.json.encode(document))
            assert decoded is not None
            assert not isinstance(decoded, Rejection), decoded
            found.append(decoded)
        else:
            found.append(document)
    return found


def contact(ref: str = "crm:1", **fields: Any) -> dict[str, Any]:
    return {"type": "contact", "ref": ref, **fields}


def email(value: str = "aino@posti.example", **fields: Any) -> dict[str, Any]:
    return {"channel": "email", "value": value, **fields}


def event(kind: str, at: str = "2026-05-01T10:00:00+03:00", **fields: Any) -> dict[str, Any]:
    return {"event": kind, "at": at, "controller": "acme", "method": "web_form", **fields}

"""Lists without columns: one address, number, business id or SHA-256 digest a line."""

from __future__ import annotations

from consentmgr.importing.table_readers.prohibitions import ProhibitionReader
from consentmgr.importing.table_readers.reader import Draft, TableOptions
from consentmgr.importing.table_readers.row import Row, Unusable
from consentmgr.importing.tables import TableDocuments
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_email
from consentmgr.kit.canonical.phones import canonical_phone
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Table
from consentmgr.register.business_ids import canonical_business_id
from consentmgr.vocabulary.columns import address_kind


class _PlainReader(ProhibitionReader):
    """One address, number or business id a line; which of them, each line tells by itself."""

    def read(self, row: Row) -> Draft:
        field, text = next(iter(row.cells.items()))
        if row.canonical.get(field) is not None:
            return super().read(row)
        kind = "email" if "@" in text else address_kind(text) or "phone"
        if kind == "business_id" and canonical_business_id(text) is not None:
            return super().read(Row({"business_id": text}, {}))
        canonical = {"email": canonical_email(text), "phone": canonical_phone(text)}
        if kind in canonical and canonical[kind] is not None:
            return super().read(Row({kind: text}, {kind: canonical[kind]}))
        raise Unusable("is no e-mail address, telephone number or business id that can be matched")


def plain_list(table: Table, options: TableOptions, keys: AddressKeys) -> TableDocuments:
    kind = address_kind(table.columns[0]) if not table.header else None
    field = "phone" if kind == "phone" else "email"
    return TableDocuments(table, "prohibitions", {field: 0}, options, keys, reader=_PlainReader)


def sha256_list(table: Table, options: TableOptions, keys: AddressKeys) -> TableDocuments:
    mapped = [field for field in ("email_sha256", "phone_sha256") if field in options.mapping]
    if len(mapped) != 1:
        raise BadInput(
            "SHA-256 digests of what? Say it with --map email_sha256=1 or --map phone_sha256=1", file=table.name
        )
    return TableDocuments(table, "prohibitions", {mapped[0]: 0}, options, keys)

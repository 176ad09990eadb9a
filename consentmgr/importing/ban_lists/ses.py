"""Amazon SES: the account's suppression list."""

from __future__ import annotations

from consentmgr.importing.ban_lists.foreign_list import (
    AddressState,
    Bans,
    ForeignList,
    Found,
    address_in,
    day_of,
    source_of,
)
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_readers.reader import TableOptions
from consentmgr.kit.tabular import Table


def ses_list(table: Table, options: TableOptions) -> ForeignList:
    bans = Bans(options, source_of(options, table.name, "complaint"), "Amazon SES suppression list")

    def convert(row: dict[str, str]) -> Found:
        if not table.header:
            row = {"emailaddress": row.get("1", ""), "reason": row.get("2", "")}
        email = address_in(row, "emailaddress", "email")
        if isinstance(email, Rejection):
            return email
        reason = (row.get("reason") or row.get("suppressionreason") or "").upper()
        if reason == "BOUNCE":
            return AddressState(email, "hard_bounce")
        if reason == "COMPLAINT":
            return bans.ban(email, day_of(row.get("lastupdatetime") or row.get("lastupdated")))
        return Rejection("is neither BOUNCE nor COMPLAINT", "reason")

    return ForeignList(table, "ses", convert)

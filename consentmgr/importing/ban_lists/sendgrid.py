"""SendGrid: lists of bounces, blocks, invalid addresses, spam reports, and of who unsubscribed."""

from __future__ import annotations

from consentmgr.importing.ban_lists.foreign_list import (
    AddressState,
    BanFormat,
    Bans,
    ForeignList,
    Found,
    State,
    address_in,
    day_of,
    source_of,
)
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_readers.reader import TableOptions
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Table
from consentmgr.vocabulary.codes import ProhibitionSource
from consentmgr.vocabulary.columns import folded

_STATES: dict[str, State] = {"sendgrid-bounces": "hard_bounce", "sendgrid-invalid-emails": "invalid"}


_FILE_WORDS: tuple[tuple[str, BanFormat], ...] = (
    ("bounce", "sendgrid-bounces"),
    ("block", "sendgrid-blocks"),
    ("invalid", "sendgrid-invalid-emails"),
    ("spam", "sendgrid-spam-reports"),
    ("group", "sendgrid-groups"),
    ("unsub", "sendgrid-unsubscribes"),
)


def sendgrid_kind(names: set[str], file: str) -> BanFormat:
    """By what its rows hold; bounces and blocks look alike, so the file's name has to tell them apart."""
    word = folded(file)
    for mark, kind in _FILE_WORDS:
        if mark in word:
            return kind
    if names & {"groupid", "groupname"}:
        return "sendgrid-groups"
    if "status" in names:
        raise BadInput(
            "this is SendGrid's list of bounces or of blocks: say which with --format sendgrid-bounces or "
            "--format sendgrid-blocks",
            file=file,
        )
    if "reason" in names:
        return "sendgrid-invalid-emails"
    return "sendgrid-spam-reports" if "ip" in names else "sendgrid-unsubscribes"


def sendgrid_list(table: Table, kind: BanFormat, options: TableOptions) -> ForeignList:
    usual: ProhibitionSource = "complaint" if kind == "sendgrid-spam-reports" else "self"
    bans = Bans(options, source_of(options, table.name, usual), f"SendGrid {kind.removeprefix('sendgrid-')}")

    def convert(row: dict[str, str]) -> Found:
        email = address_in(row, "email", "emailaddress")
        if isinstance(email, Rejection):
            return email
        since = day_of(row.get("created") or row.get("createdat"))
        if kind == "sendgrid-blocks":
            return "blocks, which pass"
        if kind == "sendgrid-bounces" and row.get("status", "").startswith("4"):
            return "soft bounces, which pass"
        if (state := _STATES.get(kind)) is not None:
            return AddressState(email, state)
        group = row.get("groupname") or row.get("groupid")
        return bans.ban(email, since, reference=f"SendGrid group {group}" if group else None)

    return ForeignList(table, kind, convert)

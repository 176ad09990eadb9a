"""Mailchimp: the export of an audience, as a folder, as its zip, or one file of it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

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
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Limits, Table, read_table
from consentmgr.kit.tabular.table import read_bytes
from consentmgr.vocabulary.codes import ProhibitionSource
from consentmgr.vocabulary.columns import folded

_KINDS = ("unsubscribed", "cleaned", "subscribed")


def mailchimp_kind(path: str) -> str | None:
    """``unsubscribed``, ``cleaned`` or ``subscribed``, by the name Mailchimp gives the file; None for other files."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
    if not name.endswith(".csv"):
        return None
    return next((kind for kind in _KINDS if name.startswith(kind)), None)


def _kind_by_columns(table: Table) -> str:
    names = {folded(column) for column in table.columns}
    return "unsubscribed" if "unsubtime" in names else "cleaned" if "cleantime" in names else "subscribed"


def mailchimp_folder(folder: Path, options: TableOptions, limits: Limits) -> list[ForeignList]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and mailchimp_kind(path.name))
    parts = {path.relative_to(folder).as_posix(): read_bytes(path, None, limits)[0] for path in paths}
    return mailchimp_parts(parts, folder.name, options, limits)


def mailchimp_parts(parts: Mapping[str, bytes], file: str, options: TableOptions, limits: Limits) -> list[ForeignList]:
    lists: list[ForeignList] = []
    for path, data in sorted(parts.items()):
        kind = mailchimp_kind(path)
        # Mailchimp writes a file without a byte where a list has nobody of that kind.
        if kind is None or not data.strip():
            continue
        table = read_table(io.BytesIO(data), name=path, limits=limits, keep_going=True)
        lists.append(mailchimp_list(table, kind, options))
    if not lists:
        raise BadInput(
            "there is no file of a Mailchimp export here (unsubscribed_….csv, cleaned_….csv, subscribed_….csv)",
            file=file,
        )
    return lists


def mailchimp_list(table: Table, kind: str, options: TableOptions) -> ForeignList:
    names = {folded(column) for column in table.columns}
    if not names & {"emailaddress", "email", "sahkoposti"}:
        raise BadInput("the file has no column Email Address, so it is no Mailchimp export", file=table.name, line=1)
    bans = Bans(options, source_of(options, table.name, "self"), f"Mailchimp {table.name.rsplit('/', 1)[-1]}")

    def convert(row: dict[str, str]) -> Found:
        if kind == "subscribed":
            return "subscribed members, who are no bans"
        email = address_in(row, "emailaddress", "email", "sahkoposti")
        if isinstance(email, Rejection):
            return email
        if kind == "cleaned":
            return AddressState(email, "hard_bounce")
        reason = row.get("unsubreason")
        return bans.ban(
            email,
            day_of(row.get("unsubtime")),
            source=_source_of_reason(reason or "") if options.source is None else None,
            evidence={
                "unsubscribed_at": row.get("unsubtime"),
                "reason": reason,
                "campaign": row.get("unsubcampaigntitle"),
            },
        )

    return ForeignList(table, "mailchimp", convert)


def _source_of_reason(reason: str) -> ProhibitionSource:
    word = folded(reason)
    if "spam" in word or "abuse" in word:
        return "complaint"
    return "staff" if "admin" in word else "self"

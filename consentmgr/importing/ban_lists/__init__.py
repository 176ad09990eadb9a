"""Ban lists as they come from elsewhere, as prohibitions.

What is read, and what becomes of it (formats: law.md section 6 and the makers' own documentation):

=================  ===================================================================================================
mailchimp          the export as a folder, as its zip, or one CSV of it: ``unsubscribed`` members are bans of their
                   own (``self``; ``complaint`` where the reason is spam, ``staff`` where an administrator did it);
                   ``cleaned`` addresses bounced for good, which is no ban but a state of the address; ``subscribed``
                   are no bans and are left out
ses                the account's suppression list: CSV ``address,BOUNCE|COMPLAINT``, JSON Lines, or the answer of
                   ListSuppressedDestinations; a complaint is a ban, a bounce a state
sendgrid-…         ``bounces`` ``blocks`` ``invalid-emails`` (states; blocks and soft bounces pass and are left out),
                   ``spam-reports`` (complaints), ``unsubscribes`` ``groups`` (bans of their own); CSV or JSON
plain              one e-mail address, telephone number or business id a line
sha256, md5, sha1  one digest a line, of e-mail addresses or telephone numbers (``--map phone_sha256=1``)
table              any table with a header, such as a Robinson list of telephone numbers or postal addresses
=================  ===================================================================================================

A ban out of an e-mail system is for e-mail, and for direct marketing, which holds newsletters and audiences as well; a
plain list says no scope, so it bans everything unless options say less. A ban whose date cannot be read is kept
without one, because a ban must not get lost over its date.

MD5 and SHA-1 digests cannot be turned into our keys: they are compared with the addresses the register knows
(``DigestList.prohibitions``), and those that match become bans of the plain address. The rest cannot be kept; such a
list has to be imported again when the register has grown. SHA-256 digests are kept as they are and match later too.
"""

from __future__ import annotations

import hashlib
import io
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from consentmgr.importing.ban_lists.digests import DigestList
from consentmgr.importing.ban_lists.foreign_list import BAN_FORMATS, BanFormat, ForeignList
from consentmgr.importing.ban_lists.mailchimp import (
    _kind_by_columns,
    mailchimp_folder,
    mailchimp_kind,
    mailchimp_list,
    mailchimp_parts,
)
from consentmgr.importing.ban_lists.plain import plain_list, sha256_list
from consentmgr.importing.ban_lists.sendgrid import sendgrid_kind, sendgrid_list
from consentmgr.importing.ban_lists.ses import ses_list
from consentmgr.importing.table_readers.reader import TableOptions
from consentmgr.importing.tables import TableDocuments, documents_of
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import DEFAULT_LIMITS, Limits, Table, archive, read_table
from consentmgr.kit.tabular.encodings import decode_text
from consentmgr.kit.tabular.table import read_bytes
from consentmgr.vocabulary.columns import address_kind, folded

BanList = TableDocuments | ForeignList | DigestList


def read_ban_lists(
    source: Path | BinaryIO,
    options: TableOptions,
    keys: AddressKeys,
    *,
    format_: BanFormat | None = None,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[BanList]:
    """The ban lists in a file, folder or archive: one for most, several for an export of Mailchimp.

    ``format_`` names the format where the file does not tell it. Raises ``BadInput``.
    """
    if format_ is not None and format_ not in BAN_FORMATS:
        raise BadInput(f"--format {format_}: there is no such format; there are {', '.join(BAN_FORMATS)}")
    if isinstance(source, Path) and source.is_dir():
        return [*mailchimp_folder(source, options, limits)]
    data, name = read_bytes(source, name, limits)
    if data.startswith(b"PK\x03\x04"):
        with archive.opened(data, name) as packed:
            if "xl/workbook.xml" not in packed.namelist():
                archive.check_sizes(data, packed, name, limits)
                parts = archive.read_members(packed, [one for one in packed.namelist() if mailchimp_kind(one)], name)
                return [*mailchimp_parts(parts, name, options, limits)]
    start = data[:64].removeprefix(BOM_UTF8).lstrip()
    if start.startswith(b"[") or (start.startswith(b"{") and _is_one_object(data.removeprefix(BOM_UTF8))):
        return [_from_json(data, name, options, format_)]
    table = read_table(
        io.BytesIO(data), name=name, limits=limits, headerless=_is_first_row, sheet=options.sheet, keep_going=True
    )
    return [_from_table(table, options, keys, format_)]


def _is_first_row(fields: Sequence[str]) -> bool:
    """Whether a file's first record is a row already: a bare address or digest, or a line of an SES list."""
    if len(fields) == 1:
        return address_kind(fields[0]) is not None
    return len(fields) == 2 and address_kind(fields[0]) == "email" and fields[1].upper() in ("BOUNCE", "COMPLAINT")


def _from_table(table: Table, options: TableOptions, keys: AddressKeys, format_: BanFormat | None) -> BanList:
    kind = format_ or _format_of(table)
    if kind == "table":
        if not table.header:
            raise BadInput("the file has no header, so it is no table: leave --format away", file=table.name, line=1)
        return documents_of(table, "prohibitions", options, keys)
    if kind == "mailchimp":
        return mailchimp_list(table, mailchimp_kind(table.name) or _kind_by_columns(table), options)
    if kind == "ses":
        return ses_list(table, options)
    if kind.startswith("sendgrid-"):
        return sendgrid_list(table, kind, options)
    if len(table.columns) != 1:
        raise BadInput(f"a {kind} list has one value a line, and this file has columns", file=table.name, line=1)
    if kind in ("md5", "sha1"):
        return DigestList(table, kind, options)
    if kind == "sha256":
        return sha256_list(table, options, keys)
    return plain_list(table, options, keys)


def _format_of(table: Table) -> BanFormat:
    if not table.header:
        if len(table.columns) == 2:
            return "ses"
        return _FORMAT_OF_KIND[address_kind(table.columns[0]) or "email"]
    names = {folded(column) for column in table.columns}
    if len(names) == 1 and (alone := next(iter(names))) in ("md5", "emailmd5", "md5email", "md5hash", "sha1"):
        return "sha1" if alone == "sha1" else "md5"
    if "emailaddress" in names and names & {"unsubtime", "cleantime", "leid", "euid"}:
        return "mailchimp"
    if "emailaddress" in names and names & {"reason", "suppressionreason"}:
        return "ses"
    if {"email", "created"} <= names or {"email", "createdat"} <= names:
        return sendgrid_kind(names, table.name)
    return "table"


_FORMAT_OF_KIND: dict[str, BanFormat] = {
    "email": "plain", "phone": "plain", "business_id": "plain", "md5": "md5", "sha1": "sha1", "sha256": "sha256",
}  # fmt: skip


def _is_one_object(data: bytes) -> bool:
    """Whether a file that begins with ``{`` is one JSON object over several lines, or of a known list's answer."""
    first = data.split(b"\n", 1)[0]
    if b"SuppressedDestinationSummaries" in data or b'"suppressions"' in first:
        return True
    try:
        msgspec.json.decode(first)
    except msgspec.DecodeError:
        return True
    return False


def _from_json(data: bytes, file: str, options: TableOptions, format_: BanFormat | None) -> ForeignList:
    decoded = decode_text(data, file)
    try:
        whole = msgspec.json.decode(decoded.utf8)
    except (msgspec.DecodeError, RecursionError):
        raise BadInput("the file is not JSON: export it again", file=file) from None
    items = whole
    if isinstance(whole, dict):
        items = whole.get("SuppressedDestinationSummaries", whole.get("suppressions"))
    if not isinstance(items, list):
        raise BadInput("the file holds no list of addresses that is known", file=file)
    if not items:
        raise BadInput("the list is empty", file=file)
    rows = [item if isinstance(item, dict) else {"email": item} for item in items]
    lines = b"\n".join(msgspec.json.encode({name: _cell(value) for name, value in row.items()}) for row in rows)
    table = replace(read_table(io.BytesIO(lines), name=file, keep_going=True), sha256=hashlib.sha256(data).hexdigest())
    names = {folded(name) for name in table.columns}
    if format_ is None:
        bare = all(not isinstance(item, dict) for item in items)
        format_ = "ses" if "emailaddress" in names else "sendgrid-groups" if bare else sendgrid_kind(names, file)
    if format_ == "ses":
        return ses_list(table, options)
    if not format_.startswith("sendgrid-"):
        raise BadInput(f"a {format_} list is not JSON", file=file)
    return sendgrid_list(table, format_, options)


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()

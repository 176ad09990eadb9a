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
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import msgspec

from consentmgr.importing import cell_values
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_rows import Draft, KnownRefs, ProhibitionReader, Row, TableOptions, Unusable
from consentmgr.importing.tables import Item, TableDocuments, documents_of
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_email
from consentmgr.kit.canonical.phones import canonical_phone
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import DEFAULT_LIMITS, Limits, Table, archive, read_table
from consentmgr.kit.tabular.encodings import decode_text
from consentmgr.kit.tabular.table import read_bytes
from consentmgr.register.business_ids import canonical_business_id
from consentmgr.vocabulary.codes import PROHIBITION_SOURCES, ProhibitionSource
from consentmgr.vocabulary.columns import address_kind, folded
from consentmgr.vocabulary.documents import Contact, Point, Prohibition, ProhibitionTarget

BanFormat = Literal[
    "mailchimp",
    "ses",
    "sendgrid-bounces",
    "sendgrid-blocks",
    "sendgrid-invalid-emails",
    "sendgrid-spam-reports",
    "sendgrid-unsubscribes",
    "sendgrid-groups",
    "plain",
    "sha256",
    "md5",
    "sha1",
    "table",
]
BAN_FORMATS: tuple[BanFormat, ...] = get_args(BanFormat)
State = Literal["hard_bounce", "invalid"]

_BATCH = 4_096
_MAILCHIMP_KINDS = ("unsubscribed", "cleaned", "subscribed")
_SENDGRID_STATES: dict[str, State] = {"sendgrid-bounces": "hard_bounce", "sendgrid-invalid-emails": "invalid"}
_DIGEST_DIGITS = {"md5": 32, "sha1": 40}


@dataclass(frozen=True, slots=True, repr=False)
class AddressState:
    """An e-mail address that cannot be reached, as a sender's system found: no ban, and nobody's wish."""

    email: str
    state: State


class ForeignList:
    """One ban list of a known system: iterate for ``(line, Prohibition | Rejection)``, each time anew.

    ``states()`` gives the addresses that bounce; ``left_out`` counts, once it was iterated, rows that mean neither
    (by a word for the reader of the preview). ``line`` is the line of a text file or the number of a JSON item.
    """

    def __init__(self, table: Table, format_: BanFormat, convert: Callable[[dict[str, str]], Found]) -> None:
        self.name = table.name
        self.format = format_
        self.sha256 = table.sha256
        self.header = table.header_text
        self.delimiter = table.delimiter
        self.ignored: tuple[str, ...] = ()
        self.left_out: dict[str, int] = {}
        self._table = table
        self._convert = convert

    def __len__(self) -> int:
        return len(self._table)

    def record(self, line: int) -> str:
        """The text of the row at ``line``."""
        return self._table.record(self._table.row_at(line))

    def __iter__(self) -> Iterator[Item]:
        self.left_out = {}
        for line, found in self._found():
            if isinstance(found, str):
                self.left_out[found] = self.left_out.get(found, 0) + 1
            elif not isinstance(found, AddressState):
                yield line, found

    def states(self) -> Iterator[tuple[int, AddressState]]:
        """Addresses with what is wrong with them, by line."""
        for line, found in self._found():
            if isinstance(found, AddressState):
                yield line, found

    def _found(self) -> Iterator[tuple[int, Found]]:
        # Without a header the first row's cells are no names, so columns go by number.
        table = self._table
        names = [folded(name) if table.header else str(number) for number, name in enumerate(table.columns, start=1)]
        columns = self._table.trimmed(range(len(names)))
        for start in range(0, len(self._table), _BATCH):
            cells = [column.slice(start, _BATCH).to_pylist() for column in columns]
            for offset, values in enumerate(zip(*cells, strict=True)):
                row = start + offset
                fault = self._table.faults.get(row)
                present = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                if fault is None and not present:
                    continue
                found = Rejection(fault) if fault is not None else self._convert(present)
                if isinstance(found, Rejection):
                    found = replace(found, record=self._table.record(row))
                yield self._table.line_of(row), found


#: What a row of a foreign list is: a ban, an address's state, a rejection, or (a word) nothing for us.
Found = Prohibition | AddressState | Rejection | str


class DigestList:
    """A list of MD5 or SHA-1 digests, which only the addresses of the register can tell the meaning of.

    Iterating gives the lines that are no digest, as rejections.
    """

    def __init__(self, table: Table, algorithm: Literal["md5", "sha1"], options: TableOptions) -> None:
        self.name = table.name
        self.format: BanFormat = algorithm
        self.sha256 = table.sha256
        self.header = table.header_text
        self.delimiter = table.delimiter
        self.ignored: tuple[str, ...] = ()
        self._table = table
        self._source = _source(options, table.name)
        self._options = options
        self._lines: dict[str, int] = {}
        self._rejections: list[Item] = []
        digits = re.compile(rf"[0-9a-f]{{{_DIGEST_DIGITS[algorithm]}}}")
        for row, text in enumerate(table.trimmed([0])[0].to_pylist()):
            line = table.line_of(row)
            if text is None:
                continue
            if digits.fullmatch(text.lower()):
                self._lines.setdefault(text.lower(), line)
            else:
                reason = f"is not an {algorithm.upper()} digest of {_DIGEST_DIGITS[algorithm]} hexadecimal digits"
                self._rejections.append((line, Rejection(reason, None, table.record(row))))

    def __len__(self) -> int:
        """Different digests in the list."""
        return len(self._lines)

    def __iter__(self) -> Iterator[Item]:
        yield from self._rejections

    def record(self, line: int) -> str:
        """The text of the row at ``line``."""
        return self._table.record(self._table.row_at(line))

    def prohibitions(
        self, *, emails: Iterable[str] = (), phones: Iterable[str] = ()
    ) -> Iterator[tuple[int, Prohibition]]:
        """Bans of the known addresses (in canonical form) whose digest is listed.

        An e-mail address is digested in lower case, with its domain as written and in ASCII; a telephone number
        with and without its plus, and in its national form.
        """
        for address in emails:
            for line in self._lines_of(_email_forms(address)):
                yield line, self._ban(ProhibitionTarget(email=address))
        for number in phones:
            for line in self._lines_of(_phone_forms(number)):
                yield line, self._ban(ProhibitionTarget(phone=number))

    def _ban(self, target: ProhibitionTarget) -> Prohibition:
        options = self._options
        return Prohibition(
            target=target,
            channels=options.channels,
            purposes=options.purposes,
            topics=options.topics,
            controllers=(options.controller,) if options.controller else (),
            source=self._source,
            reference=options.reference,
        )

    def _lines_of(self, forms: Iterable[str]) -> Iterator[int]:
        for form in forms:
            # These digests are other people's interchange format; nothing here is kept safe by them.
            digest = hashlib.new(self.format, form.encode(), usedforsecurity=False).hexdigest()
            if (line := self._lines.get(digest)) is not None:
                yield line
                return


def _email_forms(address: str) -> list[str]:
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return [address]
    try:
        return [address, f"{local}@{domain.encode('idna').decode()}"]
    except UnicodeError:
        return [address]


def _phone_forms(number: str) -> list[str]:
    forms = [number, number.removeprefix("+")]
    if number.startswith("+358"):
        forms.append("0" + number.removeprefix("+358"))
    return forms


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
        return _mailchimp_folder(source, options, limits)
    data, name = read_bytes(source, name, limits)
    if data.startswith(b"PK\x03\x04"):
        with archive.opened(data, name) as packed:
            if "xl/workbook.xml" not in packed.namelist():
                archive.check_sizes(data, packed, name, limits)
                parts = archive.read_members(packed, [one for one in packed.namelist() if _mailchimp_kind(one)], name)
                return _mailchimp_parts(parts, name, options, limits)
    start = data[:64].removeprefix(BOM_UTF8).lstrip()
    if start.startswith(b"[") or (start.startswith(b"{") and _is_one_object(data.removeprefix(BOM_UTF8))):
        return [_from_json(data, name, options, format_)]
    table = read_table(
        io.BytesIO(data), name=name, limits=limits, headerless=_is_first_row, sheet=options.sheet, keep_going=True
    )
    return [_from_table(table, options, keys, format_)]


def state_documents(
    states: Iterable[tuple[int, AddressState]], refs_of: KnownRefs, keys: AddressKeys
) -> Iterator[tuple[int, Contact]]:
    """The states as documents, one for each contact of the register that has the address; strangers give none."""
    batch: list[tuple[int, AddressState, str]] = []
    for line, state in states:
        canonical = canonical_email(state.email)
        if canonical is not None:
            batch.append((line, state, canonical))
        if len(batch) == _BATCH:
            yield from _states_of_batch(batch, refs_of, keys)
            batch = []
    yield from _states_of_batch(batch, refs_of, keys)


def _states_of_batch(
    batch: Sequence[tuple[int, AddressState, str]], refs_of: KnownRefs, keys: AddressKeys
) -> Iterator[tuple[int, Contact]]:
    found = [(line, state, keys.key("email", canonical)) for line, state, canonical in batch]
    known = refs_of([key for _, _, key in found]) if found else {}
    for line, state, key in found:
        for ref in known.get(key, ()):
            yield line, Contact(ref=ref, points=(Point(channel="email", value=state.email, state=state.state),))


# -------------------------------------------------------------------------------------------- telling them apart


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
        return _mailchimp_list(table, _mailchimp_kind(table.name) or _mailchimp_kind_by_columns(table), options)
    if kind == "ses":
        return _ses(table, options)
    if kind.startswith("sendgrid-"):
        return _sendgrid(table, kind, options)
    if len(table.columns) != 1:
        raise BadInput(f"a {kind} list has one value a line, and this file has columns", file=table.name, line=1)
    if kind in ("md5", "sha1"):
        return DigestList(table, kind, options)
    if kind == "sha256":
        return _sha256(table, options, keys)
    return _plain(table, options, keys)


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
        return _sendgrid_kind(names, table.name)
    return "table"


_FORMAT_OF_KIND: dict[str, BanFormat] = {
    "email": "plain", "phone": "plain", "business_id": "plain", "md5": "md5", "sha1": "sha1", "sha256": "sha256",
}  # fmt: skip


def _sendgrid_kind(names: set[str], file: str) -> BanFormat:
    """By what its rows hold; bounces and blocks look alike, so the file's name has to tell them apart."""
    word = folded(file)
    for mark, kind in _SENDGRID_FILE_WORDS:
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


_SENDGRID_FILE_WORDS: tuple[tuple[str, BanFormat], ...] = (
    ("bounce", "sendgrid-bounces"),
    ("block", "sendgrid-blocks"),
    ("invalid", "sendgrid-invalid-emails"),
    ("spam", "sendgrid-spam-reports"),
    ("group", "sendgrid-groups"),
    ("unsub", "sendgrid-unsubscribes"),
)


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
        format_ = "ses" if "emailaddress" in names else "sendgrid-groups" if bare else _sendgrid_kind(names, file)
    if format_ == "ses":
        return _ses(table, options)
    if not format_.startswith("sendgrid-"):
        raise BadInput(f"a {format_} list is not JSON", file=file)
    return _sendgrid(table, format_, options)


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


# ------------------------------------------------------------------------------------------------- one by one


def _source(options: TableOptions, file: str, usual: ProhibitionSource | None = None) -> ProhibitionSource:
    """Whose bans these are: what the person says, else what such a list usually is."""
    if options.source is None and usual is not None:
        return usual
    for source in PROHIBITION_SOURCES:
        if source == options.source:
            return source
    said = "--source must be" if options.source is not None else "whose bans are these? Say it with --source,"
    raise BadInput(f"{said} one of {', '.join(PROHIBITION_SOURCES)}", file=file)


def _address(row: Mapping[str, str], *names: str) -> str | Rejection:
    """The row's e-mail address as it is written: an apostrophe or ``=`` in it is part of it."""
    for name in names:
        if (text := row.get(name)) is not None:
            if canonical_email(text) is None:
                return Rejection("is not an e-mail address that can be matched", name)
            return text
    return Rejection("names nobody: the e-mail address is blank")


def _day(text: str | None) -> date | None:
    """The Finnish day of a system's time: seconds since 1970, or a date and time in UTC; None where it is neither."""
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{9,10}(\.\d+)?", text):
            return local_date(datetime.fromtimestamp(float(text), UTC))
        return local_date(cell_values.parse_moment(text, utc=True))
    except (ValueError, OverflowError, OSError):
        return None


class _Bans:
    """Makes the bans of one foreign list: what is the same in every row, and what differs."""

    def __init__(self, options: TableOptions, source: ProhibitionSource, reference: str) -> None:
        self._options = options
        self._source = source
        self._reference = options.reference or reference

    def ban(
        self,
        email: str,
        since: date | None,
        *,
        source: ProhibitionSource | None = None,
        reference: str | None = None,
        evidence: Mapping[str, str | None] | None = None,
    ) -> Prohibition:
        options = self._options
        return Prohibition(
            target=ProhibitionTarget(email=email),
            channels=options.channels or ("email",),
            purposes=options.purposes or ("direct_marketing",),
            topics=options.topics,
            controllers=(options.controller,) if options.controller else (),
            source=source or self._source,
            valid_from=since,
            reference=reference or self._reference,
            evidence={name: text for name, text in (evidence or {}).items() if text is not None},
        )


def _ses(table: Table, options: TableOptions) -> ForeignList:
    bans = _Bans(options, _source(options, table.name, "complaint"), "Amazon SES suppression list")

    def convert(row: dict[str, str]) -> Found:
        if not table.header:
            row = {"emailaddress": row.get("1", ""), "reason": row.get("2", "")}
        email = _address(row, "emailaddress", "email")
        if isinstance(email, Rejection):
            return email
        reason = (row.get("reason") or row.get("suppressionreason") or "").upper()
        if reason == "BOUNCE":
            return AddressState(email, "hard_bounce")
        if reason == "COMPLAINT":
            return bans.ban(email, _day(row.get("lastupdatetime") or row.get("lastupdated")))
        return Rejection("is neither BOUNCE nor COMPLAINT", "reason")

    return ForeignList(table, "ses", convert)


def _sendgrid(table: Table, kind: BanFormat, options: TableOptions) -> ForeignList:
    usual: ProhibitionSource = "complaint" if kind == "sendgrid-spam-reports" else "self"
    bans = _Bans(options, _source(options, table.name, usual), f"SendGrid {kind.removeprefix('sendgrid-')}")

    def convert(row: dict[str, str]) -> Found:
        email = _address(row, "email", "emailaddress")
        if isinstance(email, Rejection):
            return email
        since = _day(row.get("created") or row.get("createdat"))
        if kind == "sendgrid-blocks":
            return "blocks, which pass"
        if kind == "sendgrid-bounces" and row.get("status", "").startswith("4"):
            return "soft bounces, which pass"
        if (state := _SENDGRID_STATES.get(kind)) is not None:
            return AddressState(email, state)
        group = row.get("groupname") or row.get("groupid")
        return bans.ban(email, since, reference=f"SendGrid group {group}" if group else None)

    return ForeignList(table, kind, convert)


# --------------------------------------------------------------------------------------------------- Mailchimp


def _mailchimp_kind(path: str) -> str | None:
    """``unsubscribed``, ``cleaned`` or ``subscribed``, by the name Mailchimp gives the file; None for other files."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
    if not name.endswith(".csv"):
        return None
    return next((kind for kind in _MAILCHIMP_KINDS if name.startswith(kind)), None)


def _mailchimp_kind_by_columns(table: Table) -> str:
    names = {folded(column) for column in table.columns}
    return "unsubscribed" if "unsubtime" in names else "cleaned" if "cleantime" in names else "subscribed"


def _mailchimp_folder(folder: Path, options: TableOptions, limits: Limits) -> list[BanList]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _mailchimp_kind(path.name))
    parts = {path.relative_to(folder).as_posix(): read_bytes(path, None, limits)[0] for path in paths}
    return _mailchimp_parts(parts, folder.name, options, limits)


def _mailchimp_parts(parts: Mapping[str, bytes], file: str, options: TableOptions, limits: Limits) -> list[BanList]:
    lists: list[BanList] = []
    for path, data in sorted(parts.items()):
        kind = _mailchimp_kind(path)
        # Mailchimp writes a file without a byte where a list has nobody of that kind.
        if kind is None or not data.strip():
            continue
        table = read_table(io.BytesIO(data), name=path, limits=limits, keep_going=True)
        lists.append(_mailchimp_list(table, kind, options))
    if not lists:
        raise BadInput(
            "there is no file of a Mailchimp export here (unsubscribed_….csv, cleaned_….csv, subscribed_….csv)",
            file=file,
        )
    return lists


def _mailchimp_list(table: Table, kind: str, options: TableOptions) -> ForeignList:
    names = {folded(column) for column in table.columns}
    if not names & {"emailaddress", "email", "sahkoposti"}:
        raise BadInput("the file has no column Email Address, so it is no Mailchimp export", file=table.name, line=1)
    bans = _Bans(options, _source(options, table.name, "self"), f"Mailchimp {table.name.rsplit('/', 1)[-1]}")

    def convert(row: dict[str, str]) -> Found:
        if kind == "subscribed":
            return "subscribed members, who are no bans"
        email = _address(row, "emailaddress", "email", "sahkoposti")
        if isinstance(email, Rejection):
            return email
        if kind == "cleaned":
            return AddressState(email, "hard_bounce")
        reason = row.get("unsubreason")
        return bans.ban(
            email,
            _day(row.get("unsubtime")),
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


# ---------------------------------------------------------------------------------------------- lists without columns


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


def _plain(table: Table, options: TableOptions, keys: AddressKeys) -> TableDocuments:
    kind = address_kind(table.columns[0]) if not table.header else None
    field = "phone" if kind == "phone" else "email"
    return TableDocuments(table, "prohibitions", {field: 0}, options, keys, reader=_PlainReader)


def _sha256(table: Table, options: TableOptions, keys: AddressKeys) -> TableDocuments:
    mapped = [field for field in ("email_sha256", "phone_sha256") if field in options.mapping]
    if len(mapped) != 1:
        raise BadInput(
            "SHA-256 digests of what? Say it with --map email_sha256=1 or --map phone_sha256=1", file=table.name
        )
    return TableDocuments(table, "prohibitions", {mapped[0]: 0}, options, keys)

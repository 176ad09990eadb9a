"""The clock's door to files brought to the desk: looking at one, counting what it would change, taking it in.

Each is done in a process of its own, and may be done twice: looking and counting change nothing, and an import that
was cut short goes on where it stopped. What is read of people is kept beside the file, never in a task's row.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from sqlalchemy import select

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing.admission import Rights
from consentmgr.importing.ban_lists.foreign_list import BAN_FORMATS
from consentmgr.importing.cell_values import parse_moment
from consentmgr.importing.changes import Changes
from consentmgr.importing.foreign import TableKind, TableOptions, table_sources
from consentmgr.importing.mended import MendedRows, begins_rejected_rows
from consentmgr.importing.models import ImportUpload
from consentmgr.importing.service import ImportReport, import_documents
from consentmgr.importing.sources import DocumentLines, Source
from consentmgr.importing.table_readers import FIELDS
from consentmgr.importing.uploads import BY_KEY, KEEP, KINDS, LIFTS, Kind, forget, guarded, upload_of
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.kit.file_store import FileStore
from consentmgr.kit.tabular import Table, read_table
from consentmgr.timetable.tasks import Progress, TaskView
from consentmgr.vocabulary.columns import find_columns

#: Rows shown of a table, lines of documents, and characters of one cell.
SAMPLE_ROWS: Final = 5
_SAMPLE_DOCUMENTS: Final = 1_000
_LONGEST_CELL: Final = 120
#: What was seen of a file, beside it.
LOOK_FILE: Final = "look.json"
#: Documents after which PostgreSQL's picture of its tables is no longer true enough to plan by.
_MANY_DOCUMENTS: Final = 10_000
_ACTOR: Final = "scheduler"


def store_of(settings: Settings) -> FileStore:
    """Where uploads are kept."""
    return FileStore(settings.data_folder / "files")


# --- looking ----------------------------------------------------------------------------------------------------------


def look(database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress) -> dict[str, Any]:  # noqa: ARG001 - a task
    """See what a file is: its form, its columns and which of them are known, its first rows.

    The row of the task tells how many there are; headers and rows are written beside the file. Raises ``BadInput``
    where it cannot be read.
    """
    upload = _upload(database, task)
    path = store_of(settings).path(upload.id)
    if not path.is_file():
        raise BadInput("the file has been removed: bring it again")
    with path.open("rb") as file:
        start = file.read(65_536)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise BadInput("the file is empty")
    if begins_rejected_rows(start):
        rows = MendedRows(path.read_bytes(), upload.file_name)
        seen = {"form": "rejected rows", "guess": upload.kind, **_seen_table(_table_of(rows.table, upload))}
    elif text.startswith(b"{") and _is_document(text):
        seen = _seen_documents(path, upload)
    elif (ban_format := _foreign(upload, path, keys)) is not None:
        seen = {"form": "ban list", "guess": "prohibitions", "ban_format": ban_format, "columns": [], "rows": None}
    else:
        seen = {"form": "table", **_seen_table(_table_of(path, upload))}
    target = store_of(settings).folder(upload.id) / LOOK_FILE
    fresh = target.with_name(f"{LOOK_FILE}.{task.attempt}")
    fresh.write_text(json.dumps(seen, ensure_ascii=False), encoding="utf-8")
    fresh.replace(target)
    return {"form": seen["form"], "rows": seen["rows"], "guess": seen["guess"]}


def seen_of(settings: Settings, upload_id: UUID) -> dict[str, Any] | None:
    """What ``look`` saw; None before it looked, and once the file is removed."""
    try:
        found: dict[str, Any] = json.loads(
            (store_of(settings).folder(upload_id) / LOOK_FILE).read_text(encoding="utf-8")
        )
    except (FileNotFoundError, ValueError):
        return None
    return found


def _upload(database: Database, task: TaskView) -> ImportUpload:
    with database.reading() as session:
        upload = upload_of(session, UUID(str(task.subject["upload"])))
        session.expunge(upload)
        return upload


def _is_document(text: bytes) -> bool:
    """Whether a file begins with a document of the contract, or a line of their rejects file."""
    try:
        first = msgspec.json.decode(text.split(b"\n", 1)[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(first, dict) and ("type" in first or {"line", "reason", "document"} <= first.keys())


def _seen_documents(path: Path, upload: ImportUpload) -> dict[str, Any]:
    with path.open("rb") as file:
        lines = DocumentLines(file, upload.file_name)
        types: Counter[str] = Counter()
        sample: list[str] = []
        for number, item in enumerate(lines.items()):
            if number >= _SAMPLE_DOCUMENTS:
                break
            kind = getattr(getattr(item.content, "__struct_config__", None), "tag", None)
            types[str(kind) if kind else "rejected"] += 1
            if len(sample) < SAMPLE_ROWS:
                sample.append((item.raw or b"")[:400].decode("utf-8", "replace").strip())
        return {
            "form": "documents",
            "guess": "documents",
            "rows": len(lines),
            "types": types.most_common(),
            "sample": sample,
            "columns": [],
        }


def _foreign(upload: ImportUpload, path: Path, keys: Keys) -> str | None:
    """The format of a ban list that other systems write, where the file tells it by itself."""
    from consentmgr.importing.ban_lists import read_ban_lists
    from consentmgr.importing.ban_lists.foreign_list import ForeignList

    try:
        lists = read_ban_lists(
            path,
            TableOptions(now=clock.now()),
            AddressKeys(keys.address_key, keys.address_key_id),
            format_=None,
            name=upload.file_name,
        )
    except BadInput:
        return None
    found = [one.format for one in lists if isinstance(one, ForeignList)]
    return str(found[0]) if found and str(found[0]) in BAN_FORMATS else None


def _table_of(source: Path | bytes, upload: ImportUpload) -> Table:
    from io import BytesIO

    opened = BytesIO(source) if isinstance(source, bytes) else source
    sheet = upload.options.get("sheet") if not isinstance(source, bytes) else None
    return read_table(opened, name=upload.file_name, sheet=sheet, keep_going=True)


def _seen_table(table: Table) -> dict[str, Any]:
    indices = range(len(table.columns))
    head = [column.slice(0, SAMPLE_ROWS).to_pylist() for column in table.trimmed(list(indices))]
    known: dict[str, Mapping[str, int]] = {kind: _known_columns(table, kind) for kind in KINDS if kind != "documents"}
    return {
        "rows": len(table),
        "format": table.format,
        "encoding": table.encoding,
        "sheet": table.sheet,
        "sheets": list(table.sheets),
        "columns": list(table.columns),
        "sample": [[(cell or "")[:_LONGEST_CELL] for cell in row] for row in zip(*head, strict=True)],
        "known": known,
        "faults": len(table.faults),
        "guess": _guess(known),
    }


def _known_columns(table: Table, kind: Kind) -> dict[str, int]:
    """Field -> column (from 0); empty where the columns are not clear, which is told when the file is counted."""
    try:
        return find_columns(table.columns, FIELDS[cast("TableKind", kind)], {})
    except BadInput:
        return {}


def _guess(known: Mapping[str, Mapping[str, int]]) -> Kind:
    """What a table's columns look like; whoever brought it says what it is."""
    consents, bans, organisations = known["consents"], known["prohibitions"], known["organisations"]
    if any(name in bans for name in ("email_sha256", "phone_sha256", "domain", "valid_from", "valid_until")):
        return "prohibitions"
    if any(
        name in consents for name in ("consent", "event", "consent_email", "consent_sms", "consent_phone", "notice")
    ):
        return "consents"
    if "business_id" in organisations and not any(name in known["contacts"] for name in ("given_name", "family_name")):
        if any(name in organisations for name in ("form", "name", "organisation_name", "employees", "industry")):
            return "organisations"
    return "contacts"


# --- counting and taking in -------------------------------------------------------------------------------------------


def preview(database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress) -> dict[str, Any]:
    """Count what the file would change, and change nothing."""
    return _import(database, settings, keys, task, progress, dry_run=True)


def take(database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress) -> dict[str, Any]:
    """Take the file in. Rejected lines go whole to files beside it."""
    result = _import(database, settings, keys, task, progress, dry_run=False)
    with database.transaction() as session:
        upload = upload_of(session, UUID(str(task.subject["upload"])))
        upload.rejected = result["rejected"]
        upload.applied_at = clock.now()
    if sum(part["taken"] for part in result["parts"]) >= _MANY_DOCUMENTS:
        database.refresh_statistics()
    return result


def _import(
    database: Database, settings: Settings, keys: Keys, task: TaskView, progress: Progress, *, dry_run: bool
) -> dict[str, Any]:
    upload = _upload(database, task)
    if upload.kind is None:
        raise BadInput("say first what the rows are", field="kind")
    store = store_of(settings)
    if not store.has(upload.id):
        raise BadInput("the file has been removed: bring it again")
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    now = clock.now()
    parts = []
    with sources_of(database, store.path(upload.id), upload, address_keys, now) as sources:
        total = sum(len(source) for source, _ in sources)
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(min(done, total), total)

        progress(0, total)
        for number, (source, part) in enumerate(sources, start=1):
            report = import_documents(
                database,
                source,
                keys=address_keys,
                actor=task.actor,
                now=now,
                rejects_path=rejects_path(store, upload.id, number),
                options={"as": upload.kind, "part": part, **upload.options},
                dry_run=dry_run,
                progress=advance,
                clock=clock.now,
                rights=_rights(upload),
            )
            parts.append(_told(report, part))
    return {"parts": parts, "rejected": sum(part["rejected"] for part in parts)}


def _rights(upload: ImportUpload) -> Rights | None:
    """Of a file that came by the API: what its key could bring. A file of the desk is read through ``guarded``."""
    if BY_KEY not in upload.options:
        return None
    controllers = frozenset(upload.controllers) if upload.controllers is not None else None
    return Rights(controllers, lifts=bool(upload.options.get(LIFTS)))


def rejects_path(store: FileStore, upload_id: UUID, number: int) -> Path:
    """Where the rejected lines of a part are; a file only where there are any."""
    return store.folder(upload_id) / f"{number}.rejected.jsonl"


@contextmanager
def sources_of(
    database: Database, path: Path, upload: ImportUpload, keys: AddressKeys, now: datetime
) -> Iterator[Sequence[tuple[Source | DocumentLines, str]]]:
    """The sources in an upload, as its kind and options say, and as its owner may bring them."""
    if upload.kind == "documents":
        with path.open("rb") as file:
            lines = DocumentLines(file, upload.file_name)
            yield [(lines if BY_KEY in upload.options else guarded(lines, upload.controllers), "")]
        return
    options = dict(upload.options)
    ban_format = options.pop("ban_format", None)
    if "at" in options:
        options["at"] = parse_moment(options["at"])
    for name in ("channels", "purposes", "topics"):
        if name in options:
            options[name] = tuple(options[name])
    found = table_sources(
        database,
        path,
        cast("TableKind", upload.kind),
        TableOptions(now=now, **options),
        keys,
        ban_format=ban_format,
        name=upload.file_name,
    )
    yield [(guarded(source, upload.controllers), part) for source, part in found]


def _told(report: ImportReport, part: str) -> dict[str, Any]:
    """A report as a task's row keeps it: counts, and why the first lines were refused, without a value of them."""
    changes: Changes = report.changes
    return {
        "part": part,
        "lines": report.lines,
        "resumed_at": report.resumed_at,
        "documents": [[kind, outcome, number] for (kind, outcome), number in sorted(changes.documents.items())],
        "fields": dict(sorted(changes.fields.items())),
        "decisions": dict(sorted(changes.decisions.items())),
        "stubs": changes.stubs,
        "rejected": report.rejected,
        "told": [[line, rejection.field, rejection.reason] for line, rejection in report.told],
        "nothing": changes.is_nothing,
        "taken": 0 if report.dry_run else sum(changes.documents.values()),
    }


# --- forgetting -------------------------------------------------------------------------------------------------------


def forget_old_uploads(database: Database, settings: Settings, keys: Keys, now: datetime) -> str:  # noqa: ARG001 - a job
    """Remove files that were brought long ago; for once a day."""
    with database.transaction() as session:
        old = session.scalars(
            select(ImportUpload).where(ImportUpload.created_at < now - KEEP, ImportUpload.forgotten_at.is_(None))
        ).all()
        for upload in old:
            forget(session, upload, store_of(settings), actor=_ACTOR, now=now)
    return f"{len(old)} removed" if old else ""

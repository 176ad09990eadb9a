"""Files brought to the desk to be imported: kept, looked at, counted, taken in.

The import itself is the one of the terminal (``service.import_documents``); this decides what a file is taken for, and
keeps what somebody who answers for some controllers brings from speaking of others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args
from uuid import UUID

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.importing.ban_lists.foreign_list import BAN_FORMATS
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.models import ImportUpload
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.sources import DocumentLines, Source
from consentmgr.importing.table_readers import FIELDS
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.kit.file_store import FileStore, StoredFile
from consentmgr.register.models import ImportBatch
from consentmgr.timetable.tasks import enqueue
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES, ConsentMethod, PointUse
from consentmgr.vocabulary.documents import Contact, Prohibition

Kind = Literal["documents", "contacts", "consents", "prohibitions", "organisations"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: What may be brought by somebody who answers for some controllers only: acts and bans that name theirs.
LIMITED_KINDS: Final[tuple[Kind, ...]] = ("consents", "prohibitions")
#: Kinds of long work, rows of ``scheduler.TASKS``.
LOOK, PREVIEW, APPLY = "look-at-import", "preview-import", "apply-import"
#: Bytes of one upload.
LARGEST: Final = 200_000_000
#: After this the file itself is removed; what it did stays in the register.
KEEP: Final = timedelta(days=30)
#: Rows of one page.
PAGE: Final = 50

#: Options of a file of documents that came by the API, and whether its key may lift what stops (``admission``).
BY_KEY, LIFTS = "by_key", "lifts"

_METHODS: Final[tuple[str, ...]] = get_args(ConsentMethod)
_USES: Final[tuple[str, ...]] = get_args(PointUse)
_NOTICE = re.compile(r"[^\s/]+/\d+/(fi|sv|en)")
#: Which options a table of each kind takes.
OPTIONS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "documents": (),
    "contacts": ("source", "use", "sheet"),
    "consents": ("source", "controller", "notice", "method", "at", "channels", "purposes", "topics", "sheet"),
    "prohibitions": (
        "source",
        "controller",
        "channels",
        "purposes",
        "topics",
        "at",
        "reference",
        "ban_format",
        "sheet",
    ),
    "organisations": ("source", "sheet"),
}
_MANY: Final = ("channels", "purposes", "topics")


def keep(
    session: Session,
    stored: StoredFile,
    *,
    controllers: frozenset[str] | None,
    mends: UUID | None,
    actor: str,
    now: datetime,
) -> ImportUpload:
    """Note a file that was brought, and let it be looked at; flushes. ``mends``: what its lines were rejected from."""
    upload = ImportUpload(
        id=stored.id,
        actor=actor,
        controllers=sorted(controllers) if controllers is not None else None,
        file_name=stored.name,
        file_bytes=stored.bytes,
        sha256=stored.sha256,
        created_at=now,
        options={},
    )
    if mends is not None:
        earlier = upload_of(session, mends)
        upload.mends, upload.kind, upload.options = earlier.id, earlier.kind, dict(earlier.options)
    session.add(upload)
    session.flush()
    upload.look_task = enqueue(session, kind=LOOK, subject={"upload": str(stored.id)}, actor=actor, now=now)
    session.flush()
    record(
        session,
        at=now,
        actor=actor,
        action="uploaded",
        object=f"upload:{stored.id}",
        detail={"bytes": stored.bytes, "sha256": stored.sha256},
    )
    return upload


def keep_documents(
    session: Session,
    stored: StoredFile,
    *,
    controllers: frozenset[str] | None,
    lifts: bool,
    actor: str,
    now: datetime,
) -> ImportUpload:
    """Note a file of documents that came by the API, and let it be taken in; flushes."""
    upload = ImportUpload(
        id=stored.id,
        actor=actor,
        controllers=sorted(controllers) if controllers is not None else None,
        file_name=stored.name,
        file_bytes=stored.bytes,
        sha256=stored.sha256,
        created_at=now,
        kind="documents",
        options={BY_KEY: actor, LIFTS: lifts},
    )
    session.add(upload)
    session.flush()
    ask_apply(session, upload, actor=actor, now=now)
    return upload


def upload_of(session: Session, upload_id: UUID) -> ImportUpload:
    """Raises ``NotFound``."""
    found = session.get(ImportUpload, upload_id)
    if found is None:
        raise NotFound("there is no such upload")
    return found


def may_see(upload: ImportUpload, *, actor: str, controllers: frozenset[str] | None) -> bool:
    """One's own files; and those of others who answer for no more than oneself."""
    if controllers is None or upload.actor == actor:
        return True
    return upload.controllers is not None and set(upload.controllers) <= controllers


def recent_uploads(
    session: Session, *, actor: str, controllers: frozenset[str] | None, limit: int = 20
) -> list[ImportUpload]:
    """The newest uploads somebody may see, newest first."""
    wanted = select(ImportUpload).order_by(ImportUpload.created_at.desc(), ImportUpload.id)
    if controllers is not None:
        wanted = wanted.where(
            or_(ImportUpload.actor == actor, ImportUpload.controllers.contained_by(sorted(controllers)))
        )
    return list(session.scalars(wanted.limit(limit)))


def batches(
    session: Session,
    *,
    actor: str,
    controllers: frozenset[str] | None,
    before: int | None = None,
    limit: int = PAGE,
) -> Sequence[ImportBatch]:
    """Files that were taken in, newest first: all of them, or one's own and those of one's controllers."""
    wanted = select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(ImportBatch.id < before)
    if controllers is not None:
        named = ImportBatch.options["controller"].astext
        wanted = wanted.where(or_(ImportBatch.actor == actor, named.in_(sorted(controllers))))
    return session.scalars(wanted).all()


# --- what the rows are ------------------------------------------------------------------------------------------------


def checked_options(
    kind: str, given: Mapping[str, Any], *, controllers: frozenset[str] | None
) -> tuple[Kind, dict[str, Any]]:
    """The kind and the options as they are kept. Raises ``BadInput`` naming the field that is wrong.

    ``given`` has texts, and lists of texts for what may be several. ``controllers`` (None: all) are those of whoever
    says so.
    """
    if kind not in KINDS:
        raise BadInput("is no kind of rows", field="kind")
    chosen: Kind = kind
    if controllers is not None and chosen not in LIMITED_KINDS:
        raise BadInput("is for those who answer for all controllers", field="kind")
    options: dict[str, Any] = {}
    for name in OPTIONS[chosen]:
        value = given.get(name)
        if name in _MANY:
            value = [str(one) for one in value or () if str(one)]
        if value:
            options[name] = value
    _check_values(options)
    if controllers is not None and options.get("controller") not in controllers:
        raise BadInput("choose one of your controllers", field="controller")
    mapping = {str(name): str(column) for name, column in dict(given.get("mapping") or {}).items() if column}
    if chosen != "documents" and mapping:
        if unknown := set(mapping) - set(FIELDS[chosen]):
            raise BadInput(f"{min(unknown)} is no field of these rows", field="mapping")
        options["mapping"] = mapping
    return chosen, options


def _check_values(options: Mapping[str, Any]) -> None:
    allowed: dict[str, Collection[str]] = {
        "channels": CHANNELS, "purposes": PURPOSES, "method": _METHODS, "use": _USES, "ban_format": BAN_FORMATS
    }  # fmt: skip
    for name, values in allowed.items():
        given = options.get(name, [])
        for one in given if isinstance(given, list) else [given]:
            if one not in values:
                raise BadInput("is none of the values allowed", field=name)
    if "notice" in options and not _NOTICE.fullmatch(options["notice"]):
        raise BadInput("is written key/version/language", field="notice")
    if "at" in options:
        from consentmgr.importing.cell_values import parse_moment

        try:
            parse_moment(options["at"])
        except ValueError:
            raise BadInput("is no time", field="at") from None


def ask_preview(
    session: Session, upload: ImportUpload, kind: Kind, options: Mapping[str, Any], *, actor: str, now: datetime
) -> UUID:
    """Keep what the rows are, and count what would change; flushes."""
    refuse_closed(upload)
    upload.kind, upload.options = kind, dict(options)
    upload.preview_task = enqueue(session, kind=PREVIEW, subject={"upload": str(upload.id)}, actor=actor, now=now)
    session.flush()
    return upload.preview_task


def ask_apply(session: Session, upload: ImportUpload, *, actor: str, now: datetime) -> UUID:
    """Take the file in; flushes. Raises ``BadInput`` where nobody has said what its rows are."""
    refuse_closed(upload)
    if upload.kind is None:
        raise BadInput("say first what the rows are", field="kind")
    upload.apply_task = enqueue(session, kind=APPLY, subject={"upload": str(upload.id)}, actor=actor, now=now)
    session.flush()
    record(
        session,
        at=now,
        actor=actor,
        action="import asked for",
        object=f"upload:{upload.id}",
        detail={"kind": upload.kind},
    )
    return upload.apply_task


def refuse_closed(upload: ImportUpload) -> None:
    """Raise ``BadInput`` where the file is gone, or has been taken in."""
    if upload.forgotten_at is not None:
        raise BadInput("the file has been removed: bring it again", field="file")
    if upload.applied_at is not None:
        raise BadInput("the file has been taken in already", field="file")


def forget(session: Session, upload: ImportUpload, store: FileStore, *, actor: str, now: datetime) -> None:
    """Remove the file and what was made beside it; what it did to the register stays. Doing it twice is no harm."""
    store.forget(upload.id)
    if upload.forgotten_at is None:
        upload.forgotten_at = now
        record(session, at=now, actor=actor, action="upload removed", object=f"upload:{upload.id}")
    session.flush()


def held(session: Session, files: Collection[UUID]) -> set[UUID]:
    """Which of these files of the store are uploads that are kept."""
    kept = select(ImportUpload.id).where(ImportUpload.id.in_(files), ImportUpload.forgotten_at.is_(None))
    return {*session.scalars(kept)}


# --- what somebody may speak of ---------------------------------------------------------------------------------------


class GuardedSource:
    """A source of which only what speaks of some controllers is taken; the other lines are rejected, whole.

    Names are left out: a person known to several controllers is not renamed by one of them.
    """

    def __init__(self, source: Source, controllers: Collection[str]) -> None:
        self.name = source.name
        self.sha256 = source.sha256
        self.in_order: bool = getattr(source, "in_order", True)
        self.header: str | None = getattr(source, "header", None)
        self._source = source
        self._controllers = frozenset(controllers)

    def __len__(self) -> int:
        return len(self._source)

    def record(self, line: int) -> str:
        return self._source.record(line)

    def __iter__(self) -> Iterator[tuple[int, FileDocument | Rejection]]:
        for line, content in self._source:
            yield line, content if isinstance(content, Rejection) else self._taken(content, line)

    def _taken(self, document: FileDocument, line: int) -> FileDocument | Rejection:
        if isinstance(document, Contact):
            named = {*document.controllers, *(event.controller for event in document.events)}
            if named <= self._controllers and not document.legal_bases:
                return msgspec.structs.replace(document, given_name=None, family_name=None)
        elif isinstance(document, Prohibition):
            if document.controllers and set(document.controllers) <= self._controllers:
                return document
        return Rejection("speaks of a controller that is not yours", "controller", self.record(line))


def guarded(source: Source | DocumentLines, controllers: Collection[str] | None) -> Source | DocumentLines:
    """The source as whoever brought it may bring it."""
    if controllers is None:
        return source
    if isinstance(source, DocumentLines):
        raise BadInput("is for those who answer for all controllers", field="kind")
    return GuardedSource(source, controllers)

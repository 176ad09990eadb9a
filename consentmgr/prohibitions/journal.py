"""The prohibition journal: every leaving by a link and every erasure, outside the database, before it is acknowledged.

A database that is restored from yesterday's copy has forgotten who left or was erased today. The journal has not: a
folder of append-only files beside it, one per writer and day, synced to the disk before the database commits. Each
line is one act (``opt_outs.OptOut``, ``erasure_acts.ErasureAct``) as JSON with a checksum; it holds keyed digests and no
personal data. A mark in the database says how far each file has been taken; what lies behind it is taken before
anything is screened or exported (``catch_up``).
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

import msgspec
from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection, hold_chains
from consentmgr.keys import address_key_id, load_address_key
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import Unavailable
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.prohibitions import erasure_acts, opt_outs
from consentmgr.prohibitions.erasure_acts import ErasureAct
from consentmgr.prohibitions.journal_taken import journal_folder, sizes
from consentmgr.prohibitions.opt_outs import OptOut
from consentmgr.prohibitions.recovered import refuse_unrecovered

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys

#: What a line is.
Act: TypeAlias = OptOut | ErasureAct
_OPT_OUTS = ("leave", "pause", "undo", "resume")

#: Acts taken in one transaction.
BATCH = 500

_CHECK = b',"check":"'
_CHECK_LENGTH = len(_CHECK) + 8 + len(b'"}')
_encode = msgspec.json.Encoder().encode


class _Kind(msgspec.Struct):
    """What a line says of itself. Those of the first version say no version."""

    act: str
    v: int = 1


_kind_of = msgspec.json.Decoder(_Kind).decode
_opt_out = msgspec.json.Decoder(OptOut).decode
_erasure = msgspec.json.Decoder(ErasureAct).decode
#: The newest version of a line that is read and written here.
_VERSION = 3
_log = logging.getLogger(__name__)


# --- writing --------------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """Where acts were written: the file's name, and the bytes between which they stand."""

    file: str
    start: int
    end: int


class JournalWriter:
    """Appends acts to a file of its own; a new one each day (UTC), in each process, and after a failed write.

    The day is the one on which it is written, so that a file is left alone after it. For one thread.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = journal_folder(settings)
        self._handle: int | None = None
        self._file = ""
        self._day: date | None = None
        self._size = 0

    def append(self, acts: Sequence[Act], *, today: date) -> Written:
        """Write acts and sync them to the disk; then they survive a power cut. Raises ``OSError``: none counts."""
        if self._handle is None or self._day != today:
            self._begin(today)
        assert self._handle is not None
        data = b"".join(map(line_of, acts))
        start = self._size
        try:
            if os.write(self._handle, data) != len(data):
                raise OSError("the journal's disk is full")
            os.fsync(self._handle)
        except OSError:
            # Half a line may stand there now; nothing is ever written after it.
            self.close()
            raise
        self._size = start + len(data)
        return Written(self._file, start, self._size)

    def _begin(self, today: date) -> None:
        self.close()
        make_private_folder(self._folder)
        name = f"{today.isoformat()}-{secrets.token_hex(8)}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._handle = os.open(self._folder / name, flags, 0o600)
        # The name itself must survive a power cut too.
        if os.name == "posix":
            for folder in (self._folder, self._folder.parent):
                handle = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        self._file, self._day, self._size = name, today, 0

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            # What counts was synced; a disk that is gone may say so again.
            with suppress(OSError):
                os.close(handle)


#: The writer that all threads of this process share for what is not a person's click, by the journal's folder.
_shared: dict[Path, JournalWriter] = {}
_sharing = threading.Lock()


def write_entries(session: Session, settings: Settings, entry_ids: Collection[int]) -> None:
    """Write erasures and wishes to be erased that this transaction has recorded, before it commits.

    The mark is left: the next who catches up sees that they are known. Where the commit fails they are taken, as a
    leaving is. Raises ``Unavailable``; then nothing is to be committed.
    """
    secret = load_address_key(settings)
    address_keys = AddressKeys(secret, address_key_id(secret))
    try:
        for acts in erasure_acts.acts_of(session, entry_ids, keys=address_keys):
            if acts:
                _write(settings, acts)
    except OSError as error:
        raise Unavailable(f"the journal of prohibitions cannot be written: {error.strerror}") from None


def _write(settings: Settings, acts: Sequence[Act]) -> None:
    folder = journal_folder(settings)
    with _sharing:
        writer = _shared.get(folder) or _shared.setdefault(folder, JournalWriter(settings))
        writer.append(acts, today=clock.now().astimezone(UTC).date())


def _after_fork() -> None:
    # The files are the parent's, and a lock that another of its threads held is never let go here.
    global _sharing  # noqa: PLW0603
    _sharing = threading.Lock()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def line_of(act: Act) -> bytes:
    """An act as a line: JSON whose last member is the CRC-32 of everything before it."""
    body = _encode(act)[:-1]
    return body + _CHECK + b'%08x"}\n' % zlib.crc32(body)


# --- reading --------------------------------------------------------------------------------------------------------


class DamagedJournal(Unavailable):
    """A line that is whole but not what was written: somebody's opt-out may be lost, and a person must look."""

    def __init__(self, file: str, place: int) -> None:
        super().__init__(
            f"the journal file {file} is damaged at byte {place}: put it back from a copy, or run"
            " consentmgr journal replay --skip-damaged"
        )


class Read(NamedTuple):
    """An act and the byte after it; ``act`` is None for a damaged line."""

    act: Act | None
    end: int


def read(path: Path, start: int) -> Iterator[Read]:
    """The whole lines of a file from a byte on. A last line without an end was never acknowledged, and is left."""
    with path.open("rb") as file:
        file.seek(start)
        place = start
        for line in file:
            if not line.endswith(b"\n"):
                return
            place += len(line)
            yield Read(_act_of(line), place)


def _act_of(line: bytes) -> Act | None:
    body, tail = line[: -_CHECK_LENGTH - 1], line[-_CHECK_LENGTH - 1 :]
    if tail != _CHECK + b'%08x"}\n' % zlib.crc32(body):
        return None
    document = body + b"}"
    try:
        kind = _kind_of(document)
        if kind.v <= _VERSION:
            return _opt_out(document) if kind.act in _OPT_OUTS else _erasure(document)
    except msgspec.DecodeError:
        return None
    raise Unavailable("the journal was written by a newer consentmgr; install that one")


@dataclass(frozen=True, slots=True)
class FileState:
    """A file of the journal: its bytes, and up to which of them the register has taken it."""

    name: str
    size: int
    taken_to: int

    @property
    def is_behind(self) -> bool:
        return self.taken_to < self.size


def files(session: Session, settings: Settings) -> list[FileState]:
    """Every file of the journal, oldest first."""
    found = sizes(settings)
    if not found:
        return []
    with driver_connection(session).cursor() as cursor:
        cursor.execute("SELECT file, taken_to FROM journal_mark WHERE file = ANY(%s)", [list(found)])
        marks = dict(cursor.fetchall())
    return [FileState(name, size, marks.get(name, 0)) for name, size in sorted(found.items())]


def caught_up(session: Session, settings: Settings) -> bool:
    """Whether the register has taken every act of the journal; a torn last line is none."""
    return has_taken(settings, files(session, settings))


def has_taken(settings: Settings, states: Iterable[FileState]) -> bool:
    """``caught_up``, where marks and sizes are known: sizes that were looked at before the marks."""
    return not any(_next_act(settings, state) for state in states if state.is_behind)


def _next_act(settings: Settings, state: FileState) -> bool:
    return next(read(journal_folder(settings) / state.name, state.taken_to), None) is not None


def waiting(settings: Settings, behind: Sequence[FileState]) -> tuple[int, int]:
    """How many whole acts, and how many damaged lines, lie behind the marks of these files."""
    whole = damaged = 0
    for state in behind:
        for act, _ in read(journal_folder(settings) / state.name, state.taken_to):
            whole += act is not None
            damaged += act is None
    return whole, damaged


# --- taking ---------------------------------------------------------------------------------------------------------


def catch_up(database: Database, settings: Settings, keys: Keys, now: datetime) -> int:
    """Take what the register has not; the number of acts. Costs one look into the folder where there is nothing.

    Ask it before any answer that says who may be contacted. Raises ``Unavailable`` where an act cannot be taken:
    then nobody can know who left, and nothing may be answered; ``NotRecovered`` where a backup was restored.
    """
    with database.transaction() as session:
        refuse_unrecovered(session)
        if caught_up(session, settings):
            return 0
    return replay(database, settings, keys, now)


def replay(database: Database, settings: Settings, keys: Keys, now: datetime, *, skip_damaged: bool = False) -> int:
    """Take every act that lies behind the marks, in the order of their moments; the number of them.

    Safe to repeat and to run beside the servers that write. Raises ``DamagedJournal`` unless damaged lines are to be
    skipped, in which case they are logged by place.
    """
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    taken = 0
    while True:
        with database.transaction() as session:
            opt_outs.hold(session)
            behind = [state for state in files(session, settings) if state.is_behind]
            waiting, complete = _waiting(settings, behind, skip_damaged=skip_damaged)
            if not waiting and not complete:
                return taken
            _take(session, [one.act for one in waiting], keys=address_keys, now=now)
            marks = {one.file: one.end for one in waiting}
            move_marks(session, {**complete, **marks})
        taken += len(waiting)


def _take(session: Session, acts: Sequence[Act], *, keys: AddressKeys, now: datetime) -> None:
    if any(isinstance(act, ErasureAct) for act in acts):
        # All at once and before any other lock: some now and some later could deadlock with whoever erases.
        hold_chains(session)
    for erasures, group in groupby(acts, key=lambda act: isinstance(act, ErasureAct)):
        if erasures:
            erasure_acts.take(session, cast("list[ErasureAct]", list(group)), keys=keys, now=now)
        else:
            opt_outs.take(session, cast("list[OptOut]", list(group)), keys=keys, now=now)


class _Waiting(NamedTuple):
    """``moment``: of the act, or of an earlier one in its file where that is later; so a file's order is kept."""

    moment: datetime
    act: Act
    file: str
    end: int


def _waiting(
    settings: Settings, behind: Sequence[FileState], *, skip_damaged: bool
) -> tuple[list[_Waiting], dict[str, int]]:
    """The next acts, by their moments, and the marks of files whose damaged beginning is skipped.

    An undo must not be taken before its leave, and the two may stand in files of different processes: so the next
    acts of every file are read and the earliest of all are taken. Within a file the order is that of writing.
    """
    heads: list[_Waiting] = []
    skipped: dict[str, int] = {}
    limit: datetime | None = None
    for state in behind:
        some: list[_Waiting] = []
        for act, end in read(journal_folder(settings) / state.name, state.taken_to):
            if act is None:
                if not skip_damaged:
                    raise DamagedJournal(state.name, state.taken_to if not some else some[-1].end)
                _log.warning("a damaged line of journal file %s before byte %d is skipped", state.name, end)
                if not some:
                    skipped[state.name] = end
                continue
            moment = max(act.at, some[-1].moment) if some else act.at
            some.append(_Waiting(moment, act, state.name, end))
            if len(some) == BATCH:
                # What comes after it in this file is not known yet: nothing later than it may be taken.
                limit = moment if limit is None else min(limit, moment)
                break
        heads.extend(some)
    heads.sort(key=attrgetter("moment"))
    if limit is not None:
        heads = [one for one in heads if one.moment <= limit]
    return heads, skipped


def move_marks(session: Session, marks: dict[str, int]) -> None:
    """Say how far files have been taken. A mark never goes back."""
    driver_connection(session).execute(
        "INSERT INTO journal_mark (file, taken_to) SELECT * FROM unnest(%s::text[], %s::bigint[])"
        " ON CONFLICT (file) DO UPDATE SET taken_to = greatest(journal_mark.taken_to, excluded.taken_to)",
        [list(marks), list(marks.values())],
    )

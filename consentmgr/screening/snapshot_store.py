"""Where snapshots lie: a folder of this machine, and where machines share them a store behind it.

``CONSENTMGR_SNAPSHOTS`` names the store: a folder all machines see, or an object store (``s3://…``, ``gs://…``), by
``pyarrow.fs``. A snapshot is made in the machine's own folder, copied to the store file by file, and is there once its
manifest is, which comes last. Reading goes through the folder: what is fetched is checked against the manifest's
hashes before it gets its name.

A snapshot that is damaged or not ours is refused with a sentence, and another is used or made. Whoever reads one holds
a lock on it, so that it is not taken away meanwhile.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import Connection

from consentmgr.config import Settings
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, ConsentmgrError, Unavailable
from consentmgr.screening.snapshot import MANIFEST, NAME, Snapshot, database_of, file_names, layout, snapshot_of
from consentmgr.screening.snapshot_changes import with_changes
from consentmgr.screening.snapshot_writing import Tell, build, file_of

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

#: Of the newest, how many stay.
KEEP = 1
#: In a store that machines share, one that was replaced stays so long: somebody may be fetching it.
GRACE = timedelta(hours=1)
#: What a killed process left half made is taken away when it is older.
_ABANDONED_SECONDS = 6 * 3600
#: A snapshot's files are hashed again when nobody has for so long; meanwhile their size and time of change are asked.
_CHECK_AGAIN_SECONDS = 24 * 3600
_LOCK, _CHECKED = ".lock", ".checked"
_PIECE_BYTES = 1 << 22

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class SnapshotStore:
    """The snapshots of one installation. ``shared`` is the store's address, or None where ``folder`` is all there is.

    ``told`` gathers a sentence for each snapshot that was refused.
    """

    folder: Path
    keys: AddressKeys
    shared: str | None = field(default=None, repr=False)
    told: list[str] = field(default_factory=list, repr=False)

    # ------------------------------------------------------------------------------------------ what there is

    def snapshots(self) -> list[Snapshot]:
        """Those in the folder that are whole and ours, newest first; their files are not looked at."""
        found = []
        for name in self._names():
            path = self.folder / name
            try:
                found.append(snapshot_of((path / MANIFEST).read_bytes(), path, self.keys))
            except FileNotFoundError:
                continue
            except BadInput as refused:
                self._refuse(refused.message)
        return found

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return sorted((path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)

    def shared_snapshots(self) -> list[Snapshot]:
        """Those of the store that are whole and ours, newest first. Raises ``Unavailable``."""
        if self.shared is None:
            return []
        store = _Shared(self.shared)
        found = []
        for name in store.names():
            manifest = store.manifest(name)
            if manifest is None:
                continue
            try:
                found.append(snapshot_of(manifest, self.folder / name, self.keys))
            except BadInput as refused:
                self._refuse(refused.message)
        return found

    def _refuse(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.append(sentence)
            # The sentence is all there is to say, and holds no personal data: a line for people at a terminal too.
            _LOG.warning(sentence)

    # ------------------------------------------------------------------------------------------ using one

    def usable(self, connection: Connection[Any]) -> Snapshot | None:
        """The newest snapshot of this database that has not changed too much since; None where one must be built.

        Use it inside ``reading``, which keeps it from being taken away.
        """
        database = database_of(connection)
        here = [snapshot for snapshot in self.snapshots() if self._is_of(snapshot, database)]
        with suppress(Unavailable):
            # Without the store the folder's own are as right as they were: only older.
            for snapshot in self.shared_snapshots():
                if here and snapshot.name <= here[0].name:
                    break
                if self._is_of(snapshot, database) and self._fetch(snapshot):
                    here.insert(0, snapshot)
                    break
        for snapshot in here:
            if self.is_undamaged(snapshot):
                return with_changes(connection, snapshot)
            self.remove(snapshot.name)
        return None

    def newest(self, connection: Connection[Any]) -> Snapshot | None:
        """The newest of this database, wherever it is; None where there is none. Raises ``Unavailable``."""
        database = database_of(connection)
        every = [*self.snapshots(), *self.shared_snapshots()]
        return max(
            (snapshot for snapshot in every if self._is_of(snapshot, database)),
            key=lambda snapshot: snapshot.name,
            default=None,
        )

    def is_of(self, connection: Connection[Any], snapshot: Snapshot) -> bool:
        """Whether it is of this database, made by this very code with this key."""
        return self._is_of(snapshot, database_of(connection))

    def _is_of(self, snapshot: Snapshot, database: str) -> bool:
        ours = snapshot.database == database and snapshot.key_id == self.keys.key_id
        return ours and snapshot.layout == layout() and sorted(snapshot.files) == sorted(file_names())

    def is_undamaged(self, snapshot: Snapshot, *, afresh: bool = False) -> bool:
        """Whether every file is what its maker wrote: by SHA-256 once a day (or ``afresh``), else by size and time."""
        stamp = snapshot.folder / _CHECKED
        try:
            seen = {name: _seen(snapshot.folder / name) for name in snapshot.files}
            if not afresh and stamp.is_file() and time.time() - stamp.stat().st_mtime < _CHECK_AGAIN_SECONDS:
                if json.loads(stamp.read_text(encoding="utf-8")) == seen:
                    return True
            damaged = [name for name, file in snapshot.files.items() if file_of(snapshot.folder / name) != file]
        except (OSError, ValueError):
            damaged = ["a file"]
        if damaged:
            self._refuse(f"the snapshot {snapshot.name} is damaged ({', '.join(damaged)}) and is not used")
            return False
        with suppress(OSError):
            stamp.write_text(json.dumps(seen), encoding="utf-8")
        return True

    @contextmanager
    def reading(self, snapshot: Snapshot) -> Iterator[Snapshot]:
        """Keeps it from being taken away while it is read. Raises ``OSError`` where it just has been."""
        with _locked(snapshot.folder / _LOCK, shared=True):
            yield snapshot

    # ------------------------------------------------------------------------------------------ making and removing

    def build(self, connection: Connection[Any], now: datetime, tell: Tell | None = None) -> Snapshot:
        """A new snapshot of the connection's transaction in the folder; ``share`` brings it to the store."""
        snapshot = build(connection, self.folder, self.keys, now, tell)
        self.is_undamaged(snapshot)
        return snapshot

    def share(self, snapshot: Snapshot) -> bool:
        """Copy it to the store, if there is one; False where that does not answer, and the snapshot is ours alone."""
        if self.shared is None:
            return True
        try:
            _Shared(self.shared).put(snapshot, snapshot.manifest(self.keys))
        except Unavailable as away:
            self._refuse(f"the snapshot {snapshot.name} is not shared: {away}")
            return False
        return True

    def prune(self, now: datetime, *, keep: int = KEEP, younger: timedelta = timedelta()) -> list[str]:
        """Remove all but the newest ``keep`` and those ``younger``; the names of those removed.

        One that is being read stays, and in the store one that was replaced within ``GRACE``.
        """
        self._sweep()
        here = self._names()[keep:]
        removed = [name for name in here if self._age(name, now) >= younger and self.remove(name)]
        try:
            removed += self._prune_shared(now, keep, younger)
        except Unavailable as away:
            self._refuse(f"old snapshots in the store stay: {away}")
        return sorted(set(removed), reverse=True)

    def _prune_shared(self, now: datetime, keep: int, younger: timedelta) -> list[str]:
        if self.shared is None:
            return []
        store = _Shared(self.shared)
        names = store.names()
        removed = []
        for place, name in enumerate(names):
            # It was replaced when the one after it was taken.
            replaced_lately = place > 0 and self._age(names[place - 1], now) < GRACE
            if place >= keep and self._age(name, now) >= younger and not replaced_lately:
                store.remove(name)
                removed.append(name)
        return removed

    def remove_everywhere(self, name: str) -> bool:
        """Remove one at once from the folder and the store; False where somebody here is reading it."""
        if self.shared is not None:
            _Shared(self.shared).remove(name)
        return not (self.folder / name).is_dir() or self.remove(name)

    def remove(self, name: str) -> bool:
        """Remove one from the folder; False where somebody is reading it."""
        path = self.folder / name
        try:
            with _locked(path / _LOCK, shared=False):
                # Its name goes first: what is half removed is no snapshot.
                going = Path(tempfile.mkdtemp(prefix=".going-", dir=self.folder))
                path.rename(going / name)
        except (BlockingIOError, FileNotFoundError):
            return False
        shutil.rmtree(going, ignore_errors=True)
        return True

    def _age(self, name: str, now: datetime) -> timedelta:
        taken = datetime.strptime(name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=now.tzinfo)
        return now - taken

    def _sweep(self) -> None:
        """Take away what killed processes left half made."""
        if not self.folder.is_dir():
            return
        for path in self.folder.glob(".*-*"):
            with suppress(OSError):
                if path.is_dir() and time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)

    def _fetch(self, snapshot: Snapshot) -> bool:
        """Copy one from the store into the folder; False where that cannot be had whole."""
        if self.shared is None:
            return False
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".fetching-", dir=self.folder))
        try:
            store = _Shared(self.shared)
            for name, file in snapshot.files.items():
                store.fetch(snapshot.name, name, made / name)
                if file_of(made / name) != file:
                    self._refuse(f"the snapshot {snapshot.name} in the store is damaged ({name}) and is not used")
                    return False
            (made / MANIFEST).write_text(snapshot.manifest(self.keys), encoding="utf-8")
            made.rename(snapshot.folder)
            self.is_undamaged(snapshot)
        except (ConsentmgrError, OSError) as missing:
            # Pruned meanwhile, or another process has fetched it, or the store is away.
            self._refuse(f"the snapshot {snapshot.name} could not be fetched ({type(missing).__name__})")
            return snapshot.folder.is_dir()
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return True


def store_of(settings: Settings, keys: AddressKeys) -> SnapshotStore:
    """Where this installation's snapshots are."""
    return SnapshotStore(settings.data_folder / "snapshots", keys, settings.snapshots)


def _seen(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


@contextmanager
def _locked(path: Path, *, shared: bool) -> Iterator[None]:
    """Hold the lock file. Raises ``BlockingIOError`` where it is held by others, ``FileNotFoundError`` without folder."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - Windows keeps open files from being removed by itself
        yield
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


class _Shared:
    """A folder or bucket that several machines see. Every failure of it is ``Unavailable``, without its address."""

    def __init__(self, address: str) -> None:
        self._files, self._base = _opened(address)

    def _path(self, *parts: str) -> str:
        return "/".join((self._base, *parts))

    def names(self) -> list[str]:
        """Names of snapshots, newest first, whole or not."""
        from pyarrow.fs import FileSelector

        def listed() -> Sequence[str]:
            selector = FileSelector(self._base, allow_not_found=True)
            return [found.base_name for found in self._files.get_file_info(selector)]

        return sorted((name for name in self._told(listed) if NAME.fullmatch(name)), reverse=True)

    def manifest(self, name: str) -> bytes | None:
        """The manifest's bytes, or None where there is none (yet)."""

        def read() -> bytes | None:
            try:
                with self._files.open_input_stream(self._path(name, MANIFEST), compression=None) as stream:
                    return bytes(stream.read())
            except FileNotFoundError:
                return None

        return self._told(read)

    def put(self, snapshot: Snapshot, manifest: str) -> None:
        """Copy a snapshot here, its manifest last."""

        def copy() -> None:
            self._files.create_dir(self._path(snapshot.name), recursive=True)
            for name in snapshot.files:
                with (
                    (snapshot.folder / name).open("rb") as source,
                    self._files.open_output_stream(self._path(snapshot.name, name), compression=None) as target,
                ):
                    while piece := source.read(_PIECE_BYTES):
                        target.write(piece)
            with self._files.open_output_stream(self._path(snapshot.name, MANIFEST), compression=None) as target:
                target.write(manifest.encode())

        self._told(copy)

    def fetch(self, snapshot: str, name: str, path: Path) -> None:
        """Copy one file of a snapshot to ``path``."""

        def copy() -> None:
            with (
                self._files.open_input_stream(self._path(snapshot, name), compression=None) as source,
                path.open("wb") as target,
            ):
                while piece := source.read(_PIECE_BYTES):
                    target.write(piece)

        self._told(copy)

    def remove(self, name: str) -> None:
        """Remove a snapshot, its manifest first: what is half removed is no snapshot."""

        def away() -> None:
            with suppress(FileNotFoundError):
                self._files.delete_file(self._path(name, MANIFEST))
            with suppress(FileNotFoundError):
                self._files.delete_dir(self._path(name))

        self._told(away)

    @staticmethod
    def _told(work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except OSError as error:
            raise Unavailable(f"the store of snapshots does not answer ({type(error).__name__})") from None


def _opened(address: str) -> tuple[FileSystem, str]:
    """The file system of a store's address, and the path in it."""
    from pyarrow import ArrowException
    from pyarrow.fs import FileSystem

    try:
        files, base = FileSystem.from_uri(address)
    except (OSError, ValueError, NotImplementedError, ArrowException):
        # The reader's own words quote the address, which may hold a secret.
        raise Unavailable("CONSENTMGR_SNAPSHOTS names a store that cannot be opened") from None
    return files, str(base).rstrip("/")

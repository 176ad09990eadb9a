"""The product's own PostgreSQL, in its data folder: started when a command needs it, stopped by the last that used it.

How the processes of one data folder get along, without any list of process ids that a crash could leave wrong:

- Every process that uses the server holds a shared lock on ``in-use.lock``. The kernel drops the lock when the
  process ends, however it ends.
- A process that starts or stops the server holds ``start.lock`` alone.
- At its end a process tries to take ``in-use.lock`` alone. If it can, it was the last, and stops the server.

Whether the server runs is asked of its socket, never of a pid file. What ``kill -9`` leaves behind (pid files, the
socket, a half-made cluster) is recognised and cleared by the next start. See docs/decisions/0002-embedded-postgres.md.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from consentmgr.kit.errors import CheckFailed, Unavailable
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.postgres_cluster import (
    account_id,
    clean_environment,
    cluster_version,
    command_line,
    give_to_account,
    make_cluster,
)

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A socket's path may have 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 103
SOCKET_NAME = ".s.PGSQL.5432"

#: The question a client may begin with, "do you speak TLS?"; a server answers it with one letter.
SSL_REQUEST = bytes.fromhex("0000000804d2162f")

#: Seconds a server may take to come up. Replaying a full write-ahead log after a crash takes minutes, not seconds.
START_LIMIT = 600.0
STOP_LIMIT = 120.0
#: Seconds the processes of a killed server may take to end.
LINGER_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where to connect: the folder of the socket, and the port its name carries."""

    socket_folder: Path
    port: int = 5432

    @property
    def socket(self) -> Path:
        return self.socket_folder / f".s.PGSQL.{self.port}"


class EmbeddedPostgres:
    """The server of one data folder, as this process sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.cluster = self.folder / "cluster"
        self.log = self.folder / "server.log"
        self._keep_running = self.folder / "keep-running"
        self._in_use: IO[bytes] | None = None
        self._started: subprocess.Popen[bytes] | None = None
        self._owner_pid = os.getpid()

    # ---------------------------------------------------------------- what the rest of the product asks

    def open(self, *, create: bool = False) -> ServerAddress:
        """Start the server if it is down, and hold it until ``close``; with ``create``, make the cluster first.

        Raises ``Unavailable`` with one sentence where that cannot be done.
        """
        if sys.platform == "win32":
            raise Unavailable("the built-in database does not run on Windows yet; set CONSENTMGR_DATABASE_URL")
        if not create and not self.cluster.exists():
            raise Unavailable(f"there is no database in {self.folder.parent}; run consentmgr init")
        if self._in_use is None:
            make_private_folder(self.folder)
            self._in_use = _lock_file(self.folder / "in-use.lock")
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
            self._owner_pid = os.getpid()
            atexit.register(self.close)
        try:
            with self._alone():
                return self.running_at() or self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the server, and stop it if no other process uses it and it was not asked to keep running."""
        if self._in_use is None or self._owner_pid != os.getpid():
            return
        atexit.unregister(self.close)
        held, self._in_use = self._in_use, None
        with held, suppress(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._keep_running.exists():
                with self._alone():
                    self._stop()
        if self._started is not None:
            # Nobody waits for a server that is left running; this tells the object so.
            self._started.returncode = self._started.poll() or 0
            self._started = None

    def running_at(self) -> ServerAddress | None:
        """The address of the running server, or None. Asks the socket, since a pid file may be left from a crash."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            address = ServerAddress(Path(lines[4]), int(lines[3]))
        except (OSError, IndexError, ValueError):
            return None
        return address if _answers(address.socket) else None

    def keep_running(self) -> ServerAddress:
        """Start the server and leave it running when this process and all others have ended."""
        address = self.open()
        self._keep_running.touch(mode=0o600)
        return address

    def stop(self) -> bool:
        """Stop the server for good; whether it ran. Raises ``CheckFailed`` while another process uses it."""
        if not self.cluster.exists():
            return False
        self._keep_running.unlink(missing_ok=True)
        with _lock_file(self.folder / "in-use.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CheckFailed(
                    "another consentmgr process uses the database; it will be stopped when the last one ends"
                ) from None
            with self._alone():
                ran = self.running_at() is not None
                self._stop()
        return ran

    # ---------------------------------------------------------------- starting

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with _lock_file(self.folder / "start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _start(self) -> ServerAddress:
        if not self.cluster.exists():
            make_cluster(self.cluster)
        self._rotate_log()
        address = ServerAddress(self._socket_folder())
        quoted = '"' + str(address.socket_folder).replace('"', '""') + '"'
        server = command_line("postgres", cluster_version(self.cluster))
        began = time.monotonic()
        while True:
            self._clear_leftovers()
            with self.log.open("ab") as log:
                self._started = subprocess.Popen(
                    [*server, "-D", str(self.cluster), "-c", f"unix_socket_directories={quoted}"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # A session of its own: Ctrl-C at our terminal is not meant for the server.
                    start_new_session=True,
                    env=clean_environment(),
                    cwd=self.folder,
                )
            if self._wait_until_ready():
                return address
            # Processes of a server that was killed may hold its shared memory or its pid file for a moment longer.
            if not self._was_in_the_way() or time.monotonic() > began + LINGER_LIMIT:
                raise Unavailable(f"the built-in database did not start: {self._last_words()} (see {self.log})")
            time.sleep(0.2)

    def _wait_until_ready(self) -> bool:
        """True when the server takes connections, False when it has ended."""
        assert self._started is not None
        told = False
        began = time.monotonic()
        while self._started.poll() is None:
            if self._says_ready(self._started.pid):
                return True
            if time.monotonic() > began + START_LIMIT:
                self._started.terminate()
                raise Unavailable(f"the built-in database did not start in {START_LIMIT:.0f} seconds (see {self.log})")
            if not told and time.monotonic() - began > 5:
                told = True
                sys.stderr.write("consentmgr: the database is starting after a crash; this can take minutes\n")
            time.sleep(0.005)
        self._started = None
        return False

    def _says_ready(self, pid: int) -> bool:
        with suppress(OSError):
            lines = (self.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"
        return False

    def _was_in_the_way(self) -> bool:
        return any(words in self._last_words() for words in ("still in use", "already exists"))

    def _last_words(self) -> str:
        """The newest reason in the server's log. Its log holds no personal data (``CONFIGURATION``)."""
        with suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
            for line in reversed(lines):
                if "FATAL" in line or "PANIC" in line or "could not" in line:
                    return line.split(":  ", 1)[-1]
        return "it gave no reason"

    def _clear_leftovers(self) -> None:
        """Remove what a killed server left, once its pid is known not to be a server of this cluster.

        PostgreSQL itself refuses to start where the pid in its file is alive, even when that number has since gone
        to some other program, as it does in containers.
        """
        pid_file = self.cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text(encoding="utf-8").split(maxsplit=1)[0])
        except (OSError, ValueError, IndexError):
            pid_file.unlink(missing_ok=True)
            return
        if not self._is_our_server(pid):
            pid_file.unlink()

    def _is_our_server(self, pid: int) -> bool:
        """Whether this process id is a living server of this cluster, by the command line it was started with.

        Anyone may read that, where a process's working folder may be closed even to root (in a container).
        """
        if sys.platform == "linux":
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                return False
        else:
            # Outside Linux this cannot be read from a file; on Linux the import is not worth its time.
            import psutil

            try:
                words = [os.fsencode(word) for word in psutil.Process(pid).cmdline()]
            except psutil.Error:
                return False
        if not words or not words[0].endswith(b"postgres") or b"-D" not in words[:-1]:
            return False
        return Path(os.fsdecode(words[words.index(b"-D") + 1])).resolve() == self.cluster.resolve()

    def _rotate_log(self) -> None:
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > 1_000_000:
                self.log.replace(self.log.with_suffix(".log.old"))

    def _socket_folder(self) -> Path:
        """A folder only we can open, whose path is short enough for a socket and safe in a connection string."""
        inside = self.folder / "socket"
        path = os.fsencode(inside / SOCKET_NAME)
        if len(path) <= LONGEST_SOCKET_PATH and b"," not in path:
            folder = inside
        else:
            name = hashlib.sha256(os.fsencode(self.folder.resolve())).hexdigest()[:16]
            folder = Path(_short_temporary_folder()) / f"consentmgr-{os.geteuid()}-{name}"
        make_private_folder(folder, other_owner=account_id())
        for left in (folder / SOCKET_NAME, folder / f"{SOCKET_NAME}.lock"):
            left.unlink(missing_ok=True)
        give_to_account(folder)
        return folder

    # ---------------------------------------------------------------- stopping

    def _stop(self) -> None:
        """Ask for a fast shutdown, which ends sessions and writes a checkpoint, and wait for it."""
        pid_file = self.cluster / "postmaster.pid"
        address = self.running_at()
        if address is None:
            return
        pid = int(pid_file.read_text(encoding="utf-8").split(maxsplit=1)[0])
        if not self._is_our_server(pid):
            # A server in another container that shares this folder: its number means something else here.
            return
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_LIMIT
        while pid_file.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        if self._started is not None and self._started.pid == pid:
            with suppress(subprocess.TimeoutExpired):
                self._started.wait(timeout=max(0.0, deadline - time.monotonic()))
        if address.socket_folder.parent != self.folder:
            with suppress(OSError):
                address.socket_folder.rmdir()


def _answers(path: Path) -> bool:
    """Whether a living server takes connections here. A killed one's socket may take one yet never answers it."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(10)
        try:
            probe.connect(str(path))
            probe.sendall(SSL_REQUEST)
            return probe.recv(1) in (b"N", b"S")
        except TimeoutError:
            return True  # Too busy to answer, but there.
        except OSError:
            return False


def _short_temporary_folder() -> str:
    """The user's runtime folder, else the temporary one. Where a running server's socket is, its pid file says."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return runtime if runtime and len(runtime) < 40 and os.access(runtime, os.W_OK) else tempfile.gettempdir()


def _lock_file(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")

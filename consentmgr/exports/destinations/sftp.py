"""SFTP: written under another name, synced where the server can, renamed. The server's host key is pinned."""

from __future__ import annotations

import asyncio
import secrets as random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from glob import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from consentmgr.edge.reachable import Network, checked_address
from consentmgr.edge.web_requests import LARGEST_ANSWER
from consentmgr.exports.destinations.destination import Destination, DestinationKind
from consentmgr.kit.errors import BadInput, NotDelivered, Unavailable

if TYPE_CHECKING:
    import asyncssh

Done = TypeVar("Done")

CONNECT_SECONDS = 15
FILE_SECONDS = 1800


class Sftp:
    """One connection, opened at the first file."""

    def __init__(self, options: Mapping[str, Any], secrets: Mapping[str, str], named: Sequence[Network]) -> None:
        self._options = options
        self._secrets = secrets
        self._named = named
        self._folder = PurePosixPath(options["path"])

    def put(self, name: str, source: Path) -> None:
        self._do(lambda sftp: self._write(sftp, name, source))

    def read(self, name: str) -> bytes | None:
        return self._do(lambda sftp: self._fetch(sftp, name))

    def _do(self, work: Callable[[asyncssh.SFTPClient], Awaitable[Done]]) -> Done:
        """Connect, do one thing, and leave. Raises ``NotDelivered``."""
        try:
            import asyncssh
        except ImportError:
            raise Unavailable("SFTP needs the extra: pip install 'consentmgr[sftp]'") from None
        host = self._options["host"]
        try:
            # In a thread of its own, because the caller's may have an event loop running already.
            with ThreadPoolExecutor(1, thread_name_prefix="sftp") as thread:
                done = thread.submit(lambda: asyncio.run(self._connected(work))).result()
        except asyncssh.HostKeyNotVerifiable:
            raise NotDelivered(f"{host} shows another host key than the one pinned; nothing was sent") from None
        except asyncssh.PermissionDenied:
            raise NotDelivered(f"{host} does not let {self._options['user']} in") from None
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise NotDelivered(f"{host}: {type(error).__name__}") from None
        return done

    async def _connected(self, work: Callable[[asyncssh.SFTPClient], Awaitable[Done]]) -> Done:
        import asyncssh

        host, port = self._options["host"], self._options["port"]
        address = checked_address(host, port, self._named)
        alias = host if port == 22 else f"[{host}]:{port}"
        known = asyncssh.import_known_hosts(f"{alias} {self._secrets['host_key']}\n")
        private = self._secrets.get("private_key")
        async with asyncio.timeout(FILE_SECONDS):
            connection = await asyncssh.connect(
                address,
                port,
                username=self._options["user"],
                password=self._secrets.get("password"),
                client_keys=[asyncssh.import_private_key(private)] if private else None,
                agent_path=None,
                config=None,
                known_hosts=known,
                host_key_alias=host,
                connect_timeout=CONNECT_SECONDS,
                login_timeout=CONNECT_SECONDS,
            )
            try:
                sftp = await connection.start_sftp_client()
                try:
                    return await work(sftp)
                finally:
                    sftp.exit()
                    await sftp.wait_closed()
            finally:
                connection.close()
                await connection.wait_closed()

    async def _fetch(self, sftp: asyncssh.SFTPClient, name: str) -> bytes | None:
        import asyncssh

        try:
            async with sftp.open(str(self._folder / name), "rb") as file:
                data: Any = await file.read(LARGEST_ANSWER + 1)
        except asyncssh.SFTPNoSuchFile:
            return None
        return bytes(data) if len(data) <= LARGEST_ANSWER else None

    async def _write(self, sftp: asyncssh.SFTPClient, name: str, source: Path) -> None:
        import asyncssh

        fresh = str(self._folder / f".{name}.{random.token_hex(4)}.part")
        try:
            await sftp.put(str(source), fresh)
            async with sftp.open(fresh, "r+b") as file:
                # Some servers cannot be asked; what they acknowledge is theirs to keep.
                with suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()
            await sftp.posix_rename(fresh, str(self._folder / name))
            # What a process left here that was killed while it wrote this file. A server may let nobody list.
            with suppress(asyncssh.SFTPError):
                for left in await sftp.glob(f"{self._folder}/.{escape(name)}.*.part"):
                    await sftp.remove(left)
        except BaseException:
            with suppress(asyncssh.Error, OSError):
                await sftp.remove(fresh)
            raise

    def close(self) -> None:
        """Connections end with their file."""


def _check(address: str) -> Mapping[str, Any]:
    try:
        parts = urlsplit(address)
        port = parts.port or 22
    except ValueError:
        raise BadInput("is not an SFTP address", field="--to") from None
    if not parts.hostname or not parts.username or parts.password:
        raise BadInput("is sftp://user@host/folder; a password comes by --secret-file password=FILE", field="--to")
    return {
        "host": parts.hostname,
        "port": port,
        "user": unquote(parts.username),
        "path": unquote(parts.path) or "/",
    }


def _open(options: Mapping[str, Any], secrets: Mapping[str, str], named: Sequence[Network]) -> Destination:
    if "host_key" not in secrets:
        raise NotDelivered(
            "the server's host key is missing; give the line ssh-keyscan prints, from the key type on, with "
            "--secret-file host_key=FILE"
        )
    return Sftp(options, secrets, named)


KIND = DestinationKind(
    "sftp", "an SFTP server: sftp://user@host/folder", _check, _open, ("host_key", "password", "private_key")
)

"""Backups: PostgreSQL's own dump of one position, what it is of, and the proof that it can be restored.

A backup is a folder: ``register.dump`` (pg_dump, custom format) and ``backup.json``, signed, which names the dump's
hash, the position, the sixteen chains' heads and the ids of the keys it needs; and ``attachments.tar``, the files that
are the evidence of acts, each sealed (``kit.sealed_files``) and called by its id. Keys themselves are never in it: a
backup that holds its own keys is a register for whoever finds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from consentmgr import __version__
from consentmgr.consents.heads import heads
from consentmgr.consents.verification import verify
from consentmgr.database_addresses import told_to_driver
from consentmgr.database_checks import known_revisions
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput, CheckFailed, Unavailable
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.kit.sealed_files import seal, unseal
from consentmgr.kit.signing import public_jwk, sign_jws, verify_jws
from consentmgr.postgres_cluster import DATABASE, SUPERUSER, clean_environment, client_program

SCHEMA: Final = "consentmgr.backup/1"
DUMP: Final = "register.dump"
ABOUT: Final = "backup.json"
ATTACHMENTS: Final = "attachments.tar"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made, or read and found whole."""

    folder: Path
    about: Mapping[str, Any]

    @property
    def dump(self) -> Path:
        return self.folder / DUMP

    @property
    def attachments(self) -> Path | None:
        """The files of acts; None in a backup of the first versions, which had none."""
        return self.folder / ATTACHMENTS if self.about.get("attachments") else None

    @property
    def taken_at(self) -> datetime:
        return datetime.fromisoformat(str(self.about["taken_at"]))


def make_backup(
    database: Database,
    keys: Keys,
    target: Path,
    *,
    now: datetime,
    tell: Tell = lambda _step: None,
    attachments: Path | None = None,
) -> Backup:
    """Write a backup to the new folder ``target``, and try it in a scratch database before it gets its name.

    ``attachments`` is the store of the files of acts (``people.attachments``), for the installation that has any.
    Raises ``BadInput`` where the folder is there already, ``Unavailable`` or ``CheckFailed`` where it cannot be made
    or does not restore; then nothing is left.
    """
    if target.exists():
        raise BadInput("is there already; a backup is written to a new folder", file=target)
    if not target.absolute().parent.is_dir():
        raise BadInput("there is no such folder to put it in", file=target.absolute().parent)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    make_private_folder(fresh)
    try:
        tell("dump")
        about = _dump(database, keys, fresh / DUMP, now)
        if attachments is not None:
            about["attachments"] = _pack(database, keys, attachments, fresh / ATTACHMENTS)
        token = sign_jws(about, keys.signing_key)
        _write(fresh / ABOUT, json.dumps({**about, "signature": token}, indent=2) + "\n")
        backup = Backup(fresh, about)
        tell("try")
        try_backup(database, backup, keys)
        fresh.rename(target)
        _sync(target.absolute().parent)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return Backup(target, about)


def _dump(database: Database, keys: Keys, path: Path, now: datetime) -> dict[str, Any]:
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with Session(engine) as session:
        # The dump and what is said of it are of the same position.
        snapshot = session.scalar(text("SELECT pg_export_snapshot()"))
        found = heads(session)
        position = session.scalar(text("SELECT pg_current_snapshot()::text"))
        revision = session.scalar(text("SELECT version_num FROM alembic_version"))
        contacts = session.scalar(text("SELECT count(*) FROM contact"))
        _run(
            "pg_dump",
            database.engine.url,
            ["--format=custom", "--no-owner", f"--snapshot={snapshot}", "--exclude-schema=scratch_*", f"--file={path}"],
            "the register could not be dumped",
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return {
        "schema": SCHEMA,
        "product": {"name": "consentmgr", "version": __version__},
        "taken_at": now.isoformat(),
        "revision": revision,
        "register_position": position,
        "contacts": contacts,
        "heads": {str(head.chain): {"seq": head.seq, "hash": head.hash.hex()} for head in found},
        "dump": {"name": DUMP, "sha256": digest, "bytes": path.stat().st_size},
        "keys": {"address_key": keys.address_key_id, "signing_key": str(public_jwk(keys.signing_key)["kid"])},
    }


def _pack(database: Database, keys: Keys, store: Path, path: Path) -> dict[str, Any]:
    """Pack the files of recorded acts, sealed; one that is gone from the disk, or damaged, is counted and left out."""
    with database.reading() as session:
        rows = session.execute(text("SELECT id, sha256 FROM attachment WHERE used_at IS NOT NULL ORDER BY id")).all()
    files = missing = 0
    with tarfile.open(path, "x", format=tarfile.PAX_FORMAT) as packed:
        for file_id, digest in rows:
            try:
                content = unseal((store / file_id.hex / "file").read_bytes(), digest, keys.address_key)
            except (OSError, CheckFailed):
                missing += 1
                continue
            sealed = seal(content, keys.address_key)
            member = tarfile.TarInfo(file_id.hex)
            member.size, member.mode = len(sealed), 0o600
            packed.addfile(member, BytesIO(sealed))
            files += 1
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return {
        "name": ATTACHMENTS, "sha256": digest, "bytes": path.stat().st_size, "files": files, "missing": missing
    }  # fmt: skip


def packed_files(backup: Backup) -> Iterator[tuple[UUID, bytes]]:
    """The files of acts in a backup, sealed, by id."""
    if backup.attachments is None:
        return
    with tarfile.open(backup.attachments) as packed:
        for member in packed:
            content = packed.extractfile(member)
            if content is None:
                raise CheckFailed(f"{backup.attachments} holds what is no file")
            yield UUID(hex=member.name), content.read()


def read_backup(folder: Path, keys: Keys) -> Backup:
    """A backup whose signature and hash hold and whose keys are ours. Raises ``BadInput`` or ``CheckFailed``."""
    try:
        shown = json.loads((folder / ABOUT).read_bytes())
    except FileNotFoundError:
        raise BadInput(f"holds no {ABOUT}: it is not a backup", file=folder) from None
    except (OSError, ValueError):
        raise BadInput(f"holds a {ABOUT} that cannot be read", file=folder) from None
    token = shown.pop("signature", None) if isinstance(shown, dict) else None
    if not isinstance(token, str):
        raise CheckFailed(f"{folder / ABOUT} is not signed")
    about = verify_jws(token, public_jwk(keys.signing_key))
    if about.get("schema") != SCHEMA or about != shown:
        raise CheckFailed(f"{folder / ABOUT} was changed after it was signed")
    if about["keys"]["address_key"] != keys.address_key_id:
        raise CheckFailed(
            "the backup was made with another address key: no ban in it would be found; put that key back"
        )
    for name, told in ((DUMP, about["dump"]), (ATTACHMENTS, about.get("attachments"))):
        if told is None:
            continue
        try:
            with (folder / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BadInput(f"cannot be read ({error.strerror})", file=folder / name) from None
        if digest != told["sha256"]:
            raise CheckFailed(f"{folder / name} is not what was made: it was changed, or copied in part")
    if about["revision"] not in known_revisions():
        raise CheckFailed("the backup is of a newer consentmgr; install that one")
    return Backup(folder, about)


def try_backup(database: Database, backup: Backup, keys: Keys) -> None:
    """Restore the backup into a scratch database, verify its ledger there, and open every file that belongs to it.

    Raises ``CheckFailed``.
    """
    with scratch_database(database) as url:
        load(url, backup)
        engine = create_engine(url, hide_parameters=True)
        try:
            check_restored(engine, backup)
            _check_files(engine, backup, keys)
        finally:
            engine.dispose()


def _check_files(engine: Engine, backup: Backup, keys: Keys) -> None:
    """Whether every file of the backup opens, is the one its row names, and none of those packed is missing."""
    if backup.attachments is None:
        return
    with engine.connect() as connection:
        wanted = {
            row[0]: str(row[1])
            for row in connection.execute(text("SELECT id, sha256 FROM attachment WHERE used_at IS NOT NULL"))
        }
    found = 0
    for file_id, sealed in packed_files(backup):
        found += 1
        if file_id in wanted:
            unseal(sealed, wanted[file_id], keys.address_key)
    if found != backup.about["attachments"]["files"]:
        raise CheckFailed(f"{backup.attachments} has not all the files it was made of")


def load(url: URL, backup: Backup) -> None:
    """Load the dump into an empty database, all of it or nothing. Raises ``Unavailable``."""
    _run(
        "pg_restore",
        url,
        ["--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={url.database}", str(backup.dump)],
        "the backup could not be restored",
    )


def check_restored(engine: Engine, backup: Backup) -> None:
    """Whether the restored ledger is whole and ends where the backup's did. Raises ``CheckFailed``."""
    with Session(engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)) as session:
        found = {str(head.chain): {"seq": head.seq, "hash": head.hash.hex()} for head in heads(session)}
        if found != backup.about["heads"]:
            raise CheckFailed("the restored ledger does not end where the backup's did")
        verification = verify(session)
        if verification.breaks:
            raise CheckFailed(f"the restored ledger is broken in {len(verification.breaks)} places")


@contextmanager
def scratch_database(database: Database) -> Iterator[URL]:
    """An empty database on the same server, gone at the end. Raises ``Unavailable`` where we may not make one."""
    name = f"consentmgr_try_{secrets.token_hex(6)}"
    with owner(database) as engine:
        try:
            with engine.connect() as connection:
                role = database.engine.url.username
                owned = f' OWNER "{role}"' if role else ""
                connection.execute(text(f"CREATE DATABASE {name}{owned} TEMPLATE template0"))
        except (OperationalError, ProgrammingError):
            raise Unavailable(
                "the backup could not be tried: the database's role may not create a database; grant it CREATEDB"
            ) from None
        try:
            yield database.engine.url.set(database=name)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@contextmanager
def owner(database: Database) -> Iterator[Engine]:
    """An engine on the server's ``postgres`` database; of the built-in server as its superuser."""
    url = database.engine.url.set(database="postgres")
    if database.is_built_in:
        url = url.set(username=SUPERUSER)
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        yield engine
    finally:
        engine.dispose()


#: The variables of PostgreSQL's programs, by what the driver calls the same.
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}


def _run(program: str, url: URL, arguments: list[str], trouble: str) -> None:
    """Run one of PostgreSQL's programs; the address goes by environment, where no other user can read it."""
    environment = clean_environment()
    told = told_to_driver(url)
    environment.update({variable: str(told[name]) for name, variable in _VARIABLES.items() if name in told})
    environment.setdefault("PGDATABASE", DATABASE)
    done = subprocess.run(
        [client_program(program), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        # Its words may quote rows; the first line names the cause.
        said = (done.stderr.strip().splitlines() or ["it gave no reason"])[0]
        raise Unavailable(f"{trouble}: {said[:200]}")


def _write(path: Path, content: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

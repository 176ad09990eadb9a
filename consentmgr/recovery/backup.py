"""Backups: PostgreSQL's own dump of one position, what it is of, and the proof that it can be restored.

A backup is a folder: ``register.dump`` (pg_dump, custom format) and ``backup.json``, signed, which names the dump's
hash, the position, the sixteen chains' heads and the ids of the keys it needs. Keys themselves are never in it: a
backup that holds its own keys is a register for whoever finds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from consentmgr import __version__
from consentmgr.consents.ledger import heads
from consentmgr.consents.verification import verify
from consentmgr.db import Database, known_revisions
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput, CheckFailed, Unavailable
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.kit.signing import public_jwk, sign_jws, verify_jws
from consentmgr.postgres_cluster import DATABASE, SUPERUSER, clean_environment, client_program

SCHEMA: Final = "consentmgr.backup/1"
DUMP: Final = "register.dump"
ABOUT: Final = "backup.json"

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
    def taken_at(self) -> datetime:
        return datetime.fromisoformat(str(self.about["taken_at"]))


def make_backup(
    database: Database, keys: Keys, target: Path, *, now: datetime, tell: Tell = lambda _step: None
) -> Backup:
    """Write a backup to the new folder ``target``, and try it in a scratch database before it gets its name.

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
        token = sign_jws(about, keys.signing_key)
        _write(fresh / ABOUT, json.dumps({**about, "signature": token}, indent=2) + "\n")
        backup = Backup(fresh, about)
        tell("try")
        try_backup(database, backup)
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
    try:
        with (folder / DUMP).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})", file=folder / DUMP) from None
    if digest != about["dump"]["sha256"]:
        raise CheckFailed(f"{folder / DUMP} is not the dump that was made: it was changed, or copied in part")
    if about["revision"] not in known_revisions():
        raise CheckFailed("the backup is of a newer consentmgr; install that one")
    return Backup(folder, about)


def try_backup(database: Database, backup: Backup) -> None:
    """Restore the backup into a scratch database and verify its ledger there. Raises ``CheckFailed``."""
    with scratch_database(database) as url:
        load(url, backup)
        engine = create_engine(url, hide_parameters=True)
        try:
            check_restored(engine, backup)
        finally:
            engine.dispose()


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


def _run(program: str, url: URL, arguments: list[str], trouble: str) -> None:
    """Run one of PostgreSQL's programs; the address goes by environment, where no other user can read it."""
    environment = clean_environment()
    parts: dict[str, object] = {
        "PGHOST": url.query.get("host", url.host),
        "PGPORT": url.query.get("port", url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database or DATABASE,
        "PGSSLMODE": url.query.get("sslmode"),
        "PGSSLROOTCERT": url.query.get("sslrootcert"),
    }
    environment.update({name: str(value) for name, value in parts.items() if value is not None})
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

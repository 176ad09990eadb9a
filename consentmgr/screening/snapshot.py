"""The columnar snapshot: the register's frames whole, at one database position, as Parquet files.

Long lists are answered from it and from everything that changed since it was taken, so that the answer is the
register's at the position the screening reads, not the snapshot's. It is written by ``screening.snapshot_writing``, and
what changed since is told by ``screening.snapshot_changes``.

The folder holds keys and facts, no names and no addresses, and is made whole before it gets its name. Its frames are
made ready for any campaign: kinds of acts told apart (``screening.kinds``), contact points with their contact
(``facts.holders``), so that a list meets most of what is asked in one join.

Its manifest says what it is of, and the bytes and SHA-256 of every file, under a seal made with the address key: what
somebody else put into the store, or changed, is refused. Where snapshots lie is ``screening.snapshot_store``.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from psycopg import Connection

from consentmgr.database_identity import DATABASE_IDENTITY
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.screening import point_records
from consentmgr.screening.facts.holders import ONLY, PERSON
from consentmgr.screening.kinds import KIND_COLUMNS, KIND_OF, KINDS_OF, OWN_COLUMNS
from consentmgr.screening.register_frames import BY_NAME, FRAMES

MANIFEST = "manifest.json"
#: Names sort by the time they were taken.
NAME = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")

#: Every frame of a snapshot and its columns: the register's own, made ready.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    **{frame.name: tuple(frame.schema.names) for frame in FRAMES},
    "contacts": (*BY_NAME["contacts"].schema.names, *ONLY),
    # Marked are points and roles of contacts that have no other: what asks for several need not look at them.
    "points": (*BY_NAME["points"].schema.names, *PERSON, "sole"),
    "roles": (*BY_NAME["roles"].schema.names, "alone"),
    **{name: (*own, "alone", KIND_OF[name]) for name, own in OWN_COLUMNS.items()},
    **{KINDS_OF[name]: (KIND_OF[name], *columns) for name, columns in KIND_COLUMNS.items()},
}
#: What of acts and relations is asked nowhere but of the contact's points, where it is the contact's only one
#: (``facts.holders``): most of them, and so the frames leave it out.
TOLD_WITH_THE_POINT = {"acts": "event in ('consent_given', 'guardian_consented')", "relations": "true"}


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One file of a snapshot, as its maker wrote it."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot. ``position`` is PostgreSQL's own text of the transaction snapshot it was read in.

    ``database`` names the cluster, timeline, database and schema; ``layout`` the columns and what they are selected
    by; ``key_id`` the address key its digests were made with; ``rows`` counts the register's own frames.
    """

    folder: Path
    position: str
    database: str
    taken_at: str
    layout: str
    key_id: int
    rows: Mapping[str, int]
    notices: Sequence[str]
    files: Mapping[str, SnapshotFile]
    #: Contacts of whom something has changed since, where that was asked already (``usable``).
    changed: frozenset[int] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.bytes for file in self.files.values())

    def manifest(self, keys: AddressKeys) -> str:
        """What is written beside the files, under a seal."""
        told = {
            "name": self.name,
            "position": self.position,
            "database": self.database,
            "taken_at": self.taken_at,
            "layout": self.layout,
            "key_id": self.key_id,
            "rows": dict(self.rows),
            "notices": list(self.notices),
            "files": {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in self.files.items()},
        }
        return json.dumps({**told, "seal": _seal(told, keys)}, indent=1)


def snapshot_of(manifest: bytes | str, folder: Path, keys: AddressKeys) -> Snapshot:
    """The snapshot a manifest tells of. Raises ``BadInput`` where it is not whole, or was not made by this installation."""
    try:
        told = json.loads(manifest)
        seal = told.pop("seal")
        sealed = hmac.compare_digest(seal, _seal(told, keys))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"the snapshot {folder.name} has no whole manifest") from None
    if not sealed:
        raise BadInput(f"the snapshot {folder.name} was not made with this installation's address key, or was changed")
    if told.pop("name") != folder.name:
        raise BadInput(f"the snapshot {folder.name} was made under another name")
    files = {name: SnapshotFile(**file) for name, file in told.pop("files").items()}
    return Snapshot(folder=folder, files=files, **told)


def _seal(told: Mapping[str, Any], keys: AddressKeys) -> str:
    data = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(b"snapshot\0" + data, key=keys.secret, digest_size=32).hexdigest()


@cache
def layout() -> str:
    """Names by a digest the frames' columns and what they are selected by: one of another layout is not read."""
    columns = ";".join(f"{name}({','.join(columns)})" for name, columns in COLUMNS.items())
    left_out = ";".join(f"{name}:{condition}" for name, condition in TOLD_WITH_THE_POINT.items())
    records = f"{point_records.LAYOUT}"
    return hashlib.sha256(
        "\n".join((columns, left_out, records, *(frame.select for frame in FRAMES))).encode()
    ).hexdigest()


def file_names() -> list[str]:
    """The files of a snapshot of the present layout, without its manifest."""
    return [*(f"{name}.parquet" for name in COLUMNS), *point_records.file_names()]


def database_of(connection: Connection[Any]) -> str:
    """Which cluster, timeline, database and schema (``database_identity``)."""
    with connection.cursor() as cursor:
        cursor.execute(f"select {DATABASE_IDENTITY}".encode())
        (told,) = cursor.fetchone() or ("",)
    return str(told)


def notices_of(connection: Connection[Any]) -> list[str]:
    """The notices that the register knows, each with version and language."""
    with connection.cursor() as cursor:
        cursor.execute("select key || '/' || version || '/' || language from notice order by 1")
        return [row[0] for row in cursor.fetchall()]

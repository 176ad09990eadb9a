"""A standby that takes over: nobody who left is forgotten, though it had not been told, and nothing old is believed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from consentmgr.config import Settings
from consentmgr.consents.verification import verify
from consentmgr.db import open_database
from consentmgr.embedded_postgres import EmbeddedPostgres, ServerAddress
from consentmgr.keys import load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.errors import Unavailable
from consentmgr.postgres_cluster import DATABASE, ROLE, SUPERUSER, clean_environment, cluster_version, command_line
from consentmgr.prohibitions import journal
from consentmgr.recovery.backup import make_backup
from consentmgr.screening.run import built
from consentmgr.screening.snapshot_store import store_of
from tests.recovery.test_recovery import blocked, inhabited, leave
from tests.serving.test_database_away import wait_until

PEOPLE = 12
STANDBY_PORT = 5433


class Standby:
    """A server that follows another by streaming replication, until it is told to take over."""

    def __init__(self, cluster: Path, socket_folder: Path) -> None:
        self.cluster, self.address = cluster, ServerAddress(socket_folder, STANDBY_PORT)
        server = command_line("postgres", cluster_version(cluster))
        place = ["-c", f"unix_socket_directories={socket_folder}", "-c", f"port={STANDBY_PORT}"]
        with (cluster.parent / "standby.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*server, "-D", str(cluster), *place],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(), cwd=cluster.parent,
            )  # fmt: skip

    def asked(self, question: str) -> Any:
        """The one value it answers its owner; None where it takes no connections yet."""
        return asked(self.address, question)

    def close(self) -> None:
        os.kill(int((self.cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0]), signal.SIGQUIT)
        self._process.wait(30)


def asked(address: ServerAddress, question: str) -> Any:
    place = {"host": str(address.socket_folder), "port": str(address.port)}
    try:
        with psycopg.connect(user=SUPERUSER, dbname=DATABASE, autocommit=True, **place) as connection:
            done = connection.execute(question)  # type: ignore[call-overload]
            row = done.fetchone() if done.description else None
            return row[0] if row else None
    except psycopg.OperationalError:
        return None


@pytest.fixture
def primary(own_installation: Settings, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """The server of an installation with people, beside a copy of its cluster that can follow it."""
    inhabited(own_installation, PEOPLE)
    server = EmbeddedPostgres(own_installation.postgres_folder)
    copy = tmp_path / "standby"
    shutil.copytree(server.cluster, copy)
    for original in (server.cluster, *server.cluster.rglob("*")):
        found = original.stat()
        os.chown(copy / original.relative_to(server.cluster), found.st_uid, found.st_gid)
    server.open()
    yield server
    server.close()


@pytest.fixture
def standby(primary: EmbeddedPostgres, tmp_path: Path) -> Iterator[Standby]:
    address = primary.running_at()
    assert address is not None
    cluster = tmp_path / "standby"
    (cluster / "standby.signal").touch()
    with (cluster / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(f"\nprimary_conninfo = 'host={address.socket_folder} port={address.port} user={SUPERUSER}'\n")
    following = Standby(cluster, address.socket_folder)
    wait_until(lambda: following.asked("SELECT status FROM pg_stat_wal_receiver") == "streaming", "it follows")
    yield following
    following.close()


def test_whoever_left_is_left_when_a_standby_takes_over_that_had_not_been_told(
    own_installation: Settings,
    primary: EmbeddedPostgres,
    standby: Standby,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = primary.running_at()
    assert first is not None
    hosts = "&".join(f"host={quote(str(one.socket_folder))}:{one.port}" for one in (first, standby.address))
    both = f"postgresql://{ROLE}@/{DATABASE}?{hosts}&target_session_attrs=read-write"
    settings = replace(own_installation, database_url=both)
    keys = load_keys(settings)
    store = store_of(settings, AddressKeys(keys.address_key, keys.address_key_id))
    with open_database(settings) as database:
        leave(database, settings, keys, range(4))
        written = asked(first, "SELECT pg_current_wal_lsn()")
        wait_until(lambda: standby.asked(f"SELECT pg_last_wal_replay_lsn() >= '{written}'"), "it has caught up")
        # From here on it is told nothing more.
        standby.asked("ALTER SYSTEM SET primary_conninfo = ''")
        standby.asked("SELECT pg_reload_conf()")
        wait_until(lambda: standby.asked("SELECT count(*) FROM pg_stat_wal_receiver") == 0, "it follows no more")
        leave(database, settings, keys, range(4, 8))
        with database.reading() as session:
            taken = built(session, store, clock_now(), show=False)

        os.kill(int((primary.cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0]), signal.SIGQUIT)
        wait_until(lambda: primary.running_at() is None, "the first server is gone")
        assert standby.asked("SELECT pg_promote()") is True

        journal.catch_up(database, settings, keys, clock_now())
        assert blocked(database, keys, range(PEOPLE)) == {*range(8)}
        leave(database, settings, keys, range(8, 10))
        assert blocked(database, keys, range(PEOPLE)) == {*range(10)}
        with database.reading_plainly() as connection:
            # Its transactions' numbers have been given out again, to others.
            assert store.usable(connection) is None
            assert taken.folder.is_dir()
        # Processes and programs of their own find the server that took over, too.
        monkeypatch.setattr("consentmgr.consents.verification._PART", 16)
        with database.reading() as session:
            assert verify(session, processes=2).whole
            assert journal.caught_up(session, settings)
        standby.asked(f"ALTER ROLE {ROLE} CREATEDB")
        assert make_backup(database, keys, tmp_path / "backup", now=clock_now()).about["contacts"] == PEOPLE


def test_a_standby_is_refused_by_name(own_installation: Settings, standby: Standby) -> None:
    place = f"host={quote(str(standby.address.socket_folder))}&port={standby.address.port}"
    settings = replace(own_installation, database_url=f"postgresql://{ROLE}@/{DATABASE}?{place}")
    with pytest.raises(Unavailable, match="a standby.*target_session_attrs=read-write"), open_database(settings):
        pass

"""Snapshots are kept, shared, checked and taken away; what is damaged, foreign or holds the erased is not used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consentmgr.config import Settings, load_settings
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database
from consentmgr.importing.documents import decode
from consentmgr.importing.service import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, UnsafeSetting
from consentmgr.screening.decide import ACME, identifiers_of, told
from consentmgr.screening.jobs import keep_snapshot, renew_snapshot
from consentmgr.screening.run import snapshot_for
from consentmgr.screening.service import screen
from consentmgr.screening.snapshot import MANIFEST, Snapshot, file_names, layout, snapshot_of
from consentmgr.screening.snapshot_store import SnapshotStore, store_of
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import DEFAULT_POLICY
from tests.conftest import RunCommand, free_port

NOW = datetime(2026, 11, 9, 9, tzinfo=UTC)
CAMPAIGN = Campaign(key="consumer", controller="acme", product_group="training")
Take = Callable[..., None]


@pytest.fixture
def address_keys(keys: Keys) -> AddressKeys:
    return AddressKeys(keys.address_key, keys.address_key_id)


@pytest.fixture
def take(database: Database, address_keys: AddressKeys) -> Take:
    """Puts documents into the register."""

    def taking(*documents: dict[str, Any]) -> None:
        with database.transaction() as session:
            found = [ACME, *(decode(json.dumps(document).encode()) for document in documents)]
            changes = apply_documents(session, found, keys=address_keys, actor="test", now=NOW)  # type: ignore[arg-type]
            assert not changes.rejected, changes.rejected

    return taking


NOTICE = {"type": "notice", "key": "front", "version": 1, "language": "en", "text": "You may write to me.",
          "controllers": ["acme"], "channels": ["email"], "purposes": ["direct_marketing"]}  # fmt: skip


def person(number: int) -> dict[str, Any]:
    return {
        "type": "contact", "ref": f"crm:{number}",
        "points": [{"channel": "email", "value": f"person{number}@posti.example"}],
        "events": [{"event": "consent_given", "at": "2026-10-01T10:00:00+03:00", "controller": "acme",
                    "method": "web_form", "channels": ["email"], "purposes": ["direct_marketing"],
                    "notice": "front/1/en"}],
    }  # fmt: skip


@pytest.fixture
def people(take: Take) -> None:
    take(NOTICE, *(person(number) for number in range(1, 6)))


@pytest.fixture
def store(settings: Settings, address_keys: AddressKeys) -> SnapshotStore:
    return store_of(settings, address_keys)


def made(database: Database, store: SnapshotStore, now: datetime = NOW) -> Snapshot:
    with database.reading() as session:
        snapshot = store.build(driver_connection(session), now)
    assert store.share(snapshot)
    return snapshot


def used(database: Database, store: SnapshotStore) -> Snapshot | None:
    with database.reading() as session:
        return store.usable(driver_connection(session))


def answers(database: Database, keys: AddressKeys, snapshot: Snapshot | None) -> list[dict[str, Any]]:
    rows = identifiers_of([{"email": f"person{number}@posti.example"} for number in range(1, 8)])
    with database.reading() as session:
        return told(
            screen(
                session, rows, CAMPAIGN, keys=keys, policy=DEFAULT_POLICY, now=NOW, engine="duckdb", snapshot=snapshot
            )
        )


# ---------------------------------------------------------------------------------------------- what there is


def test_the_manifest_says_what_a_snapshot_is_of(
    database: Database, people: None, store: SnapshotStore, address_keys: AddressKeys
) -> None:
    snapshot = made(database, store)
    told_of = json.loads((snapshot.folder / MANIFEST).read_text())
    assert sorted(told_of["files"]) == sorted(file_names())
    assert all(len(file["sha256"]) == 64 and file["bytes"] > 0 for file in told_of["files"].values())
    assert told_of["rows"]["contacts"] == 5
    assert (told_of["key_id"], told_of["layout"]) == (address_keys.key_id, layout())
    assert told_of["taken_at"] == NOW.isoformat()
    assert store.snapshots() == [snapshot]


def test_an_unfinished_snapshot_is_never_used_and_old_ones_are_pruned(
    database: Database, people: None, store: SnapshotStore
) -> None:
    first, second = made(database, store), made(database, store, NOW + timedelta(hours=1))
    unfinished = store.folder / "20991231T000000-aaaaaa"
    unfinished.mkdir()
    (unfinished / MANIFEST).write_text(json.dumps({"name": unfinished.name}))
    assert [found.name for found in store.snapshots()] == [second.name, first.name]
    assert store.told == [f"the snapshot {unfinished.name} has no whole manifest"]
    shutil.rmtree(unfinished)
    assert store.prune(NOW + timedelta(hours=2)) == [first.name]
    found = used(database, store)
    assert found is not None
    assert found == second


def test_policy_keeps_the_newest_and_the_young(database: Database, people: None, store: SnapshotStore) -> None:
    names = [made(database, store, NOW + timedelta(hours=hour)).name for hour in range(4)]
    later = NOW + timedelta(hours=4)
    assert store.prune(later, keep=1, younger=timedelta(hours=3, minutes=30)) == [names[0]]
    assert store.prune(later, keep=2) == [names[1]]
    assert [found.name for found in store.snapshots()] == [names[3], names[2]]


def test_a_snapshot_that_is_being_read_is_not_taken_away(
    database: Database, people: None, store: SnapshotStore
) -> None:
    old, new = made(database, store), made(database, store, NOW + timedelta(hours=1))
    with store.reading(old):
        assert store.prune(NOW + timedelta(hours=2)) == []
        assert old.folder.is_dir()
    assert store.prune(NOW + timedelta(hours=2)) == [old.name]
    assert [found.name for found in store.snapshots()] == [new.name]


# ---------------------------------------------------------------------------------------------- what is not used


def test_a_snapshot_of_another_database_is_not_used(database: Database, people: None, store: SnapshotStore) -> None:
    snapshot = made(database, store)
    with database.scratch_schema() as other:
        assert used(other, store) is None
    assert used(database, store) == snapshot


def test_a_snapshot_of_another_installation_or_changed_is_refused(
    database: Database, people: None, store: SnapshotStore
) -> None:
    snapshot = made(database, store)
    other = SnapshotStore(store.folder, AddressKeys(os.urandom(32), store.keys.key_id))
    assert used(database, other) is None
    assert "was not made with this installation's address key" in other.told[0]
    path = snapshot.folder / MANIFEST
    path.write_text(path.read_text().replace('"contacts": 5', '"contacts": 6'))
    assert used(database, store) is None
    assert "was changed" in store.told[0]


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"seal": 1}', '{"seal": "å"}', "null", "\0"])
def test_a_manifest_that_is_none_is_refused(manifest: str, address_keys: AddressKeys, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="20261109T090000-abcdef"):
        snapshot_of(manifest, tmp_path / "20261109T090000-abcdef", address_keys)


def test_a_snapshot_taken_after_the_database_was_put_back_is_not_used(
    database: Database, people: None, store: SnapshotStore, address_keys: AddressKeys
) -> None:
    snapshot = made(database, store)
    ahead = replace(snapshot, position="99999999:99999999:")
    (snapshot.folder / MANIFEST).write_text(ahead.manifest(address_keys))
    assert used(database, store) is None


@pytest.mark.parametrize("damage", ["shorter", "other bytes", "missing"])
def test_a_damaged_snapshot_is_refused_and_taken_away(
    damage: str, database: Database, people: None, store: SnapshotStore
) -> None:
    snapshot = made(database, store)
    path = snapshot.folder / "points.parquet"
    if damage == "missing":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes(data[:-9] if damage == "shorter" else data[:100] + bytes(8) + data[108:])
    assert used(database, store) is None
    assert "is damaged" in store.told[0]
    assert store.snapshots() == []


@pytest.mark.parametrize(
    ("name", "last"), [("points.parquet", None), ("points_email_records.npy", None), ("points_email_records.npy", 4)]
)
def test_damage_that_is_found_while_reading_is_answered_from_a_new_snapshot(
    name: str,
    last: int | None,
    database: Database,
    take: Take,
    run_command: RunCommand,
    store: SnapshotStore,
    tmp_path: Path,
) -> None:
    from consentmgr.screening.service import BY_KEY_ROWS

    take(NOTICE, *(person(number) for number in range(1, 6)))
    snapshot = made(database, store)
    path = snapshot.folder / name
    before = path.stat()
    kept = path.read_bytes()[:-last] if last else b""
    path.write_bytes(kept + b"\x7f" * (before.st_size - len(kept)))
    # As a failing disk would: nothing shows from outside.
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert used(database, store) == snapshot
    rows = [f"person{number}@posti.example" for number in range(1, BY_KEY_ROWS + 2)]
    (tmp_path / "list.csv").write_text("\n".join(["email", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "campaign.json").write_text('{"key": "c", "controller": "acme", "product_group": "training"}')
    done = run_command("screen", "--campaign", "campaign.json", "list.csv")
    assert "is damaged" in done.stderr
    result = (tmp_path / "list.screened.csv").read_text(encoding="utf-8").splitlines()
    assert len(result) == BY_KEY_ROWS + 2
    assert sum(",allow," in line for line in result) == 5
    assert [found.name for found in store.snapshots()] != [snapshot.name]


# ---------------------------------------------------------------------------------------------- erasure


def test_after_an_erasure_the_overlay_hides_the_person_and_the_job_lets_the_facts_go(
    database: Database, take: Take, people: None, settings: Settings, keys: Keys, address_keys: AddressKeys
) -> None:
    store = store_of(settings, address_keys)
    old = made(database, store)
    assert answers(database, address_keys, old)[1]["verdict"] == "allow"
    take({"type": "event", "contact": "crm:2", "event": "erased", "at": "2026-11-08T10:00:00+02:00"})
    with_old = answers(database, address_keys, old)
    assert with_old == answers(database, address_keys, None)
    assert (with_old[1]["verdict"], with_old[1]["reason"]) == ("block", "ERASED_SUPPRESSED")
    assert "made" in keep_snapshot(database, settings, keys, NOW + timedelta(minutes=1))
    (new,) = store.snapshots()
    assert new.name != old.name
    assert answers(database, address_keys, new) == with_old
    assert keep_snapshot(database, settings, keys, NOW + timedelta(minutes=2)) == ""


def test_one_that_was_being_read_when_somebody_was_erased_goes_when_it_is_not_any_more(
    database: Database, take: Take, people: None, settings: Settings, keys: Keys, address_keys: AddressKeys
) -> None:
    store = store_of(settings, address_keys)
    old = made(database, store)
    take({"type": "event", "contact": "crm:2", "event": "erased", "at": "2026-11-08T10:00:00+02:00"})
    with store.reading(old):
        keep_snapshot(database, settings, keys, NOW + timedelta(minutes=1))
        assert len(store.snapshots()) == 2
    assert keep_snapshot(database, settings, keys, NOW + timedelta(minutes=2)) == "1 with erased people removed"
    assert [found.name for found in store.snapshots()] != [old.name]


def test_the_jobs_do_nothing_where_nobody_asked_for_a_snapshot(
    database: Database, people: None, settings: Settings, keys: Keys
) -> None:
    assert keep_snapshot(database, settings, keys, NOW) == ""
    assert renew_snapshot(database, settings, keys, NOW) == ""


def test_the_nightly_job_makes_one_only_where_anything_has_changed(
    database: Database, take: Take, people: None, settings: Settings, keys: Keys, address_keys: AddressKeys
) -> None:
    made(database, store_of(settings, address_keys))
    assert renew_snapshot(database, settings, keys, NOW) == "nothing had changed"
    take({"type": "prohibition", "target": {"email": "person3@posti.example"}, "source": "self"})
    assert "made, 5 contacts" in renew_snapshot(database, settings, keys, NOW + timedelta(days=1))


def test_too_many_changes_ask_for_a_new_snapshot(
    database: Database, take: Take, people: None, settings: Settings, keys: Keys, address_keys: AddressKeys
) -> None:
    made(database, store_of(settings, address_keys))
    take(*(person(number) for number in range(10, 1020)))
    assert used(database, store_of(settings, address_keys)) is None
    assert "made, 1015 contacts" in keep_snapshot(database, settings, keys, NOW + timedelta(hours=1))


# ---------------------------------------------------------------------------------------------- shared stores


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server of this machine, and the address of a folder in a bucket of it."""
    from moto.server import ThreadedMotoServer
    from pyarrow.fs import S3FileSystem

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-tests")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    files = S3FileSystem(
        endpoint_override=f"{host}:{port}", scheme="http", region="eu-north-1", allow_bucket_creation=True
    )
    files.create_dir("registers")
    yield f"s3://registers/acme?scheme=http&endpoint_override={host}:{port}&region=eu-north-1"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("bucket")) if request.param == "s3" else (tmp_path / "shared").as_uri()


def test_machines_share_a_snapshot_through_the_store(
    shared: str, database: Database, people: None, address_keys: AddressKeys, tmp_path: Path
) -> None:
    maker = SnapshotStore(tmp_path / "one", address_keys, shared)
    reader = SnapshotStore(tmp_path / "two", address_keys, shared)
    snapshot = made(database, maker)
    found = used(database, reader)
    assert found is not None
    assert found.folder == tmp_path / "two" / snapshot.name
    assert answers(database, address_keys, found) == answers(database, address_keys, None)
    later = made(database, maker, NOW + timedelta(hours=3))
    assert [one.name for one in reader.shared_snapshots()] == [later.name, snapshot.name]
    assert maker.prune(NOW + timedelta(hours=3, minutes=30)) == [snapshot.name], "here, for nobody reads it"
    assert len(maker.shared_snapshots()) == 2, "somebody may be fetching the one that was replaced"
    assert maker.prune(NOW + timedelta(hours=5)) == [snapshot.name]
    found = used(database, reader)
    assert found is not None
    assert found.name == later.name
    assert reader.told == maker.told == []


def test_what_is_damaged_in_the_store_is_not_fetched(
    database: Database, people: None, address_keys: AddressKeys, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    snapshot = made(database, SnapshotStore(tmp_path / "one", address_keys, shared.as_uri()))
    path = shared / snapshot.name / "acts.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    reader = SnapshotStore(tmp_path / "two", address_keys, shared.as_uri())
    assert used(database, reader) is None
    assert "in the store is damaged (acts.parquet)" in reader.told[0]
    with database.reading() as session, snapshot_for(session, reader, NOW + timedelta(hours=1)) as made_anew:
        assert made_anew.rows["contacts"] == 5


def test_a_manifest_comes_last_so_that_half_a_copy_is_no_snapshot(
    database: Database, people: None, address_keys: AddressKeys, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    snapshot = made(database, SnapshotStore(tmp_path / "one", address_keys, shared.as_uri()))
    (shared / snapshot.name / MANIFEST).unlink()
    reader = SnapshotStore(tmp_path / "two", address_keys, shared.as_uri())
    assert used(database, reader) is None
    assert reader.told == []


def test_a_store_that_does_not_answer_stops_no_screening(
    database: Database, people: None, address_keys: AddressKeys, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    store = SnapshotStore(tmp_path / "one", address_keys, (in_the_way / "shared").as_uri())
    with database.reading() as session, snapshot_for(session, store, NOW) as snapshot:
        assert snapshot.rows["contacts"] == 5
    assert "is not shared: the store of snapshots does not answer" in store.told[0]


def test_after_an_erasure_the_store_lets_the_facts_go_at_once(
    database: Database,
    take: Take,
    people: None,
    settings: Settings,
    keys: Keys,
    address_keys: AddressKeys,
    tmp_path: Path,
) -> None:
    settings = replace(settings, snapshots=(tmp_path / "shared").as_uri())
    store = store_of(settings, address_keys)
    old = made(database, store)
    take({"type": "event", "contact": "crm:2", "event": "erased", "at": "2026-11-08T10:00:00+02:00"})
    keep_snapshot(database, settings, keys, NOW + timedelta(minutes=1))
    names = [one.name for one in store.shared_snapshots()]
    assert len(names) == 1
    assert old.name not in names


@pytest.mark.parametrize("value", ["snapshots", "ftp://host/folder", "s3://", "./here"])
def test_a_store_that_cannot_be_one_is_refused_by_name(value: str) -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_SNAPSHOTS must be a whole path"):
        load_settings({"CONSENTMGR_SNAPSHOTS": value})


def test_a_store_is_a_path_or_an_address(tmp_path: Path) -> None:
    assert load_settings({"CONSENTMGR_SNAPSHOTS": str(tmp_path)}).snapshots == tmp_path.as_uri()
    settings = load_settings({"CONSENTMGR_SNAPSHOTS": "s3://key:hidden-word@bucket/folder"})
    assert "hidden-word" not in repr(settings)


# ---------------------------------------------------------------------------------------------- the command


def test_the_command_builds_lists_shows_and_prunes(people: None, run_command: RunCommand, settings: Settings) -> None:
    assert "There is no snapshot" in run_command("snapshot", "list").stdout
    assert run_command("snapshot", "show", expect=2).stderr
    built = run_command("snapshot", "build").stdout
    assert "5 contacts, 5 acts, 0 prohibitions" in built
    (line,) = run_command("snapshot", "list").stdout.splitlines()
    name = line.split()[0]
    shown = json.loads(run_command("snapshot", "show", name, "--check").stdout)
    assert (shown["name"], shown["rows"]["contacts"]) == (name, 5)
    path = settings.data_folder / "snapshots" / name / "roles.parquet"
    path.write_bytes(b"nothing")
    refused = run_command("snapshot", "show", "--check", expect=1).stderr
    assert "is damaged (roles.parquet)" in refused
    assert "hours or days" in run_command("snapshot", "prune", "--younger", "soon", expect=2).stderr
    assert run_command("snapshot", "prune", "--younger", "7d", "--keep", "0").stdout == "nothing to remove\n"
    assert run_command("snapshot", "prune", "--keep", "0").stdout == f"removed 1: {name}\n"

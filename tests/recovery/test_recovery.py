"""A backup that was tried, a restore that answers nothing, and a recovery after which nobody who left is written to."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from consentmgr.campaigns.policy import current
from consentmgr.config import Settings
from consentmgr.db import Database, open_database, open_unprepared
from consentmgr.exports.suppressed import REASONS
from consentmgr.importing.applying import apply_documents
from consentmgr.keys import Keys, load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.kit.sealed_files import seal, unseal
from consentmgr.people.models import Attachment
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import Link, LinkUse
from consentmgr.prohibitions import journal
from consentmgr.prohibitions.recovered import NotRecovered, open_restoration
from consentmgr.recovery.backup import make_backup, read_backup
from consentmgr.recovery.restore import recover, restore
from consentmgr.screening.decide import identifiers_of
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import Campaign, Contact, Controller, Point

PEOPLE = 40


@pytest.fixture
def home(own_installation: Settings) -> Settings:
    """An installation with a server of its own, and people in it."""
    return inhabited(own_installation, PEOPLE)


def inhabited(settings: Settings, people_count: int) -> Settings:
    keys = load_keys(settings)
    with open_database(settings) as database, database.transaction() as session:
        people = [
            Contact(ref=f"p{number}", points=(Point(channel="email", value=f"p{number}@x.example"),))
            for number in range(people_count)
        ]
        apply_documents(
            session,
            [Controller(key="acme", name="Acme Oy", default=True), *people],
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            actor="test",
            now=clock_now(),
        )
    return settings


def leave(database: Database, settings: Settings, keys: Keys, numbers: range) -> None:
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    desk = LeavingDesk(database, settings, keys)
    links = []
    for number in numbers:
        point = address_keys.email(f"p{number}@x.example")
        assert point is not None
        links.append(Link(LinkUse.LEAVE, "acme", None, "email", point.address_key, "email", "channel"))
    desk.leave_all(links, method="one_click", now=clock_now())
    desk.close()


def banned(database: Database) -> set[UUID]:
    with database.connect() as connection:
        return set(connection.scalars(text("SELECT address_key FROM prohibition WHERE lifted_at IS NULL")))


def test_nobody_who_left_after_the_backup_is_forgotten(home: Settings, tmp_path: Path) -> None:
    drill(home, tmp_path, PEOPLE)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_five_thousand_who_left_after_the_backup_nobody_is_forgotten(
    own_installation: Settings, tmp_path: Path
) -> None:
    drill(inhabited(own_installation, 5_010), tmp_path, 5_010)


def blocked(database: Database, keys: Keys, people: range) -> set[int]:
    """Whom screening stops, of these people: what the register's answer to a sender is."""
    campaign = Campaign(key="after", name="after", controller="acme", channel="email", purpose="direct_marketing")
    stopped: set[int] = set()
    with database.reading() as session:
        answers = screen(
            session,
            identifiers_of([{"email": f"p{number}@x.example"} for number in people]),
            campaign,
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            policy=current(session),
            now=clock_now(),
        )
        for number, index in zip(people, answers.outcome.to_pylist(), strict=True):
            outcome = answers.outcomes[index]
            if outcome.verdict == "block" and {*outcome.reasons} & {*REASONS}:
                stopped.add(number)
    return stopped


def drill(home: Settings, tmp_path: Path, people_count: int) -> None:
    """Five leave, a backup is made, the others leave, the backup is restored and recovered from."""
    people = range(people_count)
    keys = load_keys(home)
    with open_database(home) as database:
        leave(database, home, keys, range(5))
        backup = make_backup(database, keys, tmp_path / "backup", now=clock_now())
        leave(database, home, keys, people[5:])
        before = banned(database)
        assert len(before) == people_count
        assert blocked(database, keys, people) == {*people}
    with open_unprepared(home) as database:
        with pytest.raises(BadInput, match="--replace"):
            restore(database, backup, replace=False, actor="test", now=clock_now())
        done = restore(database, read_backup(tmp_path / "backup", keys), replace=True, actor="test", now=clock_now())
        assert done.kept_as is not None
    with open_database(home) as database:
        assert len(banned(database)) == 5
        assert blocked(database, keys, people) == {*range(5)}
        with pytest.raises(NotRecovered, match="consentmgr recover"):
            journal.catch_up(database, home, keys, clock_now())
        # People can leave meanwhile.
        leave(database, home, keys, range(1))
        told = recover(database, home, keys, skip_damaged=False, actor="test", now=clock_now())
        assert told is not None
        # The report tells of all who left since the backup, whoever took them from the journal.
        assert sum(told.found.values()) >= PEOPLE - 5
        assert {act for _, act in told.found} == {"leave"}
        assert banned(database) == before
        assert blocked(database, keys, people) == {*people}
        assert journal.catch_up(database, home, keys, clock_now()) == 0
        with database.transaction() as session:
            assert open_restoration(session) is None
        assert recover(database, home, keys, skip_damaged=False, actor="test", now=clock_now()) is None


def test_the_files_of_acts_come_back_with_the_register(home: Settings, tmp_path: Path) -> None:
    keys = load_keys(home)
    store = home.data_folder / "files" / "attachments"
    letters = {uuid4(): f"letter {number}".encode() for number in range(3)}
    sealed, unsealed, gone = letters
    with open_database(home) as database:
        with database.transaction() as session:
            for file_id, letter in letters.items():
                session.add(
                    Attachment(
                        id=file_id, contact_id=1, sha256=sha256(letter).hexdigest(), name="letter.pdf", stored_by="test",
                        bytes=len(letter), stored_at=clock_now(), used_at=clock_now(), sealed=file_id != unsealed,
                    )
                )  # fmt: skip
        for file_id, letter in letters.items():
            (store / file_id.hex).mkdir(parents=True)
            content = letter if file_id == unsealed else seal(letter, keys.address_key)
            (store / file_id.hex / "file").write_bytes(content)
        shutil.rmtree(store / gone.hex)
        target = tmp_path / "backup"
        made = make_backup(database, keys, target, now=clock_now(), attachments=store)
    assert (made.about["attachments"]["files"], made.about["attachments"]["missing"]) == (2, 1)
    packed = (target / "attachments.tar").read_bytes()
    assert not any(letter in packed for letter in letters.values())
    shutil.rmtree(store)
    backup = read_backup(target, keys)
    with open_unprepared(home) as database:
        restore(database, backup, replace=True, actor="test", now=clock_now(), attachments=store)
    for file_id in (sealed, unsealed):
        content = (store / file_id.hex / "file").read_bytes()
        assert unseal(content, sha256(letters[file_id]).hexdigest(), keys.address_key) == letters[file_id]
    (target / "attachments.tar").write_bytes(packed[:-1] + b"x")
    with pytest.raises(CheckFailed):
        read_backup(target, keys)


def test_a_changed_backup_is_not_restored(home: Settings, tmp_path: Path) -> None:
    keys = load_keys(home)
    target = tmp_path / "backup"
    with open_database(home) as database:
        make_backup(database, keys, target, now=clock_now())
        with pytest.raises(BadInput, match="new folder"):
            make_backup(database, keys, target, now=clock_now())
        assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    about = json.loads((target / "backup.json").read_bytes())

    def told(change: dict[str, Any]) -> str:
        (target / "backup.json").write_text(json.dumps(about | change))
        with pytest.raises(CheckFailed) as failed:
            read_backup(target, keys)
        return str(failed.value)

    assert "changed after it was signed" in told({"taken_at": "2020-01-01T00:00:00+00:00"})
    assert "signature" in told({"signature": "x.y.z"}).lower()
    (target / "backup.json").write_text(json.dumps(about))
    with (target / "register.dump").open("ab") as file:
        file.write(b"x")
    with pytest.raises(CheckFailed, match="not what was made"):
        read_backup(target, keys)
    with pytest.raises(BadInput, match="not a backup"):
        read_backup(tmp_path, keys)

"""While others write, a question asked of the register by key and one asked of a snapshot get one answer.

Both are asked at one position of the database, with transactions before, across and behind that position and across the
snapshot's own.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
import pytest

from consentmgr.consents.ledger import driver_connection
from consentmgr.importing.service import apply_documents
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening import snapshot_changes
from consentmgr.screening.decide import ACME, identifiers_of, told
from consentmgr.screening.service import screen
from consentmgr.screening.snapshot import Snapshot
from consentmgr.screening.snapshot_store import SnapshotStore
from consentmgr.vocabulary.documents import AnyDocument, Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.generators import NOW, World, world

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from consentmgr.db import Database
    from consentmgr.keys import Keys

WRITERS: Final = 3
#: Documents of one transaction, and rows of one question.
TOGETHER, ROWS = 4, 40


class Writers:
    """Several that bring documents, a few in a transaction, until all are in."""

    def __init__(self, database: Database, keys: AddressKeys, documents: list[dict[str, Any]]) -> None:
        self.database, self.keys = database, keys
        self.failed: list[BaseException] = []
        self.going = Event()
        shares = [documents[number::WRITERS] for number in range(WRITERS)]
        self._threads = [Thread(target=self._bring, args=(share,)) for share in shares]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        assert self.going.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(120)
        assert not self.failed, self.failed

    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _bring(self, documents: list[dict[str, Any]]) -> None:
        try:
            for start in range(0, len(documents), TOGETHER):
                found = [msgspec.convert(one, AnyDocument) for one in documents[start : start + TOGETHER]]
                with self.database.transaction() as session:
                    apply_documents(session, found, keys=self.keys, actor="test", now=NOW)
                self.going.set()
        except BaseException as error:
            self.failed.append(error)
            raise


def asked(
    session: Session, made: World, keys: AddressKeys, ways: dict[str, Snapshot | None]
) -> dict[str, list[dict[str, Any]]]:
    """One question's answers by each way, at the session's position: of rows of all kinds, and of bare addresses."""
    campaign, policy = made.campaign(), policy_from(made.policy())
    rows = [{name: str(value) for name, value in made.row(campaign).items()} for _ in range(ROWS)]
    kind = "phone" if campaign.get("channel") in ("phone", "sms") else "email"
    bare = [{kind: row[kind]} for row in rows if kind in row]

    def answers(rows: list[dict[str, str]], snapshot: Snapshot | None) -> list[dict[str, Any]]:
        return told(
            screen(
                session, identifiers_of(rows), msgspec.convert(campaign, Campaign), keys=keys, policy=policy, now=NOW,
                engine="duckdb" if snapshot is not None else "compiled", snapshot=snapshot,
            )
        )  # fmt: skip

    return {way: answers(rows, snapshot) + (answers(bare, snapshot) if bare else []) for way, snapshot in ways.items()}


def hold(seed: int, database: Database, keys: Keys, folder: Path, *, acts: int = 90, at_least: int = 3) -> None:
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    made = world(seed)
    store = SnapshotStore(folder, address_keys)
    half = len(made.documents) // 2
    more = [made.prohibition() if number % 3 else made.event() | {"type": "event", "contact": made.random.choice(made.refs)}
            for number in range(acts)]  # fmt: skip
    first = [ACME, *(msgspec.convert(document, AnyDocument) for document in made.documents[:half])]
    with database.transaction() as session:
        apply_documents(session, first, keys=address_keys, actor="test", now=NOW)

    def snapshot_now() -> Snapshot:
        with database.reading() as session:
            return store.build(driver_connection(session), NOW)

    snapshots = {"by key": None, "of before": snapshot_now()}
    rounds = 0
    with Writers(database, address_keys, [*made.documents[half:], *more]) as writers:
        # Taken while transactions are open.
        snapshots["of meanwhile"] = snapshot_now()
        while writers.busy() or rounds < at_least:
            with database.reading() as session:
                found = asked(session, made, address_keys, snapshots)
            assert found["of before"] == found["by key"], seed
            assert found["of meanwhile"] == found["by key"], seed
            rounds += 1
    with database.reading() as session:
        found = asked(session, made, address_keys, snapshots)
    assert found["of before"] == found["of meanwhile"] == found["by key"]


@pytest.mark.parametrize("many", [5000, 0], ids=["on one connection", "on several at one position"])
def test_a_snapshot_and_the_register_agree_while_others_write(
    many: int, database: Database, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_changes, "_MANY_CHANGES", many)
    hold(40_000, database, keys, tmp_path, acts=30, at_least=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40_001, 40_021))
def test_they_agree_while_others_write_in_many_registers(
    seed: int, database: Database, keys: Keys, tmp_path: Path
) -> None:
    hold(seed, database, keys, tmp_path)

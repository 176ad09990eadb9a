"""What tests of exports share: a committed register, and schedules into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.runs import Published, run_schedule
from consentmgr.exports.schedules import NewSchedule, create
from consentmgr.importing.applying import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import ACME
from consentmgr.vocabulary.documents import AnyDocument
from tests.generators import NOW

Take = Callable[[Sequence[Mapping[str, Any]]], None]
Run = Callable[..., Published]


@pytest.fixture
def take(database: Database, keys: Keys) -> Take:
    """Import documents and commit."""
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)

    def take(documents: Sequence[Mapping[str, Any]]) -> None:
        decoded = [msgspec.convert(document, AnyDocument) for document in documents]
        with database.transaction() as session:
            changes = apply_documents(session, [ACME, *decoded], keys=address_keys, actor="test", now=NOW)
            assert not changes.rejected, changes.rejected

    return take


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "partner"
    folder.mkdir()
    return folder


@pytest.fixture
def schedule(database: Database, keys: Keys, target: Path) -> Callable[..., str]:
    """Make a schedule of suppressed e-mail addresses as CSV into the target folder, or as the arguments say."""

    def make(key: str = "mailer", **asked: Any) -> str:
        plain: dict[str, Any] = {
            "key": key,
            "partner": "Postitalo Oy",
            "controller": "acme",
            "content": "suppressed",
            "channel": "email",
            "purpose": "direct_marketing",
            "topic": None,
            "campaign": None,
            "format": "csv",
            "delta": False,
            "destination": f"folder:{target}",
        }
        with database.transaction() as session:
            create(session, NewSchedule(**{**plain, **asked}), address_key=keys.address_key, actor="test", now=NOW)
        return key

    return make


@pytest.fixture
def run(database: Database, settings: Settings, keys: Keys) -> Run:
    def run(key: str = "mailer", **asked: Any) -> Published:
        done = run_schedule(database, settings, keys, key, actor="test", claimed_by="test", now=NOW, **asked)
        assert done is not None
        return done

    return run

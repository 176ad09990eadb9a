"""A partner says that it holds a list: by its link, or by a file beside the manifest. What proves nothing is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from consentmgr.audit.models import AuditEvent
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.jobs import read_answers
from consentmgr.exports.manifest import read_manifest
from consentmgr.exports.models import ExportRun
from consentmgr.exports.runs import last_acknowledged
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.signing import new_signing_key, public_jwk, sign_jws
from tests.exports.conftest import Run, Take
from tests.exports.test_runs import OBJECTED, person

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.fixture
def published(
    take: Take, schedule: Callable[..., str], run: Run, target: Path, keys: Keys
) -> Callable[[], dict[str, Any]]:
    """Run the schedule, and read its manifest."""
    take([person("objector", OBJECTED)])
    schedule(delta=True)

    def publish() -> dict[str, Any]:
        done = run()
        (path,) = target.glob(f"*{done.sequence:06d}*.manifest.json")
        return read_manifest(path.read_bytes(), public_jwk(keys.signing_key))

    return publish


def acknowledged(database: Database) -> int | None:
    with database.reading() as session:
        return last_acknowledged(session, "mailer")


def test_the_link_in_the_manifest_shows_by_get_and_acknowledges_by_post(
    published: Callable[[], dict[str, Any]], client: FlaskClient, database: Database
) -> None:
    url = published()["acknowledge"]["url"]
    assert url.startswith("http://localhost:8000/x/")
    path = urlsplit(url).path
    for _ in range(3):
        assert "Acknowledge receipt" in client.get(path).text
    assert acknowledged(database) is None
    assert "Receipt acknowledged" in client.post(path).text
    assert acknowledged(database) == 1
    first = client.get(path, headers={"Accept": "application/json"}).json
    again = client.post(path, headers={"Accept": "application/json"}).json
    assert first == again
    assert again is not None
    assert (again["schedule"], again["sequence"]) == ("mailer", 1)
    with database.reading() as session:
        entry = session.scalars(select(AuditEvent).where(AuditEvent.action == "acknowledged")).one()
    assert entry.actor == "partner:mailer"


def test_a_run_that_has_not_left_is_not_acknowledged(
    published: Callable[[], dict[str, Any]], client: FlaskClient, database: Database
) -> None:
    path = urlsplit(published()["acknowledge"]["url"]).path
    with database.transaction() as session:
        session.scalars(select(ExportRun)).one().state = "prepared"
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


def test_a_link_that_is_three_months_old_acknowledges_nothing(
    published: Callable[[], dict[str, Any]], client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = urlsplit(published()["acknowledge"]["url"]).path
    later = clock.now() + timedelta(days=200)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert client.post(path).status_code == 410


def test_the_manifest_given_back_acknowledges(
    published: Callable[[], dict[str, Any]],
    target: Path,
    database: Database,
    settings: Settings,
    keys: Keys,
) -> None:
    manifest = published()
    assert read_answers(database, settings, keys, clock.now()) == ""
    (target / manifest["acknowledge"]["file"]).write_bytes((target / "mailer-000001.manifest.json").read_bytes())
    assert read_answers(database, settings, keys, clock.now()) == "1 acknowledged, 0 refused"
    assert acknowledged(database) == 1
    assert read_answers(database, settings, keys, clock.now()) == ""


def test_the_names_and_hashes_of_the_files_acknowledge_and_the_next_delta_builds_on_them(
    published: Callable[[], dict[str, Any]], target: Path, database: Database, settings: Settings, keys: Keys
) -> None:
    published()
    manifest = published()
    files = [{"name": file["name"], "sha256": file["sha256"].upper()} for file in manifest["files"]]
    answer = {"schedule": "mailer", "sequence": 2, "files": files}
    (target / "mailer-000002.ack.json").write_text("\ufeff" + json.dumps(answer), encoding="utf-8")
    assert read_answers(database, settings, keys, clock.now()) == "1 acknowledged, 0 refused"
    assert acknowledged(database) == 2
    assert published()["base_sequence"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": None},
        {"files": [{"name": "mailer-000001.csv", "sha256": "0" * 64}]},
        {"sequence": 2},
        {"sequence": "1"},
        {"schedule": "other"},
        {"manifest": "not it"},
        {"manifest": sign_jws({"schedule": "mailer", "sequence": 1}, new_signing_key())},
    ],
)
def test_an_answer_that_proves_nothing_is_refused(
    change: dict[str, Any],
    published: Callable[[], dict[str, Any]],
    target: Path,
    database: Database,
    settings: Settings,
    keys: Keys,
) -> None:
    answer = {"schedule": "mailer", "sequence": 1, "files": published()["files"], **change}
    (target / "mailer-000001.ack.json").write_text(json.dumps(answer))
    assert read_answers(database, settings, keys, clock.now()) == "0 acknowledged, 1 refused"
    assert acknowledged(database) is None


@pytest.mark.parametrize("content", [b"", b"thank you", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"files":' * 50_000])
def test_an_answer_that_is_no_answer_is_refused_and_keeps_nothing_waiting(
    content: bytes,
    published: Callable[[], dict[str, Any]],
    target: Path,
    database: Database,
    settings: Settings,
    keys: Keys,
) -> None:
    published()
    (target / "mailer-000001.ack.json").write_bytes(content)
    assert read_answers(database, settings, keys, clock.now()) == "0 acknowledged, 1 refused"


def test_a_partner_that_is_away_keeps_no_others_answer_waiting(
    published: Callable[[], dict[str, Any]],
    schedule: Callable[..., str],
    run: Run,
    target: Path,
    tmp_path: Path,
    database: Database,
    settings: Settings,
    keys: Keys,
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    schedule("a-first", destination=f"folder:{away}")
    run("a-first")
    for file in away.iterdir():
        file.unlink()
    away.rmdir()
    published()
    (target / "mailer-000001.ack.json").write_bytes((target / "mailer-000001.manifest.json").read_bytes())
    assert read_answers(database, settings, keys, clock.now()) == "1 acknowledged, 0 refused"

"""The pages of leaving: a GET shows, a POST acts, and RFC 8058 is answered to the letter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys, distrust_link_key, load_link_keys
from tests.preferences.leavers import Leavers

AINO = "aino@posti.example"
ONE_CLICK = "List-Unsubscribe=One-Click"
URLENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
def leavers(database: Database, settings: Settings, keys: Keys) -> Leavers:
    return Leavers(database, settings, keys)


@pytest.fixture
def path(leavers: Leavers) -> str:
    return f"/u/{leavers.token(leavers.link())}"


def checksums(database: Database) -> dict[str, Any]:
    """A checksum of every table's rows, system columns too: any write at all changes one."""
    with database.connect() as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        question = "SELECT md5(string_agg(t.xmin::text || t.xmax::text || t::text, '|' ORDER BY t::text)) FROM {} t"
        return {name: connection.scalar(text(question.format(name))) for name in sorted(tables)}


def multipart(client: FlaskClient, path: str) -> TestResponse:
    return client.post(path, data={"List-Unsubscribe": "One-Click"}, content_type="multipart/form-data")


def urlencoded(client: FlaskClient, path: str) -> TestResponse:
    return client.post(path, data=ONE_CLICK, content_type=URLENCODED)


@pytest.mark.parametrize("send", [urlencoded, multipart])
def test_one_click_is_answered_200_in_plain_words_every_time(
    client: FlaskClient, leavers: Leavers, path: str, send: Callable[[FlaskClient, str], TestResponse]
) -> None:
    answers = [send(client, path) for _ in range(3)]
    for answer in answers:
        assert (answer.status_code, answer.mimetype, answer.get_data()) == (200, "text/plain", b"unsubscribed\n")
        assert "Set-Cookie" not in answer.headers
        assert "Location" not in answer.headers
    (ban,) = leavers.bans(AINO)
    assert (ban.topics, ban.controllers) == (["news"], ["acme"])
    assert leavers.value("SELECT evidence ->> 'method' FROM prohibition") == "one_click"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_a_scanner_asks_changes_nothing(client: FlaskClient, database: Database, path: str, method: str) -> None:
    before = checksums(database)
    answer = client.open(path, method=method)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert checksums(database) == before


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", URLENCODED),
        ("List-Unsubscribe=one-click", URLENCODED),
        ("action=erase", URLENCODED),
        ("One-Click", "text/plain"),
        ('{"List-Unsubscribe":"One-Click"}', "application/json"),
        ("--x\r\nbroken", "multipart/form-data; boundary=x"),
    ],
)
def test_another_body_is_shown_the_button_and_changes_nothing(
    client: FlaskClient, database: Database, path: str, body: str, kind: str
) -> None:
    before = checksums(database)
    answer = client.post(path, data=body, content_type=kind)
    assert answer.status_code == 400
    assert b"<button" in answer.get_data()
    assert checksums(database) == before


def test_the_page_asks_acts_takes_back_and_hears_why(client: FlaskClient, leavers: Leavers, path: str) -> None:
    shown = client.get(f"{path}?lang=en")
    assert "Monthly letter" in shown.text
    assert 'value="leave"' in shown.text
    assert leavers.bans(AINO) == []
    left = client.post(f"{path}?lang=en", data={"action": "leave"})
    assert left.status_code == 200
    assert 'value="undo"' in left.text
    assert 'value="too_many"' in left.text
    assert len(leavers.bans(AINO)) == 1
    told = client.post(f"{path}?lang=en", data={"action": "reason", "reason": "too_many"})
    assert 'value="too_many"' not in told.text
    assert leavers.value("SELECT reason FROM leave_reason") == "too_many"
    again = client.get(f"{path}?lang=en")
    assert 'value="leave"' not in again.text
    undone = client.post(f"{path}?lang=en", data={"action": "undo"})
    assert undone.status_code == 200
    assert leavers.bans(AINO) == []
    assert client.post(path, data={"action": "undo"}).status_code == 200
    assert 'value="leave"' in client.get(path).text


def test_a_reason_nobody_offered_is_asked_again(client: FlaskClient, leavers: Leavers, path: str) -> None:
    client.post(path, data={"action": "leave"})
    assert client.post(path, data={"action": "reason"}).status_code == 200
    assert client.post(path, data={"action": "reason", "reason": "<b>"}).status_code == 200
    assert leavers.rows("SELECT * FROM leave_reason") == []


@pytest.mark.parametrize(
    ("query", "accepts", "language", "name"),
    [
        ("?lang=fi", "en", "fi", "Kuukausikirje"),
        ("?lang=en", "fi", "en", "Monthly letter"),
        ("", "fi", "sv", "Månadsbrevet"),
        ("?lang=xx", "", "sv", "Månadsbrevet"),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_persons(
    client: FlaskClient, path: str, query: str, accepts: str, language: str, name: str
) -> None:
    answer = client.get(path + query, headers={"Accept-Language": accepts})
    assert f'<html lang="{language}">' in answer.text
    assert name in answer.text


def test_the_page_never_shows_the_address(client: FlaskClient, path: str) -> None:
    text = client.get(path).text
    assert AINO not in text
    assert "a•••@p•••.example" in text


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_bad_link_is_told_in_each_language_and_shortly_to_a_machine(client: FlaskClient, language: str) -> None:
    answer = client.get(f"/u/nonsense?lang={language}")
    assert answer.status_code == 404
    assert f'<html lang="{language}">' in answer.text
    machine = urlencoded(client, "/u/nonsense")
    assert (machine.status_code, machine.mimetype) == (404, "text/plain")


def test_a_distrusted_key_leaves_and_does_nothing_else(
    client: FlaskClient, leavers: Leavers, settings: Settings, path: str
) -> None:
    distrust_link_key(settings, load_link_keys(settings)[-1].id, today=date(2026, 11, 2))
    shown = client.get(path)
    assert shown.status_code == 200
    assert "•••@" not in shown.text
    assert "/p/" not in shown.text
    left = client.post(path, data={"action": "leave"})
    assert 'value="undo"' not in left.text
    assert len(leavers.bans(AINO)) == 1
    client.post(path, data={"action": "undo"})
    assert len(leavers.bans(AINO)) == 1


def test_everything_that_can_be_gone_may_be_gone(client: FlaskClient, leavers: Leavers) -> None:
    link = replace(leavers.link(), controller="gone", topic="gone", campaign="gone", contact_id=None)
    leavers.erase("aino")
    path = f"/u/{leavers.token(link)}"
    assert client.get(path).status_code == 200
    assert urlencoded(client, path).status_code == 200
    (ban,) = leavers.bans(AINO)
    assert (ban.channels, ban.topics, ban.controllers) == ([], [], [])


def test_where_the_journal_cannot_be_written_nothing_is_said_to_be_done(
    client: FlaskClient, leavers: Leavers, settings: Settings, path: str
) -> None:
    # A file where the folder should be: the disk is there and the journal is not.
    Path(settings.data_folder / "journal").touch()
    for answer in (urlencoded(client, path), client.post(path, data={"action": "leave"})):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert leavers.bans(AINO) == []
    Path(settings.data_folder / "journal").unlink()
    assert urlencoded(client, path).status_code == 200
    assert len(leavers.bans(AINO)) == 1

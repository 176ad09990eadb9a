"""The web application: every route is in the table, every answer has its headers, three languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from consentmgr.app import SECURITY_HEADERS, create_app
from consentmgr.blueprints import BLUEPRINTS
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.i18n import choose_language
from consentmgr.kit.errors import Unavailable
from consentmgr.tables import Base
from tests.application import application


@pytest.fixture
def app(settings: Settings, database: Database) -> Iterator[Flask]:
    with application(settings, database) as made:
        yield made


def test_every_route_belongs_to_a_row_of_the_table(app: Flask) -> None:
    rows = {row.name for row in BLUEPRINTS}
    for rule in app.url_map.iter_rules():
        assert rule.endpoint == "static" or rule.endpoint.split(".")[0] in rows, rule
    assert set(app.blueprints) == rows


def test_the_front_page_in_three_languages(app: Flask) -> None:
    client = app.test_client()
    words = {"fi": "oikeusperusteella", "sv": "rättslig grund", "en": "legal basis"}
    for language, word in words.items():
        for answer in (client.get("/", headers={"Accept-Language": language}), client.get(f"/?language={language}")):
            assert answer.status_code == 200
            assert f'<html lang="{language}">' in answer.text
            assert word in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/no-such-page", "/static/house/page.css"])
def test_every_answer_has_the_security_headers(app: Flask, path: str) -> None:
    with app.test_client().get(path) as answer:
        for name, value in SECURITY_HEADERS:
            assert answer.headers[name] == value
        assert ("no-store" in answer.headers["Cache-Control"]) != path.startswith("/static/")


def test_health_is_that_of_the_database(app: Flask) -> None:
    assert app.test_client().get("/healthz").json == {"status": "ok"}
    app.extensions["consentmgr"] = Database(_unreachable())
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (503, {"status": "unavailable"})


def _unreachable():
    from sqlalchemy import create_engine

    return create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")


def test_flask_sqlalchemy_works_on_the_same_tables_and_engine(app: Flask, database: Database) -> None:
    with app.app_context():
        store = app.extensions["sqlalchemy"]
        assert store.engine is database.engine
        assert store.metadata is Base.metadata
        assert store.session.scalar(store.text("SELECT count(*) FROM controller")) == 0


def test_migration_commands_see_the_same_database(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["db", "check"]).exit_code == 0


def test_it_does_not_serve_without_an_installation(tmp_path) -> None:
    with pytest.raises(Unavailable, match="run consentmgr init"):
        create_app(Settings(data_folder=tmp_path / "none"))


@pytest.mark.parametrize(
    ("wanted", "accepted", "chosen"),
    [
        ("sv", "fi", "sv"),
        ("de", "fi", "fi"),
        (None, "de, sv-FI;q=0.8, fi;q=0.9", "fi"),
        (None, "de", "en"),
        (None, None, "en"),
        ("", "fi;q=x, sv", "sv"),
        ("FI-fi", None, "fi"),
    ],
)
def test_the_language_asked_for_then_the_browsers_then_the_houses(
    wanted: str | None, accepted: str | None, chosen: str
) -> None:
    assert choose_language(wanted, accepted, "en") == chosen

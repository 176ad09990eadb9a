"""The web application: ``flask --app consentmgr.app run``, or any WSGI server with ``consentmgr.app:create_app()``."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, request
from flask_babel import Babel, get_locale
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from consentmgr.blueprints import BLUEPRINTS
from consentmgr.config import Settings, load_settings
from consentmgr.db import Base, Database, open_database
from consentmgr.files import data_folder
from consentmgr.i18n import choose_language
from consentmgr.keys import load_keys

if TYPE_CHECKING:
    from sqlalchemy import Engine

#: Sent with every answer. Pages run no script and load nothing from elsewhere; a link's token goes to nobody.
SECURITY_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


class SharedEngine(SQLAlchemy):
    """Flask-SQLAlchemy on the engine that is open already: one pool, and the start-up checks done once."""

    database: Database

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        return self.database.engine


def create_app(settings: Settings | None = None, database: Database | None = None) -> Flask:
    """The application for these settings (the environment's where none are given).

    Raises ``UnsafeSetting`` or ``Unavailable`` rather than serve from a register it cannot trust.
    """
    settings = settings or load_settings(os.environ)
    keys = load_keys(settings)
    database = database or open_database(settings)

    app = Flask("consentmgr", template_folder=data_folder("templates"), static_folder=data_folder("static"))
    app.config.update(
        SECRET_KEY=keys.session_secret,
        SESSION_COOKIE_NAME="consentmgr",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        # Larger bodies are refused before they are read; lists to screen come later, with a limit of their own.
        MAX_CONTENT_LENGTH=1_000_000,
        SQLALCHEMY_DATABASE_URI=database.engine.url,
        BABEL_DEFAULT_LOCALE=settings.language,
        BABEL_DEFAULT_TIMEZONE="Europe/Helsinki",
    )
    app.extensions["consentmgr"] = database

    store = SharedEngine(model_class=Base)
    store.database = database
    store.init_app(app)
    Migrate(app, store, directory=str(data_folder("migrations")))

    fallback = settings.language
    Babel(
        app,
        locale_selector=lambda: choose_language(
            request.args.get("language"), request.headers.get("Accept-Language"), fallback
        ),
    )
    app.jinja_env.globals["get_locale"] = get_locale
    _mount_blueprints(app)
    app.after_request(_add_headers)
    return app


def _mount_blueprints(app: Flask) -> None:
    for row in BLUEPRINTS:
        module, _, attribute = row.place.partition(":")
        blueprint = getattr(import_module(module), attribute)
        assert isinstance(blueprint, Blueprint), row.place
        assert blueprint.name == row.name, row.place
        app.register_blueprint(blueprint, url_prefix=row.mounted_at)


def _add_headers(response: Response) -> Response:
    for name, value in SECURITY_HEADERS:
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        response.headers.add("Vary", "Accept-Language")
    return response

"""The web application: ``consentmgr serve``, or any WSGI server with ``consentmgr.app:create_app()``."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_babel import Babel, get_locale
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from consentmgr.blueprints import BLUEPRINTS
from consentmgr.config import Settings, load_settings
from consentmgr.db import Base, Database, open_database
from consentmgr.edge.access import hold_access
from consentmgr.edge.clients import TRUSTED_PROXIES
from consentmgr.edge.logs import log_requests, write_json_lines
from consentmgr.edge.metrics import count_requests
from consentmgr.edge.problems import tell_problems
from consentmgr.files import data_folder
from consentmgr.i18n import choose_language
from consentmgr.keys import load_keys
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import link_keys

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
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("X-Robots-Tag", "noindex, nofollow"),
)
#: Sent where the public address is https: the browser then never asks over http again, for two years.
STRICT_TRANSPORT = "max-age=63072000"


class SessionOfACookie(SecureCookieSessionInterface):
    """Sessions as Flask has them, at no cost for the pages whose visitors have none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)


class SharedEngine(SQLAlchemy):
    """Flask-SQLAlchemy on the engine that is open already: one pool, and the start-up checks done once."""

    database: Database

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        return self.database.engine


def create_app(settings: Settings | None = None, database: Database | None = None) -> Flask:
    """The application for these settings (the environment's where none are given).

    Raises ``UnsafeSetting`` or ``Unavailable`` rather than serve from a register it cannot trust.
    """
    if settings is None:
        # A WSGI server of somebody else's: the log is ours all the same.
        settings = load_settings(os.environ)
        write_json_lines()
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
        # A form of ours has some dozens of fields.
        MAX_FORM_PARTS=300,
        MAX_FORM_MEMORY_SIZE=500_000,
        SQLALCHEMY_DATABASE_URI=database.engine.url,
        BABEL_DEFAULT_LOCALE=settings.language,
        BABEL_DEFAULT_TIMEZONE="Europe/Helsinki",
    )
    app.session_interface = SessionOfACookie()
    app.config[TRUSTED_PROXIES] = settings.trusted_proxies
    app.extensions["consentmgr"] = database
    app.extensions["consentmgr.settings"] = settings
    app.extensions["consentmgr.keys"] = keys
    # Its thread begins with the first who leaves, or with the server.
    app.extensions["leaving"] = LeavingDesk(database, settings, keys)
    app.extensions["links"] = link_keys(settings)

    store = SharedEngine(model_class=Base)
    store.database = database
    store.init_app(app)
    Migrate(app, store, directory=str(data_folder("migrations")))

    fallback = settings.language
    Babel(
        app,
        locale_selector=lambda: choose_language(
            request.args.get("lang") or request.args.get("language"),
            request.headers.get("Accept-Language"),
            fallback,
            g.get("persons_language"),
        ),
    )
    app.jinja_env.globals["get_locale"] = get_locale
    # In this order: what is begun first is ended last, so that a request that is refused is logged and counted too.
    log_requests(app)
    count_requests(app)
    hold_access(app, {row.name: row.access for row in BLUEPRINTS})
    tell_problems(app)
    _mount_blueprints(app)
    secure = settings.public_url.startswith("https://")
    app.after_request(lambda response: _add_headers(response, secure=secure))
    return app


def _mount_blueprints(app: Flask) -> None:
    for row in BLUEPRINTS:
        module, _, attribute = row.place.partition(":")
        blueprint = getattr(import_module(module), attribute)
        assert isinstance(blueprint, Blueprint), row.place
        assert blueprint.name == row.name, row.place
        app.register_blueprint(blueprint, url_prefix=row.mounted_at)


def _add_headers(response: Response, *, secure: bool) -> Response:
    if secure:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    for name, value in SECURITY_HEADERS:
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
    return response

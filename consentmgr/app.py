"""The web application: ``consentmgr serve``, or any WSGI server with ``consentmgr.app:create_app()``."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, g, request
from flask_babel import Babel, get_locale
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from werkzeug.routing import Rule

from consentmgr.blueprints import BLUEPRINTS
from consentmgr.config import Settings, load_settings
from consentmgr.db import Database, open_database
from consentmgr.edge.access import hold_access
from consentmgr.edge.api import ApiBlueprint
from consentmgr.edge.api.document import make_api, mount
from consentmgr.edge.clients import TRUSTED_PROXIES
from consentmgr.edge.filters import add_filters
from consentmgr.edge.logs import log_requests, write_json_lines
from consentmgr.edge.metrics import count_requests
from consentmgr.edge.navigation import add_navigation
from consentmgr.edge.problems import tell_problems
from consentmgr.files import data_folder
from consentmgr.i18n import choose_language
from consentmgr.keys import load_keys
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import link_keys
from consentmgr.scheduler import JOBS
from consentmgr.staff.access import add_access, hold_staff, may
from consentmgr.staff.api_access import add_api_access, hold_api
from consentmgr.staff.cookies import DeskSessions, is_desk
from consentmgr.staff.wording import add_wording
from consentmgr.tables import Base

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
#: The same at the desk, whose pages run scripts of ours from files of ours: none that stands in a page.
DESK_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_DESK_HEADERS = (("Content-Security-Policy", DESK_CONTENT_SECURITY_POLICY), *SECURITY_HEADERS[1:])
#: Sent where the public address is https: the browser then never asks over http again, for two years.
STRICT_TRANSPORT = "max-age=63072000"


class SharedEngine(SQLAlchemy):
    """Flask-SQLAlchemy on the engine that is open already: one pool, and the start-up checks done once."""

    database: Database

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        return self.database.engine


class Route(Rule):
    """Werkzeug's. The code that writes its addresses is made when the first is written: of hundreds of routes few are
    written to by a page, and making it for all took a third of starting.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(super(Route, self)._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build


class Application(Flask):
    """Flask's, whose views and hooks are plain functions, every one."""

    url_rule_class = Route

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is: none is a coroutine, which Flask looks for a dozen times a request."""
        return func


def create_app(settings: Settings | None = None, database: Database | None = None) -> Flask:
    """The application for these settings (the environment's where none are given).

    Raises ``UnsafeSetting`` or ``Unavailable`` rather than serve from a register it cannot trust.
    """
    is_guest = settings is None
    if settings is None:
        # A WSGI server of somebody else's: the log is ours all the same.
        settings = load_settings(os.environ)
        write_json_lines()
    keys = load_keys(settings)
    database = database or open_database(settings)

    app = Application("consentmgr", template_folder=data_folder("templates"), static_folder=data_folder("static"))
    app.config.update(
        SECRET_KEY=keys.session_secret,
        # Larger bodies are refused before they are read; an upload at the desk has a limit of its own.
        MAX_CONTENT_LENGTH=1_000_000,
        # A form of ours has some dozens of fields.
        MAX_FORM_PARTS=300,
        MAX_FORM_MEMORY_SIZE=500_000,
        SQLALCHEMY_DATABASE_URI=database.engine.url,
        BABEL_DEFAULT_LOCALE=settings.language,
        BABEL_DEFAULT_TIMEZONE="Europe/Helsinki",
    )
    secure = settings.public_url.startswith("https://")
    app.session_interface = DeskSessions(keys.session_secret, secure=secure)
    app.config[TRUSTED_PROXIES] = settings.trusted_proxies
    app.extensions["consentmgr"] = database
    app.extensions["consentmgr.settings"] = settings
    app.extensions["consentmgr.keys"] = keys
    # Its thread begins with the first who leaves, or with the server.
    app.extensions["leaving"] = LeavingDesk(database, settings, keys)
    app.extensions["links"] = link_keys(settings)
    # The desk tells how timed work stands.
    app.extensions["consentmgr.jobs"] = JOBS

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
    hold_access(app, {row.name: row.access for row in BLUEPRINTS}, staff=hold_staff, api=hold_api)
    add_access(app)
    add_api_access(app)
    add_filters(app)
    add_navigation(app, may)
    add_wording(app)
    tell_problems(app)
    _mount_blueprints(app)
    app.after_request(lambda response: _add_headers(response, secure=secure))
    if is_guest:
        # As ``serving`` does: what is there now stays, and is not looked through for garbage while people wait.
        gc.collect()
        gc.freeze()
    return app


def _mount_blueprints(app: Flask) -> None:
    api = make_api(app)
    for row in BLUEPRINTS:
        module, _, attribute = row.place.partition(":")
        blueprint = getattr(import_module(module), attribute)
        assert isinstance(blueprint, Blueprint), row.place
        assert blueprint.name == row.name, row.place
        if row.access == "api":
            assert isinstance(blueprint, ApiBlueprint), row.place
            mount(api, blueprint, row.mounted_at)
        else:
            app.register_blueprint(blueprint, url_prefix=row.mounted_at)


def _add_headers(response: Response, *, secure: bool) -> Response:
    headers = response.headers
    # Asked once, because a look for each name goes through all there are.
    there = {name.lower() for name in headers.keys()}  # noqa: SIM118 - iterating gives pairs
    added = [*(_DESK_HEADERS if is_desk(request.path) else SECURITY_HEADERS)]
    if secure:
        added.append(("Strict-Transport-Security", STRICT_TRANSPORT))
    if request.endpoint != "static":
        added.append(("Cache-Control", "no-store"))
    for name, value in added:
        if name.lower() not in there:
            headers.add(name, value)
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
    return response

"""The application of a test. Making one takes half a second, nearly all of it for routes and their document, so one is
made for each public address, language and set of routes, and told the settings of the test that uses it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from consentmgr.blueprints import BLUEPRINTS, BlueprintRow
from consentmgr.edge.clients import TRUSTED_PROXIES
from consentmgr.keys import load_keys
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import link_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from flask import Flask

    from consentmgr.config import Settings
    from consentmgr.db import Database

#: Doors of an API that no installation has: what all its doors share is tried on them.
NOTES = BlueprintRow("api_notes", "tests.house.api_doors:notes", "/api/v1", "api")
#: By everything an application keeps to itself when it is made: the application, its configuration and what hangs on it.
_made: dict[Hashable, tuple[Flask, dict[str, Any], dict[str, Any]]] = {}


@contextmanager
def application(
    settings: Settings, database: Database, *rows: BlueprintRow, more: Callable[[Flask], None] | None = None
) -> Iterator[Flask]:
    """The application of these settings, as ``create_app`` makes it; what a test changes of its configuration and of what
    hangs on it is changed back. ``rows`` are mounted besides those of the product, and ``more`` adds to it once; a test
    that adds routes of its own makes its own.
    """
    keys = load_keys(settings)
    made_for = (database, keys.session_secret, settings.public_url, settings.language, rows, more)
    if made_for not in _made:
        import consentmgr.app

        with patch.object(consentmgr.app, "BLUEPRINTS", (*BLUEPRINTS, *rows)):
            made = consentmgr.app.create_app(settings, database)
        if more is not None:
            more(made)
        _made[made_for] = made, dict(made.config), dict(made.extensions)
    app, config, extensions = _made[made_for]
    app.config.clear()
    app.config.update({**config, TRUSTED_PROXIES: settings.trusted_proxies})
    app.extensions.clear()
    app.extensions.update(extensions)
    app.extensions["consentmgr.settings"] = settings
    app.extensions["consentmgr.keys"] = keys
    app.extensions["leaving"] = LeavingDesk(database, settings, keys)
    app.extensions["links"] = link_keys(settings)
    try:
        yield app
    finally:
        # What its writers have not taken yet must not come into the register of the next test.
        for name in ("leaving", "consentmgr.postman"):
            if name in app.extensions:
                app.extensions[name].close()

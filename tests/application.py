"""The application of a test. Making one takes a quarter of a second, nearly all of it for routes and their document, so
one is made for each public address and language, and told the settings of the test that uses it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from consentmgr.edge.clients import TRUSTED_PROXIES
from consentmgr.keys import load_keys
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import link_keys

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from flask import Flask

    from consentmgr.config import Settings
    from consentmgr.db import Database

#: By everything an application keeps to itself when it is made: the application, its configuration and what hangs on it.
_made: dict[Hashable, tuple[Flask, dict[str, Any], dict[str, Any]]] = {}


@contextmanager
def application(settings: Settings, database: Database) -> Iterator[Flask]:
    """The application of these settings, as ``create_app`` makes it; what a test changes of it is changed back."""
    keys = load_keys(settings)
    made_for = (database, keys.session_secret, settings.public_url, settings.language)
    if made_for not in _made:
        from consentmgr.app import create_app

        made = create_app(settings, database)
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

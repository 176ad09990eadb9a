"""What a view asks of the application that answers it: the database, the settings, the keys; the language of its page."""

from __future__ import annotations

from flask import current_app
from flask_babel import get_locale

from consentmgr.config import LANGUAGES, Language, Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys


def database() -> Database:
    """The register this application serves."""
    found = current_app.extensions["consentmgr"]
    assert isinstance(found, Database)
    return found


def settings() -> Settings:
    """What this installation was told."""
    found = current_app.extensions["consentmgr.settings"]
    assert isinstance(found, Settings)
    return found


def keys() -> Keys:
    """The installation's keys."""
    found = current_app.extensions["consentmgr.keys"]
    assert isinstance(found, Keys)
    return found


def address_keys() -> AddressKeys:
    """What digests of addresses are made with."""
    return AddressKeys(keys().address_key, keys().address_key_id)


def language() -> Language:
    """The language of the page that is being made."""
    found = str(get_locale())
    return next((known for known in LANGUAGES if known == found), "en")

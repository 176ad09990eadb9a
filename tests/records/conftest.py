"""What tests of consent records share."""

from __future__ import annotations

import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from tests.records.keepers import ACME, BETA, LETTER, MARKETING, NOTICE, Keepers


@pytest.fixture
def keepers(database: Database, settings: Settings, keys: Keys) -> Keepers:
    """A register with two controllers, a notice, a topic and a processing purpose on consent."""
    made = Keepers(database, settings, keys)
    made.take(ACME, BETA, LETTER, NOTICE, MARKETING)
    return made

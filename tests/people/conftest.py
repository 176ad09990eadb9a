"""What tests of people's pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.people.people import EVERYBODY, Register

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys


@pytest.fixture
def register(database: Database, keys: Keys) -> Register:
    """The cast, two controllers, and somebody whom both know."""
    made = Register(database, keys)
    made.take(*EVERYBODY)
    return made

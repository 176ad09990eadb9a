"""A register to import into and look at."""

from __future__ import annotations

import pytest

from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from tests.importing.registers import ACME, Register


@pytest.fixture
def address_keys(keys: Keys) -> AddressKeys:
    return AddressKeys(keys.address_key, keys.address_key_id)


@pytest.fixture
def register(database: Database, address_keys: AddressKeys) -> Register:
    """The test's register, with one controller in it."""
    made = Register(database, address_keys)
    made.take_well(ACME)
    return made

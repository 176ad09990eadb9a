"""A register with two controllers, and what the catalogue's pages show of each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from consentmgr.importing.documents import decode
from consentmgr.importing.service import apply_documents
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from tests.cast import AINO, BIRGER, CECILIA, DANIEL, EKMAN, NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consentmgr.db import Database
    from consentmgr.keys import Keys

ACME = {"type": "controller", "key": "acme", "name": "Acme Oy", "business_id": "2345678-9", "default": True,
        "contact": "tietosuoja@acme.example", "colour": "#12496b"}  # fmt: skip
OTHER = {"type": "controller", "key": "other", "name": "Toinen Oy"}
DOCUMENTS: list[dict[str, Any]] = [
    ACME,
    OTHER,
    {"type": "topic", "key": "training-news", "kind": "newsletter", "controller": "acme", "cadence": "monthly",
     "names": {"fi": "Koulutusuutiset", "sv": "Utbildningsnytt", "en": "Training news"}},
    {"type": "topic", "key": "payroll", "kind": "product_group", "controller": "acme", "names": {"en": "Payroll"}},
    {"type": "topic", "key": "their-news", "kind": "newsletter", "controller": "other", "names": {"en": "Their news"}},
    NOTICE,
    {"type": "notice", "key": "theirs", "version": 1, "language": "fi", "text": "Toisen sanat.", "controllers": ["other"],
     "channels": ["email"], "purposes": ["newsletter"]},
    {"type": "processing_purpose", "key": "customers", "controller": "acme", "names": {"en": "Customers"},
     "basis": "contract", "retention_months": 24},
    {"type": "processing_purpose", "key": "secret-plan", "controller": "other", "names": {"en": "Secret plan"},
     "basis": "consent"},
    EKMAN,
    AINO, BIRGER, CECILIA, DANIEL,
    {"type": "prohibition", "target": {"email": "kielto@posti.example"}, "channels": ["email"], "controllers": ["acme"],
     "source": "self", "valid_from": "2026-01-02", "evidence": {"note": "soitti"}},
    {"type": "prohibition", "target": {"domain": "salainen.example"}, "controllers": ["other"], "source": "organisation",
     "valid_from": "2026-01-02", "reference": "foreign-reference"},
    {"type": "prohibition", "target": {"phone": "+358501000999"}, "source": "robinson_phone", "valid_from": "2026-01-02"},
    {"type": "prohibition", "target": {"contact": "crm:aino"}, "source": "court", "valid_from": "2026-01-02",
     "channels": ["fax"], "controllers": ["acme"]},
    {"type": "campaign", "key": "autumn", "name": "Autumn letter", "controller": "acme", "channel": "email",
     "purpose": "direct_marketing", "topic": "training-news", "message": {"one_click": False}},
    {"type": "campaign", "key": "their-campaign", "name": "Their campaign", "controller": "other"},
]  # fmt: skip


def take(database: Database, keys: Keys, documents: Iterable[dict[str, Any]], now: datetime | None = None) -> None:
    """Documents into the register, as an import would."""
    import json

    found = [decode(json.dumps(document).encode()) for document in documents]
    with database.transaction() as session:
        changes = apply_documents(
            session,
            found,  # type: ignore[arg-type]
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            actor="test",
            now=now or clock.now(),
        )
    assert not changes.rejected, changes.rejected


@pytest.fixture
def register(database: Database, keys: Keys) -> Database:
    """The register with ``DOCUMENTS``."""
    take(database, keys, DOCUMENTS)
    return database

"""A register with two controllers and people to look at, for the tests of people's pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from consentmgr.consents.sight import Sight
from consentmgr.db import Database
from consentmgr.importing.applying import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import identifiers_of, told
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import AnyDocument, Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.cast import AINO, BIRGER, CECILIA, DANIEL, EKMAN, EKMANS_HR_MANAGER, NOTICE

DOCUMENT = dict[str, Any]
#: After everything the cast tells of.
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ACME = {"type": "controller", "key": "acme", "name": "Acme Oy", "default": True}
BETA = {"type": "controller", "key": "beta", "name": "Beta Oy"}
BETAS_NOTICE = {**NOTICE, "key": "betas", "controllers": ["beta"], "text": "Beta Oy saa lähettää minulle viestejä."}
#: Somebody only Beta knows, and somebody both know.
VILHO: DOCUMENT = {
    "type": "contact",
    "ref": "beta:vilho",
    "controllers": ["beta"],
    "given_name": "Vilho",
    "family_name": "Virtanen",
    "points": [{"channel": "email", "value": "vilho@posti.example", "use": "private"}],
}
SHARED: DOCUMENT = {
    "type": "contact",
    "ref": "both:maija",
    "controllers": ["acme", "beta"],
    "given_name": "Maija-Liisa",
    "family_name": "Mäkinen",
    "born_on": "1970-01-01",
    "points": [
        {"channel": "email", "value": "maija@posti.example", "use": "private", "source": "web_form"},
        {"channel": "phone", "value": "+358501000399", "use": "private", "source": "web_form"},
        {
            "channel": "post",
            "value": {"street": "Mannerheimintie 5 A 12", "postal_code": "00100", "city": "Helsinki"},
            "use": "private",
        },
    ],
    "customer_of": [
        {"controller": "beta", "product_group": "lamps", "relation": "purchase", "last_purchase_on": "2026-05-05"}
    ],
    "legal_bases": [{"controller": "beta", "purpose": "deliveries-of-beta", "basis": "contract", "since": "2026-05-05"}],
    "events": [
        {
            "event": "consent_given", "at": "2026-07-01T10:00:00+03:00", "controller": "beta", "method": "web_form",
            "channels": ["email"], "purposes": ["direct_marketing"], "notice": "betas/1/fi", "note": "a word of Beta's",
            "evidence": {"form": "betas-form", "double_opt_in": "confirmed"},
        }
    ],
}  # fmt: skip
BETAS_BAN: DOCUMENT = {
    "type": "prohibition",
    "target": {"contact": "both:maija"},
    "controllers": ["beta"],
    "channels": ["phone"],
    "source": "self",
    "reference": "reference-of-beta",
    "valid_from": "2026-02-01",
}
EVERYBODY: tuple[DOCUMENT, ...] = (
    ACME, BETA, NOTICE, BETAS_NOTICE, EKMAN, AINO, BIRGER, CECILIA, DANIEL, EKMANS_HR_MANAGER, VILHO, SHARED, BETAS_BAN,
)  # fmt: skip
OF_ACME = Sight(frozenset({"acme"}))
OF_ALL = Sight()
CAMPAIGN: DOCUMENT = {
    "type": "campaign",
    "key": "autumn",
    "controller": "acme",
    "channel": "email",
    "purpose": "direct_marketing",
    "planned_at": "2026-11-24T10:00:00+02:00",
}


class Register:
    """The test's register, and questions to it."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self.database = database
        self.keys = AddressKeys(keys.address_key, keys.address_key_id)

    def take(self, *given: Mapping[str, Any], now: datetime = NOW) -> None:
        decoded = [msgspec.convert(document, AnyDocument) for document in given]
        with self.database.transaction() as session:
            changes = apply_documents(session, decoded, keys=self.keys, actor="test", now=now)
        assert not changes.rejected, changes.rejected

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session

    def id_of(self, ref: str) -> int:
        from sqlalchemy import text

        with self.database.connect() as connection:
            found: int = connection.execute(text("SELECT id FROM contact WHERE ref = :ref"), {"ref": ref}).scalar_one()
        return found

    def verdict(self, row: Mapping[str, str], now: datetime = NOW, **campaign: Any) -> tuple[str, str]:
        """What screening answers for one row of a campaign."""
        with self.database.reading() as session:
            answers = screen(
                session,
                identifiers_of([dict(row)]),
                msgspec.convert({**CAMPAIGN, **campaign}, Campaign),
                keys=self.keys,
                policy=policy_from({}),
                now=now,
                language="en",
            )
        (answer,) = told(answers)
        return answer["verdict"], answer["reason"]


def refs(hits: Sequence[Any]) -> list[str]:
    return [hit.ref for hit in hits]

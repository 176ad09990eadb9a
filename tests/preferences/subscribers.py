"""A controller with newsletters and a form, as documents and commands make them, for tests of subscribing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from consentmgr.db import Database
from consentmgr.importing.applying import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.subscription_forms import add_form
from consentmgr.vocabulary.documents import AnyDocument

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

WORDS = {
    "fi": "Haluan Acme Oy:n uutiskirjeitä sähköpostiini. Voin lopettaa milloin tahansa.",
    "sv": "Jag vill ha nyhetsbrev från Acme Oy per e-post. Jag kan avsluta när som helst.",
    "en": "I want newsletters of Acme Oy by e-mail. I can leave at any time.",
}
CATALOGUE: list[dict[str, Any]] = [
    {"type": "controller", "key": "acme", "name": "Acme Oy", "contact": "tietosuoja@acme.example", "default": True},
    {
        "type": "topic",
        "key": "training-news",
        "kind": "newsletter",
        "controller": "acme",
        "names": {"fi": "Koulutusuutiset", "sv": "Kursnytt", "en": "Training news"},
    },
    {
        "type": "topic",
        "key": "events",
        "kind": "newsletter",
        "controller": "acme",
        "names": {"fi": "Tapahtumat", "sv": "Evenemang", "en": "Events"},
    },
    *(
        {
            "type": "notice",
            "key": "signup",
            "version": 3,
            "language": language,
            "text": words,
            "controllers": ["acme"],
            "channels": ["email", "sms"],
            "purposes": ["newsletter", "direct_marketing"],
            "audiences": ["meta"],
        }
        for language, words in WORDS.items()
    ),
]


def take_in(database: Database, keys: Keys, *documents: dict[str, Any], now: datetime = NOW) -> None:
    """Documents into the register, none of them rejected."""
    with database.transaction() as session:
        changes = apply_documents(
            session,
            [msgspec.convert(document, AnyDocument) for document in documents],
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            actor="test",
            now=now,
        )
    assert not changes.rejected, changes.rejected


def make_form(database: Database, keys: Keys, key: str = "uutiset", **options: Any) -> str:
    """The catalogue and a form of it; the form's key."""
    take_in(database, keys, *CATALOGUE)
    given: dict[str, Any] = {
        "controller": "acme",
        "topics": ["training-news", "events"],
        "notice": "signup/3",
        "origins": ["https://www.acme.example"],
        **options,
    }
    with database.transaction() as session:
        add_form(session, key=key, actor="test", now=NOW, **given)
    return key


def headers_of(response: TestResponse) -> list[tuple[str, str]]:
    """All but the request's own number, which is drawn at random."""
    return [(name, value) for name, value in response.headers.items() if name != "X-Request-Id"]

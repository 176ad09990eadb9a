"""A scratch register for tests: take documents in, ask campaigns of it, leave nothing behind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy.orm import Session

from consentmgr.importing.service import apply_documents
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import ACME, identifiers_of, told
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import AnyDocument, Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.generators import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from consentmgr.screening.answers import Answers
    from consentmgr.screening.engine import EngineName


class Scratch:
    """A register inside one transaction that is never committed."""

    def __init__(self, session: Session, keys: AddressKeys) -> None:
        self.session, self.keys = session, keys

    def take(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Import through the ordinary importer; every document must be taken."""
        decoded = [msgspec.convert(document, AnyDocument) for document in documents]
        changes = apply_documents(self.session, decoded, keys=self.keys, actor="test", now=NOW)
        assert not changes.rejected, [(documents[place], reason) for place, reason in changes.rejected.items()]
        self.session.flush()

    def answers(
        self,
        campaign: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        policy: Mapping[str, Any] | None = None,
        engine: EngineName = "compiled",
    ) -> Answers:
        texts = [{name: str(value) for name, value in row.items()} for row in rows]
        return screen(
            self.session,
            identifiers_of(texts),
            msgspec.convert(campaign, Campaign),
            keys=self.keys,
            policy=policy_from(policy or {}),
            now=NOW,
            language="en",
            engine=engine,
        )

    def ask(self, *question: Any, **options: Any) -> list[dict[str, Any]]:
        """``answers``, one dictionary a row."""
        return told(self.answers(*question, **options))


@contextmanager
def scratch(database: Database, keys: Keys) -> Iterator[Scratch]:
    """A scratch register that knows the controller ``acme``."""
    with Session(database.engine) as session:
        register = Scratch(session, AddressKeys(keys.address_key, keys.address_key_id))
        apply_documents(session, [ACME], keys=register.keys, actor="test", now=NOW)
        yield register
        session.rollback()

"""What holds for any documents in any order: again changes nothing, out and in is the same, batches do not matter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.db import Database
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.changes import Changes
from consentmgr.importing.documents import FileDocument, decode
from consentmgr.importing.export import exported_lines
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import AddressKeys
from tests.importing.registers import ACME, NOW, TABLES, contact, event, read
from tests.importing.test_documents import NOTICE

DAYS = st.dates(date(2024, 1, 1), date(2024, 1, 4)).map(str)
MOMENTS = st.integers(1, 9).map(lambda day: f"2026-05-0{day}T10:00:00+03:00")


def some(*values: Any) -> st.SearchStrategy[Any]:
    """One of the values, or one of the ways of saying nothing."""
    return st.sampled_from([None, "", *values])


def listed(items: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, max_size=most)


ADDRESSES = st.sampled_from(
    [
        {"channel": "email", "value": "aino@posti.example"},
        {"channel": "email", "value": "AINO@posti.example"},
        {"channel": "phone", "value": "050 123 4567"},
        {"channel": "post", "value": {"street": "Katu 1", "postal_code": "00100", "city": "Helsinki"}},
    ]
)
POINTS = st.builds(
    lambda address, **fields: address | fields,
    ADDRESSES,
    use=some("private", "work"),
    source=some("web_form", "crm"),
    acquired_on=st.one_of(st.none(), DAYS),
    organisation=some("0112038-9", "club:1"),
)
ROLES = st.fixed_dictionaries(
    {
        "organisation": st.sampled_from(["0112038-9", "club:1"]),
        "title": some("Chair", "chair", "CEO"),
        "position": some("board_member"),
        "since": st.one_of(st.none(), DAYS),
        "areas": listed(
            st.fixed_dictionaries({"area": st.sampled_from(["finance", "training"]), "evidence": some("vendor")})
        ),
    }
)
ACTS = st.sampled_from(
    ["consent_given", "consent_refused", "consent_withdrawn", "objected", "objection_lifted", "complaint",
     "restriction_lifted", "restricted", "access_requested"]
)  # fmt: skip
EVENTS = st.builds(
    event,
    ACTS,
    MOMENTS,
    method=some("web_form", "import", "paper"),
    channels=listed(st.sampled_from(["email", "sms"])),
    note=some("a note"),
    imported_without_date=st.sampled_from([None, True]),
)
CONTACTS = st.builds(
    contact,
    st.sampled_from(["crm:1", "crm:2"]),
    given_name=some("Aino", "Väinö"),
    language=some("fi", "sv"),
    born_on=st.one_of(st.none(), DAYS),
    non_disclosure=st.sampled_from([None, True, False]),
    points=listed(POINTS),
    roles=listed(ROLES),
    customer_of=listed(st.fixed_dictionaries({"relation": st.sampled_from(["purchase", "membership"]), "last_purchase_on": st.one_of(st.none(), DAYS)})),
    legal_bases=listed(st.fixed_dictionaries({"purpose": st.just("crm"), "basis": st.sampled_from(["contract", "consent"]), "until": st.one_of(st.none(), DAYS)})),
    events=listed(EVENTS),
    clear=listed(st.sampled_from(["given_name", "language", "born_on"]), 1),
)  # fmt: skip
ORGANISATIONS = st.fixed_dictionaries(
    {
        "type": st.just("organisation"),
        "business_id": some("0112038-9"),
        "ref": st.just("club:1"),
        "name": some("Kerho", "Yhtiö"),
        "points": listed(ADDRESSES),
        "domains": listed(st.sampled_from(["a.example", "B.example"])),
    }
)
BANS = st.fixed_dictionaries(
    {
        "type": st.just("prohibition"),
        "target": st.sampled_from([{"email": "aino@posti.example"}, {"contact": "crm:1"}, {"organisation": "club:1"}]),
        "source": st.sampled_from(["self", "staff"]),
        "evidence": st.sampled_from([{}, {"letter": 1}]),
    }
)
SINGLE_EVENTS = st.builds(
    lambda ref, act: {"type": "event", "contact": ref, **act}, st.sampled_from(["crm:1", "crm:2"]), EVENTS
)
DOCUMENTS = st.lists(st.one_of(CONTACTS, CONTACTS, ORGANISATIONS, BANS, SINGLE_EVENTS), max_size=8)
ERASURES = st.sampled_from(["crm:1", "crm:2"]).map(
    lambda ref: {"type": "event", "contact": ref, **event("erased", "2026-05-05T10:00:00+03:00", method="api")}
)
#: Both contacts are there from the beginning, so that an event always finds its contact.
BEGINNING = (ACME, NOTICE, contact("crm:1"), contact("crm:2"))

_few = settings(max_examples=20, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def registers(_session_database: Database) -> Iterator[tuple[Database, Database]]:
    """Two empty registers; every example is undone, so they stay empty."""
    with _session_database.scratch_schema() as one, _session_database.scratch_schema() as other:
        yield one, other


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    with Session(database.engine) as session, session.begin() as transaction:
        yield session
        transaction.rollback()


KEYS = AddressKeys(b"properties of documents in tests", 1)


def take(session: Session, *documents: dict[str, Any] | FileDocument) -> Changes:
    return apply_documents(session, read(*documents), keys=KEYS, actor="test", now=NOW)


def export(session: Session) -> list[bytes]:
    return list(exported_lines(session, key_id=KEYS.key_id))


def lines(exported: list[bytes]) -> list[FileDocument]:
    found = [decode(line) for line in exported]
    return [document for document in found if document is not None and not isinstance(document, Rejection)]


def checksum(session: Session) -> list[Any]:
    return [
        session.execute(text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")).scalar()
        for table in TABLES
    ]


@_few
@given(documents=DOCUMENTS, erasures=listed(ERASURES))
def test_documents_taken_again_change_nothing(
    registers: tuple[Database, Database], documents: list[dict[str, Any]], erasures: list[dict[str, Any]]
) -> None:
    with undone(registers[0]) as session:
        take(session, *BEGINNING, *documents, *erasures)
        exported = export(session)
        before = checksum(session)
        changes = take(session, *lines(exported))
        assert changes.is_nothing
        assert not changes.rejected
        assert checksum(session) == before


def told_once(exported: list[bytes]) -> list[Any]:
    """The documents, each undated act of a contact once: two that only their notes told apart are one act once erasure
    has taken the notes, since the time of an undated act is that of its import and no part of it.
    """
    found = [msgspec.json.decode(line) for line in exported]
    for document in found:
        seen: set[bytes] = set()
        events, document["events"] = document.get("events", []), []
        for one in events:
            key = msgspec.json.encode({**one, "at": None}, order="sorted")
            if not one.get("imported_without_date") or key not in seen:
                document["events"].append(one)
            seen.add(key)
    return found


@_few
@given(documents=DOCUMENTS, erasures=listed(ERASURES))
def test_out_and_in_again_is_the_same(
    registers: tuple[Database, Database], documents: list[dict[str, Any]], erasures: list[dict[str, Any]]
) -> None:
    with undone(registers[0]) as session, undone(registers[1]) as other:
        take(session, *BEGINNING, *documents, *erasures)
        exported = export(session)
        assert not take(other, *lines(exported)).rejected
        assert told_once(export(other)) == told_once(exported)


#: Without the business id that would show two organisations to be one: until then each has its own roles.
APART = DOCUMENTS.map(lambda documents: [{**document, "business_id": None} if document["type"] == "organisation" else document for document in documents])  # fmt: skip


@_few
@given(documents=APART, cut=st.integers(0, 8))
def test_batches_do_not_matter(registers: tuple[Database, Database], documents: list[dict[str, Any]], cut: int) -> None:
    with undone(registers[0]) as session, undone(registers[1]) as other:
        take(session, *BEGINNING)
        take(session, *documents)
        take(other, *BEGINNING)
        take(other, *documents[:cut])
        take(other, *documents[cut:])
        # Which of two new bans is written first says nothing.
        assert sorted(export(other)) == sorted(export(session))


@_few
@given(documents=DOCUMENTS, later=DOCUMENTS)
def test_nobody_is_brought_back(
    registers: tuple[Database, Database], documents: list[dict[str, Any]], later: list[dict[str, Any]]
) -> None:
    """What stops somebody is there after any later import, except by that person's own dated act."""
    with undone(registers[0]) as session:
        take(session, *BEGINNING, *documents, event_of("crm:1", "erased"), event_of("crm:2", "objected"))
        bans = session.execute(text("SELECT id, lifted_at, channels, source FROM prohibition ORDER BY id")).all()
        kept = session.execute(text("SELECT address_key, contact_id FROM erased_key ORDER BY 1, 2")).all()
        hidden = session.execute(text("SELECT ref FROM contact WHERE non_disclosure ORDER BY ref")).all()
        take(session, *(without_own_acts(document) for document in later))
        after = session.execute(text("SELECT id, lifted_at, channels, source FROM prohibition ORDER BY id")).all()
        assert after[: len(bans)] == bans
        assert set(kept) <= set(session.execute(text("SELECT address_key, contact_id FROM erased_key")).all())
        assert set(hidden) <= set(session.execute(text("SELECT ref FROM contact WHERE non_disclosure")).all())
        erased = session.execute(
            text("SELECT given_name, born_on, (SELECT count(*) FROM contact_point p WHERE p.contact_id = c.id)"
                 " FROM contact c WHERE ref = 'crm:1' AND erased_at IS NOT NULL")
        ).one()  # fmt: skip
        assert tuple(erased) == (None, None, 0)
        states = session.scalars(
            text("SELECT state FROM standing JOIN contact ON id = contact_id WHERE ref = 'crm:2' AND matter = 'permission'"
                 " AND controller = 'acme' AND channel = '*' AND purpose = '*' AND topic = '*'")
        ).all()  # fmt: skip
        assert states == ["objected"]


def event_of(ref: str, kind: str) -> dict[str, Any]:
    return {"type": "event", "contact": ref, **event(kind, "2026-05-20T10:00:00+03:00", method="paper")}


def without_own_acts(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every event brought by an import, whatever it says."""
    if document["type"] == "event":
        return document | {"method": "import", "at": "2026-06-01T10:00:00+03:00"}
    if "events" in document:
        moved = [act | {"method": "import", "at": "2026-06-01T10:00:00+03:00"} for act in document["events"]]
        return document | {"events": moved}
    return document

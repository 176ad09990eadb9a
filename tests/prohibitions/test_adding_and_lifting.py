"""Bans: matched by address, added once, lifted only by a newer, explicit, evidenced act."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from hashlib import sha256
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import text

from consentmgr.consents.ledger import entries_of
from consentmgr.consents.verification import verify
from consentmgr.db import Database
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.prohibitions.service import Added, Ban, add, add_targeted, by_ids, matching, of_contact
from consentmgr.prohibitions.targets import Target, targets_of
from consentmgr.vocabulary.documents import PostalAddress, Prohibition, ProhibitionTarget

Bans = Callable[..., Prohibition]
Adds = Callable[..., Added]
Lifts = Callable[..., list[int]]


def stored(database: Database, ids: tuple[int, ...]) -> list[Ban]:
    with database.transaction() as session:
        return by_ids(session, ids)


def test_a_ban_is_stored_with_its_scope_and_is_an_entry_of_the_ledger(
    database: Database, added: Adds, ban: Bans, address_keys: AddressKeys
) -> None:
    document = ban(
        "robinson_phone",
        phone="050 1234567",
        channels=("phone",),
        purposes=("direct_marketing",),
        topics=("a,b",),
        controllers=("acme", "sister"),
        valid_from=date(2026, 1, 1),
        valid_until=date(2028, 12, 31),
        reference="batch 12",
        evidence={"note": "ä", "rate": 1.5},
    )
    found = added(document)
    (row,) = stored(database, found.ids)
    key = address_keys.phone("+358501234567")
    assert key is not None
    assert (row.target_kind, row.address_key) == ("phone", key.address_key)
    assert (row.channels, row.purposes, row.topics) == (["phone"], ["direct_marketing"], ["a,b"])
    assert (row.controllers, row.source, row.reference) == (["acme", "sister"], "robinson_phone", "batch 12")
    assert (row.valid_from, row.valid_until) == (date(2026, 1, 1), date(2028, 12, 31))
    with database.connect() as connection:
        entry = connection.execute(text("SELECT * FROM ledger_entry WHERE id = :id"), {"id": row.entry_id}).one()
        assert (entry.event, entry.prohibition, entry.source) == ("prohibition_added", str(row.id), "robinson_phone")
        assert entry.detail == {
            "target": "phone",
            "valid_from": "2026-01-01",
            "valid_until": "2028-12-31",
            "controllers": ["acme", "sister"],
        }
        document_stored, evidence = connection.execute(text("SELECT document, evidence FROM prohibition")).one()
        assert document_stored["target"] == {"phone": "050 1234567"}
        assert evidence == {"note": "ä", "rate": 1.5}
    with database.transaction() as session:
        assert verify(session).whole


def test_the_same_document_adds_nothing(database: Database, added: Adds, ban: Bans) -> None:
    one, other = ban(email="aino@posti.example"), ban(email="aino@posti.example", channels=("email", "sms"))
    first = added(one, one, other)
    assert first.ids[0] == first.ids[1] != first.ids[2]
    assert first.new == set(first.ids)
    # However it is spelt.
    again = added(replace(other, channels=("sms", "email")), ban(email=" Aino@POSTI.example "))
    assert again.ids == (first.ids[2], first.ids[0])
    assert again.new == set()
    with database.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ledger_entry")) == 2


def test_every_kind_of_target_is_matched_by_what_it_names(
    database: Database, added: Adds, ban: Bans, address_keys: AddressKeys
) -> None:
    post = PostalAddress(street="Esimerkkikatu 1", apartment="A 2", postal_code="00100", city="Helsinki", country="FI")
    hashed = sha256(b"aino@posti.example").hexdigest()
    digits = sha256(b"358501234567").hexdigest()
    found = added(
        ban(email="aino@posti.example"),
        ban(phone="+358 50 1234567"),
        ban(post=post),
        ban(email_sha256=hashed.upper()),
        ban(phone_sha256=digits),
        ban(contact="crm:1"),
        ban(organisation="0112038-9"),
        ban(domain="TYÖKALU.example"),
    )
    email, phone = address_keys.email("aino@posti.example"), address_keys.phone("0501234567")
    address = address_keys.post("Esimerkkikatu 1", "A2", "00100", "Helsinki")
    assert email is not None
    assert phone is not None
    assert address is not None

    def ids(**wanted: Any) -> list[int]:
        with database.transaction() as session:
            return [row.id for row in matching(session, **wanted)]

    assert ids(address_keys=[email.address_key]) == [found.ids[0]]
    assert ids(address_keys=[phone.address_key]) == [found.ids[1]]
    assert ids(address_keys=[address.address_key]) == [found.ids[2]]
    assert ids(address_keys=[email.sha256_key, phone.sha256_digits_key]) == list(found.ids[3:5])
    assert ids(refs=["crm:1"], organisations=["0112038-9"], domains=["työkalu.example"]) == list(found.ids[5:])
    assert ids() == []


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ({}, "target"),
        ({"email": "a@posti.example", "phone": "+358501234567"}, "target"),
        ({"email": "no address"}, "target.email"),
        ({"phone": "12"}, "target.phone"),
        ({"post": PostalAddress(city="Helsinki")}, "target.post"),
        ({"domain": "nodot"}, "target.domain"),
        ({"email_sha256": "abc"}, "target.email_sha256"),
        ({"contact": " "}, "target.contact"),
        ({"contact": "crm:\0"}, "target.contact"),
        ({"email": "a\0@posti.example"}, "target.email"),
        ({"post": PostalAddress(street="Katu 1", postal_code="00100", city="Hel\0")}, "target.post"),
    ],
)
def test_a_target_that_cannot_be_matched_names_the_field_and_adds_nothing(
    database: Database, added: Adds, ban: Bans, target: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        added(ban(email="aino@posti.example"), ban(**target))
    assert refused.value.field == field
    assert "posti.example" not in str(refused.value)
    with database.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM prohibition")) == 0


addresses = st.one_of(
    st.sampled_from(["aino@posti.example", "x", " B@C.EXAMPLE", "työ@tökä.example"]).map(
        lambda value: ProhibitionTarget(email=value)
    ),
    st.sampled_from(["0501234567", "+358 50 123", "x"]).map(lambda value: ProhibitionTarget(phone=value)),
    st.sampled_from(["ab" * 32, "AB" * 32, "x"]).map(lambda value: ProhibitionTarget(email_sha256=value)),
    st.sampled_from(["Katu 1", None]).map(
        lambda street: ProhibitionTarget(post=PostalAddress(street=street, postal_code="00100", city="Helsinki"))
    ),
    st.just(ProhibitionTarget(domain="posti.example")),
    st.just(ProhibitionTarget()),
)


@settings(max_examples=20)
@given(st.lists(addresses, max_size=6))
def test_many_targets_are_found_as_one_by_one(found: list[ProhibitionTarget]) -> None:
    keys = AddressKeys(bytes(range(32)), 1)
    documents = [Prohibition(target=target, source="self") for target in found]

    def told(targets: list[Target | BadInput]) -> list[Any]:
        return [str(target) if isinstance(target, BadInput) else target for target in targets]

    one_by_one = [target for document in documents for target in told(targets_of([document], keys))]
    assert told(targets_of(documents * 250, keys)) == one_by_one * 250


def test_a_ban_waits_for_a_contact_that_comes_later(
    database: Database, added: Adds, ban: Bans, contact: Callable[..., int]
) -> None:
    found = added(ban(contact="crm:1"), ban(email="aino@posti.example"))
    one = contact("crm:1")
    other = contact("crm:2", email="Aino@posti.example")
    third = contact("crm:3", email="aino@posti.example")
    with database.transaction() as session:
        bans = of_contact(session, [one, other, third])
    assert {contact_id: [row.id for row in rows] for contact_id, rows in bans.items()} == {
        one: [found.ids[0]],
        other: [found.ids[1]],
        third: [found.ids[1]],
    }


def test_a_ban_on_a_known_contact_is_in_its_history(
    database: Database, added: Adds, ban: Bans, contact: Callable[..., int]
) -> None:
    contact_id = contact("crm:1")
    found = added(ban(contact="crm:1"))
    with database.transaction() as session:
        (recorded,) = entries_of(session, [contact_id])
    assert (recorded.entry.event, recorded.entry.prohibition) == ("prohibition_added", str(found.ids[0]))


def test_a_ban_known_by_its_key_alone_keeps_no_document(
    database: Database, ban: Bans, address_keys: AddressKeys, now: datetime
) -> None:
    point = address_keys.email("aino@posti.example")
    assert point is not None
    with database.transaction() as session:
        target = Target("email", point.address_key.bytes)
        add_targeted(session, [ban()], [target], keys=address_keys, actor="test", now=now)
        (found,) = matching(session, address_keys=[point.address_key])
        assert found.target_kind == "email"
        assert session.execute(text("SELECT document FROM prohibition")).scalar_one() is None
        # The same ban as a document is the same ban.
        again = add(session, [ban(email="aino@posti.example")], keys=address_keys, actor="test", now=now)
        assert again == Added((found.id,), frozenset())


def test_a_ban_outlives_everything_it_speaks_of(
    database: Database, added: Adds, ban: Bans, contact: Callable[..., int]
) -> None:
    contact("crm:1", email="aino@posti.example")
    with database.transaction() as session:
        session.execute(text("INSERT INTO controller (key, name) VALUES ('acme', 'Acme Oy')"))
        session.execute(text("INSERT INTO topic (key, kind, controller) VALUES ('news', 'newsletter', 'acme')"))
    found = added(ban(contact="crm:1"), ban(email="aino@posti.example", topics=("news",), controllers=("acme",)))
    with database.transaction() as session:
        for table in ("contact_point", "contact", "topic", "controller"):
            session.execute(text(f"DELETE FROM {table}"))
    assert [row.lifted_at for row in stored(database, found.ids)] == [None, None]
    newcomer = contact("crm:9", email="AINO@posti.example")
    with database.transaction() as session:
        assert [row.id for row in of_contact(session, [newcomer])[newcomer]] == [found.ids[1]]


def test_several_writers_add_one_ban_once(
    database: Database, ban: Bans, address_keys: AddressKeys, now: datetime
) -> None:
    documents = [ban(email=f"person{number}@posti.example") for number in range(30)]
    together = Barrier(6)

    def write(number: int) -> Added:
        together.wait()
        with database.transaction() as session:
            ordered = documents[:: -1 if number % 2 else 1]
            return add(session, ordered, keys=address_keys, actor="test", now=now)

    with ThreadPoolExecutor(6) as pool:
        written = list(pool.map(write, range(6)))
    assert len({frozenset(one.ids) for one in written}) == 1
    assert sum(len(one.new) for one in written) == 30
    with database.transaction() as session:
        assert verify(session).entries == 30


# --- lifting --------------------------------------------------------------------------------------------------------


def test_a_newer_evidenced_act_lifts_and_is_in_the_ledger(
    database: Database, added: Adds, lifted: Lifts, ban: Bans, now: datetime
) -> None:
    found = added(ban(email="aino@posti.example"), ban(email="other@posti.example"))
    assert lifted(found.ids[0]) == [found.ids[0]]
    row, other = stored(database, found.ids)
    assert row.lifted_at == now + timedelta(days=2)
    assert other.lifted_at is None
    with database.connect() as connection:
        entry = connection.execute(
            text("SELECT e.*, v.data FROM ledger_entry e JOIN ledger_evidence v ON v.entry_id = e.id WHERE e.id = :id"),
            {"id": row.lifted_by_entry},
        ).one()
    assert (entry.event, entry.prohibition, entry.method) == ("prohibition_lifted", str(row.id), "phone")
    assert entry.data == {"reason": "asked for the magazine again", "evidence": {"recording": "call-17"}}


def test_lifting_again_lifts_nothing(database: Database, added: Adds, lifted: Lifts, ban: Bans) -> None:
    found = added(ban(email="aino@posti.example"))
    lifted(*found.ids)
    before = stored(database, found.ids)
    assert lifted(*found.ids) == []
    assert stored(database, found.ids) == before


def test_a_lifted_ban_imported_again_stays_lifted_and_is_not_doubled(
    database: Database, added: Adds, lifted: Lifts, ban: Bans, now: datetime
) -> None:
    document = ban(email="aino@posti.example")
    found = added(document)
    lifted(*found.ids)
    assert added(document, now=now + timedelta(days=9)) == Added(found.ids, frozenset())
    assert stored(database, found.ids)[0].lifted_at is not None
    # A new ban is a new document.
    assert len(added(replace(document, valid_from=date(2026, 12, 1))).new) == 1


@pytest.mark.parametrize(
    ("weak", "field"),
    [
        ({"method": "import"}, "method"),
        ({"given_by": "unverified"}, "given_by"),
        ({"reason": "  "}, "reason"),
        ({"evidence": {}}, "evidence"),
        ({"at": "before"}, "at"),
        ({"at": "same"}, "at"),
        ({"at": "tomorrow"}, "at"),
    ],
)
def test_a_weak_act_lifts_nothing(
    database: Database, added: Adds, lifted: Lifts, ban: Bans, now: datetime, weak: dict[str, Any], field: str
) -> None:
    found = added(ban(email="aino@posti.example"))
    moments = {"before": now - timedelta(hours=1), "same": now, "tomorrow": now + timedelta(days=9)}
    weak = {name: moments.get(value, value) if name == "at" else value for name, value in weak.items()}
    with pytest.raises(BadInput) as refused:
        lifted(*found.ids, **weak)
    assert refused.value.field == field
    assert stored(database, found.ids)[0].lifted_at is None


def test_a_ban_dated_by_the_day_holds_through_that_day(
    database: Database, added: Adds, lifted: Lifts, ban: Bans
) -> None:
    found = added(ban(email="aino@posti.example", valid_from=date(2026, 11, 3)))
    # 21:59 UTC is still the third in Finland, 22:00 is the fourth.
    end_of_day = datetime.fromisoformat("2026-11-03T21:59:59+00:00")
    with pytest.raises(BadInput):
        lifted(*found.ids, at=end_of_day)
    assert lifted(*found.ids, at=end_of_day + timedelta(seconds=1)) == list(found.ids)


def test_a_courts_ban_is_never_lifted_and_takes_the_others_with_it(
    database: Database, added: Adds, lifted: Lifts, ban: Bans
) -> None:
    found = added(ban(email="aino@posti.example"), ban("court", email="aino@posti.example"))
    with pytest.raises(BadInput, match="court"):
        lifted(*found.ids)
    assert [row.lifted_at for row in stored(database, found.ids)] == [None, None]


def test_an_unknown_ban_is_not_found(lifted: Lifts) -> None:
    with pytest.raises(NotFound):
        lifted(404)


def test_lifting_many_needs_a_second_person(database: Database, added: Adds, lifted: Lifts, ban: Bans) -> None:
    found = added(*(ban(email=f"person{number}@posti.example") for number in range(11)))
    for alone in (None, "", "test"):
        with pytest.raises(BadInput) as refused:
            lifted(*found.ids, approved_by=alone)
        assert refused.value.field == "approved_by"
    assert lifted(*found.ids, approved_by="another") == list(found.ids)


def test_a_ban_holds_from_its_first_to_its_last_day(database: Database, added: Adds, lifted: Lifts, ban: Bans) -> None:
    found = added(
        ban(email="aino@posti.example", valid_from=date(2026, 1, 2), valid_until=date(2026, 1, 4)),
        ban(email="aino@posti.example"),
    )
    dated, undated = stored(database, found.ids)
    assert [dated.holds_on(date(2026, 1, day)) for day in range(1, 6)] == [False, True, True, True, False]
    assert undated.holds_on(date(1999, 1, 1))
    lifted(undated.id)
    assert not stored(database, (undated.id,))[0].holds_on(date(2027, 1, 1))


def test_a_ban_shows_no_address(database: Database, added: Adds, ban: Bans) -> None:
    found = added(ban(contact="aino.virtanen@posti.example"))
    assert "virtanen" not in repr(stored(database, found.ids))

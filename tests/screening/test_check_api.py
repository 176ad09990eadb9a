"""``POST /check`` and ``/check/many``: the answer of a screening, at once."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from consentmgr.importing.service import apply_documents
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.prohibitions.hashes import keep_up
from consentmgr.prohibitions.journal import JournalWriter
from consentmgr.prohibitions.models import Restoration
from consentmgr.prohibitions.opt_outs import OptOut
from consentmgr.screening.decide import ACME
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.documents import AnyDocument
from consentmgr.vocabulary.reason_codes import RULE_PACK_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.staff.api_calling import ApiCalling

    Take = Callable[..., None]

CAMPAIGN = {
    "type": "campaign", "key": "syksy", "name": "Syksyn koulutukset", "controller": "acme", "channel": "email",
    "purpose": "direct_marketing",
}  # fmt: skip
NOTICE = {
    "type": "notice", "key": "signup", "version": 1, "language": "fi", "text": "Haluan markkinointia.",
    "controllers": ["acme"], "channels": ["email"], "purposes": ["direct_marketing"],
}  # fmt: skip
AINO = {
    "type": "contact", "ref": "crm:1", "given_name": "Aino", "family_name": "Virtanen",
    "points": [{"channel": "email", "value": "aino@posti.example", "use": "private"}],
    "events": [{
        "event": "consent_given", "at": "2026-06-01T12:00:00+03:00", "controller": "acme", "method": "web_form",
        "channels": ["email"], "purposes": ["direct_marketing"], "notice": "signup/1/fi",
    }],
}  # fmt: skip
BIRGER = {
    "type": "contact", "ref": "crm:2", "points": [{"channel": "email", "value": "birger@posti.example"}],
    "events": [{"event": "objected", "at": "2026-07-01T12:00:00+03:00", "controller": "acme"}],
}  # fmt: skip
OTHER = {"type": "controller", "key": "beta", "name": "Beta Oy"}


@pytest.fixture
def take(database: Database, keys: Keys) -> Take:
    """Takes documents into the register, for good."""

    def take(*documents: dict[str, Any]) -> None:
        decoded = [ACME, *(msgspec.convert(document, AnyDocument) for document in (NOTICE, *documents))]
        with database.transaction() as session:
            address_keys = AddressKeys(keys.address_key, keys.address_key_id)
            changes = apply_documents(session, decoded, keys=address_keys, actor="test", now=clock.now())
            assert not changes.rejected, changes.rejected

    return take


def test_a_person_who_consented_may_be_sent_it(api: ApiCalling, take: Take) -> None:
    take(AINO, BIRGER, CAMPAIGN)
    found = api(Scope.CHECK).post("/check", json={"campaign": "syksy", "row": {"email": " Aino@Posti.example "}})
    assert found.status_code == 200
    answer = found.get_json()
    assert (answer["verdict"], answer["reason"], answer["ground"]) == ("allow", "CONSENT_OK", "CONSENT_OK")
    assert answer["legal_basis"] == "consent"
    assert len(answer["evidence"]) == 1
    assert answer["evidence"][0].startswith("E")
    assert answer["rule_pack"] == RULE_PACK_VERSION
    assert answer["register_position"].count(":") == 2
    assert answer["controller"] == "acme"


def test_a_person_who_objected_may_not_and_is_told_why_in_the_language_asked_for(api: ApiCalling, take: Take) -> None:
    take(AINO, BIRGER, CAMPAIGN)
    told = {
        language: api(Scope.CHECK).post(
            "/check", json={"campaign": "syksy", "row": {"ref": "crm:2"}, "language": language}
        ).get_json()
        for language in ("fi", "sv", "en")
    }  # fmt: skip
    assert {answer["reason"] for answer in told.values()} == {"DM_OBJECTION_ALL"}
    assert len({answer["explanation"] for answer in told.values()}) == 3


def test_a_whole_campaign_may_be_given(api: ApiCalling, take: Take) -> None:
    take(AINO)
    row = {"email": "aino@posti.example"}
    client = api(Scope.CHECK)
    assert client.post("/check", json={"campaign": CAMPAIGN, "row": row}).get_json()["verdict"] == "allow"
    sms = {**CAMPAIGN, "channel": "sms"}
    assert client.post("/check", json={"campaign": sms, "row": row}).get_json()["reason"] == "ADDRESS_MISSING"
    wrong = client.post("/check", json={"campaign": {**CAMPAIGN, "channel": "pigeon"}, "row": row})
    assert wrong.status_code == 422
    assert wrong.get_json()["errors"][0]["pointer"] == "/campaign/channel"


def test_an_address_without_a_canonical_form_is_a_verdict_and_no_fault(api: ApiCalling, take: Take) -> None:
    take(CAMPAIGN)
    found = api(Scope.CHECK).post("/check", json={"campaign": "syksy", "row": {"email": "not an address"}})
    assert found.status_code == 200
    assert (found.get_json()["verdict"], found.get_json()["reason"]) == ("block", "ADDRESS_INVALID")


def test_a_row_of_empty_fields_has_no_address(api: ApiCalling, take: Take) -> None:
    take(CAMPAIGN)
    client = api(Scope.CHECK)
    for row in ({"email": None}, {"email": " "}, {"ref": None, "phone": None}):
        told = client.post("/check", json={"campaign": "syksy", "row": row})
        assert (told.status_code, told.json.get("reason")) == (200, "ADDRESS_MISSING"), told.json


def test_an_unknown_field_is_named(api: ApiCalling, take: Take) -> None:
    take(CAMPAIGN)
    client = api(Scope.CHECK)
    found = client.post("/check", json={"campaign": "syksy", "row": {"email": "a@b.example", "shoe_size": 43}})
    assert found.status_code == 422
    assert [error["pointer"] for error in found.get_json()["errors"]] == ["/row/shoe_size"]
    rows = [{"email": "a@b.example"}, {"phone": ["+358"]}]
    found = client.post("/check/many", json={"campaign": "syksy", "rows": rows})
    assert [error["pointer"] for error in found.get_json()["errors"]] == ["/rows/1/phone"]
    assert client.post("/check", json={"campaign": "syksy", "row": {}}).status_code == 422
    assert client.post("/check/many", json={"campaign": "syksy", "rows": []}).status_code == 422
    assert client.post("/check/many", json={"campaign": "syksy", "rows": [{"ref": "a"}] * 1_001}).status_code == 422


def test_rows_are_answered_in_order_and_of_one_position(api: ApiCalling, take: Take) -> None:
    take(AINO, BIRGER, CAMPAIGN)
    rows = [{"email": "aino@posti.example"}, {"email": "birger@posti.example"}, {"email": "nobody"}] * 50
    found = api(Scope.CHECK).post("/check/many", json={"campaign": "syksy", "rows": rows}).get_json()
    assert [item["reason"] for item in found["items"]] == ["CONSENT_OK", "DM_OBJECTION_ALL", "ADDRESS_INVALID"] * 50
    assert isinstance(found["register_position"], str)


def test_campaigns_of_other_controllers_are_not_there(api: ApiCalling, take: Take) -> None:
    take(OTHER, AINO, CAMPAIGN, {**CAMPAIGN, "key": "joint", "joint_controllers": ["beta"]})
    row = {"email": "aino@posti.example"}
    beta, acme = api(Scope.CHECK, controllers={"beta"}), api(Scope.CHECK, controllers={"acme"})
    assert beta.post("/check", json={"campaign": "syksy", "row": row}).status_code == 404
    assert beta.post("/check", json={"campaign": CAMPAIGN, "row": row}).status_code == 404
    assert beta.post("/check", json={"campaign": {**CAMPAIGN, "controller": None}, "row": row}).status_code == 404
    assert acme.post("/check", json={"campaign": "joint", "row": row}).status_code == 404
    assert acme.post("/check", json={"campaign": "syksy", "row": row}).status_code == 200
    assert acme.post("/check", json={"campaign": "none such", "row": row}).status_code == 404
    unknown = api(Scope.CHECK).post("/check", json={"campaign": {**CAMPAIGN, "controller": "gamma"}, "row": row})
    assert unknown.status_code == 422


def test_another_scope_may_not_check(api: ApiCalling, take: Take) -> None:
    take(CAMPAIGN)
    found = api(Scope.READ_CONTACTS).post("/check", json={"campaign": "syksy", "row": {"ref": "crm:1"}})
    assert found.status_code == 403


def test_what_changes_in_the_register_is_in_the_next_answer(api: ApiCalling, take: Take) -> None:
    """Campaign, policy, prohibitions and the person: nothing is kept from one question to the next but plans."""
    take(AINO, CAMPAIGN)
    client, asked = api(Scope.CHECK), {"campaign": "syksy", "row": {"email": "aino@posti.example"}}
    assert client.post("/check", json=asked).get_json()["verdict"] == "allow"
    take({**CAMPAIGN, "purpose": "newsletter"})
    assert client.post("/check", json=asked).get_json()["reason"] == "CONSENT_SCOPE_TOPIC"
    take(CAMPAIGN)
    assert client.post("/check", json=asked).get_json()["verdict"] == "allow"
    take({"type": "prohibition", "target": {"email": "aino@posti.example"}, "source": "vendor"})
    answer = client.post("/check", json=asked).get_json()
    assert (answer["reason"], answer["evidence"][0][0]) == ("VENDOR_PROHIBITION", "P")


def test_what_only_the_journal_knows_is_in_the_answer(
    api: ApiCalling, take: Take, settings: Settings, keys: Keys
) -> None:
    """Somebody left, and the process that took it down died before the register had it."""
    take(AINO, CAMPAIGN)
    client, asked = api(Scope.CHECK), {"campaign": "syksy", "row": {"email": "aino@posti.example"}}
    assert client.post("/check", json=asked).get_json()["verdict"] == "allow"
    found = AddressKeys(keys.address_key, keys.address_key_id).email("aino@posti.example")
    assert found is not None
    left = OptOut(
        id=uuid4().hex, act="leave", at=clock.now(), link="0" * 24, controller="acme", kind="email", channel="email",
        scope="channel", key=found.address_key.hex,
    )  # fmt: skip
    writer = JournalWriter(settings)
    writer.append([left], today=clock.now().date())
    writer.close()
    assert client.post("/check", json=asked).get_json()["verdict"] == "block"


def test_a_restored_register_does_not_answer(api: ApiCalling, take: Take, database: Database) -> None:
    take(AINO, CAMPAIGN)
    with database.transaction() as session:
        now = clock.now()
        session.add(Restoration(backup_taken_at=now, restored_at=now, restored_by="test"))
    asked = {"campaign": "syksy", "row": {"email": "aino@posti.example"}}
    assert api(Scope.CHECK).post("/check", json=asked).status_code == 409


def test_merged_refs_are_one_person(api: ApiCalling, take: Take, database: Database) -> None:
    take(AINO, {"type": "contact", "ref": "crm:old"}, CAMPAIGN)
    with database.transaction() as session:
        session.execute(
            text("UPDATE contact SET merged_into = (SELECT id FROM contact WHERE ref = 'crm:1') WHERE ref = 'crm:old'")
        )
    found = api(Scope.CHECK).post("/check", json={"campaign": "syksy", "row": {"ref": "crm:old"}}).get_json()
    assert (found["verdict"], found["reason"]) == ("allow", "CONSENT_OK")


def test_a_ban_that_arrived_hashed_meets_a_plain_address_and_a_hash_a_plain_ban(
    api: ApiCalling, take: Take, database: Database, keys: Keys
) -> None:
    aino, birger = (sha256(f"{name}@posti.example".encode()).hexdigest() for name in ("aino", "birger"))
    take(
        AINO, BIRGER, CAMPAIGN,
        {"type": "prohibition", "target": {"email_sha256": aino}, "source": "vendor"},
        {"type": "prohibition", "target": {"email": "birger@posti.example"}, "source": "vendor"},
    )  # fmt: skip
    client = api(Scope.CHECK)
    for _ in ("nothing was hashed before", "all were"):
        for row in ({"email": "aino@posti.example"}, {"email_sha256": aino}, {"email_sha256": birger}):
            answer = client.post("/check", json={"campaign": "syksy", "row": row}).get_json()
            assert "VENDOR_PROHIBITION" in answer["reasons"], row
        with database.transaction() as session:
            keep_up(session, AddressKeys(keys.address_key, keys.address_key_id))


def test_a_hash_is_answered_as_its_address_is(api: ApiCalling, take: Take, database: Database, keys: Keys) -> None:
    take(
        AINO, BIRGER, CAMPAIGN,
        {"type": "prohibition", "target": {"email": "nobody@posti.example"}, "source": "self"},
        {"type": "prohibition", "target": {"email": "aino@posti.example"}, "source": "vendor"},
    )  # fmt: skip
    client = api(Scope.CHECK)
    for _ in ("nothing was hashed before", "all were"):
        for name in ("aino", "birger", "nobody", "unknown"):
            address = f"{name}@posti.example"
            rows = ({"email": address}, {"email_sha256": sha256(address.encode()).hexdigest()})
            plain, hashed = (
                client.post("/check", json={"campaign": "syksy", "row": row}).get_json()["reasons"] for row in rows
            )
            assert plain == hashed, name
        with database.transaction() as session:
            keep_up(session, AddressKeys(keys.address_key, keys.address_key_id))

"""What a consent record says: the state of each thing agreed to, its history, and nothing that is not known."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from consentmgr.consents.sight import Sight
from consentmgr.kit.errors import CheckFailed, NotFound
from consentmgr.kit.signing import new_signing_key, public_jwk
from consentmgr.records.receipts import verified
from tests.records.keepers import NOTICE, NOW, Keepers, consent, person, said, schema


def record(keepers: Keepers, ref: str, place: int = 0) -> dict[str, Any]:
    return json.loads(keepers.file(ref, place))  # type: ignore[no-any-return]


def test_a_record_has_the_shape_of_the_standard(keepers: Keepers) -> None:
    keepers.take(
        person(
            "ake",
            consent(topics=["garden"], purposes=["newsletter"]),
            said("consent_withdrawn", "2026-09-01T10:00:00+03:00", channels=["sms"]),
            legal_bases=[{"controller": "acme", "purpose": "marketing", "basis": "consent"}],
        )
    )
    found = record(keepers, "ake")
    Draft202012Validator(schema("consent_record")).validate(found)
    assert found["dpv:hasNotice"][0]["cm:sha256"] == hashlib.sha256(NOTICE["text"].encode()).hexdigest()
    assert found["dpv:hasNotice"][0]["dct:hasVersion"] == "2"
    assert found["dpv:hasNotice"][1]["cm:url"] == "https://acme.example/tietosuoja"
    assert found["dpv:hasStorageCondition"]["dpv:hasDuration"]["@value"] == "P36M"
    assert found["dpv:hasRecipient"] == [{"@type": "dpv:Recipient", "dpv:hasName": "Esimerkkiposti Oy"}]
    assert [(event["@type"], event["cm:act"]) for event in found["dpv:hasConsentStatus"]] == [
        ("dpv:ConsentGiven", "consent_given"),
        ("dpv:ConsentWithdrawn", "consent_withdrawn"),
    ]
    assert found["dpv:hasConsentStatus"][0]["dct:date"]["@value"] == "2026-08-01T07:00:00Z"
    assert {one["cm:channel"]: one["dpv:hasConsentStatus"]["@id"] for one in found["dpv:hasProcess"]} == {
        "email": "dpv:ConsentGiven",
        "sms": "dpv:ConsentWithdrawn",
    }
    titles = {title["@language"]: title["@value"] for title in found["dpv:hasProcess"][0]["cm:topic"]["dct:title"]}
    assert titles == {"fi": "Puutarhakirje", "sv": "Trädgårdsbrevet", "en": "Garden letter"}


def test_every_prefix_that_is_used_is_written_out_in_the_record(keepers: Keepers) -> None:
    keepers.take(person("ake", consent(audiences=[], topics=["garden"], purposes=["newsletter"])))
    found = record(keepers, "ake")
    context = found.pop("@context")

    def names(part: object) -> set[str]:
        if isinstance(part, dict):
            keys = {key for key in part if not key.startswith("@")}
            terms = {value for key in ("@id", "@type") for value in _all(part.get(key)) if not value.startswith("urn:")}
            return keys | terms | {name for value in part.values() for name in names(value)}
        return {name for one in part for name in names(one)} if isinstance(part, list) else set()

    assert {name.partition(":")[0] for name in names(found)} <= set(context)


def _all(value: object) -> list[str]:
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []


def test_what_is_not_known_is_absent_and_named(keepers: Keepers) -> None:
    keepers.take(
        person("bo", consent(controller="beta", evidence={"double_opt_in": "confirmed"}), controllers=["beta"])
    )
    found = record(keepers, "bo")
    assert "dpv:hasStorageCondition" not in found
    assert "dpv:hasRecipient" not in found
    assert found["dpv:hasDataController"] == [
        {"@type": ["dpv:LegalEntity", "dpv:DataController"], "dct:identifier": "beta", "dpv:hasName": "Beta Oy"}
    ]
    assert found["cm:notKnown"] == [
        "storage_locations", "retention_period", "recipient_third_parties", "party_address", "party_contact",
    ]  # fmt: skip
    assert ": null" not in keepers.file("bo").decode()


def test_a_record_names_nobody(keepers: Keepers) -> None:
    keepers.take(person("ake", consent(note="a word of the person")))
    written = keepers.file("ake").decode() + keepers.receipt("ake").decode()
    for personal in ("Åke", "Öhman", "posti.example", "192.0.2.7", "a word", '"ake"'):
        assert personal not in written, personal


def test_the_same_ledger_gives_the_same_bytes(keepers: Keepers) -> None:
    keepers.take(person("ake", consent()))
    assert keepers.file("ake") == keepers.file("ake", now=NOW + timedelta(milliseconds=5))
    later = record(keepers, "ake") | {"dct:issued": "", "cm:signature": ""}
    again = json.loads(keepers.file("ake", now=NOW + timedelta(days=1))) | {"dct:issued": "", "cm:signature": ""}
    assert later == again


@pytest.mark.parametrize(
    ("events", "states"),
    [
        ([consent()], "given"),
        ([consent(), said("consent_withdrawn", "2026-09-01T10:00:00+03:00")], "withdrawn"),
        ([consent(), said("objected", "2026-09-01T10:00:00+03:00")], "withdrawn"),
        ([consent(), said("complaint", "2026-09-01T10:00:00+03:00")], "withdrawn"),
        ([said("consent_withdrawn", "2026-07-01T10:00:00+03:00"), consent()], "given"),
        (
            [
                consent(),
                said("consent_withdrawn", "2026-09-01T10:00:00+03:00"),
                consent("2026-10-01T10:00:00+03:00"),
            ],
            "given",
        ),
        ([{**consent(), "event": "consent_refused", "evidence": None}], "refused"),
        ([consent(evidence={"double_opt_in": "pending"})], "requested"),
        ([consent(evidence={"pre_ticked": True})], "invalid"),
        ([consent(given_by="unverified")], "invalid"),
        ([consent(notice=None, evidence=None)], "invalid"),
        ([consent(), said("erased", "2026-09-01T10:00:00+03:00")], "invalid"),
    ],
)
def test_what_a_consent_amounts_to_now(keepers: Keepers, events: list[dict[str, Any]], states: str) -> None:
    keepers.take(person("ake", *events))
    assert keepers.states("ake") == [{"email/direct_marketing": states, "sms/direct_marketing": states}]


def test_a_withdrawal_that_names_no_channel_takes_back_the_consent_to_calls_too(keepers: Keepers) -> None:
    asked = consent(channels=["phone"], notice=None, evidence={"recording": "call-1"})
    keepers.take(person("ake", asked), person("eva", asked, said("consent_withdrawn", "2026-09-01T10:00:00+03:00")))
    assert keepers.states("ake") == [{"phone/direct_marketing": "given"}]
    assert keepers.states("eva") == [{"phone/direct_marketing": "withdrawn"}]


def test_leaving_by_a_link_ends_the_consent_it_reaches_until_it_is_taken_back(keepers: Keepers) -> None:
    ban = {"type": "prohibition", "target": {"contact": "ake"}, "controllers": ["acme"], "source": "self"}
    keepers.take(person("ake", consent()), {**ban, "channels": ["email"], "valid_from": "2026-09-03"})
    assert keepers.states("ake") == [{"email/direct_marketing": "withdrawn", "sms/direct_marketing": "given"}]
    event = record(keepers, "ake")["dpv:hasConsentStatus"][1]
    assert (event["cm:act"], event["dct:date"]) == (
        "prohibition_added",
        {"@type": "xsd:date", "@value": "2026-09-03"},
    )


def test_bans_of_others_are_no_word_of_the_person(keepers: Keepers) -> None:
    robinson = {"type": "prohibition", "target": {"contact": "ake"}, "source": "vendor", "valid_from": "2026-09-03"}
    keepers.take(person("ake", consent()), robinson)
    assert keepers.states("ake") == [{"email/direct_marketing": "given", "sms/direct_marketing": "given"}]


def test_another_consent_of_the_same_person_is_a_record_of_its_own(keepers: Keepers) -> None:
    keepers.take(
        person(
            "ake",
            consent(channels=["email"]),
            said("consent_withdrawn", "2026-09-01T10:00:00+03:00"),
            consent("2026-10-01T10:00:00+03:00"),
        )
    )
    assert keepers.states("ake") == [
        {"email/direct_marketing": "withdrawn"},
        {"email/direct_marketing": "given", "sms/direct_marketing": "given"},
    ]


def test_whoever_works_for_one_controller_sees_its_records_alone(keepers: Keepers) -> None:
    keepers.take(person("ake", consent(), consent(controller="beta"), controllers=["acme", "beta"]))
    assert [one.controller for one in keepers.records("ake").records] == ["acme", "beta"]
    of_beta = keepers.records("ake", sight=Sight(frozenset({"beta"})))
    assert [one.controller for one in of_beta.records] == ["beta"]
    keepers.take(person("eva", consent()))
    with pytest.raises(NotFound):
        keepers.records("eva", sight=Sight(frozenset({"beta"})))


# --- receipts and signatures ------------------------------------------------------------------------------------------


def test_a_receipt_has_the_fields_of_its_specification(keepers: Keepers) -> None:
    keepers.take(
        person(
            "ake", consent(), legal_bases=[{"controller": "acme", "purpose": "marketing", "basis": "consent"}]
        )
    )  # fmt: skip
    found = json.loads(keepers.receipt("ake"))
    Draft202012Validator(schema("receipt")).validate(found)
    assert found["consentTimestamp"] == 1785567600
    assert found["piiControllers"][0]["email"] == "tietosuoja@acme.example"
    (purpose,) = found["services"][0]["purposes"]
    assert purpose["thirdPartyDisclosure"] is True
    assert json.loads(found["publicKey"])["kid"] == public_jwk(keepers.keys.signing_key)["kid"]


def test_there_is_no_receipt_of_a_refusal(keepers: Keepers) -> None:
    keepers.take(person("ake", {**consent(), "event": "consent_refused"}))
    with pytest.raises(NotFound, match="no consent was given"):
        keepers.receipt("ake")


def test_a_changed_file_is_found_out(keepers: Keepers) -> None:
    keepers.take(person("ake", consent(), said("consent_withdrawn", "2026-09-01T10:00:00+03:00")))
    key = public_jwk(keepers.keys.signing_key)
    document = keepers.file("ake")
    assert [one.kind for one in verified(document, key)] == ["record"]
    assert [one.kind for one in verified(keepers.receipt("ake"), key)] == ["receipt"]
    # Laid out anew it says the same.
    assert verified(json.dumps(json.loads(document)).encode(), key)
    for was, becomes in ((b"ConsentWithdrawn", b"ConsentGiven"), (b"signup", b"signin"), (b'"acme"', b'"beta"')):
        with pytest.raises(CheckFailed):
            verified(document.replace(was, becomes, 1), key)
    with pytest.raises(CheckFailed):
        verified(document, public_jwk(new_signing_key()))
    for nothing in (b"", b"[]", b"{}", b'{"records": [{}], "receipts": []}', b"not json"):
        with pytest.raises(CheckFailed):
            verified(nothing, key)

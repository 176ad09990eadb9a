"""Nobody is brought back: objections, restrictions, erasures and bans outlast every import."""

from __future__ import annotations

from typing import Any

import pytest

from consentmgr.importing.merging import merge
from consentmgr.vocabulary.codes import REFUSAL_GROUNDS
from tests.importing.registers import Register, contact, email, event

AINO: dict[str, Any] = contact(
    given_name="Aino",
    family_name="Virtanen",
    born_on="1984-05-01",
    points=[email(source="web_form"), {"channel": "phone", "value": "+358501234567"}],
    roles=[{"organisation": "0112038-9"}],
    customer_of=[{"product_group": "training", "relation": "purchase"}],
    events=[
        event("consent_given", channels=["email"], evidence={"form": "signup", "ip": "192.0.2.1", "recording": "r1"})
    ],
)


def on_its_own(kind: str, at: str, **fields: Any) -> dict[str, Any]:
    return {"type": "event", "contact": "crm:1", **event(kind, at, **fields)}


ERASED = on_its_own("erased", "2026-06-01T10:00:00+03:00", method="api")


def personal(register: Register) -> list[tuple[Any, ...]]:
    """Everything personal that is held of ``crm:1``; the digest of the name stays, as those of the addresses do."""
    held = register.contact()
    names = ("given_name", "family_name", "language", "municipality", "born_on", "last_interaction_on")
    return [
        *((name, held[name]) for name in names if held[name] is not None),
        *register.rows("SELECT value FROM contact_point"),
        *register.rows("SELECT title FROM role"),
        *register.rows("SELECT product_group FROM customer_relation"),
        *register.rows("SELECT data FROM ledger_evidence"),
    ]


# --- erasure --------------------------------------------------------------------------------------------------------


def test_an_erasure_takes_the_data_and_keeps_the_keys(register: Register) -> None:
    register.take_well(AINO)
    keys = register.rows("SELECT address_key FROM contact_point ORDER BY 1")
    register.take_well(ERASED)
    assert personal(register) == []
    assert register.rows("SELECT address_key FROM erased_key WHERE NOT hashed ORDER BY 1") == keys
    assert register.one("SELECT count(*) FROM erased_key WHERE hashed") == 3
    assert register.contact()["erased_at"].isoformat() == "2026-06-01T07:00:00+00:00"


def test_an_erasure_in_the_same_batch_as_the_contact_is_carried_out(register: Register) -> None:
    register.take_well(ERASED, AINO)
    assert personal(register) == []
    assert register.one("SELECT count(*) FROM erased_key WHERE NOT hashed") == 2


def test_a_document_of_an_erased_contact_adds_nothing_personal(register: Register) -> None:
    register.take_well(AINO, ERASED)
    before = register.checksum()
    changes = register.take_well(AINO, AINO | {"given_name": "Aino again", "restricted_since": "2026-07-01"})
    assert changes.documents["contact", "kept_erased"] == 2
    assert register.checksum() == before


def test_new_acts_of_an_erased_contact_are_recorded_without_what_is_personal(register: Register) -> None:
    register.take_well(AINO, ERASED)
    consent = event(
        "consent_given", "2026-07-01T10:00:00+03:00", channels=["sms"], note="Aino called", evidence={"ip": "192.0.2.1"},
        method="import",
    )  # fmt: skip
    changes = register.take_well(
        AINO | {"events": [consent]}, on_its_own("objected", "2026-07-02T10:00:00+03:00", note="n")
    )
    assert dict(changes.decisions) == {"consent_given": 1, "objected": 1}
    assert personal(register) == []


CONSENTED_SINCE = on_its_own("consent_given", "2026-07-01T10:00:00+03:00", channels=["email"])


@pytest.mark.parametrize("told", [(AINO, ERASED, CONSENTED_SINCE), (CONSENTED_SINCE, ERASED, AINO)])
def test_whoever_consented_after_the_erasure_is_a_contact_again_with_what_is_told_of_them(
    register: Register, told: tuple[dict[str, Any], ...]
) -> None:
    register.take_well(*told)
    assert register.contact()["erased_at"] is None
    assert register.one("SELECT count(*) FROM contact_point") == 2
    before = register.checksum()
    register.take_well(*told)
    assert register.checksum() == before


def test_an_erased_contact_comes_back_when_the_consent_and_the_address_come_later(register: Register) -> None:
    register.take_well(AINO, ERASED)
    register.take_well(CONSENTED_SINCE)
    assert register.one("SELECT count(*) FROM contact_point") == 0, "the address is gone until it is told again"
    register.take_well(AINO)
    assert register.one("SELECT count(*) FROM contact_point") == 2
    assert register.one("SELECT count(*) FROM erased_key WHERE NOT hashed") == 2, "what was kept stays"


@pytest.mark.parametrize(
    "act",
    [
        {"at": "2026-07-01T10:00:00+03:00", "method": "import"},
        {"at": "2026-07-01T10:00:00+03:00", "given_by": "unverified"},
        {"at": "2026-07-01T10:00:00+03:00", "imported_without_date": True},
        {"at": "2026-06-01T10:00:00+03:00"},
    ],
)
def test_no_import_no_stranger_and_no_earlier_consent_brings_an_erased_contact_back(
    register: Register, act: dict[str, Any]
) -> None:
    register.take_well(AINO, ERASED, on_its_own("consent_given", channels=["email"], **act))
    register.take_well(AINO)
    assert personal(register) == []


def test_acts_of_an_erased_contact_that_others_were_merged_into_are_recorded(register: Register) -> None:
    register.take_well(AINO, contact("crm:2", points=[email("aino2@x.example")]))
    with register.database.transaction() as session:
        merge(session, "crm:2", "crm:1", reason="the same", keys=register.keys, actor="staff:1", now=register.now)
    register.take_well(ERASED)
    objected = on_its_own("objected", "2026-07-02T10:00:00+03:00")
    assert dict(register.take_well(objected).decisions) == {"objected": 1}
    assert dict(register.take_well(objected).decisions) == {}


def test_an_erased_address_that_comes_back_under_another_ref_is_still_known(register: Register) -> None:
    register.take_well(AINO, ERASED)
    register.take_well(contact("vendor:9", points=[email(source="vendor-x")]))
    assert register.one(
        "SELECT count(*) FROM contact_point p JOIN erased_key k ON k.address_key = p.address_key AND NOT k.hashed"
    ) == 1  # fmt: skip


# --- bans -----------------------------------------------------------------------------------------------------------


def test_a_ban_on_a_reference_that_nobody_has_told_of_waits_for_whoever_has_it(register: Register) -> None:
    ban = {"type": "prohibition", "target": {"contact": "crm:1"}, "source": "self"}
    register.take_well(ban)
    assert register.contact()["given_name"] is None
    before = register.checksum()
    register.take_well(ban)
    assert register.checksum() == before
    register.take_well(AINO)
    assert register.contact()["given_name"] == "Aino"
    assert register.one("SELECT count(*) FROM contact") == 1


# --- restriction ----------------------------------------------------------------------------------------------------


def test_restricted_since_and_the_event_restricted_mean_the_same(register: Register) -> None:
    register.take_well(contact("crm:1", restricted_since="2026-05-01"))
    register.take_well(contact("crm:2", events=[event("restricted", "2026-05-01T10:00:00+03:00")]))
    register.take_well(
        contact("crm:3", restricted_since="2026-05-01", events=[event("restricted", "2026-05-01T10:00:00+03:00")])
    )
    assert register.rows("SELECT ref, restricted_since::text FROM contact ORDER BY ref") == [
        ("crm:1", "2026-05-01"),
        ("crm:2", "2026-05-01"),
        ("crm:3", "2026-05-01"),
    ]
    assert register.one("SELECT count(*) FROM ledger_entry WHERE event = 'restricted'") == 3


def test_a_lifted_restriction_does_not_come_back_with_the_old_document(register: Register) -> None:
    register.take_well(contact(restricted_since="2026-05-01"))
    register.take_well(on_its_own("restriction_lifted", "2026-06-01T10:00:00+03:00", method="paper"))
    assert register.contact()["restricted_since"] is None
    assert register.take_well(contact(restricted_since="2026-05-01")).is_nothing
    assert register.contact()["restricted_since"] is None
    register.take_well(contact(restricted_since="2026-07-01"))
    assert str(register.contact()["restricted_since"]) == "2026-07-01"


@pytest.mark.parametrize("method", ["import", None])
def test_an_import_by_itself_lifts_no_restriction(register: Register, method: str | None) -> None:
    register.take_well(contact(restricted_since="2026-05-01"))
    changes = register.take_well(on_its_own("restriction_lifted", "2026-06-01T10:00:00+03:00", method=method))
    assert changes.decisions["restriction_lifted"] == 1
    assert str(register.contact()["restricted_since"]) == "2026-05-01"


def test_a_restriction_of_the_same_instant_as_its_lifting_holds(register: Register) -> None:
    at = "2026-06-01T10:00:00+03:00"
    register.take_well(contact(), on_its_own("restricted", at), on_its_own("restriction_lifted", at))
    assert str(register.contact()["restricted_since"]) == "2026-06-01"


# --- objections and bans --------------------------------------------------------------------------------------------


def states(register: Register) -> set[str]:
    return {row[0] for row in register.rows("SELECT state FROM standing WHERE matter = 'permission'")}


def test_an_objection_outlasts_every_imported_consent(register: Register) -> None:
    register.take_well(contact(events=[event("objected", "2026-05-01T10:00:00+03:00")]))
    for method in ("import", None):
        consent = event("consent_given", "2026-06-01T10:00:00+03:00", method=method, notice="signup/1/fi")
        register.take_well(contact(events=[consent]))
        lifted = event("objection_lifted", "2026-06-02T10:00:00+03:00", method=method, reason="the CRM says so")
        register.take_well(contact(events=[lifted]))
    assert states(register) == {"objected"}


def test_a_lifting_brought_by_an_import_is_recorded_as_proving_no_order(register: Register) -> None:
    lifted = event("objection_lifted", "2026-06-02T10:00:00+03:00", method="import")
    register.take_well(contact(events=[lifted]))
    assert register.one("SELECT order_known FROM ledger_entry WHERE event = 'objection_lifted'") is False
    assert register.take_well(contact(events=[lifted])).is_nothing


def test_a_later_act_of_the_person_told_by_its_way_counts(register: Register) -> None:
    register.take_well(contact(events=[event("objected", "2026-05-01T10:00:00+03:00")]))
    register.take_well(contact(events=[event("objection_lifted", "2026-06-02T10:00:00+03:00", method="paper")]))
    assert states(register) == {"objection_lifted"}


BAN: dict[str, Any] = {
    "type": "prohibition",
    "target": {"email": "Aino@posti.example"},
    "channels": ["email"],
    "source": "self",
    "valid_from": "2026-01-01",
    "evidence": {"letter": "7"},
}


def test_a_ban_is_added_once(register: Register) -> None:
    changes = register.take_well(BAN, BAN | {"target": {"email": "aino@POSTI.example "}})
    assert changes.decisions["prohibition"] == 1
    assert (changes.documents["prohibition", "new"], changes.documents["prohibition", "unchanged"]) == (1, 1)
    before = register.checksum()
    assert register.take_well(BAN).is_nothing
    assert register.checksum() == before


def test_no_document_touches_a_ban(register: Register) -> None:
    register.take_well(AINO, BAN, {"type": "prohibition", "target": {"contact": "crm:1"}, "source": "court"})
    before = register.rows("SELECT * FROM prohibition ORDER BY id")
    register.take_well(
        AINO | {"given_name": "Another", "points": [email(state="ok", use="work")]},
        BAN | {"valid_until": "2026-02-01"},
        BAN | {"channels": []},
        on_its_own("objection_lifted", "2026-06-01T10:00:00+03:00", method="import", prohibition=str(before[0][0])),
        on_its_own("consent_given", "2026-06-01T10:00:00+03:00", notice="signup/1/fi"),
    )
    after = register.rows("SELECT * FROM prohibition ORDER BY id")
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ({}, "target"),
        ({"email": "a@x.example", "phone": "+358501234567"}, "target"),
        ({"email": "a@"}, "target.email"),
        ({"phone": "abc"}, "target.phone"),
        ({"domain": "example"}, "target.domain"),
        ({"email_sha256": "12"}, "target.email_sha256"),
        ({"organisation": "0112038-1"}, "target.organisation"),
    ],
)
def test_a_ban_on_nobody_is_refused(register: Register, target: dict[str, str], field: str) -> None:
    assert register.refusal(BAN | {"target": target}).field == field


def test_a_ban_that_ends_before_it_begins_or_is_for_nobody_is_refused(register: Register) -> None:
    assert register.refusal(BAN | {"valid_until": "2025-12-31"}).field == "valid_until"
    assert register.refusal(BAN | {"controllers": ["nobody"]}).field == "controllers"


# --- an erasure that is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "ground"),
        ({"ground": "legal_claims", "imported_without_date": True}, "imported_without_date"),
        ({"event": "objected", "ground": "legal_claims"}, "ground"),
        ({"event": "erasure_extended", "reason": "as it is", "ground": "legal_claims"}, "ground"),
        ({"event": "erasure_extended", "reason": "as it is", "imported_without_date": True}, "imported_without_date"),
    ],
)
def test_a_refusal_says_its_ground_and_its_day_and_nothing_else_has_such_a_ground(
    register: Register, fields: dict[str, Any], field: str
) -> None:
    register.take_well(AINO)
    refused = on_its_own("erasure_refused", "2026-06-01T10:00:00+03:00") | fields
    assert register.refusal(refused).field == field
    inside = {name: value for name, value in refused.items() if name not in ("type", "contact")}
    assert register.refusal(AINO | {"events": [inside]}).field == f"events[0].{field}"


def test_every_ground_of_a_refusal_is_taken(register: Register) -> None:
    refusals = [
        on_its_own("erasure_refused", f"2026-06-0{day}T10:00:00+03:00", ground=ground)
        for day, ground in enumerate(REFUSAL_GROUNDS, 1)
    ]
    register.take_well(AINO, *refusals)
    told = register.rows("SELECT detail ->> 'ground' FROM ledger_entry WHERE event = 'erasure_refused' ORDER BY at")
    assert [ground for (ground,) in told] == list(REFUSAL_GROUNDS)


def test_a_refusal_is_taken_once_and_erases_nobody(register: Register) -> None:
    refused = on_its_own(
        "erasure_refused", "2026-06-01T10:00:00+03:00", ground="public_health", reason="An epidemic.", controller="acme"
    )
    register.take_well(AINO, refused)
    register.take_well(refused)
    assert register.rows("SELECT detail FROM ledger_entry WHERE event = 'erasure_refused'") == [
        ({"ground": "public_health"},)
    ]
    assert register.contact()["erased_at"] is None
    assert register.one("SELECT count(*) FROM standing WHERE matter = 'erasure'") == 0


def test_an_extension_is_taken_once_and_its_reason_is_personal(register: Register) -> None:
    told = on_its_own("erasure_extended", "2026-06-01T10:00:00+03:00", reason="Many registers.", controller="acme")
    register.take_well(AINO, told)
    register.take_well(told)
    assert register.rows("SELECT detail FROM ledger_entry WHERE event = 'erasure_extended'") == [({},)]
    assert register.one("SELECT count(*) FROM standing WHERE matter = 'erasure'") == 0
    # As an erasure leaves it, and an export after that: without its reason it is the same act, and taken.
    register.take_well(on_its_own("erasure_extended", "2026-07-01T10:00:00+03:00", controller="acme"))

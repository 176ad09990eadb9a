"""What a document does to the register: new, changed, unchanged; nothing erased by leaving it out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from consentmgr.vocabulary.documents import Contact
from tests.importing.registers import Register, contact, email, event

WHOLE: dict[str, Any] = contact(
    controllers=["acme"],
    given_name="Aino",
    family_name="Virtanen",
    language="fi",
    country="FI",
    municipality="091",
    born_on="1984-05-01",
    non_disclosure=True,
    last_interaction_on="2026-10-01",
    register_update_ban=True,
    points=[
        email(
            "Aino.Virtanen@Esimerkki.example",
            use="work",
            organisation="0112038-9",
            source="web_form",
            acquired_on="2026-01-10",
            verified_on="2026-06-01",
            informed_on="2026-01-10",
            state="hard_bounce",
            soft_bounces=2,
            published_by_organisation=True,
        ),
        {"channel": "phone", "value": "050 123 4567", "use": "private"},
        {"channel": "post", "value": {"street": "Esimerkkikatu 1 A 2", "postal_code": "00100", "city": "Helsinki"}},
    ],
    roles=[
        {
            "organisation": "0112038-9",
            "title": "HR manager",
            "since": "2024-01-01",
            "areas": [
                {
                    "area": "human_resources",
                    "evidence": "organisation",
                    "verified_on": "2026-07-01",
                    "source": "vendor-x",
                }
            ],
        }
    ],
    customer_of=[
        {
            "controller": "acme",
            "product_group": "training",
            "relation": "purchase",
            "last_purchase_on": "2026-03-01",
            "address_from_sale": True,
            "opt_out_offered": True,
        }
    ],
    legal_bases=[
        {"controller": "acme", "purpose": "customer_relationship", "basis": "contract", "since": "2026-03-01"}
    ],
    messages_sent=[
        {"at": "2026-10-28T09:00:00+02:00", "controller": "acme", "channel": "email", "purpose": "direct_marketing"}
    ],
    events=[event("consent_given", channels=["email"], purposes=["direct_marketing"], notice="signup/1/fi")],
)


def test_the_same_document_again_changes_nothing_at_all(register: Register) -> None:
    register.take_well(WHOLE)
    before = register.checksum()
    changes = register.take_well(WHOLE)
    assert changes.is_nothing
    assert register.checksum() == before


def test_absent_null_and_blank_erase_nothing(register: Register) -> None:
    register.take_well(WHOLE)
    before = register.checksum()
    nothing: dict[str, Any] = dict.fromkeys(WHOLE, None) | {"type": "contact", "ref": "crm:1"}
    register.take_well(contact(), nothing, dict.fromkeys(WHOLE, "") | {"type": "contact", "ref": "crm:1"})
    bare = contact(
        points=[email("aino.virtanen@esimerkki.example", source="", use=None)],
        roles=[{"organisation": "0112038-9", "title": " ", "areas": [{"area": "human_resources"}]}],
        customer_of=[{"product_group": "training", "relation": "purchase"}],
        legal_bases=[{"purpose": "customer_relationship", "basis": "contract"}],
    )
    register.take_well(bare)
    assert register.checksum() == before


def test_a_value_given_replaces_the_one_held_and_is_counted_by_field(register: Register) -> None:
    register.take_well(WHOLE)
    changes = register.take_well(
        contact(family_name="Korhonen", points=[email("aino.virtanen@esimerkki.example", use="private")])
    )
    assert register.contact()["family_name"] == "Korhonen"
    assert changes.documents["contact", "changed"] == 1
    assert dict(changes.fields) == {"contact.family_name": 1, "contact_point.use": 1}


def test_clearing_is_explicit(register: Register) -> None:
    register.take_well(WHOLE)
    register.take_well(
        contact(
            clear=["born_on", "family_name"],
            points=[email("aino.virtanen@esimerkki.example", clear=["source", "organisation"])],
        )
    )
    assert register.contact()["born_on"] is None
    assert register.contact()["family_name"] is None
    assert register.rows("SELECT source, organisation_id FROM contact_point WHERE kind = 'email'") == [(None, None)]


@pytest.mark.parametrize("name", ["restricted_since", "non_disclosure", "register_update_ban", "controllers", "events"])
def test_what_holds_a_decision_cannot_be_cleared(register: Register, name: str) -> None:
    found = register.refusal(contact(clear=[name]))
    assert (found.field, found.reason) == (name, "holds a decision, which no import clears")


def test_clearing_what_is_no_field_is_refused(register: Register) -> None:
    assert register.refusal(contact(clear=["shoe_size"])).field == "clear"
    assert register.refusal(contact(points=[email(clear=["value"])])).field == "points[0].clear"


def test_decisions_are_made_and_never_unmade_by_a_document(register: Register) -> None:
    register.take_well(WHOLE)
    register.take_well(contact(non_disclosure=False, register_update_ban=False))
    held = register.contact()
    assert (held["non_disclosure"], held["register_update_ban"]) == (True, True)


def test_controllers_of_a_contact_are_added_to(register: Register) -> None:
    register.take_well(
        {"type": "controller", "key": "other", "name": "Other Oy"}, WHOLE, contact(controllers=["other"])
    )
    assert register.contact()["controllers"] == ["acme", "other"]


def test_the_newest_interaction_is_kept(register: Register) -> None:
    register.take_well(WHOLE, contact(last_interaction_on="2025-01-01"))
    assert register.contact()["last_interaction_on"] == date(2026, 10, 1)


def test_documents_of_one_ref_in_one_batch_are_one_contact_in_their_order(register: Register) -> None:
    changes = register.take_well(
        contact(given_name="Aino", language="sv"),
        contact("crm:2", given_name="Birger"),
        contact(family_name="Virtanen", points=[email()]),
        contact(language="fi", points=[email("AINO@posti.example", source="crm")]),
    )
    held = register.contact()
    assert (held["given_name"], held["family_name"], held["language"]) == ("Aino", "Virtanen", "fi")
    assert register.rows("SELECT value, source FROM contact_point") == [("aino@posti.example", "crm")]
    assert changes.documents["contact", "new"] == 2


def test_addresses_are_kept_in_canonical_form_with_every_key(register: Register) -> None:
    register.take_well(WHOLE)
    keys = register.keys
    found = register.rows(
        "SELECT kind, value, address_key, sha256_key, sha256_digits_key FROM contact_point ORDER BY kind"
    )
    post, mail, phone = (
        keys.post("Esimerkkikatu 1 A 2", None, "00100", "Helsinki"),
        keys.email("aino.virtanen@esimerkki.example"),
        keys.phone("+358501234567"),
    )
    assert post
    assert mail
    assert phone
    assert found == [
        ("email", "aino.virtanen@esimerkki.example", mail.address_key, mail.sha256_key, None),
        ("phone", "+358501234567", phone.address_key, phone.sha256_key, phone.sha256_digits_key),
        ("post", None, post.address_key, None, None),
    ]
    name = keys.name("Aino", "Virtanen")
    assert name
    assert register.contact()["name_key"] == name.address_key


def test_a_number_without_country_code_is_of_the_contacts_country(register: Register) -> None:
    register.take_well(contact(country="SE", points=[{"channel": "phone", "value": "08-123 456 78"}]))
    assert register.one("SELECT value FROM contact_point") == "+46812345678"


def test_the_name_key_follows_a_partly_given_name(register: Register) -> None:
    register.take_well(contact(given_name="Aino", family_name="Virtanen"), contact(family_name="Korhonen"))
    name = register.keys.name("Aino", "Korhonen")
    assert name
    assert register.contact()["name_key"] == name.address_key


def test_one_bad_point_rejects_its_document_whole(register: Register) -> None:
    found = register.refusal(contact(given_name="Aino", points=[email(), email("no address")]))
    assert (found.field, found.reason) == ("points[1].value", "is not an e-mail address that can be matched")
    assert register.one("SELECT count(*) FROM contact") == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"born_on": "2026-12-24"}, "born_on"),
        ({"born_on": "1584-05-01"}, "born_on"),
        ({"deceased_on": "2026-12-24"}, "deceased_on"),
        ({"born_on": "1984-05-01", "deceased_on": "1983-05-01"}, "deceased_on"),
        ({"restricted_since": "2026-12-24"}, "restricted_since"),
        ({"points": [email(acquired_on="2026-11-03")]}, "points[0].acquired_on"),
        ({"points": [email(verified_on="2026-11-03")]}, "points[0].verified_on"),
        ({"points": [{"channel": "post", "value": "Esimerkkikatu 1"}]}, "points[0].value"),
        ({"points": [{"channel": "email", "value": {"street": "x"}}]}, "points[0].value"),
        ({"points": [{"channel": "phone", "value": "12"}]}, "points[0].value"),
        ({"points": [email(organisation="0112038-1")]}, "points[0].organisation"),
        ({"roles": [{"organisation": "0112038-1"}]}, "roles[0].organisation"),
        ({"roles": [{"organisation": "x", "since": "2024-02-01", "until": "2024-01-31"}]}, "roles[0].until"),
        ({"roles": [{"organisation": "x", "areas": [{"area": "a", "verified_on": "2027-01-01"}]}]}, "roles[0].areas[0].verified_on"),
        ({"customer_of": [{"controller": "acme"}]}, "customer_of[0].relation"),
        ({"customer_of": [{"controller": "nobody", "relation": "purchase"}]}, "customer_of[0].controller"),
        ({"controllers": ["acme", "nobody"]}, "controllers"),
        ({"legal_bases": [{"purpose": "p", "basis": "contract", "since": "2026-02-01", "until": "2026-01-01"}]}, "legal_bases[0].until"),
        ({"messages_sent": [{"at": "2026-11-05T10:00:00+02:00"}]}, "messages_sent[0].at"),
        ({"events": [event("objected", at="2026-11-03T10:00:00+02:00")]}, "events[0].at"),
        ({"events": [event("objected", at="0001-01-01T00:00:00+14:00")]}, "events[0].at"),
        ({"events": [event("objected", controller="nobody")]}, "events[0].controller"),
        ({"points": [email(soft_bounces=2**31)]}, "points[0].soft_bounces"),
        ({"messages_sent": [{"at": "2026-10-05T10:00:00Z", "campaign": "x" * 201}]}, "messages_sent[0].campaign"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_field(register: Register, fields: dict[str, Any], field: str) -> None:
    assert register.refusal(contact(**fields)).field == field
    assert register.one("SELECT count(*) FROM contact") == 0


def test_a_death_before_the_stored_birth_is_refused(register: Register) -> None:
    register.take_well(contact(born_on="1984-05-01"))
    assert register.refusal(contact(deceased_on="1980-01-01")).field == "deceased_on"
    assert register.take_well(contact(born_on="1970-05-01", deceased_on="1980-01-01"))


def test_events_may_stand_before_their_contact_in_a_batch(register: Register) -> None:
    changes = register.take_well({"type": "event", "contact": "crm:1", **event("objected")}, contact())
    assert changes.decisions["objected"] == 1
    assert changes.documents["event", "new"] == 1


def test_a_contact_may_stand_before_its_controller_in_a_batch(register: Register) -> None:
    register.take_well(contact(controllers=["later"]), {"type": "controller", "key": "later", "name": "Later Oy"})


def test_an_event_of_nobody_is_refused(register: Register) -> None:
    found = register.refusal({"type": "event", "contact": "crm:404", **event("objected")})
    assert found.field == "contact"


def test_a_consent_without_controller_is_the_default_controllers(register: Register) -> None:
    given = event("consent_given", channels=["email"], purposes=["newsletter"])
    del given["controller"]
    register.take_well(contact(events=[given, {"event": "objected", "at": "2026-06-01T00:00:00Z"}]))
    assert register.rows("SELECT event, controller, method FROM ledger_entry ORDER BY at") == [
        ("consent_given", "acme", "web_form"),
        ("objected", None, "import"),
    ]


def test_a_register_without_default_controller_asks_for_one(register: Register) -> None:
    with register.beside() as other:
        given = event("consent_given", channels=["email"])
        del given["controller"]
        assert other.refusal(contact(events=[given])).field == "events[0].controller"


def test_a_consent_to_an_unknown_notice_is_kept(register: Register) -> None:
    register.take_well(WHOLE)
    assert register.one("SELECT notice FROM ledger_entry WHERE event = 'consent_given'") == "signup/1/fi"


def test_a_blank_proof_is_no_proof(register: Register) -> None:
    blank = {"recording": " ", "form": "", "ip": ""}
    register.take_well(contact(events=[event("consent_given", channels=["email"], note="", source="", evidence=blank)]))
    assert register.rows("SELECT has_proof, source, commitment FROM ledger_entry") == [(False, None, None)]
    assert register.take_well(contact(events=[event("consent_given", channels=["email"])])).is_nothing


# --- controllers, topics, notices, purposes, lists, campaigns --------------------------------------------------------


def test_the_last_controller_marked_default_is_the_default(register: Register) -> None:
    register.take_well({"type": "controller", "key": "new", "name": "New Oy", "default": True})
    assert register.rows("SELECT key, is_default FROM controller ORDER BY key") == [("acme", False), ("new", True)]
    register.take_well({"type": "controller", "key": "acme", "name": "Acme Oy", "default": True})
    assert register.rows("SELECT key FROM controller WHERE is_default") == [("acme",)]


def test_a_hidden_topic_stays_hidden_where_a_document_does_not_say(register: Register) -> None:
    topic = {"type": "topic", "key": "news", "kind": "newsletter", "controller": "acme", "names": {"en": "News"}}
    register.take_well({**topic, "public": False})
    register.take_well({**topic, "names": {"en": "Our news"}})
    assert register.rows("SELECT public FROM topic WHERE key = 'news'") == [(False,)]
    register.take_well({**topic, "key": "offers"})
    assert register.rows("SELECT public FROM topic WHERE key = 'offers'") == [(True,)]


def test_names_of_a_topic_are_added_by_language(register: Register) -> None:
    topic = {"type": "topic", "key": "news", "kind": "newsletter"}
    register.take_well(topic | {"names": {"fi": "Uutiset"}}, topic | {"names": {"sv": "Nyheter", "fi": ""}})
    assert register.one("SELECT names FROM topic") == {"fi": "Uutiset", "sv": "Nyheter"}
    assert register.one("SELECT controller FROM topic") == "acme"


NOTICE: dict[str, Any] = {"type": "notice", "key": "signup", "version": 1, "language": "fi", "text": "Haluan postia.",
                          "controllers": ["acme"], "channels": ["email"], "purposes": ["newsletter"]}  # fmt: skip


def test_the_words_of_a_notice_never_change(register: Register) -> None:
    register.take_well(NOTICE)
    assert register.refusal(NOTICE | {"text": "Haluan kaiken."}).field == "text"
    assert register.refusal(NOTICE | {"channels": ["email", "sms"]}).field == "channels"
    assert register.take_well(NOTICE | {"channels": []}).is_nothing
    assert register.take_well(NOTICE | {"version": 2, "text": "Haluan kaiken."}).documents["notice", "new"] == 1


def test_of_two_notices_of_one_version_in_one_batch_the_second_is_refused(register: Register) -> None:
    changes = register.take(NOTICE, NOTICE | {"text": "Jotain muuta."})
    assert list(changes.rejected) == [1]
    assert register.one("SELECT words FROM notice") == "Haluan postia."


def test_a_purpose_keeps_what_a_later_document_leaves_out(register: Register) -> None:
    purpose = {"type": "processing_purpose", "key": "crm", "basis": "contract"}
    register.take_well(
        purpose | {"retention_months": 24, "data_categories": ["contact_data"], "names": {"fi": "Asiakkuus"}}
    )
    assert register.take_well(purpose).is_nothing
    register.take_well(purpose | {"basis": "legitimate_interests", "balancing_test": "Punnittu."})
    assert register.rows("SELECT basis, retention_months, data_categories, balancing_test FROM processing_purpose") == [
        ("legitimate_interests", 24, ["contact_data"], "Punnittu.")
    ]


def test_the_newest_date_of_an_external_list_wins(register: Register) -> None:
    for day in ("2026-10-01", "2026-11-01", "2026-09-01"):
        register.take_well({"type": "external_list", "source": "robinson_phone", "as_of": day})
    assert register.one("SELECT as_of FROM external_list") == date(2026, 11, 1)
    assert (
        register.refusal({"type": "external_list", "source": "robinson_phone", "as_of": "2027-01-01"}).field == "as_of"
    )


def test_a_campaign_document_replaces_the_one_of_its_key(register: Register) -> None:
    campaign = {"type": "campaign", "key": "payroll", "name": "Payroll", "controller": "acme", "channel": "email"}
    assert register.take_well(campaign).documents["campaign", "new"] == 1
    assert register.take_well(campaign).is_nothing
    assert register.take_well(campaign | {"channel": "sms"}).documents["campaign", "changed"] == 1
    assert register.one("SELECT document->>'channel' FROM campaign") == "sms"


def test_a_legal_basis_is_entered_in_the_ledger_when_it_changes(register: Register) -> None:
    register.take_well(WHOLE)
    basis = {"purpose": "customer_relationship", "basis": "contract"}
    register.take_well(contact(legal_bases=[basis | {"until": "2027-01-01"}]))
    register.take_well(contact(legal_bases=[basis | {"until": "2028-01-01"}]))
    register.take_well(contact(legal_bases=[basis | {"until": "2027-01-01"}]))
    assert register.take_well(contact(legal_bases=[basis | {"until": "2027-01-01"}])).is_nothing
    assert register.one("SELECT count(*) FROM ledger_entry WHERE event = 'legal_basis_set'") == 4
    newest = register.one("SELECT max(id) FROM ledger_entry WHERE event = 'legal_basis_set'")
    assert register.rows("SELECT until, since, entry_id FROM legal_basis_tag") == [
        (date(2027, 1, 1), date(2026, 3, 1), newest)
    ]


def test_what_belongs_to_a_contact_marks_the_contact_as_changed(register: Register) -> None:
    register.take_well(WHOLE)
    for fields in (
        {"points": [email("aino.virtanen@esimerkki.example", soft_bounces=3)]},
        {"roles": [{"organisation": "0112038-9", "until": "2026-10-01"}]},
        {"customer_of": [{"product_group": "training", "relation": "purchase", "last_purchase_on": "2026-04-01"}]},
        {"messages_sent": [{"at": "2026-10-29T09:00:00+02:00"}]},
        {"legal_bases": [{"purpose": "other", "basis": "consent"}]},
        {"events": [event("objected")]},
    ):
        before = register.contact()["changed_xid"]
        assert register.take_well(contact(**fields)).documents["contact", "changed"] == 1, fields
        assert register.contact()["changed_xid"] != before, fields


def test_documents_need_not_come_from_json(register: Register) -> None:
    assert register.take_well(Contact(ref=" crm:9 ", given_name=" Aino ")).documents["contact", "new"] == 1
    assert register.contact("crm:9")["given_name"] == "Aino"

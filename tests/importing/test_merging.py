"""Two contacts become one person, and nobody becomes easier to contact by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from consentmgr.importing.merging import merge
from consentmgr.kit.errors import BadInput, NotFound
from tests.generators import NOW, world
from tests.screening.asking import Scratch, scratch
from tests.screening.test_revival import BANS, questions

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys

NOTICE = {
    "type": "notice",
    "key": "signup",
    "version": 1,
    "language": "fi",
    "text": "Saatte lähettää minulle uutisia.",
    "controllers": ["acme"],
    "channels": ["email"],
    "purposes": ["direct_marketing"],
}
CAMPAIGN = {
    "type": "campaign",
    "key": "autumn",
    "name": "Autumn",
    "controller": "acme",
    "channel": "email",
    "purpose": "direct_marketing",
    "planned_at": "2026-11-24T10:00:00+02:00",
}
CONSENT = {
    "event": "consent_given",
    "controller": "acme",
    "method": "web_form",
    "channels": ["email"],
    "purposes": ["direct_marketing"],
    "notice": "signup/1/fi",
}


def person(ref: str, email: str, *events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    point = {"channel": "email", "value": email, "use": "private", "source": "web_form", "informed_on": "2026-01-01"}
    return {"type": "contact", "ref": ref, "born_on": "1980-01-01", "points": [point], "events": [*events], **fields}


def merged(register: Scratch, ref: str, into: str) -> Any:
    done = merge(register.session, ref, into, reason="same person", keys=register.keys, actor="test", now=NOW)
    register.session.flush()
    return done


def headline(register: Scratch, email: str) -> tuple[str, str]:
    (answer,) = register.ask(CAMPAIGN, [{"email": email}])
    return answer["verdict"], answer["reason"]


def test_an_objection_of_either_holds_for_both_whenever_the_other_consented(database: Database, keys: Keys) -> None:
    consent = {**CONSENT, "at": "2026-06-01T10:00:00+03:00"}
    objection = {"event": "objected", "controller": "acme", "method": "phone", "at": "2025-01-01T10:00:00+02:00"}
    with scratch(database, keys) as register:
        register.take([NOTICE, person("a", "a@x.example", objection), person("b", "b@x.example", consent)])
        assert headline(register, "b@x.example") == ("allow", "CONSENT_OK")
        merged(register, "a", "b")
        for address in ("a@x.example", "b@x.example"):
            assert headline(register, address) == ("block", "DM_OBJECTION_ALL")


def test_a_consent_of_the_merged_contact_is_a_ground_and_lifts_nothing(database: Database, keys: Keys) -> None:
    consent = {**CONSENT, "at": "2026-06-01T10:00:00+03:00"}
    objection = {"event": "objected", "controller": "acme", "method": "phone", "at": "2025-01-01T10:00:00+02:00"}
    with scratch(database, keys) as register:
        register.take([NOTICE, person("a", "a@x.example", consent), person("b", "b@x.example", objection)])
        register.take([person("c", "c@x.example", consent), person("d", "d@x.example")])
        merged(register, "a", "b")
        merged(register, "c", "d")
        assert headline(register, "a@x.example") == ("block", "DM_OBJECTION_ALL")
        assert headline(register, "d@x.example") == ("allow", "CONSENT_OK")


def test_the_stricter_fact_holds_and_the_survivors_name_stays(database: Database, keys: Keys) -> None:
    with scratch(database, keys) as register:
        register.take(
            [
                person("a", "a@x.example", deceased_on="2026-01-01", given_name="Aino", language="sv"),
                person("b", "b@x.example", given_name="Aina", non_disclosure=True),
            ]
        )
        merged(register, "a", "b")
        row = register.session.execute(
            text("SELECT given_name, language, deceased_on::text, non_disclosure FROM contact WHERE ref = 'b'")
        ).one()
        assert tuple(row) == ("Aina", "sv", "2026-01-01", True)
        assert headline(register, "b@x.example") == ("block", "DECEASED")


def test_a_document_of_the_merged_ref_goes_to_the_survivor(database: Database, keys: Keys) -> None:
    objection = {"event": "objected", "controller": "acme", "method": "phone", "at": "2026-10-01T10:00:00+02:00"}
    with scratch(database, keys) as register:
        register.take([person("a", "a@x.example"), person("b", "b@x.example")])
        merged(register, "a", "b")
        register.take([person("a", "c@x.example", objection)])
        assert headline(register, "b@x.example") == ("block", "DM_OBJECTION_ALL")
        assert register.session.scalar(text("SELECT count(*) FROM contact WHERE merged_into IS NULL")) == 1


def test_a_ban_on_the_merged_ref_holds_for_the_survivor(database: Database, keys: Keys) -> None:
    with scratch(database, keys) as register:
        register.take([person("a", "a@x.example"), person("b", "b@x.example")])
        register.take([{"type": "prohibition", "target": {"contact": "a"}, "source": "self"}])
        merged(register, "a", "b")
        assert headline(register, "b@x.example") == ("block", "DM_OBJECTION_ALL")


@pytest.mark.parametrize(
    ("ref", "into", "sentence"),
    [
        ("a", "a", "itself"),
        ("gone", "a", "erased"),
        ("young", "a", "different dates of birth"),
        ("old", "a", "merged already"),
    ],
)
def test_what_cannot_be_one_person_is_refused(
    ref: str, into: str, sentence: str, database: Database, keys: Keys
) -> None:
    erased = {"event": "erased", "at": "2026-10-01T10:00:00+02:00"}
    with scratch(database, keys) as register:
        register.take([person("a", "a@x.example"), person("gone", "g@x.example", erased), person("old", "o@x.example")])
        register.take([person("young", "y@x.example", born_on="2012-01-01"), person("b", "b@x.example")])
        merged(register, "old", "b")
        with pytest.raises(BadInput, match=sentence):
            merged(register, ref, into)


def test_an_unknown_ref_is_named(database: Database, keys: Keys) -> None:
    with scratch(database, keys) as register:
        register.take([person("a", "a@x.example")])
        with pytest.raises(NotFound, match="no contact nobody"):
            merged(register, "nobody", "a")


def test_erasing_the_survivor_takes_the_proof_of_both(database: Database, keys: Keys) -> None:
    consent = {**CONSENT, "at": "2026-06-01T10:00:00+03:00", "evidence": {"ip": "192.0.2.1"}}
    with scratch(database, keys) as register:
        register.take([NOTICE, person("a", "a@x.example", consent), person("b", "b@x.example", consent)])
        merged(register, "a", "b")
        register.take([{"type": "event", "contact": "b", "event": "erased", "at": "2026-10-30T10:00:00+02:00"}])
        assert register.session.scalar(text("SELECT count(*) FROM ledger_evidence")) == 0
        for address in ("a@x.example", "b@x.example"):
            assert headline(register, address) == ("block", "ERASED_SUPPRESSED")


@pytest.mark.parametrize("seed", range(3))
def test_no_merge_revives_anyone(seed: int, database: Database, keys: Keys) -> None:
    made = world(seed)
    asked = questions(made)
    with scratch(database, keys) as register:
        register.take(made.documents)
        before = [register.ask(*question) for question in asked]
        for _ in range(6):
            ref, into = made.random.sample(made.refs, 2)
            try:
                merged(register, ref, into)
            except BadInput:
                continue
        after = [register.ask(*question) for question in asked]
    for (campaign, rows, _), earlier, later in zip(asked, before, after, strict=True):
        for row, old, answer in zip(rows, earlier, later, strict=True):
            if old["verdict"] == "block" and BANS & {*old["reasons"]}:
                assert answer["verdict"] != "allow", (campaign, row, old, answer)

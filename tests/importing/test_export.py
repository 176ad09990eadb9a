"""Out and in again: nothing is lost, nothing is added, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from consentmgr.importing.documents import decode
from consentmgr.importing.rejects import Rejection
from tests.importing.registers import Register, contact, event
from tests.importing.test_documents import NOTICE, WHOLE
from tests.importing.test_documents_organisations import OY, role
from tests.importing.test_documents_people import AINO, BAN, ERASED, on_its_own

CASES = sorted((Path(__file__).parents[1] / "screening" / "cases").glob("*.jsonl"))
#: The files that go round every time: every kind of document, act and field that any of ours has is in one of them.
DAILY = {
    "business", "campaign_gates", "consumer_electronic", "own_consents", "own_persons", "own_phone_and_post",
    "own_prohibitions", "own_research_and_information", "own_undated_bans", "phone_and_post", "variants",
}  # fmt: skip

#: A little of everything that a register can hold.
EVERYTHING: tuple[dict[str, Any], ...] = (
    {"type": "controller", "key": "other", "name": "Other Oy", "business_id": "2345678-4", "contact": "x@other.example"},
    {"type": "topic", "key": "news", "kind": "newsletter", "names": {"fi": "Uutiset"}, "public": False},
    NOTICE | {"supersedes": "minor", "audiences": ["meta"], "topics": ["news"]},
    {"type": "processing_purpose", "key": "crm", "basis": "contract", "names": {"sv": "Kund"}, "retention_months": 24,
     "data_categories": ["contact_data"], "recipients": ["printer"], "balancing_test": "Punnittu."},
    OY,
    {"type": "organisation", "ref": "club:1", "form": "unregistered_association", "status": "ceased"},
    WHOLE | {"ref": "crm:whole"},
    contact(
        "crm:many",
        restricted_since="2026-09-01",
        roles=[role(title="Chair"), role(position="board_member", until="2027-01-01"), {"organisation": "DE130050518"}],
        customer_of=[{"relation": "free_account", "controller": "other"}, {"relation": "quote_only"}],
        messages_sent=[{"at": "2026-10-29T09:00:00.123456+02:00"}, {"at": "2026-10-29T09:00:00Z", "campaign": "c"}],
        legal_bases=[{"purpose": "crm", "basis": "contract"}, {"purpose": "crm", "basis": "consent", "until": "2027-01-01"}],
        events=[
            event("consent_given", channels=["email", "sms"], purposes=["direct_marketing"], topics=["news"],
                  audiences=["meta"], notice="signup/1/fi", note="on the fair",
                  evidence={"form": "f", "ip": "192.0.2.1", "user_agent": "ua", "double_opt_in": "confirmed",
                            "confirmed_at": "2026-05-01T10:01:00+03:00", "pre_ticked": True, "freely_joined": True,
                            "condition_of_service": True, "express_request": True, "recording": "r",
                            "attachment_sha256": "a" * 64}),
            event("objected", given_by="unverified"),
            event("complaint", channels=["email"], method="api"),
            event("consent_given", imported_without_date=True, channels=["post"]),
            event("objection_lifted", method="import", reason="crm says so"),
            event("access_requested", source="letter"),
            event("erasure_refused", ground="archiving_or_research", reason="kept in the archive"),
            event("erasure_extended", reason="many registers"),
        ],
    ),
    contact("crm:bare"),
    AINO,
    ERASED,
    on_its_own("objected", "2026-07-01T10:00:00+03:00"),
    BAN,
    BAN | {"target": {"email": "other@posti.example"}, "valid_until": "2028-01-01", "reference": "batch 12"},
    {"type": "prohibition", "target": {"contact": "crm:1"}, "source": "staff", "evidence": {"letter": 1}},
    {"type": "prohibition", "target": {"contact": "crm:bare"}, "source": "staff", "topics": ["news"]},
    {"type": "prohibition", "target": {"phone": "+358501234567"}, "source": "robinson_phone", "channels": ["phone"]},
    {"type": "prohibition", "target": {"post": {"street": "Katu 1", "postal_code": "00100"}}, "source": "robinson_post"},
    {"type": "prohibition", "target": {"email_sha256": "b" * 64}, "source": "vendor", "controllers": ["other"]},
    {"type": "prohibition", "target": {"organisation": "0112038-9"}, "source": "organisation"},
    {"type": "prohibition", "target": {"domain": "työkalu.example"}, "source": "organisation"},
    {"type": "external_list", "source": "robinson_phone", "as_of": "2026-10-01"},
    {"type": "campaign", "key": "payroll", "controller": "acme", "planned_at": "2026-11-24T10:00:00+02:00",
     "message": {"one_click": False}},
)  # fmt: skip


def take_lines(register: Register, lines: list[bytes]) -> Any:
    documents = [decode(line) for line in lines]
    assert all(document is not None and not isinstance(document, Rejection) for document in documents)
    return register.take_well(*(d for d in documents if d is not None and not isinstance(d, Rejection)))


def test_an_export_taken_into_its_own_register_changes_nothing(register: Register) -> None:
    register.take_well(*EVERYTHING)
    before = register.checksum()
    changes = take_lines(register, register.export())
    assert changes.is_nothing, changes
    assert register.checksum() == before


def test_an_export_taken_into_an_empty_register_gives_the_same_export(register: Register) -> None:
    register.take_well(*EVERYTHING)
    first = register.export()
    with register.beside() as other:
        take_lines(other, first)
        assert other.export() == first


def test_an_export_taken_in_line_by_line_gives_the_same_export(register: Register) -> None:
    register.take_well(*EVERYTHING)
    first = register.export()
    with register.beside() as other:
        for line in first:
            take_lines(other, [line])
        assert other.export() == first


def test_an_export_holds_what_was_taken_in(register: Register) -> None:
    register.take_well(*EVERYTHING)
    (whole,) = [document for document in register.exported() if document.get("ref") == "crm:whole"]
    expected = msgspec.json.decode(msgspec.json.encode(WHOLE | {"ref": "crm:whole"}))
    mail, phone, _ = expected["points"]
    mail["value"], phone["value"] = "aino.virtanen@esimerkki.example", "+358501234567"
    expected["messages_sent"][0]["at"] = "2026-10-28T07:00:00Z"
    expected["events"][0]["at"] = "2026-05-01T07:00:00Z"
    assert whole == expected


def test_what_is_kept_of_the_erased_goes_along_without_any_address(register: Register) -> None:
    register.take_well(AINO, BAN, BAN | {"target": {"phone": "050 123 4567"}, "source": "robinson_phone"}, ERASED)
    text = b"".join(register.export()).decode().lower()
    for gone in ("aino", "virtanen", "posti.example", "1234567", "192.0.2.1", "signup"):
        assert gone not in text
    kinds = [document["type"] for document in register.exported()]
    assert kinds.count("kept_key") == 5
    assert kinds.count("kept_prohibition") == 2


def test_a_kept_key_of_another_address_key_is_refused(register: Register) -> None:
    register.take_well(AINO, ERASED)
    kept = next(document for document in register.exported() if document["type"] == "kept_key")
    assert register.refusal(kept | {"key_id": kept["key_id"] + 1}).field == "key_id"
    assert register.refusal(kept | {"contact": "crm:404"}).field == "contact"


def test_a_lifted_ban_is_not_exported(register: Register) -> None:
    from consentmgr.prohibitions.service import lift
    from tests.importing.registers import NOW

    register.take_well(BAN)
    with register.database.transaction() as session:
        lift(session, [register.one("SELECT id FROM prohibition")], at=NOW, method="paper", reason="asked to",
             evidence={"letter": 1}, keys=register.keys, actor="test", now=NOW)  # fmt: skip
    assert [document["type"] for document in register.exported()] == ["controller"]


def test_an_empty_register_gives_an_empty_export(register: Register) -> None:
    with register.beside() as other:
        assert other.export() == []


@pytest.mark.parametrize(
    "path",
    # The others, which are made of the same kinds of documents, go round in the long run.
    [pytest.param(path, marks=[pytest.mark.slow] * (path.stem not in DAILY), id=path.stem) for path in CASES],
)
def test_the_registers_of_all_decision_cases_import_and_go_round(register: Register, path: Path) -> None:
    from datetime import datetime

    documents: dict[bytes, None] = {}
    notices: dict[tuple[object, ...], object] = {}
    now = register.now
    for line in path.read_bytes().splitlines():
        case = msgspec.json.decode(line)
        now = max(now, datetime.fromisoformat(case["now"]))
        for document in case["register"]:
            # Cases are registers of their own: what one notice says there is another's here, and a notice never changes.
            if document["type"] == "notice":
                version = (document["key"], document.get("version"), document.get("language"))
                if notices.setdefault(version, document) != document:
                    continue
            documents[msgspec.json.encode(document)] = None
        register.now = now
    for line in documents:
        found = decode(line)
        assert found is not None
        assert not isinstance(found, Rejection), found
    take_lines(register, list(documents))
    first = register.export()
    assert take_lines(register, first).is_nothing
    with register.beside() as other:
        other.now = now
        take_lines(other, first)
        assert other.export() == first


def test_there_are_cases() -> None:
    assert CASES

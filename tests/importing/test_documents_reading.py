"""Lines become documents, or a reason that names the field and shows no value."""

from __future__ import annotations

import json

import pytest

from consentmgr.importing.documents import LONGEST_LINE, decode
from consentmgr.importing.rejects import Rejection
from consentmgr.vocabulary.documents import Contact, Organisation


def reason(line: str | bytes) -> Rejection:
    found = decode(line.encode() if isinstance(line, str) else line)
    assert isinstance(found, Rejection), found
    return found


def person(**fields: object) -> str:
    return json.dumps({"type": "contact", "ref": "crm:1", **fields})


def test_an_unknown_field_is_named_by_its_path() -> None:
    point = {"channel": "email", "value": "a@x.example", "colour": "red"}
    assert reason(person(points=[point])).field == "points[0].colour"
    assert reason(person(nickname="Aino")).field == "nickname"


def test_a_value_that_is_no_code_lists_the_codes() -> None:
    found = reason(person(points=[{"channel": "email", "value": "a@x.example", "use": "secret-use"}]))
    assert found.field == "points[0].use"
    assert found.reason == "is none of private, work, generic, contact_address, unknown"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"born_on": "1984-02-30"}, "born_on", "is not a date"),
        ({"born_on": "01.05.1984"}, "born_on", "is not a date"),
        ({"events": [{"event": "objected", "at": "2026-05-01T10:00:00"}]}, "events[0].at", "must have an offset"),
        ({"events": [{"event": "objected", "at": "yesterday"}]}, "events[0].at", "is not a time with an offset"),
        ({"events": [{"event": "objected"}]}, "events[0].at", "is missing"),
        ({"non_disclosure": "yes"}, "non_disclosure", "must be true or false, not text"),
        ({"points": {"channel": "email"}}, "points", "must be a list, not an object"),
        ({"country": "fi"}, "country", "must be a country code of two capital letters"),
    ],
)
def test_a_reason_says_what_is_wanted(fields: dict[str, object], field: str, words: str) -> None:
    found = reason(person(**fields))
    assert found.field == field
    assert words in found.reason


def test_no_reason_shows_a_value() -> None:
    secret = "Aino.Virtanen.Secret"
    for fields in ({"born_on": secret}, {"language": secret}, {"events": [{"event": secret}]}, {"country": secret}):
        assert secret.lower() not in str(reason(person(**fields))).lower()


def test_a_document_without_type_or_of_an_unknown_type_is_rejected() -> None:
    assert reason('{"ref":"crm:1"}').field == "type"
    assert reason('{"type":"person","ref":"crm:1"}').field == "type"
    assert reason("[1]").reason == "the line is not a JSON object"


@pytest.mark.parametrize("line", [b"{", b"{}{}", b"\xff\xfe", b'{"type":"contact","ref":"\xe4"}', b"aino;virtanen"])
def test_a_line_that_is_no_json_is_rejected(line: bytes) -> None:
    assert isinstance(decode(line), Rejection)


def test_a_blank_line_is_nothing() -> None:
    assert decode(b"\n") is None
    assert decode(b"  \r\n") is None


def test_blank_means_absent_in_every_field() -> None:
    blank = {"language": "", "born_on": " ", "points": None, "country": "", "controllers": [""], "clear": None}
    assert decode(person(**blank).encode()) == Contact(ref="crm:1")
    found = decode(b'{"type":"organisation","ref":"r","business_id":"","employees":"","form":null,"domains":[]}')
    assert found == Organisation(ref="r")


def test_a_blank_ref_is_missing() -> None:
    assert reason('{"type":"contact","ref":""}') == Rejection("is missing", "ref")


def test_text_becomes_nfc_however_it_is_escaped() -> None:
    decomposed = "Va\u0308ino\u0308"
    for ascii_only in (True, False):
        line = json.dumps({"type": "contact", "ref": "crm:1", "given_name": decomposed}, ensure_ascii=ascii_only)
        found = decode(line.encode())
        assert isinstance(found, Contact)
        assert found.given_name == "Väinö"


def test_a_null_character_is_refused_because_no_database_text_can_hold_it() -> None:
    assert "NUL" in reason('{"type":"contact","ref":"crm:1","given_name":"A\\u0000"}').reason


def test_a_backslash_before_u_is_no_escape() -> None:
    found = decode(b'{"type":"contact","ref":"crm:1","given_name":"C:\\\\u0000\\\\users"}')
    assert isinstance(found, Contact)
    assert found.given_name == "C:\\u0000\\users"


def test_a_line_beyond_all_measure_is_refused_unread() -> None:
    assert "longer than" in reason(b'{"type":"contact","ref":"' + b"x" * LONGEST_LINE + b'"}').reason


def test_deep_nesting_is_refused() -> None:
    assert isinstance(decode(b'{"type":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), Rejection)


def test_a_line_of_a_rejects_file_can_be_mended_and_taken_from_there() -> None:
    line = {"line": 7, "reason": "is missing", "field": "ref", "document": {"type": "contact", "ref": "crm:1"}}
    assert decode(json.dumps(line).encode()) == Contact(ref="crm:1")
    assert reason(json.dumps(line | {"document": "not json"})).field == "document"

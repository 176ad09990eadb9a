"""The schemas of the API's documents: made of the structs, they take what an import takes and name what it refuses."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from marshmallow import ValidationError

from consentmgr.edge.document_schemas import document_schema
from consentmgr.importing.documents import decode
from consentmgr.importing.rejects import Rejection
from consentmgr.vocabulary.documents import AnyDocument, Campaign, Contact, Notice, Organisation, Prohibition
from tests.cast import AINO, BIRGER, CECILIA, DANIEL, EKMAN, EKMANS_HR_MANAGER, NOTICE

POSTAL = {"street": "Mannerheimintie 1 A 2", "postal_code": "00100", "city": "Helsinki"}


@pytest.mark.parametrize("document", [AINO, BIRGER, CECILIA, DANIEL, EKMAN, EKMANS_HR_MANAGER, NOTICE])
def test_what_an_import_takes_is_taken_as_it_is(document: dict[str, Any]) -> None:
    kinds = {"contact": Contact, "organisation": Organisation, "notice": Notice}
    loaded = document_schema(kinds[document["type"]])().load(document)
    assert decode(json.dumps(loaded).encode()) == decode(json.dumps(document).encode())


@pytest.mark.parametrize("struct", get_args(AnyDocument))
def test_every_document_has_one(struct: Any) -> None:
    schema = document_schema(struct)()
    assert set(schema.fields) == {*struct.__struct_fields__, "type"}
    assert document_schema(struct) is document_schema(struct)
    with pytest.raises(ValidationError, match="Unknown field"):
        schema.load({"no_such_field": 1})


@pytest.mark.parametrize(
    ("struct", "document", "place"),
    [
        (Contact, {"ref": "x", "born_on": "1984-13-01"}, ["born_on"]),
        (Contact, {"ref": "x", "non_disclosure": "true"}, ["non_disclosure"]),
        (Contact, {"ref": "x", "points": [{"channel": "email", "value": 3}]}, ["points", 0, "value"]),
        (
            Contact,
            {"ref": "x", "points": [{"channel": "post", "value": {"road": "x"}}]},
            ["points", 0, "value", "road"],
        ),
        (Contact, {"ref": "x", "events": [{"event": "objected", "at": "2026-01-01T10:00:00"}]}, ["events", 0, "at"]),
        (Contact, {}, ["ref"]),
        (Organisation, {"employees": -1}, ["employees"]),
        (Organisation, {"employees": "5"}, ["employees"]),
        (Organisation, {"country": "fi"}, ["country"]),
        (Campaign, {"type": "contact"}, ["type"]),
        (Prohibition, {"target": {"mail": "a@b.example"}, "source": "self"}, ["target", "mail"]),
    ],
)
def test_what_an_import_refuses_is_refused_where_it_stands(
    struct: Any, document: dict[str, Any], place: list[str | int]
) -> None:
    with pytest.raises(ValidationError) as refused:
        document_schema(struct)().load(document)
    found: Any = refused.value.messages
    for step in place:
        found = found[step]
    assert isinstance(found, list)
    assert isinstance(decode(json.dumps({"type": struct.__struct_config__.tag, **document}).encode()), Rejection)


def test_what_is_blank_was_not_given() -> None:
    given = {"ref": "x", "language": "", "country": None, "controllers": ["acme", " "],
             "points": [{"channel": "post", "value": {**POSTAL, "apartment": ""}, "use": None}]}  # fmt: skip
    loaded = document_schema(Contact)().load(given)
    assert loaded == {"ref": "x", "controllers": ["acme"], "points": [{"channel": "post", "value": POSTAL}]}


def test_a_schema_with_more_leaves_the_documents_own_as_it_was() -> None:
    from marshmallow import fields

    more = document_schema(
        Campaign, name="CampaignAndMore", told={"key": "What it is called by."}, more={"gates": fields.Raw()}
    )
    assert more.__name__ == "CampaignAndMoreSchema"
    assert "gates" in more().fields
    assert "gates" not in document_schema(Campaign)().fields
    assert "description" not in document_schema(Campaign)().fields["key"].metadata

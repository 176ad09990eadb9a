"""The published document of the API is that of its doors, is OpenAPI, and is not broken by chance."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from openapi_spec_validator import validate

from consentmgr.edge.api.document import document
from tests.checks.openapi import PUBLISHED, breaking, current, doors, faults, text_of

NOTES: dict[str, Any] = {
    "paths": {
        "/notes": {
            "post": {
                "operationId": "add_note",
                "security": [{"key": ["notes:write"]}],
                "parameters": [{"in": "query", "name": "quiet", "schema": {"type": "boolean"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}},
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}},
                    "409": {"description": "no"},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Note": {
                "type": "object",
                "required": ["said"],
                "properties": {"said": {"type": "string"}, "kind": {"type": "string", "enum": ["a", "b"]}},
            }
        }
    },
}


def test_the_published_document_is_that_of_the_doors() -> None:
    assert faults() == []


def test_several_who_ask_first_at_the_same_time_get_the_whole_document() -> None:
    app = doors()
    with ThreadPoolExecutor(4) as threads:
        told = [*threads.map(document, [app] * 4)]
    for one in told:
        assert text_of(json.loads(json.dumps(one, default=str))) == PUBLISHED.read_text("utf-8")


def test_the_document_is_valid_openapi() -> None:
    validate(json.loads(PUBLISHED.read_text("utf-8")))
    validate(current())


def test_every_component_is_used_and_no_schema_is_twice_there() -> None:
    told = current()
    whole = json.dumps(told)
    for name in told["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in whole, name
        assert not name[-1].isdigit(), f"{name}: two schemas have one name"


def test_more_breaks_nobody() -> None:
    more = deepcopy(NOTES)
    operation = more["paths"]["/notes"]["post"]
    operation["parameters"].append({"in": "query", "name": "loud", "schema": {"type": "boolean"}})
    operation["responses"]["410"] = {"description": "gone"}
    more["paths"]["/others"] = {"get": {"operationId": "others", "responses": {}}}
    note = more["components"]["schemas"]["Note"]
    note["properties"]["at"] = {"type": "string"}
    note["properties"]["kind"]["enum"].append("c")
    assert list(breaking(NOTES, more)) == []
    assert list(breaking(NOTES, NOTES)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda doc: doc["paths"].clear(), "POST /notes is gone"),
        (lambda doc: doc["paths"]["/notes"]["post"].update(operationId="x"), "operationId"),
        (lambda doc: doc["paths"]["/notes"]["post"].update(security=[]), "scope"),
        (lambda doc: doc["paths"]["/notes"]["post"]["parameters"].clear(), "parameter quiet is gone"),
        (lambda doc: doc["paths"]["/notes"]["post"]["parameters"][0].update(required=True), "quiet is needed now"),
        (lambda doc: doc["paths"]["/notes"]["post"]["responses"].pop("409"), "status 409 is gone"),
        (lambda doc: doc["components"]["schemas"]["Note"]["properties"].pop("kind"), "kind is gone"),
        (lambda doc: doc["components"]["schemas"]["Note"]["required"].append("kind"), "kind is needed now"),
        (lambda doc: doc["components"]["schemas"]["Note"]["required"].clear(), "said may be missing now"),
        (lambda doc: doc["components"]["schemas"]["Note"]["properties"]["kind"]["enum"].pop(), "taken no more"),
        (lambda doc: doc["components"]["schemas"]["Note"]["properties"]["said"].update(type="integer"), "type"),
    ],
)
def test_what_would_break_a_client_is_found(change: Any, told: str) -> None:
    changed = deepcopy(NOTES)
    change(changed)
    assert any(told in one for one in breaking(NOTES, changed)), list(breaking(NOTES, changed))

"""The table of operations asks what the API has, and both clients have all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from consentmgr.client import AsyncClient, Client, operations
from consentmgr.client.clients import Call, Feed
from consentmgr.client.operations import Operations
from consentmgr.client.plans import Send

#: What each operation is asked with here, by its name.
ASKED: dict[str, tuple[Any, ...]] = {
    "whoami": (),
    "check": ("autumn", {"ref": "x"}),
    "check_many": ("autumn", [{"ref": "x"}]),
    "get_contact": ("crm:a b",),
    "search_contacts": (),
    "contacts": (),
    "upsert_contacts": ([{"ref": "x"}],),
    "add_events": ([{"contact": "x"}],),
    "add_prohibitions": ([{"target": {}}],),
    "put_campaign": ({"key": "2026/autumn"},),
    "get_campaign": ("2026/autumn",),
    "create_screening": ("autumn",),
    "get_screening": ("0f0f7a3e-5d2b-4f55-8f0e-6f4f0c9b2a11",),
    "wait_for_screening": ("0f0f7a3e-5d2b-4f55-8f0e-6f4f0c9b2a11",),
    "download": ("0f0f7a3e-5d2b-4f55-8f0e-6f4f0c9b2a11", "result", Path("result.csv")),
    "mint_links": ("autumn", [{"ref": "x"}]),
    "get_changes": (),
    "changes": (),
    "acknowledge_export": ("partner", 3),
}


def named() -> set[str]:
    return {name for name, value in vars(Operations).items() if isinstance(value, Call | Feed)}


def test_every_operation_is_one_that_the_api_has(client: FlaskClient) -> None:
    assert named() == set(ASKED)
    routes = client.application.url_map.bind("consent.acme.example")
    for name, arguments in ASKED.items():
        send = next(getattr(operations, name)(*arguments))
        assert isinstance(send, Send)
        endpoint, _ = routes.match(send.path.replace("%20", " ").replace("%3A", ":"), method=send.method)
        assert endpoint.startswith("api_"), name


@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_writes_has_an_idempotency_key_and_what_asks_has_none(name: str) -> None:
    send = next(getattr(operations, name)(*ASKED[name]))
    asks = send.method == "GET" or send.path.endswith(("/check", "/check/many", "/contacts/search", "/links"))
    assert ("Idempotency-Key" in send.headers) is not asks


@pytest.mark.parametrize("name", sorted(ASKED))
def test_both_clients_have_it_in_the_same_words(name: str) -> None:
    operation = vars(Operations)[name]
    assert operation.__doc__
    for kind in (Client, AsyncClient):
        asked = getattr(kind("https://consent.acme.example", "cmk_a_key"), name)
        assert callable(asked)
        assert asked.__doc__ == operation.__doc__


def test_a_reference_that_looks_like_a_path_stays_one_part() -> None:
    send = next(operations.get_contact("../webhooks/1?x=#y"))
    assert isinstance(send, Send)
    assert send.path == "/api/v1/contacts/..%2Fwebhooks%2F1%3Fx%3D%23y"

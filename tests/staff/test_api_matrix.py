"""Who may ask the API what, for every operation there is: read from the application's map, not from a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from consentmgr.blueprints import BLUEPRINTS
from consentmgr.edge.idempotency import is_writing
from consentmgr.kit import clock
from consentmgr.staff import api_keys
from consentmgr.staff.api_access import scope_of
from consentmgr.staff.scopes import Scope
from tests.serving.test_edge import checksums
from tests.staff.api_calling import ApiCalling, ApiClient
from tests.staff.test_access import path_of
from tests.staff.test_foreign_objects import foreign

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

    from consentmgr.db import Database

__all__ = ["foreign"]

_API: Final = {row.name for row in BLUEPRINTS if row.access == "api"}
#: What even a GET may write: that somebody's data was read, that a key was used, how much of its minute is left.
_OF_THE_DOOR: Final = {"audit_event", "api_key_use", "api_allowance"}
#: What belongs to no controller in particular (organisations are public, GDPR recital 14).
_OF_NOBODY: Final = ("/api/v1/organisations/",)

#: Names in an address that say which part of a thing, not which thing.
_PARTS: Final = {"version", "language", "sequence"}


def operations(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule of the API with every method that reaches a view."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in _API:
            for method in sorted((rule.methods or set()) - {"OPTIONS"}):
                yield rule, method


def ask(app: Flask, method: str, path: str, token: str | None, **more: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return app.test_client().open(path, method=method, headers=headers, **more)


def test_every_operation_says_its_scope_and_whether_it_acts(api: ApiCalling) -> None:
    seen = 0
    for rule, method in operations(api.app):
        view = api.app.view_functions[rule.endpoint]
        assert rule.rule.startswith("/api/v1/"), rule
        assert scope_of(view) is not None, rule
        if method in ("GET", "HEAD"):
            assert is_writing(view) is not True, rule
        seen += 1
    assert seen >= 30
    for rule in api.app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            assert rule.endpoint.partition(".")[0] in _API | {"api_document"}, rule


def test_a_scope_that_reads_opens_nothing_that_acts(api: ApiCalling) -> None:
    for rule, _ in operations(api.app):
        view = api.app.view_functions[rule.endpoint]
        needed = scope_of(view)
        assert needed is not None
        if is_writing(view):
            assert needed != "any", rule
            assert not needed.value.endswith(":read"), rule


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer cmk_1_x"])
def test_without_a_key_nothing_opens(api: ApiCalling, authorization: str | None) -> None:
    client = api.app.test_client()
    for rule, method in operations(api.app):
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = client.open(path_of(rule), method=method, headers=headers)
        assert answer.status_code == 401, (rule, method)
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="consentmgr"')
        assert answer.mimetype == "application/problem+json"


def test_an_ended_or_revoked_key_opens_nothing(api: ApiCalling, database: Database) -> None:
    now = clock.now()
    ended, revoked = api(), api()
    with database.transaction() as session:
        api_keys.revoke(session, revoked.key_id, actor="test", now=now)
        session.execute(text("UPDATE api_key SET expires_at = now() WHERE id = :id"), {"id": ended.key_id})
    for rule, method in operations(api.app):
        for client in (ended, revoked):
            assert ask(api.app, method, path_of(rule), client.token).status_code == 401, (rule, method)


def test_each_scope_opens_exactly_its_operations(api: ApiCalling) -> None:
    """With its scope alone an operation is open; with every other scope together it is not."""
    alone = {scope: api(scope) for scope in Scope}
    others = {scope: api(*(other for other in Scope if other is not scope)) for scope in Scope}
    for rule, method in operations(api.app):
        needed = scope_of(api.app.view_functions[rule.endpoint])
        assert needed is not None
        if needed == "any":
            continue
        refused = ask(api.app, method, path_of(rule), others[needed].token)
        assert refused.status_code == 403, (rule, method)
        assert f'scope="{needed.value}"' in refused.headers["WWW-Authenticate"]
        opened = ask(api.app, method, path_of(rule), alone[needed].token)
        assert opened.status_code not in (401, 403), (rule, method, opened.status_code)
        assert opened.status_code < 500, (rule, method, opened.status_code)


def test_scopes_are_used_by_some_operation(api: ApiCalling) -> None:
    used = {scope_of(api.app.view_functions[rule.endpoint]) for rule, _ in operations(api.app)}
    assert {scope for scope in Scope if scope not in used} == set()


@pytest.fixture
def theirs(foreign: Mapping[str, dict[str, Any]], database: Database) -> Mapping[str, dict[str, Any]]:
    """Values for the arguments of operations, by the beginning of the path: all of things that are beta's alone."""
    with database.engine.begin() as connection:
        webhook = connection.scalar(
            text(
                "INSERT INTO webhook (name, url, controllers, types, secret, state, created_at, created_by)"
                " VALUES ('beta', 'https://beta.example/hook', '{beta}', '{}', '\\x00', 'enabled', now(), 'key:0')"
                " RETURNING id"
            )
        ) if _has(connection, "webhook") else 1  # fmt: skip
    return {
        "/api/v1/contacts/": {"ref": "beta:vilho", "record_id": uuid4()},
        "/api/v1/campaigns/": {"key": "betas-campaign"},
        "/api/v1/topics/": {"key": "betas-news"},
        "/api/v1/notices/": {"key": "betas-words", "version": 1, "language": "fi"},
        "/api/v1/prohibitions/": {"prohibition_id": foreign["/desk/prohibitions/"]["number"]},
        "/api/v1/screenings/": {"list_id": foreign["/desk/screenings/"]["list_id"]},
        "/api/v1/exports/": {"key": "betas-export", "sequence": 1, "order_id": uuid4()},
        "/api/v1/documents/": {"import_id": foreign["/desk/imports/"]["upload_id"]},
        "/api/v1/webhooks/": {"webhook_id": webhook},
    }


def _has(connection: Any, table: str) -> bool:
    return connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is not None


def test_a_thing_of_another_controllers_is_not_there(
    api: ApiCalling, theirs: Mapping[str, dict[str, Any]], database: Database
) -> None:
    """What is answered for a thing of another controller's is what is answered where there is nothing, to the letter."""
    client: ApiClient = api(controllers={"acme"})
    before = _without_door(checksums(database))
    found: list[tuple[str, Rule, dict[str, Any], tuple[int, Any]]] = []
    faults = []
    with api.app.test_request_context():
        for rule, method in operations(api.app):
            if not rule.arguments or rule.rule.startswith(_OF_NOBODY):
                continue
            known = next((values for start, values in theirs.items() if rule.rule.startswith(start)), None)
            assert known is not None, f"{rule}: name a foreign thing for it here"
            missing = rule.arguments - known.keys()
            assert not missing, f"{rule}: name a foreign {missing} for it here"
            values = {name: known[name] for name in rule.arguments}
            found.append((method, rule, values, _told(client, method, rule, values)))
        assert _without_door(checksums(database)) == before
        for method, rule, values, told in found:
            other = {name: value if name in _PARTS else _nothing(value) for name, value in values.items()}
            nothing = _told(client, method, rule, other)
            # What a PUT would make of a name nobody has, it does not make of one that another controller has.
            expected = told if method == "PUT" and told[0] == 404 else nothing
            if told != expected or (method == "GET" and told[0] != 404) or told[0] < 400:
                faults.append((method, rule.rule, told, nothing))
    assert faults == []
    assert len(found) >= 20


def _told(client: ApiClient, method: str, rule: Rule, values: dict[str, Any]) -> tuple[int, Any]:
    built = rule.build(values, append_unknown=False)
    assert built is not None
    more = {} if method in ("GET", "HEAD", "DELETE") else {"json": {}}
    answer = client.open(method, str(built[1]), **more)
    body = answer.json if answer.is_json and method != "HEAD" else None
    return answer.status_code, {**body, "instance": ""} if isinstance(body, dict) else body


def _nothing(value: Any) -> Any:
    """Something of the same kind that does not exist."""
    if isinstance(value, UUID):
        return uuid4()
    return 999_999_999 if isinstance(value, int) else "nothing-of-this-name"


def _without_door(sums: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    return {name: told for name, told in sums.items() if name not in _OF_THE_DOOR}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_looking_changes_nothing(
    method: str, api: ApiCalling, theirs: Mapping[str, dict[str, Any]], database: Database
) -> None:
    client = api()
    before = _without_door(checksums(database))
    statuses = set()
    with api.app.test_request_context():
        for rule in {rule.rule: rule for rule, _ in operations(api.app)}.values():
            known = next((values for start, values in theirs.items() if rule.rule.startswith(start)), {})
            wanted = {name: known.get(name) for name in rule.arguments}
            path = path_of(rule) if None in wanted.values() else str(rule.build(wanted, append_unknown=False)[1])
            answer = client.open(method, path, buffered=True)
            statuses.add(answer.status_code)
            assert answer.status_code < 500, (rule, answer.status_code)
    assert 200 in statuses or method == "TRACE"
    assert _without_door(checksums(database)) == before


def test_operations_are_named_once_and_told(api: ApiCalling) -> None:
    told = api.app.test_client().get("/api/v1/openapi.json").json
    found = [one for item in told["paths"].values() for method, one in item.items() if method != "parameters"]
    ids = [one["operationId"] for one in found]
    assert len(set(ids)) == len(ids)
    for one in found:
        assert one["summary"].endswith("."), one["operationId"]
        assert len(one["security"]) == 1
        assert {"401", "403", "404", "429", "503", "default"} <= one["responses"].keys()

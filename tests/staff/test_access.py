"""Who may open what, for every route of the desk there is: read from the application's map, not from a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.routing import Rule

from consentmgr.blueprints import BLUEPRINTS
from consentmgr.staff import accounts
from consentmgr.staff.access import need_of, safe_next
from consentmgr.staff.roles import ROLES, Permission, permissions_of
from tests.staff.signing_in import Desk, DeskClient

if TYPE_CHECKING:
    from consentmgr.db import Database

_STAFF = {row.name for row in BLUEPRINTS if row.access == "staff"}
#: These end the session that asks, or begin another: what comes after them would be asked by nobody.
_ENDS = {"signing.sign_out"}


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule of the desk with every method that reaches a view."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in _STAFF:
            for method in sorted((rule.methods or set()) - {"OPTIONS"}):
                yield rule, method


def path_of(rule: Rule) -> str:
    """An address of this rule, of something that does not exist."""
    values: dict[str, Any] = {}
    for name, converter in rule._converters.items():
        kind = type(converter).__name__
        values[name] = uuid4() if "UUID" in kind else 999_999_999 if "Integer" in kind else "nothing-of-this-name"
    built = rule.build(values, append_unknown=False)
    assert built is not None, rule
    return str(built[1])


def ask(client: Any, method: str, path: str, **more: Any) -> Any:
    return client.open(path, method=method, **more)


def test_every_view_of_the_desk_says_who_may_call_it(desk: Desk) -> None:
    for rule, _ in routes(desk.app):
        assert need_of(desk.app.view_functions[rule.endpoint]) is not None, rule.endpoint
        assert rule.rule == "/desk" or rule.rule.startswith("/desk/"), rule


def test_what_lies_under_the_desk_is_of_staff(desk: Desk) -> None:
    for rule in desk.app.url_map.iter_rules():
        if rule.rule.startswith("/desk"):
            assert rule.endpoint.partition(".")[0] in _STAFF, rule


def test_a_visitor_gets_nowhere(desk: Desk) -> None:
    visitor = desk.visitor()
    for rule, method in routes(desk.app):
        if need_of(desk.app.view_functions[rule.endpoint]) == "visitor":
            continue
        _is_sent_to_sign_in(ask(visitor.client, method, path_of(rule)), rule, method)
        as_json = ask(visitor.client, method, path_of(rule), headers={"Accept": "application/json"})
        assert as_json.status_code == 401, (rule, method)
        assert as_json.mimetype == "application/problem+json" or method == "HEAD"


def test_who_has_shown_a_password_alone_gets_nowhere(desk: Desk, database: Database) -> None:
    half = desk("administrator")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE staff_session SET stage = 'started'")
    for rule, method in routes(desk.app):
        if need_of(desk.app.view_functions[rule.endpoint]) in ("visitor", "started"):
            continue
        _is_sent_to_sign_in(ask(half.client, method, path_of(rule)), rule, method)


def _is_sent_to_sign_in(answer: Any, rule: Rule, method: str) -> None:
    """By a page; a document for programmes says so itself."""
    if rule.rule.endswith(".json"):
        assert answer.status_code == 401, (rule, method)
    else:
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/desk/sign-in"), (rule, method)


@pytest.mark.parametrize("role", [role.key for role in ROLES])
def test_a_role_gets_exactly_what_the_table_gives(desk: Desk, role: str) -> None:
    """A route needs the permission of its mark: with it, anything but 403; without it, 403 and nothing else.

    A HEAD is the GET without its body: an account without roles and one with all of them ask it below. The page of a
    refusal is drawn for the former; here it is told in a line.
    """
    client = desk(role)
    held = permissions_of([role])
    for rule, method in routes(desk.app):
        need = need_of(desk.app.view_functions[rule.endpoint])
        if not isinstance(need, Permission) or method == "HEAD":
            continue
        briefly = {} if need in held or rule.rule == "/desk/" else {"Accept": "application/json"}
        answer = _with_token(client, method, path_of(rule), briefly)
        if need in held:
            assert answer.status_code != 403, (role, rule, method)
            assert answer.status_code < 500, (role, rule, method)
            assert not (answer.location or "").startswith("/desk/sign-in"), (role, rule, method)
        elif rule.rule == "/desk/":
            assert (answer.status_code, answer.location) == (303, "/desk"), (role, method)
        else:
            assert answer.status_code == 403, (role, rule, method)


def test_every_permission_is_given_by_some_role_and_no_role_has_all() -> None:
    given = permissions_of(role.key for role in ROLES)
    assert given == set(Permission)
    assert all(role.permissions < given for role in ROLES)


def test_an_account_without_roles_gets_nothing_but_itself(desk: Desk) -> None:
    client = desk()
    for rule, method in routes(desk.app):
        if isinstance(need_of(desk.app.view_functions[rule.endpoint]), Permission) and rule.rule != "/desk/":
            assert _with_token(client, method, path_of(rule)).status_code == 403, (rule, method)
    assert client.get("/desk/me").status_code == 200
    assert client.get("/desk").location == "/desk/me"


def test_whatever_acts_asks_for_the_token_of_its_session(desk: Desk) -> None:
    """For every POST of the desk: without the token, and with somebody else's, 400 before anything happens."""
    client, other = desk(*(role.key for role in ROLES)), desk("marketer")
    for rule, method in routes(desk.app):
        if method in ("GET", "HEAD"):
            continue
        path = path_of(rule)
        assert ask(client.client, method, path).status_code == 400, (rule, method)
        foreign = {"X-CSRFToken": other.csrf_token}
        assert ask(client.client, method, path, headers=foreign).status_code == 400, (rule, method)


def test_reading_pages_changes_nothing(desk: Desk, database: Database) -> None:
    """A GET of any route of the desk leaves every table as it was, but for the audit of readings and its own session."""
    client = desk(*(role.key for role in ROLES))
    tables = [name for name in _tables(database) if name not in ("audit_event", "staff_session")]

    def counted() -> dict[str, str]:
        with database.connect() as connection:
            return {
                name: str(connection.exec_driver_sql(f"SELECT count(*), max(xmin::text::bigint) FROM {name}").one())
                for name in tables
            }

    before = counted()
    for rule, method in routes(desk.app):
        if method in ("GET", "HEAD") and rule.endpoint not in _ENDS:
            ask(client.client, method, path_of(rule))
    assert counted() == before


def _tables(database: Database) -> list[str]:
    with database.connect() as connection:
        rows = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return [name for (name,) in rows]


def _with_token(client: DeskClient, method: str, path: str, headers: Mapping[str, str] | None = None) -> Any:
    return ask(client.client, method, path, headers={"X-CSRFToken": client.csrf_token, **(headers or {})})


def test_who_speaks_for_some_controllers_looks_after_their_accounts_alone(desk: Desk, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO controller (key, name) VALUES ('acme', 'Acme'), ('other', 'Other')")
    chief = desk("administrator")
    own, foreign, everywhere = (
        desk("marketer", controllers={"acme"}),
        desk("marketer", controllers={"other"}),
        desk("marketer"),
    )
    limited = desk("administrator", controllers={"acme"})
    nobody = desk()
    listed = limited.get("/desk/staff").text
    assert own.email in listed
    assert foreign.email not in listed
    assert everywhere.email not in listed
    assert nobody.email not in listed
    for rule, method in routes(desk.app):
        if rule.endpoint.startswith("staff.") and rule.arguments == {"account_id"}:
            for account in (foreign, everywhere, chief, nobody):
                path = re.sub(r"<int:account_id>", str(account.account_id), rule.rule)
                assert _with_token(limited, method, path).status_code == 404, (rule, method)
    assert limited.get(f"/desk/staff/{own.account_id}").status_code == 200
    # Nobody gives what lies beyond their own reach: not to others, not to themselves.
    for given in ({"reach-auditor": "all"}, {"reach-auditor": "some", "for-auditor": "other"}):
        for account in (own, limited):
            answer = limited.post(f"/desk/staff/{account.account_id}/roles", {"role": "auditor", **given})
            assert answer.status_code in (404, 422)
    with database.transaction() as session:
        assert accounts.grants_of(session, own.account_id) == {"marketer": frozenset({"acme"})}
        assert accounts.grants_of(session, limited.account_id) == {"administrator": frozenset({"acme"})}
    assert limited.get("/desk/audit").status_code == 404
    assert limited.post(f"/desk/staff/{own.account_id}/roles", {}).location == "/desk/staff"
    assert limited.get(f"/desk/staff/{own.account_id}").status_code == 404


def test_a_permission_is_held_for_the_controllers_of_its_role_alone(desk: Desk, database: Database) -> None:
    """Somebody who imports for one house and reads another's register does not read the first one's audit by it."""
    from consentmgr.staff.access import controllers_for
    from consentmgr.staff.sessions import Granted

    grants = (
        Granted("marketer", frozenset({"acme"})),
        Granted("auditor", frozenset({"other"})),
        Granted("mailer", None),
    )
    assert controllers_for(grants, Permission.SCREEN) == {"acme"}
    assert controllers_for(grants, Permission.SEE_AUDIT) == {"other"}
    assert controllers_for(grants, Permission.SEE_REGISTER) == {"acme", "other"}
    assert controllers_for(grants, Permission.HANDED_LISTS) is None
    assert controllers_for(grants, Permission.ERASE) == frozenset()


def test_pages_of_the_desk_run_scripts_of_files_alone(desk: Desk) -> None:
    client = desk(*(role.key for role in ROLES))
    for rule, method in routes(desk.app):
        answer = ask(client.client, method, path_of(rule)) if method == "GET" and rule.endpoint not in _ENDS else None
        if answer is None:
            continue
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "no-store" in answer.headers["Cache-Control"], rule
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("given", "goes"),
    [
        ("/desk/staff?x=1", "/desk/staff?x=1"),
        ("/desk", "/desk"),
        (None, "/desk/"),
        ("/u/token", "/desk/"),
        ("/", "/desk/"),
    ],
)
def test_where_to_go_next_is_a_path_of_the_desk(given: str | None, goes: str) -> None:
    assert safe_next(given) == goes


def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(desk: Desk) -> None:
    answer = desk.visitor().get("/desk/staff", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/desk/sign-in")


def test_a_session_is_looked_up_in_one_question(desk: Desk, database: Database) -> None:
    from sqlalchemy import event

    client = desk("marketer", "auditor", controllers={"acme"})
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.append(given[2])

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        client.get("/desk")
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    assert len([one for one in asked if "staff_" in one]) == 1


def test_a_language_chosen_in_the_head_of_a_page_stays(desk: Desk) -> None:
    client = desk("auditor", language="en")
    assert '<html lang="sv">' in client.get("/desk/me?lang=sv").text
    assert '<html lang="sv">' in client.get("/desk/audit").text
    client.post("/desk/me/details", {"name": "Maija", "language": "fi"})
    assert '<html lang="fi">' in client.get("/desk/audit").text
    assert '<html lang="fi">' in client.get("/desk/audit?lang=xx").text


def test_public_pages_set_and_read_no_cookie(desk: Desk, database: Database) -> None:
    from sqlalchemy import event

    client = desk("administrator")
    value = client.client.get_cookie("consentmgr_desk", path="/desk")
    assert value is not None
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.append(given[2])

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        for path in ("/", "/link", "/livez"):
            answer = client.get(path, headers={"Cookie": f"consentmgr_desk={value.value}"})
            assert "Set-Cookie" not in answer.headers
            assert "Cookie" not in answer.headers.get("Vary", "")
            assert "script-src" not in answer.headers["Content-Security-Policy"]
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    assert not [one for one in asked if "staff_" in one]

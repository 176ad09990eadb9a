"""Keys of the API: shown once, kept as digests, bound to scopes and controllers, changed over, ended at once."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from consentmgr.db import Database
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff import api_access, api_keys
from consentmgr.staff.scopes import TOLD, Scope
from tests.conftest import RunCommand
from tests.staff.api_calling import ApiCalling, ApiClient
from tests.staff.signing_in import Desk

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask

TOKEN = re.compile(r"cmk_(\d+)_[0-9A-Za-z]{49}")


@pytest.fixture
def acme(database: Database) -> str:
    with database.transaction() as session:
        session.execute(text("INSERT INTO controller (key, name) VALUES ('acme', 'Acme'), ('umbrella', 'Umbrella')"))
    return "acme"


def add(database: Database, now: datetime, **more: object) -> tuple[int, str]:
    given = {"name": "shop", "owner": "it@acme.example", "scopes": [Scope.CHECK], "controllers": None, **more}
    with database.transaction() as session:
        key, token = api_keys.add(session, actor="test", now=now, **given)  # type: ignore[arg-type]
        return key.id, token


def state(database: Database, token: str, now: datetime) -> api_keys.Opened | None:
    with database.reading() as session:
        return api_keys.opened_by(session, token, now)


# --- what a key is ----------------------------------------------------------------------------------------------------


def test_a_token_names_its_key_and_holds_256_random_bits(database: Database) -> None:
    tokens = [api_keys.new_token(7) for _ in range(50)]
    assert len(set(tokens)) == 50
    assert all(TOKEN.fullmatch(token) and api_keys.is_token(token) for token in tokens)
    assert 62**43 > 2**256


@pytest.mark.parametrize("change", [slice(None, -1), slice(5, None), None])
def test_a_token_that_was_mistyped_is_known_without_the_database(change: slice | None) -> None:
    token = api_keys.new_token(7)
    bad = token[change] if change else token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    assert not api_keys.is_token(bad)


def test_of_a_token_only_its_digest_is_stored(database: Database) -> None:
    _, token = add(database, clock.now())
    secret = token.rpartition("_")[2]
    with database.connect() as connection:
        tables = list(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
        for table in tables:
            rows = connection.execute(text(f"SELECT t::text FROM {table} t")).scalars()
            assert not any(secret in row for row in rows), table
        assert connection.scalar(text("SELECT count(*) FROM api_key_secret WHERE length(digest) = 32")) == 1


def test_a_key_ends_after_a_year_where_nobody_says_otherwise(database: Database) -> None:
    now = clock.now()
    _, token = add(database, now)
    assert state(database, token, now + timedelta(days=364)) is not None
    assert state(database, token, now + timedelta(days=365)) is None


@pytest.mark.parametrize(
    ("given", "field"),
    [({"scopes": []}, "scopes"), ({"scopes": ["all"]}, "scopes"), ({"name": " "}, "name"), ({"name": "a\nb"}, "name"),
     ({"owner": ""}, "owner"), ({"controllers": []}, "controllers")],
)  # fmt: skip
def test_a_key_without_what_it_needs_is_not_made(database: Database, given: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        add(database, clock.now(), **given)
    assert refused.value.field == field


@pytest.mark.parametrize("days", [-1, 0, 733])
def test_a_key_ends_within_two_years(database: Database, days: int) -> None:
    now = clock.now()
    with pytest.raises(BadInput, match="two years"):
        add(database, now, expires_at=now + timedelta(days=days))


def test_a_key_is_given_only_for_controllers_there_are_and_the_giver_has(database: Database, acme: str) -> None:
    now = clock.now()
    for given in ({"controllers": ["nobody"]}, {"controllers": ["umbrella"], "reach": frozenset({"acme"})},
                  {"controllers": None, "reach": frozenset({"acme"})}):  # fmt: skip
        with pytest.raises(NotFound):
            add(database, now, **given)
    key_id, _ = add(database, now, controllers=["acme"], reach=frozenset({"acme"}))
    with database.transaction() as session:
        assert [row.id for row in api_keys.listed(session, now=now, reach=frozenset({"acme"}))] == [key_id]
        assert api_keys.listed(session, now=now, reach=frozenset({"umbrella"})) == []
        with pytest.raises(NotFound):
            api_keys.revoke(session, key_id, actor="test", now=now, reach=frozenset({"umbrella"}))


def test_a_key_may_add_prohibitions_and_lift_none(database: Database) -> None:
    _, token = add(database, clock.now(), scopes=[Scope.ADD_PROHIBITIONS])
    opened = state(database, token, clock.now())
    assert opened is not None
    assert opened.scopes == {"prohibitions:add"}


def test_every_scope_is_told_in_every_language() -> None:
    assert set(TOLD) == set(Scope)
    for words in TOLD.values():
        assert len(set(words.values())) == 3


# --- changing over and ending -----------------------------------------------------------------------------------------


def test_two_secrets_are_good_while_systems_change_over(database: Database) -> None:
    now = clock.now()
    key_id, first = add(database, now)
    with database.transaction() as session:
        second = api_keys.rotate(session, key_id, actor="test", now=now)
    before, after = now + timedelta(days=7) - timedelta(seconds=1), now + timedelta(days=7)
    assert [state(database, token, before) is not None for token in (first, second)] == [True, True]
    assert [state(database, token, after) is not None for token in (first, second)] == [False, True]


def test_a_third_secret_waits_unless_the_others_end_at_once(database: Database) -> None:
    now = clock.now()
    key_id, first = add(database, now)
    with database.transaction() as session:
        second = api_keys.rotate(session, key_id, actor="test", now=now)
        with pytest.raises(BadInput, match="two secrets"):
            api_keys.rotate(session, key_id, actor="test", now=now)
        third = api_keys.rotate(session, key_id, overlap=timedelta(), actor="test", now=now)
    assert [state(database, token, now) is not None for token in (first, second, third)] == [False, False, True]


def test_a_revoked_key_opens_nothing_and_gets_no_secret(database: Database) -> None:
    now = clock.now()
    key_id, token = add(database, now)
    with database.transaction() as session:
        api_keys.revoke(session, key_id, actor="test", now=now)
        api_keys.revoke(session, key_id, actor="test", now=now)
        with pytest.raises(BadInput, match="has ended"):
            api_keys.rotate(session, key_id, actor="test", now=now)
    assert state(database, token, now) is None


def test_what_is_done_to_keys_is_in_the_audit_log(database: Database) -> None:
    now = clock.now()
    key_id, _ = add(database, now)
    with database.transaction() as session:
        api_keys.rotate(session, key_id, actor="test", now=now)
        api_keys.revoke(session, key_id, actor="test", now=now)
    with database.connect() as connection:
        found = connection.execute(text("SELECT action, object, actor FROM audit_event ORDER BY id")).all()
    assert [tuple(row) for row in found] == [
        (f"api_key.{word}", f"key:{key_id}", "test") for word in ("add", "rotate", "revoke")
    ]


def test_a_key_is_told_of_before_it_ends(database: Database) -> None:
    now = clock.now()
    key_id, _ = add(database, now, expires_at=now + timedelta(days=20))
    add(database, now)
    with database.reading() as session:
        assert list(api_keys.ending(session, now)) == [f"key:{key_id}"]


# --- at the door ------------------------------------------------------------------------------------------------------


@pytest.fixture
def asks(api: ApiCalling) -> str:
    """A path of the API that any key may ask for, once it has every scope."""
    return next(path for path in reading_paths(api.app) if "{" not in path)


def reading_paths(app: Flask) -> list[str]:
    told = app.test_client().get("/api/v1/openapi.json").json
    return [path for path, item in told["paths"].items() if "get" in item]


def bearer(api: ApiCalling, path: str, authorization: str | None) -> tuple[int, str]:
    headers = {"Authorization": authorization} if authorization is not None else {}
    answer = api.app.test_client().get(path, headers=headers)
    return answer.status_code, answer.headers.get("WWW-Authenticate", "")


def test_without_a_good_key_the_answer_says_how_to_show_one(api: ApiCalling, asks: str) -> None:
    good = api()
    nearly = good.token[:-1] + ("y" if good.token.endswith("x") else "x")
    for given in (None, "Basic eDp5", "Bearer", f"Bearer {nearly}", f"Bearer {api_keys.new_token(1)}",
                  "Bearer eyJhbGciOiJub25lIn0.e30.", f"Token {good.token}"):  # fmt: skip
        status, told = bearer(api, asks, given)
        assert status == 401
        assert told.startswith("Bearer realm=")
        assert ("invalid_token" in told) == (given is not None)
    assert bearer(api, asks, f"Bearer {good.token}")[0] == 200


def test_a_key_in_the_address_is_no_key(api: ApiCalling, asks: str) -> None:
    good = api()
    assert api.app.test_client().get(f"{asks}?access_token={good.token}").status_code == 401


def test_a_revoked_key_is_refused_within_a_second(api: ApiCalling, asks: str, database: Database) -> None:
    good = api()
    assert good.get(asks).status_code == 200
    with database.transaction() as session:
        api_keys.revoke(session, good.key_id, actor="test", now=clock.now())
    began = time.monotonic()
    while good.get(asks).status_code == 200:
        assert time.monotonic() - began < api_access.REMEMBER + 1
    assert api_access.REMEMBER <= 1.0


def test_an_ended_key_is_refused_at_once(api: ApiCalling, asks: str, database: Database) -> None:
    good = api(life=timedelta(seconds=2))
    assert good.get(asks).status_code == 200
    deadline = time.monotonic() + 10
    while good.get(asks).status_code == 200:
        assert time.monotonic() < deadline
    assert good.get(asks).status_code == 401


def test_last_use_is_written_once_a_minute(
    api: ApiCalling, asks: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = api()

    def used() -> list[datetime]:
        with database.connect() as connection:
            return list(connection.scalars(text("SELECT used_at FROM api_key_use")))

    assert used() == []
    good.get(asks)
    first = used()
    assert len(first) == 1
    good.get(asks)
    assert used() == first
    monkeypatch.setattr(api_access, "NOTE_EVERY", 0.0)
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    good.get(asks)
    assert used() == [later]


def test_a_key_that_ends_soon_says_so_with_every_answer(api: ApiCalling, asks: str) -> None:
    assert "Key-Expires" in api(life=timedelta(days=20)).get(asks).headers
    assert "Key-Expires" not in api(life=timedelta(days=200)).get(asks).headers


def test_no_token_is_in_the_log(api: ApiCalling, asks: str, capfd: pytest.CaptureFixture[str]) -> None:
    good: ApiClient = api()
    good.get(asks)
    good.post("/nowhere", json={"token": good.token})
    assert good.token[:20] not in "".join(capfd.readouterr())


# --- at the terminal --------------------------------------------------------------------------------------------------


def test_keys_at_the_terminal(run_command: RunCommand, database: Database, acme: str) -> None:
    done = run_command(
        "api-keys", "add", "Web shop", "--owner", "it@acme.example", "--scope", "check", "--scope", "prohibitions:add",
        "--controller", "acme", "--until", (clock.now() + timedelta(days=20)).date().isoformat(),
    )  # fmt: skip
    token = done.stdout.strip()
    assert TOKEN.fullmatch(token)
    assert "shown this one time" in done.stderr
    key_id = token.split("_")[1]
    listed = run_command("api-keys", "list").stdout
    assert "Web shop  ends soon" in listed
    assert "controllers acme; used never" in listed
    assert token not in listed
    second = run_command("api-keys", "rotate", key_id, "--overlap", "1").stdout.strip()
    assert "the secret before ends" in run_command("api-keys", "list").stdout
    now = clock.now()
    assert state(database, token, now) is not None
    assert state(database, second, now) is not None
    run_command("api-keys", "revoke", key_id)
    assert state(database, second, now) is None
    assert "revoked" in run_command("api-keys", "list").stdout


def test_mistakes_at_the_terminal_are_told(run_command: RunCommand, acme: str) -> None:
    add = ("api-keys", "add", "Shop", "--owner", "it")
    assert "Missing option" in run_command(*add, expect=2).stderr
    assert "there is no such controller" in run_command(
        *add, "--scope", "check", "--controller", "nobody", expect=2
    ).stderr  # fmt: skip
    assert "2027-06-30" in run_command(*add, "--scope", "check", "--until", "soon", expect=2).stderr
    assert "there is no such key" in run_command("api-keys", "revoke", "7", expect=2).stderr
    assert "contacts:read" in run_command("api-keys", "scopes").stdout


# --- at the desk ------------------------------------------------------------------------------------------------------


def test_a_key_is_added_shown_once_changed_over_and_revoked_at_the_desk(
    desk: Desk, database: Database, acme: str
) -> None:
    admin = desk("administrator")
    assert admin.get("/desk/api-keys").status_code == 200
    page = admin.get("/desk/api-keys/add")
    assert all(scope.value in page.text for scope in Scope)
    made = admin.post(
        "/desk/api-keys/add",
        [("name", "Web shop"), ("owner", "it@acme.example"), ("scope", "check"), ("scope", "prohibitions:add"),
         ("reach", "some"), ("controller", "acme"), ("expires_at", "")],
    )  # fmt: skip
    found = TOKEN.search(made.text)
    assert found is not None, made.text
    key_id = int(found[1])
    shown = admin.get(f"/desk/api-keys/{key_id}")
    assert found[0] not in shown.text + admin.get("/desk/api-keys").text
    assert "prohibitions:add" in shown.text
    assert "prohibitions:lift" not in shown.text
    renewed = TOKEN.search(admin.post(f"/desk/api-keys/{key_id}/rotate", {"overlap": "7", "expires_at": ""}).text)
    assert renewed is not None
    refused = admin.post(f"/desk/api-keys/{key_id}/rotate", {"overlap": "7", "expires_at": ""})
    assert refused.status_code == 422
    assert "two secrets" in refused.text
    assert admin.post(f"/desk/api-keys/{key_id}/revoke").status_code == 303
    assert "revoked" in admin.get("/desk/api-keys").text
    assert state(database, renewed[0], clock.now()) is None


def test_mistakes_at_the_desk_are_told_beside_their_fields(desk: Desk, acme: str) -> None:
    admin = desk("administrator")
    for given, told in (
        ([("name", ""), ("owner", "it"), ("scope", "check"), ("reach", "all")], "Enter a name"),
        ([("name", "shop"), ("owner", ""), ("scope", "check"), ("reach", "all")], "Enter who answers"),
        ([("name", "shop"), ("owner", "it"), ("reach", "all")], "Choose at least one."),
        ([("name", "shop"), ("owner", "it"), ("scope", "check"), ("reach", "some")], "Choose at least one controller"),
        ([("name", "shop"), ("owner", "it"), ("scope", "check"), ("reach", "all"), ("expires_at", "1999-01-01")],
         "Choose a day within two years"),
        ([("name", "shop"), ("owner", "it"), ("scope", "check"), ("reach", "all"), ("expires_at", "9999-12-31")],
         "Choose a day within two years"),
    ):  # fmt: skip
        answer = admin.post("/desk/api-keys/add", given)
        assert answer.status_code == 422
        assert told in answer.text


def test_who_looks_after_keys_for_one_controller_sees_no_others(desk: Desk, database: Database, acme: str) -> None:
    now = clock.now()
    ours, _ = add(database, now, name="Ours", controllers=["acme"])
    both, _ = add(database, now, name="Both", controllers=["acme", "umbrella"])
    every, _ = add(database, now, name="Whole house")
    admin = desk("administrator", controllers={"acme"})
    page = admin.get("/desk/api-keys").text
    assert "Ours" in page
    assert "Both" not in page
    assert "Whole house" not in page
    for key_id in (both, every, 10**18):
        assert admin.get(f"/desk/api-keys/{key_id}").status_code == 404
        assert admin.post(f"/desk/api-keys/{key_id}/revoke").status_code == 404
        assert admin.post(f"/desk/api-keys/{key_id}/rotate", {"overlap": "0"}).status_code == 404
    assert admin.get(f"/desk/api-keys/{ours}").status_code == 200
    beyond = [("name", "x"), ("owner", "it"), ("scope", "check"), ("reach", "all"), ("expires_at", "")]
    assert admin.post("/desk/api-keys/add", beyond).status_code == 404


@pytest.mark.parametrize("role", ["marketer", "data_steward", "auditor", "dpo", "mailer"])
def test_only_those_who_look_after_keys_come_in(desk: Desk, role: str) -> None:
    assert desk(role).get("/desk/api-keys").status_code == 403


@pytest.mark.parametrize(("language", "title"), [("fi", "Rajapinnan avaimet"), ("sv", "API-nycklar")])
def test_the_pages_speak_the_readers_language(desk: Desk, language: str, title: str) -> None:
    assert title in desk("administrator", language=language).get("/desk/api-keys").text

"""Both clients against the real application over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consentmgr.client import AsyncClient, Client, Invalid, NotAllowed, NotAuthenticated, NotFound
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.staff import api_keys
from consentmgr.staff.scopes import Scope
from tests.awaiting import awaited
from tests.cast import AINO, BIRGER, NOTICE
from tests.people.people import ACME, Register

if TYPE_CHECKING:
    from tests.conftest import RunningServer

CAMPAIGN: dict[str, Any] = {
    "type": "campaign",
    "key": "autumn",
    "controller": "acme",
    "channel": "email",
    "purpose": "direct_marketing",
    "message": {"sender_named": True, "unsubscribe": "link", "one_click": True, "privacy_notice": True},
}
OBJECTION = {
    "type": "event",
    "contact": "crm:aino",
    "event": "objected",
    "at": "2026-11-01T10:00:00+02:00",
    "controller": "acme",
    "method": "phone",
}


def key_of(database: Database, *scopes: Scope) -> str:
    now = clock.now()
    with database.transaction() as session:
        _, token = api_keys.add(
            session, name="client", owner="crm@acme.example", scopes=scopes or tuple(Scope), controllers=None,
            expires_at=now + timedelta(days=1), actor="test", now=now,
        )  # fmt: skip
    return token


class Asked:
    """One of the two clients, asked in the same words."""

    def __init__(self, url: str, key: str, kind: str) -> None:
        self.url, self.key, self.kind = url, key, kind

    def __call__(self, what: str, *arguments: Any, **named: Any) -> Any:
        if self.kind == "sync":
            with Client(self.url, self.key) as register:
                found = getattr(register, what)(*arguments, **named)
                return list(found) if what in ("changes", "contacts") else found

        async def ask() -> Any:
            async with AsyncClient(self.url, self.key) as register:
                found = getattr(register, what)(*arguments, **named)
                return [one async for one in found] if what in ("changes", "contacts") else await found

        return awaited(ask())


@pytest.fixture
def register(database: Database, keys: Keys) -> Register:
    made = Register(database, keys)
    made.take(ACME, NOTICE, AINO, BIRGER)
    return made


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, register: Register, web: RunningServer) -> Callable[..., Any]:
    return Asked(web.url, key_of(register.database), request.param)


def test_a_system_does_its_day_with_the_client(ask: Callable[..., Any], tmp_path: Path) -> None:
    kept = ask("put_campaign", CAMPAIGN)
    assert kept["key"] == "autumn"
    assert ask("get_campaign", "autumn")["channel"] == "email"

    # May we?
    assert ask("check", "autumn", {"email": "aino@posti.example"}).allowed
    refused = ask("check", "autumn", {"email": "birger@posti.example"})
    assert not refused.allowed
    assert refused.reason.startswith("DM_OBJECTION")
    assert "GDPR" in refused.explanation
    rows = [{"email": "birger@posti.example"}, {"ref": "crm:aino"}, {"email": "nobody@posti.example"}]
    assert [one.allowed for one in ask("check_many", "autumn", rows)] == [False, True, False]

    # What is known, and what people say.
    assert ask("get_contact", "crm:aino")["family_name"] == "Virtanen"
    assert [one["ref"] for one in ask("search_contacts", email="birger@posti.example")] == ["crm:birger"]
    assert {one["ref"] for one in ask("contacts", limit=1)} == {"crm:aino", "crm:birger"}
    new = {"ref": "crm:eva", "controllers": ["acme"], "points": [{"channel": "email", "value": "eva@posti.example"}]}
    bad = {"ref": "crm:odd", "points": [{"channel": "email", "value": "no address"}]}
    done = ask("upsert_contacts", [new, bad])
    assert (done.taken, done.refused) == (1, 1)
    assert done.items[1].errors[0].detail
    said = ask("add_events", [{name: value for name, value in OBJECTION.items() if name != "type"}])
    assert said.taken == 1, said
    assert not ask("check", "autumn", {"ref": "crm:aino"}).allowed
    ban = {"target": {"email": "eva@posti.example"}, "controllers": ["acme"], "source": "self"}
    assert ask("add_prohibitions", [ban]).taken == 1

    # Links, and what has changed.
    (links,) = ask("mint_links", "autumn", [{"ref": "crm:eva"}])
    assert links.status == "minted"
    assert "/p/" in links.preference_url
    kinds = [change.type for change in ask("changes")]
    assert "objected" in kinds
    end = ask("get_changes", "now").next
    assert ask("changes", end) == []

    # A list.
    listed = tmp_path / "list.csv"
    listed.write_text("email\nbirger@posti.example\neva@posti.example\n", "utf-8")
    screening = ask("create_screening", "autumn", file=listed)
    done = ask("wait_for_screening", screening.id, timeout=timedelta(seconds=60))
    assert done.status == "done", done
    result = ask("download", done.id, "result", tmp_path / "result.csv")
    assert "DM_OBJECTION" in result.read_text("utf-8-sig")


def test_refusals_are_exceptions_of_their_kind(register: Register, web: RunningServer) -> None:
    with Client(web.url, key_of(register.database, Scope.CHECK)) as narrow:
        with pytest.raises(NotAllowed):
            narrow.get_contact("crm:aino")
        with pytest.raises(NotFound):
            narrow.check("no such campaign", {"ref": "crm:aino"})
        with pytest.raises(Invalid) as raised:
            narrow.check({"channel": "pigeon"}, {"ref": "crm:aino"})
        assert raised.value.errors
    with Client(web.url, "cmk_not_a_key") as nobody, pytest.raises(NotAuthenticated):
        nobody.get_contact("crm:aino")

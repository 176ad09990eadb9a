"""The tool server over standard input and output, asked by the SDK's own client, against the real application."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consentmgr.assistant.answering import told
from consentmgr.assistant.commands import Refused, refuse_writing
from consentmgr.client import Client, Verdict, plans
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.staff.scopes import Scope
from tests.awaiting import awaited
from tests.cast import AINO, BIRGER, NOTICE
from tests.client.scripted import scripted_server
from tests.client.scripted import told as told_by_server
from tests.client.test_against_the_server import CAMPAIGN, key_of
from tests.conftest import free_port
from tests.people.people import ACME, Register

if TYPE_CHECKING:
    # Loading it takes a second, which the worker spends that runs these tests, and no other.
    from mcp.client import Client as Session
    from mcp.client.stdio import StdioServerParameters

    from tests.conftest import RunCommand, RunningServer


TOP = Path(__file__).parents[2]


@pytest.fixture
def register(database: Database, keys: Keys) -> Register:
    made = Register(database, keys)
    made.take(ACME, NOTICE, AINO, BIRGER, CAMPAIGN)
    return made


@pytest.fixture
def parameters(register: Register, web: RunningServer, environment: dict[str, str]) -> StdioServerParameters:
    from mcp.client.stdio import StdioServerParameters

    key = key_of(register.database, Scope.CHECK, Scope.MINT_LINKS)
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "consentmgr", "assistant"],
        env={**environment, "CONSENTMGR_API_URL": web.url, "CONSENTMGR_API_KEY": key},
    )


def in_session(parameters: StdioServerParameters, ask: Callable[[Session], Any]) -> Any:
    from mcp.client import Client as Session

    async def run() -> Any:
        async with Session(parameters, read_timeout_seconds=60) as session:
            return await ask(session)

    return awaited(run())


def test_an_assistant_asks_before_it_writes(parameters: StdioServerParameters, web: RunningServer) -> None:
    async def ask(session: Session) -> None:
        tools = (await session.list_tools()).tools
        assert {tool.name for tool in tools} == {"may_contact", "mint_link"}
        assert all(tool.annotations is not None and tool.annotations.read_only_hint for tool in tools)

        yes = await session.call_tool("may_contact", {"email": "aino@posti.example", "campaign": "autumn"})
        assert yes.structured_content["may_contact"] is True, yes
        assert yes.content[0].text.startswith("May contact: yes.")
        assert "GDPR" in yes.content[0].text

        asked = {"ref": "crm:birger", "channel": "email", "purpose": "direct_marketing", "controller": "acme"}
        no = await session.call_tool("may_contact", asked)
        assert no.structured_content["may_contact"] is False
        assert no.structured_content["reason"].startswith("DM_OBJECTION")
        assert no.content[0].text.startswith("Do not contact.")
        assert "GDPR" in no.content[0].text

        links = await session.call_tool("mint_link", {"ref": "crm:aino", "campaign": "autumn"})
        assert links.structured_content["preference_url"].startswith(f"{web.url}/p/")
        none = await session.call_tool("mint_link", {"ref": "crm:nobody", "campaign": "autumn"})
        assert none.structured_content["minted"] is False

        for unclear in (
            {"campaign": "autumn"},
            {"email": "aino@posti.example"},
            {"email": "aino@posti.example", "campaign": "no such campaign"},
            {"email": "aino@posti.example", "channel": "pigeon", "purpose": "direct_marketing"},
        ):
            unknown = await session.call_tool("may_contact", unclear)
            assert unknown.structured_content["may_contact"] is False, unclear
            assert unknown.content[0].text.startswith("Do not contact"), unclear

        # A register that is gone says no.
        web.stop()
        silent = await session.call_tool("may_contact", {"email": "aino@posti.example", "campaign": "autumn"})
        assert silent.structured_content["may_contact"] is False
        assert silent.content[0].text.startswith("Do not contact")

    in_session(parameters, ask)


@pytest.mark.parametrize("verdict", ["allow", "review", "block", "Allow", "", "unheard of"])
def test_only_an_allow_reads_as_a_yes(verdict: str) -> None:
    found = told(Verdict(verdict, "CODE", ["CODE"], "The sentence of the rule (GDPR 21(2))."))
    assert found["sentence"].endswith("(GDPR 21(2)).")
    assert found["may_contact"] is (verdict == "allow")
    assert found["sentence"].startswith("May contact: yes." if verdict == "allow" else "Do not contact")


def test_it_does_not_start_without_a_key_or_a_server(run_command: RunCommand, environment: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert "CONSENTMGR_API_KEY" in run_command("assistant", "--url", url, expect=3).stderr
    environment["CONSENTMGR_API_KEY"] = "cmk_a_key"
    assert "https" in run_command("assistant", "--url", "http://consent.acme.example", expect=3).stderr


@pytest.mark.parametrize(
    ("scopes", "problem"),
    [
        (["check", "links:mint"], None),
        (["check", "links:mint", "contacts:read"], None),
        (["check", "links:mint", "events:write"], "events:write"),
        (["check", "links:mint", "prohibitions:lift", "screenings:run"], "prohibitions:lift, screenings:run"),
        (["check", "links:mint", "something:new"], "something:new"),
        (["check"], "links:mint"),
        ([], "check, links:mint"),
    ],
)
def test_a_key_that_may_do_more_or_less_is_refused(scopes: list[str], problem: str | None) -> None:
    with scripted_server() as server, Client(server.url, "cmk_a_key") as register:
        server.script = [told_by_server(200, {"name": "assistant", "scopes": scopes, "controllers": None})]
        if problem is None:
            refuse_writing(register)
            return
        with pytest.raises(Refused, match=problem):
            refuse_writing(register)


def test_a_key_that_is_not_known_is_refused() -> None:
    with scripted_server() as server, Client(server.url, "cmk_a_key") as asked:
        server.script = [told_by_server(401, {"title": "No"})]
        with pytest.raises(Refused, match="not known"):
            refuse_writing(asked)


def test_an_api_that_cannot_be_asked_is_no_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "FIRST_WAIT", 0.001)
    with Client(f"http://127.0.0.1:{free_port()}", "cmk_a_key") as register, pytest.raises(Refused, match="be asked"):
        refuse_writing(register)


def test_the_tool_server_and_the_client_are_kept_apart_from_every_room() -> None:
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (apart,) = [one for one in contracts if one.get("source_modules") == ["consentmgr.client", "consentmgr.assistant"]]
    package = TOP / "consentmgr"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    files = {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    assert set(apart["forbidden_modules"]) == {
        f"consentmgr.{name}" for name in (rooms | files) - {"client", "assistant"}
    }

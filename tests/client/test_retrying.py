"""How the client asks: again where it may help, with one key for all attempts, and without showing the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consentmgr import client as public
from consentmgr.client import (
    AsyncClient,
    Client,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    Problem,
    TooMany,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    plans,
)
from tests.awaiting import awaited
from tests.client.scripted import Scripted, Told, problem, scripted_server, told
from tests.conftest import free_port

KEY = "cmk_never_to_be_seen"
ANSWER = {
    "verdict": "allow",
    "reason": "CONSENT_OK",
    "reasons": ["CONSENT_OK"],
    "explanation": "E.",
    "ground": "CONSENT_OK",
}
ALLOWED = told(200, {**ANSWER, "new_field": 1})
TAKEN = told(200, {"items": [{"index": 0, "status": "taken", "errors": []}], "taken": 1, "unchanged": 0, "refused": 0})


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted_server() as scripted:
        yield scripted


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "FIRST_WAIT", 0.001)


def _in_thread(url: str, what: str, *arguments: Any, **named: Any) -> Any:
    with Client(url, KEY) as register:
        found = getattr(register, what)(*arguments, **named)
        return list(found) if what in ("changes", "contacts") else found


def _in_loop(url: str, what: str, *arguments: Any, **named: Any) -> Any:
    async def ask() -> Any:
        async with AsyncClient(url, KEY) as register:
            found = getattr(register, what)(*arguments, **named)
            return [one async for one in found] if what in ("changes", "contacts") else await found

    return awaited(ask())


@pytest.fixture(params=[_in_thread, _in_loop], ids=["Client", "AsyncClient"])
def ask(request: pytest.FixtureRequest, server: Scripted) -> Callable[..., Any]:
    """Ask the scripted server by either client."""
    return lambda what, *arguments, **named: request.param(server.url, what, *arguments, **named)


def test_an_answer_is_typed_and_unknown_fields_are_passed_over(server: Scripted, ask: Callable[..., Any]) -> None:
    server.script = [ALLOWED]
    found = ask("check", "autumn", {"email": "aino@posti.example"})
    assert found.allowed
    assert found.ground == "CONSENT_OK"
    ((method, path, headers, _),) = server.asked
    assert (method, path, headers["Authorization"]) == ("POST", "/api/v1/check", f"Bearer {KEY}")


@pytest.mark.parametrize("verdict", ["review", "block", "Allow", "ALLOW", "", "maybe"])
def test_only_allow_is_allowed(server: Scripted, ask: Callable[..., Any], verdict: str) -> None:
    server.script = [told(200, {**ANSWER, "verdict": verdict})]
    assert not ask("check", "autumn", {"ref": "x"}).allowed


@pytest.mark.parametrize(
    "fault",
    [problem(503, "unavailable"), problem(429, "too-many", Retry_After="0"), problem(409, "in-flight", Retry_After="0"),
     None],
    ids=["503", "429", "409 in flight", "no answer"],
)  # fmt: skip
def test_a_write_is_sent_again_with_the_same_key(server: Scripted, ask: Callable[..., Any], fault: Told | None) -> None:
    server.script = [fault, fault, TAKEN]
    assert ask("upsert_contacts", [{"ref": "x"}]).taken == 1
    keys = {headers["Idempotency-Key"] for _, _, headers, _ in server.asked}
    assert len(server.asked) == 3
    assert len(keys) == 1
    assert len({body for *_, body in server.asked}) == 1


def test_each_write_has_a_key_of_its_own(server: Scripted, ask: Callable[..., Any]) -> None:
    server.script = [TAKEN, TAKEN]
    ask("upsert_contacts", [{"ref": "x"}])
    ask("upsert_contacts", [{"ref": "x"}])
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in server.asked}) == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401, "unauthorized"), NotAuthenticated),
        (problem(403, "forbidden"), NotAllowed),
        (problem(404, "not-found"), public.NotFound),
        (problem(409, "conflict"), public.Conflict),
        (problem(412, "changed"), public.Changed),
        (problem(422, "bad-input"), Invalid),
        (problem(500, "unexpected"), Unavailable),
        (problem(429, "too-many", Retry_After="86400"), TooMany),
        (told(502, None), Unavailable),
        ((418, {}, b"<html>"), Problem),
    ],
)
def test_what_asking_again_does_not_help_is_raised_at_once(
    server: Scripted, ask: Callable[..., Any], answer: Told, kind: type[Problem]
) -> None:
    server.script = [answer]
    with pytest.raises(kind) as raised:
        ask("get_contact", "x")
    assert type(raised.value) is kind
    assert raised.value.status == answer[0]
    assert len(server.asked) == 1


def test_attempts_are_bounded(server: Scripted, ask: Callable[..., Any]) -> None:
    server.script = [None] * plans.ATTEMPTS
    with pytest.raises(Unreachable):
        ask("get_contact", "x")
    assert not server.script
    server.script = [problem(503, "unavailable")] * plans.ATTEMPTS
    with pytest.raises(Unavailable):
        ask("get_contact", "x")
    assert not server.script


def test_a_problem_tells_what_is_wrong_where(server: Scripted, ask: Callable[..., Any]) -> None:
    errors = [{"pointer": "/points/0/value", "detail": "is no address"}]
    document = {
        "type": "urn:consentmgr:problem:bad-input",
        "title": "T",
        "detail": "D",
        "instance": "i",
        "errors": errors,
    }
    server.script = [told(422, document)]
    with pytest.raises(Invalid) as raised:
        ask("get_contact", "x")
    assert (raised.value.kind, raised.value.errors, raised.value.instance) == ("bad-input", errors, "i")


@pytest.mark.parametrize("body", [b"<html>a proxy's page</html>", b'{"verdict": "allow"}', b"[]"])
def test_an_answer_that_is_none_of_ours_is_no_allow(server: Scripted, ask: Callable[..., Any], body: bytes) -> None:
    server.script = [(200, {}, body)]
    with pytest.raises(UnexpectedAnswer):
        ask("check", "autumn", {"ref": "x"})


def test_nobody_there_is_unreachable() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", KEY) as register, pytest.raises(Unreachable):
        register.get_contact("x")


def test_items_beyond_one_request_are_sent_in_several(
    server: Scripted, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentmgr.client.operations.MOST_CONTACTS", 2)
    items = [{"index": 0, "status": "taken"}, {"index": 1, "status": "taken"}]
    refused = {"index": 0, "status": "refused", "errors": [{"pointer": "/items/0/ref", "detail": "no"}]}
    server.script = [
        told(200, {"items": items, "taken": 2, "unchanged": 0, "refused": 0}),
        told(200, {"items": [refused], "taken": 0, "unchanged": 0, "refused": 1}),
    ]
    found = ask("upsert_contacts", ({"ref": str(number)} for number in range(3)))
    assert (found.taken, found.refused) == (2, 1)
    assert [item.index for item in found.items] == [0, 1, 2]
    assert found.items[2].errors[0].pointer == "/items/2/ref"


def change(number: int) -> dict[str, Any]:
    at = "2026-11-20T09:00:00+00:00"
    return {"id": f"E{number}", "type": "consent_given", "at": at, "recorded_at": at}


def test_changes_go_on_from_the_cursor_that_was_kept(server: Scripted, ask: Callable[..., Any]) -> None:
    kept: list[str] = []
    server.script = [
        told(200, {"items": [change(1), change(2)], "next": "c2", "more": True}),
        told(200, {"items": [change(3)], "next": "c3", "more": False}),
    ]
    assert [one.id for one in ask("changes", "c0", types=["consent_given"], keep=kept.append)] == ["E1", "E2", "E3"]
    assert kept == ["c2", "c3"]
    assert [path for _, path, _, _ in server.asked] == [
        "/api/v1/changes?after=c0&limit=500&types=consent_given",
        "/api/v1/changes?after=c2&limit=500&types=consent_given",
    ]


def test_a_file_has_its_name_only_when_it_is_whole(server: Scripted, ask: Callable[..., Any], tmp_path: Path) -> None:
    server.script = [problem(503, "unavailable"), (200, {}, b"a,b\n" * 1000)]
    to = tmp_path / "result.csv"
    assert ask("download", "0f0f7a3e", "result", to) == to
    assert to.read_bytes() == b"a,b\n" * 1000
    server.script = [problem(404, "not-found")]
    with pytest.raises(public.NotFound):
        ask("download", "0f0f7a3e", "allowed", tmp_path / "allowed.csv")
    server.script = [(200, {"Content-Length": "999"}, b"short")] * plans.ATTEMPTS
    with pytest.raises(Unreachable):
        ask("download", "0f0f7a3e", "report", tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["result.csv"]


def test_a_file_is_uploaded_as_it_is(server: Scripted, ask: Callable[..., Any], tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_bytes(b"email\naino@posti.example\n")
    server.script = [None, told(202, {"id": "s1", "status": "queued"})]
    assert ask("create_screening", "autumn", file=listed, links=True).status == "queued"
    _, path, headers, body = server.asked[1]
    assert path == "/api/v1/screenings?campaign=autumn&name=list.csv&links=true"
    assert body == listed.read_bytes()
    assert headers["Content-Type"] == "text/csv"


def test_the_key_is_shown_nowhere(server: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server.script = [problem(401, "unauthorized")]
    with Client(server.url, KEY) as register:
        with pytest.raises(NotAuthenticated) as raised:
            register.get_contact("x")
        shown = [repr(register), str(raised.value), repr(raised.value), caplog.text]
    assert KEY not in "".join(shown)


def test_the_key_comes_from_the_environment_and_goes_over_tls_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSENTMGR_API_KEY", KEY)
    monkeypatch.setenv("CONSENTMGR_API_URL", "https://consent.acme.example/")
    assert repr(Client()) == "Client('https://consent.acme.example')"
    with pytest.raises(ValueError, match="https"):
        Client("http://consent.acme.example")
    monkeypatch.delenv("CONSENTMGR_API_KEY")
    with pytest.raises(ValueError, match="CONSENTMGR_API_KEY"):
        Client()

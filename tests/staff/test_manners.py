"""Manners of every route of the desk: looking is inert, headers are there, a host somebody else names means nothing;
and that signing in and asking for a link take the same time whoever is known here.
"""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from werkzeug.routing import Rule

from consentmgr.app import SECURITY_HEADERS
from consentmgr.staff.roles import ROLES
from tests.people.people import EVERYBODY, Register
from tests.serving.test_edge import EVIL, checksums
from tests.staff.signing_in import PASSWORD, Desk, DeskClient, member
from tests.staff.test_access import path_of, routes

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys

#: Tables that say who looked, and when a session was last used; and nothing else.
LOOKED = ("audit_event", "staff_session")


@pytest.fixture
def everybody(desk: Desk) -> DeskClient:
    """Somebody with every role."""
    return desk(*(role.key for role in ROLES))


@pytest.fixture
def paths(desk: Desk, database: Database, keys: Keys) -> Mapping[str, list[str]]:
    """For each rule of the desk the addresses to try: of nothing, and of what the register has."""
    register = Register(database, keys)
    register.take(*EVERYBODY)
    values: dict[str, Any] = {
        "contact_id": register.id_of("crm:aino"), "kind": "objected", "key": "acme", "account_id": 1, "number": 1,
        "version": 1, "controller": "acme",
    }  # fmt: skip

    def real(rule: Rule) -> list[str]:
        if not rule.arguments or not rule.arguments <= values.keys():
            return []
        built = rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)
        return [str(built[1])] if built is not None else []

    return {rule.rule: [path_of(rule), *real(rule)] for rule, _ in routes(desk.app)}


@pytest.mark.parametrize(
    "method", ["GET", pytest.param("HEAD", marks=pytest.mark.slow), pytest.param("OPTIONS", marks=pytest.mark.slow)]
)
def test_looking_at_the_desk_changes_nothing(
    method: str, everybody: DeskClient, paths: Mapping[str, list[str]], database: Database
) -> None:
    def sums() -> dict[str, tuple[int, int]]:
        return {name: found for name, found in checksums(database).items() if name not in LOOKED}

    everybody.get("/desk/me")
    before, statuses = sums(), set()
    for rule, tried in paths.items():
        if "sign-out" in rule:
            continue
        for path in tried:
            answer = everybody.client.open(
                f"{path}?do=record&decision=accept&confirm=crm%3Aaino&role=dpo", method=method, buffered=True
            )
            statuses.add(answer.status_code)
            assert answer.status_code < 500, (rule, method)
    assert 200 in statuses
    assert sums() == before


def test_every_answer_of_the_desk_has_its_headers(
    everybody: DeskClient, desk: Desk, paths: Mapping[str, list[str]]
) -> None:
    visitor = desk.visitor()
    plain = {(name, value) for name, value in SECURITY_HEADERS if name != "Content-Security-Policy"}
    for rule, tried in paths.items():
        if "sign-out" in rule:
            continue
        for path in tried:
            answers = [everybody.client.open(path, method=method, buffered=True) for method in ("GET", "DELETE")]
            # Without its token nothing that acts gets through.
            answers.append(everybody.client.post(path, buffered=True))
            answers.append(visitor.client.get(path, buffered=True))
            for answer in answers:
                for name, value in plain:
                    assert answer.headers[name] == value, (rule, name)
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'"), (rule, policy)
                assert "unsafe" not in policy, rule
                assert answer.headers["Cache-Control"] == "no-store", rule
            assert answers[2].status_code in (400, 403, 404, 405, 413), (rule, answers[2].status_code)


def test_an_evil_host_changes_nothing_at_the_desk(everybody: DeskClient, paths: Mapping[str, list[str]]) -> None:
    evil = {
        "Host": EVIL, "X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "https", "Forwarded": f"host={EVIL}",
        "Referer": f"https://{EVIL}/",
    }  # fmt: skip
    for rule, tried in paths.items():
        if "sign-out" in rule:
            continue
        for path in tried:
            answer = everybody.client.get(path, headers=evil, buffered=True)
            assert answer.status_code < 500, rule
            assert EVIL not in answer.text + str(answer.headers), rule


# --- time -------------------------------------------------------------------------------------------------------------


def _spread(ways: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """The median of each way, tried in turn, so that what else goes on at this machine slows all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    # No garbage is collected meanwhile: whoever comes after it finds the processor's memory cold, and takes a third longer.
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds + 2):
            for name, way in ways.items():
                began = clock()
                way()
                # The first two rounds warm what is remembered.
                if turn > 1:
                    taken[name].append(clock() - began)
    finally:
        gc.enable()
    return {name: median(times) for name, times in taken.items()}


def _is_alike(ways: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float], most: float) -> None:
    """Fails where the medians lie apart by more than ``most`` of the smallest, three times in a row: a machine that is
    busy may mislead once, a door that tells would do so every time.
    """
    told = []
    for _ in range(3):
        found = _spread(ways, rounds, clock)
        if max(found.values()) <= min(found.values()) * (1 + most):
            return
        told.append({name: round(1000 * value, 2) for name, value in found.items()})
    pytest.fail(f"the answers take different times (ms): {told}")


@pytest.fixture
def ways_in(desk: Desk, database: Database, keys: Keys) -> Mapping[str, Callable[[], object]]:
    """Four ways to be refused at the sign-in: all with the same words."""
    known = member(database, keys)
    with database.transaction() as session:
        from consentmgr.kit import clock
        from consentmgr.staff import accounts

        closed = accounts.create(
            session, email="closed@desk.example", name="Closed", language="en", actor="test", now=clock.now()
        )
        closed.active = False
    visitor = desk.visitor()
    token = visitor.token()
    seen: set[str] = set()

    def way(email: str, password: str) -> Callable[[], object]:
        def ask() -> None:
            with database.engine.begin() as connection:
                connection.execute(text("DELETE FROM client_count"))
            answer = visitor.client.post(
                "/desk/sign-in", data={"csrf_token": token, "email": email, "password": password}
            )
            assert answer.status_code == 422
            seen.add(re.sub(r'value="[^"]*"|[0-9a-f]{16}', "", answer.text))
            assert len(seen) == 1, "one answer, whatever was wrong"

        return ask

    return {
        "known, wrong password": way(known.email, "not-her-password-at-all"),
        "unknown": way("nobody@desk.example", "not-her-password-at-all"),
        "unknown, a password somebody has": way("nobody@desk.example", PASSWORD),
        "closed": way("closed@desk.example", PASSWORD),
    }


def test_signing_in_takes_as_long_for_the_unknown_as_for_the_known(
    ways_in: Mapping[str, Callable[[], object]],
) -> None:
    """By the time of this process alone, which others at the machine do not use up."""
    _is_alike(ways_in, 7, time.process_time, 0.35)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_signing_in_takes_as_long_by_the_clock_on_the_wall(ways_in: Mapping[str, Callable[[], object]]) -> None:
    _is_alike(ways_in, 60, time.perf_counter, 0.2)


def test_asking_for_a_link_takes_as_long_for_an_address_nobody_has(desk: Desk, database: Database, keys: Keys) -> None:
    Register(database, keys).take(*EVERYBODY)
    client = desk.app.test_client()
    pages = set()

    def way(address: str) -> Callable[[], object]:
        def ask() -> None:
            with database.engine.begin() as connection:
                connection.execute(text("DELETE FROM client_count"))
                connection.execute(text("DELETE FROM outgoing_mail"))
            answer = client.post("/link", data={"email": address, "controller": "acme"})
            assert answer.status_code == 200
            pages.add(re.sub(r'value="[^"]*"|[0-9a-f]{16}', "", answer.text))

        return ask

    _is_alike(
        {"known": way("aino@posti.example"), "unknown": way("nobody-at-all@posti.example")}, 5, time.process_time, 0.35
    )
    assert len(pages) == 1

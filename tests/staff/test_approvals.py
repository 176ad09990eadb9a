"""What needs two people: not the same one, and decided once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.staff import approvals
from consentmgr.staff.roles import Permission
from tests.staff.signing_in import Desk

if TYPE_CHECKING:
    from consentmgr.db import Database

NAMES = {"fi": "Koe", "sv": "Prov", "en": "A try"}


def note_in_the_trail(session: Session, detail: Mapping[str, Any], *, actor: str, now: datetime) -> dict[str, Any]:
    """Stands for lifting or erasing: leaves a mark in the decision's own transaction."""
    from consentmgr.audit.service import record

    if detail.get("fails"):
        raise BadInput("it cannot be done any more")
    record(session, at=now, actor=actor, action="tried", object="try:1")
    return {"done": 1}


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind of the test's own, beside those of the product."""
    row = approvals.Kind("try", f"{__name__}:note_in_the_trail", Permission.APPROVE, NAMES)  # type: ignore[arg-type]
    monkeypatch.setitem(approvals._BY_KEY, "try", row)
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this())
    return "try"


def _this() -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(note_in_the_trail=note_in_the_trail)


def asked(database: Database, kind: str, actor: str, controllers: set[str] | None = None, **detail: Any) -> UUID:
    with database.transaction() as session:
        return approvals.ask(
            session, kind=kind, object="try:1", detail=detail, reason="because it must be", actor=actor,
            now=clock.now(), controllers=controllers,
        )  # fmt: skip


def tried(database: Database) -> int:
    with database.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM audit_event WHERE action = 'tried'")).scalar_one()


def test_who_asked_does_not_decide(desk: Desk, database: Database, kind: str) -> None:
    dpo, second = desk("dpo"), desk("dpo")
    approval = asked(database, kind, dpo.actor)
    page = dpo.get("/desk/approvals").text
    assert "You asked for this yourself" in page
    dpo.post(f"/desk/approvals/{approval}", {"decision": "accept"})
    assert tried(database) == 0
    with database.reading() as session:
        assert approvals.approval_of(session, approval).is_open
    second.post(f"/desk/approvals/{approval}", {"decision": "accept", "note": "seen"})
    assert tried(database) == 1
    with database.reading() as session:
        done = approvals.approval_of(session, approval)
    assert (done.accepted, done.decided_by, done.note, done.outcome) == (True, second.actor, "seen", {"done": 1})


def test_the_database_itself_refuses_one_person(database: Database, kind: str) -> None:
    from sqlalchemy.exc import IntegrityError

    approval = asked(database, kind, "staff:1")
    with pytest.raises(IntegrityError), database.engine.begin() as connection:
        connection.execute(
            text("UPDATE staff_approval SET decided_by = asked_by, decided_at = now(), accepted = true WHERE id = :id"),
            {"id": approval},
        )


def test_what_was_refused_is_not_done_and_stays_refused(desk: Desk, database: Database, kind: str) -> None:
    approval = asked(database, kind, desk("dpo").actor)
    second = desk("administrator")
    second.post(f"/desk/approvals/{approval}", {"decision": "refuse"})
    again = second.post(f"/desk/approvals/{approval}", {"decision": "accept"}, follow_redirects=True)
    assert "decided already" in again.text
    assert tried(database) == 0


def test_two_who_decide_at_once_decide_once(database: Database, kind: str) -> None:
    approval = asked(database, kind, "staff:1")
    gate, outcomes = Barrier(3), []

    def decide(actor: str) -> None:
        gate.wait()
        try:
            with database.transaction() as session:
                approvals.decide(session, approval, accept=True, actor=actor, now=clock.now())
            outcomes.append("done")
        except approvals.DecidedAlready:
            outcomes.append("late")

    threads = [Thread(target=decide, args=(f"staff:{number}",)) for number in (2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "late", "late"]
    assert tried(database) == 1


def test_what_cannot_be_done_is_not_decided(database: Database, kind: str) -> None:
    approval = asked(database, kind, "staff:1", fails=True)
    with pytest.raises(BadInput), database.transaction() as session:
        approvals.decide(session, approval, accept=True, actor="staff:2", now=clock.now())
    with database.reading() as session:
        assert approvals.approval_of(session, approval).is_open


def test_who_speaks_for_some_controllers_decides_about_those(desk: Desk, database: Database, kind: str) -> None:
    asker, limited = desk("dpo"), desk("dpo", controllers={"acme"})
    everywhere = asked(database, kind, asker.actor)
    foreign = asked(database, kind, asker.actor, {"acme", "other"})
    own = asked(database, kind, asker.actor, {"acme"})
    page = limited.get("/desk/approvals").text
    assert str(own) in page
    for approval in (everywhere, foreign):
        assert str(approval) not in page
        assert limited.post(f"/desk/approvals/{approval}", {"decision": "accept"}).status_code == 404
    limited.post(f"/desk/approvals/{own}", {"decision": "accept"})
    assert tried(database) == 1


def test_a_reason_is_asked_for(database: Database, kind: str) -> None:
    with pytest.raises(BadInput), database.transaction() as session:
        approvals.ask(session, kind=kind, object="x", detail={}, reason="  ", actor="staff:1", now=clock.now())
    with pytest.raises(BadInput), database.transaction() as session:
        approvals.ask(session, kind="none", object="x", detail={}, reason="because", actor="staff:1", now=clock.now())


def test_every_kind_has_a_function_that_does_it_and_takes_what_it_wants() -> None:
    from importlib import import_module
    from inspect import signature

    for row in approvals.KINDS:
        module, _, name = row.place.partition(":")
        taken = set(signature(getattr(import_module(module), name)).parameters)
        assert {"session", "detail", "actor", "now", *row.wants} == taken, row.key
        assert set(row.names) == {"fi", "sv", "en"}

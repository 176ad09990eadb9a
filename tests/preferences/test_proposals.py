"""Proposals: kept once, decided once, and doing nothing until then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.preferences.proposals import (
    Kind,
    corrections_of,
    decide,
    faults_of,
    forget_erased,
    open_proposals,
    propose,
)
from tests.conftest import RunCommand
from tests.preferences.choosers import AINO, NOW, Choosers, person


@pytest.fixture
def people(database: Database, settings: Settings, keys: Keys) -> Iterator[Choosers]:
    choosers = Choosers(database, settings, keys)
    choosers.take(AINO)
    yield choosers
    choosers.close()


def proposed(people: Choosers, kind: Kind, data: dict[str, Any], *, digest: UUID | None = None) -> int:
    with people.database.transaction() as session:
        propose(
            session,
            kind=kind,
            contact_id=people.link().contact_id if kind != "burst_undo" else None,
            controller="acme",
            source="preference_page",
            data=data,
            digest=digest or uuid4(),
            now=NOW,
        )
        return max(row.id for row in open_proposals(session))


def decided(people: Choosers, proposal_id: int, *, accept: bool, **more: Any) -> None:
    with people.database.transaction() as session:
        decide(session, proposal_id, accept=accept, actor="user:liisa", now=people.now, keys=people.keys, **more)


ADDRESS = {"street": "Uusikatu 3 B 12", "postal_code": "00100", "city": "Helsinki"}


def test_what_a_correction_may_hold() -> None:
    assert faults_of({}) == {"given_name": "nothing"}
    assert faults_of({"family_name": "Mäkelä"}) == {}
    assert faults_of({"family_name": "M" * 101}) == {"family_name": "too_long"}
    assert faults_of({"family_name": "a\nb"}) == {"family_name": "markup"}
    assert faults_of({"city": "Turku"}) == {"street": "address_incomplete"}
    assert corrections_of({"given_name": "Á", **ADDRESS}) == {
        "name_correction": {"given_name": "Á"},
        "address_correction": ADDRESS,
    }


def test_the_same_proposal_is_kept_once(people: Choosers) -> None:
    digest = uuid4()
    first = proposed(people, "name_correction", {"given_name": "Áine"}, digest=digest)
    assert proposed(people, "name_correction", {"given_name": "Other"}, digest=digest) == first
    assert people.value("SELECT count(*) FROM proposal") == 1


def test_an_accepted_correction_goes_into_the_register_ledger_and_audit_log(people: Choosers) -> None:
    decided(people, proposed(people, "name_correction", {"given_name": "Áine"}), accept=True, note="called back")
    assert (
        people.value("SELECT given_name || ' ' || family_name FROM contact WHERE ref = 'crm:aino'") == "Áine Virtanen"
    )
    assert people.value("SELECT detail FROM ledger_entry WHERE event = 'register_change'") == {
        "fields": ["contact.given_name"]
    }
    assert people.value("SELECT action || ' ' || actor FROM audit_event") == "proposal_accepted user:liisa"
    decided(people, proposed(people, "address_correction", ADDRESS), accept=True)
    assert people.value("SELECT postal->>'street' FROM contact_point WHERE kind = 'post'") == "Uusikatu 3 B 12"


def test_a_rejected_one_changes_nothing_and_is_audited(people: Choosers) -> None:
    decided(people, proposed(people, "name_correction", {"given_name": "Áine"}), accept=False)
    assert people.value("SELECT given_name FROM contact WHERE ref = 'crm:aino'") == "Aino"
    assert people.value("SELECT action FROM audit_event") == "proposal_rejected"


def test_each_is_decided_once(people: Choosers) -> None:
    number = proposed(people, "name_correction", {"given_name": "Áine"})
    decided(people, number, accept=False)
    with pytest.raises(BadInput, match="rejected already"):
        decided(people, number, accept=True)
    with pytest.raises(NotFound):
        decided(people, number + 1, accept=True)


def test_nothing_is_corrected_of_somebody_erased(people: Choosers) -> None:
    number = proposed(people, "name_correction", {"given_name": "Áine"})
    people.take(person("aino", {"event": "erased", "at": "2026-10-01T10:00:00+03:00", "method": "paper"}))
    with pytest.raises(BadInput, match="erased"):
        decided(people, number, accept=True)
    with people.database.transaction() as session:
        assert forget_erased(session) == 1
    assert people.value("SELECT state || data::text FROM proposal") == "forgotten{}"


def test_an_accepted_reply_is_the_persons_own_ban(people: Choosers) -> None:
    data = {"address_key": str(people.link().address_key), "words": "Poista minut postituslistalta"}
    decided(people, proposed(people, "reply_leave", data), accept=True)
    assert people.verdict(topic="courses") == ("block", "DM_OBJECTION_ALL")
    assert len(people.choices().stopped) == 1


def test_a_burst_is_undone_by_two_people_who_asked(people: Choosers) -> None:
    people.stop_all()
    ids = list(people.choices().stopped)
    number = proposed(people, "burst_undo", {"prohibitions": ids, "domain": "posti.example"})
    people.now += people.now - NOW
    with pytest.raises(BadInput, match="how the people were asked"):
        decided(people, number, accept=True)
    with pytest.raises(BadInput, match="a second person"):
        decided(people, number, accept=True, note="their IT department called", approved_by="user:liisa")
    assert people.choices().stopped
    decided(people, number, accept=True, note="their IT department called", approved_by="user:matti")
    assert people.choices().stopped == ()


def test_the_command_lists_shows_accepts_and_rejects(people: Choosers, run_command: RunCommand) -> None:
    first = proposed(people, "name_correction", {"given_name": "Áine\x1b[2J"})
    second = proposed(people, "name_correction", {"given_name": "Anna"})
    listed = run_command("proposals", "list").stdout
    assert listed.count("name_correction") == 2
    assert "Anna" not in listed
    shown = run_command("proposals", "show", str(first)).stdout
    assert "given_name: Áine [2J" in shown
    run_command("proposals", "reject", str(first), "--note", "not a name")
    run_command("proposals", "accept", str(second))
    assert people.value("SELECT given_name FROM contact WHERE ref = 'crm:aino'") == "Anna"
    assert people.value("SELECT note FROM proposal WHERE id = :id", id=first) == "not a name"
    with people.database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM audit_event")).scalar() == 2

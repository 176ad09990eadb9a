"""Many opt-outs of one domain within minutes are shown to staff as a proposal, and nothing is undone by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from sqlalchemy import select

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing.service import import_documents
from consentmgr.importing.sources import DocumentLines
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences import jobs
from consentmgr.preferences.jobs import BURST, Leaving, burst_of, flag_bursts
from consentmgr.preferences.models import Proposal
from consentmgr.prohibitions.models import Prohibition

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


class Staff:
    """A register of people of some domains, who can leave."""

    def __init__(self, database: Database, settings: Settings, keys: Keys) -> None:
        self.database, self.settings, self.keys = database, settings, keys
        self.address_keys = AddressKeys(keys.address_key, keys.address_key_id)

    def hire(self, domain: str, count: int) -> list[str]:
        mailboxes = [f"person{number}@{domain}" for number in range(count)]
        documents = b"".join(
            json.dumps(
                {"type": "contact", "ref": f"crm:{mailbox}", "points": [{"channel": "email", "value": mailbox}]}
            ).encode()
            + b"\n"
            for mailbox in mailboxes
        )
        report = import_documents(
            self.database, DocumentLines(BytesIO(documents), "staff"), keys=self.address_keys, actor="test", now=NOW
        )
        assert report.rejected == 0
        return mailboxes

    def leave(self, mailboxes: list[str], *, at: datetime = NOW, reference: str = "link:abc") -> None:
        with self.database.transaction() as session:
            for mailbox in mailboxes:
                found = self.address_keys.email(mailbox)
                assert found is not None
                session.add(
                    Prohibition(
                        target_kind="email",
                        address_key=found.address_key,
                        controllers=["acme"],
                        source="self",
                        reference=reference,
                        digest=uuid4(),
                        recorded_at=at,
                    )
                )

    def flag(self, at: datetime = NOW) -> str:
        return flag_bursts(self.database, self.settings, self.keys, at)

    def proposals(self) -> list[Proposal]:
        with self.database.reading() as session:
            return list(session.scalars(select(Proposal).order_by(Proposal.id)))


@pytest.fixture
def staff(database: Database, settings: Settings, keys: Keys) -> Staff:
    return Staff(database, settings, keys)


def test_a_staff_that_leaves_within_minutes_is_flagged_once(staff: Staff) -> None:
    mailboxes = staff.hire("yritys.example", 30)
    staff.leave(mailboxes[:22])
    assert staff.flag(NOW + timedelta(minutes=3)) == "1 bursts flagged"
    assert staff.flag(NOW + timedelta(minutes=13)) == "0 bursts flagged"
    (proposal,) = staff.proposals()
    assert (proposal.kind, proposal.state, proposal.controller, proposal.contact_id) == (
        "burst_undo", "open", "acme", None,
    )  # fmt: skip
    assert len(proposal.data["prohibitions"]) == 22
    assert (proposal.data["domain"], proposal.data["addresses_of_domain"]) == ("yritys.example", 30)
    assert "person" not in json.dumps(proposal.data)
    with staff.database.reading() as session:
        assert not list(session.scalars(select(Prohibition).where(Prohibition.lifted_at.is_not(None))))


def test_more_of_the_same_staff_later_is_another_proposal(staff: Staff) -> None:
    mailboxes = staff.hire("yritys.example", 40)
    staff.leave(mailboxes[:20])
    staff.flag(NOW + timedelta(minutes=1))
    staff.leave(mailboxes[20:], at=NOW + timedelta(minutes=5))
    assert staff.flag(NOW + timedelta(minutes=10)) == "1 bursts flagged"
    one, other = (set(proposal.data["prohibitions"]) for proposal in staff.proposals())
    assert not one & other


@pytest.mark.parametrize(
    ("people", "leaving", "apart", "reference"),
    [
        (30, BURST - 1, 0, "link:abc"),
        (100, 49, 0, "link:abc"),
        (30, 25, 2, "link:abc"),
        (30, 25, 0, "letter 12"),
    ],
    ids=["too few", "a small part of a large domain", "over an hour", "not by a link"],
)
def test_what_is_no_burst(people: int, leaving: int, apart: int, reference: str, staff: Staff) -> None:
    mailboxes = staff.hire("yritys.example", people)
    for number, mailbox in enumerate(mailboxes[:leaving]):
        staff.leave([mailbox], at=NOW + timedelta(minutes=number * apart), reference=reference)
    assert staff.flag(NOW + timedelta(minutes=30)) == "0 bursts flagged"
    assert staff.proposals() == []


def test_two_domains_do_not_add_up(staff: Staff) -> None:
    staff.leave(staff.hire("yksi.example", 15) + staff.hire("kaksi.example", 15))
    assert staff.flag() == "0 bursts flagged"


def test_a_burst_is_all_that_follows_closely() -> None:
    def leavings(*minutes: float) -> list[Leaving]:
        return [Leaving(n, "x.example", NOW + timedelta(minutes=m), None) for n, m in enumerate(minutes)]

    dense = [number / 4 for number in range(60)]
    assert len(burst_of(leavings(*dense))) == 60
    assert len(burst_of(leavings(*dense, 500))) == 60
    assert burst_of(leavings(*range(0, 400, 10))) == []
    assert burst_of([]) == []
    assert jobs.BURST == 20

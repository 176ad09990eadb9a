"""What a preview shows is what happens; and the picture of somebody's standing never says more than the rules do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from consentmgr.consents.sight import EVERYTHING
from consentmgr.importing.merging import merge
from consentmgr.kit.errors import BadInput
from consentmgr.people.previewing import preview_merge
from consentmgr.people.reading import person_of
from tests.generators import NOW, world
from tests.people.people import CAMPAIGN, EVERYBODY
from tests.people.people import NOW as LATER
from tests.screening.asking import scratch

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.screening.asking import Scratch

TABLES = (
    "contact", "contact_point", "role", "customer_relation", "legal_basis_tag", "message_sent", "ledger_entry",
    "ledger_evidence", "ledger_head", "standing", "prohibition", "audit_event",
)  # fmt: skip


def everything(session: Session) -> list[Any]:
    return [session.execute(text(f"SELECT t::text FROM {table} t ORDER BY 1")).scalars().all() for table in TABLES]


def id_of(register: Scratch, ref: str) -> int:
    found: int = register.session.execute(text("SELECT id FROM contact WHERE ref = :ref"), {"ref": ref}).scalar_one()
    return found


@pytest.mark.parametrize("seed", range(2))
def test_a_merge_does_what_its_preview_showed_and_the_preview_nothing(
    seed: int, database: Database, keys: Keys
) -> None:
    made = world(seed, contacts=12)
    merged = 0
    with scratch(database, keys) as register:
        register.take(made.documents)
        for _ in range(60):
            if merged == 3:
                break
            ref, into = made.random.sample(made.refs, 2)
            before = everything(register.session)
            try:
                shown = preview_merge(
                    register.session, ref, into, reason="one person", sight=EVERYTHING, keys=register.keys,
                    actor="test", now=NOW,
                )  # fmt: skip
            except BadInput:
                assert everything(register.session) == before
                continue
            assert everything(register.session) == before
            done = merge(register.session, ref, into, reason="one person", keys=register.keys, actor="test", now=NOW)
            register.session.flush()
            register.session.expire_all()
            after = person_of(register.session, id_of(register, into), EVERYTHING, NOW)
            assert done == shown.merged
            assert after.grid == shown.after.grid
            assert after.whole == shown.after.whole
            assert [point.address_key for point in after.points] == [point.address_key for point in shown.after.points]
            assert len(after.bans) == len(shown.after.bans)
            for place, cell in after.grid.items():
                one, other, both = shown.cells[place]
                assert both == cell
                assert (place in shown.changed) == any(was.state not in ("none", cell.state) for was in (one, other))
            merged += 1
    assert merged


#: What the picture speaks of: what people said, and what is true of them. What a campaign is short of is not its to say.
OF_PERSONS = {
    "DM_OBJECTION_ALL", "DM_OBJECTION_CHANNEL", "DM_OBJECTION_TOPIC", "CONSENT_WITHDRAWN", "SPAM_COMPLAINT",
    "ERASED_SUPPRESSED", "PROCESSING_RESTRICTED", "DECEASED", "RESEARCH_OBJECTION", "VENDOR_PROHIBITION",
    "ORG_PROHIBITION", "MINOR_UNDER_13",
}  # fmt: skip
ASKED = (
    ("email", "direct_marketing"), ("sms", "direct_marketing"), ("email", "newsletter"), ("phone", "direct_marketing"),
    ("post", "direct_marketing"), ("email", "research"),
)  # fmt: skip
#: Contacts that share an address: the rules take the strictest of them, the picture is of one.
SHARING = text(
    "SELECT DISTINCT c.ref FROM contact c JOIN contact_point p ON p.contact_id = c.id"
    " JOIN contact_point q ON q.address_key = p.address_key AND q.contact_id <> p.contact_id"
)


@pytest.mark.parametrize("seed", range(4))
def test_where_the_picture_says_may_the_rules_do_not_block_for_what_the_person_said(
    seed: int, database: Database, keys: Keys
) -> None:
    made = world(seed, contacts=16)
    looked = 0
    with scratch(database, keys) as register:
        register.take(made.documents)
        shared = set(register.session.scalars(SHARING))
        people = {
            ref: person_of(register.session, id_of(register, ref), EVERYTHING, NOW)
            for ref in made.refs
            if ref not in shared
        }
        for line, purpose in ASKED:
            refs = [
                ref
                for ref, person in people.items()
                if any(
                    (place.controller, place.line, place.purpose, place.topic) == ("acme", line, purpose, "")
                    and cell.state == "may"
                    for place, cell in person.grid.items()
                )
            ]
            campaign = {
                **CAMPAIGN,
                "channel": line,
                "purpose": purpose,
                "promotes": purpose != "research",
                "planned_at": "2026-11-03T12:00:00+02:00",
            }
            answers = register.ask(campaign, [{"ref": ref} for ref in refs]) if refs else []
            for ref, answer in zip(refs, answers, strict=True):
                looked += 1
                if answer["verdict"] == "block":
                    assert not OF_PERSONS & set(answer["reasons"]), (ref, line, purpose, answer)
    assert looked


def test_the_picture_of_the_cast(database: Database, keys: Keys) -> None:
    with scratch(database, keys) as register:
        register.take(EVERYBODY)
        expected = {
            ("crm:aino", "email", "direct_marketing"): ("may", "consent"),
            ("crm:aino", "fax", "direct_marketing"): ("nothing", None),
            ("crm:aino", "post", "direct_marketing"): ("may", "opt_out"),
            ("crm:aino", "online_audience:meta", "direct_marketing"): ("may", "consent"),
            ("crm:aino", "online_audience:meta", "research"): ("none", None),
            ("crm:aino", "email", "service_message"): ("may", "service"),
            ("crm:birger", "email", "direct_marketing"): ("stopped", None),
            ("crm:birger", "post", "newsletter"): ("stopped", None),
            ("crm:birger", "email", "research"): ("review", "other"),
            ("crm:birger", "email", "service_message"): ("may", "service"),
            ("crm:cecilia", "email", "direct_marketing"): ("stopped", "consent"),
            ("crm:cecilia", "email", "service_message"): ("review", "service"),
            ("crm:daniel", "email", "direct_marketing"): ("review", "consent"),
            ("crm:ekman-hr", "email", "direct_marketing"): ("may", "work"),
        }
        for (ref, line, purpose), wanted in expected.items():
            person = person_of(register.session, id_of(register, ref), EVERYTHING, LATER)
            cell = next(
                cell for place, cell in person.grid.items()
                if (place.controller, place.line, place.purpose) == ("acme", line, purpose)
            )  # fmt: skip
            assert (cell.state, cell.ground) == wanted, (ref, line, purpose)

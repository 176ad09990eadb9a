"""The made-up register: the same for the same seed, taken whole by the importer, and nobody's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stdnum.fi import ytunnus

from consentmgr.db import Database
from consentmgr.demo.invented_numbers import FIRST_BUSINESS_ID, PHONE_PREFIX
from consentmgr.demo.lists import DemoList, demo_lists, next_tuesday, write_lists
from consentmgr.demo.names import FIRST_HALVES, SWEDISH_STREETS
from consentmgr.demo.register import MadeUpRegister, Size, make_register
from consentmgr.importing.changes import NEW, REJECTED
from consentmgr.importing.service import import_documents
from consentmgr.importing.sources import DocumentLines
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.phones import canonical_phone
from consentmgr.kit.clock import HELSINKI
from consentmgr.screening.lists import read_list
from consentmgr.vocabulary.codes import ORGANISATION_FORMS, PROHIBITION_SOURCES
from consentmgr.vocabulary.policy import DEFAULT_POLICY
from consentmgr.vocabulary.time_rules import may_call_at

TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
SMALL = Size(contacts=260, organisations=60)


@pytest.fixture(scope="module")
def small() -> MadeUpRegister:
    return make_register(1, TODAY, SMALL)


@pytest.fixture(scope="module")
def full() -> MadeUpRegister:
    return make_register(1, TODAY)


def written(register: MadeUpRegister, folder: Path) -> dict[str, bytes]:
    """The register's file, the lists and the campaigns, as bytes by name."""
    folder.mkdir()
    write_lists(register, demo_lists(NOW, TODAY, "fi"), folder)
    register.write(folder / "register.jsonl")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes(small: MadeUpRegister, tmp_path: Path) -> None:
    first = written(small, tmp_path / "first")
    assert first == written(make_register(1, TODAY, SMALL), tmp_path / "again")
    other = written(make_register(2, TODAY, SMALL), tmp_path / "other")
    assert [name for name in first if first[name] == other[name]] == [
        name for name in first if name.endswith(".campaign.json")
    ]


def test_it_is_as_large_as_it_says(full: MadeUpRegister) -> None:
    assert len(full.consumers) + len(full.business_people) == 2_000
    assert len(full.organisations) == 300
    refs = [contact.ref for contact in (*full.consumers, *full.business_people)]
    assert len(set(refs)) == 2_000


def test_it_has_some_of_everything(full: MadeUpRegister) -> None:
    everybody = (*full.consumers, *full.business_people)
    events = Counter(event.event for contact in everybody for event in contact.events)
    assert {"consent_given", "guardian_consented", "consent_refused", "consent_withdrawn", "objected", "objection_lifted",
            "complaint", "restricted", "restriction_lifted", "erasure_requested", "erased", "access_requested"} == set(events)  # fmt: skip
    forms = {organisation.form for organisation in full.organisations}
    assert forms == set(ORGANISATION_FORMS) - {"other"}
    assert {organisation.status for organisation in full.organisations} >= {
        "active",
        "bankrupt",
        "ceased",
        "in_liquidation",
    }
    assert {organisation.country for organisation in full.organisations} == {"FI", "SE", "DE", "EE", "DK", "NO"}
    assert {ban.source for ban in full.bans} == set(PROHIBITION_SOURCES)
    assert {contact.language for contact in everybody} == {"fi", "sv", "en"}
    notices = {event.notice for contact in full.consumers for event in contact.events if event.notice}
    assert {"signup/1/fi", "signup/2/fi", "signup/3/fi", "signup/3/sv", "travel/1/fi", "text-club/1/fi"} <= notices
    evidence = {area.evidence for one in full.business_people for role in one.roles for area in role.areas}
    assert evidence == {"organisation", "vendor", "title"}
    assert any(contact.non_disclosure for contact in full.consumers)
    assert any(contact.deceased_on for contact in full.consumers)
    assert any(contact.restricted_since for contact in full.consumers)
    bases = {tag.basis for contact in everybody for tag in contact.legal_bases}
    assert bases == {"consent", "contract", "legal_obligation", "legitimate_interests"}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def is_invented_street(street: str) -> bool:
    return street.startswith((*FIRST_HALVES, *SWEDISH_STREETS, "PL "))


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_in_it_is_anybody_s(seed: int, tmp_path: Path) -> None:
    register = make_register(seed, TODAY)
    texts = written(register, tmp_path / "files")
    documents = [json.loads(line) for line in texts["register.jsonl"].splitlines()]
    for document in documents:
        for text in strings(document):
            if "@" in text:
                assert text.endswith(".example"), text
            assert all(host.endswith(".example") for host in re.findall(r"\bhttps?://([^/]*)", text)), text
            if re.fullmatch(r"\+?[\d ]{7,}", text):
                assert text.startswith(PHONE_PREFIX)
                assert canonical_phone(text) == text
            if re.fullmatch(r"\d{7}-\d", text):
                assert ytunnus.is_valid(text)
                assert int(text[:7]) >= FIRST_BUSINESS_ID
            if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", text):
                assert text.startswith("203.0.113.")
        for domain in document.get("domains", ()):
            assert domain.endswith(".example")
        if "domain" in document.get("target", {}):
            assert document["target"]["domain"].endswith(".example")
        homes = [point["value"] for point in document.get("points", ()) if point["channel"] == "post"]
        homes += [document["target"]["post"]] if "post" in document.get("target", {}) else []
        assert all(is_invented_street(home["street"]) for home in homes)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_in_the_lists_is_anybody_s(seed: int, tmp_path: Path) -> None:
    written(make_register(seed, TODAY), tmp_path / "files")
    for one in demo_lists(NOW, TODAY, "fi"):
        identifiers = read_list(tmp_path / "files" / one.file).identifiers
        columns = identifiers.to_pydict()
        for mailbox in filter(None, columns.get("email", ())):
            assert re.search(r"\.example\b", mailbox, re.IGNORECASE) or not re.search(r"@.*\.", mailbox), mailbox
        for number in filter(None, columns.get("phone", ())):
            found = canonical_phone(number)
            assert found is None or found.startswith(PHONE_PREFIX) or number == "050 12"
        for number in filter(None, columns.get("business_id", ())):
            assert ytunnus.is_valid(number)
            assert int(number[:7]) >= FIRST_BUSINESS_ID


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_importer_takes_every_document(seed: int, database: Database, keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "register.jsonl"
    make_register(seed, TODAY, SMALL).write(path)
    with path.open("rb") as file:
        source = DocumentLines(file, path.name)
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        first = import_documents(database, source, keys=address_keys, actor="test", now=NOW)
        assert first.rejected == 0, first.told
        assert first.changes.total(REJECTED) == 0
        assert first.changes.total(NEW) == len(source)
        assert first.changes.stubs == 0
        again = import_documents(database, source, keys=address_keys, actor="test", now=NOW + timedelta(days=3))
    assert again.changes.is_nothing


@pytest.mark.parametrize("day", [date(2027, 3, 31), date(2028, 2, 29)])
def test_it_can_be_made_on_any_day(day: date, database: Database, keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "register.jsonl"
    make_register(3, day, SMALL).write(path)
    # Just after midnight: whatever is dated today must have happened already.
    now = datetime(day.year, day.month, day.day, 0, 0, 1, tzinfo=HELSINKI)
    with path.open("rb") as file:
        source = DocumentLines(file, path.name)
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        assert import_documents(database, source, keys=address_keys, actor="test", now=now).rejected == 0


@pytest.mark.parametrize(
    ("now", "tuesday"),
    [
        ("2026-11-02T10:00+02:00", "2026-11-03"),
        # On a Tuesday the next one is meant, however early it is.
        ("2026-11-03T08:00+02:00", "2026-11-10"),
        # Already Tuesday in Finland.
        ("2026-11-02T23:30+00:00", "2026-11-10"),
        # Christmas Day and New Year's Day of 2029 and 2030 are Tuesdays.
        ("2029-12-21T10:00+02:00", "2030-01-08"),
    ],
)
def test_campaigns_are_planned_for_a_decent_tuesday(now: str, tuesday: str) -> None:
    planned = next_tuesday(datetime.fromisoformat(now))
    assert planned.isoformat()[:16] == f"{tuesday}T10:00"
    assert planned.tzinfo is HELSINKI
    assert may_call_at(planned, DEFAULT_POLICY)


def test_the_lists_are_as_people_have_them(small: MadeUpRegister, tmp_path: Path) -> None:
    written(small, tmp_path / "files")
    newsletter, decision_makers, calls = (
        read_list(tmp_path / "files" / one.file) for one in demo_lists(NOW, TODAY, "fi")
    )
    assert (newsletter.format, newsletter.encoding, newsletter.delimiter) == ("csv", "cp1252", ";")
    assert newsletter.recognised["email"] == "Sähköposti"
    assert b"\x80" in (tmp_path / "files" / "1-uutiskirje.csv").read_bytes()
    mailboxes = newsletter.identifiers["email"].to_pylist()
    assert None in mailboxes
    assert any(mailbox and mailbox.isupper() for mailbox in mailboxes)
    assert decision_makers.format == "xlsx"
    assert {"business_id", "title", "area", "source", "acquired_on", "email"} <= decision_makers.recognised.keys()
    assert calls.recognised.keys() >= {"phone"}
    assert "email" not in calls.recognised


def test_campaign_files_are_of_the_language_asked_for() -> None:
    names = {
        language: [one.campaign.name for one in demo_lists(NOW, TODAY, language)] for language in ("fi", "sv", "en")
    }
    assert len({name for told in names.values() for name in told}) == 9
    assert (
        DemoList("1-uutiskirje.csv", demo_lists(NOW, TODAY, "fi")[0].campaign).campaign_file
        == "1-uutiskirje.campaign.json"
    )

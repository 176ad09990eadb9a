"""Long lists are answered from a snapshot and what changed since, and get the register's own answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from consentmgr.consents.ledger import driver_connection
from consentmgr.consents.rebuild import rebuild
from consentmgr.db import Database
from consentmgr.importing.documents import decode
from consentmgr.importing.service import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.decide import ACME, identifiers_of, told
from consentmgr.screening.engine import DuckDBEngine, EngineName
from consentmgr.screening.register_frames import BY_NAME, read_rows
from consentmgr.screening.service import screen
from consentmgr.screening.snapshot import Snapshot
from consentmgr.screening.snapshot_acts import CopiedActs
from consentmgr.screening.snapshot_changes import changes_noted, points_of_changed, with_people
from consentmgr.screening.snapshot_holders import contacts_listed, met_rows
from consentmgr.screening.snapshot_store import SnapshotStore
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import DEFAULT_POLICY
from tests.screening.case_files import GIVEN, cases_of

NOW = datetime(2026, 11, 9, 9, tzinfo=UTC)
CAMPAIGNS = (
    Campaign(key="consumer", controller="acme", product_group="training"),
    Campaign(
        key="business", controller="acme", audience="business", business_use=True, areas=("human_resources", "finance")
    ),
    Campaign(key="call", controller="acme", channel="phone"),
    Campaign(key="letter", controller="acme", channel="post"),
    Campaign(key="survey", controller="acme", purpose="research", promotes=False),
    Campaign(key="together", controller="acme", joint_controllers=("sister",), product_group="training"),
    Campaign(key="audience", controller="acme", channel="online_audience", platform="meta"),
)
#: Those that ask most of what the others leave alone: roles at organisations, hours and bans of calls, platforms.
DAILY = {"business", "call", "audience"}


@pytest.fixture
def address_keys(keys: Keys) -> AddressKeys:
    return AddressKeys(keys.address_key, keys.address_key_id)


@pytest.fixture
def rows(database: Database, address_keys: AddressKeys) -> list[dict[str, str]]:
    """Every case's register in one, and every case's row: people of all kinds, and strangers."""
    cases = [case for name in GIVEN for case in cases_of(name) if not case.get("policy")]
    documents = [document for case in cases for document in case["register"] if document["type"] != "controller"]
    take(
        database,
        address_keys,
        [{"type": "controller", "key": key, "name": key} for key in ("sister", "beta", "partner")],
    )
    take(database, address_keys, documents)
    return [{name: str(value) for name, value in case["row"].items()} for case in cases]


def take(database: Database, keys: AddressKeys, documents: Sequence[dict[str, Any]]) -> None:
    with database.transaction() as session:
        found = [decode(json.dumps(document).encode()) for document in documents]
        changes = apply_documents(session, [ACME, *found], keys=keys, actor="test", now=NOW)  # type: ignore[list-item]
        assert not changes.rejected, changes.rejected


def answers(
    database: Database,
    keys: AddressKeys,
    rows: list[dict[str, str]],
    campaign: Campaign,
    *,
    engine: EngineName,
    snapshot: Snapshot | None = None,
) -> list[dict[str, Any]]:
    with database.reading() as session:
        return told(
            screen(
                session,
                identifiers_of(rows),
                campaign,
                keys=keys,
                policy=DEFAULT_POLICY,
                now=NOW,
                engine=engine,
                snapshot=snapshot,
            )
        )


def taken(database: Database, folder: Path, keys: AddressKeys) -> Snapshot:
    with database.reading() as session:
        return SnapshotStore(folder, keys).build(driver_connection(session), NOW)


@pytest.mark.parametrize(
    "campaign",
    [one if one.key in DAILY else pytest.param(one, marks=pytest.mark.slow) for one in CAMPAIGNS],
    ids=lambda campaign: campaign.key,
)
def test_every_way_gives_the_same_answers(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], campaign: Campaign, tmp_path: Path
) -> None:
    by_key = answers(database, address_keys, rows, campaign, engine="polars")
    assert answers(database, address_keys, rows, campaign, engine="duckdb") == by_key
    snapshot = taken(database, tmp_path, address_keys)
    assert answers(database, address_keys, rows, campaign, engine="duckdb", snapshot=snapshot) == by_key
    assert len({answer["reason"] for answer in by_key}) >= 5
    if campaign.channel in ("email", "phone"):
        for listed in addressed(rows, campaign.channel):
            by_key = answers(database, address_keys, listed, campaign, engine="compiled")
            assert answers(database, address_keys, listed, campaign, engine="duckdb", snapshot=snapshot) == by_key


def addressed(rows: list[dict[str, str]], channel: str) -> Iterator[list[dict[str, str]]]:
    """Lists as most are, whose people are found in the snapshot's records of points."""
    bare = [{channel: row[channel]} for row in rows if channel in row]
    bare += [bare[0], {channel: "nobody at all"}]
    yield bare
    emails, phones = ([row[kind] for row in rows if kind in row] for kind in ("email", "phone"))
    # Two addresses of one person, of several, and one that nobody has; some rows name an organisation too.
    ids = [row["business_id"] for row in rows if "business_id" in row]
    both = [
        {"email": email, "phone": phones[place * 7 % len(phones)]}
        | ({"business_id": ids[place % len(ids)]} if place % 5 == 0 else {})
        for place, email in enumerate(emails)
    ]
    both += [{"email": row["email"], "phone": row["phone"]} for row in rows if {"email", "phone"} <= row.keys()]
    both += [*bare, {"email": "uusi@muualla.example", "phone": "+358 40 999 9999"}]
    yield both
    # Rows that do not give the address written to, or name people otherwise, are found by joins.
    yield (
        both
        + [{"phone": phone} for phone in phones[:20]]
        + [{"email": email} for email in emails[:20]]
        + rows[: len(both) // 2]
    )


def changes_since(rows: list[dict[str, str]]) -> Iterator[list[dict[str, Any]]]:
    """What a register lives through between a snapshot and a screening, one transaction each."""
    yield [
        {"type": "prohibition", "target": {"email": row["email"]}, "source": "self", "valid_from": "2026-10-30"}
        for row in rows[:5]
        if "email" in row
    ]
    yield [
        {"type": "event", "contact": "crm:A4", "event": "consent_withdrawn", "at": "2026-11-01T10:00:00+02:00",
         "controller": "acme", "method": "email_link", "channels": ["email", "sms"]},
        {"type": "event", "contact": "crm:A19", "event": "erased", "at": "2026-11-01T10:00:00+02:00"},
        {"type": "contact", "ref": "crm:A11", "deceased_on": "2026-10-01"},
    ]  # fmt: skip
    yield [
        {"type": "prohibition", "target": {"contact": "crm:new"}, "source": "self", "valid_from": "2026-10-30"},
        {"type": "prohibition", "target": {"organisation": "2905023-9"}, "source": "self", "valid_from": "2026-10-30"},
    ]
    yield [
        {"type": "contact", "ref": "crm:new", "points": [{"channel": "email", "value": "new@posti.example"}]},
        {"type": "organisation", "business_id": "2905002-8", "status": "bankrupt"},
        {"type": "organisation", "business_id": "2905026-3",
         "points": [{"channel": "email", "value": "uusi@yritys5026.example", "use": "generic", "source": "ytj"}]},
        {"type": "notice", "key": "later", "version": 1, "language": "fi", "text": "Saa lähettää.",
         "controllers": ["acme"], "channels": ["email"], "purposes": ["direct_marketing"]},
    ]  # fmt: skip


def two_addresses(name: str) -> list[dict[str, Any]]:
    """Somebody with two addresses, who has forbidden all to the other."""
    emails = (f"{name}@posti.example", f"{name}.other@posti.example")
    points = [{"channel": "email", "value": email} for email in emails]
    return [
        {"type": "contact", "ref": f"crm:{name}", "points": points},
        {"type": "prohibition", "target": {"email": emails[1]}, "source": "self", "valid_from": "2026-10-30"},
    ]


def test_what_changed_since_the_snapshot_is_in_the_answer(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    consent = {
        "type": "event", "contact": "crm:E12", "event": "consent_given", "at": "2026-10-01T10:00:00+03:00",
        "controller": "acme", "method": "web_form", "channels": ["email"], "purposes": ["direct_marketing"],
        "notice": "later/1/fi",
    }  # fmt: skip
    take(database, address_keys, [consent, *two_addresses("two")])
    snapshot = taken(database, tmp_path, address_keys)
    asked = [*rows, {"email": "new@posti.example"}, {"email": "uusi@yritys5026.example"}, {"ref": "crm:E12"}]
    before = None
    for documents in changes_since(rows):
        take(database, address_keys, documents)
        by_key = answers(database, address_keys, asked, CAMPAIGNS[1], engine="compiled")
        assert answers(database, address_keys, asked, CAMPAIGNS[1], engine="duckdb", snapshot=snapshot) == by_key
        assert by_key != before
        before = by_key
    take(database, address_keys, two_addresses("three"))
    # A list that names people by nothing but the address written to looks no further where somebody has no other.
    addresses = [{"email": row["email"]} for row in asked if "email" in row]
    addresses += [{"email": f"{name}@posti.example"} for name in ("two", "three")]
    for campaign in CAMPAIGNS[:2]:
        by_key = answers(database, address_keys, addresses, campaign, engine="compiled")
        assert answers(database, address_keys, addresses, campaign, engine="duckdb", snapshot=snapshot) == by_key
        assert [answer["reason"] for answer in by_key[-2:]] == ["DM_OBJECTION_ALL"] * 2
    # Rows that give the number alone take whichever address the register has, be it anybody's.
    _, both, _ = addressed(asked, "email")
    both += [{"phone": row["phone"]} for row in asked if "phone" in row]
    by_key = answers(database, address_keys, both, CAMPAIGNS[1], engine="compiled")
    assert answers(database, address_keys, both, CAMPAIGNS[1], engine="duckdb", snapshot=snapshot) == by_key
    told_of = answers(database, address_keys, [{"ref": "crm:E12"}], CAMPAIGNS[0], engine="duckdb", snapshot=snapshot)
    assert told_of[0]["reason"] == "CONSENT_OK", "a notice that came after the snapshot proves the consent under it"


def test_of_those_of_whom_something_has_changed_only_whoever_is_on_a_list_of_addresses_is_read_anew(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    snapshot = taken(database, tmp_path, address_keys)
    take(database, address_keys, [*two_addresses("two"), *two_addresses("three")])
    keys = address_keys.column("email", pa.array(["two.other@posti.example", "nobody@posti.example", None]))
    with database.reading() as session, DuckDBEngine() as engine:
        connection = driver_connection(session)
        noted = changes_noted(connection, snapshot)
        points = points_of_changed(connection, noted)
        contacts = contacts_listed(points, [keys])
        found = with_people(engine, connection, noted, contacts)
        (two,) = connection.execute("select id from contact where ref = 'crm:two'").fetchone() or ()
    assert len(noted.contacts) == 2
    assert len(points) == 4
    assert contacts == [two]
    assert found.contacts == noted.contacts, "who is not on the list is left out of the snapshot all the same"
    for name in ("contacts", "points"):
        assert set(found.fresh[name]["contact_id"].to_pylist()) == {two}, name


def test_a_transaction_still_open_when_the_snapshot_was_taken_is_seen_once_it_commits(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    person = {"email": "elina.korhonen4@posti.example"}
    ban = decode(json.dumps({"type": "prohibition", "target": person, "source": "self"}).encode())
    with database.transaction() as late:
        apply_documents(late, [ban], keys=address_keys, actor="test", now=NOW)  # type: ignore[list-item]
        late.flush()
        snapshot = taken(database, tmp_path, address_keys)
    campaign = CAMPAIGNS[0]
    (answer,) = answers(database, address_keys, [person], campaign, engine="duckdb", snapshot=snapshot)
    assert answer["reason"] == "DM_OBJECTION_ALL"


def test_standing_that_was_put_right_is_seen_by_an_earlier_snapshot(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    with database.transaction() as session:
        session.execute(text("DELETE FROM standing"))
    snapshot = taken(database, tmp_path, address_keys)
    with database.transaction() as session:
        assert rebuild(session).differing > 0
    for campaign in CAMPAIGNS[:2]:
        by_key = answers(database, address_keys, rows, campaign, engine="compiled")
        assert answers(database, address_keys, rows, campaign, engine="duckdb", snapshot=snapshot) == by_key
    changed = "SELECT count(*) FROM contact WHERE changed_xid > (SELECT min(changed_xid) FROM contact)"
    with database.connect() as connection:
        assert connection.scalar(text(changed)) > 0


def test_a_snapshot_holds_no_address_and_no_name(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    import polars as pl
    from polars import selectors

    snapshot = taken(database, tmp_path, address_keys)
    text = "".join(
        pl.read_parquet(path).select(~selectors.binary()).write_json() for path in snapshot.folder.glob("*.parquet")
    )
    assert len(text) > 10_000
    for row in rows:
        if "email" in row:
            assert row["email"].lower() not in text.lower()
        for name in ("phone", "street", "family_name"):
            assert row.get(name, "\0") not in text


def test_what_a_point_tells_of_its_contact_is_not_searched_for(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    import polars as pl

    folder = taken(database, tmp_path, address_keys).folder
    acts, relations, points, kinds = (
        pl.read_parquet(folder / f"{name}.parquet") for name in ("acts", "relations", "points", "act_kinds")
    )
    consents = kinds.filter(pl.col("event").is_in(["consent_given", "guardian_consented"]))["act_kind"].to_list()
    assert points["only_act_kind"].is_in(consents).any()
    assert points["only_relation_kind"].is_not_null().any()
    assert acts.filter("alone", pl.col("act_kind").is_in(consents)).is_empty()
    assert relations.filter("alone").is_empty()
    assert not acts.is_empty()


def test_whoever_has_one_point_or_one_role_is_marked(
    database: Database, address_keys: AddressKeys, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    import polars as pl

    folder = taken(database, tmp_path, address_keys).folder
    for name, mark in (("points", "sole"), ("roles", "alone")):
        frame = pl.read_parquet(folder / f"{name}.parquet")
        has_one = pl.col("contact_id").is_not_null() & (pl.len().over("contact_id") == 1)
        assert frame.filter(has_one != pl.col(mark)).is_empty()
        assert frame[mark].n_unique() == 2


def test_acts_that_are_copied_as_stored_say_what_the_register_says_of_them(
    database: Database, rows: list[dict[str, str]]
) -> None:
    with database.reading() as session:
        connection = driver_connection(session)
        for whose in ("", " and mod(e.contact_id, 2) = %(half)s", " and false"):
            told = read_rows(connection, BY_NAME["acts"], whose, {"half": 1}).sort_by("entry_id")
            assert CopiedActs(connection, None, whose, {"half": 1}).table().sort_by("entry_id") == told
            assert bool(len(told)) == (whose != " and false")


def test_a_list_too_long_for_memory_is_met_a_part_at_a_time_and_answered_the_same(
    database: Database,
    address_keys: AddressKeys,
    rows: list[dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    snapshot = taken(database, tmp_path, address_keys)
    take(database, address_keys, two_addresses("three"))
    addresses = [{"email": row["email"]} for row in rows if "email" in row] * 3 + [{"email": "three@posti.example"}]
    whole = answers(database, address_keys, addresses, CAMPAIGNS[0], engine="duckdb", snapshot=snapshot)
    monkeypatch.setattr("consentmgr.screening.engine._ROWS_AS_ARROW", 10)
    monkeypatch.setattr("consentmgr.screening.asked_snapshot.met_rows", partial(met_rows, piece=7))
    assert len(addresses) > 70
    assert answers(database, address_keys, addresses, CAMPAIGNS[0], engine="duckdb", snapshot=snapshot) == whole


def test_a_register_that_knows_nobody_answers_from_its_snapshot(
    database: Database, address_keys: AddressKeys, tmp_path: Path
) -> None:
    take(database, address_keys, [])
    snapshot = taken(database, tmp_path, address_keys)
    asked = [{"email": "aino@posti.example"}, {"email": "no address"}]
    by_key = answers(database, address_keys, asked, CAMPAIGNS[0], engine="compiled")
    assert [answer["reason"] for answer in by_key] == ["CONSENT_MISSING", "ADDRESS_INVALID"]
    assert answers(database, address_keys, asked, CAMPAIGNS[0], engine="duckdb", snapshot=snapshot) == by_key

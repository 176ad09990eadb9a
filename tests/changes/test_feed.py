"""The feed: nothing missed, nothing twice, each contact's events in order, and nobody's but one's own."""

from __future__ import annotations

import json
import random
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.changes import feed
from consentmgr.changes.feed import BEGINNING, EVENT_TYPES, AnotherHistory
from consentmgr.consents import ledger
from consentmgr.consents.acts import NewEntry
from consentmgr.consents.heads import CHAINS
from consentmgr.consents.sight import Sight
from consentmgr.importing.merging import merge
from consentmgr.kit.errors import BadInput
from consentmgr.prohibitions.service import add, lift
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget
from tests.changes.conftest import Changing, Reader, act, person
from tests.importing.registers import NOW


def test_every_entry_is_told_once_however_small_the_portions(changing: Changing) -> None:
    random_order = random.Random(5)
    for _ in range(40):
        changing.append(*[random_order.choice([None, *range(1, 30)]) for _ in range(random_order.randint(1, 9))])
    ids = {row[0] for row in changing.rows("SELECT id FROM ledger_entry")}
    for limit in (1, 3, 16, 1000):
        reader = Reader(changing.database)
        reader.read(limit)
        told = [change.entry_id for change in reader.had]
        assert len(told) == len(ids)
        assert set(told) == ids
        assert reader.read() == []


@examples(max_examples=5)
@given(seed=st.integers(0, 2**20), limit=st.integers(1, 40))
def test_a_reader_beside_many_writers_misses_nothing_and_keeps_each_contacts_order(
    changing: Changing, seed: int, limit: int
) -> None:
    begun = changing.end()
    ended = threading.Event()

    def write(number: int) -> None:
        choices = random.Random(seed + number)
        for _ in range(12):
            # Some undo what they wrote, which leaves no gap.
            with changing.database.engine.connect() as connection, connection.begin() as transaction:
                entries = [
                    NewEntry(contact_id=choices.randint(1, 20), event="access_requested", at=NOW, digest=uuid4())
                    for _ in range(choices.randint(1, 6))
                ]
                with Session(connection) as session:
                    ledger.append(session, entries, actor="test", now=NOW + timedelta(seconds=choices.randint(-90, 90)))
                    session.flush()
                    if choices.random() < 0.2:
                        transaction.rollback()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    reader = Reader(changing.database)
    with changing.database.reading() as session:
        reader.cursor = feed.cursor_of(session, begun)

    def read() -> None:
        while not ended.is_set():
            reader.ask(limit)
        reader.read(limit)

    reading = threading.Thread(target=read)
    for thread in (*writers, reading):
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    reading.join()
    told = [change.entry_id for change in reader.had]
    there = [row[0] for row in changing.rows("SELECT id, chain, seq FROM ledger_entry") if row[2] > begun[row[1]]]
    assert sorted(told) == sorted(there)
    assert len(set(told)) == len(told)
    of_contact: dict[int, list[int]] = {}
    for entry_id, contact_id in changing.rows("SELECT id, contact_id FROM ledger_entry"):
        of_contact.setdefault(contact_id, []).append(entry_id)
    for ids in of_contact.values():
        mine = [entry_id for entry_id in told if entry_id in set(ids)]
        assert mine == sorted(mine)


def test_what_was_committed_before_something_else_began_is_told_before_it(changing: Changing) -> None:
    order = random.Random(9)
    for minute in range(60):
        changing.append(order.randint(1, 40), now=NOW + timedelta(minutes=minute))
    reader = Reader(changing.database)
    reader.read(4)
    moments = [change.document["recorded_at"] for change in reader.had]
    assert moments == sorted(moments)


def test_a_long_feed_of_one_chain_is_read_to_its_end(changing: Changing) -> None:
    changing.append(*[CHAINS] * 700)
    reader = Reader(changing.database)
    assert len(reader.read(250)) == 700


def test_the_documents_say_what_happened_and_hold_no_name_and_no_address(changing: Changing) -> None:
    changing.take_well(person("aino", act("consent_given", purposes=["newsletter"], evidence={"ip": "192.0.2.77"})))
    changing.take_well(person("aino", act("consent_withdrawn", 5, note="ei enää kiitos")))
    with changing.database.transaction() as session:
        ban = Prohibition(target=ProhibitionTarget(email="aino@posti.example"), channels=("email",), source="self")
        (ban_id,) = add(session, [ban], keys=changing.keys, actor="test", now=NOW + timedelta(minutes=1)).ids
    with changing.database.transaction() as session:
        lift(
            session, [ban_id], at=NOW + timedelta(hours=1), method="phone", reason="asked to", evidence={"note": "call"},
            keys=changing.keys, actor="test", now=NOW + timedelta(hours=1), contact_id=changing.contact_id("aino"),
        )  # fmt: skip
    reader = Reader(changing.database)
    reader.read()
    assert [change.event for change in reader.had] == [
        "consent_given", "consent_withdrawn", "prohibition_added", "prohibition_lifted",
    ]  # fmt: skip
    given_document, withdrawn, added, lifted = [change.document for change in reader.had]
    assert given_document["contact"] == {"id": changing.contact_id("aino"), "ref": "crm:aino", "merged_into": None}
    assert (given_document["controller"], given_document["purposes"]) == ("acme", ["newsletter"])
    assert withdrawn["channels"] == ["email"]
    # A ban on an address is nobody's entry; whom it reaches is told by their refs.
    assert added["contact"] is None
    assert added["prohibition"] == lifted["prohibition"] == ban_id
    assert [one["ref"] for one in added["reaches"]] == ["crm:aino"]
    assert lifted["contact"]["ref"] == "crm:aino"
    told = json.dumps([change.document for change in reader.had], default=str).lower()
    assert "posti.example" not in told
    assert "aino" not in told.replace("crm:aino", "")
    assert "192.0.2.77" not in told
    assert "kiitos" not in told
    assert {change.event for change in reader.had} <= set(EVENT_TYPES)


def test_merged_and_erased_contacts_stay_in_the_feed_under_the_ref_the_register_has(changing: Changing) -> None:
    changing.take_well(person("aino", act("consent_given")), person("toinen", act("objected")))
    with changing.database.transaction() as session:
        merge(session, "crm:toinen", "crm:aino", reason="same person", keys=changing.keys, actor="test", now=NOW)
    changing.take_well(person("cecilia", act("consent_given"), act("erasure_requested", 2), act("erased", 3)))
    reader = Reader(changing.database)
    reader.read()
    merged = [change.document for change in reader.had if change.document["fields"] == ["merged"]]
    assert {(one["contact"]["ref"], one["contact"]["merged_into"]) for one in merged} == {
        ("crm:toinen", "crm:aino"),
        ("crm:aino", None),
    }
    assert ("erased", "crm:cecilia") in reader.told


def test_a_reader_of_one_controller_has_only_its_own_and_goes_on_behind_the_others(changing: Changing) -> None:
    changing.take_well(
        person("aino", act("consent_given"), act("objected", 4, None)),
        person("birger", act("consent_given", controller="beta"), act("objected", 4, None), controllers=["beta"]),
    )
    acme, beta = (Reader(changing.database, sight=Sight(frozenset({key}))) for key in ("acme", "beta"))
    acme.read(1)
    beta.read(1)
    assert acme.told == [("consent_given", "crm:aino"), ("objected", "crm:aino")]
    assert beta.told == [("consent_given", "crm:birger"), ("objected", "crm:birger")]
    everything = Reader(changing.database)
    everything.read()
    with changing.database.reading() as session:
        assert feed.place_of(session, acme.cursor) == feed.place_of(session, everything.cursor) == feed.end(session)
    only = Reader(changing.database, types=["objected"])
    only.read()
    assert {event for event, _ in only.told} == {"objected"}


def test_reading_can_begin_at_the_end_and_again_at_any_place(changing: Changing) -> None:
    changing.append(1, 2, 3)
    reader = Reader(changing.database)
    reader.cursor = "head"
    assert reader.read() == []
    changing.append(2, now=NOW + timedelta(minutes=1))
    assert len(reader.read()) == 1
    again = Reader(changing.database)
    again.read(2)
    assert [change.entry_id for change in again.had[3:]] == [reader.had[0].entry_id]


def test_a_cursor_of_before_a_backup_was_put_back_is_refused(changing: Changing) -> None:
    changing.append(1, 1, 2)
    reader = Reader(changing.database)
    reader.read()
    old = reader.cursor
    with changing.database.scratch_schema() as other, other.reading() as session:
        with pytest.raises(AnotherHistory):
            feed.place_of(session, old)
        with pytest.raises(BadInput):
            feed.place_of(session, "abc")
        assert feed.place_of(session, feed.cursor_of(session, BEGINNING)) == BEGINNING


def test_a_place_by_time_is_before_all_that_was_recorded_since(changing: Changing) -> None:
    for minute in (0, 10, 5, 20, 15):
        changing.append(16, 17, now=NOW + timedelta(minutes=minute))
    with changing.database.reading() as session:
        place = feed.place_before(session, NOW + timedelta(minutes=10))
        portion = feed.read(session, place)
    # What was written under an earlier time behind it comes along: nothing since then is left out.
    assert sorted(change.document["recorded_at"].minute for change in portion.changes) == [5, 5, 10, 10, 15, 15, 20, 20]
    assert place[0] == place[1] == 1


def test_a_full_table_of_changes_is_asked_by_number_and_not_searched(changing: Changing) -> None:
    changing.append(*range(1, 3000))
    with changing.database.transaction() as session:
        session.execute(text("ANALYZE ledger_entry"))
        plan = session.execute(
            text("EXPLAIN SELECT hash FROM ledger_entry WHERE id = ANY(ARRAY[17, 33, 49]::bigint[])")
        ).scalars()
        assert "pk_ledger_entry" in " ".join(plan)

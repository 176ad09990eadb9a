"""Appending: what is written, what is hashed, and that the same document adds nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from consentmgr.consents.acts import NewEntry
from consentmgr.consents.heads import heads, ledger_head
from consentmgr.consents.ledger import append, entries_of, hold_chains
from consentmgr.consents.rebuild import rebuild
from consentmgr.consents.standing import Act, Scope, StandingRow, fold
from consentmgr.consents.verification import verify
from consentmgr.db import Database
from consentmgr.kit.errors import Unavailable

Written = Callable[..., list[int | None]]
New = Callable[..., NewEntry]


def stored(database: Database, question: str, **parameters: Any) -> list[Any]:
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(text(question), parameters)]


def standing_of(database: Database, contact_id: int) -> dict[Scope, StandingRow]:
    rows = stored(
        database,
        "SELECT matter, controller, channel, purpose, topic, state, at, entry_id FROM standing WHERE contact_id = :id",
        id=contact_id,
    )
    return {Scope(*row[:5]): StandingRow(*row[5:]) for row in rows}


def test_ids_tell_chain_and_place_and_come_in_order(written: Written, new_entry: New) -> None:
    assert written(new_entry(5), new_entry(21), new_entry(6), new_entry(5)) == [16 + 5, 32 + 5, 16 + 6, 48 + 5]


def test_an_entry_without_a_contact_goes_by_its_digest(written: Written, new_entry: New) -> None:
    assert written(msgspec.structs.replace(new_entry(None), digest=UUID(int=11))) == [16 + 11]


def test_the_same_digest_is_appended_once(database: Database, written: Written, new_entry: New) -> None:
    one, other = new_entry(5), new_entry(5)
    assert written(one, one, other) == [21, None, 37]
    assert written(other, one, new_entry(6)) == [None, None, 22]
    assert stored(database, "SELECT count(*) FROM ledger_entry") == [(3,)]


def test_nothing_to_append_asks_the_database_nothing(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        assert append(session, [], actor="test", now=now) == []


def test_every_field_is_stored_as_it_was_given(
    database: Database, written: Written, new_entry: New, now: datetime
) -> None:
    entry = new_entry(
        9,
        at=datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=UTC),
        controller="acme",
        method="web_form",
        source='tab\t, newline\n, backslash\\, quote", ä',
        given_by="representative",
        order_known=False,
        channels=("email", "sms"),
        purposes=("newsletter",),
        topics=('a,b{}"\\', "ö\n"),
        audiences=("meta",),
        notice="signup/3/fi",
        prohibition="12",
        double_opt_in="confirmed",
        pre_ticked=True,
        condition_of_service=True,
        freely_joined=True,
        express_request=True,
        has_proof=True,
        detail={"confirmed_at": "2026-01-01T00:00:00.000000Z", "n": 12, "list": [1, None, {"b": True, "a": "\\"}]},
        personal={"note": 'tab\t newline\n backslash\\ quote" ä', "ip": "192.0.2.1", "deep": {"x": [1.5, 1e300]}},
    )
    bare = new_entry(9)
    (entry_id, _) = written(entry, bare)
    with database.transaction() as session:
        recorded, plain = entries_of(session, [9])
    assert recorded == (entry_id, now, "test", True, entry)
    assert (plain.committed, plain.entry) == (False, bare)


def test_the_hash_is_what_the_docstring_says(database: Database, written: Written, new_entry: New) -> None:
    written(
        new_entry(4, personal={"ip": "192.0.2.7", "note": "ä"}, channels=("email",), detail={"z": 1, "a": "ö"}),
        new_entry(4, prohibition='"12"'),
    )
    previous = bytes(32)
    rows = stored(
        database,
        "SELECT e.*, v.salt, v.data::text AS data FROM ledger_entry e"
        " LEFT JOIN ledger_evidence v ON v.entry_id = e.id ORDER BY e.seq",
    )
    with database.connect() as connection:
        names = list(connection.execute(text("SELECT * FROM ledger_entry")).keys())
    for row in rows:
        columns = dict(zip([*names, "salt", "data"], row, strict=True))
        if columns["salt"] is not None:
            commitment = hashlib.sha256(columns["salt"] + columns["data"].encode()).digest()
            assert columns["commitment"] == commitment
        public = {
            name: value for name, value in columns.items() if name not in ("id", "prev_hash", "hash", "salt", "data")
        }
        for moment in ("at", "recorded_at"):
            public[moment] = public[moment].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        public["digest"] = public["digest"].hex
        public["commitment"] = public["commitment"].hex() if public["commitment"] is not None else None
        canonical = json.dumps(public, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert columns["prev_hash"] == previous
        assert columns["hash"] == hashlib.sha256(previous + canonical).digest()
        previous = columns["hash"]
    with database.transaction() as session:
        assert heads(session)[4] == (4, 2, previous)
        together = b"".join(head.hash for head in heads(session))
        assert ledger_head(session) == hashlib.sha256(together).hexdigest()


def test_equal_personal_parts_commit_to_different_values(database: Database, written: Written, new_entry: New) -> None:
    written(new_entry(4, personal={"ip": "192.0.2.7"}), new_entry(4, personal={"ip": "192.0.2.7"}))
    one, other = stored(database, "SELECT commitment FROM ledger_entry")
    assert one != other


def test_a_detail_with_a_fraction_is_refused(written: Written, new_entry: New) -> None:
    with pytest.raises(ValueError, match="no fractions"):
        written(new_entry(4, detail={"a": [1.5]}))


def test_what_is_rolled_back_leaves_no_trace(
    database: Database, written: Written, new_entry: New, now: datetime
) -> None:
    class Stopped(Exception):
        pass

    def fail() -> None:
        with database.transaction() as session:
            append(session, [new_entry(4)], actor="test", now=now)
            raise Stopped

    with pytest.raises(Stopped):
        fail()
    assert written(new_entry(4)) == [20]
    with database.transaction() as session:
        assert verify(session).whole


def test_contacts_that_were_there_are_marked_as_changed(database: Database, written: Written, new_entry: New) -> None:
    with database.transaction() as session:
        ids = session.scalars(text("INSERT INTO contact (ref) VALUES ('a'), ('b'), ('c') RETURNING id")).all()
    before = dict(stored(database, "SELECT id, changed_xid::text FROM contact"))
    written(new_entry(ids[0]), new_entry(ids[1]))
    after = dict(stored(database, "SELECT id, changed_xid::text FROM contact"))
    assert {contact for contact in ids if before[contact] != after[contact]} == {ids[0], ids[1]}


def test_a_ledger_without_its_chains_says_so(database: Database, new_entry: New, now: datetime, tamper: Any) -> None:
    tamper("DELETE FROM ledger_head WHERE chain = 4")
    with database.transaction() as session, pytest.raises(Unavailable, match="consentmgr init"):
        append(session, [new_entry(4)], actor="test", now=now)
    with database.transaction() as session, pytest.raises(Unavailable, match="consentmgr init"):
        hold_chains(session)


some_entries = st.lists(
    st.fixed_dictionaries(
        {
            "contact": st.integers(0, 3),
            "event": st.sampled_from(
                ["consent_given", "consent_withdrawn", "objected", "objection_lifted", "restricted", "access_requested"]
            ),
            "minute": st.integers(0, 3),
            "order_known": st.booleans(),
            "channels": st.sampled_from([(), ("email",), ("email", "sms")]),
            "controller": st.sampled_from([None, "acme"]),
            "notice": st.sampled_from([None, "signup/3/fi"]),
            "prohibition": st.sampled_from([None, "12"]),
        }
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(st.lists(some_entries, max_size=4))
def test_stored_standing_is_the_fold_of_the_ledger(
    database: Database, written: Written, new_entry: New, batches: list[list[dict[str, Any]]]
) -> None:
    first = 1 + stored(database, "SELECT coalesce(max(contact_id), 0) FROM ledger_entry")[0][0]
    acts: dict[int, list[Act]] = {}
    for batch in batches:
        entries = [
            new_entry(
                first + fields["contact"],
                fields["event"],
                at=datetime(2026, 1, 1, 0, fields["minute"], tzinfo=UTC),
                method="web_form",
                **{name: fields[name] for name in ("order_known", "channels", "controller", "notice", "prohibition")},
            )
            for fields in batch
        ]
        for entry, entry_id in zip(entries, written(*entries), strict=True):
            assert entry_id is not None
            assert entry.contact_id is not None
            acts.setdefault(entry.contact_id, []).append(
                Act(
                    entry_id,
                    entry.event,
                    entry.at,
                    entry.order_known,
                    entry.controller,
                    entry.method,
                    channels=entry.channels,
                    prohibition=entry.prohibition,
                    proven=entry.notice is not None,
                )
            )
    for contact_id, known in acts.items():
        assert standing_of(database, contact_id) == fold(known)


def test_lifting_a_named_ban_beside_lifting_all_gives_each_its_own_standing(
    database: Database, written: Written, new_entry: New
) -> None:
    written(new_entry(1, "objection_lifted", prohibition="12"), new_entry(2, "objection_lifted"))
    written(new_entry(3, "objection_lifted"), new_entry(4, "objection_lifted", prohibition="12"))
    assert [len(standing_of(database, contact_id)) for contact_id in (1, 2, 3, 4)] == [0, 1, 1, 0]


def test_standing_is_rebuilt_to_the_same_rows(database: Database, written: Written, new_entry: New) -> None:
    written(*(new_entry(contact, event) for contact in range(1, 40) for event in ("consent_given", "restricted")))
    before = stored(database, "SELECT * FROM standing ORDER BY 1, 2")
    with database.transaction() as session:
        done = rebuild(session)
    assert (done.contacts, done.rows, done.equal) == (39, 78, True)
    assert stored(database, "SELECT * FROM standing ORDER BY 1, 2") == before


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM standing WHERE contact_id = 3",
        "UPDATE standing SET state = 'consented' WHERE contact_id = 3",
        "UPDATE standing SET at = at + interval '1 microsecond' WHERE contact_id = 3",
        "INSERT INTO standing SELECT 77, 'permission', 'acme', 'sms', '*', '*', 'consented', now(), 1",
    ],
)
def test_damaged_standing_is_found_and_put_right(
    database: Database, written: Written, new_entry: New, damage: str
) -> None:
    written(*(new_entry(contact, "objected", channels=("email",)) for contact in range(1, 6)))
    before = stored(database, "SELECT * FROM standing ORDER BY 1, 2")
    with database.transaction() as session:
        session.execute(text(damage))
    with database.transaction() as session:
        assert rebuild(session).differing == 1
    assert stored(database, "SELECT * FROM standing ORDER BY 1, 2") == before
    with database.transaction() as session:
        assert rebuild(session).equal


def test_processes_rebuild_what_one_does(
    database: Database, written: Written, new_entry: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(*(new_entry(contact, event) for contact in range(1, 40) for event in ("objected", "consent_given")))
    before = stored(database, "SELECT * FROM standing ORDER BY 1, 2")
    with database.transaction() as session:
        session.execute(text("DELETE FROM standing WHERE contact_id % 3 = 0"))
        session.execute(text("UPDATE standing SET topic = 'news' WHERE contact_id = 7"))
    monkeypatch.setattr("consentmgr.consents.rebuild._PART", 4)
    with database.transaction() as session:
        done = rebuild(session, processes=2)
    assert (done.contacts, done.rows, done.differing) == (39, 39, 14)
    assert stored(database, "SELECT * FROM standing ORDER BY 1, 2") == before


def test_a_contacts_history_is_folded_whole_when_it_acts_again(
    database: Database, written: Written, new_entry: New, now: datetime
) -> None:
    written(new_entry(3, "objected", at=now - timedelta(days=2)))
    # Recorded later, but older: it opens nothing.
    written(new_entry(3, "consent_given", at=now - timedelta(days=9), notice="signup/3/fi", method="web_form"))
    assert [row.state for row in standing_of(database, 3).values()] == ["objected"]
    written(new_entry(3, "consent_given", at=now - timedelta(days=1), notice="signup/3/fi", method="web_form"))
    assert [row.state for row in standing_of(database, 3).values()] == ["consented"]

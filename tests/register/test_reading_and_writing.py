"""Rows in and out of the register, many at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from consentmgr.db import Database
from consentmgr.kit import copy_binary
from consentmgr.kit.copy_binary import Unwritable
from consentmgr.register import rows
from consentmgr.register.models import Base
from consentmgr.register.reading import (
    addresses_held,
    contacts_by_ref,
    default_controller,
    organisations_named,
    psycopg_connection,
    refs_of_addresses,
    rows_by,
)
from consentmgr.register.rows import ContactRow, MessageRow, OrganisationRow, PointRow, Row
from consentmgr.register.writing import (
    BackgroundCopies,
    DirectCopies,
    PipelinedCopies,
    insert_rows,
    mark_changed,
    new_ids,
    update_rows,
)

KINDS = [kind for kind in vars(rows).values() if isinstance(kind, type) and issubclass(kind, Row) and kind is not Row]

AWKWARD = 'tab\t line\n back\\slash "quote" {brace} \\N NULL ,ä'


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_row_has_the_columns_of_its_table(kind: type[Row]) -> None:
    columns = {column.name for column in Base.metadata.tables[kind.TABLE].columns} - {"changed_xid"}
    assert set(kind.columns()) == columns
    assert set(kind.KEY) <= columns


def point(identifier: int, contact_id: int, key: str) -> PointRow:
    return PointRow(identifier, contact_id, None, "email", "a@x.example", None, key, None, None, 1, 1)


def test_awkward_text_comes_back_as_it_went(database: Database) -> None:
    whole = ContactRow(
        0, AWKWARD, [AWKWARD, "", "a"], AWKWARD, None, uuid4().hex, born_on=date(1984, 5, 1), non_disclosure=True
    )
    with database.transaction() as session:
        (whole.id,) = new_ids(session, "contact", 1)
        insert_rows(session, [whole])
        (found,) = rows_by(session, ContactRow, "id", [whole.id])
        assert [getattr(found, name) for name in ContactRow.columns()] == [
            getattr(whole, name) for name in ContactRow.columns()
        ]
        whole.given_name, whole.controllers, whole.erased_at = (
            "B" + AWKWARD,
            [AWKWARD],
            datetime(2026, 1, 1, tzinfo=UTC),
        )
        update_rows(session, [whole])
        (found,) = rows_by(session, ContactRow, "ref", [AWKWARD])
        assert (found.given_name, found.controllers, found.erased_at) == ("B" + AWKWARD, [AWKWARD], whole.erased_at)


def test_a_postal_address_and_keys_come_back_as_they_went(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, [ContactRow(1, "a")])
        row = point(1, 1, uuid4().hex)
        row.kind, row.value, row.postal, row.sha256_key = "post", None, {"street": AWKWARD}, uuid4().hex
        insert_rows(session, [row])
        (found,) = rows_by(session, PointRow, "contact_id", [1])
        assert (found.postal, found.address_key, found.sha256_key) == (row.postal, row.address_key, row.sha256_key)
        row.postal = {"street": "Katu 1", "city": AWKWARD}
        update_rows(session, [row])
        assert rows_by(session, PointRow, "contact_id", [1])[0].postal == row.postal


def test_changes_are_marked_with_the_transaction(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, [ContactRow(1, "a"), ContactRow(2, "b")])
    marks = "SELECT id, changed_xid::text FROM contact ORDER BY id"
    with database.transaction() as session:
        before = [tuple(row) for row in session.execute(text(marks))]
        mark_changed(session, "contact", [2])
        mark_changed(session, "contact", [])
        after = [tuple(row) for row in session.execute(text(marks))]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_new_ids_are_never_given_twice(database: Database) -> None:
    with database.transaction() as session:
        ids = new_ids(session, "contact", 1000) + new_ids(session, "contact", 10)
        assert sorted(set(ids)) == ids
        assert new_ids(session, "contact", 0) == []


def test_a_merged_contacts_ref_means_the_one_that_is_left(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, [ContactRow(1, "a"), ContactRow(2, "b", merged_into=1), ContactRow(3, "c", merged_into=2)])
        found = contacts_by_ref(session, ["a", "b", "c", "d"])
        assert {ref: contact.id for ref, contact in found.items()} == {"a": 1, "b": 1, "c": 1}
        key = uuid4()
        insert_rows(session, [point(1, 2, key.hex)])
        assert refs_of_addresses(session, [key, uuid4()]) == {key: ["a"]}


def test_organisations_answer_to_number_and_ref(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(
            session,
            [
                OrganisationRow(1, "0112038-9", "0112038-9", "crm:7"),
                OrganisationRow(2, "crm:8", None, "crm:8"),
                OrganisationRow(3, "DE1", "DE1", "crm:8x"),
            ],
        )
        found = organisations_named(session, ["0112038-9", "crm:7", "crm:8", "nobody"])
        assert {name: row.id for name, row in found.items()} == {"0112038-9": 1, "crm:7": 1, "crm:8": 2}
        assert found["0112038-9"] is found["crm:7"]


def test_every_different_address_is_held_once(database: Database) -> None:
    with database.transaction() as session:
        insert_rows(session, [ContactRow(1, "a"), ContactRow(2, "b")])
        insert_rows(session, [point(1, 1, uuid4().hex), point(2, 2, uuid4().hex)])
        assert list(addresses_held(session, "email")) == ["a@x.example"]
        assert list(addresses_held(session, "phone")) == []


def test_the_default_controller_is_the_marked_one_or_the_only_one() -> None:
    assert default_controller({}) is None
    assert default_controller({"a": False}) == "a"
    assert default_controller({"a": False, "b": True}) == "b"
    assert default_controller({"a": False, "b": False}) is None


def test_no_row_shows_what_it_holds() -> None:
    assert "secret" not in repr(ContactRow(1, "secret", given_name="secret"))
    assert "secret" not in repr(OrganisationRow(1, "x", name="secret"))


# --- rows as bytes --------------------------------------------------------------------------------------------------


def of_contact(**fields: Any) -> ContactRow:
    given: dict[str, Any] = {"id": 1, "ref": "a"} | fields
    return ContactRow(**given)


def of_point(**fields: Any) -> PointRow:
    made = point(1, 1, uuid4().hex)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


HALF_A_PAIR = "a\ud800"
UNWRITABLE = {
    "integer": of_point(soft_bounces=2**31),
    "negative integer": of_point(soft_bounces=-(2**31) - 1),
    "smallint": of_point(key_id=2**15),
    "bigint": of_contact(id=2**63),
    "bigint that may be null": of_contact(merged_into=2**63),
    "text": of_contact(given_name=HALF_A_PAIR),
    "text that is shared": of_contact(municipality=HALF_A_PAIR),
    "list": of_contact(controllers=["a", HALF_A_PAIR]),
    "json": of_point(postal={"street": HALF_A_PAIR}),
    "time": of_contact(erased_at=datetime(2026, 1, 1)),  # noqa: DTZ001 - without an offset it must be refused
    "time of its own": MessageRow(1, datetime(2026, 1, 1), "acme", "", None, ""),  # noqa: DTZ001
}
REFUSED = {
    "null character": of_contact(ref="a\0b"),
    "null character in a list": of_contact(controllers=["a\0b"]),
    "null character in json": of_point(postal={"street": "a\0b"}),
    "no such contact": of_point(contact_id=77),
}


def put(database: Database, way: type[DirectCopies | BackgroundCopies], *tables: list[Row]) -> None:
    with database.transaction() as session, way(session) as copies:
        for table in tables:
            copies.insert(table)


def put_all(copies: BackgroundCopies, *tables: list[Row]) -> None:
    for table in tables:
        copies.insert(table)
    copies.wait()


@pytest.mark.parametrize("way", [DirectCopies, BackgroundCopies])
@pytest.mark.parametrize("fault", UNWRITABLE)
def test_what_no_column_can_hold_is_told_without_its_value(
    database: Database, way: type[DirectCopies | BackgroundCopies], fault: str
) -> None:
    with pytest.raises(Unwritable) as told:
        put(database, way, [ContactRow(2, "b")], [UNWRITABLE[fault]])
    assert told.value.__suppress_context__
    assert "\ud800" not in str(told.value)
    with database.transaction() as session:
        assert contacts_by_ref(session, ["b"]) == {}


@pytest.mark.parametrize("way", [DirectCopies, BackgroundCopies])
@pytest.mark.parametrize("fault", REFUSED)
def test_what_only_the_database_refuses_is_its_error(
    database: Database, way: type[DirectCopies | BackgroundCopies], fault: str
) -> None:
    with pytest.raises((psycopg.DataError, psycopg.IntegrityError)):
        put(database, way, [ContactRow(2, "b")], [REFUSED[fault]])
    with database.transaction() as session:
        assert contacts_by_ref(session, ["b"]) == {}


def test_the_outermost_values_come_back_as_they_went(database: Database) -> None:
    contacts = [
        ContactRow(2**63 - 1, "a", born_on=date.max, erased_at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ContactRow(1, "ä" * 1_000, born_on=date.min, erased_at=datetime(1, 1, 1, tzinfo=UTC), merged_into=2**63 - 1),
    ]
    bounced = of_point(soft_bounces=2**31 - 1, key_id=-(2**15), canonical_version=2**15 - 1)
    with database.transaction() as session:
        with BackgroundCopies(session) as copies:
            copies.insert(contacts)
            copies.insert([bounced])
        for row in (*contacts, bounced):
            (found,) = rows_by(session, type(row), "id", [row.id])
            assert [getattr(found, name) for name in row.columns()] == [getattr(row, name) for name in row.columns()]


def test_in_the_background_everything_is_done_in_the_order_it_was_handed_in(database: Database) -> None:
    with database.transaction() as session, BackgroundCopies(session) as copies:
        for start in range(0, 9_000, 3_000):
            copies.insert([ContactRow(number, f"crm:{number}") for number in range(start, start + 3_000)])
            copies.execute("UPDATE contact SET given_name = %s WHERE given_name IS NULL", [f"part {start}"])
        copies.wait()
        counts = session.execute(text("SELECT given_name, count(*) FROM contact GROUP BY 1 ORDER BY 1"))
        assert [tuple(row) for row in counts] == [("part 0", 3_000), ("part 3000", 3_000), ("part 6000", 3_000)]


def test_waiting_tells_what_was_refused_and_nothing_after_it_is_done(database: Database) -> None:
    with database.transaction() as session:
        point_of_return = session.begin_nested()
        copies = BackgroundCopies(session)
        with pytest.raises(psycopg.IntegrityError), copies:
            put_all(copies, [ContactRow(1, "a"), ContactRow(1, "b")], [ContactRow(2, "c")])
        point_of_return.rollback()
        assert contacts_by_ref(session, ["a", "b", "c"]) == {}


def test_rows_sent_in_a_pipeline_are_those_a_copy_writes(database: Database) -> None:
    columns = "day, told, at, texts, flag, number, small, name, id, digest"
    small = (2).to_bytes(4, "big") + (7).to_bytes(2, "big")
    moment = datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
    full = (
        copy_binary.day(date(2026, 2, 3)),
        copy_binary.jsonb(b'{"a": [1, null]}'),
        copy_binary.timestamp(moment),
        copy_binary.texts([AWKWARD, ""]),
        copy_binary.boolean(value=True),
        copy_binary.bigint(-5),
        small,
        copy_binary.text(AWKWARD),
        copy_binary.uuid(uuid4().bytes),
        copy_binary.blob(b"\0\xff"),
    )
    nothing = (copy_binary.NULL,) * 10
    rows = b"".join(copy_binary.columns(10) + b"".join(row) for row in (full, nothing, full))
    blocks = [copy_binary.HEADER + rows[:50], rows[50:], copy_binary.TRAILER]
    shape = (
        "(name text, id uuid, left_out text DEFAULT 'usual', told jsonb, texts text[], at timestamptz, day date,"
        " flag boolean, gone int, number bigint, small smallint, digest bytea)"
    )
    with database.transaction() as session:
        connection = psycopg_connection(session)
        for table in ("copied", "sent"):
            connection.execute(f"CREATE TEMPORARY TABLE {table} {shape} ON COMMIT DROP")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN gone")
        DirectCopies(session).copy(f"COPY copied ({columns}) FROM STDIN (FORMAT binary)", blocks)
        with connection.pipeline():
            for _ in range(2):
                connection.execute("TRUNCATE sent")
                PipelinedCopies(connection).copy(f"COPY sent ({columns}) FROM STDIN (FORMAT binary)", blocks)
        copied, sent = (connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("copied", "sent"))
    assert len(copied) == 3
    assert copied[0] != copied[1]
    assert sent == copied

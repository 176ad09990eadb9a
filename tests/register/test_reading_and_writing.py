"""Rows in and out of the register, many at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from consentmgr.db import Database
from consentmgr.register import rows
from consentmgr.register.models import Base
from consentmgr.register.reading import (
    addresses_held,
    contacts_by_ref,
    default_controller,
    organisations_named,
    refs_of_addresses,
    rows_by,
)
from consentmgr.register.rows import ContactRow, OrganisationRow, PointRow, Row
from consentmgr.register.writing import insert_rows, mark_changed, new_ids, update_rows

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

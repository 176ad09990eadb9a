"""Points in records by key: every point is found by its key, by nothing else, and told as it was."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consentmgr.screening import point_records
from consentmgr.screening.point_records import COLUMNS, REPEATED, SCHEMA, Kinds, PointRecords
from consentmgr.screening.register_frames import KEY

#: Two whose first halves are equal, as no two digests in a million years are.
TWINS = (b"same-one" + b"11111111", b"same-one" + b"22222222")


def value_of(field: pa.Field, chance: random.Random) -> Any:
    if field.name not in ("contact_id", "kind", "address_key") and chance.random() < 0.3:
        return None
    if pa.types.is_date(field.type):
        return date(1890, 1, 1) + timedelta(days=chance.randrange(80_000))
    if pa.types.is_boolean(field.type):
        return chance.random() < 0.5
    if field.type == KEY:
        return chance.randbytes(16)
    if pa.types.is_string(field.type):
        return chance.choice(["", "työ", "private", "a | b"])
    # A day that PostgreSQL can name is no farther than that.
    return chance.choice([0, 1, 7, 2**31 - 1] if field.name.endswith("_day") else [0, 1, 7, 2**31, 2**40])


def points(count: int, seed: int = 1) -> pa.Table:
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        row = {field.name: value_of(field, chance) for field in SCHEMA}
        # Every tenth shares the address of the one before.
        key = rows[-1]["address_key"] if number % 10 == 9 else chance.randbytes(16)
        rows.append(row | {"contact_id": number + 1, "kind": ("email", "phone")[number % 3 == 0], "address_key": key})
    for row, key in zip(rows, TWINS, strict=False):
        row["address_key"], row["kind"] = key, "email"
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def expected(table: pa.Table, keys: list[bytes | None]) -> list[tuple[int, dict[str, Any]]]:
    rows = table.to_pylist()
    return sorted(
        (
            (place, {name: row[name] for name in COLUMNS})
            for place, key in enumerate(keys)
            for row in rows
            if row["address_key"] == key
        ),
        key=lambda found: (found[0], found[1]["contact_id"]),
    )


def found_in(records: PointRecords, keys: list[bytes | None]) -> list[tuple[int, dict[str, Any]]]:
    listed, places = records.find(pa.array(keys, KEY))
    told = records.told(places).select(list(COLUMNS)).to_pylist()
    return sorted(zip(listed.tolist(), told, strict=True), key=lambda found: (found[0], found[1]["contact_id"]))


def keys_asked(table: pa.Table) -> list[bytes | None]:
    some = table["address_key"].to_pylist()
    chance = random.Random(2)
    # Known ones, one of them twice, unknown ones, one that only begins as a known one does, and rows without any.
    return [
        None,
        *some[::2],
        some[0],
        chance.randbytes(16),
        some[4][:8] + chance.randbytes(8),
        None,
        bytes(16),
        b"\xff" * 16,
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_points_are_found_by_their_whole_key_and_told_as_they_were(count: int) -> None:
    table = points(count)
    keys = keys_asked(table) if count > 4 else [None, *TWINS, bytes(16)]
    found = found_in(PointRecords.of(table), keys)
    assert found == expected(table, keys)
    assert bool(found) == bool(count)


def test_where_nobody_is_told_everything_is_null() -> None:
    told = PointRecords.of(points(20)).told(np.array([3], np.int64), blank=2)
    assert [row["contact_id"] is None for row in told.to_pylist()] == [False, True, True]
    assert all(value is None for row in told.to_pylist()[1:] for value in row.values())


@pytest.mark.parametrize("largest", [2**31 - 1, 2**31, 2**53])
def test_a_snapshots_files_tell_the_same_of_each_kind_of_address(tmp_path: Path, largest: int) -> None:
    table = points(300)
    ids = [*range(1, 300), largest]
    table = table.set_column(table.column_names.index("contact_id"), "contact_id", pa.array(ids))
    of_nobody = table.slice(5, 3).set_column(
        table.column_names.index("contact_id"), "contact_id", pa.nulls(3, pa.int64())
    )
    path = tmp_path / "points.parquet"
    pq.write_table(pa.concat_tables([table, of_nobody]), path, row_group_size=64)
    point_records.write(path, tmp_path, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"points.parquet", *point_records.file_names()}
    keys = keys_asked(table)
    for kind in point_records.KINDS:
        own = table.filter(pa.compute.equal(table["kind"], kind))
        assert found_in(PointRecords.opened(tmp_path, kind), keys) == expected(own, keys)


def test_a_register_without_points_has_files_in_which_nobody_is_found(tmp_path: Path) -> None:
    path = tmp_path / "points.parquet"
    pq.write_table(points(0), path)
    point_records.write(path, tmp_path, tmp_path)
    assert found_in(PointRecords.opened(tmp_path, "phone"), [bytes(16)]) == []


def test_kinds_that_are_forgotten_are_told_again_and_say_the_same() -> None:
    table = points(100)
    kinds = Kinds(remembered=3)
    numbers = np.concatenate([kinds.numbers(table.slice(start, 40)) for start in range(0, 100, 40)])
    assert kinds.table().take(pa.array(numbers)).to_pylist() == table.select(list(REPEATED)).to_pylist()


def test_many_different_words_in_every_column_stay_apart() -> None:
    """Their combinations are more than a number of 64 bits can count."""
    count = 4000
    columns = []
    for place, name in enumerate(REPEATED):
        turned = [(number + place) % count for number in range(count)]
        kind = SCHEMA.field(name).type
        if pa.types.is_string(kind):
            columns.append(pa.array(map(str, turned)))
        elif pa.types.is_boolean(kind):
            columns.append(pa.array([number % 2 == 0 for number in turned]))
        else:
            columns.append(pa.array(turned, pa.int32()).cast(kind))
    table = pa.table(columns, names=list(REPEATED))
    kinds = Kinds()
    numbers = kinds.numbers(table)
    assert len(set(numbers.tolist())) == count
    assert kinds.table().take(pa.array(numbers)).to_pylist() == table.to_pylist()


def test_files_of_different_lengths_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / "points.parquet"
    pq.write_table(points(50), path)
    point_records.write(path, tmp_path, tmp_path)
    np.save(tmp_path / "points_email_keys.npy", np.arange(3, dtype=np.uint64))
    with pytest.raises(ValueError, match="not of one length"):
        PointRecords.opened(tmp_path, "email")

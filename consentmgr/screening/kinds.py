"""Kinds of acts and of customer relations: what repeats in the register, told once.

A register has millions of acts and few different things that were said: event, controller, channels, purposes and
the notice's words repeat, and only the person and the time are each act's own. So the frames ``acts`` and
``relations`` carry the number of their kind, and ``act_kinds`` and ``relation_kinds`` say what each kind is: an
expression over the words of a consent is asked once a kind. ``alone`` marks the act or relation of a contact that has
no other, and a role likewise; it then stands in the contact's own row (``facts.holders``) and needs no search.

The snapshot is written in this form by SQL (``consentmgr.screening.snapshot``); rows that were asked of PostgreSQL by
key are brought into it here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.screening.register_frames import BY_NAME, Columns, Frame


def _kind_columns(frame: Frame, *own: str) -> tuple[str, ...]:
    return tuple(name for name in frame.schema.names if name not in own)


#: What of an act and a relation is its own: whose it is, and when.
OWN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "acts": ("entry_id", "contact_id", "at_us"),
    "relations": ("contact_id", "last_purchase_day"),
}
#: The column with the number of the kind, and the frame of kinds.
KIND_OF: Mapping[str, str] = {"acts": "act_kind", "relations": "relation_kind"}
KINDS_OF: Mapping[str, str] = {"acts": "act_kinds", "relations": "relation_kinds"}
KIND_COLUMNS: Mapping[str, tuple[str, ...]] = {
    name: _kind_columns(BY_NAME[name], *own) for name, own in OWN_COLUMNS.items()
}


def by_kind(tables: Mapping[str, pa.Table], *, below_zero: bool = False) -> dict[str, pa.Table]:
    """``tables`` (as ``frames_by_key`` gives them) with kinds told apart and roles marked; others stay as they are.

    Kinds are numbered from 0 up, or from -1 down, so that their numbers never meet those of a snapshot.
    """
    found = dict(tables)
    found["roles"] = tables["roles"].append_column("alone", alone(tables["roles"]["contact_id"]))
    for name, own in OWN_COLUMNS.items():
        table = tables[name]
        numbers, first = _numbered(table, KIND_COLUMNS[name])
        if below_zero:
            numbers = -1 - numbers
        owners, counts = _counted(table["contact_id"])
        kept = table.select(list(own))
        kept = kept.append_column("alone", pa.array(counts[owners] == 1, pa.bool_()))
        found[name] = kept.append_column(KIND_OF[name], pa.array(numbers, pa.int64()))
        kinds = table.select(list(KIND_COLUMNS[name])).take(pa.array(first, pa.int64()))
        number_of = pa.array(numbers[first] if len(first) else np.zeros(0, np.int64), pa.int64())
        found[KINDS_OF[name]] = kinds.add_column(0, KIND_OF[name], number_of)
    return found


def by_kind_of_few(tables: Mapping[str, Columns]) -> dict[str, Columns]:
    """``by_kind`` for few rows as plain columns: each act and relation is a kind of its own, for nothing is saved by
    telling which are alike.
    """
    found = dict(tables)
    found["roles"] = {**tables["roles"], "alone": _alone_of_few(tables["roles"]["contact_id"])}
    for name, own in OWN_COLUMNS.items():
        table = tables[name]
        owners = table["contact_id"]
        numbers = range(len(owners))
        kept = {column: table[column] for column in own}
        found[name] = {**kept, "alone": _alone_of_few(owners), KIND_OF[name]: numbers}
        found[KINDS_OF[name]] = {KIND_OF[name]: numbers, **{column: table[column] for column in KIND_COLUMNS[name]}}
    return found


def _alone_of_few(owners: Sequence[int]) -> list[bool]:
    rows_of = Counter(owners)
    return [rows_of[owner] == 1 for owner in owners]


def alone(owners: pa.ChunkedArray) -> pa.Array:
    """Whether each row's owner has no other row; never where it has no owner."""
    counted = pc.value_counts(owners)
    once = counted.field("values").filter(pc.equal(counted.field("counts"), 1)).drop_null()
    return pa.concat_arrays(pc.is_in(owners, value_set=once).chunks or [pa.array([], pa.bool_())])


def _numbered(table: pa.Table, columns: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Per row the number of its combination of ``columns`` (null is a value), and the first row of each number."""
    numbers = np.zeros(len(table), dtype=np.int64)
    first = np.zeros(min(len(table), 1), dtype=np.int64)
    for name in columns:
        encoded = table[name].combine_chunks().dictionary_encode()
        # From 1, so that null has a number of its own.
        codes = np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64) + 1
        # Numbered afresh at each column: the products of all the columns' counts would not fit an integer.
        _, first, numbers = np.unique(
            numbers * (len(encoded.dictionary) + 1) + codes, return_index=True, return_inverse=True
        )
    return numbers, first


def _counted(owners: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Per row the place of its owner, and per place how many rows it has."""
    _, places, counts = np.unique(owners.to_numpy(), return_inverse=True, return_counts=True)
    return places, counts

"""The campaign list as the engine sees it: keys and facts of each row, no address and no name (``ROWS_SCHEMA``)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.kit.address_keys import AddressKeys, canonical_column
from consentmgr.register.business_ids import canonical_in_list
from consentmgr.screening.facts import ROWS_SCHEMA, ListShape
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import KEY, ListKeys
from consentmgr.vocabulary.areas import area_of_text

_AREA_SEPARATORS = str.maketrans({",": ";", "/": ";", "|": ";"})


class RowFrame:
    """The rows of a list on their way to ``ROWS_SCHEMA``: what is known at once, and the table when keys are there.

    ``shape``: how many rows carry each identifier; ``has_invalid``: some row's identifier has no canonical form.
    """

    def __init__(
        self, shape: ListShape, columns: dict[str, pa.Array], later: dict[str, Callable[[], pa.Array]]
    ) -> None:
        self.shape = shape
        self.has_invalid = bool(columns["invalid"].true_count)
        self._columns = columns
        self._later = later
        self._table: pa.Table | None = None

    def __len__(self) -> int:
        return self.shape.rows

    def table(self) -> pa.Table:
        """The whole table; waits for keys that are still being made."""
        if self._table is None:
            columns = self._columns | {name: finish() for name, finish in self._later.items()}
            self._table = pa.table([columns[field.name] for field in ROWS_SCHEMA], schema=ROWS_SCHEMA)
        return self._table


def row_frame(identifiers: pa.Table, keys: AddressKeys, question: Question, *, with_hashes: bool) -> RowFrame:
    """The rows of a list as the engine sees them.

    ``identifiers``: the recognised columns as trimmed strings, null where blank, one row a list row. ``with_hashes``:
    some prohibition arrived hashed, so plain addresses are hashed too and meet it.
    """
    count = identifiers.num_rows
    text = _Columns(identifiers)
    nothing = pa.nulls(count, KEY)
    found: dict[str, pa.Array] = {}
    later: dict[str, Callable[[], pa.Array]] = {}
    domains = mailboxes = pa.nulls(count, pa.string())
    for kind in ("email", "phone"):
        values, hashes = text.get(kind), text.get(f"{kind}_sha256")
        found[f"{kind}_key"], found[f"{kind}_hash_key"] = nothing, nothing
        if values is not None:
            if with_hashes:
                columns = keys.columns(kind, values)
                canonical, found[f"{kind}_key"] = columns.canonical, columns.address_key
                if columns.sha256_key is not None:
                    found[f"{kind}_hash_key"] = columns.sha256_key
            else:
                canonical = canonical_column(kind, values)
                # Known already is which rows will have a key, and that is all that is asked before they are there.
                found[f"{kind}_key"] = canonical
                later[f"{kind}_key"] = keys.canonical_keys_later(kind, canonical)
            if kind == "email":
                # A canonical address has one "@" that counts, its last.
                parts = pc.split_pattern(canonical, pattern="@", max_splits=1, reverse=True)
                domains = pc.list_element(parts, 1).cast(pa.string())
                if question.is_business:
                    mailboxes = pc.list_element(parts, 0).cast(pa.string())
        if hashes is not None:
            by_hash = keys.sha256_column(kind, hashes)
            found[f"{kind}_hash_key"] = pc.coalesce(by_hash, found[f"{kind}_hash_key"])
    found["post_key"] = _post_keys(text, keys, nothing)
    found["row_name_key"] = nothing
    if question.campaign.channel == "post" and ("given_name" in text or "family_name" in text):
        blank = pa.nulls(count, pa.string())
        given, family = text.get("given_name"), text.get("family_name")
        found["row_name_key"] = keys.name_column(
            given if given is not None else blank, family if family is not None else blank
        )
    business_ids = _business_ids(text.get("business_id"), count)
    columns_: dict[str, pa.Array] = {
        "row_no": pa.array(np.arange(count, dtype=np.int64)),
        "invalid": _invalid(text, found, business_ids, question, count),
        **found,
        "row_ref": _string(text.get("ref"), count),
        "row_business_id": business_ids,
        "row_domain": domains,
        "row_mailbox": mailboxes,
        "row_source": _string(text.get("source"), count),
        "row_acquired_on": _dates(text.get("acquired_on"), count),
        "row_titled": _string(text.get("title"), count).is_valid(),
        "row_areas": _areas(text.get("area"), count),
    }
    counts = {name: count - column.null_count for name, column in columns_.items() if name not in ("row_no", "invalid")}
    return RowFrame(ListShape(count, counts), columns_, later)


class _Columns:
    """The identifiers by name, each as one array, put together when it is asked for: most lists have more columns
    than a campaign asks of.
    """

    def __init__(self, identifiers: pa.Table) -> None:
        self._identifiers = identifiers
        self._whole: dict[str, pa.Array] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._identifiers.column_names

    def get(self, name: str) -> pa.Array | None:
        """The column, or None where the list has none of that name."""
        if name not in self:
            return None
        if name not in self._whole:
            values = self._identifiers[name]
            self._whole[name] = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
        return self._whole[name]

    def __getitem__(self, name: str) -> pa.Array:
        column = self.get(name)
        if column is None:
            raise KeyError(name)
        return column


def list_keys(rows: pa.Table, hashes: pa.Table) -> ListKeys:
    """The distinct identifiers of the rows, to ask the register by; ``hashes`` as ``prohibition_hashes`` gives them."""
    hashed_rows = pc.unique(pa.chunked_array([*rows["email_hash_key"].chunks, *rows["phone_hash_key"].chunks], KEY))
    met = pc.is_in(hashes["hash_key"], value_set=hashed_rows.drop_null())

    def distinct(*names: str) -> list[Any]:
        return list({value for name in names for value in pc.unique(rows[name]).to_pylist() if value is not None})

    return ListKeys(
        address_keys=distinct("email_key", "phone_key", "post_key"),
        sha256_keys=distinct("email_hash_key", "phone_hash_key"),
        refs=distinct("row_ref"),
        business_ids=distinct("row_business_id"),
        domains=distinct("row_domain"),
        prohibitions=hashes["prohibition_id"].filter(met).to_pylist(),
    )


def _string(values: pa.Array | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if values is None else values.cast(pa.string())


def _post_keys(text: _Columns, keys: AddressKeys, nothing: pa.Array) -> pa.Array:
    if "street" not in text or "postal_code" not in text:
        return nothing
    return keys.post_column(text["street"], text.get("apartment"), text["postal_code"], text.get("country"))


def _business_ids(values: pa.Array | None, count: int) -> pa.Array:
    """Business ids as the register writes them, null where it can be none; a ref of an organisation stays as it is."""
    if values is None:
        return pa.nulls(count, pa.string())
    known = {text: canonical_in_list(text) for text in pc.unique(values).to_pylist() if text is not None}
    return pa.array([known.get(text) for text in values.to_pylist()], pa.string())


def _invalid(
    text: _Columns, found: dict[str, pa.Array], business_ids: pa.Array, question: Question, count: int
) -> pa.Array:
    """Rows that cannot be looked up: the identifier of the channel has no canonical form, or none of any kind has."""
    given = {
        "email": ("email", "email_key"),
        "phone": ("phone", "phone_key"),
        "email_sha256": ("email_sha256", "email_hash_key"),
        "phone_sha256": ("phone_sha256", "phone_hash_key"),
        "post": ("street", "post_key"),
    }
    no = pa.repeat(pa.scalar(value=False), count)
    broken_any, whole_any, broken_own = no, no, no
    own = {question.point_kind, f"{question.point_kind}_sha256"}
    if question.is_audience:
        own = set()
    for kind, (column, key) in given.items():
        if column not in text:
            continue
        there = text[column].is_valid()
        whole = pc.and_(there, found[key].is_valid())
        broken = pc.and_not(there, whole)
        broken_any, whole_any = pc.or_(broken_any, broken), pc.or_(whole_any, whole)
        if kind in own:
            broken_own = pc.or_(broken_own, broken)
    if "ref" in text:
        whole_any = pc.or_(whole_any, text["ref"].is_valid())
    if "business_id" in text:
        whole_any = pc.or_(whole_any, business_ids.is_valid())
        broken_any = pc.or_(broken_any, pc.and_not(text["business_id"].is_valid(), business_ids.is_valid()))
    return pc.or_(broken_own, pc.and_not(broken_any, whole_any))


def _dates(values: pa.Array | None, count: int) -> pa.Array:
    """ISO and Finnish dates (``2026-10-01``, ``1.10.2026``); anything else is an unknown date."""
    if values is None:
        return pa.nulls(count, pa.date32())
    return pa.array([None if value is None else _date(value.strip()) for value in values.to_pylist()], pa.date32())


def _date(text: str) -> date | None:
    try:
        if "." in text:
            day, month, year = text.split(".")[:3]
            return date(int(year), int(month), int(day))
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _areas(values: pa.Array | None, count: int) -> pa.Array:
    """Responsibility areas as a set of codes; what is no known area stays as written, and fits nothing."""
    if values is None:
        return pa.repeat("", count)
    known: dict[str | None, str] = {None: ""}
    for value in pc.unique(values).to_pylist():
        if value is not None:
            parts = [part.strip() for part in value.translate(_AREA_SEPARATORS).split(";") if part.strip()]
            known[value] = "".join(f"|{area_of_text(part) or part}" for part in parts) + "|" if parts else ""
    return pa.array([known[value] for value in values.to_pylist()], pa.string())

"""The campaign list as the engine sees it: keys and facts of each row, no address and no name (``ROWS_SCHEMA``)."""

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


def row_frame(
    identifiers: pa.Table, keys: AddressKeys, question: Question, *, with_hashes: bool
) -> tuple[pa.Table, ListShape]:
    """The rows of a list as ``ROWS_SCHEMA`` and how many rows carry each identifier.

    ``identifiers``: the recognised columns as trimmed strings, null where blank, one row a list row. ``with_hashes``: some prohibition arrived
    hashed, so plain addresses are hashed too and meet it.
    """
    count = identifiers.num_rows
    text = {name: _one_array(identifiers[name]) for name in identifiers.column_names}
    nothing = pa.nulls(count, KEY)
    found: dict[str, pa.Array] = {}
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
                found[f"{kind}_key"] = keys.canonical_keys(kind, canonical)
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
        found["row_name_key"] = keys.name_column(text.get("given_name", blank), text.get("family_name", blank))
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
    table = pa.table([columns_[field.name] for field in ROWS_SCHEMA], schema=ROWS_SCHEMA)
    counts = {name: count - table[name].null_count for name in table.column_names if name not in ("row_no", "invalid")}
    return table, ListShape(count, counts)


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


def _one_array(values: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)


def _string(values: pa.Array | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if values is None else values.cast(pa.string())


def _post_keys(text: dict[str, pa.Array], keys: AddressKeys, nothing: pa.Array) -> pa.Array:
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
    text: dict[str, pa.Array], found: dict[str, pa.Array], business_ids: pa.Array, question: Question, count: int
) -> pa.Array:
    """Rows that cannot be looked up: the identifier of the channel has no canonical form, or none of any kind has."""
    given = {
        "email": ("email", "email_key"),
        "phone": ("phone", "phone_key"),
        "email_sha256": ("email_sha256", "email_hash_key"),
        "phone_sha256": ("phone_sha256", "phone_hash_key"),
        "post": ("street", "post_key"),
    }
    no = pa.array([False] * count, pa.bool_()) if count else pa.array([], pa.bool_())
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
        return pa.array([""] * count, pa.string())
    known: dict[str | None, str] = {None: ""}
    for value in pc.unique(values).to_pylist():
        if value is not None:
            parts = [part.strip() for part in value.translate(_AREA_SEPARATORS).split(";") if part.strip()]
            known[value] = "".join(f"|{area_of_text(part) or part}" for part in parts) + "|" if parts else ""
    return pa.array([known[value] for value in values.to_pylist()], pa.string())

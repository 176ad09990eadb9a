"""The campaign list as the engine sees it: keys and facts of each row, no address and no name (``ROWS_SCHEMA``)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.kit.address_keys import AddressKeys
from consentmgr.register.business_ids import canonical_in_list
from consentmgr.screening.facts import ROWS_SCHEMA, ListShape
from consentmgr.screening.facts.resolution import PLAIN_HASHES, is_sent_to_an_address
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import KEY, ListKeys
from consentmgr.vocabulary.areas import area_of_text

_AREA_SEPARATORS = str.maketrans({",": ";", "/": ";", "|": ";"})


class RowFrame:
    """The rows of a list on their way to ``ROWS_SCHEMA``: what is known at once, and the table when keys are there.

    ``shape``: how many rows carry each identifier; ``has_invalid``: some row's identifier has no canonical form.
    ``indirect``: rows that name somebody otherwise than by an address in plain, or do not give the one written to.
    """

    def __init__(
        self,
        shape: ListShape,
        columns: dict[str, pa.Array],
        later: dict[str, Callable[[], pa.Array]],
        indirect: pa.BooleanArray,
    ) -> None:
        self.shape = shape
        self.indirect = indirect
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


#: The keys of plain addresses, in the order in which ``AddressKeys.columns_later`` gives them.
_KEYS_OF_PLAIN = {
    "email": ("email_key", "email_plain_hash"),
    "phone": ("phone_key", "phone_plain_hash", "phone_digits_hash"),
}
_HASHED = ("email_hash_key", "phone_hash_key", *PLAIN_HASHES)
#: Where each identifier of a list ends up, of those that say whom a row is about.
_NAMING_COLUMNS = {
    "email": "email_key", "phone": "phone_key", "street": "post_key", "email_sha256": "email_hash_key",
    "phone_sha256": "phone_hash_key", "ref": "row_ref", "business_id": "row_business_id",
}  # fmt: skip


def columns_shape(identifiers: pa.Table) -> ListShape:
    """How many rows can carry each identifier, told before any of them has a key: as many as have something there."""
    filled = {name: len(identifiers) - identifiers[name].null_count for name in identifiers.column_names}
    return ListShape(len(identifiers), {key: filled.get(name, 0) for name, key in _NAMING_COLUMNS.items()})


def row_frame(identifiers: pa.Table, keys: AddressKeys, question: Question, *, with_hashes: bool) -> RowFrame:
    """The rows of a list as the engine sees them.

    ``identifiers``: the recognised columns as trimmed strings, null where blank, one row a list row. ``with_hashes``:
    some prohibition arrived hashed, so plain addresses are hashed too and meet it.
    """
    return Addressed(identifiers, keys, with_hashes=with_hashes).rows(question)


class Addressed:
    """The rows of a list with their keys, before any campaign is asked of them; arguments as ``row_frame`` has them."""

    def __init__(self, identifiers: pa.Table, keys: AddressKeys, *, with_hashes: bool) -> None:
        self._count = identifiers.num_rows
        self._text = text = _Columns(identifiers)
        self._keys = keys
        self._nothing = nothing = pa.nulls(self._count, KEY)
        self._found: dict[str, pa.Array] = {}
        self._later: dict[str, Callable[[], pa.Array]] = {}
        self._emails: pa.Array | None = None
        found = self._found
        found |= dict.fromkeys(PLAIN_HASHES, nothing)
        for kind in ("email", "phone"):
            values, hashes = text.get(kind), text.get(f"{kind}_sha256")
            found[f"{kind}_key"], found[f"{kind}_hash_key"] = nothing, nothing
            if values is not None:
                canonical, later = keys.columns_later(kind, values, with_hashes=with_hashes)
                for name, finish in zip(_KEYS_OF_PLAIN[kind], later, strict=False):
                    # Known already is which rows will have a key, and that is all that is asked before they are there.
                    found[name], self._later[name] = canonical, finish
                if kind == "email":
                    self._emails = canonical
            if hashes is not None:
                found[f"{kind}_hash_key"] = keys.sha256_column(kind, hashes)
        found["post_key"] = _post_keys(text, keys, nothing)
        self._business_ids, self._broken_ids = _business_ids(text.get("business_id"), self._count)
        self._domains = self._part_of_emails(1)

    def _part_of_emails(self, part: int) -> pa.Array:
        if self._emails is None:
            return pa.nulls(self._count, pa.string())
        # A canonical address has one "@" that counts, its last.
        parts = pc.split_pattern(self._emails, pattern="@", max_splits=1, reverse=True)
        return pc.list_element(parts, part).cast(pa.string())

    def key_column(self, kind: str) -> pa.Array:
        """Keys of the plain addresses of a kind, row by row."""
        name = f"{kind}_key"
        return self._later[name]() if name in self._later else self._found[name]

    def forget_hashes(self) -> None:
        """Let plain addresses have no hashes: no ban that arrived hashed can meet them."""
        for name in PLAIN_HASHES:
            self._found[name] = self._nothing
            self._later.pop(name, None)

    def keys(self, hashes: pa.Table) -> ListKeys:
        """The distinct identifiers of the rows, to ask the register by; ``hashes`` as ``prohibition_hashes`` gives them."""
        columns = self._found | {name: finish() for name, finish in self._later.items()}
        hashed = {value for name in _HASHED for value in columns[name].to_pylist()} - {None}
        met = pc.is_in(hashes["hash_key"], value_set=pa.array(hashed, KEY))

        def distinct(*arrays: pa.Array) -> list[Any]:
            return list({value for array in arrays for value in pc.unique(array).to_pylist()} - {None})

        return ListKeys(
            address_keys=distinct(columns["email_key"], columns["phone_key"], columns["post_key"]),
            sha256_keys=list(hashed),
            refs=distinct(_string(self._text.get("ref"), self._count)),
            business_ids=distinct(self._business_ids),
            domains=distinct(self._domains),
            prohibitions=hashes["prohibition_id"].filter(met).to_pylist(),
        )

    def rows(self, question: Question) -> RowFrame:
        """The rows as the question needs them."""
        count, text, found = self._count, self._text, dict(self._found)
        found["row_name_key"] = self._nothing
        # At a postal address the row is about the person whom it names, whatever the campaign's channel.
        if found["post_key"] is not self._nothing and ("given_name" in text or "family_name" in text):
            blank = pa.nulls(count, pa.string())
            given, family = text.get("given_name"), text.get("family_name")
            found["row_name_key"] = self._keys.name_column(
                given if given is not None else blank, family if family is not None else blank
            )
        columns_: dict[str, pa.Array] = {
            "row_no": pa.array(np.arange(count, dtype=np.int64)),
            "invalid": _invalid(text, found, self._broken_ids, question, count),
            **found,
            "row_ref": _string(text.get("ref"), count),
            "row_business_id": self._business_ids,
            "row_domain": self._domains,
            "row_mailbox": self._part_of_emails(0) if question.is_business else pa.nulls(count, pa.string()),
            "row_source": _string(text.get("source"), count),
            "row_acquired_on": _dates(text.get("acquired_on"), count),
            "row_titled": _string(text.get("title"), count).is_valid(),
            "row_areas": _areas(text.get("area"), count),
        }
        counts = {
            name: count - column.null_count for name, column in columns_.items() if name not in ("row_no", "invalid")
        }
        return RowFrame(ListShape(count, counts), columns_, self._later, _indirect(columns_, question, count))


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


def _string(values: pa.Array | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if values is None else values.cast(pa.string())


def _post_keys(text: _Columns, keys: AddressKeys, nothing: pa.Array) -> pa.Array:
    if "street" not in text or "postal_code" not in text:
        return nothing
    return keys.post_column(text["street"], text.get("apartment"), text["postal_code"], text.get("country"))


def _business_ids(values: pa.Array | None, count: int) -> tuple[pa.Array, pa.Array]:
    """Business ids as the register writes them, null in empty cells, and which of them can be none.

    One that can be none stays as it was written: it names an organisation nobody knows, which is not the same as naming
    none. A ref of an organisation stays as it is.
    """
    if values is None:
        return pa.nulls(count, pa.string()), pa.repeat(pa.scalar(value=False), count)
    known = {text: canonical_in_list(text) for text in pc.unique(values).to_pylist() if text is not None}
    texts = values.to_pylist()
    return (
        pa.array([known.get(text) or text for text in texts], pa.string()),
        pa.array([text is not None and known[text] is None for text in texts], pa.bool_()),
    )


def _invalid(
    text: _Columns, found: dict[str, pa.Array], broken_ids: pa.Array, question: Question, count: int
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
        whole_any = pc.or_(whole_any, pc.and_not(text["business_id"].is_valid(), broken_ids))
        broken_any = pc.or_(broken_any, broken_ids)
    return pc.or_(broken_own, pc.and_not(broken_any, whole_any))


def _indirect(columns: dict[str, pa.Array], question: Question, count: int) -> pa.BooleanArray:
    if not is_sent_to_an_address(question):
        return pa.repeat(pa.scalar(value=True), count)

    def some(*names: str) -> pa.BooleanArray:
        found = pa.repeat(pa.scalar(value=False), count)
        for name in names:
            found = pc.or_(found, columns[name].is_valid())
        return found

    unsent = pc.and_not(some("email_key", "phone_key", "row_business_id"), some(f"{question.point_kind}_key"))
    return pc.or_(unsent, some("post_key", "email_hash_key", "phone_hash_key", "row_ref"))


def _dates(values: pa.Array | None, count: int) -> pa.Array:
    """ISO and Finnish dates (``2026-10-01``, ``1.10.2026``); anything else is an unknown date."""
    if values is None:
        return pa.nulls(count, pa.date32())
    return pa.array([None if value is None else date_of(value.strip()) for value in values.to_pylist()], pa.date32())


def date_of(text: str) -> date | None:
    """A date as lists write it, or None."""
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
    known = {value: area_codes(value) for value in pc.unique(values).to_pylist()}
    return pa.array([known[value] for value in values.to_pylist()], pa.string())


def area_codes(text: str | None) -> str:
    """The areas of a cell as a set of codes."""
    if text is None:
        return ""
    parts = [part.strip() for part in text.translate(_AREA_SEPARATORS).split(";") if part.strip()]
    return "".join(f"|{area_of_text(part) or part}" for part in parts) + "|" if parts else ""

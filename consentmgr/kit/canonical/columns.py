"""Canonical forms of whole Arrow columns.

Plain rows (ASCII e-mail, ordinary Finnish and E.164 numbers, simple street addresses) are recognised by one regular
expression and handled as columns; whatever it does not recognise goes one by one through the same functions as a
single address, so both paths give the same answer by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from consentmgr.kit.canonical.emails import PLAIN_EMAIL, canonical_email
from consentmgr.kit.canonical.names import name_part
from consentmgr.kit.canonical.phones import PLAIN_FINNISH, canonical_phone, plain_e164
from consentmgr.kit.canonical.postal import canonical_post

if TYPE_CHECKING:
    import pyarrow as pa

_PIECE = 131_072


def canonical_column(kind: str, values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """``canonical_email`` or ``canonical_phone`` (Finnish region) of a column; large_string, null where there is none."""
    import pyarrow as pa

    work = {"email": _canonical_emails, "phone": _canonical_phones}[kind]
    done = [work(piece) for piece in pieces(values)]
    return pa.concat_arrays(done) if done else pa.array([], pa.large_string())


def canonical_post_column(
    street: pa.Array, apartment: pa.Array | None, postal_code: pa.Array, country: pa.Array | None = None
) -> pa.Array:
    """``canonical_post`` of columns, all of one length; large_string, null where a row has no canonical form."""
    import pyarrow as pa

    blank = pa.nulls(len(street), pa.large_string())
    columns = [column if column is not None else blank for column in (street, apartment, postal_code, country)]
    if len({len(column) for column in columns}) > 1:
        raise ValueError("the columns of an address must have one length")
    whole = [pa.concat_arrays(list(pieces(column))) if len(column) else blank for column in columns]
    done = [
        _canonical_posts(*(column.slice(start, _PIECE) for column in whole)) for start in range(0, len(street), _PIECE)
    ]
    return pa.concat_arrays(done) if done else blank


def canonical_name_column(given: pa.Array, family: pa.Array) -> pa.Array:
    """``canonical_name`` of two columns of one length; large_string, null where a row has no canonical form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(given) != len(family):
        raise ValueError("the columns of a name must have one length")
    # The same names come again and again, so that each is folded once.
    parts = [_each_once(name_part, pc.fill_null(column.cast(pa.large_string()), "")) for column in (given, family)]
    names = pc.binary_join_element_wise(*parts, pa.scalar("|", pa.large_string()))
    return pc.if_else(pc.equal(names, "|"), pa.scalar(None, pa.large_string()), names)


def _each_once(work: Callable[[str], str | None], values: pa.Array) -> pa.Array:
    import pyarrow as pa

    encoded = values.dictionary_encode()
    return pa.array([work(text) for text in encoded.dictionary.to_pylist()], pa.large_string()).take(encoded.indices)


# Street, house number, and a stair letter, an apartment number or both. No word of it needs a second look. Capitals
# are spelt out, because engines do not agree on the small form of every letter of the world.
_LETTER = "A-ZÅÄÖÉa-zåäöé"
_PLAIN_POST = (
    rf"^[{_LETTER}-]+(?: [{_LETTER}-]+)* [1-9][0-9]{{0,4}}[A-ZÅÄÖa-zåäö]?"
    r"(?: [A-ZÅÄÖa-zåäö] ?[1-9][0-9]{0,4}| [1-9][0-9]{0,4}| [A-ZÅÄÖa-zåäö])?$"
)
_PLAIN_BOX = r"^(?:pl|pb|p ?o ?box|postilokero|postbox|box) "


def _canonical_posts(street: pa.Array, apartment: pa.Array, postal_code: pa.Array, country: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    def filled(column: pa.Array) -> pa.Array:
        return pc.ascii_trim_whitespace(pc.fill_null(column, ""))

    def joined(*columns: pa.Array | str) -> pa.Array:
        parts = [pa.scalar(column, pa.large_string()) if isinstance(column, str) else column for column in columns]
        return pc.binary_join_element_wise(*parts)

    line = joined(pc.fill_null(street, ""), pc.fill_null(apartment, ""), " ")
    line = pc.ascii_trim(pc.replace_substring_regex(line, "[ ,]+", " "), " ")
    code = filled(postal_code)
    in_finland = pc.is_in(pc.ascii_lower(filled(country)), pa.array(["", "fi", "suomi", "finland"], pa.large_string()))
    plain = pc.match_substring_regex(line, _PLAIN_POST)
    line = pc.utf8_lower(line)
    plain = pc.and_(plain, pc.match_substring_regex(code, "^[0-9]{5}$"))
    plain = pc.and_not(pc.and_(plain, in_finland), pc.match_substring_regex(line, _PLAIN_BOX))
    plain = pc.and_(plain, pc.greater(pc.binary_length(filled(street)), 0))
    plain = pc.and_(plain, pc.less(pc.binary_length(line), 500))
    line = pc.replace_substring_regex(line, "( [a-zåäö])([0-9]+)$", r"\1 \2")
    folded = joined("FI", code, line, "|")
    slow = pc.invert(plain)
    rest = [column.filter(slow).to_pylist() for column in (street, apartment, postal_code, country)]
    answers = [canonical_post(one, two, three, None, four) for one, two, three, four in zip(*rest, strict=True)]
    return pc.replace_with_mask(folded, slow, pa.array(answers, pa.large_string())) if answers else folded


def pieces(values: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    """The column as arrays of large_string of a size that keeps the Python objects of one step small."""
    import pyarrow as pa

    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            piece = chunk.slice(start, _PIECE)
            if pa.types.is_dictionary(piece.type):
                piece = piece.dictionary_decode()
            yield piece if piece.type == pa.large_string() else piece.cast(pa.large_string())


def _canonical_emails(values: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    folded = pc.ascii_lower(pc.ascii_trim_whitespace(values))
    plain = pc.match_substring_regex(folded, PLAIN_EMAIL)
    # Punycode is decoded one by one; and no address that is too long may slip through the fast path.
    unsure = pc.or_(pc.match_substring(folded, "xn--"), pc.greater(pc.binary_length(folded), 253))
    return _with_slow_rows(values, folded, pc.and_not(plain, unsure), canonical_email)


def _canonical_phones(values: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    short = pc.less_equal(pc.binary_length(values), 100)
    dialled = pc.match_substring_regex(values, r"^ *\+?[0-9]+(?:[ -][0-9]+)* *$")
    bare = pc.replace_substring_regex(values, r"[ -]", "")
    national = pc.match_substring_regex(bare, PLAIN_FINNISH)
    international = pc.match_substring_regex(bare, plain_e164())
    folded = pc.if_else(national, pc.replace_substring_regex(bare, "^0", "+358"), bare)
    plain = pc.and_(pc.and_(short, dialled), pc.or_(national, international))
    return _with_slow_rows(values, folded, plain, canonical_phone)


def _with_slow_rows(
    values: pa.Array, folded: pa.Array, plain: pa.Array, one_by_one: Callable[[str], str | None]
) -> pa.Array:
    """``folded`` where ``plain``, and what ``one_by_one`` says of the rest; null stays null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    slow = pc.invert(pc.fill_null(plain, True))
    rest = values.filter(slow)
    if len(rest) == 0:
        return folded
    answers = pa.array((one_by_one(text) for text in rest.to_pylist()), pa.large_string())
    return pc.replace_with_mask(folded, slow, answers)

"""The words of people's names as search finds them: small letters without accents, parted at whatever is no letter.

The same folding stands here twice, as a function of the database's, which an index is built on, and as one of ours for
what is asked. A name of plain English letters, as most are, takes the short way, because an import computes it for
every contact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

#: Letters as they are after ``lower``, the Finnish ones first, and the capitals that a database of the plain C locale
#: does not know to be capitals.
_LETTERS: Final = "åäöÅÄÖéüøæšžáàâãçèêëíìîïñóòôõúùûýÿāčđēģīķļłńņūÉÜØÆŠŽÁÀÈÍÓÚ"
#: What Unicode does not take apart.
_WHOLE: Final = {"ø": "o", "æ": "a", "đ": "d", "ł": "l"}
#: What parts the words of a name, besides the space. The apostrophe is written twice for SQL.
_BETWEEN: Final = "-.,/_()’`´\"'"


def _bare(letter: str) -> str:
    small = letter.lower()
    return _WHOLE.get(small) or unicodedata.normalize("NFD", small)[0]


_BARE: Final = "".join(map(_bare, _LETTERS))
_TABLE: Final = str.maketrans(_LETTERS + _BETWEEN, _BARE + " " * len(_BETWEEN))
#: Longer names are nobody's; their beginning is found.
_LONGEST: Final = 200
_WORD = re.compile(r"[^\W_]+")

_NAME: Final = f"left(coalesce(given, '') || ' ' || coalesce(family, ''), {_LONGEST})"
_FROM: Final = (_LETTERS + _BETWEEN).replace("'", "''")
_TO: Final = _BARE + " " * len(_BETWEEN)

#: The words of a contact's name, as a ``tsvector`` without positions. A function of the database, made by a migration:
#: PostgreSQL puts its body in its place, and it has one name in the index, in questions and in the migrations' check.
CREATE_FUNCTION: Final = f"""
CREATE FUNCTION name_words(given text, family text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_remove(string_to_array(CASE WHEN {_NAME} ~ '[^A-Za-z ]'
    THEN translate(lower({_NAME}), '{_FROM}', '{_TO}') ELSE lower({_NAME}) END, ' '), ''))
$$
"""
NAME_WORDS: Final = "name_words(given_name, family_name)"


def words_of(text: str) -> list[str]:
    """The words of what somebody typed, folded as those of names are."""
    return _WORD.findall(text[:_LONGEST].lower().translate(_TABLE))


def beginnings(words: Sequence[str]) -> str:
    """The question for names of which every one of these words begins a word: a ``tsquery`` in its text form.

    Of words that ``words_of`` gave; they hold letters and digits only, so nothing in them has a meaning of its own.
    """
    return " & ".join(f"'{word}':*" for word in words)

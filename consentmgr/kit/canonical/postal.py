"""Canonical postal addresses."""

from __future__ import annotations

import re

from consentmgr.kit.canonical.text import DASHES, LONGEST_TEXT, SPREADSHEET_ZEROS, printable, settled, visible

_COUNTRY_NAMES = {
    "": "FI", "suomi": "FI", "finland": "FI", "fin": "FI", "ax": "FI", "åland": "FI", "ahvenanmaa": "FI",
    "sverige": "SE", "ruotsi": "SE", "sweden": "SE", "swe": "SE", "norge": "NO", "norja": "NO", "norway": "NO",
    "danmark": "DK", "tanska": "DK", "denmark": "DK", "eesti": "EE", "viro": "EE", "estland": "EE", "estonia": "EE",
    "saksa": "DE", "tyskland": "DE", "germany": "DE", "deutschland": "DE",
}  # fmt: skip
_POSTAL_PREFIX = re.compile(r"(?:(fin|fi|sf|ax|se|s|no|n|dk|ee|de|d)\s*-\s*|(fi|ax|se|no|dk|ee|de)\s*)(?=\d)")
_POSTAL_PREFIX_COUNTRY = {"fin": "FI", "sf": "FI", "ax": "FI", "s": "SE", "n": "NO", "d": "DE"}
_BOX = re.compile(r"(?:pl|pb|p\.?\s?o\.?\s?box|po\s?box|postilokero|postbox|box)\.?\s*(\d+)")
# Words that stand before an apartment number or a stair letter and add nothing to them.
_APARTMENT_WORDS = frozenset(
    ["as", "asunto", "bost", "bostad", "lgh", "lägenhet", "huoneisto", "huon", "hto", "hst", "apt"]
)
_STAIR_WORDS = frozenset(["rappu", "porras", "rp", "trappa", "uppgång"])
_HOUSE_NUMBER = re.compile(r"\d+[a-zåäö]?(?:-\d+[a-zåäö]?)?")
_STAIR_AND_APARTMENT = re.compile(r"([a-zåäö]{1,2})(\d+[a-zåäö]?)")
_WORD_AND_APARTMENT = re.compile(rf"(?:{'|'.join(sorted(_APARTMENT_WORDS))})(\d+[a-zåäö]?)")


def canonical_post(
    street: str | None,
    apartment: str | None,
    postal_code: str | None,
    city: str | None,  # noqa: ARG001 - every address has one, and it decides nothing
    country: str | None = "FI",
) -> str | None:
    """One form of a postal address: ``FI|00100|esimerkkikatu 12 a 1``; ``None`` without a street and a postal code.

    Case, commas, spaces, dashes and the words for "apartment" do not matter; nor does whether the apartment stands in
    a field of its own. ``city`` is not part of the form: the postal code says it, in either language. A letter
    written to the house number belongs to it (``12b`` is another house than stair B of ``12``). ``PL`` and ``PB``
    are one box.
    """
    country_code = _country_code(country or "")
    code = _canonical_postal_code(postal_code or "", country_code)
    if country_code is None or code is None:
        return None
    text = f"{street or ''}\n{apartment or ''}"
    if len(text) > LONGEST_TEXT or not (street or "").strip():
        return None
    line = settled(text, _canonical_street)
    return f"{country_code}|{code}|{line}" if line and printable(line) else None


def _country_code(country: str) -> str | None:
    name = settled(visible(country), str.casefold)
    known = _COUNTRY_NAMES.get(name)
    if known:
        return known
    return name.upper() if len(name) == 2 and name.isascii() and name.isalpha() else None


def _canonical_postal_code(text: str, country: str | None) -> str | None:
    if len(text) > 40:
        return None
    code = DASHES.sub("-", settled(visible(text), str.casefold))
    prefix = _POSTAL_PREFIX.match(code)
    if prefix:
        letters = prefix[1] or prefix[2]
        if _POSTAL_PREFIX_COUNTRY.get(letters, letters.upper()) != country:
            return None
        code = code[prefix.end() :]
    zeros = SPREADSHEET_ZEROS.fullmatch(code)
    if zeros:
        code = zeros[1]
    code = re.sub(r"[\s\-]", "", code)
    if country == "FI":
        # A spreadsheet turns 00100 into 100; Finnish codes have five digits, so the zeros can be given back.
        return code.zfill(5) if code.isascii() and code.isdigit() and 3 <= len(code) <= 5 else None
    return code if code.isalnum() and len(code) <= 12 else None


def _canonical_street(text: str) -> str:
    """One pass over street and apartment; a second pass may find a word that the first laid bare."""
    text = DASHES.sub("-", settled(visible(text), str.casefold)).replace("|", " ")
    # "c/o Virtanen, Esimerkkikatu 1": whose letter box it is does not change which letter box it is.
    parts = [part.strip() for part in re.split(r"[,;\n\r]", text)]
    named = [part for part in parts if part and not re.match(r"c\s?/\s?o\b", part)]
    text = " ".join(named or parts)
    text = text.replace("’", "'").replace(".", " ")
    text = re.sub(r"(?<=\d)\s*-\s*(?=\d)", "-", text)
    tokens = text.split()
    text = " ".join(tokens)
    box = _BOX.fullmatch(text)
    if box:
        return f"pl {int(box[1])}"
    # The house number is the first number that something stands before ("3. linja 5": 5).
    house = next((i for i, token in enumerate(tokens) if i > 0 and _HOUSE_NUMBER.fullmatch(token)), len(tokens))
    canonical = [*tokens[:house]]
    if house < len(tokens):
        canonical.append(_without_zeros(tokens[house]))
    return " ".join([*canonical, *_canonical_apartment(tokens[house + 1 :])])


def _canonical_apartment(tokens: list[str]) -> list[str]:
    """What stands after the house number: stair letter and apartment number, without the words for them."""
    canonical: list[str] = []
    # From the end, so that a word is judged by what it finally stands before.
    for token in reversed(tokens):
        following = canonical[0] if canonical else ""
        if token in _APARTMENT_WORDS and following[:1].isdigit():
            continue
        if token in _STAIR_WORDS and re.fullmatch(r"[a-zåäö]", following):
            continue
        worded, joined = _WORD_AND_APARTMENT.fullmatch(token), _STAIR_AND_APARTMENT.fullmatch(token)
        if worded:
            canonical[:0] = [_without_zeros(worded[1])]
        elif joined:
            canonical[:0] = [joined[1], _without_zeros(joined[2])]
        else:
            canonical[:0] = [_without_zeros(token)]
    return canonical


def _without_zeros(token: str) -> str:
    """``001`` is apartment 1: registers pad, people do not, and no house has both."""
    return token.lstrip("0") or "0" if token.isascii() and token[:1].isdigit() else token

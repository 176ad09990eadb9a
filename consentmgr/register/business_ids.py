"""National organisation numbers: one written form for each, and whether its check digits hold.

An organisation is found by this text, so ``01120389``, ``FI01120389`` and ``0112038-9`` must become one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from stdnum.exceptions import ValidationError
from stdnum.fi import ytunnus
from stdnum.se import orgnr

_FINNISH = re.compile(r"\d{7}-\d")
_BARE = re.compile(r"\d{8}|\d{10}", re.ASCII)
#: As people write it: with the VAT prefix or without, blanks beside the prefix and the hyphen, a dash for the hyphen.
_FINNISH_WRITTEN = re.compile(
    r"(?:FI[ -]?)?(\d{7}) ?[-\u2010-\u2015\u2212] ?(\d)|FI[ -]?(\d{7})(\d)", re.IGNORECASE | re.ASCII
)

#: Countries whose numbers have check digits that are looked at here.
CHECKED_COUNTRIES = frozenset(("FI", "SE"))

#: Numbers of a file repeat: many people work in one organisation.
_REMEMBERED = 50_000


@lru_cache(maxsize=_REMEMBERED)
def canonical_business_id(text: str, country: str = "FI") -> str | None:
    """The written form of a national number of ``country`` (two letters), or None where its check digits fail.

    Finland and Sweden are checked (python-stdnum ``fi.ytunnus``, ``se.orgnr``); what other countries have is taken as
    it stands, without blanks around it, as long as a digit is in it, for a name typed into the wrong field has none.
    """
    text = text.strip()
    try:
        if country == "FI":
            written = _FINNISH_WRITTEN.fullmatch(text)
            digits: str = ytunnus.validate(text if written is None else "".join(filter(None, written.groups())))
            return f"{digits[:-1]}-{digits[-1]}"
        if country == "SE":
            digits = orgnr.validate(text)
            return f"{digits[:6]}-{digits[6:]}"
    except ValidationError:
        return None
    return text if any(character.isdigit() for character in text) else None


@lru_cache(maxsize=_REMEMBERED)
def canonical_reference(text: str) -> str | None:
    """What another document calls an organisation by: its number, or its ``ref``, which is taken as it stands.

    A reference does not say its country. One that has the shape of a Finnish business id must be one (None where its
    check digits fail), because a mistyped number would silently make another organisation. Digits alone stand as they
    are, for they may be a ref or another country's number; where no organisation has been told by them they are what
    ``bare_business_id`` reads.
    """
    text = text.strip()
    if _FINNISH_WRITTEN.fullmatch(text):
        return canonical_business_id(text)
    return text or None


def bare_business_id(text: str) -> str | None:
    """The id that digits without their hyphen are by their check digit: eight a Finnish, ten a Swedish; None else.

    Spreadsheets lose hyphens, and people put blanks between digits.
    """
    digits = "".join(text.split())
    if _BARE.fullmatch(digits):
        return canonical_business_id(digits, "FI" if len(digits) == 8 else "SE")
    return None


def canonical_in_list(text: str) -> str | None:
    """What a campaign list calls an organisation by, as the register writes it; None where it can be none.

    Lists do not say the country and lose hyphens: digits alone are what ``bare_business_id`` reads, and anything else
    with a digit in it is another country's and taken as it stands.
    """
    text = text.strip()
    if _FINNISH_WRITTEN.fullmatch(text):
        return canonical_business_id(text)
    if not any(character.isdigit() for character in text):
        return None
    return bare_business_id(text) or text


def names_meant(text: str) -> list[str]:
    """Every name in the register that ``text`` may be, as it stands first: for whoever searches."""
    text = text.strip()
    return [name for name in dict.fromkeys((text, canonical_reference(text), bare_business_id(text))) if name]


def is_finnish(identity: str) -> bool:
    """Whether a canonical reference is a Finnish business id."""
    return _FINNISH.fullmatch(identity) is not None

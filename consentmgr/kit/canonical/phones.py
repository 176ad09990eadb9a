"""Canonical telephone numbers: E.164, as ``phonenumbers`` reads them."""

from __future__ import annotations

import re
from functools import lru_cache

from consentmgr.kit.canonical.text import DASHES, SPREADSHEET_ZEROS, visible

_SPOKEN_PREFIX = re.compile(
    r"(?:tel|puh|puhelin|matkapuhelin|gsm|mob|mobil|mobile|phone|telefon|p)\b[.:]?\s*", re.IGNORECASE
)
_EXTENSION = re.compile(r"\s*(?:;ext=|ext\.?|extn\.?|alanumero|alanro|ankn\.?|anknytning|x)\s*\d{1,6}$", re.IGNORECASE)
_SPREADSHEET_POWER = re.compile(r"(\d)[.,](\d+)[eE]\+?(\d{1,2})")
_DIALLED = re.compile(r"[+(]{0,2}[0-9(][0-9 ().\-/\t]*")
# A stroke stands after an area code ("09/420 5043"); anywhere else it joins two numbers.
_AREA_STROKE = re.compile(r"^(\(?\+?[0-9]{1,4}\)?)\s*/\s*")

# Finnish numbers as they are mostly written, separators taken out. "0358..." is left to the slow path, for it is a
# country code written with a zero as often as it is a number of its own.
PLAIN_FINNISH = r"^0(?:[124-9][0-9]|3[0-46-9])[0-9]{5,8}$"
# Countries whose numbers are read as columns when written with "+": the neighbours, and where Finns and customers are.
_PLAIN_REGIONS = ("FI", "SE", "NO", "DK", "IS", "EE", "LV", "DE", "GB", "NL", "FR", "ES", "PL", "IE")


#: A national number of fewer digits is taken only where it has been issued: by length alone "050 12" would be one.
_LEAST_UNISSUED_DIGITS = 7


def canonical_phone(text: str, region: str = "FI") -> str | None:
    """The number in E.164 (``+358501234567``), or ``None`` where the text has none or could mean two.

    ``region`` (ISO 3166) is where a number without a country code belongs. ``phonenumbers`` decides, by length
    (*possible*) rather than by its table of issued ranges (*valid*): the table lags behind, and a number in a list is
    dialled whether the table knows it or not. A number that has lost its leading zero or plus to a spreadsheet has
    only its ranges left to tell what it is, so there *valid* is asked, as it is of very short numbers. An extension is
    dropped: one line, one ban.
    """
    if len(text) > 100:
        return None
    text = DASHES.sub("-", visible(text))
    text = _EXTENSION.sub("", _SPOKEN_PREFIX.sub("", text, count=1) if text[:1].isalpha() else text)
    zeros, power = SPREADSHEET_ZEROS.fullmatch(text), _SPREADSHEET_POWER.fullmatch(text)
    if zeros:
        text = zeros[1]
    elif power:
        # 3.58501234567E+11 still has every digit; 3.58501E+11 has lost half of them.
        if len(power[2]) != int(power[3]):
            return None
        text = power[1] + power[2]
    text = _AREA_STROKE.sub(r"\1 ", text, count=1)
    if "/" in text or not _DIALLED.fullmatch(text) or text.count("(") != text.count(")"):
        return None
    digits = re.sub(r"[^0-9]", "", text)
    if "+" in text:
        return _e164("+" + digits)
    region = region.upper()
    if not digits.startswith("0"):
        return _unprefixed_phone(digits, region)
    if digits.startswith("00"):
        return _national_phone(digits, region)
    number = _national_phone(digits, region)
    # "0358 50 ..." is a country code after a stray zero, or a number of its own: only an issued number tells.
    if region == "FI" and digits.startswith("0358") and number is not None and not _is_valid(number):
        return None
    return number


def _unprefixed_phone(digits: str, region: str) -> str | None:
    """Digits with neither ``0`` nor ``+`` before them, as spreadsheets leave them.

    In Finland 7 to 9 digits are a national number and 11 or more beginning with 358 an international one. Ten digits
    could be Finnish or, say, Norwegian (47 and eight), so they are refused.
    """
    if region == "FI":
        if digits.startswith("358") and 11 <= len(digits) <= 13:
            number = _e164("+" + digits)
        elif 7 <= len(digits) <= 9:
            number = _e164("+358" + digits)
        else:
            return None
        return number if number is not None and _is_valid(number) else None
    # Elsewhere many countries have no leading zero at all; a possible number of the region is taken as one.
    number = _national_phone(digits, region)
    return number if number is not None and _is_valid(number) else None


def _national_phone(digits: str, region: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    return _e164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _e164(text: str) -> str | None:
    """``text`` ("+" and digits) as phonenumbers writes it, where the length is possible and the form is stable."""
    import phonenumbers

    for _ in range(2):
        try:
            number = phonenumbers.parse(text, None)
        except phonenumbers.NumberParseException:
            return None
        if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
            return None
        short = len(phonenumbers.national_significant_number(number)) < _LEAST_UNISSUED_DIGITS
        if short and not phonenumbers.is_valid_number(number):
            return None
        again = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if again == text:
            return again
        text = again
    return None


def _is_valid(number: str) -> bool:
    import phonenumbers

    return phonenumbers.is_valid_number(phonenumbers.parse(number, None))


@lru_cache(maxsize=1)
def plain_e164() -> str:
    """A regular expression of E.164 numbers that are canonical as they stand, made from phonenumbers' own tables.

    Only where the region's trunk prefix is one digit or none, so that a number not beginning with it is never
    rewritten; the lengths are those that ``is_possible_number`` asks for, but for short ones, which are looked up.
    """
    import phonenumbers

    forms = []
    for region in _PLAIN_REGIONS:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        if metadata is None or metadata.general_desc is None:
            continue
        if (metadata.national_prefix_for_parsing or "0") != "0":
            continue
        possible = (length for length in metadata.general_desc.possible_length if length >= _LEAST_UNISSUED_DIGITS)
        lengths = "|".join(f"[0-9]{{{length - 1}}}" for length in possible)
        forms.append(f"{metadata.country_code}[1-9](?:{lengths})")
    return rf"^\+(?:{'|'.join(forms)})$"

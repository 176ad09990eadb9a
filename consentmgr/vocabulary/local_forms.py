"""Numbers, shares and days as each language writes them: the Finnish regional form of all three. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from consentmgr.vocabulary.codes import Language

#: The regional form of each language: Finnish dates and numbers in all three.
LOCALES: Final[Mapping[Language, str]] = {"en": "en_GB", "fi": "fi_FI", "sv": "sv_FI"}


def number(value: int, language: Language) -> str:
    """``12 480``: with the language's thousands separator."""
    return format_decimal(value, locale=LOCALES[language])


def percent(part: int, whole: int, language: Language) -> str:
    """The share with one decimal. What is not nothing is never shown as nothing, nor what is not all as all."""
    if not whole:
        return "–"
    tenths = round(part * 1000 / whole)
    mark = ""
    if part and not tenths:
        mark, tenths = "< ", 1
    elif part < whole and tenths == 1000:
        mark, tenths = "> ", 999
    pattern = "#,##0.0%" if language == "en" else "#,##0.0 %"
    return mark + format_percent(tenths / 1000, pattern, locale=LOCALES[language])


def day(value: date, language: Language) -> str:
    """``21 November 2026``."""
    return format_date(value, "long", locale=LOCALES[language])

"""Values of settings in words: as a reader of each language would say them, and what may be typed for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.local_forms import day, number
from consentmgr.vocabulary.policy import CALL_DAYS, CallHours, PolicyRow

_SWITCH_VALUES: Final[Mapping[str, Mapping[Language, str]]] = {
    "block": {"en": "block", "fi": "estetään", "sv": "spärras"},
    "review": {"en": "review", "fi": "tarkistetaan", "sv": "granskas"},
    "allow": {"en": "allow", "fi": "sallitaan", "sv": "tillåts"},
    "strict": {"en": "as a natural person", "fi": "kuin luonnollinen henkilö", "sv": "som en fysisk person"},
    "b2b": {"en": "as an organisation", "fi": "kuin organisaatio", "sv": "som en organisation"},
    "named": {"en": "named addresses blocked", "fi": "nimetyt osoitteet estetään", "sv": "namngivna adresser spärras"},
}
#: A limit's unit after one and after any other number.
_UNITS: Final[Mapping[str, Mapping[Language, tuple[str, str]]]] = {
    "months": {"en": ("month", "months"), "fi": ("kuukausi", "kuukautta"), "sv": ("månad", "månader")},
    "days": {"en": ("day", "days"), "fi": ("päivä", "päivää"), "sv": ("dag", "dagar")},
    "hours": {"en": ("hour", "hours"), "fi": ("tunti", "tuntia"), "sv": ("timme", "timmar")},
    "persons": {"en": ("person", "persons"), "fi": ("henkilö", "henkilöä"), "sv": ("person", "personer")},
}
_NO_CAP: Final[Mapping[Language, str]] = {"en": "no cap", "fi": "ei rajaa", "sv": "inget tak"}
_ENTRIES: Final[Mapping[Language, str]] = {"en": "{n} entries", "fi": "{n} kohtaa", "sv": "{n} poster"}
_OTHERS: Final[Mapping[Language, str]] = {"en": "others", "fi": "muut", "sv": "övriga"}
_NEVER: Final[Mapping[Language, str]] = {"en": "never", "fi": "ei koskaan", "sv": "aldrig"}
_DAYS: Final[Mapping[Language, tuple[str, str, str, str]]] = {
    "en": ("Mon–Fri", "Sat", "Sun", "public holidays"),
    "fi": ("ma–pe", "la", "su", "pyhäpäivät"),
    "sv": ("mån–fre", "lör", "sön", "helgdagar"),
}


#: What a person may type for a setting, where the English of ``PolicyRow.allowed`` is not read.
_ALLOWED: Final[Mapping[str, Mapping[Language, str]]] = {
    "limit": {"fi": "kokonaisluku väliltä {lowest}–{highest}", "sv": "ett heltal från {lowest} till {highest}"},
    "or_null": {"fi": "{limit} tai null", "sv": "{limit} eller null"},
    "date": {"fi": "ISO-muotoinen päivämäärä", "sv": "ett datum i ISO-format"},
    "hours": {
        "fi": "tunnit muodossa [alku, loppu] tai null: {days}",
        "sv": "timmar som [från, till] eller null: {days}",
    },
}


def setting_value(row: PolicyRow, value: Any, language: Language) -> str:
    """A policy value as a reader of ``language`` would say it."""
    if value is None:
        return _NO_CAP[language]
    if isinstance(value, CallHours):
        return _hours(value, language)
    if isinstance(value, date):
        return day(value, language)
    if row.kind == "countries":
        return "; ".join(
            f"{_OTHERS[language] if country == '*' else country}: {_SWITCH_VALUES[rule][language]}"
            for country, rule in sorted(value, key=lambda item: item[0] == "*")
        )
    if isinstance(value, tuple):
        return _ENTRIES[language].format(n=number(len(value), language))
    if isinstance(value, int):
        unit = _UNITS.get(row.unit)
        return f"{number(value, language)} {unit[language][value != 1] if unit else ''}".strip()
    return _SWITCH_VALUES[value][language] if value in _SWITCH_VALUES else str(value)


def _hours(hours: CallHours, language: Language) -> str:
    spans = (hours.monday_to_friday, hours.saturday, hours.sunday, hours.public_holiday)
    return ", ".join(
        f"{name} {span[0]}–{span[1]}" if span else f"{name} {_NEVER[language]}"
        for name, span in zip(_DAYS[language], spans, strict=True)
    )


def allowed_values(row: PolicyRow, language: Language) -> str:
    """What a switch or limit may be, as the terminal takes it; the values of a switch are words of every language."""
    if language == "en" or row.kind not in _ALLOWED:
        return row.allowed
    text = _ALLOWED[row.kind][language].format(lowest=row.lowest, highest=row.highest, days=", ".join(CALL_DAYS))
    return _ALLOWED["or_null"][language].format(limit=text) if row.nullable else text

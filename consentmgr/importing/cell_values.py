"""What people write in cells, as values: dates, moments, yes and no, and the words of the code lists.

Everything here reads one trimmed text and either knows what it means or says so (``ValueError`` whose message ends a
sentence that begins with the column's name); nothing is guessed. A value never stands in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from consentmgr.kit.clock import HELSINKI
from consentmgr.vocabulary.areas import area_of_text
from consentmgr.vocabulary.codes import (
    CHANNELS,
    LANGUAGES,
    ORGANISATION_FORMS,
    PLATFORMS,
    POSITIONS,
    PROHIBITION_SOURCES,
    PURPOSES,
)
from consentmgr.vocabulary.columns import folded
from consentmgr.vocabulary.countries import COUNTRIES

_ISO_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_PACKED_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_FINNISH_DATE = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_SHORT_YEAR = re.compile(r"\d{1,2}\.\s?\d{1,2}\.\s?\d{2}")
_SLASHED = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}")
#: A day as a spreadsheet counts it, where the cell lost its format: 1927 to 2099, five digits.
_SERIAL = re.compile(r"([1-7]\d{4})([.,]\d+)?")
_SERIAL_ZERO = date(1899, 12, 30)
_TIME = re.compile(
    r"(?:(?:klo|kl\.?|at)\s*)?(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(?:Z|UTC)?", re.IGNORECASE
)
_YEARS = range(1850, 2200)

_HOW_TO_WRITE = "write it as 2026-01-31 or 31.1.2026"


@lru_cache(maxsize=16_384)
def parse_date(text: str) -> date:
    """The day in ``text``: ISO, Finnish (31.1.2026), or a spreadsheet's day number; a time after it is dropped.

    A moment with an offset is the Finnish day it falls on. 1/2/2026 and years of two digits are refused, because
    they can be read in two ways.
    """
    day, rest = _day_in(text)
    if not rest:
        return day
    return _moment(day, rest, UTC).astimezone(HELSINKI).date() if _has_offset(text) else day


@lru_cache(maxsize=16_384)
def parse_moment(text: str, *, utc: bool = False) -> datetime:
    """The moment in ``text``, aware. Without an offset it is Finnish time (or UTC, for systems that write so).

    A day alone is its first instant: the earliest, so that a consent never looks later than it was.
    """
    day, rest = _day_in(text)
    zone = UTC if utc else HELSINKI
    if not rest:
        return datetime.combine(day, time.min, zone)
    return _moment(day, rest, zone)


def _day_in(text: str) -> tuple[date, str]:
    """The day, and what stands after it."""
    for pattern, order in ((_ISO_DATE, (1, 3, 4)), (_FINNISH_DATE, (3, 2, 1)), (_PACKED_DATE, (1, 2, 3))):
        if found := pattern.match(text):
            rest = text[found.end() :]
            if rest[:1].isdigit():
                continue
            year, month, day = (int(found[group]) for group in order)
            try:
                value = date(year, month, day)
            except ValueError:
                raise ValueError("is a date that does not exist") from None
            if year not in _YEARS:
                raise ValueError("is a date that cannot be meant")
            return value, rest.strip().removeprefix("T").strip()
    if found := _SERIAL.fullmatch(text):
        return _SERIAL_ZERO + timedelta(days=int(found[1])), ""
    if _SLASHED.match(text):
        raise ValueError(f"is a date that does not tell the day from the month; {_HOW_TO_WRITE}")
    if _SHORT_YEAR.match(text):
        raise ValueError(f"has a year of two digits; {_HOW_TO_WRITE}")
    raise ValueError(f"is not a date; {_HOW_TO_WRITE}")


def _has_offset(text: str) -> bool:
    return re.search(r"(?:Z|UTC|[+-]\d{2}:?\d{2})$", text.strip(), re.IGNORECASE) is not None


def _moment(day: date, rest: str, zone: tzinfo) -> datetime:
    try:
        # Python reads every ISO form, with fractions and offsets.
        exact = datetime.fromisoformat(f"{day.isoformat()}T{rest.replace(' ', '')}")
    except ValueError:
        pass
    else:
        return exact if exact.tzinfo is not None else exact.replace(tzinfo=zone)
    found = _TIME.fullmatch(rest)
    if found is None:
        raise ValueError("has a time of day that cannot be read; write it as 2026-01-31 14:30")
    try:
        clock = time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError:
        raise ValueError("has a time of day that does not exist") from None
    named_utc = rest.upper().endswith(("Z", "UTC"))
    return datetime.combine(day, clock, UTC if named_utc else zone)


_YES = frozenset(map(folded, ("yes", "y", "true", "1", "x", "kyllä", "k", "on", "ja", "sant", "tosi", "ok", "annettu")))
_NO = frozenset(map(folded, ("no", "n", "false", "0", "ei", "e", "nej", "falskt", "epätosi", "off", "kielletty")))


def parse_yes_no(text: str) -> bool:
    """Yes or no, in three languages."""
    word = folded(text)
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError("is neither yes nor no")


def _words(codes: Iterable[str], others: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    known = {folded(code): code for code in codes}
    for code, names in others.items():
        for name in names:
            known[folded(name)] = code
    return known


#: What people write for the codes of the contract; each code stands for itself as well.
WORDS: dict[str, dict[str, str]] = {
    "channel": _words(
        CHANNELS,
        {
            "email": ("e-mail", "sähköposti", "s-posti", "e-post", "mail"),
            "sms": ("tekstiviesti", "tekstari", "text message", "textmeddelande", "text"),
            "instant_message": ("pikaviesti", "whatsapp", "messenger", "snabbmeddelande", "chat"),
            "automated_call": ("automaattisoitto", "soittoautomaatti", "robocall", "automatiskt samtal"),
            "fax": ("faksi", "telefax", "telefaksi"),
            "phone": ("puhelin", "puhelu", "soitto", "puhelinmyynti", "call", "telephone", "telefon", "samtal"),
            "post": ("posti", "kirje", "kirjeposti", "osoitteellinen posti", "letter", "mail by post", "brev"),
            "online_audience": ("kohdeyleisö", "verkkoyleisö", "sosiaalinen media", "some", "målgrupp online"),
        },
    ),
    "purpose": _words(
        PURPOSES,
        {
            "direct_marketing": (
                "marketing", "suoramarkkinointi", "markkinointi", "direktmarknadsföring", "marknadsföring", "dm",
            ),
            "newsletter": ("uutiskirje", "nyhetsbrev", "newsletters"),
            "service_message": ("palveluviesti", "asiakasviestintä", "servicemeddelande", "service"),
            "research": ("tutkimus", "mielipidetutkimus", "markkinatutkimus", "undersökning", "survey", "kysely"),
            "public_information": ("tiedotus", "viranomaistiedotus", "information", "samhällsinformation"),
        },
    ),
    "source": _words(
        PROHIBITION_SOURCES,
        {
            "self": ("asiakas", "asiakas itse", "henkilö itse", "itse", "kunden", "personen själv", "själv", "person"),
            "organisation": ("organisaatio", "yritys", "organisation", "företag", "organization", "company"),
            "guardian": ("huoltaja", "edunvalvoja", "vårdnadshavare", "intressebevakare"),
            "staff": ("henkilökunta", "työntekijä", "asiakaspalvelu", "personal"),
            "complaint": ("valitus", "roskapostivalitus", "reklamation", "klagomål", "spam complaint"),
            "robinson_phone": ("puhelinrobinson", "puhelin-robinson", "telefon-robinson"),
            "robinson_post": ("postirobinson", "posti-robinson", "post-robinson"),
            "population_register": ("väestörekisteri", "väestötietojärjestelmä", "vtj", "dvv", "befolkningsregistret"),
            "telecom_authority": ("traficom", "viestintävirasto"),
            "vendor": ("toimittaja", "osoitetoimittaja", "leverantör"),
            "court": ("tuomioistuin", "domstol"),
        },
    ),
    "form": _words(
        ORGANISATION_FORMS,
        {
            "limited_company": ("osakeyhtiö", "oy", "yksityinen osakeyhtiö", "aktiebolag", "ab", "ltd", "limited"),
            "public_limited_company": (
                "julkinen osakeyhtiö", "oyj", "publikt aktiebolag", "abp", "plc", "public limited",
            ),
            "cooperative": ("osuuskunta", "osk", "andelslag", "co-operative"),
            "general_partnership": ("avoin yhtiö", "ay", "öppet bolag", "öb", "partnership"),
            "limited_partnership": ("kommandiittiyhtiö", "ky", "kommanditbolag", "kb"),
            "sole_trader": (
                "toiminimi", "tmi", "yksityinen elinkeinonharjoittaja", "elinkeinonharjoittaja", "ammatinharjoittaja",
                "enskild näringsidkare", "enskild firma", "firma", "sole proprietor", "maatalousyrittäjä",
            ),
            "housing_company": (
                "asunto-osakeyhtiö", "as oy", "taloyhtiö", "bostadsaktiebolag", "bost ab", "housing company",
            ),
            "association": (
                "yhdistys", "ry", "rekisteröity yhdistys", "förening", "rf", "registrerad förening",
                "aatteellinen yhdistys", "registered association",
            ),
            "foundation": ("säätiö", "sr", "rs", "stiftelse"),
            "municipality": ("kunta", "kaupunki", "kommun", "stad", "hyvinvointialue", "kuntayhtymä", "samkommun"),
            "state": ("valtio", "staten", "valtion virasto", "statligt ämbetsverk"),
            "parish": ("seurakunta", "seurakuntayhtymä", "församling"),
            "unregistered_association": ("rekisteröimätön yhdistys", "oregistrerad förening", "unregistered club"),
            "estate": ("kuolinpesä", "kp", "dödsbo"),
            "tax_grouping": ("verotusyhtymä", "beskattningssammanslutning", "yhtymä"),
            "other": ("muu", "annan", "övrig"),
            "unknown": ("tuntematon", "ei tiedossa", "okänd"),
        },
    ),
    "status": _words(
        ("active", "bankrupt", "in_liquidation", "ceased"),
        {
            "active": ("toiminnassa", "aktiivinen", "toimiva", "aktiv", "verksam"),
            "bankrupt": ("konkurssi", "konkurssissa", "bankruptcy", "konkurs", "i konkurs"),
            "in_liquidation": ("selvitystila", "selvitystilassa", "liquidation", "likvidation", "i likvidation"),
            "ceased": ("lakannut", "lopettanut", "lakkautettu", "upphört", "nedlagd", "closed"),
        },
    ),
    "position": _words(
        POSITIONS,
        {
            "managing_director": ("toimitusjohtaja", "tj", "verkställande direktör", "vd", "ceo"),
            "deputy_managing_director": ("varatoimitusjohtaja", "toimitusjohtajan sijainen", "vice vd"),
            "board_chair": ("hallituksen puheenjohtaja", "styrelseordförande", "chair of the board"),
            "board_member": ("hallituksen jäsen", "styrelseledamot", "member of the board"),
            "sole_trader": ("elinkeinonharjoittaja", "enskild näringsidkare"),
            "general_partner": ("vastuunalainen yhtiömies", "bolagsman"),
            "silent_partner": ("äänetön yhtiömies", "tyst bolagsman"),
            "procuration_holder": ("prokuristi", "prokurist"),
            "auditor": ("tilintarkastaja", "revisor"),
            "liquidator": ("selvitysmies", "likvidator"),
        },
    ),
    "use": _words(
        ("private", "work", "generic", "contact_address", "unknown"),
        {
            "private": ("yksityinen", "henkilökohtainen", "koti", "privat", "personal", "home"),
            "work": ("työ", "työosoite", "arbete", "business"),
            "generic": ("yleinen", "yleisosoite", "allmän", "general"),
            "contact_address": ("yhteysosoite", "kontaktadress"),
            "unknown": ("tuntematon", "okänd"),
        },
    ),
    "language": _words(
        LANGUAGES,
        {
            "fi": ("suomi", "finnish", "finska", "fin"),
            "sv": ("ruotsi", "swedish", "svenska", "swe"),
            "en": ("englanti", "english", "engelska", "eng"),
        },
    ),
    "method": _words(
        ("web_form", "email_link", "sms_reply", "phone", "paper", "in_person", "api", "import"),
        {
            "web_form": ("verkkolomake", "lomake", "www", "web", "webbformulär", "form"),
            "email_link": ("sähköpostilinkki", "e-postlänk"),
            "sms_reply": ("tekstiviestivastaus", "sms", "sms-svar"),
            "phone": ("puhelin", "puhelu", "telefon"),
            "paper": ("paperi", "paperilomake", "papper", "pappersblankett"),
            "in_person": ("henkilökohtaisesti", "paikan päällä", "personligen", "på plats"),
            "import": ("tuonti",),
        },
    ),
    "event": _words(
        ("consent_given", "consent_refused", "consent_withdrawn", "objected"),
        {
            "consent_given": ("given", "annettu", "suostunut", "opt-in", "subscribed", "gett", "givet", "samtyckt"),
            "consent_refused": ("refused", "kieltäytynyt", "evätty", "nekat"),
            "consent_withdrawn": ("withdrawn", "peruttu", "peruutettu", "opt-out", "unsubscribed", "återkallat"),
            "objected": ("vastustanut", "kielto", "kieltänyt", "motsatt sig"),
        },
    ),
    "platform": _words(
        PLATFORMS, {"meta": ("facebook", "instagram", "fb"), "linkedin": ("linked in",), "google": ("youtube",)}
    ),
}  # fmt: skip

_COUNTRIES = _words(
    (),
    {
        "FI": ("suomi", "finland", "fin", "ahvenanmaa", "åland"),
        "SE": ("ruotsi", "sweden", "sverige", "swe"),
        "EE": ("viro", "estonia", "estland", "est"),
        "NO": ("norja", "norway", "norge", "nor"),
        "DK": ("tanska", "denmark", "danmark", "dnk"),
        "DE": ("saksa", "germany", "tyskland", "deutschland", "deu"),
        "LV": ("latvia", "lettland"),
        "LT": ("liettua", "lithuania", "litauen"),
        "PL": ("puola", "poland", "polen"),
        "FR": ("ranska", "france", "frankrike"),
        "ES": ("espanja", "spain", "spanien"),
        "NL": ("alankomaat", "hollanti", "netherlands", "nederländerna"),
        "GB": ("iso-britannia", "englanti", "united kingdom", "uk", "storbritannien"),
        "US": ("yhdysvallat", "usa", "united states"),
    },
)
_SEPARATORS = re.compile(r"[;,|/\n]")


@lru_cache(maxsize=4_096)
def parse_code(words: str, text: str) -> str:
    """The code of the list ``words`` (a key of ``WORDS``) that ``text`` stands for."""
    code = WORDS[words].get(folded(text))
    if code is None:
        raise ValueError(f"is none of {', '.join(dict.fromkeys(WORDS[words].values()))}")
    return code


@lru_cache(maxsize=4_096)
def parse_codes(words: str, text: str) -> tuple[str, ...]:
    """Several codes; ``;``, ``,``, ``|``, ``/`` or a new line between them."""
    return tuple(dict.fromkeys(parse_code(words, part.strip()) for part in _parts(text)))


@lru_cache(maxsize=4_096)
def parse_list(text: str) -> tuple[str, ...]:
    """Several free words, separated as codes are."""
    return tuple(dict.fromkeys(_parts(text)))


@lru_cache(maxsize=4_096)
def parse_areas(text: str) -> tuple[str, ...]:
    """Responsibility areas, by code or by name; several separated as codes are."""
    whole = area_of_text(text)
    if whole is not None:
        return (whole,)
    areas = []
    for part in _parts(text):
        area = area_of_text(part)
        if area is None:
            raise ValueError("is no responsibility area that is known")
        areas.append(area)
    return tuple(dict.fromkeys(areas))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(text) if part.strip()]


@lru_cache(maxsize=1_024)
def parse_country(text: str) -> str:
    """Two capital letters (ISO 3166-1)."""
    named = _COUNTRIES.get(folded(text))
    if named is not None:
        return named
    if text.upper() in COUNTRIES:
        return text.upper()
    raise ValueError("is not a country's two letters, such as FI")


def parse_count(text: str) -> int:
    """A whole number that is not negative; spaces may part thousands."""
    digits = re.sub(r"[ \u00a0\u202f]", "", text)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise ValueError("is not a whole number")
    return int(digits)

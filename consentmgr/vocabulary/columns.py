"""What the columns of people's tables are called, in English, Finnish and Swedish.

A header is compared whole, after compatibility folding, without regard to case, accents, spaces and punctuation:
``E-mail-osoite``, ``Sähköposti`` and ``SAHKOPOSTI_`` are found, ``Sähköposti 2`` is not. Nothing is guessed from
likeness: a column that is taken for another would screen the wrong address. A combined name ("Nimi", "Name") is
left alone, because it cannot be split with certainty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import Language

#: Field -> the names it goes by: English, Finnish, Swedish first (messages show these three), then the others.
COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    # Who a row is.
    "email": (
        "email", "sähköposti", "e-post", "e-mail address", "sähköpostiosoite", "e-mail-osoite", "email-osoite",
        "s-posti", "s-postiosoite", "meiliosoite", "e-postadress", "mail", "mailadress", "mejl", "mejladress",
        "email addr", "subscriber email",
    ),
    "phone": (
        "phone", "puhelin", "telefon", "phone number", "telephone", "telephone number", "tel", "tel no", "mobile",
        "mobile phone", "mobile number", "mobile phone number", "cell", "cell phone", "msisdn", "puhelinnumero",
        "puhelinnro", "puh", "puh nro", "puh numero", "matkapuhelin", "matkapuhelinnumero", "matkapuh", "gsm",
        "gsm numero", "gsm nro", "kännykkä", "mobiili", "mobiilinumero", "telefonnummer", "tfn", "tel nr", "mobil",
        "mobilnummer", "mobiltelefon", "mobiltelefonnummer",
    ),
    "street": (
        "street", "katuosoite", "gatuadress", "street address", "address", "address line 1", "postal address",
        "mailing address", "osoite", "lähiosoite", "postiosoite", "jakeluosoite", "katu", "adress", "postadress",
        "utdelningsadress", "gata",
    ),
    "apartment": ("apartment", "asunto", "lägenhet", "apt", "flat", "huoneisto", "lägenhetsnummer", "bostad"),
    "postal_code": (
        "postal code", "postinumero", "postnummer", "postcode", "zip", "zip code", "zipcode", "postinro", "postinr",
        "postnro", "postnr",
    ),
    "city": (
        "city", "postitoimipaikka", "postort", "town", "post town", "kaupunki", "paikkakunta", "toimipaikka", "ptp",
        "ort", "stad", "postanstalt",
    ),
    "country": ("country", "maa", "land", "country code", "maakoodi", "maatunnus", "landskod", "landkod"),
    "ref": (
        "ref", "viite", "referens", "reference", "contact ref", "contact reference", "yhteyshenkilön viite",
        "asiakasviite", "kontaktreferens", "kundreferens",
    ),
    "business_id": (
        "business id", "y-tunnus", "fo-nummer", "business identity code", "business number", "company id",
        "company number", "organisation number", "organization number", "yritystunnus", "yritys- ja yhteisötunnus",
        "ly-tunnus", "fo-nr", "företags- och organisationsnummer", "organisationsnummer", "organisationsnr",
        "orgnummer", "orgnr", "org nr", "företagsnummer",
    ),
    "email_sha256": (
        "email_sha256", "sähköposti_sha256", "e-post_sha256", "sha256_email", "email sha-256", "hashed email sha256",
        "sha256 sähköposti", "sha256 e-post",
    ),
    "phone_sha256": (
        "phone_sha256", "puhelin_sha256", "telefon_sha256", "sha256_phone", "phone sha-256", "hashed phone sha256",
        "sha256 puhelin", "sha256 telefon",
    ),
    # What else a list may say of a row.
    "source": ("source", "lähde", "källa", "address source", "osoitelähde", "tietolähde", "adresskälla", "uppgiftskälla"),
    "acquired_on": (
        "acquired_on", "hankittu", "anskaffad", "acquired", "acquired date", "date acquired", "collected on",
        "hankintapäivä", "hankintapvm", "keräyspäivä", "anskaffningsdatum", "insamlad", "insamlingsdatum",
    ),
    "title": (
        "title", "titteli", "titel", "job title", "jobtitle", "nimike", "tehtävänimike", "ammattinimike", "befattning",
        "yrkestitel",
    ),
    "area": (
        "area", "vastuualue", "ansvarsområde", "responsibility", "responsibility area", "area of responsibility",
        "responsibilities", "vastuualueet", "tehtäväalue", "ansvarsområden",
    ),
    "given_name": ("given name", "etunimi", "förnamn", "first name", "forename", "fname", "etunimet", "tilltalsnamn"),
    "family_name": ("family name", "sukunimi", "efternamn", "last name", "surname", "lname", "släktnamn"),
    # More of a contact or an organisation, for imports.
    "organisation_name": (
        "organisation", "yritys", "företag", "organization", "company", "company name", "organisation name",
        "organization name", "yrityksen nimi", "organisaatio", "yhtiö", "toiminimi", "företagsnamn", "bolag",
        "bolagsnamn", "företagets namn",
    ),
    "name": ("name", "nimi", "namn"),
    "form": (
        "form", "yritysmuoto", "företagsform", "legal form", "company form", "organisation form", "yhtiömuoto",
        "oikeudellinen muoto", "bolagsform", "juridisk form",
    ),
    "status": ("status", "tila", "tillstånd", "company status", "yrityksen tila"),
    "employees": (
        "employees", "henkilöstömäärä", "antal anställda", "number of employees", "headcount", "henkilöstö",
        "työntekijöitä", "henkilöstön määrä", "anställda", "personalstyrka",
    ),
    "domains": ("domains", "verkkotunnukset", "domäner", "domain", "verkkotunnus", "domän", "domän namn", "web domain"),
    "industry": ("industry", "toimiala", "bransch", "industry code", "toimialakoodi", "tol", "branschkod", "nace"),
    "generic_email": (
        "generic email", "yleinen sähköposti", "allmän e-post", "company email", "yrityksen sähköposti",
        "företagets e-post",
    ),
    "verified_on": (
        "verified_on", "tarkistettu", "verifierad", "verified", "verification date", "vahvistettu", "tarkistuspäivä",
        "kontrollerad",
    ),
    "informed_on": ("informed_on", "informoitu", "informerad", "informed"),
    "use": ("use", "käyttö", "användning", "address use"),
    "language": ("language", "kieli", "språk", "äidinkieli", "asiointikieli", "modersmål"),
    "municipality": ("municipality", "kotikunta", "hemkommun", "kunta", "kuntakoodi", "kommun", "kommunkod"),
    "born_on": (
        "born_on", "syntymäaika", "födelsedatum", "date of birth", "birth date", "birthday", "dob", "syntymäpäivä",
        "född",
    ),
    "position": ("position", "asema", "ställning", "register role", "rooli", "roll", "rekisteriasema"),
    # Consents and prohibitions.
    "at": (
        "at", "suostumuspäivä", "samtyckesdatum", "date", "timestamp", "consent date", "date of consent", "given at",
        "given on", "consented at", "päivä", "päivämäärä", "pvm", "päiväys", "aika", "aikaleima", "suostumus annettu",
        "datum", "tidpunkt", "samtycke givet", "optin time", "opt-in time", "opt-in date",
    ),
    "confirmed_at": ("confirmed_at", "vahvistettu", "bekräftad", "confirm time", "confirmed", "double opt-in"),
    "ip": ("ip", "ip-osoite", "ip-adress", "ip address", "optin ip", "opt-in ip"),
    "event": ("event", "tapahtuma", "händelse", "consent status", "suostumuksen tila"),
    "consent": (
        "consent", "suostumus", "samtycke", "permission", "marketing consent", "lupa", "markkinointilupa",
        "suoramarkkinointilupa", "tillstånd", "marknadsföringstillstånd", "marknadsföringslov",
    ),
    "consent_email": (
        "email consent", "sähköpostilupa", "e-posttillstånd", "email permission", "email opt-in",
        "sähköpostisuostumus", "sähköpostimarkkinointilupa", "e-postsamtycke", "e-postlov",
    ),
    "consent_sms": (
        "sms consent", "tekstiviestilupa", "sms-tillstånd", "sms permission", "sms opt-in", "sms-lupa",
        "tekstiviestisuostumus", "tekstiviestimarkkinointilupa", "sms-samtycke", "sms-lov",
    ),
    "consent_phone": (
        "phone consent", "puhelinlupa", "telefontillstånd", "phone permission", "call permission", "soittolupa",
        "puhelinmarkkinointilupa", "telefonsamtycke",
    ),
    "consent_post": (
        "post consent", "postilupa", "posttillstånd", "post permission", "mail permission", "kirjelupa",
        "postimarkkinointilupa", "postsamtycke",
    ),
    "channels": ("channels", "kanavat", "kanaler", "channel", "kanava", "kanal"),
    "purposes": ("purposes", "käyttötarkoitukset", "ändamål", "purpose", "käyttötarkoitus", "tarkoitus"),
    "topics": ("topics", "aiheet", "ämnen", "topic", "aihe", "ämne"),
    "audiences": ("audiences", "alustat", "plattformar", "audience", "platform", "platforms", "alusta", "plattform"),
    "notice": ("notice", "informointiteksti", "informationstext", "notice version", "suostumusteksti", "samtyckestext"),
    "method": ("method", "tapa", "metod", "consent method", "antotapa", "sätt"),
    "controller": ("controller", "rekisterinpitäjä", "personuppgiftsansvarig", "controllers"),
    "contact": ("contact", "yhteyshenkilö", "kontakt", "ref", "contact ref", "kontaktperson"),
    "domain": ("domain", "verkkotunnus", "domän"),
    "valid_from": (
        "valid_from", "voimassa alkaen", "giltig från", "from", "start date", "valid from date", "alkaen", "alkaa",
        "alkupäivä", "alkupvm", "kieltopäivä", "kielto alkaa", "kiellon alku", "kielletty", "rekisteröity", "från",
        "startdatum", "spärrdatum", "spärrad", "registrerad", "banned on", "registered on", "date added", "created",
        "lisätty", "date", "päivä", "päivämäärä", "pvm", "päiväys", "datum",
    ),
    "valid_until": (
        "valid_until", "voimassa asti", "giltig till", "until", "end date", "expires", "expires on", "expiry date",
        "valid to", "päättyy", "loppupäivä", "loppupvm", "kielto päättyy", "kiellon loppu", "saakka", "till",
        "slutdatum", "upphör", "giltig t o m",
    ),
    "reference": ("reference", "viite", "referens", "batch", "erä", "batch number", "note", "huomautus", "anmärkning"),
}  # fmt: skip

#: What says whom a row means; a list needs at least one of them.
IDENTIFIERS: tuple[str, ...] = (
    "email", "phone", "street", "ref", "business_id", "email_sha256", "phone_sha256",
)  # fmt: skip

#: Every column a campaign list may have for us, in the contract's order (formats.md section 3).
LIST_FIELDS: tuple[str, ...] = (
    "email", "phone", "street", "apartment", "postal_code", "city", "country", "ref", "business_id", "email_sha256",
    "phone_sha256", "source", "acquired_on", "title", "area", "given_name", "family_name",
)  # fmt: skip

_NOT_A_LETTER = re.compile(r"[\W_]+")
_EMAIL = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+\.[^\s@,;<>\"]{2,}")
_PHONE = re.compile(r"\+?[\d ().\-/\u00a0]+")
_BUSINESS_ID = re.compile(r"\d{7}-\d")
_HEX = re.compile(r"[0-9a-fA-F]+")


def folded(name: str) -> str:
    """A header as it is compared: NFKD without marks, casefolded, letters and digits only."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return _NOT_A_LETTER.sub("", "".join(char for char in decomposed if not unicodedata.combining(char)))


_ORDER: tuple[Language, ...] = ("en", "fi", "sv")


def column_name(field: str, language: Language) -> str:
    """What a column of this field is called, to show it to somebody."""
    return COLUMN_NAMES[field][_ORDER.index(language)].replace("_", " ")


_FOLDED: dict[str, frozenset[str]] = {
    field: frozenset(folded(name) for name in (field, *names)) for field, names in COLUMN_NAMES.items()
}


def address_kind(text: str) -> str | None:
    """What a cell looks like: ``email``, ``phone``, ``business_id``, ``md5``, ``sha1``, ``sha256`` or None.

    Only for telling a header from a row and one kind of list from another; it says nothing of validity.
    """
    text = text.strip()
    if _EMAIL.fullmatch(text):
        return "email"
    if _BUSINESS_ID.fullmatch(text):
        return "business_id"
    if _PHONE.fullmatch(text) and 7 <= sum(char.isdigit() for char in text) <= 15:
        return "phone"
    if _HEX.fullmatch(text):
        return {32: "md5", 40: "sha1", 64: "sha256"}.get(len(text))
    return None


def find_columns(
    headers: Sequence[str],
    fields: Collection[str],
    mapping: Mapping[str, str] | None = None,
    *,
    file: str | None = None,
) -> dict[str, int]:
    """Which column (from 0) each of ``fields`` is in; fields without a column are absent.

    ``mapping`` (field -> header, or column number from 1) overrules names, and a mapped column means nothing else.
    Raises ``BadInput`` where it names a field or column that is not there, or where two columns mean one field.
    """
    found: dict[str, int] = {}
    for field, column in (mapping or {}).items():
        if field not in fields:
            raise BadInput(f"--map {field}=…: {_unknown_field(field, fields)}", file=file)
        found[field] = _column_named(column, field, headers, file)
    taken = set(found.values())
    for field in fields:
        if field in found:
            continue
        columns = [
            number for number, header in enumerate(headers) if number not in taken and folded(header) in _FOLDED[field]
        ]
        if len(columns) > 1:
            names = " and ".join(f"{number + 1} ({headers[number]})" for number in columns)
            raise BadInput(
                f"columns {names} all mean {field}: say which one with --map {field}=COLUMN "
                "(its name, or its number where names are equal)",
                file=file,
                line=1,
            )
        if columns:
            found[field] = columns[0]
    return found


def _unknown_field(field: str, fields: Collection[str]) -> str:
    hint = " a postal address is street, postal_code and city;" if field in ("post", "address") else ""
    return f"there is no such field;{hint} there are {', '.join(fields)}"


def _column_named(column: str, field: str, headers: Sequence[str], file: str | None) -> int:
    exact = [number for number, header in enumerate(headers) if header == column.strip()]
    matches = exact or [number for number, header in enumerate(headers) if folded(header) == folded(column) != ""]
    if len(matches) == 1:
        return matches[0]
    if not matches and column.isascii() and column.isdigit() and 1 <= int(column) <= len(headers):
        return int(column) - 1
    if matches:
        numbers = ", ".join(str(number + 1) for number in matches)
        raise BadInput(f"--map {field}={column}: columns {numbers} have that name; give the number", file=file)
    raise BadInput(f"--map {field}={column}: there is no such column; there are {shown_headers(headers)}", file=file)


def shown_headers(headers: Sequence[str]) -> str:
    """The headers for a message. One that looks like an address is hidden: the file may have no header at all."""
    shown = [
        "(empty)" if not header else "(looks like data)" if address_kind(header) else header[:60]
        for header in headers[:40]
    ]
    return ", ".join(shown) + (f" and {len(headers) - 40} more" if len(headers) > 40 else "")


def understood_names(fields: Sequence[str]) -> str:
    """What would have been understood, for a message: each field with its name in three languages."""
    return "; ".join(f"{field}: {', '.join(COLUMN_NAMES[field][:3])}" for field in fields)

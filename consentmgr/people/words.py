"""What people's pages call events, states and the like: names of codes that are of these pages alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.code_names import CODE_NAMES, Names, code_name
from consentmgr.vocabulary.codes import Language


def _names(*rows: tuple[str, str, str, str]) -> Names:
    return {code: {"en": en, "fi": fi, "sv": sv} for code, en, fi, sv in rows}


#: Where in the GDPR each ground of a refusal to erase stands: article, paragraph, and point.
_PLACES: Final[Mapping[str, tuple[str, str, str]]] = {
    "freedom_of_expression": ("17", "3", "a"),
    "legal_obligation": ("17", "3", "b"),
    "public_health": ("17", "3", "c"),
    "archiving_or_research": ("17", "3", "d"),
    "legal_claims": ("17", "3", "e"),
    "no_ground_applies": ("17", "1", ""),
    "unfounded_or_excessive": ("12", "5", ""),
    "identity_not_confirmed": ("12", "2", ""),
}


def _with_article() -> Names:
    """The grounds of a refusal to erase as the choices of a form: each with its place in the law."""
    return {
        code: {language: f"{text} ({_place(*_PLACES[code], language)})" for language, text in names.items()}
        for code, names in CODE_NAMES["refusal_ground"].items()
    }


def _place(article: str, paragraph: str, point: str, language: Language) -> str:
    if language == "en":
        return f"{article}({paragraph})" + (f"({point})" if point else "")
    if language == "sv":
        return f"artikel {article}.{paragraph}" + (f" {point}" if point else "")
    return f"{article} artiklan {paragraph} " + (f"kohdan {point} alakohta" if point else "kohta")


WORDS: Final[Mapping[str, Names]] = {
    "refusal_reason": _with_article(),
    "state": _names(
        ("may", "allowed", "sallittu", "tillåtet"),
        ("review", "a person decides", "ihminen ratkaisee", "en människa avgör"),
        ("stopped", "stopped", "estetty", "spärrat"),
        ("nothing", "no ground", "ei perustetta", "ingen grund"),
        ("none", "does not exist", "ei ole", "finns inte"),
    ),
    "ground": _names(
        ("consent", "consent", "suostumus", "samtycke"),
        ("customer", "customer, for similar products", "asiakas, samankaltaiset tuotteet", "kund, liknande produkter"),
        ("work", "at work, within their duties", "työssä, tehtäviin kuuluva", "i arbetet, inom uppgifterna"),
        ("opt_out", "until forbidden", "kunnes kielletään", "tills det förbjuds"),
        ("service", "service to the person", "palvelu henkilölle", "tjänst åt personen"),
        ("other", "needs no consent", "ei vaadi suostumusta", "kräver inget samtycke"),
        ("sent", "gets it already", "saa jo nyt", "får det redan"),
    ),
    "whole": _names(
        ("deceased", "has died", "on kuollut", "har avlidit"),
        ("erased", "erased", "tiedot poistettu", "raderad"),
        ("erasing", "erasure asked for", "poistoa pyydetty", "radering begärd"),
        ("restricted", "processing restricted", "käsittely rajoitettu", "behandlingen begränsad"),
        ("child", "under 13", "alle 13-vuotias", "under 13 år"),
        ("minor", "under 18", "alle 18-vuotias", "under 18 år"),
        ("non_disclosure", "non-disclosure", "turvakielto", "spärrmarkering"),
        ("kept_address", "an erased person had this address", "osoite on ollut poistetulla henkilöllä",
         "adressen har tillhört en raderad person"),
    ),
    "proposal": _names(
        ("name_correction", "correction of a name", "nimen korjaus", "rättelse av ett namn"),
        ("address_correction", "correction of an address", "osoitteen korjaus", "rättelse av en adress"),
        ("reply_leave", "a reply that asks to be left alone", "vastaus, jossa pyydetään jättämään rauhaan",
         "ett svar som ber om att få vara i fred"),
        ("burst_undo", "a burst of clicks, perhaps a machine's", "klikkausryöppy, ehkä koneen",
         "en skur av klick, kanske en maskins"),
    ),
    "point": _names(
        ("email", "e-mail address", "sähköpostiosoite", "e-postadress"),
        ("phone", "telephone number", "puhelinnumero", "telefonnummer"),
        ("post", "postal address", "postiosoite", "postadress"),
    ),
    "desk_method": _names(
        ("phone", "by telephone", "puhelimitse", "per telefon"),
        ("paper", "in a letter or on a form", "kirjeellä tai lomakkeella", "i ett brev eller på en blankett"),
        ("email_link", "by e-mail", "sähköpostilla", "per e-post"),
        ("in_person", "in person", "henkilökohtaisesti", "personligen"),
        ("sms_reply", "by text message", "tekstiviestillä", "per textmeddelande"),
        ("web_form", "on a web form", "verkkolomakkeella", "på ett webbformulär"),
    ),
    "field": _names(
        ("contact.added", "added", "lisätty", "tillagd"),
        ("contact.given_name", "given name", "etunimi", "förnamn"),
        ("contact.family_name", "family name", "sukunimi", "efternamn"),
        ("contact.language", "language", "kieli", "språk"),
        ("contact.country", "country", "maa", "land"),
        ("contact.municipality", "municipality", "kunta", "kommun"),
        ("contact.born_on", "date of birth", "syntymäaika", "födelsedatum"),
        ("contact.deceased_on", "date of death", "kuolinpäivä", "dödsdatum"),
        ("contact.non_disclosure", "non-disclosure", "turvakielto", "spärrmarkering"),
        ("contact.controllers", "controllers", "rekisterinpitäjät", "personuppgiftsansvariga"),
        ("contact_point.email", "e-mail address", "sähköpostiosoite", "e-postadress"),
        ("contact_point.phone", "telephone number", "puhelinnumero", "telefonnummer"),
        ("contact_point.post", "postal address", "postiosoite", "postadress"),
        ("merged", "merged with another contact", "yhdistetty toiseen henkilöön", "sammanslagen med en annan kontakt"),
    ),
    "evidence": _names(
        ("form", "form", "lomake", "formulär"),
        ("ip", "IP address", "IP-osoite", "IP-adress"),
        ("user_agent", "browser", "selain", "webbläsare"),
        ("recording", "recording", "tallenne", "inspelning"),
        ("attachment_sha256", "SHA-256 of the attachment", "liitteen SHA-256", "bilagans SHA-256"),
        ("note", "note", "huomautus", "anteckning"),
        ("reason", "reason", "syy", "skäl"),
        ("at", "when", "milloin", "när"),
        ("method", "how", "miten", "hur"),
        ("taken_at", "taken down at", "kirjattu", "antecknat vid"),
        ("page", "page", "sivu", "sida"),
        ("campaign", "campaign", "kampanja", "kampanj"),
        ("proposal", "proposal", "ehdotus", "förslag"),
    ),
}  # fmt: skip


def word(kind: str, code: str | None, language: Language) -> str:
    """What a code is called: of these pages, or of the vocabulary's lists; one without a name as it is written."""
    if kind in WORDS:
        names = WORDS[kind].get(code or "")
        return names[language] if names is not None else (code or "").replace("_", " ")
    return code_name(kind, code, language)


def line_name(line: str, language: Language) -> str:
    """What a row of the grid is called: a channel, or the audience of a platform."""
    channel, _, platform = line.partition(":")
    if platform:
        return f"{code_name('channel', channel, language)}: {code_name('platform', platform, language)}"
    return code_name("channel", channel, language)


def choices(kind: str, codes: tuple[str, ...], language: Language) -> list[tuple[str, str]]:
    """Codes with their names, as a field's choices."""
    return [(code, word(kind, code, language)) for code in codes]


#: Every list there is, for tests.
ALL: Final[Mapping[str, Names]] = {**CODE_NAMES, **WORDS}

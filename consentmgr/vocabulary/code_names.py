"""What codes are called on pages and in tables: one name a code, in fi, sv and en. Pure.

Channels, purposes, legal bases and verdicts have theirs in ``reason_codes``, areas in ``areas``; ``code_name`` knows
them all by the name of their list, so that no page writes a word of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.areas import AREA_NAMES
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.reason_codes import CHANNEL_LABELS, LEGAL_BASIS_NAMES, PURPOSE_NAMES, VERDICT_NAMES

Names = Mapping[str, Mapping[Language, str]]


def _names(*rows: tuple[str, str, str, str]) -> Names:
    return {code: {"en": en, "fi": fi, "sv": sv} for code, en, fi, sv in rows}


CODE_NAMES: Final[Mapping[str, Names]] = {
    "channel": CHANNEL_LABELS,  # type: ignore[dict-item]
    "purpose": PURPOSE_NAMES,  # type: ignore[dict-item]
    "legal_basis": LEGAL_BASIS_NAMES,  # type: ignore[dict-item]
    "verdict": VERDICT_NAMES,  # type: ignore[dict-item]
    "area": AREA_NAMES,
    "organisation_form": _names(
        ("limited_company", "limited company", "osakeyhtiö", "aktiebolag"),
        ("public_limited_company", "public limited company", "julkinen osakeyhtiö", "publikt aktiebolag"),
        ("cooperative", "cooperative", "osuuskunta", "andelslag"),
        ("general_partnership", "general partnership", "avoin yhtiö", "öppet bolag"),
        ("limited_partnership", "limited partnership", "kommandiittiyhtiö", "kommanditbolag"),
        ("sole_trader", "sole trader", "toiminimi", "enskild näringsidkare"),
        ("housing_company", "housing company", "asunto-osakeyhtiö", "bostadsaktiebolag"),
        ("association", "association", "yhdistys", "förening"),
        ("foundation", "foundation", "säätiö", "stiftelse"),
        ("municipality", "municipality", "kunta", "kommun"),
        ("state", "state body", "valtion viranomainen", "statlig myndighet"),
        ("parish", "parish", "seurakunta", "församling"),
        (
            "unregistered_association",
            "unregistered association",
            "rekisteröimätön yhdistys",
            "oregistrerad förening",
        ),
        ("estate", "estate of a deceased person", "kuolinpesä", "dödsbo"),
        ("tax_grouping", "tax grouping", "verotusyhtymä", "beskattningssammanslutning"),
        ("other", "other", "muu", "annan"),
        ("unknown", "not known", "ei tiedossa", "okänd"),
    ),
    "organisation_status": _names(
        ("active", "active", "toiminnassa", "verksam"),
        ("bankrupt", "bankrupt", "konkurssissa", "i konkurs"),
        ("in_liquidation", "in liquidation", "selvitystilassa", "i likvidation"),
        ("ceased", "ceased", "lakannut", "upphört"),
    ),
    "position": _names(
        ("managing_director", "managing director", "toimitusjohtaja", "verkställande direktör"),
        (
            "deputy_managing_director",
            "deputy managing director",
            "varatoimitusjohtaja",
            "ställföreträdande verkställande direktör",
        ),
        ("board_chair", "chair of the board", "hallituksen puheenjohtaja", "styrelseordförande"),
        ("board_member", "board member", "hallituksen jäsen", "styrelsemedlem"),
        ("sole_trader", "sole trader", "toiminimen haltija", "enskild näringsidkare"),
        ("general_partner", "general partner", "vastuunalainen yhtiömies", "ansvarig bolagsman"),
        ("silent_partner", "silent partner", "äänetön yhtiömies", "tyst bolagsman"),
        ("procuration_holder", "holder of procuration", "prokuristi", "prokurist"),
        ("auditor", "auditor", "tilintarkastaja", "revisor"),
        ("liquidator", "liquidator", "selvitysmies", "likvidator"),
        ("other", "other", "muu", "annan"),
    ),
    "prohibition_source": _names(
        ("self", "the person", "henkilö itse", "personen själv"),
        ("organisation", "the organisation", "organisaatio", "organisationen"),
        ("guardian", "a guardian", "huoltaja tai edunvalvoja", "vårdnadshavare eller intressebevakare"),
        ("staff", "our staff", "henkilökunta", "personalen"),
        ("complaint", "a spam complaint", "roskapostivalitus", "spamklagomål"),
        ("robinson_phone", "Robinson list, telephone", "Robinson-lista, puhelin", "Robinsonlistan, telefon"),
        ("robinson_post", "Robinson list, post", "Robinson-lista, posti", "Robinsonlistan, post"),
        ("population_register", "the population register", "väestötietojärjestelmä", "befolkningsdatasystemet"),
        ("telecom_authority", "the telecom authority", "viestintäviranomainen", "teletillsynsmyndigheten"),
        ("vendor", "the data vendor", "tietojen toimittaja", "uppgiftsleverantören"),
        ("court", "a court", "tuomioistuin", "domstol"),
    ),
    "prohibition_target": _names(
        ("contact", "a person", "henkilö", "en person"),
        ("email", "an e-mail address", "sähköpostiosoite", "en e-postadress"),
        ("phone", "a telephone number", "puhelinnumero", "ett telefonnummer"),
        ("post", "a postal address", "postiosoite", "en postadress"),
        ("organisation", "an organisation", "organisaatio", "en organisation"),
        ("domain", "a domain", "verkkotunnus", "en domän"),
        ("email_sha256", "a hashed e-mail address", "tiivistetty sähköpostiosoite", "en hashad e-postadress"),
        ("phone_sha256", "a hashed telephone number", "tiivistetty puhelinnumero", "ett hashat telefonnummer"),
    ),
    "consent_method": _names(
        ("web_form", "web form", "verkkolomake", "webbformulär"),
        ("email_link", "link in an e-mail", "sähköpostin linkki", "länk i e-post"),
        ("sms_reply", "reply by text message", "tekstiviestivastaus", "svar per textmeddelande"),
        ("phone", "by telephone", "puhelimitse", "per telefon"),
        ("paper", "on paper", "paperilla", "på papper"),
        ("in_person", "in person", "henkilökohtaisesti", "personligen"),
        ("api", "through the interface", "rajapinnan kautta", "via gränssnittet"),
        ("import", "by import", "tuomalla", "genom import"),
    ),
    "given_by": _names(
        ("self", "the person", "henkilö itse", "personen själv"),
        (
            "representative",
            "a representative who has shown it",
            "edustaja, jonka valtuus on nähty",
            "ett ombud som har visat sin behörighet",
        ),
        ("unverified", "somebody whose authority is not shown", "joku, jonka valtuutta ei ole nähty",
         "någon vars behörighet inte har visats"),
    ),
    "topic_kind": _names(
        ("newsletter", "newsletter", "uutiskirje", "nyhetsbrev"),
        ("product_group", "product group", "tuoteryhmä", "produktgrupp"),
    ),
    "cadence": _names(
        ("daily", "every day", "joka päivä", "varje dag"),
        ("weekly", "every week", "joka viikko", "varje vecka"),
        ("monthly", "every month", "joka kuukausi", "varje månad"),
        ("quarterly", "four times a year", "neljä kertaa vuodessa", "fyra gånger om året"),
        ("occasional", "now and then", "silloin tällöin", "då och då"),
    ),
    "platform": _names(
        ("meta", "Facebook and Instagram", "Facebook ja Instagram", "Facebook och Instagram"),
        ("linkedin", "LinkedIn", "LinkedIn", "LinkedIn"),
        ("google", "Google", "Google", "Google"),
    ),
    "audience_kind": _names(
        ("inclusion", "to be reached", "tavoitettavat", "ska nås"),
        ("exclusion", "to be left out", "pois jätettävät", "ska uteslutas"),
        ("lookalike_seed", "to find others like them", "samankaltaisten haku", "för att hitta liknande"),
        ("company_list", "list of companies", "yritysluettelo", "företagslista"),
    ),
    "audience": _names(
        ("consumer", "consumers", "kuluttajat", "konsumenter"),
        ("business", "organisations", "organisaatiot", "organisationer"),
    ),
    "list_source": _names(
        ("own", "our own register", "oma rekisteri", "eget register"),
        ("vendor", "data vendor", "tietojen toimittaja", "uppgiftsleverantör"),
        ("population_register", "population register", "väestötietojärjestelmä", "befolkningsdatasystemet"),
        ("unknown", "not known", "ei tiedossa", "okänd"),
    ),
    "unsubscribe": _names(
        ("link", "a link", "linkki", "en länk"),
        ("reply", "a reply", "vastaus", "ett svar"),
        ("free_number", "a free number", "maksuton numero", "ett avgiftsfritt nummer"),
        ("paid_number", "a number that costs", "maksullinen numero", "ett avgiftsbelagt nummer"),
        ("none", "there is no way", "ei mitenkään", "inte alls"),
    ),
    "unsubscribe_need": _names(
        ("login", "a login", "kirjautumisen", "inloggning"),
        ("fee", "a fee", "maksun", "en avgift"),
        ("reason", "a reason", "perustelun", "ett skäl"),
    ),
    "language": _names(
        ("fi", "Finnish", "suomi", "finska"),
        ("sv", "Swedish", "ruotsi", "svenska"),
        ("en", "English", "englanti", "engelska"),
    ),
    "area_evidence": _names(
        ("organisation", "the organisation said so", "organisaation ilmoittama", "uppgett av organisationen"),
        ("vendor", "data vendor", "tietojen toimittaja", "uppgiftsleverantör"),
        ("register", "public register", "julkinen rekisteri", "offentligt register"),
        ("title", "guessed from a title", "päätelty nimikkeestä", "sluten av titeln"),
    ),
    "point_use": _names(
        ("private", "private", "yksityinen", "privat"),
        ("work", "at work", "työ", "arbete"),
        ("generic", "general address", "yleinen osoite", "allmän adress"),
        ("contact_address", "contact address for mail", "yhteysosoite", "kontaktadress"),
        ("unknown", "not known", "ei tiedossa", "okänd"),
    ),
    "point_state": _names(
        ("ok", "works", "toimii", "fungerar"),
        ("hard_bounce", "does not exist", "ei ole olemassa", "finns inte"),
        ("invalid", "not valid", "ei kelpaa", "ogiltig"),
    ),
    "event": _names(
        ("consent_given", "consent given", "suostumus annettu", "samtycke gavs"),
        ("guardian_consented", "a guardian's consent", "huoltajan suostumus", "vårdnadshavarens samtycke"),
        ("consent_refused", "consent refused", "suostumus evätty", "samtycke vägrades"),
        ("consent_withdrawn", "consent withdrawn", "suostumus peruutettu", "samtycke återkallades"),
        ("objected", "objection", "vastustus", "invändning"),
        ("objection_lifted", "objection lifted", "vastustus peruttu", "invändning hävdes"),
        ("complaint", "spam complaint", "roskapostivalitus", "spamklagomål"),
        ("restricted", "processing restricted", "käsittely rajoitettu", "behandlingen begränsades"),
        ("restriction_lifted", "restriction lifted", "rajoitus purettu", "begränsningen hävdes"),
        ("erasure_requested", "erasure asked for", "poistoa pyydetty", "radering begärdes"),
        ("erased", "data erased", "tiedot poistettu", "uppgifterna raderades"),
        ("access_requested", "access asked for", "tietoja pyydetty", "tillgång begärdes"),
        ("erasure_refused", "erasure refused", "poistosta kieltäydytty", "radering avslogs"),
        ("erasure_extended", "time to answer extended", "vastausaikaa jatkettu", "svarstiden förlängdes"),
        ("legal_basis_set", "legal basis", "käsittelyperuste", "rättslig grund"),
        ("prohibition_added", "ban entered", "kielto kirjattu", "förbud infördes"),
        ("prohibition_lifted", "ban lifted", "kielto kumottu", "förbud hävdes"),
        ("register_change", "change in the register", "muutos rekisterissä", "ändring i registret"),
    ),
    # Whole sentences without their full stop, for whoever's data it is and for staff alike.
    "refusal_ground": _names(
        ("freedom_of_expression", "The data is needed to exercise the freedom of expression and information",
         "Tietoja tarvitaan sananvapauden ja tiedonvälityksen vapauden käyttämiseksi",
         "Uppgifterna behövs för att utöva yttrande- och informationsfriheten"),
        ("legal_obligation",
         "The data is needed to fulfil a duty laid down by law, or for a task in the public interest or official authority",
         ("Tietoja tarvitaan lakisääteisen velvoitteen noudattamiseksi taikka yleistä etua koskevaa tehtävää tai julkisen"
          " vallan käyttöä varten"),
         ("Uppgifterna behövs för att uppfylla en rättslig förpliktelse, eller för en uppgift av allmänt intresse eller"
          " myndighetsutövning")),
        ("public_health", "The data is needed for the public interest in public health",
         "Tietoja tarvitaan kansanterveyteen liittyvän yleisen edun vuoksi",
         "Uppgifterna behövs för ett allmänt intresse på folkhälsoområdet"),
        ("archiving_or_research", "The data is needed for archiving in the public interest, research or statistics",
         "Tietoja tarvitaan yleisen edun mukaista arkistointia, tutkimusta tai tilastointia varten",
         "Uppgifterna behövs för arkivering av allmänt intresse, forskning eller statistik"),
        ("legal_claims", "The data is needed to establish, exercise or defend a legal claim",
         "Tietoja tarvitaan oikeudellisen vaateen laatimiseksi, esittämiseksi tai puolustamiseksi",
         "Uppgifterna behövs för att fastställa, göra gällande eller försvara ett rättsligt anspråk"),
        ("no_ground_applies", "None of the grounds on which the law requires erasure applies",
         "Mikään laissa säädetyistä poistamisen perusteista ei täyty",
         "Ingen av de grunder som enligt lagen kräver radering är tillämplig"),
        ("unfounded_or_excessive", "The request was manifestly unfounded or excessive",
         "Pyyntö oli ilmeisen perusteeton tai kohtuuton", "Begäran var uppenbart ogrundad eller orimlig"),
        ("identity_not_confirmed", "The identity of whoever made the request could not be confirmed",
         "Pyynnön esittäjän henkilöllisyyttä ei voitu vahvistaa",
         "Identiteten hos den som framställde begäran kunde inte bekräftas"),
    ),
    "relation": _names(
        ("purchase", "purchase", "osto", "köp"),
        ("membership", "membership", "jäsenyys", "medlemskap"),
        ("free_account_of_paid_service", "free account of a paid service", "maksullisen palvelun ilmaistili",
         "gratiskonto i en betaltjänst"),
        ("free_account", "free account", "ilmaistili", "gratiskonto"),
        ("quote_only", "asked for a quote", "pyytänyt tarjouksen", "begärt offert"),
    ),
}  # fmt: skip


def code_name(kind: str, code: str | None, language: Language) -> str:
    """What a code of the list ``kind`` is called; a code without a name, as installations may add, as it is written."""
    if code is None:
        return ""
    names = CODE_NAMES[kind].get(code)
    return names[language] if names is not None else code.replace("_", " ")


def code_choices(kind: str, language: Language) -> list[tuple[str, str]]:
    """Every code of the list with its name, in the list's order: the choices of a field."""
    return [(code, names[language]) for code, names in CODE_NAMES[kind].items()]

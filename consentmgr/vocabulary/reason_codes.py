"""The rule pack in words: every reason code, when it fires, the law behind it, and its sentence in fi, sv and en.

``REASON_CODES`` joins the codes of ``consentmgr.vocabulary.reasons`` in evaluation order. A code is never reused or
renamed; a change of meaning is a new code and a new ``RULE_PACK_VERSION``. What the codes compute is in
``consentmgr.screening.rules``; this is what people read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.codes import Channel, Language, LegalBasis, Purpose, Verdict
from consentmgr.vocabulary.reasons import addressee, bans, campaign, data, grounds, person
from consentmgr.vocabulary.reasons.reason_code import Confidence, Kind, ReasonCode

#: Printed in every report and certificate. Year and a running number; raised when any answer could change.
RULE_PACK_VERSION: Final = "2026.2"

#: The stages of evaluation, in order; 10 is asked at sending and fires on no row of a screening.
STAGES: Final[Mapping[int, Mapping[Language, str]]] = {
    1: {"en": "Message", "fi": "Viesti", "sv": "Meddelandet"},
    2: {"en": "Campaign", "fi": "Kampanja", "sv": "Kampanjen"},
    3: {"en": "Row and person", "fi": "Rivi ja henkilö", "sv": "Raden och personen"},
    4: {"en": "Non-disclosure", "fi": "Turvakielto", "sv": "Spärrmarkering"},
    5: {"en": "Prohibitions", "fi": "Kiellot", "sv": "Förbud"},
    6: {"en": "Whose law, whose address", "fi": "Kenen laki, kenen osoite", "sv": "Vems lag, vems adress"},
    7: {"en": "Ground", "fi": "Peruste", "sv": "Grund"},
    8: {"en": "Data", "fi": "Tiedot", "sv": "Uppgifterna"},
    9: {"en": "Time", "fi": "Aika", "sv": "Tid"},
    10: {"en": "At sending", "fi": "Lähetettäessä", "sv": "Vid utskicket"},
}

#: Every code, in evaluation order: one module a stage, or a few stages.
REASON_CODES: Final[tuple[ReasonCode, ...]] = (
    *campaign.CODES,
    *person.CODES,
    *bans.CODES,
    *addressee.CODES,
    *grounds.CODES,
    *data.CODES,
)

BY_CODE: Final[Mapping[str, ReasonCode]] = {row.code: row for row in REASON_CODES}
#: A code's place in evaluation order.
ORDER: Final[Mapping[str, int]] = {row.code: place for place, row in enumerate(REASON_CODES)}
GROUNDS: Final[tuple[str, ...]] = tuple(row.code for row in REASON_CODES if row.kind == "ground")


# --- names ----------------------------------------------------------------------------------------------------------

#: Channels as headings and tables name them.
CHANNEL_LABELS: Final[Mapping[Channel, Mapping[Language, str]]] = {
    "email": {"en": "e-mail", "fi": "sähköposti", "sv": "e-post"},
    "sms": {"en": "text message", "fi": "tekstiviesti", "sv": "textmeddelande"},
    "instant_message": {"en": "instant message", "fi": "pikaviesti", "sv": "snabbmeddelande"},
    "automated_call": {"en": "automated call", "fi": "automaattinen soitto", "sv": "automatiskt samtal"},
    "fax": {"en": "fax", "fi": "faksi", "sv": "fax"},
    "phone": {"en": "telephone", "fi": "puhelin", "sv": "telefon"},
    "post": {"en": "post", "fi": "posti", "sv": "post"},
    "online_audience": {"en": "online audience", "fi": "verkkomainonnan kohderyhmä", "sv": "målgrupp på nätet"},
}

#: Channels as the sentences need them: in English before "marketing", in Finnish and Swedish after a colon.
CHANNEL_NAMES: Final[Mapping[Channel, Mapping[Language, str]]] = {
    **CHANNEL_LABELS,
    "instant_message": {"en": "instant message", "fi": "pikaviestit", "sv": "snabbmeddelanden"},
    "sms": {"en": "text message", "fi": "tekstiviestit", "sv": "textmeddelanden"},
    "automated_call": {"en": "automated call", "fi": "automaattiset soitot", "sv": "automatiska samtal"},
    "post": {"en": "postal", "fi": "posti", "sv": "post"},
    "online_audience": {"en": "online audience", "fi": "verkkomainonnan kohderyhmät", "sv": "målgrupper på nätet"},
}

VERDICT_NAMES: Final[Mapping[Verdict, Mapping[Language, str]]] = {
    "allow": {"en": "allowed", "fi": "sallittu", "sv": "tillåten"},
    "review": {"en": "to be reviewed", "fi": "tarkistettava", "sv": "ska granskas"},
    "block": {"en": "blocked", "fi": "estetty", "sv": "spärrad"},
}

PURPOSE_NAMES: Final[Mapping[Purpose, Mapping[Language, str]]] = {
    "direct_marketing": {"en": "direct marketing", "fi": "suoramarkkinointi", "sv": "direktmarknadsföring"},
    "newsletter": {"en": "newsletter", "fi": "uutiskirje", "sv": "nyhetsbrev"},
    "service_message": {"en": "service message", "fi": "palveluviesti", "sv": "servicemeddelande"},
    "research": {"en": "research", "fi": "tutkimus", "sv": "undersökning"},
    "public_information": {"en": "public information", "fi": "tiedotus", "sv": "offentlig information"},
}

KIND_NAMES: Final[Mapping[Kind, Mapping[Language, str]]] = {
    "gate": {"en": "stops the whole campaign", "fi": "pysäyttää koko kampanjan", "sv": "stoppar hela kampanjen"},
    "block": {"en": "blocks", "fi": "estää", "sv": "spärrar"},
    "review": {"en": "asks for review", "fi": "vaatii tarkistuksen", "sv": "kräver granskning"},
    "block_or_review": {"en": "blocks or asks for review", "fi": "estää tai vaatii tarkistuksen",
                        "sv": "spärrar eller kräver granskning"},
    "ground": {"en": "ground for sending", "fi": "lähettämisen peruste", "sv": "grund för utskick"},
}  # fmt: skip

CONFIDENCE_NAMES: Final[Mapping[Confidence, Mapping[Language, str]]] = {
    "settled": {"en": "settled law", "fi": "vakiintunut oikeus", "sv": "etablerad rätt"},
    "guidance": {"en": "guidance or a single decision", "fi": "ohje tai yksittäinen ratkaisu",
                 "sv": "anvisning eller enskilt avgörande"},
    "design": {"en": "our own choice", "fi": "oma valinta", "sv": "eget val"},
    "uncertain": {"en": "unsettled law", "fi": "avoin oikeuskysymys", "sv": "öppen rättsfråga"},
}  # fmt: skip

LEGAL_BASIS_NAMES: Final[Mapping[LegalBasis, Mapping[Language, str]]] = {
    "consent": {"en": "consent", "fi": "suostumus", "sv": "samtycke"},
    "contract": {"en": "contract", "fi": "sopimus", "sv": "avtal"},
    "legal_obligation": {"en": "legal obligation", "fi": "lakisääteinen velvoite", "sv": "rättslig förpliktelse"},
    "vital_interests": {"en": "vital interests", "fi": "elintärkeä etu", "sv": "grundläggande intressen"},
    "public_task": {"en": "public task", "fi": "yleinen etu", "sv": "allmänt intresse"},
    "legitimate_interests": {"en": "legitimate interests", "fi": "oikeutettu etu", "sv": "berättigat intresse"},
}

#: The legal basis (GDPR article 6(1)) each ground rests on; ``None`` where it rests on none, as the note says.
LEGAL_BASIS_OF_GROUND: Final[Mapping[str, LegalBasis | None]] = {
    "CONSENT_OK": "consent",
    # Section 200(3) sets out in full when a customer may be written to; where it is met, article 6 asks for nothing
    # more (CJEU C-654/23, on article 13(2) of the directive and article 95 of the GDPR).
    "SOFT_OPT_IN_OK": None,
    # Section 200(2) permits these channels until forbidden; the processing is balanced as direct marketing in
    # recital 47, and article 21(2) is its other side.
    "OPT_OUT_CHANNEL_OK": "legitimate_interests",
    # A legal person's general mailbox is nobody's personal data (recital 14), so no basis is needed.
    "B2B_GENERIC_OK": None,
    # An employee's address is personal data though the message is to the organisation (section 202).
    "B2B_ROLE_OK": "legitimate_interests",
    "B2B_CUSTOMER_OK": "legitimate_interests",
    # Mostly about an order or a customer relation. A recall or a breach notice rests on an obligation of law, which
    # the campaign knows and the row does not; reports count the usual basis.
    "SERVICE_OK": "contract",
    "RESEARCH_OK": "legitimate_interests",
    "PUBLIC_INFO_OK": "public_task",
    # A company list names legal persons only: no personal data, so nothing that needs a basis. What is counted here is
    # the ground of persons.
    "SOCIAL_OK": "consent",
}

#: Why a ground needs no basis of article 6.
NO_LEGAL_BASIS_NOTES: Final[Mapping[str, Mapping[Language, str]]] = {
    "SOFT_OPT_IN_OK": {
        "en": "§ 200(3) is enough (CJEU C-654/23)",
        "fi": "200 § 3 mom. riittää (EUT C-654/23)",
        "sv": "200 § 3 mom. räcker (EU-domstolen C-654/23)",
    },
    "B2B_GENERIC_OK": {"en": "no personal data", "fi": "ei henkilötietoja", "sv": "inga personuppgifter"},
    "SOCIAL_OK": {"en": "no personal data", "fi": "ei henkilötietoja", "sv": "inga personuppgifter"},
}


# --- sentences ------------------------------------------------------------------------------------------------------


def sentence(code: str, language: Language, channel: Channel | None = None) -> str:
    """The sentence of ``code``, with the name of the banned ``channel`` where it speaks of one.

    ``KeyError`` for an unknown code; ``ValueError`` where the sentence needs a channel and none is given.
    """
    text = BY_CODE[code].text(language)
    if "{channel}" not in text:
        return text
    if channel is None:
        raise ValueError(f"the sentence of {code} names a channel")
    return text.replace("{channel}", CHANNEL_NAMES[channel][language])


def explanation(code: str, language: Language, channel: Channel | None = None, then: str | None = None) -> str:
    """The sentence of ``code`` with its citation in parentheses.

    ``then`` is the code that blocks where ``code`` only asks for review; its sentence and citation follow.
    """
    first = f"{sentence(code, language, channel).removesuffix('.')} ({BY_CODE[code].law(language)})."
    return first if then is None or then == code else f"{first} {explanation(then, language, channel)}"


def legal_basis_text(ground: str, language: Language) -> str:
    """What a ground rests on, in words: a basis of GDPR article 6(1), or why none is needed."""
    basis = LEGAL_BASIS_OF_GROUND[ground]
    return LEGAL_BASIS_NAMES[basis][language] if basis else NO_LEGAL_BASIS_NOTES[ground][language]

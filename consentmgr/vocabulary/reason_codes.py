"""The rule pack in words: every reason code, when it fires, the law behind it, and its sentence in fi, sv and en.

``REASON_CODES`` stands in evaluation order. A code is never reused or renamed; a change of meaning is a new code and
a new ``RULE_PACK_VERSION``. What the codes compute is in ``consentmgr.screening.rules``; this is what people read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from consentmgr.vocabulary.citations import cite
from consentmgr.vocabulary.codes import Channel, Language, LegalBasis, Purpose, Verdict

#: Printed in every report and certificate. Year and a running number; raised when any answer could change.
RULE_PACK_VERSION: Final = "2026.2"

Kind = Literal["gate", "block", "review", "block_or_review", "ground"]
Confidence = Literal["settled", "guidance", "design", "uncertain"]


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """One row of the rule pack.

    ``citation`` is compact (``SVPL 203; ePD 13(4)``): ``law(language)`` writes it out. ``confidence`` says how sure
    the law is, ``review_confidence`` the same of the cases the code only sends to review, where that differs.
    ``when`` is one precise account for a lawyer; ``en``, ``fi``, ``sv`` are the sentences people see, in which
    ``{channel}`` stands for the banned channel. ``since`` is the rule pack that brought the code.
    """

    code: str
    stage: int
    kind: Kind
    confidence: tuple[Confidence, ...]
    citation: str
    when: str
    en: str
    fi: str
    sv: str
    review_confidence: tuple[Confidence, ...] = ()
    since: str = "2026.1"

    def text(self, language: Language) -> str:
        """The sentence of ``language``, ``{channel}`` not yet filled in."""
        return {"en": self.en, "fi": self.fi, "sv": self.sv}[language]

    def law(self, language: Language) -> str:
        """The citation written out so that a reader of ``language`` can look it up."""
        return cite(self.citation, language)


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

# fmt: off
REASON_CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode(
        "RESEARCH_IS_SALES", 1, "gate", ("guidance",), "KSL 2; KKV 2025; SVPL 200(1)",
        (
            "The campaign's purpose is research and its content promotes: it makes an offer, gathers sales leads "
            "or asks for public reviews. Consent does not help; send it as marketing."
        ),
        en="A survey that sells is marketing.",
        fi="Myyvä kysely on markkinointia.",
        sv="En undersökning som säljer är marknadsföring.",
    ),
    ReasonCode(
        "SERVICE_HAS_PROMO", 1, "block", ("guidance",), "Inteligo; StWL; GDPR 21(3)",
        (
            "The campaign's purpose is a service message, its content promotes, and the row, judged as direct "
            "marketing, would not be allowed. Where it would be, that ground alone is given."
        ),
        en="The service message promotes.",
        fi="Palveluviestissä on mainontaa.",
        sv="Servicemeddelandet innehåller reklam.",
    ),
    ReasonCode(
        "CAMPAIGN_NO_SENDER", 2, "gate", ("settled",), "SVPL 203; ePD 13(4)",
        "The message does not say on whose behalf it is sent.",
        en="The sender is not named.",
        fi="Lähettäjää ei nimetä.",
        sv="Avsändaren anges inte.",
    ),
    ReasonCode(
        "CAMPAIGN_DISGUISED", 2, "gate", ("settled",), "SVPL 203; KSL 2",
        "The message's subject or beginning hides that it is marketing, or what it is about.",
        en="The subject misleads.",
        fi="Otsikko johtaa harhaan.",
        sv="Ämnesraden vilseleder.",
    ),
    ReasonCode(
        "CAMPAIGN_NO_UNSUB", 2, "gate", ("settled",), "SVPL 200(3); SVPL 202; SVPL 203; GDPR 7(3); GDPR 12(2); GDPR 21(4)",
        (
            "By e-mail, text or instant message, automated call or fax: refusing is not possible, costs money, or "
            "needs a login, a fee or a reason. By any channel: the message does not tell of the right to object, "
            "and it is the first this controller sends the person."
        ),
        en="No easy, free way to refuse.",
        fi="Helppo, maksuton kieltotapa puuttuu.",
        sv="Ett enkelt, avgiftsfritt sätt att säga nej saknas.",
    ),
    ReasonCode(
        "CAMPAIGN_NO_ONE_CLICK", 2, "gate", ("guidance",), "RFC 8058; mailbox",
        "An e-mail campaign goes out without one-click unsubscribe headers.",
        en="One-click unsubscribe is missing.",
        fi="Yhden napsautuksen peruutus puuttuu.",
        sv="Avregistrering med ett klick saknas.",
    ),
    ReasonCode(
        "CAMPAIGN_NO_SOURCE", 2, "gate", ("guidance",), "GDPR 14(2)(f); DVV",
        (
            "The list comes from a vendor or the population register, and the message does not say where the "
            "address comes from."
        ),
        en="The address source is not stated.",
        fi="Osoitelähdettä ei mainita.",
        sv="Adresskällan anges inte.",
    ),
    ReasonCode(
        "CAMPAIGN_EXPOSES_RECIPIENTS", 2, "gate", ("settled",), "GDPR 5(1)(f); GDPR 32",
        "An e-mail, for whatever purpose, would show the recipients to each other.",
        en="Recipients would see each other.",
        fi="Vastaanottajat näkisivät toisensa.",
        sv="Mottagarna skulle se varandra.",
    ),
    ReasonCode(
        "VTJ_ADDRESS_NOT_HELD", 2, "gate", ("settled",), "DVV",
        (
            "The list is a selection from the population register, and its addresses are to be handed to the "
            "sender itself."
        ),
        en="Register addresses never go to the sender.",
        fi="Väestötietojen osoitteita ei luovuteta lähettäjälle.",
        sv="Registrets adresser lämnas inte till avsändaren.",
    ),
    ReasonCode(
        "DECEASED", 3, "block", ("design",), "recital 27",
        "The register has a day of death for the person; whatever the purpose.",
        en="The person has died.",
        fi="Henkilö on kuollut.",
        sv="Personen har avlidit.",
    ),
    ReasonCode(
        "ERASED_SUPPRESSED", 3, "block_or_review", ("guidance",), "GDPR 17(3); GDPR 21(3)",
        (
            "The person has asked for erasure or has been erased, or the address belongs to a key kept from an "
            "erasure. A service message goes to review; one that only confirms the person's own request passes."
        ),
        en="Erased or to be erased; the ban stays.",
        fi="Tiedot on poistettu tai poistetaan; kielto pysyy.",
        sv="Uppgifterna är eller blir raderade; spärren består.",
    ),
    ReasonCode(
        "PROCESSING_RESTRICTED", 3, "block_or_review", ("settled",), "GDPR 18(2)–(3)",
        (
            "The person has had processing restricted and the restriction has not been lifted. A service message "
            "goes to review."
        ),
        en="Use of the data is restricted.",
        fi="Tietojen käyttöä on rajoitettu.",
        sv="Användningen av uppgifterna är begränsad.",
    ),
    ReasonCode(
        "MINOR_UNDER_13", 3, "block", ("settled",), "GDPR 8; TSL 5",
        (
            "Marketing, an audience or research, and the person is under 13 by date of birth without a guardian's "
            "consent."
        ),
        en="The child is under 13.",
        fi="Lapsi on alle 13-vuotias.",
        sv="Barnet är under 13 år.",
    ),
    ReasonCode(
        "MINOR_REVIEW", 3, "block_or_review", ("design",), "recital 38; KSL 2; DSA 28(2)",
        (
            "Marketing, an audience or research, and the person is under 18 by date of birth, or has no known "
            "date of birth while the campaign is directed at children. For an audience it blocks."
        ),
        en="Is or may be under 18.",
        fi="On tai voi olla alle 18-vuotias.",
        sv="Är eller kan vara under 18 år.",
    ),
    ReasonCode(
        "NON_DISCLOSURE", 4, "block_or_review", ("guidance", "design"), "VTJ 36",
        (
            "The person is under non-disclosure for personal safety. An audience is blocked; a letter is blocked "
            "unless it goes to the contact address given for mail, and reviewed where the person gave the address "
            "or the letter is a service message. Other channels pass."
        ),
        en="This address may not be used as such.",
        fi="Osoitetta ei saa käyttää sellaisenaan.",
        sv="Adressen får inte användas som sådan.",
    ),
    ReasonCode(
        "DM_OBJECTION_ALL", 5, "block", ("settled",), "GDPR 21(2)–(3)",
        (
            "The person has objected to direct marketing without naming channels or topics, and the objection has "
            "not been lifted."
        ),
        en="Has forbidden all direct marketing.",
        fi="On kieltänyt kaiken suoramarkkinoinnin.",
        sv="Har förbjudit all direktmarknadsföring.",
    ),
    ReasonCode(
        "DM_OBJECTION_CHANNEL", 5, "block_or_review", ("settled",), "SVPL 200(2); GDPR 21(3)",
        (
            "The person has objected to marketing by the campaign's channel, or refused consent for it. Review "
            "where somebody without shown authority made the objection, or where a bare STOP by text message came "
            "after a consent to another electronic channel."
        ),
        en="Has forbidden {channel} marketing.",
        fi="On kieltänyt markkinoinnin: {channel}.",
        sv="Har förbjudit marknadsföring: {channel}.", review_confidence=("uncertain", "design"),
    ),
    ReasonCode(
        "DM_OBJECTION_TOPIC", 5, "block", ("settled",), "GDPR 7(3); GDPR 21(3)",
        "The person has objected to, refused or withdrawn from the campaign's topic or product group.",
        en="Has left this topic.",
        fi="On peruuttanut tämän aiheen.",
        sv="Har avslutat detta ämne.",
    ),
    ReasonCode(
        "CONSENT_WITHDRAWN", 5, "block", ("settled",), "GDPR 7(3)",
        (
            "The person has withdrawn consent reaching the campaign's channel; a withdrawal that names no channel "
            "reaches those that need consent, so neither telephone nor post."
        ),
        en="Consent was withdrawn.",
        fi="Suostumus on peruutettu.",
        sv="Samtycket har återkallats.",
    ),
    ReasonCode(
        "SPAM_COMPLAINT", 5, "block", ("design",), "GDPR 21(2)",
        "The person's mailbox provider has passed on a spam complaint, in the channel it was made.",
        en="Has reported us as spam.",
        fi="On ilmoittanut viestimme roskapostiksi.",
        sv="Har anmält oss som skräppost.",
    ),
    ReasonCode(
        "ORG_PROHIBITION", 5, "block", ("settled",), "SVPL 202",
        "The row's organisation has forbidden marketing, for itself or for its whole domain.",
        en="The organisation forbids marketing.",
        fi="Organisaatio on kieltänyt markkinoinnin.",
        sv="Organisationen har förbjudit marknadsföring.",
    ),
    ReasonCode(
        "VENDOR_PROHIBITION", 5, "block", ("settled",), "GDPR 21(2)",
        "A ban is kept at the data's source: the vendor or the telecommunications authority.",
        en="The data source reports a ban.",
        fi="Tietolähde ilmoittaa kiellosta.",
        sv="Uppgiftskällan meddelar förbud.",
    ),
    ReasonCode(
        "ROBINSON_PHONE", 5, "block_or_review", ("guidance",), "Robinson; KKV",
        (
            "Telephone marketing, and the number is on the Robinson list in force. Review where the person is the "
            "controller's own recent customer or member, or the campaign is a business one."
        ),
        en="The number is on the Robinson list.",
        fi="Numero on Robinson-listalla.",
        sv="Numret finns på Robinsonlistan.", review_confidence=("uncertain",),
    ),
    ReasonCode(
        "ROBINSON_POST", 5, "block_or_review", ("guidance",), "Robinson; KKV",
        (
            "Marketing by post, and the address is on the Robinson list in force. Review where the person is the "
            "controller's own recent customer or member, or the campaign is a business one."
        ),
        en="The address is on the Robinson list.",
        fi="Osoite on Robinson-listalla.",
        sv="Adressen finns på Robinsonlistan.", review_confidence=("uncertain",),
    ),
    ReasonCode(
        "DVV_DM_BAN", 5, "block", ("settled",), "GDPR 21(2); VTJ",
        (
            "The person has a marketing ban in the population register, and the list or the address comes from "
            "there; research too."
        ),
        en="Marketing ban in the population register.",
        fi="Kielto väestötietojärjestelmässä.",
        sv="Förbud i befolkningsdatasystemet.",
    ),
    ReasonCode(
        "ROBINSON_STALE", 5, "review", ("design",), "Robinson",
        (
            "Marketing to consumers by telephone or post without valid consent, and the copy of the Robinson list "
            "is older than the limit, or there is none."
        ),
        en="The Robinson list is out of date.",
        fi="Robinson-lista on vanhentunut.",
        sv="Robinsonlistan är föråldrad.",
    ),
    ReasonCode(
        "PHONE_SUBSCRIPTION_BAN", 5, "block", ("settled",), "SVPL 201",
        (
            "A call to a consumer sells mobile subscriptions, and the person is neither this controller's "
            "customer in the same product group nor has validly asked, unprompted, to be called about exactly "
            "this."
        ),
        en="Mobile subscriptions may not be sold by phone.",
        fi="Liittymiä ei saa myydä puhelimitse.",
        sv="Mobilabonnemang får inte säljas per telefon.",
    ),
    ReasonCode(
        "RESEARCH_OBJECTION", 5, "block", ("settled", "design"), "GDPR 21(1); HetiL 30",
        (
            "Research, and the person has objected to research by name, or forbade marketing while bans still "
            "covered surveys."
        ),
        en="Has forbidden surveys.",
        fi="On kieltänyt kyselyt.",
        sv="Har förbjudit undersökningar.",
    ),
    ReasonCode(
        "PUBLIC_INFO_OBJECTION", 5, "review", ("settled",), "GDPR 21(1); GDPR 18(1)(d)",
        (
            "Public information, and the person has objected to it by name; nothing is sent until a person has "
            "weighed the objection."
        ),
        en="Has objected to these bulletins.",
        fi="On vastustanut tiedotteita.",
        sv="Har invänt mot utskicken.",
    ),
    ReasonCode(
        "ORG_CEASED", 6, "block_or_review", ("design",), "GDPR 5(1)(d)",
        "The organisation is bankrupt or has ceased; in liquidation it goes to review.",
        en="The organisation has ceased or is ceasing.",
        fi="Organisaatio on lakannut tai lakkaamassa.",
        sv="Organisationen har upphört eller upphör.",
    ),
    ReasonCode(
        "FOREIGN_LAW", 6, "block_or_review", ("guidance", "design"), "UWG 7; MFL-DK 10; mfl-NO 15; MFL-SE 19–20",
        (
            "The recipient's country is not Finland: review. A business message by an electronic channel without "
            "valid consent is blocked in Germany and Denmark, and in Norway to a named person's address."
        ),
        en="Another country's law applies.",
        fi="Sovelletaan toisen maan lakia.",
        sv="Ett annat lands lag tillämpas.",
    ),
    ReasonCode(
        "ORGANISATION_UNKNOWN", 6, "block", ("design",), "GDPR 4(1)",
        (
            "The row's business id is not in the register and no organisation was found for the row in any other "
            "way."
        ),
        en="The organisation is unknown.",
        fi="Organisaatiota ei tunneta.",
        sv="Organisationen är okänd.",
    ),
    ReasonCode(
        "CONTACT_UNKNOWN", 6, "block", ("design",), "guide",
        (
            "A business message by an electronic channel to an address of which neither the contact, the point "
            "nor the domain is known."
        ),
        en="It is unknown whose address this is.",
        fi="Ei tiedetä, kenen osoite on.",
        sv="Det är okänt vems adressen är.",
    ),
    ReasonCode(
        "B2B_NOT_LEGAL_PERSON", 6, "block_or_review", ("guidance", "uncertain"), "SVPL 200(1)",
        (
            "A business campaign to an organisation without legal personality: an unregistered association or an "
            "estate is blocked, another or unknown form reviewed, a sole trader or tax grouping judged by policy. "
            "In a company list every form off the list of legal persons is blocked."
        ),
        en="Not a legal person.",
        fi="Ei oikeushenkilö.",
        sv="Inte en juridisk person.",
    ),
    ReasonCode(
        "B2B_CONSUMER_PRODUCT", 6, "block", ("guidance",), "ASML R1–R2",
        (
            "What is sold is not for business use; or a consumer campaign goes to a legal person's work or "
            "general address without the person's own consent or customer relation."
        ),
        en="Consumer product to a work address.",
        fi="Kuluttajatuote työosoitteeseen.",
        sv="Konsumentprodukt till arbetsadress.",
    ),
    ReasonCode(
        "B2B_PRIVATE_ADDRESS", 6, "block_or_review", ("uncertain",), "SVPL 200(1)",
        (
            "A business campaign to an address marked private or at a free-mail provider. By policy reviewed "
            "where the organisation publishes it as its own, or it belongs to the chair or a member of a housing "
            "company's board."
        ),
        en="A private address.",
        fi="Yksityinen osoite.",
        sv="En privat adress.",
    ),
    ReasonCode(
        "B2B_ROLE_STALE", 6, "block_or_review", ("design",), "GDPR 5(1)(d)",
        (
            "The person's duties fit the message, but were verified too long ago: past the first limit review, "
            "past the second, or never verified, block."
        ),
        en="Duties were verified too long ago.",
        fi="Tehtävät on varmistettu liian kauan sitten.",
        sv="Arbetsuppgifterna bekräftades för länge sedan.",
    ),
    ReasonCode(
        "B2B_ROLE_MISMATCH", 6, "block_or_review", ("guidance",), "SVPL 200(1); TSV 2020-07-23",
        (
            "The person's duties are known and none fits the message. A managing director, deputy or general "
            "partner of a larger organisation goes to review."
        ),
        en="Not about the person's duties.",
        fi="Ei koske henkilön tehtäviä.",
        sv="Gäller inte personens arbetsuppgifter.",
    ),
    ReasonCode(
        "B2B_ROLE_TITLE_ONLY", 6, "review", ("guidance",), "guide",
        "Only the person's title is known, or duties inferred from a title.",
        en="Only a title is known.",
        fi="Vain nimike tunnetaan.",
        sv="Bara titeln är känd.",
    ),
    ReasonCode(
        "B2B_ROLE_MISSING", 6, "block_or_review", ("guidance", "design"), "guide",
        (
            "No duties of the person are known. Review for the chair or a member of a board, and for an address "
            "of which it is not known whether it is a person's."
        ),
        en="Duties are not known.",
        fi="Tehtäviä ei tunneta.",
        sv="Arbetsuppgifterna är okända.",
    ),
    ReasonCode(
        "SPECIAL_CATEGORY", 7, "block", ("settled",), "GDPR 9(2)(a)",
        (
            "The campaign uses data of a special category, and there is no valid consent whose event and notice "
            "both name the campaign's topic."
        ),
        en="Sensitive data needs its own consent.",
        fi="Arkaluonteinen tieto vaatii oman suostumuksen.",
        sv="Känsliga uppgifter kräver eget samtycke.",
    ),
    ReasonCode(
        "SOCIAL_CONSENT_MISSING", 7, "block", ("guidance",), "GDPR 4(11); GDPR 6(1)(a); EDPB 8/2020",
        "An online audience, and no valid consent names the platform.",
        en="No consent to this platform.",
        fi="Ei suostumusta tälle alustalle.",
        sv="Samtycke till plattformen saknas.",
    ),
    ReasonCode(
        "CONSENT_SCOPE_CONTROLLER", 7, "block", ("settled",), "GDPR 4(11); GDPR 26; recital 42",
        (
            "The nearest consent does not name the campaign's controller, or one of its joint controllers, in "
            "both event and notice."
        ),
        en="Consent does not name this controller.",
        fi="Suostumus ei koske tätä rekisterinpitäjää.",
        sv="Samtycket nämner inte den personuppgiftsansvarige.",
    ),
    ReasonCode(
        "CONSENT_SCOPE_CHANNEL", 7, "block", ("settled",), "SVPL 200(1); GDPR 4(11)",
        "The nearest consent does not name the campaign's channel in both event and notice.",
        en="Consent does not cover this channel.",
        fi="Suostumus ei kata kanavaa.",
        sv="Samtycket omfattar inte kanalen.",
    ),
    ReasonCode(
        "CONSENT_SCOPE_TOPIC", 7, "block", ("settled",), "GDPR 5(1)(b); GDPR 4(11)",
        (
            "The nearest consent does not name the campaign's purpose, or names topics of which the campaign's is "
            "not one."
        ),
        en="Consent does not cover this topic.",
        fi="Suostumus ei kata aihetta.",
        sv="Samtycket omfattar inte ämnet.",
    ),
    ReasonCode(
        "CONSENT_INVALID_FORM", 7, "block", ("settled", "guidance"), "recital 32; GDPR 7(4); TSV 6465/182/2018; TSV 8086/182/2019",
        (
            "The nearest consent was given by a box ticked beforehand, or as a condition of a service that was "
            "not freely joined."
        ),
        en="Consent was not active and free.",
        fi="Suostumus ei ollut aktiivinen ja vapaa.",
        sv="Samtycket var inte aktivt och frivilligt.",
    ),
    ReasonCode(
        "CONSENT_UNCONFIRMED", 7, "block", ("design",), "GDPR 7(1)",
        "The nearest consent still waits for the confirmation that was asked by message.",
        en="Consent is not confirmed.",
        fi="Suostumusta ei ole vahvistettu.",
        sv="Samtycket är inte bekräftat.",
    ),
    ReasonCode(
        "CONSENT_UNPROVEN", 7, "block", ("settled",), "GDPR 7(1); EDPB 05/2020",
        "Neither a notice, a recording nor an attachment shows the words the person agreed to.",
        en="No proof of consent.",
        fi="Suostumuksesta ei ole näyttöä.",
        sv="Samtycket kan inte visas.",
    ),
    ReasonCode(
        "CONSENT_STALE", 7, "review", ("design",), "GDPR 5(1)(e)",
        (
            "The consent, and the person's last known interaction, are both older than the limit; or the notice it was "
            "given under has a later version that says it changes the substance (a major version)."
        ),
        en="Old consent, silent since.",
        fi="Vanha suostumus, ei yhteyttä sen jälkeen.",
        sv="Gammalt samtycke, tyst sedan dess.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_CHANNEL", 7, "block", ("guidance",), "SVPL 200(3)",
        "The person is a customer, but the channel is not e-mail, text or instant message.",
        en="The customer exception excludes this channel.",
        fi="Asiakaspoikkeus ei kata kanavaa.",
        sv="Kundundantaget omfattar inte kanalen.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_OTHER_SELLER", 7, "block", ("settled",), "SVPL 200(3)",
        "The person is another controller's customer, or the products marketed are not the controller's own.",
        en="Another seller's customer or product.",
        fi="Toisen myyjän asiakas tai tuote.",
        sv="Annan säljares kund eller produkt.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_NO_SALE", 7, "block_or_review", ("uncertain",), "SVPL 200(3); Inteligo",
        "The person only asked for a quote (block), or holds an account of a wholly free service (review).",
        en="Nothing was sold.",
        fi="Mitään ei ole myyty.",
        sv="Inget har sålts.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_NOT_FROM_CUSTOMER", 7, "block", ("settled",), "SVPL 200(3)",
        "The controller did not get the address from the customer in connection with the sale.",
        en="The address did not come with the sale.",
        fi="Osoitetta ei saatu kaupan yhteydessä.",
        sv="Adressen kom inte vid köpet.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_NO_OPTOUT", 7, "block", ("settled",), "SVPL 200(3); KKV",
        "The customer was not offered an easy way to refuse marketing when the address was taken.",
        en="No chance to refuse at the sale.",
        fi="Kieltomahdollisuutta ei tarjottu kaupassa.",
        sv="Möjlighet att säga nej gavs inte vid köpet.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_GROUP", 7, "block", ("settled",), "SVPL 200(3)",
        "What is marketed is not of the product group that was sold, or the campaign names no product group.",
        en="Another product group.",
        fi="Eri tuoteryhmä.",
        sv="Annan produktgrupp.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_STALE", 7, "review", ("design",), "precaution",
        "The last purchase, or the opening of the account, is older than the limit.",
        en="Last purchase long ago.",
        fi="Viime ostosta on kauan.",
        sv="Länge sedan senaste köpet.",
    ),
    ReasonCode(
        "CONSENT_MISSING", 7, "block_or_review", ("settled",), "SVPL 200(1)",
        (
            "Nothing else explains why no ground holds: there is no consent and no customer relation. A business "
            "instant message about the receiver's duties goes to review."
        ),
        en="Consent is needed and missing.",
        fi="Tarvittava suostumus puuttuu.",
        sv="Nödvändigt samtycke saknas.",
    ),
    ReasonCode(
        "CONSENT_OK", 7, "ground", ("settled",), "SVPL 200(1); GDPR 6(1)(a)",
        (
            "A valid consent covers the controller, every joint controller, the channel, the purpose and the "
            "topic, and is not stale."
        ),
        en="Has consented.",
        fi="On suostunut.",
        sv="Har samtyckt.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_OK", 7, "ground", ("settled",), "SVPL 200(3); Inteligo",
        "The person is this controller's customer and every condition of the customer exception holds.",
        en="Customer; our similar products.",
        fi="Asiakas; samankaltaiset omat tuotteet.",
        sv="Kund; egna liknande produkter.",
    ),
    ReasonCode(
        "OPT_OUT_CHANNEL_OK", 7, "ground", ("settled",), "SVPL 200(2); GDPR 6(1)(f)",
        "Telephone or post, which are allowed until the person forbids them.",
        en="Allowed until forbidden.",
        fi="Sallittu, kunnes kielletään.",
        sv="Tillåtet tills det förbjuds.",
    ),
    ReasonCode(
        "B2B_GENERIC_OK", 7, "ground", ("settled",), "SVPL 202",
        "A business message to a legal person's general address; to a public body's registry mailbox, review.",
        en="An organisation's general address.",
        fi="Organisaation yleinen osoite.",
        sv="Organisationens allmänna adress.",
    ),
    ReasonCode(
        "B2B_ROLE_OK", 7, "ground", ("guidance",), "SVPL 202; guide; ASML R8",
        (
            "A business message about the person's own duties at a legal person; by text message, automated call "
            "or fax, review."
        ),
        en="About the person's duties.",
        fi="Koskee henkilön tehtäviä.",
        sv="Gäller personens arbetsuppgifter.",
    ),
    ReasonCode(
        "B2B_CUSTOMER_OK", 7, "ground", ("uncertain",), "SVPL 202; ASML R7",
        (
            "The person's duties are missing or known by title only, and the organisation is this controller's "
            "customer in the campaign's product group."
        ),
        en="Business customer's contact.",
        fi="Yritysasiakkaan yhteyshenkilö.",
        sv="Företagskunds kontaktperson.",
    ),
    ReasonCode(
        "SERVICE_OK", 7, "ground", ("settled",), "GDPR 6(1)(b)–(d); GDPR 12(3); GDPR 34",
        (
            "A service message without promotion: about an order, a recall, a data breach, the confirmation of a "
            "consent or a ban."
        ),
        en="A service message.",
        fi="Palveluviesti.",
        sv="Ett servicemeddelande.",
    ),
    ReasonCode(
        "RESEARCH_OK", 7, "ground", ("guidance",), "GDPR 6(1)(f); GDPR 21(1)",
        "A genuine survey that promotes nothing; after a marketing ban, review.",
        en="A genuine survey.",
        fi="Aito kysely.",
        sv="En äkta undersökning.",
    ),
    ReasonCode(
        "PUBLIC_INFO_OK", 7, "ground", ("guidance",), "GDPR 6(1)(e)",
        "Public information that promotes nothing.",
        en="Public information.",
        fi="Tiedotusta.",
        sv="Offentlig information.",
    ),
    ReasonCode(
        "SOCIAL_OK", 7, "ground", ("guidance",), "GDPR 6(1)(a); EDPB 8/2020",
        (
            "An online audience with a valid consent that names the platform, or a company list's row that is a "
            "legal person."
        ),
        en="Allowed on this platform.",
        fi="Sallittu tällä alustalla.",
        sv="Tillåtet på plattformen.",
    ),
    ReasonCode(
        "ADDRESS_MISSING", 8, "block", ("design",), "precaution",
        (
            "Neither the row nor the register gives an address for the campaign's channel; whose law and which "
            "ground are not asked."
        ),
        en="No address for this channel.",
        fi="Ei osoitetta tähän kanavaan.",
        sv="Adress för kanalen saknas.",
    ),
    ReasonCode(
        "ADDRESS_INVALID", 8, "block", ("design",), "GDPR 5(1)(d)",
        (
            "Messages to the address have failed for good or it is marked invalid; or, before anything is looked "
            "up, the row's identifier has no canonical form."
        ),
        en="The address does not work.",
        fi="Osoite ei toimi.",
        sv="Adressen fungerar inte.",
    ),
    ReasonCode(
        "SOFT_BOUNCE_LIMIT", 8, "review", ("design",), "precaution",
        "As many deliveries have failed as the limit says.",
        en="Delivery fails repeatedly.",
        fi="Toimitus epäonnistuu toistuvasti.",
        sv="Leveransen misslyckas gång på gång.",
    ),
    ReasonCode(
        "DATA_STALE", 8, "review", ("design",), "GDPR 5(1)(d)",
        "A letter, and the address was last verified, or else acquired, longer ago than the limit.",
        en="The address has long been unverified.",
        fi="Osoitetta ei ole varmistettu pitkään aikaan.",
        sv="Adressen har inte bekräftats på länge.",
    ),
    ReasonCode(
        "SOURCE_UNKNOWN", 8, "block", ("guidance",), "GDPR 14(2)(f); KKV",
        (
            "The ground is the duties, the business customer relation or an opt-out channel, the address is not a "
            "general one, and nobody knows where it, or the list, comes from."
        ),
        en="The address source is unknown.",
        fi="Osoitteen lähde on tuntematon.",
        sv="Adressens källa är okänd.",
    ),
    ReasonCode(
        "VENDOR_LICENCE_EXPIRED", 8, "block", ("guidance",), "vendor",
        (
            "A vendor's list after the last day of its licence or, where none is named, after the usual months "
            "from extraction."
        ),
        en="The list's licence has ended.",
        fi="Listan käyttöoikeus on päättynyt.",
        sv="Listans licens har gått ut.",
    ),
    ReasonCode(
        "ART14_NOT_INFORMED", 8, "block_or_review", ("settled",), "GDPR 13; GDPR 14(3); KKV",
        (
            "The ground is the duties, the business customer relation or an opt-out channel, and the person has "
            "not been told of the processing: an address from the person blocks; one from outside blocks unless "
            "the message itself tells, and is reviewed once a month has passed. A campaign without a privacy "
            "notice is reviewed."
        ),
        en="Not told of the processing.",
        fi="Ei ole saanut tietoa käsittelystä.",
        sv="Har inte informerats om behandlingen.",
    ),
    ReasonCode(
        "QUIET_HOURS", 9, "block", ("guidance",), "KKV",
        "A marketing or survey call, by a person or a machine, outside the hours when calls may be made.",
        en="Not a decent time to call.",
        fi="Sopimaton soittoaika.",
        sv="Olämplig tid att ringa.",
    ),
    ReasonCode(
        "FREQ_CAP", 9, "block", ("design",), "ASML R19",
        (
            "The person has had as many of this controller's marketing messages in the last seven days as the cap "
            "allows."
        ),
        en="Too many messages lately.",
        fi="Liikaa viestejä lyhyessä ajassa.",
        sv="För många meddelanden nyligen.",
    ),
    ReasonCode(
        "NOT_DECIDABLE", 9, "block", ("design",), "precaution",
        "A rule could not be worked out, or the facts contradict each other. What is unknown is not allowed.",
        en="Could not be decided.",
        fi="Ei voitu ratkaista.",
        sv="Kunde inte avgöras.",
    ),
    ReasonCode(
        "SCREENING_EXPIRED", 10, "gate", ("design",), "ASML R13",
        "At sending: the certificate is older than its hours, or one of its rows has been banned since.",
        en="Screen again before sending.",
        fi="Seulo uudelleen ennen lähetystä.",
        sv="Kontrollera på nytt före utskick.",
    ),
)
# fmt: on

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

"""Words of a person's copy in English, Finnish and Swedish: one ``Words`` a language, none may be missing.

Channels, purposes, methods and acts are named by ``vocabulary.code_names``; here is only what the copy itself says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from consentmgr.kit.clock import HELSINKI
from consentmgr.records.consent_record import State
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.local_forms import day


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of one language; ``{…}`` is filled in."""

    title: str
    about: str
    about_address: str
    made_at: str
    responsible: str
    none: str
    consent: str
    record_id: str
    state: str
    in_parts: str
    states: Mapping[State, str]
    what: str
    history: str
    words_shown: str
    words_of: str
    kept_months: str
    given_to: str
    day_not_known: str
    confirmed: str
    by_guardian: str
    by_representative: str
    by_unverified: str
    by_staff: str
    until: str
    lifted: str
    banned: str
    how_to_withdraw: str
    how_to_withdraw_told: str
    rights: str
    rights_told: str
    signed_told: str
    as_pdf: str
    as_json: str
    as_receipt: str
    back: str
    page: str


WORDS: Final[Mapping[Language, Words]] = {
    "en": Words(
        title="My consents",
        about="What you have agreed to, refused and withdrawn, as {name} has it in its register.",
        about_address="What you have agreed to, refused and withdrawn at the address {address}, as {name} has it in its"
        " register.",
        made_at="Made {moment}",
        responsible="Responsible for your data",
        none="You have been asked for no consent, or none is on record.",
        consent="Consent {number}",
        record_id="Number of the record",
        state="Now",
        in_parts="in force in part, see below",
        states={
            "given": "in force",
            "requested": "waits for your confirmation; nothing is sent on it",
            "refused": "refused",
            "withdrawn": "withdrawn",
            "invalid": "not used: it does not meet what the law asks of a consent",
        },
        what="What it is about",
        history="What has happened",
        words_shown="What you were shown",
        words_of="version {version}",
        kept_months="The data is kept {months} months.",
        given_to="The data is given to: {names}.",
        day_not_known="day not known",
        confirmed="confirmed from your own address",
        by_guardian="by your guardian",
        by_representative="by your representative",
        by_unverified="by somebody whose authority was not shown",
        by_staff="entered by our staff",
        until="until {day}",
        lifted="taken back {day}",
        banned="sending forbidden",
        how_to_withdraw="How to withdraw",
        how_to_withdraw_told="You may withdraw a consent whenever you like, by the link in any message or here: {url}. It"
        " is as easy as giving it, and what was done before stays lawful.",
        rights="Your rights",
        rights_told="You may ask for all the data we have of you, have it corrected or erased, have its use restricted,"
        " take it with you and object to its use. You may complain to the Data Protection Ombudsman (tietosuoja.fi).",
        signed_told="The files for machines are signed. Anybody can check with our public key that nothing in them has"
        " been changed.",
        as_pdf="Save as PDF",
        as_json="Save for machines (JSON)",
        as_receipt="Receipt (JSON)",
        back="Change your choices",
        page="Page {page} of {pages}",
    ),
    "fi": Words(
        title="Omat suostumukseni",
        about="Mihin olet suostunut, mistä olet kieltäytynyt ja minkä olet peruuttanut, sellaisena kuin {name} on sen"
        " rekisteriinsä kirjannut.",
        about_address="Mihin olet suostunut, mistä olet kieltäytynyt ja minkä olet peruuttanut osoitteessa {address},"
        " sellaisena kuin {name} on sen rekisteriinsä kirjannut.",
        made_at="Laadittu {moment}",
        responsible="Rekisterinpitäjä",
        none="Sinulta ei ole pyydetty suostumusta, tai sellaista ei ole kirjattu.",
        consent="Suostumus {number}",
        record_id="Tietueen numero",
        state="Nyt",
        in_parts="osittain voimassa, katso alta",
        states={
            "given": "voimassa",
            "requested": "odottaa vahvistustasi; sen perusteella ei lähetetä mitään",
            "refused": "evätty",
            "withdrawn": "peruutettu",
            "invalid": "ei käytössä: se ei täytä lain vaatimuksia",
        },
        what="Mitä se koskee",
        history="Mitä on tapahtunut",
        words_shown="Mitä sinulle näytettiin",
        words_of="versio {version}",
        kept_months="Tietoja säilytetään {months} kuukautta.",
        given_to="Tietoja luovutetaan: {names}.",
        day_not_known="päivä ei ole tiedossa",
        confirmed="vahvistettu omasta osoitteestasi",
        by_guardian="huoltajasi tai edunvalvojasi",
        by_representative="edustajasi",
        by_unverified="joku, jonka valtuutta ei ole nähty",
        by_staff="henkilökuntamme kirjaama",
        until="{day} asti",
        lifted="kumottu {day}",
        banned="lähettäminen kielletty",
        how_to_withdraw="Näin peruutat",
        how_to_withdraw_told="Voit peruuttaa suostumuksen milloin tahansa minkä tahansa viestin linkistä tai täällä:"
        " {url}. Peruuttaminen on yhtä helppoa kuin antaminen, eikä se vaikuta siihen, mitä ennen sitä on tehty.",
        rights="Oikeutesi",
        rights_told="Voit pyytää kaikki itseäsi koskevat tiedot, oikaista ne, pyytää niiden poistamista tai käytön"
        " rajoittamista, siirtää ne muualle ja vastustaa niiden käyttöä. Voit tehdä valituksen tietosuojavaltuutetulle"
        " (tietosuoja.fi).",
        signed_told="Koneluettavat tiedostot on allekirjoitettu. Julkisella avaimellamme kuka tahansa voi tarkistaa,"
        " ettei niitä ole muutettu.",
        as_pdf="Tallenna PDF-tiedostona",
        as_json="Tallenna koneluettavana (JSON)",
        as_receipt="Kuitti (JSON)",
        back="Muuta valintojasi",
        page="Sivu {page}/{pages}",
    ),
    "sv": Words(
        title="Mina samtycken",
        about="Vad du har samtyckt till, avböjt och återkallat, så som {name} har antecknat det i sitt register.",
        about_address="Vad du har samtyckt till, avböjt och återkallat på adressen {address}, så som {name} har"
        " antecknat det i sitt register.",
        made_at="Upprättad {moment}",
        responsible="Personuppgiftsansvarig",
        none="Du har inte ombetts om samtycke, eller så finns inget antecknat.",
        consent="Samtycke {number}",
        record_id="Postens nummer",
        state="Nu",
        in_parts="delvis i kraft, se nedan",
        states={
            "given": "i kraft",
            "requested": "väntar på din bekräftelse; inget skickas med stöd av det",
            "refused": "avböjt",
            "withdrawn": "återkallat",
            "invalid": "används inte: det uppfyller inte lagens krav på ett samtycke",
        },
        what="Vad det gäller",
        history="Vad som har hänt",
        words_shown="Vad du visades",
        words_of="version {version}",
        kept_months="Uppgifterna bevaras i {months} månader.",
        given_to="Uppgifterna lämnas till: {names}.",
        day_not_known="dagen är inte känd",
        confirmed="bekräftat från din egen adress",
        by_guardian="av din vårdnadshavare eller intressebevakare",
        by_representative="av ditt ombud",
        by_unverified="av någon vars behörighet inte har visats",
        by_staff="antecknat av vår personal",
        until="till och med {day}",
        lifted="upphävt {day}",
        banned="utskick förbjudna",
        how_to_withdraw="Så återkallar du",
        how_to_withdraw_told="Du kan återkalla ett samtycke när du vill, med länken i vilket meddelande som helst eller"
        " här: {url}. Det är lika lätt som att ge det och påverkar inte det som gjorts tidigare.",
        rights="Dina rättigheter",
        rights_told="Du kan begära alla uppgifter vi har om dig, få dem rättade eller raderade, få användningen"
        " begränsad, flytta dem och invända mot att de används. Du kan klaga hos dataombudsmannen (tietosuoja.fi).",
        signed_told="Filerna för maskiner är undertecknade. Vem som helst kan med vår offentliga nyckel kontrollera att"
        " inget i dem har ändrats.",
        as_pdf="Spara som PDF",
        as_json="Spara för maskiner (JSON)",
        as_receipt="Kvitto (JSON)",
        back="Ändra dina val",
        page="Sida {page} av {pages}",
    ),
}


def moment_words(moment: datetime, language: Language) -> str:
    """A moment in Finnish time: ``1 August 2026, 10:00``."""
    local = moment.astimezone(HELSINKI)
    clock = f"{local:%H:%M}" if language == "en" else f"{local.hour}.{local:%M}"
    return f"{day(local.date(), language)}, {clock}"

"""Stages 8 to 10: the state of the data, the time, and what is asked at sending."""

from typing import Final

from consentmgr.vocabulary.reasons.reason_code import ReasonCode

# fmt: off
CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode(
        "ADDRESS_MISSING", 8, "block", ("design",), "precaution",
        en="No address for this channel.",
        fi="Ei osoitetta tähän kanavaan.",
        sv="Adress för kanalen saknas.",
        when_en=(
            "Neither the row nor the register gives an address for the campaign's channel; whose law and which ground "
            "are not asked."
        ),
        when_fi=(
            "Kampanjan kanavaan ei ole osoitetta rivillä eikä rekisterissä; sovellettavaa lakia ja perustetta ei "
            "silloin tutkita."
        ),
        when_sv=(
            "Varken raden eller registret har någon adress för kampanjens kanal; tillämplig lag och grund prövas då "
            "inte."
        ),
    ),
    ReasonCode(
        "ADDRESS_INVALID", 8, "block", ("design",), "GDPR 5(1)(d)",
        en="The address does not work.",
        fi="Osoite ei toimi.",
        sv="Adressen fungerar inte.",
        when_en=(
            "Messages to the address have failed for good or it is marked invalid; or, before anything is looked up, "
            "the row's identifier has no canonical form."
        ),
        when_fi=(
            "Viestien toimitus osoitteeseen on epäonnistunut pysyvästi tai osoite on merkitty virheelliseksi; tai "
            "rivin tunnistetta ei voi muuttaa vertailukelpoiseen muotoon, jolloin rekisteristä ei haeta mitään."
        ),
        when_sv=(
            "Leveransen till adressen har misslyckats för gott, eller så är adressen märkt som ogiltig; eller så kan "
            "radens identifierare inte skrivas i en jämförbar form, och då söks ingenting i registret."
        ),
    ),
    ReasonCode(
        "SOFT_BOUNCE_LIMIT", 8, "review", ("design",), "precaution",
        en="Delivery fails repeatedly.",
        fi="Toimitus epäonnistuu toistuvasti.",
        sv="Leveransen misslyckas gång på gång.",
        when_en="As many deliveries have failed as the limit says.",
        when_fi="Toimituksia on epäonnistunut niin monta kuin raja sanoo.",
        when_sv="Så många leveranser har misslyckats som gränsen anger.",
    ),
    ReasonCode(
        "DATA_STALE", 8, "review", ("design",), "GDPR 5(1)(d)",
        en="The address has long been unverified.",
        fi="Osoitetta ei ole varmistettu pitkään aikaan.",
        sv="Adressen har inte bekräftats på länge.",
        when_en="A letter, and the address was last verified, or else acquired, longer ago than the limit.",
        when_fi=(
            "Kirje, kun osoitteen viimeisestä varmistamisesta tai, ellei sitä ole varmistettu, hankkimisesta on "
            "kulunut rajaa pidempi aika."
        ),
        when_sv=(
            "Ett brev, när adressen senast bekräftades eller, om den aldrig har bekräftats, anskaffades för längre "
            "sedan än gränsen."
        ),
    ),
    ReasonCode(
        "SOURCE_UNKNOWN", 8, "block", ("guidance",), "GDPR 14(2)(f); KKV",
        en="The address source is unknown.",
        fi="Osoitteen lähde on tuntematon.",
        sv="Adressens källa är okänd.",
        when_en=(
            "The ground is the duties, the business customer relation or an opt-out channel, the address is not a "
            "general one, and nobody knows where it, or the list, comes from."
        ),
        when_fi=(
            "Perusteena ovat tehtävät, yrityksen asiakassuhde tai kanava, joka on sallittu, kunnes se kielletään; "
            "osoite ei ole yleinen, eikä tiedetä, mistä se tai lista on peräisin."
        ),
        when_sv=(
            "Grunden är arbetsuppgifterna, företagets kundförhållande eller en kanal som är tillåten tills den "
            "förbjuds; adressen är inte en allmän adress, och det är okänt varifrån den eller listan kommer."
        ),
    ),
    ReasonCode(
        "VENDOR_LICENCE_EXPIRED", 8, "block", ("guidance",), "vendor",
        en="The list's licence has ended.",
        fi="Listan käyttöoikeus on päättynyt.",
        sv="Listans licens har gått ut.",
        when_en=(
            "A vendor's list after the last day of its licence or, where none is named, after the usual months from "
            "extraction."
        ),
        when_fi=(
            "Tietojen toimittajan lista käyttöoikeuden viimeisen päivän jälkeen tai, ellei päivää ole nimetty, kun "
            "poiminnasta on kulunut tavanomainen kuukausimäärä."
        ),
        when_sv=(
            "En uppgiftsleverantörs lista efter licensens sista dag eller, om ingen dag har angetts, när det vanliga "
            "antalet månader har gått sedan uttaget."
        ),
    ),
    ReasonCode(
        "ART14_NOT_INFORMED", 8, "block_or_review", ("settled",), "GDPR 13; GDPR 14(3); KKV",
        en="Not told of the processing.",
        fi="Ei ole saanut tietoa käsittelystä.",
        sv="Har inte informerats om behandlingen.",
        when_en=(
            "The ground is the duties, the business customer relation or an opt-out channel, and the person has not "
            "been told of the processing: an address from the person blocks; one from outside blocks unless the "
            "message itself tells, and is reviewed once a month has passed. A campaign without a privacy notice is "
            "reviewed."
        ),
        when_fi=(
            "Perusteena ovat tehtävät, yrityksen asiakassuhde tai kanava, joka on sallittu, kunnes se kielletään, eikä"
            " henkilölle ole kerrottu käsittelystä: henkilöltä itseltään saatu osoite estetään; muualta saatu "
            "estetään, ellei viesti itse kerro käsittelystä, ja tarkistetaan, kun kuukausi on kulunut. Kampanja ilman "
            "tietosuojaselostetta tarkistetaan."
        ),
        when_sv=(
            "Grunden är arbetsuppgifterna, företagets kundförhållande eller en kanal som är tillåten tills den "
            "förbjuds, och personen har inte informerats om behandlingen: en adress från personen själv spärras; en "
            "adress från annat håll spärras om inte meddelandet självt informerar, och granskas när en månad har gått."
            " En kampanj utan dataskyddsbeskrivning granskas."
        ),
    ),
    ReasonCode(
        "QUIET_HOURS", 9, "block", ("guidance",), "KKV",
        en="Not a decent time to call.",
        fi="Sopimaton soittoaika.",
        sv="Olämplig tid att ringa.",
        when_en="A marketing or survey call, by a person or a machine, outside the hours when calls may be made.",
        when_fi=(
            "Markkinointi- tai kyselysoitto, jonka ihminen tai kone soittaa sallittujen soittoaikojen ulkopuolella."
        ),
        when_sv=(
            "Ett marknadsförings- eller undersökningssamtal, från en människa eller en maskin, utanför de tider då "
            "samtal får ringas."
        ),
    ),
    ReasonCode(
        "FREQ_CAP", 9, "block", ("design",), "ASML R19",
        en="Too many messages lately.",
        fi="Liikaa viestejä lyhyessä ajassa.",
        sv="För många meddelanden nyligen.",
        when_en=(
            "The person has had as many of this controller's marketing messages in the last seven days as the cap "
            "allows."
        ),
        when_fi=(
            "Henkilö on viimeisten seitsemän päivän aikana saanut tältä rekisterinpitäjältä niin monta "
            "markkinointiviestiä kuin raja sallii."
        ),
        when_sv=(
            "Personen har under de senaste sju dagarna fått så många marknadsföringsmeddelanden av denna "
            "personuppgiftsansvarige som gränsen tillåter."
        ),
    ),
    ReasonCode(
        "NOT_DECIDABLE", 9, "block", ("design",), "precaution",
        en="Could not be decided.",
        fi="Ei voitu ratkaista.",
        sv="Kunde inte avgöras.",
        when_en="A rule could not be worked out, or the facts contradict each other. What is unknown is not allowed.",
        when_fi=(
            "Sääntöä ei voitu ratkaista, tai tiedot ovat ristiriidassa keskenään. Mitä ei tiedetä, se ei ole "
            "sallittua."
        ),
        when_sv=(
            "En regel kunde inte avgöras, eller så motsäger uppgifterna varandra. Det som inte är känt är inte "
            "tillåtet."
        ),
    ),
    ReasonCode(
        "SCREENING_EXPIRED", 10, "gate", ("design",), "ASML R13",
        en="Screen again before sending.",
        fi="Seulo uudelleen ennen lähetystä.",
        sv="Kontrollera på nytt före utskick.",
        when_en="At sending: the certificate is older than its hours, or one of its rows has been banned since.",
        when_fi=(
            "Lähetettäessä: todistuksen voimassaoloaika on päättynyt, tai jollekin sen riveistä on sen jälkeen tullut "
            "kielto."
        ),
        when_sv=(
            "Vid utskicket: intygets giltighetstid har gått ut, eller så har någon av dess rader fått ett förbud sedan"
            " dess."
        ),
    ),
)
# fmt: on

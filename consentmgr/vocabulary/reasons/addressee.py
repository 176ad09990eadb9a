"""Stage 6: whose law applies, and whose address it is; in business, the duties of the person."""

from typing import Final

from consentmgr.vocabulary.reasons.reason_code import ReasonCode

# fmt: off
CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode(
        "ORG_CEASED", 6, "block_or_review", ("design",), "GDPR 5(1)(d)",
        en="The organisation has ceased or is ceasing.",
        fi="Organisaatio on lakannut tai lakkaamassa.",
        sv="Organisationen har upphört eller upphör.",
        when_en="The organisation is bankrupt or has ceased; in liquidation it goes to review.",
        when_fi="Organisaatio on konkurssissa tai lakannut; jos se on selvitystilassa, rivi tarkistetaan.",
        when_sv="Organisationen är i konkurs eller har upphört; om den är i likvidation granskas raden.",
    ),
    ReasonCode(
        "FOREIGN_LAW", 6, "block_or_review", ("guidance", "design"), "UWG 7; MFL-DK 10; mfl-NO 15; MFL-SE 19–20",
        en="Another country's law applies.",
        fi="Sovelletaan toisen maan lakia.",
        sv="Ett annat lands lag tillämpas.",
        when_en=(
            "The recipient's country is not Finland: review. A business message by an electronic channel without valid"
            " consent is blocked in Germany and Denmark, and in Norway to a named person's address."
        ),
        when_fi=(
            "Vastaanottajan maa ei ole Suomi: tarkistetaan. Yritysviesti sähköisessä kanavassa ilman voimassa olevaa "
            "suostumusta estetään Saksassa ja Tanskassa, ja Norjassa silloin, kun osoite on nimetyn henkilön."
        ),
        when_sv=(
            "Mottagarens land är inte Finland: granskas. Ett företagsmeddelande i en elektronisk kanal utan giltigt "
            "samtycke spärras i Tyskland och Danmark, och i Norge när adressen är en namngiven persons."
        ),
    ),
    ReasonCode(
        "ORGANISATION_UNKNOWN", 6, "block", ("design",), "GDPR 4(1)",
        en="The organisation is unknown.",
        fi="Organisaatiota ei tunneta.",
        sv="Organisationen är okänd.",
        when_en=(
            "The row's business id is not in the register and no organisation was found for the row in any other way."
        ),
        when_fi="Rivin Y-tunnusta ei ole rekisterissä, eikä rivin organisaatiota löytynyt muullakaan tavalla.",
        when_sv="Radens FO-nummer finns inte i registret, och radens organisation hittades inte på något annat sätt.",
    ),
    ReasonCode(
        "CONTACT_UNKNOWN", 6, "block", ("design",), "guide",
        en="It is unknown whose address this is.",
        fi="Ei tiedetä, kenen osoite on.",
        sv="Det är okänt vems adressen är.",
        when_en=(
            "A business message by an electronic channel to an address of which neither the contact, the point nor the"
            " domain is known."
        ),
        when_fi=(
            "Yritysviesti sähköisessä kanavassa osoitteeseen, josta ei tunneta henkilöä, yhteystietoa eikä "
            "verkkotunnusta."
        ),
        when_sv=(
            "Ett företagsmeddelande i en elektronisk kanal till en adress där varken kontakten, kontaktuppgiften eller"
            " domänen är känd."
        ),
    ),
    ReasonCode(
        "B2B_NOT_LEGAL_PERSON", 6, "block_or_review", ("guidance", "uncertain"), "SVPL 200(1)",
        en="Not a legal person.",
        fi="Ei oikeushenkilö.",
        sv="Inte en juridisk person.",
        when_en=(
            "A business campaign to an organisation without legal personality: an unregistered association or an "
            "estate is blocked, another or unknown form reviewed, a sole trader or tax grouping judged by policy. In a"
            " company list every form off the list of legal persons is blocked."
        ),
        when_fi=(
            "Yrityskampanja organisaatiolle, joka ei ole oikeushenkilö: rekisteröimätön yhdistys ja kuolinpesä "
            "estetään, muu tai tuntematon muoto tarkistetaan, ja toiminimi ja verotusyhtymä ratkaistaan linjausten "
            "mukaan. Yritysluettelossa estetään kaikki muodot, joita ei ole lueteltu oikeushenkilöinä."
        ),
        when_sv=(
            "En företagskampanj till en organisation som inte är en juridisk person: en oregistrerad förening och ett "
            "dödsbo spärras, en annan eller okänd form granskas, och en enskild näringsidkare och en "
            "beskattningssammanslutning avgörs enligt policyvalen. I en företagslista spärras alla former som inte "
            "räknas upp som juridiska personer."
        ),
    ),
    ReasonCode(
        "B2B_CONSUMER_PRODUCT", 6, "block", ("guidance",), "ASML R1–R2",
        en="Consumer product to a work address.",
        fi="Kuluttajatuote työosoitteeseen.",
        sv="Konsumentprodukt till arbetsadress.",
        when_en=(
            "What is sold is not for business use; or a consumer campaign goes to a legal person's work or general "
            "address without the person's own consent or customer relation."
        ),
        when_fi=(
            "Tuote ei ole tarkoitettu yrityskäyttöön, tai kuluttajakampanja menee oikeushenkilön työosoitteeseen tai "
            "yleiseen osoitteeseen ilman henkilön omaa suostumusta tai asiakassuhdetta."
        ),
        when_sv=(
            "Produkten är inte avsedd för företagsbruk, eller så går en konsumentkampanj till en juridisk persons "
            "arbetsadress eller allmänna adress utan personens eget samtycke eller kundförhållande."
        ),
    ),
    ReasonCode(
        "B2B_PRIVATE_ADDRESS", 6, "block_or_review", ("uncertain",), "SVPL 200(1)",
        en="A private address.",
        fi="Yksityinen osoite.",
        sv="En privat adress.",
        when_en=(
            "A business campaign to an address marked private or at a free-mail provider. By policy reviewed where the"
            " organisation publishes it as its own, or it belongs to the chair or a member of a housing company's "
            "board."
        ),
        when_fi=(
            "Yrityskampanja osoitteeseen, joka on merkitty yksityiseksi tai on ilmaispostipalvelussa. Tarkistetaan "
            "linjausten mukaan, jos organisaatio julkaisee osoitteen omanaan tai se kuuluu taloyhtiön hallituksen "
            "puheenjohtajalle tai jäsenelle."
        ),
        when_sv=(
            "En företagskampanj till en adress som är märkt som privat eller finns hos en gratisposttjänst. Granskas "
            "enligt policyvalen om organisationen publicerar adressen som sin egen, eller om den tillhör ordföranden "
            "eller en ledamot i ett bostadsbolags styrelse."
        ),
    ),
    ReasonCode(
        "B2B_ROLE_STALE", 6, "block_or_review", ("design",), "GDPR 5(1)(d)",
        en="Duties were verified too long ago.",
        fi="Tehtävät on varmistettu liian kauan sitten.",
        sv="Arbetsuppgifterna bekräftades för länge sedan.",
        when_en=(
            "The person's duties fit the message, but were verified too long ago: past the first limit review, past "
            "the second, or never verified, block."
        ),
        when_fi=(
            "Henkilön tehtävät sopivat viestiin, mutta ne on varmistettu liian kauan sitten: ensimmäisen rajan jälkeen"
            " tarkistetaan, ja toisen rajan jälkeen tai jos tehtäviä ei ole koskaan varmistettu, estetään."
        ),
        when_sv=(
            "Personens arbetsuppgifter passar meddelandet men bekräftades för länge sedan: efter den första gränsen "
            "granskas raden, och efter den andra, eller om uppgifterna aldrig har bekräftats, spärras den."
        ),
    ),
    ReasonCode(
        "B2B_ROLE_MISMATCH", 6, "block_or_review", ("guidance",), "SVPL 200(1); TSV 2020-07-23",
        en="Not about the person's duties.",
        fi="Ei koske henkilön tehtäviä.",
        sv="Gäller inte personens arbetsuppgifter.",
        when_en=(
            "The person's duties are known and none fits the message. A managing director, deputy or general partner "
            "of a larger organisation goes to review."
        ),
        when_fi=(
            "Henkilön tehtävät tunnetaan, eikä mikään niistä sovi viestiin. Tarkistetaan, jos henkilö on suuremman "
            "organisaation toimitusjohtaja, toimitusjohtajan sijainen tai vastuunalainen yhtiömies."
        ),
        when_sv=(
            "Personens arbetsuppgifter är kända, och ingen av dem passar meddelandet. Granskas om personen är "
            "verkställande direktör, dennes ställföreträdare eller ansvarig bolagsman i en större organisation."
        ),
    ),
    ReasonCode(
        "B2B_ROLE_TITLE_ONLY", 6, "review", ("guidance",), "guide",
        en="Only a title is known.",
        fi="Vain nimike tunnetaan.",
        sv="Bara titeln är känd.",
        when_en="Only the person's title is known, or duties inferred from a title.",
        when_fi="Henkilöstä tunnetaan vain nimike tai nimikkeestä päätellyt tehtävät.",
        when_sv="Bara personens titel är känd, eller arbetsuppgifter som har härletts ur en titel.",
    ),
    ReasonCode(
        "B2B_ROLE_MISSING", 6, "block_or_review", ("guidance", "design"), "guide",
        en="Duties are not known.",
        fi="Tehtäviä ei tunneta.",
        sv="Arbetsuppgifterna är okända.",
        when_en=(
            "No duties of the person are known. Review for the chair or a member of a board, and for an address of "
            "which it is not known whether it is a person's."
        ),
        when_fi=(
            "Henkilön tehtäviä ei tunneta. Tarkistetaan, jos henkilö on hallituksen puheenjohtaja tai jäsen tai jos ei"
            " tiedetä, onko osoite jonkun henkilön."
        ),
        when_sv=(
            "Personens arbetsuppgifter är okända. Granskas om personen är ordförande eller ledamot i en styrelse, "
            "eller om det är okänt om adressen är en persons."
        ),
    ),
)
# fmt: on

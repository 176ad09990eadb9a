"""Policy in words: what each setting is called, what it decides, why it is open, and its values, in fi, sv and en.

``consentmgr.vocabulary.policy`` holds the settings themselves: their defaults, what they may be, whom they concern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.local_forms import day, number
from consentmgr.vocabulary.policy import CALL_DAYS, CallHours, PolicyRow


@dataclass(frozen=True, slots=True)
class SettingWords:
    """``name``: what the setting is about, in few words. ``decides``: what it changes, as half a sentence. ``why``: why
    the question is open, or where the number comes from.
    """

    name: Mapping[Language, str]
    decides: Mapping[Language, str]
    why: Mapping[Language, str]


#: Every setting of ``POLICY``, in its order.
SETTING_WORDS: Final[Mapping[str, SettingWords]] = {
    "soft_opt_in_quote_only": SettingWords(
        name={
            "en": "Customer exception: only a quote was asked for",
            "fi": "Asiakaspoikkeus: vain tarjousta pyytänyt",
            "sv": "Kundundantaget: bara offert begärd",
        },
        decides={
            "en": "the customer exception for a person who only asked for a quote",
            "fi": "asiakaspoikkeus henkilölle, joka on vain pyytänyt tarjousta",
            "sv": "kundundantaget för den som bara har begärt en offert",
        },
        why={
            "en": (
                'The Act says "in connection with the sale"; whether a request for a quote is enough is not settled.'
            ),
            "fi": "Laissa sanotaan ”myynnin yhteydessä”; ei ole ratkaistu, riittääkö tarjouspyyntö.",
            "sv": "Lagen säger ”i samband med försäljningen”; om en offertbegäran räcker är inte avgjort.",
        },
    ),
    "soft_opt_in_free_account": SettingWords(
        name={
            "en": "Customer exception: wholly free account",
            "fi": "Asiakaspoikkeus: kokonaan maksuton tili",
            "sv": "Kundundantaget: helt gratis konto",
        },
        decides={
            "en": "the customer exception for the holder of a wholly free account",
            "fi": "asiakaspoikkeus kokonaan maksuttoman tilin haltijalle",
            "sv": "kundundantaget för innehavaren av ett helt avgiftsfritt konto",
        },
        why={
            "en": (
                "Case C-654/23 accepted a free account of a service that also had a paid form; a wholly free service "
                "was left open."
            ),
            "fi": (
                "Ratkaisussa C-654/23 hyväksyttiin maksuton tili palvelussa, josta on myös maksullinen muoto; kokonaan "
                "maksuton palvelu jäi avoimeksi."
            ),
            "sv": (
                "I avgörandet C-654/23 godtogs ett avgiftsfritt konto i en tjänst som också hade en avgiftsbelagd form;"
                " en helt avgiftsfri tjänst lämnades öppen."
            ),
        },
    ),
    "soft_opt_in_max_age_months": SettingWords(
        name={
            "en": "Customer exception: age of the last purchase at most",
            "fi": "Asiakaspoikkeus: viime ostoksen ikä enintään",
            "sv": "Kundundantaget: senaste köpets högsta ålder",
        },
        decides={
            "en": (
                "how old the last purchase may be for the customer exception, and for being an own customer on the "
                "Robinson list"
            ),
            "fi": (
                "kuinka vanha viimeinen osto saa olla, jotta asiakaspoikkeus pätee tai henkilö on oma asiakas "
                "Robinson-listalla"
            ),
            "sv": (
                "hur gammalt det senaste köpet får vara för kundundantaget och för att vara egen kund på Robinsonlistan"
            ),
        },
        why={
            "en": "The Act sets no age.",
            "fi": "Laissa ei aseteta ikää.",
            "sv": "Lagen anger ingen ålder.",
        },
    ),
    "stop_reply_other_channels": SettingWords(
        name={
            "en": "STOP by text message, for other channels",
            "fi": "STOP tekstiviestillä, muut kanavat",
            "sv": "STOPP per textmeddelande, andra kanaler",
        },
        decides={
            "en": "a bare STOP by text message, for another electronic channel the person had consented to",
            "fi": (
                "pelkkä STOP-tekstiviesti, kun kampanjan kanava on toinen sähköinen kanava, johon henkilö on suostunut"
            ),
            "sv": "enbart ett STOPP per textmeddelande, för en annan elektronisk kanal som personen har samtyckt till",
        },
        why={
            "en": "A STOP may be read narrowly, or as an objection under GDPR article 21(2).",
            "fi": (
                "STOP voidaan tulkita suppeasti tai tietosuoja-asetuksen 21 artiklan 2 kohdan mukaiseksi "
                "vastustukseksi."
            ),
            "sv": "Ett STOPP kan tolkas snävt eller som en invändning enligt dataskyddsförordningens artikel 21.2.",
        },
    ),
    "robinson_own_customer": SettingWords(
        name={
            "en": "Own customer on the Robinson list",
            "fi": "Oma asiakas Robinson-listalla",
            "sv": "Egen kund på Robinsonlistan",
        },
        decides={
            "en": "a person on the Robinson list who is the controller's own customer",
            "fi": "Robinson-listalla oleva henkilö, joka on rekisterinpitäjän oma asiakas",
            "sv": "en person på Robinsonlistan som är den personuppgiftsansvariges egen kund",
        },
        why={
            "en": "The industry's rule on own customers is not public.",
            "fi": "Alan sääntö omista asiakkaista ei ole julkinen.",
            "sv": "Branschens regel om egna kunder är inte offentlig.",
        },
    ),
    "robinson_business_number": SettingWords(
        name={
            "en": "Robinson list in a business campaign",
            "fi": "Robinson-lista yrityskampanjassa",
            "sv": "Robinsonlistan i en företagskampanj",
        },
        decides={
            "en": "a number or address on the Robinson list in a business campaign",
            "fi": "Robinson-listalla oleva numero tai osoite yrityskampanjassa",
            "sv": "ett nummer eller en adress på Robinsonlistan i en företagskampanj",
        },
        why={
            "en": "A list for consumers; the number is in business use.",
            "fi": "Lista on kuluttajia varten; numero on yrityskäytössä.",
            "sv": "Listan är för konsumenter; numret används i företag.",
        },
    ),
    "robinson_list_missing": SettingWords(
        name={
            "en": "No fresh copy of the Robinson list",
            "fi": "Robinson-listasta ei tuoretta kopiota",
            "sv": "Ingen färsk kopia av Robinsonlistan",
        },
        decides={
            "en": "calling or writing to consumers without a fresh copy of the Robinson list",
            "fi": "soittaminen tai kirjoittaminen kuluttajille ilman tuoretta Robinson-listan kopiota",
            "sv": "att ringa eller skriva till konsumenter utan en färsk kopia av Robinsonlistan",
        },
        why={
            "en": 'The list is the industry\'s own; "allow" is for those outside its scheme.',
            "fi": "Lista on alan oma; ”allow” on niille, jotka eivät ole siinä mukana.",
            "sv": "Listan är branschens egen; ”allow” är för dem som står utanför den.",
        },
    ),
    "robinson_research": SettingWords(
        name={
            "en": "Robinson list on surveys",
            "fi": "Robinson-lista kyselyissä",
            "sv": "Robinsonlistan vid undersökningar",
        },
        decides={
            "en": "surveys to persons on the Robinson list",
            "fi": "kyselyt Robinson-listalla oleville henkilöille",
            "sv": "undersökningar till personer på Robinsonlistan",
        },
        why={
            "en": "The list speaks of sales.",
            "fi": "Lista koskee myyntiä.",
            "sv": "Listan gäller försäljning.",
        },
    ),
    "research_after_dm_objection": SettingWords(
        name={
            "en": "Survey after a marketing ban",
            "fi": "Kysely markkinointikiellon jälkeen",
            "sv": "Undersökning efter marknadsföringsförbud",
        },
        decides={
            "en": "a genuine survey to a person who has forbidden marketing",
            "fi": "aito kysely henkilölle, joka on kieltänyt markkinoinnin",
            "sv": "en äkta undersökning till en person som har förbjudit marknadsföring",
        },
        why={
            "en": "GDPR article 21(2) covers marketing only.",
            "fi": "Tietosuoja-asetuksen 21 artiklan 2 kohta koskee vain markkinointia.",
            "sv": "Dataskyddsförordningens artikel 21.2 gäller bara marknadsföring.",
        },
    ),
    "research_bans_before": SettingWords(
        name={
            "en": "Marketing bans that cover surveys: set before",
            "fi": "Kyselyt kattavat markkinointikiellot: annettu ennen",
            "sv": "Förbud som omfattar undersökningar: givna före",
        },
        decides={
            "en": "a marketing ban set before this day forbids surveys too",
            "fi": "ennen tätä päivää annettu markkinointikielto kieltää myös kyselyt",
            "sv": "ett marknadsföringsförbud som gavs före denna dag förbjuder också undersökningar",
        },
        why={
            "en": (
                "Bans under the repealed Personal Data Act (523/1999, section 30) covered market and opinion research."
            ),
            "fi": (
                "Kumotun henkilötietolain (523/1999, 30 §) mukaiset kiellot kattoivat markkina- ja "
                "mielipidetutkimukset."
            ),
            "sv": (
                "Förbud enligt den upphävda personuppgiftslagen (523/1999, 30 §) omfattade marknads- och "
                "opinionsundersökningar."
            ),
        },
    ),
    "dvv_ban_on_own_data": SettingWords(
        name={
            "en": "Population register ban on other data",
            "fi": "Väestötietojärjestelmän kielto muussa aineistossa",
            "sv": "Befolkningsdatasystemets förbud för andra uppgifter",
        },
        decides={
            "en": "a marketing ban in the population register, for data that did not come from there",
            "fi": "väestötietojärjestelmän markkinointikielto, kun tiedot eivät ole peräisin sieltä",
            "sv": "ett marknadsföringsförbud i befolkningsdatasystemet, för uppgifter som inte kommer därifrån",
        },
        why={
            "en": "The ban binds disclosure from the population information system.",
            "fi": "Kielto sitoo tietojen luovuttamista väestötietojärjestelmästä.",
            "sv": "Förbudet binder utlämnandet av uppgifter ur befolkningsdatasystemet.",
        },
    ),
    "b2b_customer_relation": SettingWords(
        name={
            "en": "Business customer’s contact, duties unknown",
            "fi": "Yritysasiakkaan yhteyshenkilö, tehtävät tuntemattomat",
            "sv": "Företagskunds kontaktperson, uppgifter okända",
        },
        decides={
            "en": "a business customer's contact person whose duties are not known",
            "fi": "yritysasiakkaan yhteyshenkilö, jonka tehtäviä ei tunneta",
            "sv": "en företagskunds kontaktperson vars arbetsuppgifter är okända",
        },
        why={
            "en": "The industry's rules allow it; the Data Protection Ombudsman may want a link to the duties.",
            "fi": "Alan säännöt sallivat; tietosuojavaltuutettu voi edellyttää yhteyttä tehtäviin.",
            "sv": "Branschens regler tillåter det; dataombudsmannen kan kräva ett samband med arbetsuppgifterna.",
        },
    ),
    "private_address_of_officer": SettingWords(
        name={
            "en": "Private address in business marketing",
            "fi": "Yksityinen osoite yritysmarkkinoinnissa",
            "sv": "Privat adress i företagsmarknadsföring",
        },
        decides={
            "en": "a person's private or free-mail address in business marketing",
            "fi": "henkilön yksityinen tai ilmaispostin osoite yritysmarkkinoinnissa",
            "sv": "en persons privata adress eller gratispostadress i företagsmarknadsföring",
        },
        why={
            "en": "A director's free-mail address found on the web is in business use, and still private.",
            "fi": "Johtajan verkosta löytyvä ilmaispostiosoite on yrityskäytössä ja silti yksityinen.",
            "sv": "En direktörs gratispostadress som finns på nätet används i företaget och är ändå privat.",
        },
    ),
    "private_address_published": SettingWords(
        name={
            "en": "Free-mail address the organisation publishes",
            "fi": "Organisaation julkaisema ilmaispostiosoite",
            "sv": "Gratispostadress som organisationen publicerar",
        },
        decides={
            "en": "a free-mail address that the organisation publishes as its own",
            "fi": "ilmaispostiosoite, jonka organisaatio julkaisee omanaan",
            "sv": "en gratispostadress som organisationen publicerar som sin egen",
        },
        why={
            "en": "The organisation chose it as its address; the provider gives it to a person.",
            "fi": "Organisaatio on valinnut osoitteen omakseen; palveluntarjoaja antaa sen henkilölle.",
            "sv": "Organisationen har valt adressen som sin; tjänsteleverantören ger den till en person.",
        },
    ),
    "housing_company_private_address": SettingWords(
        name={
            "en": "Housing company’s board, private address",
            "fi": "Taloyhtiön hallitus, yksityinen osoite",
            "sv": "Bostadsbolags styrelse, privat adress",
        },
        decides={
            "en": "the private address of the chair or a member of a housing company's board",
            "fi": "taloyhtiön hallituksen puheenjohtajan tai jäsenen yksityinen osoite",
            "sv": "den privata adressen till ordföranden eller en ledamot i ett bostadsbolags styrelse",
        },
        why={
            "en": "A layman's duty, done by private mail.",
            "fi": "Luottamustehtävä, jota hoidetaan yksityisellä sähköpostilla.",
            "sv": "Ett förtroendeuppdrag som sköts med privat e-post.",
        },
    ),
    "sole_trader": SettingWords(
        name={
            "en": "Sole trader",
            "fi": "Toiminimi",
            "sv": "Firma (enskild näringsidkare)",
        },
        decides={
            "en": "a sole trader's business address: strict = as a natural person, b2b = as an organisation",
            "fi": "toiminimen yritysosoite: strict = kuin luonnollinen henkilö, b2b = kuin organisaatio",
            "sv": "en enskild näringsidkares företagsadress: strict = som en fysisk person, b2b = som en organisation",
        },
        why={
            "en": "A natural person in law, a business in practice.",
            "fi": "Oikeudellisesti luonnollinen henkilö, käytännössä yritys.",
            "sv": "I rättslig mening en fysisk person, i praktiken ett företag.",
        },
    ),
    "sole_trader_private_address": SettingWords(
        name={
            "en": "Sole trader, private address",
            "fi": "Toiminimi, yksityinen osoite",
            "sv": "Enskild näringsidkare, privat adress",
        },
        decides={
            "en": "the same, where the address is private or free-mail",
            "fi": "sama, kun osoite on yksityinen tai ilmaispostin",
            "sv": "detsamma, när adressen är privat eller en gratispostadress",
        },
        why={
            "en": "As above, and the address is private too.",
            "fi": "Kuten edellä, ja osoitekin on yksityinen.",
            "sv": "Som ovan, och även adressen är privat.",
        },
    ),
    "tax_grouping": SettingWords(
        name={
            "en": "Tax grouping",
            "fi": "Verotusyhtymä",
            "sv": "Beskattningssammanslutning",
        },
        decides={
            "en": "a consortium or other tax grouping: strict = as natural persons, b2b = as an organisation",
            "fi": "yhteisomistus tai muu verotusyhtymä: strict = kuin luonnolliset henkilöt, b2b = kuin organisaatio",
            "sv": (
                "ett konsortium eller en annan beskattningssammanslutning: strict = som fysiska personer, b2b = som en "
                "organisation"
            ),
        },
        why={
            "en": "No legal personality, yet a business.",
            "fi": "Ei oikeushenkilö, mutta harjoittaa elinkeinoa.",
            "sv": "Ingen juridisk person, men bedriver näring.",
        },
    ),
    "objection_follows_person": SettingWords(
        name={
            "en": "A ban made in an earlier job",
            "fi": "Aiemmassa työssä annettu kielto",
            "sv": "Förbud som gavs i ett tidigare arbete",
        },
        decides={
            "en": "a ban the person made in a role that has ended, now that the person works elsewhere",
            "fi": "kielto, jonka henkilö antoi päättyneessä tehtävässä ja työskentelee nyt muualla",
            "sv": "ett förbud som personen gav i en roll som har upphört, när personen nu arbetar någon annanstans",
        },
        why={
            "en": "The industry's rule R12 says it does not follow; GDPR article 21 is the person's.",
            "fi": (
                "Alan säännön R12 mukaan kielto ei seuraa henkilöä; tietosuoja-asetuksen 21 artiklan oikeus on "
                "henkilön."
            ),
            "sv": (
                "Enligt branschens regel R12 följer förbudet inte med; rätten i dataskyddsförordningens artikel 21 är "
                "personens."
            ),
        },
    ),
    "b2b_instant_message": SettingWords(
        name={
            "en": "Instant message about duties",
            "fi": "Tehtäviä koskeva pikaviesti",
            "sv": "Snabbmeddelande om arbetsuppgifter",
        },
        decides={
            "en": "instant messages about the receiver's duties",
            "fi": "pikaviestit vastaanottajan tehtävistä",
            "sv": "snabbmeddelanden om mottagarens arbetsuppgifter",
        },
        why={
            "en": "Case C-102/20 by analogy.",
            "fi": "Ratkaisun C-102/20 perusteella.",
            "sv": "Analogt med avgörandet C-102/20.",
        },
    ),
    "b2b_text_message": SettingWords(
        name={
            "en": "Text message, automated call or fax about duties",
            "fi": "Tehtäviä koskeva tekstiviesti, automaattisoitto tai faksi",
            "sv": "Textmeddelande, automatiskt samtal eller fax om arbetsuppgifter",
        },
        decides={
            "en": "text messages, automated calls and fax about the receiver's duties",
            "fi": "tekstiviestit, automaattiset soitot ja faksit vastaanottajan tehtävistä",
            "sv": "textmeddelanden, automatiska samtal och fax om mottagarens arbetsuppgifter",
        },
        why={
            "en": "By the Ombudsman's decision of 23 July 2020 both the number and the content count.",
            "fi": "Tietosuojavaltuutetun 23.7.2020 antaman ratkaisun mukaan sekä numero että sisältö ratkaisevat.",
            "sv": "Enligt dataombudsmannens beslut 23.7.2020 har både numret och innehållet betydelse.",
        },
    ),
    "registry_mailbox": SettingWords(
        name={
            "en": "Registry mailbox",
            "fi": "Kirjaamon postilaatikko",
            "sv": "Registraturens brevlåda",
        },
        decides={
            "en": "marketing to a registry mailbox of a public body",
            "fi": "markkinointi viranomaisen kirjaamoon",
            "sv": "marknadsföring till en myndighets registratur",
        },
        why={
            "en": "Lawful, and bad practice.",
            "fi": "Laillista, mutta huono tapa.",
            "sv": "Lagligt, men dåligt skick.",
        },
    ),
    "exclusion_audience": SettingWords(
        name={
            "en": "Audience to leave people out",
            "fi": "Poissulkeva kohderyhmä",
            "sv": "Uteslutande målgrupp",
        },
        decides={
            "en": "using a person's data to leave the person out of an audience",
            "fi": "henkilön tietojen käyttäminen siihen, että hänet jätetään pois kohderyhmästä",
            "sv": "att använda en persons uppgifter för att lämna personen utanför en målgrupp",
        },
        why={
            "en": "Leaving out still uses and discloses the data of a person who has forbidden it.",
            "fi": "Poisjättäminenkin käyttää ja luovuttaa tietoja, vaikka henkilö on sen kieltänyt.",
            "sv": "Även ett uteslutande använder och lämnar ut uppgifter om en person som har förbjudit det.",
        },
    ),
    "audience_legitimate_interest": SettingWords(
        name={
            "en": "Business audience without consent",
            "fi": "Yrityskohderyhmä ilman suostumusta",
            "sv": "Företagsmålgrupp utan samtycke",
        },
        decides={
            "en": "a business audience without consent, where the message fits the duties",
            "fi": "yrityskohderyhmä ilman suostumusta, kun viesti sopii tehtäviin",
            "sv": "en företagsmålgrupp utan samtycke, när meddelandet passar arbetsuppgifterna",
        },
        why={
            "en": "Possible by the EDPB's guidelines 8/2020, under strict conditions.",
            "fi": "Mahdollista Euroopan tietosuojaneuvoston ohjeiden 8/2020 mukaan tiukoin ehdoin.",
            "sv": "Möjligt enligt Europeiska dataskyddsstyrelsens riktlinjer 8/2020, på stränga villkor.",
        },
    ),
    "role_fresh_months": SettingWords(
        name={
            "en": "Duties are fresh for",
            "fi": "Tehtävät ovat tuoreita",
            "sv": "Arbetsuppgifterna är färska i",
        },
        decides={
            "en": "how long verified duties are good without review",
            "fi": "kuinka kauan varmistetut tehtävät kelpaavat ilman tarkistusta",
            "sv": "hur länge bekräftade arbetsuppgifter duger utan granskning",
        },
        why={
            "en": "Vendors ask organisations once a year.",
            "fi": "Tietojen toimittajat kysyvät organisaatioilta kerran vuodessa.",
            "sv": "Uppgiftsleverantörerna frågar organisationerna en gång om året.",
        },
    ),
    "role_stale_block_months": SettingWords(
        name={
            "en": "Duties are not used after",
            "fi": "Tehtäviä ei käytetä, kun on kulunut",
            "sv": "Arbetsuppgifterna används inte efter",
        },
        decides={
            "en": "after how long duties no longer verified are not used",
            "fi": "kuinka pitkän ajan kuluttua varmistamattomia tehtäviä ei enää käytetä",
            "sv": "efter hur lång tid arbetsuppgifter som inte längre bekräftas inte används",
        },
        why={
            "en": "Two missed yearly rounds.",
            "fi": "Kaksi väliin jäänyttä vuosikierrosta.",
            "sv": "Två uteblivna årliga rundor.",
        },
    ),
    "consent_inactive_review_months": SettingWords(
        name={
            "en": "Consent without any sign is good for",
            "fi": "Suostumus ilman elonmerkkiä kelpaa",
            "sv": "Samtycke utan livstecken gäller i",
        },
        decides={
            "en": "how long a consent is good when the person has shown no sign since",
            "fi": "kuinka kauan suostumus kelpaa, kun henkilöstä ei ole sen jälkeen kuulunut",
            "sv": "hur länge ett samtycke duger när personen inte har hörts av sedan dess",
        },
        why={
            "en": "The law sets no age; GDPR article 5(1)(e) asks for one.",
            "fi": "Laissa ei aseteta ikää; tietosuoja-asetuksen 5 artiklan 1 kohdan e alakohta edellyttää rajaa.",
            "sv": "Lagen anger ingen ålder; dataskyddsförordningens artikel 5.1 e kräver en.",
        },
    ),
    "address_verified_max_months": SettingWords(
        name={
            "en": "Postal address is good unverified for",
            "fi": "Postiosoite kelpaa varmistamatta",
            "sv": "Postadress gäller obekräftad i",
        },
        decides={
            "en": "how old a postal address may be without being verified",
            "fi": "kuinka kauan postiosoite voi olla varmistamatta",
            "sv": "hur länge en postadress får vara obekräftad",
        },
        why={
            "en": "People move.",
            "fi": "Ihmiset muuttavat.",
            "sv": "Människor flyttar.",
        },
    ),
    "robinson_list_max_age_days": SettingWords(
        name={
            "en": "Age of the Robinson list at most",
            "fi": "Robinson-listan ikä enintään",
            "sv": "Robinsonlistans högsta ålder",
        },
        decides={
            "en": "how old the copy of the Robinson list may be",
            "fi": "kuinka vanha Robinson-listan kopio saa olla",
            "sv": "hur gammal kopian av Robinsonlistan får vara",
        },
        why={
            "en": "An entry takes effect within a month.",
            "fi": "Merkintä tulee voimaan kuukauden kuluessa.",
            "sv": "En anteckning träder i kraft inom en månad.",
        },
    ),
    "soft_bounce_limit": SettingWords(
        name={
            "en": "Failed deliveries before review",
            "fi": "Epäonnistuneita toimituksia ennen tarkistusta",
            "sv": "Misslyckade leveranser före granskning",
        },
        decides={
            "en": "how many failed deliveries send an address to review",
            "fi": "kuinka monta epäonnistunutta toimitusta vie osoitteen tarkistettavaksi",
            "sv": "hur många misslyckade leveranser som för adressen till granskning",
        },
        why={
            "en": "Our choice.",
            "fi": "Oma valinta.",
            "sv": "Eget val.",
        },
    ),
    "small_company_employees": SettingWords(
        name={
            "en": "Small company: at most",
            "fi": "Pieni yritys: enintään",
            "sv": "Litet företag: högst",
        },
        decides={
            "en": "up to how many employees a managing director answers for everything",
            "fi": "kuinka monen työntekijän yrityksessä toimitusjohtaja vastaa vielä kaikesta",
            "sv": "upp till hur många anställda en verkställande direktör svarar för allt",
        },
        why={
            "en": "Our choice.",
            "fi": "Oma valinta.",
            "sv": "Eget val.",
        },
    ),
    "vendor_licence_months": SettingWords(
        name={
            "en": "Licence of a bought list, where it names no day",
            "fi": "Ostetun listan käyttöoikeus, ellei päivää ole sanottu",
            "sv": "Köpt listas licens, om ingen dag anges",
        },
        decides={
            "en": "how long a bought list may be used when its licence names no day",
            "fi": "kuinka kauan ostettua listaa saa käyttää, kun käyttöoikeudessa ei nimetä päivää",
            "sv": "hur länge en köpt lista får användas när licensen inte anger någon dag",
        },
        why={
            "en": "Licences often run two months from extraction.",
            "fi": "Käyttöoikeus kestää usein kaksi kuukautta poiminnasta.",
            "sv": "Licenserna gäller ofta två månader från uttaget.",
        },
    ),
    "certificate_valid_hours": SettingWords(
        name={
            "en": "A screening is good for",
            "fi": "Seulonta on voimassa",
            "sv": "En kontroll gäller i",
        },
        decides={
            "en": "how long a screening is good for sending",
            "fi": "kuinka kauan seulonta on voimassa lähetystä varten",
            "sv": "hur länge en kontroll gäller för utskick",
        },
        why={
            "en": "Bans must take effect at once; a day is the outer limit.",
            "fi": "Kieltojen on tultava voimaan heti; vuorokausi on ulkoraja.",
            "sv": "Förbud ska gälla genast; ett dygn är den yttersta gränsen.",
        },
    ),
    "max_messages_per_7_days": SettingWords(
        name={
            "en": "Messages in seven days at most",
            "fi": "Viestejä seitsemässä päivässä enintään",
            "sv": "Meddelanden på sju dagar högst",
        },
        decides={
            "en": "how many marketing messages a person may get from a controller in seven days (null: no cap)",
            "fi": (
                "kuinka monta markkinointiviestiä henkilö voi saada rekisterinpitäjältä seitsemässä päivässä (null: ei "
                "rajaa)"
            ),
            "sv": (
                "hur många marknadsföringsmeddelanden en person får få av en personuppgiftsansvarig på sju dagar (null:"
                " inget tak)"
            ),
        },
        why={
            "en": "The industry's rule R19 asks for moderation and gives no number.",
            "fi": "Alan sääntö R19 kehottaa kohtuuteen eikä anna lukua.",
            "sv": "Branschens regel R19 manar till måtta och anger inget tal.",
        },
    ),
    "quiet_hours": SettingWords(
        name={
            "en": "Hours when calls may be made",
            "fi": "Soittoajat",
            "sv": "Tider då samtal får ringas",
        },
        decides={
            "en": "the hours when marketing and survey calls may be made, Finnish time",
            "fi": "kellonajat, jolloin markkinointi- ja kyselysoittoja saa soittaa, Suomen aikaa",
            "sv": "de tider då marknadsförings- och undersökningssamtal får ringas, finsk tid",
        },
        why={
            "en": "The industry's hours are not public.",
            "fi": "Alan soittoajat eivät ole julkisia.",
            "sv": "Branschens tider är inte offentliga.",
        },
    ),
    "free_mail_domains": SettingWords(
        name={
            "en": "Free-mail domains",
            "fi": "Ilmaispostin verkkotunnukset",
            "sv": "Gratispostens domäner",
        },
        decides={
            "en": "domains whose addresses are a person's own (providers of mailboxes, never persons)",
            "fi": (
                "verkkotunnukset, joiden osoitteet ovat henkilön omia (postilaatikoiden tarjoajia, ei koskaan "
                "henkilöitä)"
            ),
            "sv": "domäner vars adresser är en persons egna (leverantörer av e-postlådor, aldrig personer)",
        },
        why={
            "en": "No register of such providers exists.",
            "fi": "Tällaisista tarjoajista ei ole rekisteriä.",
            "sv": "Det finns inget register över sådana leverantörer.",
        },
    ),
    "registry_mailboxes": SettingWords(
        name={
            "en": "Names of registry mailboxes",
            "fi": "Kirjaamojen postilaatikot",
            "sv": "Registraturernas brevlådor",
        },
        decides={
            "en": "local parts of mailboxes that take in a public body's official business",
            "fi": "niiden postilaatikoiden nimet, joihin viranomaisen asiat tulevat",
            "sv": "namnen på de brevlådor dit en myndighets ärenden kommer",
        },
        why={
            "en": "Each body names its own.",
            "fi": "Jokainen viranomainen nimeää omansa.",
            "sv": "Varje myndighet ger sina egna namn.",
        },
    ),
    "outside_sources": SettingWords(
        name={
            "en": "Sources other than the person",
            "fi": "Muut lähteet kuin henkilö itse",
            "sv": "Andra källor än personen",
        },
        decides={
            "en": (
                "sources of an address other than the person (no source, and every row of a list not one's own, is "
                "outside too)"
            ),
            "fi": (
                "osoitteen lähteet, jotka eivät ole henkilö itse (myös puuttuva lähde ja muun kuin oman listan jokainen"
                " rivi)"
            ),
            "sv": (
                "källor till en adress andra än personen själv (även en källa som saknas, och varje rad i en lista som "
                "inte är ens egen)"
            ),
        },
        why={
            "en": "Source names are the installation's own.",
            "fi": "Lähteiden nimet ovat asennuksen omia.",
            "sv": "Källornas namn är installationens egna.",
        },
    ),
    "country_rules": SettingWords(
        name={
            "en": "Recipients in other countries",
            "fi": "Vastaanottajat muissa maissa",
            "sv": "Mottagare i andra länder",
        },
        decides={
            "en": "what happens to recipients in other countries",
            "fi": "mitä tapahtuu muissa maissa oleville vastaanottajille",
            "sv": "vad som händer med mottagare i andra länder",
        },
        why={
            "en": "Another country's law decides, and is not built in.",
            "fi": "Toisen maan laki ratkaisee, eikä sitä ole ohjelmassa.",
            "sv": "Ett annat lands lag avgör, och den är inte inbyggd.",
        },
    ),
}

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


def setting_name(name: str, language: Language) -> str:
    """What a policy switch, limit or list is about; its own name where a later version has forgotten it."""
    words = SETTING_WORDS.get(name)
    return words.name[language] if words else name


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

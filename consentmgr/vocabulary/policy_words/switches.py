"""Switches in words: questions of law that are open, and what each answer would change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.policy_words.setting_words import SettingWords

SWITCH_WORDS: Final[Mapping[str, SettingWords]] = {
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
}

"""Limits, days, hours and lists in words: how old or how many, and which names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.policy_words.setting_words import SettingWords

LIMIT_WORDS: Final[Mapping[str, SettingWords]] = {
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

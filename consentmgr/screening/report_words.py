"""Words of the screening report in English, Finnish and Swedish: one ``Words`` a language, none may be missing.

Reasons, grounds, channels and purposes are named by ``vocabulary``; here is only what the report itself says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from consentmgr.kit.clock import HELSINKI
from consentmgr.vocabulary.codes import Language, Verdict
from consentmgr.vocabulary.local_forms import day


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of one language; ``{…}`` is filled in by the report."""

    language: Language
    title: str
    skip: str
    contents: str
    # The facts under the title.
    controller: str
    channel: str
    purpose: str
    list_name: str
    screened_at: str
    valid_until: str
    finnish_time: str
    at_time: str
    # The outcome.
    outcome: str
    outcome_sentence: str
    outcome_empty: str
    chart: str
    verdict: str
    rows: str
    share: str
    verdicts: Mapping[Verdict, str]
    verdict_meanings: Mapping[Verdict, str]
    campaign_stopped: str
    looser_note_one: str
    looser_note_many: str
    see_policy: str
    # Reasons.
    reasons: str
    reasons_note: str
    no_reasons: str
    reason: str
    first_reason: str
    in_all: str
    in_all_note: str
    bar: str
    # Grounds.
    grounds: str
    grounds_note: str
    no_grounds: str
    ground: str
    legal_basis: str
    no_basis: str
    # Stages.
    stages: str
    stages_note: str
    stage: str
    # Repeated rows.
    repeated: str
    repeated_none: str
    repeated_some: str
    repeated_kept: str
    repeated_dropped: str
    # Policy.
    policy: str
    policy_note: str
    setting: str
    in_force: str
    default: str
    as_default: str
    looser: str
    stricter: str
    changed: str
    # The campaign and the list.
    campaign: str
    key: str
    audience: str
    consumer: str
    business: str
    topic: str
    product_group: str
    areas: str
    list_source: str
    list_sources: Mapping[str, str]
    planned: str
    platform: str
    particulars: str
    flags: Mapping[str, str]
    the_list: str
    format: str
    columns_recognised: str
    columns_other: str
    # Proof.
    proof: str
    proof_note: str
    certificate: str
    register_position: str
    ledger_head: str
    rule_pack: str
    engine: str
    files: str
    file: str
    roles: Mapping[str, str]
    fingerprint: str
    footer: str
    no_addresses: str
    # The workbook and the terminal.
    for_reading: str
    rows_sheet: str
    summary_sheet: str
    common_reasons: str


EN: Final = Words(
    language="en",
    title="Screening report",
    skip="Skip to the outcome",
    contents="Contents",
    controller="Controller",
    channel="Channel",
    purpose="Purpose",
    list_name="List",
    screened_at="Screened",
    valid_until="Valid until",
    finnish_time="Times are Finnish time.",
    at_time="{day}, {hour:02d}:{minute:02d}",
    outcome="Outcome",
    outcome_sentence="Of {rows} rows, {allow} may be contacted, {review} must be decided by a named person and "
    "{block} must not be contacted.",
    outcome_empty="The list has no rows.",
    chart="Shares of the verdicts",
    verdict="Verdict",
    rows="Rows",
    share="share",
    verdicts={"allow": "Allowed", "review": "To be reviewed", "block": "Blocked"},
    verdict_meanings={
        "allow": "A ground was found and nothing speaks against it.",
        "review": "The law leaves it open; a named person decides, and the decision is kept.",
        "block": "Must not be contacted with this message.",
    },
    campaign_stopped="The campaign itself stops every row, whoever is on the list. Mend it and screen again:",
    looser_note_one="One setting is looser than its default.",
    looser_note_many="{count} settings are looser than their defaults.",
    see_policy="See the settings",
    reasons="Why rows were stopped",
    reasons_note="Each row is counted once, by the first reason that stopped it. “In all” counts every row the "
    "reason applies to; the result names them all.",
    no_reasons="No row was stopped.",
    reason="Reason",
    first_reason="First reason",
    in_all="In all",
    in_all_note="every row the reason applies to",
    bar="{block} blocked, {review} to be reviewed",
    grounds="Why rows are allowed",
    grounds_note="The ground of each allowed row, and the legal basis of GDPR article 6(1) it rests on.",
    no_grounds="No row is allowed.",
    ground="Ground",
    legal_basis="Legal basis",
    no_basis="none needed: {note}",
    stages="By stage of the evaluation",
    stages_note="Every stage is run on every row. The first stop gives the row its reason.",
    stage="Stage",
    repeated="Repeated rows",
    repeated_none="No address appears twice.",
    repeated_some="Rows that repeat the address (for letters: the household) of an earlier row: {rows}. They are "
    "screened like the others, and the column cm_duplicate_of names the earlier row.",
    repeated_kept="Allowed of them: {rows}. These stand in the file of allowed rows too, so an address may be there twice.",
    repeated_dropped="The file of allowed rows has each address once.",
    policy="Settings in force",
    policy_note="Where the law is unsettled the answer follows a setting. Its default is the cautious reading.",
    setting="Setting",
    in_force="In force",
    default="Default",
    as_default="as default",
    looser="looser than default",
    stricter="not the default",
    changed="Not at their defaults: {count}",
    campaign="The campaign",
    key="Key",
    audience="Audience",
    consumer="consumers",
    business="organisations",
    topic="Topic",
    product_group="Product group",
    areas="Duties it concerns",
    list_source="Source of the list",
    list_sources={
        "own": "our own register",
        "vendor": "data vendor",
        "population_register": "population register",
        "unknown": "unknown",
    },
    planned="Planned for",
    platform="Platform",
    particulars="Particulars",
    flags={
        "promotes": "promotes",
        "business_use": "product for business use",
        "special_category": "special category of data",
        "child_directed": "directed at children",
        "sells_mobile_subscription": "sells mobile subscriptions",
        "reminder_of_service": "reminds of a service",
        "confirms_own_request": "confirms the person’s own request",
        "addresses_handed_to_sender": "addresses handed to the sender",
    },
    the_list="The list",
    format="Format",
    columns_recognised="Columns recognised",
    columns_other="Other columns, carried along untouched: {count}.",
    proof="Proof",
    proof_note="The certificate is signed. It ties this list, this campaign and these answers to one position of the "
    "register. Anyone can check it with the public key alone:",
    certificate="Certificate",
    register_position="Register position",
    ledger_head="Ledger head",
    rule_pack="Rule pack",
    engine="Engine",
    files="Files",
    file="File",
    roles={
        "input": "Input list",
        "result": "Every row with its answer",
        "allowed": "Allowed rows, for sending",
        "report": "This report",
        "report_json": "This report as data",
        "certificate": "Signed certificate",
    },
    fingerprint="SHA-256",
    footer="A cautious reading of Finnish and EU law, for software; not legal advice. Screen again when the validity "
    "has ended: prohibitions take effect at once.",
    no_addresses="This report holds no addresses.",
    for_reading="This workbook is for reading. Give the sender the file of allowed rows (.allowed.csv).",
    rows_sheet="Rows",
    summary_sheet="Summary",
    common_reasons="Commonest reasons",
)

FI: Final = Words(
    language="fi",
    title="Seulontaraportti",
    skip="Siirry tulokseen",
    contents="Sisällys",
    controller="Rekisterinpitäjä",
    channel="Kanava",
    purpose="Tarkoitus",
    list_name="Lista",
    screened_at="Seulottu",
    valid_until="Vanhenee",
    finnish_time="Kellonajat ovat Suomen aikaa.",
    at_time="{day} klo\N{NO-BREAK SPACE}{hour}.{minute:02d}",
    outcome="Tulos",
    outcome_sentence="Listan {rows} rivistä sallittuja on {allow}, nimetyn henkilön ratkaistavia {review} ja "
    "estettyjä {block}.",
    outcome_empty="Listassa ei ole rivejä.",
    chart="Ratkaisujen osuudet",
    verdict="Ratkaisu",
    rows="Rivejä",
    share="osuus",
    verdicts={"allow": "Sallittu", "review": "Tarkistettava", "block": "Estetty"},
    verdict_meanings={
        "allow": "Lähettämiselle on peruste, eikä mikään estä sitä.",
        "review": "Laki jättää asian avoimeksi; nimetty henkilö ratkaisee, ja ratkaisu säilytetään.",
        "block": "Tätä viestiä ei saa lähettää.",
    },
    campaign_stopped="Kampanja itse estää jokaisen rivin, olipa listalla kuka tahansa. Korjaa se ja seulo uudelleen:",
    looser_note_one="Yksi asetus on oletustaan väljempi.",
    looser_note_many="{count} asetusta on oletustaan väljempiä.",
    see_policy="Katso asetukset",
    reasons="Miksi rivejä pysäytettiin",
    reasons_note="Kukin rivi on laskettu kerran, ensimmäisen pysäyttäneen syyn mukaan. ”Kaikkiaan” laskee jokaisen "
    "rivin, jota syy koskee; tuloksessa ne ovat kaikki.",
    no_reasons="Yhtään riviä ei pysäytetty.",
    reason="Syy",
    first_reason="Ensimmäinen syy",
    in_all="Kaikkiaan",
    in_all_note="jokainen rivi, jota syy koskee",
    bar="estetty {block}, tarkistettava {review}",
    grounds="Miksi rivit ovat sallittuja",
    grounds_note="Kunkin sallitun rivin peruste ja se tietosuoja-asetuksen 6 artiklan 1 kohdan käsittelyperuste, "
    "johon se nojaa.",
    no_grounds="Yhtään riviä ei ole sallittu.",
    ground="Peruste",
    legal_basis="Käsittelyperuste",
    no_basis="ei tarvita: {note}",
    stages="Arvioinnin vaiheittain",
    stages_note="Jokainen vaihe käydään läpi jokaiselle riville. Ensimmäinen este antaa rivin syyn.",
    stage="Vaihe",
    repeated="Toistuvat rivit",
    repeated_none="Mikään osoite ei toistu.",
    repeated_some="Rivejä, jotka toistavat aiemman rivin osoitteen (kirjeissä: talouden): {rows}. Ne on seulottu "
    "kuten muutkin, ja sarake cm_duplicate_of kertoo aiemman rivin.",
    repeated_kept="Niistä sallittuja: {rows}. Ne ovat myös sallittujen rivien tiedostossa, joten osoite voi olla siinä "
    "kahdesti.",
    repeated_dropped="Sallittujen rivien tiedostossa on kukin osoite kerran.",
    policy="Voimassa olevat asetukset",
    policy_note="Kun laki on avoin, vastaus seuraa asetusta. Oletus on varovainen tulkinta.",
    setting="Asetus",
    in_force="Voimassa",
    default="Oletus",
    as_default="oletus",
    looser="oletusta väljempi",
    stricter="ei oletus",
    changed="Oletuksesta poikkeavia: {count}",
    campaign="Kampanja",
    key="Tunnus",
    audience="Kohderyhmä",
    consumer="kuluttajat",
    business="organisaatiot",
    topic="Aihe",
    product_group="Tuoteryhmä",
    areas="Tehtävät, joita se koskee",
    list_source="Listan lähde",
    list_sources={
        "own": "oma rekisteri",
        "vendor": "tietojen toimittaja",
        "population_register": "väestötietojärjestelmä",
        "unknown": "tuntematon",
    },
    planned="Suunniteltu",
    platform="Alusta",
    particulars="Erityistä",
    flags={
        "promotes": "mainostaa",
        "business_use": "tuote yrityskäyttöön",
        "special_category": "erityinen henkilötietoryhmä",
        "child_directed": "lapsille suunnattu",
        "sells_mobile_subscription": "myy matkapuhelinliittymiä",
        "reminder_of_service": "muistuttaa palvelusta",
        "confirms_own_request": "vahvistaa henkilön oman pyynnön",
        "addresses_handed_to_sender": "osoitteet luovutetaan lähettäjälle",
    },
    the_list="Lista",
    format="Muoto",
    columns_recognised="Tunnistetut sarakkeet",
    columns_other="Muita sarakkeita, jotka kulkevat mukana koskemattomina: {count}.",
    proof="Todistus",
    proof_note="Todistus on allekirjoitettu. Se sitoo tämän listan, kampanjan ja vastaukset yhteen rekisterin "
    "tilaan. Kuka tahansa voi tarkistaa sen pelkällä julkisella avaimella:",
    certificate="Todistus",
    register_position="Rekisterin tila",
    ledger_head="Suostumuskirjan tiiviste",
    rule_pack="Sääntöpaketti",
    engine="Laskentamoottori",
    files="Tiedostot",
    file="Tiedosto",
    roles={
        "input": "Syötetty lista",
        "result": "Jokainen rivi vastauksineen",
        "allowed": "Sallitut rivit lähettämistä varten",
        "report": "Tämä raportti",
        "report_json": "Tämä raportti tietoina",
        "certificate": "Allekirjoitettu todistus",
    },
    fingerprint="SHA-256",
    footer="Varovainen tulkinta Suomen ja EU:n oikeudesta ohjelmistoa varten; ei oikeudellista neuvontaa. Seulo "
    "uudelleen, kun voimassaolo on päättynyt: kiellot vaikuttavat heti.",
    no_addresses="Raportissa ei ole osoitteita.",
    for_reading="Tämä työkirja on lukemista varten. Anna lähettäjälle sallittujen rivien tiedosto (.allowed.csv).",
    rows_sheet="Rivit",
    summary_sheet="Yhteenveto",
    common_reasons="Yleisimmät syyt",
)

SV: Final = Words(
    language="sv",
    title="Kontrollrapport",
    skip="Gå till utfallet",
    contents="Innehåll",
    controller="Personuppgiftsansvarig",
    channel="Kanal",
    purpose="Ändamål",
    list_name="Lista",
    screened_at="Kontrollerad",
    valid_until="Gäller till",
    finnish_time="Klockslagen är finsk tid.",
    at_time="{day} kl.\N{NO-BREAK SPACE}{hour}.{minute:02d}",
    outcome="Utfall",
    outcome_sentence="Av listans {rows} rader är {allow} tillåtna, {review} väntar på en namngiven persons beslut "
    "och {block} är spärrade.",
    outcome_empty="Listan har inga rader.",
    chart="Beslutens andelar",
    verdict="Utslag",
    rows="Rader",
    share="andel",
    verdicts={"allow": "Tillåten", "review": "Ska granskas", "block": "Spärrad"},
    verdict_meanings={
        "allow": "Det finns en grund och ingenting hindrar utskicket.",
        "review": "Lagen lämnar frågan öppen; en namngiven person beslutar, och beslutet bevaras.",
        "block": "Det här meddelandet får inte skickas.",
    },
    campaign_stopped="Kampanjen själv stoppar varje rad, oavsett vem som finns på listan. Rätta den och kontrollera "
    "på nytt:",
    looser_note_one="En inställning är friare än standardvärdet.",
    looser_note_many="{count} inställningar är friare än standardvärdena.",
    see_policy="Se inställningarna",
    reasons="Varför rader stoppades",
    reasons_note="Varje rad räknas en gång, efter det första skälet som stoppade den. ”Sammanlagt” räknar varje rad "
    "som skälet gäller; i resultatet finns alla.",
    no_reasons="Ingen rad stoppades.",
    reason="Skäl",
    first_reason="Första skälet",
    in_all="Sammanlagt",
    in_all_note="varje rad som skälet gäller",
    bar="{block} spärrade, {review} ska granskas",
    grounds="Varför rader är tillåtna",
    grounds_note="Grunden för varje tillåten rad, och den rättsliga grund i dataskyddsförordningens artikel 6.1 som "
    "den vilar på.",
    no_grounds="Ingen rad är tillåten.",
    ground="Grund",
    legal_basis="Rättslig grund",
    no_basis="behövs inte: {note}",
    stages="Enligt bedömningens steg",
    stages_note="Varje steg prövas för varje rad. Det första hindret ger raden dess skäl.",
    stage="Steg",
    repeated="Upprepade rader",
    repeated_none="Ingen adress förekommer två gånger.",
    repeated_some="Rader som upprepar adressen (för brev: hushållet) på en tidigare rad: {rows}. De har kontrollerats "
    "som de andra, och kolumnen cm_duplicate_of anger den tidigare raden.",
    repeated_kept="Tillåtna av dem: {rows}. De finns också i filen med tillåtna rader, så en adress kan stå där två "
    "gånger.",
    repeated_dropped="I filen med tillåtna rader finns varje adress en gång.",
    policy="Gällande inställningar",
    policy_note="Där rättsläget är öppet följer svaret en inställning. Standardvärdet är den försiktiga tolkningen.",
    setting="Inställning",
    in_force="Gäller",
    default="Standard",
    as_default="standard",
    looser="friare än standard",
    stricter="inte standard",
    changed="Avviker från standard: {count}",
    campaign="Kampanjen",
    key="Nyckel",
    audience="Målgrupp",
    consumer="konsumenter",
    business="organisationer",
    topic="Ämne",
    product_group="Produktgrupp",
    areas="Arbetsuppgifter den gäller",
    list_source="Listans källa",
    list_sources={
        "own": "eget register",
        "vendor": "uppgiftsleverantör",
        "population_register": "befolkningsdatasystemet",
        "unknown": "okänd",
    },
    planned="Planerad till",
    platform="Plattform",
    particulars="Särskilt",
    flags={
        "promotes": "gör reklam",
        "business_use": "produkt för företagsbruk",
        "special_category": "särskild kategori av uppgifter",
        "child_directed": "riktad till barn",
        "sells_mobile_subscription": "säljer mobilabonnemang",
        "reminder_of_service": "påminner om en tjänst",
        "confirms_own_request": "bekräftar personens egen begäran",
        "addresses_handed_to_sender": "adresserna lämnas till avsändaren",
    },
    the_list="Listan",
    format="Format",
    columns_recognised="Igenkända kolumner",
    columns_other="Andra kolumner, som följer med orörda: {count}.",
    proof="Intyg",
    proof_note="Intyget är undertecknat. Det binder listan, kampanjen och svaren till en bestämd ställning i "
    "registret. Vem som helst kan kontrollera det med enbart den offentliga nyckeln:",
    certificate="Intyg",
    register_position="Registrets ställning",
    ledger_head="Samtyckesliggarens kondensat",
    rule_pack="Regelpaket",
    engine="Beräkningsmotor",
    files="Filer",
    file="Fil",
    roles={
        "input": "Den kontrollerade listan",
        "result": "Varje rad med sitt svar",
        "allowed": "Tillåtna rader för utskick",
        "report": "Den här rapporten",
        "report_json": "Den här rapporten som data",
        "certificate": "Undertecknat intyg",
    },
    fingerprint="SHA-256",
    footer="En försiktig tolkning av finsk rätt och EU-rätt, för programvara; inte juridisk rådgivning. Kontrollera "
    "på nytt när giltigheten har gått ut: förbud gäller genast.",
    no_addresses="Rapporten innehåller inga adresser.",
    for_reading="Arbetsboken är avsedd för läsning. Ge avsändaren filen med tillåtna rader (.allowed.csv).",
    rows_sheet="Rader",
    summary_sheet="Sammandrag",
    common_reasons="Vanligaste skälen",
)

WORDS: Final[Mapping[Language, Words]] = {"en": EN, "fi": FI, "sv": SV}


def moment(value: datetime, language: Language) -> str:
    """``21 November 2026, 19:05``, in Finnish time."""
    local = value.astimezone(HELSINKI)
    return WORDS[language].at_time.format(day=day(local.date(), language), hour=local.hour, minute=local.minute)

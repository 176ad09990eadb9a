"""Stage 5: prohibitions that reach the campaign and were not lifted."""

from typing import Final

from consentmgr.vocabulary.reasons.reason_code import ReasonCode

# fmt: off
CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode(
        "DM_OBJECTION_ALL", 5, "block", ("settled",), "GDPR 21(2)–(3)",
        en="Has forbidden all direct marketing.",
        fi="On kieltänyt kaiken suoramarkkinoinnin.",
        sv="Har förbjudit all direktmarknadsföring.",
        when_en=(
            "The person has objected to direct marketing without naming channels or topics, and the objection has not "
            "been lifted."
        ),
        when_fi="Henkilö on vastustanut suoramarkkinointia nimeämättä kanavia tai aiheita, eikä kieltoa ole peruttu.",
        when_sv=(
            "Personen har invänt mot direktmarknadsföring utan att nämna kanaler eller ämnen, och förbudet har inte "
            "hävts."
        ),
    ),
    ReasonCode(
        "DM_OBJECTION_CHANNEL", 5, "block_or_review", ("settled",), "SVPL 200(2); GDPR 21(3)",
        en="Has forbidden {channel} marketing.",
        fi="On kieltänyt markkinoinnin: {channel}.",
        sv="Har förbjudit marknadsföring: {channel}.",
        when_en=(
            "The person has objected to marketing by the campaign's channel, or refused consent for it. Review where "
            "somebody without shown authority made the objection, or where a bare STOP by text message came after a "
            "consent to another electronic channel."
        ),
        when_fi=(
            "Henkilö on kieltänyt markkinoinnin kampanjan kanavassa tai kieltäytynyt antamasta siihen suostumusta. "
            "Tarkistetaan, jos kiellon on ilmoittanut joku, jonka valtuutta ei ole osoitettu, tai jos pelkkä "
            "STOP-tekstiviesti on tullut toista sähköistä kanavaa koskevan suostumuksen jälkeen."
        ),
        when_sv=(
            "Personen har förbjudit marknadsföring i kampanjens kanal eller vägrat ge sitt samtycke till den. Granskas"
            " om förbudet har anmälts av någon vars behörighet inte har visats, eller om enbart ett STOPP per "
            "textmeddelande har kommit efter ett samtycke till en annan elektronisk kanal."
        ),
        review_confidence=("uncertain", "design"),
    ),
    ReasonCode(
        "DM_OBJECTION_TOPIC", 5, "block", ("settled",), "GDPR 7(3); GDPR 21(3)",
        en="Has left this topic.",
        fi="On peruuttanut tämän aiheen.",
        sv="Har avslutat detta ämne.",
        when_en="The person has objected to, refused or withdrawn from the campaign's topic or product group.",
        when_fi="Henkilö on vastustanut kampanjan aihetta tai tuoteryhmää, kieltäytynyt siitä tai peruuttanut sen.",
        when_sv="Personen har invänt mot, sagt nej till eller avslutat kampanjens ämne eller produktgrupp.",
    ),
    ReasonCode(
        "CONSENT_WITHDRAWN", 5, "block", ("settled",), "GDPR 7(3)",
        en="Consent was withdrawn.",
        fi="Suostumus on peruutettu.",
        sv="Samtycket har återkallats.",
        when_en=(
            "The person has withdrawn consent reaching the campaign's channel; a withdrawal that names no channel "
            "reaches those that need consent, so neither telephone nor post."
        ),
        when_fi=(
            "Henkilö on peruuttanut suostumuksensa, ja peruutus ulottuu kampanjan kanavaan; peruutus, jossa ei nimetä "
            "kanavaa, koskee suostumusta edellyttäviä kanavia, ei siis puhelinta eikä postia."
        ),
        when_sv=(
            "Personen har återkallat sitt samtycke, och återkallelsen omfattar kampanjens kanal; en återkallelse som "
            "inte nämner någon kanal gäller de kanaler som kräver samtycke, alltså varken telefon eller post."
        ),
    ),
    ReasonCode(
        "SPAM_COMPLAINT", 5, "block", ("design",), "GDPR 21(2)",
        en="Has reported us as spam.",
        fi="On ilmoittanut viestimme roskapostiksi.",
        sv="Har anmält oss som skräppost.",
        when_en="The person's mailbox provider has passed on a spam complaint, in the channel it was made.",
        when_fi=(
            "Henkilön sähköpostipalvelu on välittänyt valituksen roskapostista; se koskee kanavaa, josta valitettiin."
        ),
        when_sv=(
            "Personens e-posttjänst har förmedlat ett klagomål om skräppost; det gäller den kanal som klagomålet "
            "avser."
        ),
    ),
    ReasonCode(
        "ORG_PROHIBITION", 5, "block", ("settled",), "SVPL 202",
        en="The organisation forbids marketing.",
        fi="Organisaatio on kieltänyt markkinoinnin.",
        sv="Organisationen har förbjudit marknadsföring.",
        when_en="The row's organisation has forbidden marketing, for itself or for its whole domain.",
        when_fi="Rivin organisaatio on kieltänyt markkinoinnin itselleen tai koko verkkotunnukselleen.",
        when_sv="Radens organisation har förbjudit marknadsföring till sig själv eller till hela sin domän.",
    ),
    ReasonCode(
        "VENDOR_PROHIBITION", 5, "block", ("settled",), "GDPR 21(2)",
        en="The data source reports a ban.",
        fi="Tietolähde ilmoittaa kiellosta.",
        sv="Uppgiftskällan meddelar förbud.",
        when_en="A ban is kept at the data's source: the vendor or the telecommunications authority.",
        when_fi="Kieltoa ylläpidetään tietojen lähteessä: tietojen toimittajalla tai viestintäviranomaisella.",
        when_sv="Ett förbud finns hos uppgifternas källa: uppgiftsleverantören eller teletillsynsmyndigheten.",
    ),
    ReasonCode(
        "ROBINSON_PHONE", 5, "block_or_review", ("guidance",), "Robinson; KKV",
        en="The number is on the Robinson list.",
        fi="Numero on Robinson-listalla.",
        sv="Numret finns på Robinsonlistan.",
        when_en=(
            "Telephone marketing, and the number is on the Robinson list in force. Review where the person is the "
            "controller's own recent customer or member, or the campaign is a business one."
        ),
        when_fi=(
            "Puhelinmarkkinointi numeroon, jolla on voimassa oleva merkintä Robinson-listalla. Tarkistetaan, jos "
            "henkilö on äskettäin ollut rekisterinpitäjän oma asiakas tai jäsen tai jos kyse on yrityskampanjasta."
        ),
        when_sv=(
            "Telefonmarknadsföring till ett nummer med en gällande anteckning på Robinsonlistan. Granskas om personen "
            "nyligen har varit den personuppgiftsansvariges egen kund eller medlem, eller om det är fråga om en "
            "företagskampanj."
        ),
        review_confidence=("uncertain",),
    ),
    ReasonCode(
        "ROBINSON_POST", 5, "block_or_review", ("guidance",), "Robinson; KKV",
        en="The address is on the Robinson list.",
        fi="Osoite on Robinson-listalla.",
        sv="Adressen finns på Robinsonlistan.",
        when_en=(
            "Marketing by post, and the address is on the Robinson list in force. Review where the person is the "
            "controller's own recent customer or member, or the campaign is a business one."
        ),
        when_fi=(
            "Suoramarkkinointi postitse osoitteeseen, jolla on voimassa oleva merkintä Robinson-listalla. "
            "Tarkistetaan, jos henkilö on äskettäin ollut rekisterinpitäjän oma asiakas tai jäsen tai jos kyse on "
            "yrityskampanjasta."
        ),
        when_sv=(
            "Direktmarknadsföring per post till en adress med en gällande anteckning på Robinsonlistan. Granskas om "
            "personen nyligen har varit den personuppgiftsansvariges egen kund eller medlem, eller om det är fråga om "
            "en företagskampanj."
        ),
        review_confidence=("uncertain",),
    ),
    ReasonCode(
        "DVV_DM_BAN", 5, "block", ("settled",), "GDPR 21(2); VTJ",
        en="Marketing ban in the population register.",
        fi="Kielto väestötietojärjestelmässä.",
        sv="Förbud i befolkningsdatasystemet.",
        when_en=(
            "The person has a marketing ban in the population register, and the list or the address comes from there; "
            "research too."
        ),
        when_fi=(
            "Henkilöllä on väestötietojärjestelmässä markkinointikielto, ja lista tai osoite on peräisin sieltä; "
            "koskee myös tutkimusta."
        ),
        when_sv=(
            "Personen har ett marknadsföringsförbud i befolkningsdatasystemet, och listan eller adressen kommer "
            "därifrån; gäller även undersökningar."
        ),
    ),
    ReasonCode(
        "ROBINSON_STALE", 5, "review", ("design",), "Robinson",
        en="The Robinson list is out of date.",
        fi="Robinson-lista on vanhentunut.",
        sv="Robinsonlistan är föråldrad.",
        when_en=(
            "Marketing to consumers by telephone or post without valid consent, and the copy of the Robinson list is "
            "older than the limit, or there is none."
        ),
        when_fi=(
            "Markkinointi kuluttajille puhelimitse tai postitse ilman voimassa olevaa suostumusta, kun Robinson-listan"
            " kopio on rajaa vanhempi tai sitä ei ole."
        ),
        when_sv=(
            "Marknadsföring till konsumenter per telefon eller post utan giltigt samtycke, när kopian av "
            "Robinsonlistan är äldre än gränsen eller saknas."
        ),
    ),
    ReasonCode(
        "PHONE_SUBSCRIPTION_BAN", 5, "block", ("settled",), "SVPL 201",
        en="Mobile subscriptions may not be sold by phone.",
        fi="Liittymiä ei saa myydä puhelimitse.",
        sv="Mobilabonnemang får inte säljas per telefon.",
        when_en=(
            "A call to a consumer sells mobile subscriptions, and the person is neither this controller's customer in "
            "the same product group nor has validly asked, unprompted, to be called about exactly this."
        ),
        when_fi=(
            "Kuluttajalle soitetaan matkapuhelinliittymän myymiseksi, eikä henkilö ole tämän rekisterinpitäjän asiakas"
            " samassa tuoteryhmässä eikä ole omasta aloitteestaan pätevästi pyytänyt soittoa juuri tästä asiasta."
        ),
        when_sv=(
            "En konsument rings upp för försäljning av mobilabonnemang, och personen är varken denna "
            "personuppgiftsansvariges kund i samma produktgrupp eller har på eget initiativ giltigt bett att bli "
            "uppringd om just detta."
        ),
    ),
    ReasonCode(
        "RESEARCH_OBJECTION", 5, "block", ("settled", "design"), "GDPR 21(1); HetiL 30",
        en="Has forbidden surveys.",
        fi="On kieltänyt kyselyt.",
        sv="Har förbjudit undersökningar.",
        when_en=(
            "Research, and the person has objected to research by name, or forbade marketing while bans still covered "
            "surveys."
        ),
        when_fi=(
            "Tutkimus, kun henkilö on nimenomaisesti vastustanut tutkimuksia tai kielsi markkinoinnin silloin, kun "
            "kielto kattoi vielä myös kyselyt."
        ),
        when_sv=(
            "Undersökning, när personen uttryckligen har invänt mot undersökningar eller förbjöd marknadsföring medan "
            "förbud ännu omfattade undersökningar."
        ),
    ),
    ReasonCode(
        "PUBLIC_INFO_OBJECTION", 5, "review", ("settled",), "GDPR 21(1); GDPR 18(1)(d)",
        en="Has objected to these bulletins.",
        fi="On vastustanut tiedotteita.",
        sv="Har invänt mot utskicken.",
        when_en=(
            "Public information, and the person has objected to it by name; nothing is sent until a person has weighed"
            " the objection."
        ),
        when_fi=(
            "Tiedotus, kun henkilö on nimenomaisesti vastustanut sitä; mitään ei lähetetä, ennen kuin ihminen on "
            "harkinnut vastustuksen."
        ),
        when_sv=(
            "Offentlig information, när personen uttryckligen har invänt mot den; inget skickas förrän en människa har"
            " prövat invändningen."
        ),
    ),
)
# fmt: on

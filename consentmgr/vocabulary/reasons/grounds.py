"""Stage 7: what is missing from a ground, and the grounds."""

from typing import Final

from consentmgr.vocabulary.reasons.reason_code import ReasonCode

# fmt: off
CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode(
        "SPECIAL_CATEGORY", 7, "block", ("settled",), "GDPR 9(2)(a)",
        en="Sensitive data needs its own consent.",
        fi="Arkaluonteinen tieto vaatii oman suostumuksen.",
        sv="Känsliga uppgifter kräver eget samtycke.",
        when_en=(
            "The campaign uses data of a special category, and there is no valid consent whose event and notice both "
            "name the campaign's topic."
        ),
        when_fi=(
            "Kampanjassa käytetään erityisiin henkilötietoryhmiin kuuluvia tietoja, eikä ole voimassa olevaa "
            "suostumusta, jossa sekä kirjaus että informointiteksti nimeävät kampanjan aiheen."
        ),
        when_sv=(
            "Kampanjen använder uppgifter som hör till särskilda kategorier, och det finns inget giltigt samtycke där "
            "både registerhändelsen och informationstexten nämner kampanjens ämne."
        ),
    ),
    ReasonCode(
        "SOCIAL_CONSENT_MISSING", 7, "block", ("guidance",), "GDPR 4(11); GDPR 6(1)(a); EDPB 8/2020",
        en="No consent to this platform.",
        fi="Ei suostumusta tälle alustalle.",
        sv="Samtycke till plattformen saknas.",
        when_en="An online audience, and no valid consent names the platform.",
        when_fi="Verkkomainonnan kohderyhmä, eikä mikään voimassa oleva suostumus nimeä alustaa.",
        when_sv="En målgrupp på nätet, och inget giltigt samtycke nämner plattformen.",
    ),
    ReasonCode(
        "CONSENT_SCOPE_CONTROLLER", 7, "block", ("settled",), "GDPR 4(11); GDPR 26; recital 42",
        en="Consent does not name this controller.",
        fi="Suostumus ei koske tätä rekisterinpitäjää.",
        sv="Samtycket nämner inte den personuppgiftsansvarige.",
        when_en=(
            "The nearest consent does not name the campaign's controller, or one of its joint controllers, in both "
            "event and notice."
        ),
        when_fi=(
            "Lähin suostumus ei nimeä kampanjan rekisterinpitäjää tai jotakin yhteisrekisterinpitäjistä sekä "
            "kirjauksessa että informointitekstissä."
        ),
        when_sv=(
            "Det närmaste samtycket nämner inte kampanjens personuppgiftsansvarige, eller någon av de gemensamt "
            "personuppgiftsansvariga, i både registerhändelsen och informationstexten."
        ),
    ),
    ReasonCode(
        "CONSENT_SCOPE_CHANNEL", 7, "block", ("settled",), "SVPL 200(1); GDPR 4(11)",
        en="Consent does not cover this channel.",
        fi="Suostumus ei kata kanavaa.",
        sv="Samtycket omfattar inte kanalen.",
        when_en="The nearest consent does not name the campaign's channel in both event and notice.",
        when_fi="Lähin suostumus ei nimeä kampanjan kanavaa sekä kirjauksessa että informointitekstissä.",
        when_sv="Det närmaste samtycket nämner inte kampanjens kanal i både registerhändelsen och informationstexten.",
    ),
    ReasonCode(
        "CONSENT_SCOPE_TOPIC", 7, "block", ("settled",), "GDPR 5(1)(b); GDPR 4(11)",
        en="Consent does not cover this topic.",
        fi="Suostumus ei kata aihetta.",
        sv="Samtycket omfattar inte ämnet.",
        when_en=(
            "The nearest consent does not name the campaign's purpose, or names topics of which the campaign's is not "
            "one."
        ),
        when_fi=(
            "Lähin suostumus ei nimeä kampanjan tarkoitusta, tai se nimeää aiheita, joihin kampanjan aihe ei kuulu."
        ),
        when_sv=(
            "Det närmaste samtycket nämner inte kampanjens ändamål, eller så nämner det ämnen som kampanjens ämne inte"
            " hör till."
        ),
    ),
    ReasonCode(
        "CONSENT_INVALID_FORM", 7, "block", ("settled", "guidance"),
        "recital 32; GDPR 7(4); TSV 6465/182/2018; TSV 8086/182/2019",
        en="Consent was not active and free.",
        fi="Suostumus ei ollut aktiivinen ja vapaa.",
        sv="Samtycket var inte aktivt och frivilligt.",
        when_en=(
            "The nearest consent was given by a box ticked beforehand, or as a condition of a service that was not "
            "freely joined."
        ),
        when_fi=(
            "Lähin suostumus on annettu valmiiksi rastitetulla ruudulla tai ehtona palvelulle, johon ei liitytty "
            "vapaasti."
        ),
        when_sv=(
            "Det närmaste samtycket gavs med en ruta som var förkryssad, eller som villkor för en tjänst som personen "
            "inte fritt anslöt sig till."
        ),
    ),
    ReasonCode(
        "CONSENT_UNCONFIRMED", 7, "block", ("design",), "GDPR 7(1)",
        en="Consent is not confirmed.",
        fi="Suostumusta ei ole vahvistettu.",
        sv="Samtycket är inte bekräftat.",
        when_en="The nearest consent still waits for the confirmation that was asked by message.",
        when_fi="Lähin suostumus odottaa yhä vahvistusta, jota on pyydetty viestillä.",
        when_sv="Det närmaste samtycket väntar ännu på den bekräftelse som har begärts i ett meddelande.",
    ),
    ReasonCode(
        "CONSENT_UNPROVEN", 7, "block", ("settled",), "GDPR 7(1); EDPB 05/2020",
        en="No proof of consent.",
        fi="Suostumuksesta ei ole näyttöä.",
        sv="Samtycket kan inte visas.",
        when_en="Neither a notice, a recording nor an attachment shows the words the person agreed to.",
        when_fi="Mikään informointiteksti, tallenne tai liite ei osoita, mihin sanamuotoon henkilö suostui.",
        when_sv=(
            "Varken en informationstext, en inspelning eller en bilaga visar vilken ordalydelse personen samtyckte "
            "till."
        ),
    ),
    ReasonCode(
        "CONSENT_STALE", 7, "review", ("design",), "GDPR 5(1)(e)",
        en="Old consent, silent since.",
        fi="Vanha suostumus, ei yhteyttä sen jälkeen.",
        sv="Gammalt samtycke, tyst sedan dess.",
        when_en=(
            "The consent, and the person's last known interaction, are both older than the limit; or the notice it was"
            " given under has a later version that says it changes the substance (a major version)."
        ),
        when_fi=(
            "Suostumus ja henkilön viimeinen tunnettu yhteydenpito ovat molemmat rajaa vanhempia, tai "
            "informointitekstistä, jonka perusteella suostumus annettiin, on uudempi versio, jonka on ilmoitettu "
            "muuttavan sisältöä."
        ),
        when_sv=(
            "Samtycket och personens senaste kända kontakt är båda äldre än gränsen, eller så har den informationstext"
            " som samtycket gavs enligt en senare version som anges ändra innehållet."
        ),
    ),
    ReasonCode(
        "SOFT_OPT_IN_CHANNEL", 7, "block", ("guidance",), "SVPL 200(3)",
        en="The customer exception excludes this channel.",
        fi="Asiakaspoikkeus ei kata kanavaa.",
        sv="Kundundantaget omfattar inte kanalen.",
        when_en="The person is a customer, but the channel is not e-mail, text or instant message.",
        when_fi="Henkilö on asiakas, mutta kanava ei ole sähköposti, tekstiviesti eikä pikaviesti.",
        when_sv="Personen är kund, men kanalen är varken e-post, textmeddelande eller snabbmeddelande.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_OTHER_SELLER", 7, "block", ("settled",), "SVPL 200(3)",
        en="Another seller's customer or product.",
        fi="Toisen myyjän asiakas tai tuote.",
        sv="Annan säljares kund eller produkt.",
        when_en="The person is another controller's customer, or the products marketed are not the controller's own.",
        when_fi=(
            "Henkilö on toisen rekisterinpitäjän asiakas, tai markkinoitavat tuotteet eivät ole rekisterinpitäjän "
            "omia."
        ),
        when_sv=(
            "Personen är en annan personuppgiftsansvarigs kund, eller så är produkterna som marknadsförs inte den "
            "personuppgiftsansvariges egna."
        ),
    ),
    ReasonCode(
        "SOFT_OPT_IN_NO_SALE", 7, "block_or_review", ("uncertain",), "SVPL 200(3); Inteligo",
        en="Nothing was sold.",
        fi="Mitään ei ole myyty.",
        sv="Inget har sålts.",
        when_en="The person only asked for a quote (block), or holds an account of a wholly free service (review).",
        when_fi=(
            "Henkilö on vain pyytänyt tarjousta (estetään), tai hänellä on tili kokonaan maksuttomassa palvelussa "
            "(tarkistetaan)."
        ),
        when_sv=(
            "Personen har bara begärt en offert (spärras), eller har ett konto i en helt avgiftsfri tjänst (granskas)."
        ),
    ),
    ReasonCode(
        "SOFT_OPT_IN_NOT_FROM_CUSTOMER", 7, "block", ("settled",), "SVPL 200(3)",
        en="The address did not come with the sale.",
        fi="Osoitetta ei saatu kaupan yhteydessä.",
        sv="Adressen kom inte vid köpet.",
        when_en="The controller did not get the address from the customer in connection with the sale.",
        when_fi="Rekisterinpitäjä ei ole saanut osoitetta asiakkaalta kaupan yhteydessä.",
        when_sv="Den personuppgiftsansvarige har inte fått adressen av kunden i samband med köpet.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_NO_OPTOUT", 7, "block", ("settled",), "SVPL 200(3); KKV",
        en="No chance to refuse at the sale.",
        fi="Kieltomahdollisuutta ei tarjottu kaupassa.",
        sv="Möjlighet att säga nej gavs inte vid köpet.",
        when_en="The customer was not offered an easy way to refuse marketing when the address was taken.",
        when_fi="Asiakkaalle ei tarjottu helppoa tapaa kieltää markkinointi, kun osoite saatiin.",
        when_sv="Kunden erbjöds inget enkelt sätt att säga nej till marknadsföring när adressen lämnades.",
    ),
    ReasonCode(
        "SOFT_OPT_IN_GROUP", 7, "block", ("settled",), "SVPL 200(3)",
        en="Another product group.",
        fi="Eri tuoteryhmä.",
        sv="Annan produktgrupp.",
        when_en="What is marketed is not of the product group that was sold, or the campaign names no product group.",
        when_fi="Markkinoitava tuote ei kuulu ostettuun tuoteryhmään, tai kampanja ei nimeä tuoteryhmää.",
        when_sv=(
            "Det som marknadsförs hör inte till den produktgrupp som såldes, eller så nämner kampanjen ingen "
            "produktgrupp."
        ),
    ),
    ReasonCode(
        "SOFT_OPT_IN_STALE", 7, "review", ("design",), "precaution",
        en="Last purchase long ago.",
        fi="Viime ostosta on kauan.",
        sv="Länge sedan senaste köpet.",
        when_en="The last purchase, or the opening of the account, is older than the limit.",
        when_fi="Viimeisestä ostosta tai tilin avaamisesta on kulunut rajaa pidempi aika.",
        when_sv="Det senaste köpet, eller öppnandet av kontot, ligger längre tillbaka än gränsen.",
    ),
    ReasonCode(
        "CONSENT_MISSING", 7, "block_or_review", ("settled",), "SVPL 200(1)",
        en="Consent is needed and missing.",
        fi="Tarvittava suostumus puuttuu.",
        sv="Nödvändigt samtycke saknas.",
        when_en=(
            "Nothing else explains why no ground holds: there is no consent and no customer relation. A business "
            "instant message about the receiver's duties goes to review."
        ),
        when_fi=(
            "Mikään muu ei selitä, miksi perustetta ei ole: ei ole suostumusta eikä asiakassuhdetta. Yritysviesti "
            "pikaviestinä vastaanottajan tehtävistä tarkistetaan."
        ),
        when_sv=(
            "Inget annat förklarar varför ingen grund gäller: det finns varken samtycke eller kundförhållande. Ett "
            "snabbmeddelande i en företagskampanj om mottagarens arbetsuppgifter granskas."
        ),
    ),
    ReasonCode(
        "CONSENT_OK", 7, "ground", ("settled",), "SVPL 200(1); GDPR 6(1)(a)",
        en="Has consented.",
        fi="On suostunut.",
        sv="Har samtyckt.",
        when_en=(
            "A valid consent covers the controller, every joint controller, the channel, the purpose and the topic, "
            "and is not stale."
        ),
        when_fi=(
            "Voimassa oleva suostumus kattaa rekisterinpitäjän, jokaisen yhteisrekisterinpitäjän, kanavan, "
            "tarkoituksen ja aiheen, eikä se ole vanhentunut."
        ),
        when_sv=(
            "Ett giltigt samtycke omfattar den personuppgiftsansvarige, alla gemensamt personuppgiftsansvariga, "
            "kanalen, ändamålet och ämnet, och är inte föråldrat."
        ),
    ),
    ReasonCode(
        "SOFT_OPT_IN_OK", 7, "ground", ("settled",), "SVPL 200(3); Inteligo",
        en="Customer; our similar products.",
        fi="Asiakas; samankaltaiset omat tuotteet.",
        sv="Kund; egna liknande produkter.",
        when_en="The person is this controller's customer and every condition of the customer exception holds.",
        when_fi="Henkilö on tämän rekisterinpitäjän asiakas, ja kaikki asiakaspoikkeuksen edellytykset täyttyvät.",
        when_sv="Personen är denna personuppgiftsansvariges kund, och alla villkor för kundundantaget är uppfyllda.",
    ),
    ReasonCode(
        "OPT_OUT_CHANNEL_OK", 7, "ground", ("settled",), "SVPL 200(2); GDPR 6(1)(f)",
        en="Allowed until forbidden.",
        fi="Sallittu, kunnes kielletään.",
        sv="Tillåtet tills det förbjuds.",
        when_en="Telephone or post, which are allowed until the person forbids them.",
        when_fi="Puhelin tai posti, jotka ovat sallittuja, kunnes henkilö kieltää ne.",
        when_sv="Telefon eller post, som är tillåtna tills personen förbjuder dem.",
    ),
    ReasonCode(
        "B2B_GENERIC_OK", 7, "ground", ("settled",), "SVPL 202",
        en="An organisation's general address.",
        fi="Organisaation yleinen osoite.",
        sv="Organisationens allmänna adress.",
        when_en="A business message to a legal person's general address; to a public body's registry mailbox, review.",
        when_fi=(
            "Yritysviesti oikeushenkilön yleiseen osoitteeseen; viranomaisen kirjaamoon lähetettävä viesti "
            "tarkistetaan."
        ),
        when_sv=(
            "Ett företagsmeddelande till en juridisk persons allmänna adress; ett meddelande till en myndighets "
            "registratur granskas."
        ),
    ),
    ReasonCode(
        "B2B_ROLE_OK", 7, "ground", ("guidance",), "SVPL 202; guide; ASML R8",
        en="About the person's duties.",
        fi="Koskee henkilön tehtäviä.",
        sv="Gäller personens arbetsuppgifter.",
        when_en=(
            "A business message about the person's own duties at a legal person; by text message, automated call or "
            "fax, review."
        ),
        when_fi=(
            "Yritysviesti, joka koskee henkilön omia tehtäviä oikeushenkilön palveluksessa; tekstiviesti, "
            "automaattinen soitto ja faksi tarkistetaan."
        ),
        when_sv=(
            "Ett företagsmeddelande om personens egna arbetsuppgifter hos en juridisk person; textmeddelande, "
            "automatiskt samtal och fax granskas."
        ),
    ),
    ReasonCode(
        "B2B_CUSTOMER_OK", 7, "ground", ("uncertain",), "SVPL 202; ASML R7",
        en="Business customer's contact.",
        fi="Yritysasiakkaan yhteyshenkilö.",
        sv="Företagskunds kontaktperson.",
        when_en=(
            "The person's duties are missing or known by title only, and the organisation is this controller's "
            "customer in the campaign's product group."
        ),
        when_fi=(
            "Henkilön tehtäviä ei tunneta tai niistä tunnetaan vain nimike, ja organisaatio on tämän rekisterinpitäjän"
            " asiakas kampanjan tuoteryhmässä."
        ),
        when_sv=(
            "Personens arbetsuppgifter är okända eller bara titeln är känd, och organisationen är denna "
            "personuppgiftsansvariges kund i kampanjens produktgrupp."
        ),
    ),
    ReasonCode(
        "SERVICE_OK", 7, "ground", ("settled",), "GDPR 6(1)(b)–(d); GDPR 12(3); GDPR 34",
        en="A service message.",
        fi="Palveluviesti.",
        sv="Ett servicemeddelande.",
        when_en=(
            "A service message without promotion: about an order, a recall, a data breach, the confirmation of a "
            "consent or a ban."
        ),
        when_fi=(
            "Palveluviesti ilman mainontaa: viesti tilauksesta, tuotteen takaisinvedosta, tietoturvaloukkauksesta "
            "taikka suostumuksen tai kiellon vahvistus."
        ),
        when_sv=(
            "Ett servicemeddelande utan reklam: om en beställning, återkallelse av en produkt eller en "
            "personuppgiftsincident, eller bekräftelse av ett samtycke eller ett förbud."
        ),
    ),
    ReasonCode(
        "RESEARCH_OK", 7, "ground", ("guidance",), "GDPR 6(1)(f); GDPR 21(1)",
        en="A genuine survey.",
        fi="Aito kysely.",
        sv="En äkta undersökning.",
        when_en="A genuine survey that promotes nothing; after a marketing ban, review.",
        when_fi="Aito kysely, jossa ei mainosteta mitään; markkinointikiellon jälkeen tarkistetaan.",
        when_sv="En äkta undersökning som inte gör reklam för något; efter ett marknadsföringsförbud granskas den.",
    ),
    ReasonCode(
        "PUBLIC_INFO_OK", 7, "ground", ("guidance",), "GDPR 6(1)(e)",
        en="Public information.",
        fi="Tiedotusta.",
        sv="Offentlig information.",
        when_en="Public information that promotes nothing.",
        when_fi="Tiedotus, jossa ei mainosteta mitään.",
        when_sv="Offentlig information som inte gör reklam för något.",
    ),
    ReasonCode(
        "SOCIAL_OK", 7, "ground", ("guidance",), "GDPR 6(1)(a); EDPB 8/2020",
        en="Allowed on this platform.",
        fi="Sallittu tällä alustalla.",
        sv="Tillåtet på plattformen.",
        when_en=(
            "An online audience with a valid consent that names the platform, or a company list's row that is a legal "
            "person."
        ),
        when_fi=(
            "Verkkomainonnan kohderyhmä, jonka alustan voimassa oleva suostumus nimeää, tai yritysluettelon rivi, joka"
            " on oikeushenkilö."
        ),
        when_sv=(
            "En målgrupp på nätet med ett giltigt samtycke som nämner plattformen, eller en rad i en företagslista som"
            " är en juridisk person."
        ),
    ),
)
# fmt: on

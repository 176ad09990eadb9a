"""Stages 1 and 2: the message and the campaign, which stop every row alike."""

from typing import Final

from consentmgr.vocabulary.reasons.reason_code import ReasonCode

# fmt: off
CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode(
        "RESEARCH_IS_SALES", 1, "gate", ("guidance",), "KSL 2; KKV 2025; SVPL 200(1)",
        en="A survey that sells is marketing.",
        fi="Myyvä kysely on markkinointia.",
        sv="En undersökning som säljer är marknadsföring.",
        when_en=(
            "The campaign's purpose is research and its content promotes: it makes an offer, gathers sales leads or "
            "asks for public reviews. Consent does not help; send it as marketing."
        ),
        when_fi=(
            "Kampanjan tarkoitus on tutkimus, mutta sen sisältö on mainontaa: siinä tehdään tarjous, kerätään tietoja "
            "mahdollisista asiakkaista tai pyydetään julkisia arvosteluja. Suostumus ei auta; viesti on lähetettävä "
            "markkinointina."
        ),
        when_sv=(
            "Kampanjens ändamål är undersökning, men innehållet är reklam: den lämnar ett erbjudande, samlar in "
            "uppgifter om möjliga kunder eller ber om offentliga omdömen. Samtycke hjälper inte; meddelandet ska "
            "skickas som marknadsföring."
        ),
    ),
    ReasonCode(
        "SERVICE_HAS_PROMO", 1, "block", ("guidance",), "Inteligo; StWL; GDPR 21(3)",
        en="The service message promotes.",
        fi="Palveluviestissä on mainontaa.",
        sv="Servicemeddelandet innehåller reklam.",
        when_en=(
            "The campaign's purpose is a service message, its content promotes, and the row, judged as direct "
            "marketing, would not be allowed. Where it would be, that ground alone is given."
        ),
        when_fi=(
            "Kampanjan tarkoitus on palveluviesti, mutta siinä on mainontaa, eikä rivi olisi sallittu "
            "suoramarkkinointina. Jos rivi olisi sallittu, ilmoitetaan vain se peruste."
        ),
        when_sv=(
            "Kampanjens ändamål är servicemeddelande, men den innehåller reklam, och raden skulle inte vara tillåten "
            "som direktmarknadsföring. Om den skulle vara tillåten anges bara den grunden."
        ),
    ),
    ReasonCode(
        "CAMPAIGN_NO_SENDER", 2, "gate", ("settled",), "SVPL 203; ePD 13(4)",
        en="The sender is not named.",
        fi="Lähettäjää ei nimetä.",
        sv="Avsändaren anges inte.",
        when_en="The message does not say on whose behalf it is sent.",
        when_fi="Viestissä ei kerrota, kenen puolesta se lähetetään.",
        when_sv="Av meddelandet framgår inte för vems räkning det skickas.",
    ),
    ReasonCode(
        "CAMPAIGN_DISGUISED", 2, "gate", ("settled",), "SVPL 203; KSL 2",
        en="The subject misleads.",
        fi="Otsikko johtaa harhaan.",
        sv="Ämnesraden vilseleder.",
        when_en="The message's subject or beginning hides that it is marketing, or what it is about.",
        when_fi="Viestin otsikko tai alku peittää sen, että viesti on markkinointia, tai sen, mitä viesti koskee.",
        when_sv="Meddelandets ämnesrad eller början döljer att det är marknadsföring eller vad det handlar om.",
    ),
    ReasonCode(
        "CAMPAIGN_NO_UNSUB", 2, "gate", ("settled",),
        "SVPL 200(3); SVPL 202; SVPL 203; GDPR 7(3); GDPR 12(2); GDPR 21(4)",
        en="No easy, free way to refuse.",
        fi="Helppo, maksuton kieltotapa puuttuu.",
        sv="Ett enkelt, avgiftsfritt sätt att säga nej saknas.",
        when_en=(
            "By e-mail, text or instant message, automated call or fax: refusing is not possible, costs money, or "
            "needs a login, a fee or a reason. By any channel: the message does not tell of the right to object, and "
            "it is the first this controller sends the person."
        ),
        when_fi=(
            "Sähköposti, tekstiviesti, pikaviesti, automaattinen soitto tai faksi: markkinointia ei voi kieltää, "
            "kieltäminen maksaa tai se vaatii kirjautumisen, maksun tai perustelun. Kaikki kanavat: viestissä ei "
            "kerrota vastustamisoikeudesta, ja se on tämän rekisterinpitäjän ensimmäinen viesti henkilölle."
        ),
        when_sv=(
            "E-post, textmeddelande, snabbmeddelande, automatiskt samtal eller fax: det går inte att säga nej, det "
            "kostar, eller det kräver inloggning, avgift eller motivering. Alla kanaler: meddelandet upplyser inte om "
            "rätten att göra invändningar, och det är det första som denna personuppgiftsansvarige skickar till "
            "personen."
        ),
    ),
    ReasonCode(
        "CAMPAIGN_NO_ONE_CLICK", 2, "gate", ("guidance",), "RFC 8058; mailbox",
        en="One-click unsubscribe is missing.",
        fi="Yhden napsautuksen peruutus puuttuu.",
        sv="Avregistrering med ett klick saknas.",
        when_en="An e-mail campaign goes out without one-click unsubscribe headers.",
        when_fi=(
            "Sähköpostikampanja lähetetään ilman otsaketietoja, joiden avulla viestit voi peruuttaa yhdellä "
            "napsautuksella."
        ),
        when_sv="En e-postkampanj skickas utan de rubriker som behövs för avregistrering med ett klick.",
    ),
    ReasonCode(
        "CAMPAIGN_NO_SOURCE", 2, "gate", ("guidance",), "GDPR 14(2)(f); DVV",
        en="The address source is not stated.",
        fi="Osoitelähdettä ei mainita.",
        sv="Adresskällan anges inte.",
        when_en=(
            "The list comes from a vendor or the population register, and the message does not say where the address "
            "comes from."
        ),
        when_fi=(
            "Lista on peräisin tietojen toimittajalta tai väestötietojärjestelmästä, eikä viestissä kerrota, mistä "
            "osoite on saatu."
        ),
        when_sv=(
            "Listan kommer från en uppgiftsleverantör eller befolkningsdatasystemet, och meddelandet anger inte "
            "varifrån adressen kommer."
        ),
    ),
    ReasonCode(
        "CAMPAIGN_EXPOSES_RECIPIENTS", 2, "gate", ("settled",), "GDPR 5(1)(f); GDPR 32",
        en="Recipients would see each other.",
        fi="Vastaanottajat näkisivät toisensa.",
        sv="Mottagarna skulle se varandra.",
        when_en="An e-mail, for whatever purpose, would show the recipients to each other.",
        when_fi="Sähköpostiviesti, olipa sen tarkoitus mikä tahansa, näyttäisi vastaanottajat toisilleen.",
        when_sv="Ett e-postmeddelande, oavsett ändamål, skulle visa mottagarna för varandra.",
    ),
    ReasonCode(
        "VTJ_ADDRESS_NOT_HELD", 2, "gate", ("settled",), "DVV",
        en="Register addresses never go to the sender.",
        fi="Väestötietojen osoitteita ei luovuteta lähettäjälle.",
        sv="Registrets adresser lämnas inte till avsändaren.",
        when_en=(
            "The list is a selection from the population register, and its addresses are to be handed to the sender "
            "itself."
        ),
        when_fi=(
            "Lista on poiminta väestötietojärjestelmästä, ja sen osoitteet on tarkoitus luovuttaa lähettäjälle "
            "itselleen."
        ),
        when_sv="Listan är ett urval ur befolkningsdatasystemet, och adresserna ska lämnas ut till avsändaren själv.",
    ),
)
# fmt: on

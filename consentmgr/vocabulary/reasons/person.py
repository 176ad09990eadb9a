"""Stages 3 and 4: the row and the person, whatever the purpose; and non-disclosure."""

from typing import Final

from consentmgr.vocabulary.reasons.reason_code import ReasonCode

# fmt: off
CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode(
        "DECEASED", 3, "block", ("design",), "recital 27",
        en="The person has died.",
        fi="Henkilö on kuollut.",
        sv="Personen har avlidit.",
        when_en="The register has a day of death for the person; whatever the purpose.",
        when_fi="Henkilölle on merkitty rekisteriin kuolinpäivä; viestin tarkoituksella ei ole merkitystä.",
        when_sv="En dödsdag har antecknats för personen i registret; ändamålet saknar betydelse.",
    ),
    ReasonCode(
        "ERASED_SUPPRESSED", 3, "block_or_review", ("guidance",), "GDPR 17(3); GDPR 21(3)",
        en="Erased or to be erased; the ban stays.",
        fi="Tiedot on poistettu tai poistetaan; kielto pysyy.",
        sv="Uppgifterna är eller blir raderade; spärren består.",
        when_en=(
            "The person has asked for erasure or has been erased, or the address belongs to a key kept from an "
            "erasure. A service message goes to review; one that only confirms the person's own request passes."
        ),
        when_fi=(
            "Henkilö on pyytänyt tietojensa poistamista, tiedot on poistettu tai osoite vastaa poiston jälkeen "
            "säilytettyä tunnistetta. Palveluviesti vaatii tarkistuksen; viesti, joka vain vahvistaa henkilön oman "
            "pyynnön, päästetään läpi."
        ),
        when_sv=(
            "Personen har begärt radering, uppgifterna har raderats eller adressen motsvarar en identifierare som "
            "sparats efter en radering. Ett servicemeddelande kräver granskning; ett som bara bekräftar personens egen"
            " begäran släpps igenom."
        ),
    ),
    ReasonCode(
        "PROCESSING_RESTRICTED", 3, "block_or_review", ("settled",), "GDPR 18(2)–(3)",
        en="Use of the data is restricted.",
        fi="Tietojen käyttöä on rajoitettu.",
        sv="Användningen av uppgifterna är begränsad.",
        when_en=(
            "The person has had processing restricted and the restriction has not been lifted. A service message goes "
            "to review."
        ),
        when_fi=(
            "Henkilön tietojen käsittelyä on rajoitettu, eikä rajoitusta ole poistettu. Palveluviesti vaatii "
            "tarkistuksen."
        ),
        when_sv=(
            "Behandlingen av personens uppgifter har begränsats, och begränsningen har inte hävts. Ett "
            "servicemeddelande kräver granskning."
        ),
    ),
    ReasonCode(
        "MINOR_UNDER_13", 3, "block", ("settled",), "GDPR 8; TSL 5",
        en="The child is under 13.",
        fi="Lapsi on alle 13-vuotias.",
        sv="Barnet är under 13 år.",
        when_en=(
            "Marketing, an audience or research, and the person is under 13 by date of birth without a guardian's "
            "consent."
        ),
        when_fi=(
            "Markkinointi, verkkomainonnan kohderyhmä tai tutkimus, kun henkilö on syntymäaikansa mukaan alle "
            "13-vuotias eikä huoltaja ole antanut suostumusta."
        ),
        when_sv=(
            "Marknadsföring, målgrupp på nätet eller undersökning, när personen enligt sitt födelsedatum är under 13 "
            "år och vårdnadshavaren inte har gett sitt samtycke."
        ),
    ),
    ReasonCode(
        "MINOR_REVIEW", 3, "block_or_review", ("design",), "recital 38; KSL 2; DSA 28(2)",
        en="Is or may be under 18.",
        fi="On tai voi olla alle 18-vuotias.",
        sv="Är eller kan vara under 18 år.",
        when_en=(
            "Marketing, an audience or research, and the person is under 18 by date of birth, or has no known date of "
            "birth while the campaign is directed at children. For an audience it blocks."
        ),
        when_fi=(
            "Markkinointi, verkkomainonnan kohderyhmä tai tutkimus, kun henkilö on syntymäaikansa mukaan alle "
            "18-vuotias tai kun syntymäaikaa ei tiedetä ja kampanja on suunnattu lapsille. Kohderyhmä estetään."
        ),
        when_sv=(
            "Marknadsföring, målgrupp på nätet eller undersökning, när personen enligt sitt födelsedatum är under 18 "
            "år, eller när födelsedatum saknas och kampanjen riktar sig till barn. En målgrupp spärras."
        ),
    ),
    ReasonCode(
        "NON_DISCLOSURE", 4, "block_or_review", ("guidance", "design"), "VTJ 36",
        en="This address may not be used as such.",
        fi="Osoitetta ei saa käyttää sellaisenaan.",
        sv="Adressen får inte användas som sådan.",
        when_en=(
            "The person is under non-disclosure for personal safety. An audience is blocked; a letter is blocked "
            "unless it goes to the contact address given for mail, and reviewed where the person gave the address or "
            "the letter is a service message. Other channels pass."
        ),
        when_fi=(
            "Henkilöllä on turvakielto. Verkkomainonnan kohderyhmä estetään. Kirje estetään, ellei se mene postia "
            "varten annettuun yhteysosoitteeseen; se tarkistetaan, jos henkilö on itse antanut osoitteen tai kirje on "
            "palveluviesti. Muut kanavat päästetään läpi."
        ),
        when_sv=(
            "Personen har spärrmarkering. En målgrupp på nätet spärras. Ett brev spärras om det inte går till den "
            "kontaktadress som har getts för post; det granskas om personen själv har gett adressen eller brevet är "
            "ett servicemeddelande. Övriga kanaler släpps igenom."
        ),
    ),
)
# fmt: on

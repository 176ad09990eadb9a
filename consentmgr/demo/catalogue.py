"""What the invented shop deals in: controllers, topics, the words shown to people, purposes of processing."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from typing import Final, NamedTuple

from consentmgr.vocabulary.codes import Cadence, Channel, Language, Platform
from consentmgr.vocabulary.documents import (
    AnyDocument,
    Controller,
    ExternalList,
    Names,
    Notice,
    ProcessingPurpose,
    Topic,
)
from consentmgr.vocabulary.time_rules import add_months

#: The controller whose campaigns are screened, and another one in the same installation.
SHOP: Final = "puoti"
TRAVEL: Final = "matkat"
#: The company that sells decision-makers' data.
VENDOR: Final = "vendor-esimerkkitieto"
VENDOR_NAME: Final = "Esimerkkitieto Oy"

#: Topics (newsletters) and product groups.
GARDEN_LETTER: Final = "garden-letter"
OFFERS: Final = "offers"
EVENTS: Final = "events"
GARDEN: Final = "garden"
HOME: Final = "home"
OFFICE: Final = "office"

#: The form people join the shop's newsletters by, and the words that stand on it.
FORM: Final = "uutiskirjeet"
FORM_NOTICE: Final = "signup/3"


def _logo(drawing: str) -> str:
    """A small picture as a data address, which a page needs no second request for."""
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">{drawing}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


#: A leaf on a green ground, and a sun over water.
_SHOP_LOGO: Final = _logo(
    '<rect width="48" height="48" rx="10" fill="#2f6b3c"/><path d="M12 34C10 20 20 11 38 11c1 17-8 27-22 26" '
    'fill="#dff0dc"/><path d="M11 39c4-11 11-17 19-20" fill="none" stroke="#2f6b3c" stroke-width="2.4"/>'
)
_TRAVEL_LOGO: Final = _logo(
    '<rect width="48" height="48" rx="10" fill="#0b4f6c"/><circle cx="24" cy="21" r="9" fill="#ffd27a"/>'
    '<path d="M6 33q5-4 9 0t9 0 9 0 9 0" fill="none" stroke="#cfe8f3" stroke-width="3"/>'
)

#: Days since the outside ban lists were fetched.
_LIST_AGE = 6


class SignUp(NamedTuple):
    """One wording of the sign-up form: from how many months ago it was shown, and what it asked for."""

    version: int
    months_ago: int
    channels: tuple[Channel, ...]
    audiences: tuple[Platform, ...]
    texts: dict[Language, str]


SIGN_UPS: Final = (
    SignUp(1, 84, ("email",), (), {
        "fi": "Haluan Esimerkkipuodin uutiskirjeen ja tarjoukset sähköpostiini.",
        "sv": "Jag vill få Esimerkkipuotis nyhetsbrev och erbjudanden per e-post.",
        "en": "I want Esimerkkipuoti's newsletter and offers by e-mail.",
    }),
    SignUp(2, 60, ("email", "sms"), (), {
        "fi": "Haluan Esimerkkipuodin uutiskirjeen ja tarjoukset sähköpostilla ja tekstiviestillä. "
        "Voin perua suostumukseni milloin tahansa viestin linkistä.",
        "sv": "Jag vill få Esimerkkipuotis nyhetsbrev och erbjudanden per e-post och textmeddelande. "
        "Jag kan när som helst återkalla mitt samtycke via länken i meddelandet.",
        "en": "I want Esimerkkipuoti's newsletter and offers by e-mail and text message. "
        "I can withdraw my consent at any time by the link in each message.",
    }),
    SignUp(3, 24, ("email", "sms"), ("meta", "google"), {
        "fi": "Haluan Esimerkkipuodin uutiskirjeen ja tarjoukset sähköpostilla ja tekstiviestillä. Osoitettani saa "
        "käyttää myös mainonnan kohdentamiseen Metan ja Googlen palveluissa. Voin perua suostumukseni milloin tahansa.",
        "sv": "Jag vill få Esimerkkipuotis nyhetsbrev och erbjudanden per e-post och textmeddelande. Min adress får "
        "också användas för riktad annonsering hos Meta och Google. Jag kan när som helst återkalla mitt samtycke.",
        "en": "I want Esimerkkipuoti's newsletter and offers by e-mail and text message. My address may also be used "
        "to target advertising at Meta and Google. I can withdraw my consent at any time.",
    }),
)  # fmt: skip

_TRAVEL_TEXTS: Final[dict[Language, str]] = {
    "fi": "Haluan Esimerkkimatkojen matkatarjoukset sähköpostiini.",
    "sv": "Jag vill få Esimerkkimatkats reseerbjudanden per e-post.",
    "en": "I want Esimerkkimatkat's travel offers by e-mail.",
}
_TEXT_MESSAGE_TEXTS: Final[dict[Language, str]] = {
    "fi": "Kyllä, minulle saa lähettää tarjouksia tekstiviestillä.",
    "sv": "Ja, ni får skicka mig erbjudanden per textmeddelande.",
    "en": "Yes, you may send me offers by text message.",
}


def sign_up_on(day: date, today: date) -> SignUp:
    """The wording that was shown on ``day``."""
    shown = [sign_up for sign_up in SIGN_UPS if add_months(today, -sign_up.months_ago) <= day]
    return shown[-1] if shown else SIGN_UPS[0]


def catalogue(today: date) -> list[AnyDocument]:
    """Everything that is there before the first person is."""
    return [
        Controller(
            key=SHOP,
            name="Esimerkkipuoti Oy",
            business_id="9100014-4",
            contact="tietosuoja@esimerkkipuoti.example",
            default=True,
            colour="#2f6b3c",
            logo=_SHOP_LOGO,
            privacy_url="https://esimerkkipuoti.example/tietosuoja",
        ),
        Controller(
            key=TRAVEL,
            name="Esimerkkimatkat Oy",
            business_id="9100021-6",
            contact="tietosuoja@esimerkkimatkat.example",
            colour="#0b4f6c",
            logo=_TRAVEL_LOGO,
            privacy_url="https://esimerkkimatkat.example/tietosuoja",
        ),
        *_topics(),
        *_notices(),
        *_purposes(),
        *(
            ExternalList(source=source, as_of=today - timedelta(days=_LIST_AGE))
            for source in ("robinson_phone", "robinson_post", "population_register", "telecom_authority")
        ),
    ]


def _topics() -> list[Topic]:
    def newsletter(key: str, cadence: Cadence, names: Names, descriptions: Names) -> Topic:
        return Topic(
            key=key,
            kind="newsletter",
            controller=SHOP,
            names=names,
            descriptions=descriptions,
            cadence=cadence,
            public=True,
        )

    def group(key: str, fi: str, sv: str, en: str) -> Topic:
        return Topic(key=key, kind="product_group", controller=SHOP, names=Names(fi=fi, sv=sv, en=en), public=False)

    return [
        newsletter(
            GARDEN_LETTER,
            "monthly",
            Names(fi="Puutarhakirje", sv="Trädgårdsbrevet", en="Garden letter"),
            Names(
                fi="Mitä puutarhassa nyt kannattaa tehdä, ja lukijoiden kysymyksiin vastauksia.",
                sv="Vad som är bra att göra i trädgården just nu, och svar på läsarnas frågor.",
                en="What to do in the garden just now, and answers to readers' questions.",
            ),
        ),
        newsletter(
            OFFERS,
            "weekly",
            Names(fi="Viikon tarjoukset", sv="Veckans erbjudanden", en="Offers of the week"),
            Names(
                fi="Viikon edullisimmat tuotteet myymälässä ja verkkokaupassa.",
                sv="Veckans förmånligaste produkter i butiken och i webbutiken.",
                en="The week's best prices in the shop and on the web.",
            ),
        ),
        newsletter(
            EVENTS,
            "occasional",
            Names(fi="Tapahtumat", sv="Evenemang", en="Events"),
            Names(
                fi="Kutsut kursseille ja avoimiin oviin.",
                sv="Inbjudningar till kurser och öppet hus.",
                en="Invitations to courses and open days.",
            ),
        ),
        group(GARDEN, "Puutarha", "Trädgård", "Garden"),
        group(HOME, "Koti", "Hem", "Home"),
        group(OFFICE, "Toimistokalusteet", "Kontorsmöbler", "Office furniture"),
    ]


def _notices() -> list[Notice]:
    notices = [
        Notice(
            key="signup",
            version=sign_up.version,
            language=language,
            text=text,
            controllers=(SHOP,),
            channels=sign_up.channels,
            purposes=("direct_marketing", "newsletter"),
            audiences=sign_up.audiences,
            # Each asks for more than the one before, and takes nothing away: what was agreed to earlier stands.
            supersedes="minor" if sign_up.version > 1 else None,
        )
        for sign_up in SIGN_UPS
        for language, text in sign_up.texts.items()
    ]
    notices += [
        Notice(
            key="travel",
            version=1,
            language=language,
            text=text,
            controllers=(TRAVEL,),
            channels=("email",),
            purposes=("direct_marketing", "newsletter"),
        )
        for language, text in _TRAVEL_TEXTS.items()
    ]
    notices += [
        Notice(
            key="text-club",
            version=1,
            language=language,
            text=text,
            controllers=(SHOP,),
            channels=("sms",),
            purposes=("direct_marketing", "newsletter"),
        )
        for language, text in _TEXT_MESSAGE_TEXTS.items()
    ]
    return notices


def _purposes() -> list[ProcessingPurpose]:
    return [
        ProcessingPurpose(
            key="customer_relationship",
            controller=SHOP,
            names=Names(fi="Asiakassuhteen hoito", sv="Skötsel av kundförhållandet", en="Customer relationship"),
            basis="contract",
            data_categories=("contact_data", "purchases"),
            retention_months=24,
        ),
        ProcessingPurpose(
            key="marketing",
            controller=SHOP,
            names=Names(fi="Suoramarkkinointi", sv="Direktmarknadsföring", en="Direct marketing"),
            basis="consent",
            data_categories=("contact_data", "consents"),
            recipients=("Esimerkkipostitus Oy",),
            retention_months=36,
        ),
        ProcessingPurpose(
            key="business_marketing",
            controller=SHOP,
            names=Names(fi="Yritysmarkkinointi", sv="Marknadsföring till företag", en="Marketing to organisations"),
            basis="legitimate_interests",
            data_categories=("contact_data", "duties"),
            retention_months=24,
            balancing_test="Yhteystiedot ovat työtehtävään kuuluvia, ja jokaisessa viestissä on kielto-oikeus.",
        ),
        ProcessingPurpose(
            key="bookkeeping",
            controller=SHOP,
            names=Names(fi="Kirjanpito", sv="Bokföring", en="Bookkeeping"),
            basis="legal_obligation",
            data_categories=("purchases",),
            retention_months=72,
        ),
        ProcessingPurpose(
            key="travel_bookings",
            controller=TRAVEL,
            names=Names(fi="Matkavaraukset", sv="Resebokningar", en="Travel bookings"),
            basis="contract",
            data_categories=("contact_data", "bookings"),
            retention_months=24,
        ),
    ]

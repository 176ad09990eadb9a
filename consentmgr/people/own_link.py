"""The link by which a person sees and changes their own choices: mailed to them, or read out to them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from consentmgr.config import Language, Settings
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.people.reading import Person
from consentmgr.preferences.links import Link, LinkUse, link_keys, preference_url
from consentmgr.preferences.my_link import ask_for_link
from consentmgr.register.rows import PointRow


def mail_link(
    session: Session,
    person: Person,
    point: PointRow,
    *,
    controller: str,
    otherwise: Language,
    keys: AddressKeys,
    now: datetime,
) -> None:
    """Post the mail that carries the link to an e-mail address of the person, in their language where it is known."""
    address = keys.email(point.value or "")
    if address is None:
        raise BadInput("no mail can go to the address", field="point")
    own = person.contact.language
    language: Language = "fi" if own == "fi" else "sv" if own == "sv" else "en" if own == "en" else otherwise
    ask_for_link(session, address=address, controller=controller, language=language, now=now)


def mint_link(settings: Settings, person: Person, point: PointRow | None, *, controller: str) -> str:
    """The address of the person's page of choices. It speaks of ``point``, or of their first e-mail address."""
    chosen = point or next((one for one in person.points if one.kind == "email"), None)
    link = Link(
        use=LinkUse.PREFERENCES,
        controller=controller,
        contact_id=person.contact.id,
        address_kind=chosen.kind if chosen is not None else "email",
        address_key=UUID(chosen.address_key) if chosen is not None else None,
        channel="email",
        scope="all",
    )
    return preference_url(settings.public_url, link_keys(settings).mint(link))

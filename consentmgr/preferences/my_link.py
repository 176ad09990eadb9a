"""For people who lost their link: it is mailed to the address they give, if the register knows it.

Who asks on the page never learns whether it does. The request writes the same row for every address; whether there
is anything to send is found out later, by whoever sends the mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Language, Settings
from consentmgr.kit.address_keys import PointKeys
from consentmgr.mail.completing import Completion, QueuedMail
from consentmgr.mail.outbox import post
from consentmgr.preferences.headers import leaving_headers
from consentmgr.preferences.links import Link, LinkUse, leave_url, link_keys, preference_url
from consentmgr.register.models import Contact, ContactPoint, Controller
from consentmgr.register.reading import default_controller


@dataclass(frozen=True, slots=True)
class KnownSender:
    """A controller one can ask for a link of."""

    key: str
    name: str
    default: bool


def senders(session: Session) -> list[KnownSender]:
    """The controllers, by name."""
    rows = list(session.scalars(select(Controller).order_by(Controller.name, Controller.key)))
    default = default_controller({row.key: row.is_default for row in rows})
    return [KnownSender(row.key, row.name, row.key == default) for row in rows]


def ask_for_link(session: Session, *, address: PointKeys, controller: str, language: Language, now: datetime) -> None:
    """Post the mail, in the session's transaction; the same for every address, known or not, and for one that has had
    its mails for today.
    """
    post(
        session,
        template="my_link",
        language=language,
        controller=controller,
        address=address.canonical,
        address_key=address.address_key,
        fields={},
        now=now,
    )


def complete_my_link(
    session: Session,
    mail: QueuedMail,
    settings: Settings,
    now: datetime,  # noqa: ARG001 - every mail's
) -> Completion | None:
    """The links of whoever has the address; None where nobody living has it.

    Where several contacts have it, the links speak of the address and not of one of them.
    """
    controller = session.get(Controller, mail.controller)
    holders = list(
        session.execute(
            select(Contact.id, Contact.deceased_on)
            .join(ContactPoint, ContactPoint.contact_id == Contact.id)
            .where(
                ContactPoint.address_key == mail.address_key,
                Contact.erased_at.is_(None),
                Contact.merged_into.is_(None),
            )
            .distinct()
        )
    )
    if controller is None or not holders or any(holder.deceased_on is not None for holder in holders):
        return None
    minting = link_keys(settings)

    def token(use: LinkUse) -> str:
        return minting.mint(
            Link(
                use=use,
                controller=controller.key,
                contact_id=holders[0].id if len(holders) == 1 else None,
                address_kind="email",
                address_key=mail.address_key,
                channel="email",
                scope="all",
            )
        )

    leave = leave_url(settings.public_url, token(LinkUse.LEAVE))
    # RFC 8058 is for addresses everybody can reach; an installation tried out on one machine goes without.
    headers = dict(leaving_headers(leave)) if leave.startswith("https://") else {}
    return Completion(
        sender=controller.name,
        colour=controller.branding.get("colour"),
        headers=headers,
        values={
            "controller": controller.name,
            "preference_url": preference_url(settings.public_url, token(LinkUse.PREFERENCES)),
            "leave_url": leave,
        },
    )

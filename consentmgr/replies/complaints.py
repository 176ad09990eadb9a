"""Feedback-loop reports (RFC 5965): somebody pressed *this is spam* in their mailbox.

A complaint is an objection to the channel (SPAM_COMPLAINT): the event ``complaint`` on each contact that has the
address, or where none has it a prohibition with source ``complaint`` on the address. Providers black addresses out;
the link in the reported message's own ``List-Unsubscribe`` says whom it went to and in whose name all the same. Where
there is no such link, nobody knows which controller was meant, and the complaint holds for all.

A report that a message is *not* spam takes nothing back: only the person's own later act lifts a ban.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.orm import Session

from consentmgr.consents import ledger
from consentmgr.consents.acts import digest_of, entry_of
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.links import Link
from consentmgr.prohibitions.service import add_targeted
from consentmgr.prohibitions.targets import Target
from consentmgr.replies.mail import Mail, addresses_of, carried_message, field_blocks, header_of, headers_of
from consentmgr.replies.office import (
    SOURCE,
    Office,
    contacts_having,
    digest_of_message,
    link_of_sent,
    living_contact,
    told_at,
)
from consentmgr.vocabulary.documents import EventFields, Prohibition, ProhibitionTarget

#: Types of RFC 5965 (and of its drafts, which some providers keep to) that mean: no more of this.
COMPLAINING = frozenset(("abuse", "opt-out", "opt-out-list", "optout", "complaint", "spam"))
NOT_SPAM = "not-spam"
#: Addresses of one report that are looked at.
_MOST_ADDRESSES = 20


@dataclass(frozen=True, slots=True, repr=False)
class Complaint:
    """``kind`` is the report's type; ``addresses`` are those it names, ``sent`` the message it is about."""

    kind: str
    addresses: tuple[str, ...]
    sent: Message[str, str] | None


def recognise(mail: Mail) -> Complaint | None:
    """The feedback report a message is, of whatever type; None where it is none."""
    report = mail.part("message/feedback-report")
    if report is None:
        return None
    carried = mail.part("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")
    sent = carried_message(carried) if carried is not None else None
    blocks = field_blocks(report)
    kind = next((kind for block in blocks if (kind := header_of(block, "Feedback-Type"))), "")
    named = [value for block in blocks for name in _NAMING for value in headers_of(block, name)]
    addresses = [value.rpartition(";")[2].strip().strip("<>") for value in named]
    if not addresses and sent is not None:
        # Outlook's programme puts the address into the message instead of the report.
        addresses = addresses_of(sent, "X-HmXmrOriginalRecipient") or addresses_of(sent, "To")
    return Complaint(kind.strip().lower(), tuple(addresses[:_MOST_ADDRESSES]), sent)


_NAMING = ("Original-Rcpt-To", "Removal-Recipient")


def record(session: Session, mail: Mail, complaint: Complaint, office: Office) -> str:
    """Write the complaint down; which kind of message it was, in the end."""
    if complaint.kind == NOT_SPAM:
        return "not_spam"
    if complaint.kind not in COMPLAINING:
        return "other"
    link = link_of_sent(office.links, complaint.sent, session) if complaint.sent is not None else None
    if link is not None:
        return _record_for_link(session, mail, link, office)
    keys = {point.address_key for address in complaint.addresses if (point := office.keys.email(address)) is not None}
    for key in sorted(keys):
        _complain(session, mail, key, contacts_having(session, key), None, office)
    return "complaint" if keys else "complaint_unmatched"


def _record_for_link(session: Session, mail: Mail, link: Link, office: Office) -> str:
    having = contacts_having(session, link.address_key) if link.address_key is not None else []
    contact_id = living_contact(session, link.contact_id) if link.contact_id is not None else None
    if contact_id is not None and contact_id not in having:
        # They have another address by now; it was they who complained, and the old address keeps the ban as well.
        _complain(session, mail, None, [contact_id], link.controller, office)
    if link.address_key is not None:
        _complain(session, mail, link.address_key, having, link.controller, office)
    return "complaint" if contact_id is not None or link.address_key is not None else "complaint_unmatched"


def _complain(
    session: Session, mail: Mail, key: UUID | None, contact_ids: list[int], controller: str | None, office: Office
) -> None:
    digest = digest_of_message(office.keys, mail)
    complain(
        session,
        key,
        contact_ids,
        controller or None,
        digest=digest,
        # Named by the message, so that a complaint after the ban was lifted is a ban again.
        reference=f"feedback report {digest}",
        source=SOURCE,
        at=told_at(mail, office.now),
        keys=office.keys,
        actor=office.actor,
        now=office.now,
    )


def complain(
    session: Session,
    key: UUID | None,
    contact_ids: Sequence[int],
    controller: str | None,
    *,
    digest: UUID,
    reference: str,
    source: str,
    at: datetime,
    keys: AddressKeys,
    actor: str,
    now: datetime,
) -> None:
    """Write a complaint to these contacts, or where there are none as a ban on the address of ``key``.

    ``digest`` identifies who told of it: the same is written once. Without a ``controller`` it holds for all.
    """
    if not contact_ids and key is not None:
        document = Prohibition(
            target=ProhibitionTarget(),
            channels=("email",),
            controllers=(controller,) if controller else (),
            source="complaint",
            reference=reference,
        )
        add_targeted(session, [document], [Target("email", key.bytes)], keys=keys, actor=actor, now=now)
        return
    event = EventFields(event="complaint", at=at, controller=controller, source=source, channels=("email",))
    entries = [
        # The report's own time need not be the same when it is read again; its bytes are.
        replace(
            entry_of(event, contact_id, default_controller=None, keys=keys),
            digest=digest_of(keys, "complaint", (contact_id, str(digest))),
        )
        for contact_id in contact_ids
    ]
    ledger.append(session, entries, actor=actor, now=now)

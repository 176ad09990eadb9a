"""``mailto:`` leaving (RFC 2369): a message to an address that was made for one person to leave by.

The address, or a token in the subject, says who leaves what, and is signed; so it is done at once and no member of
staff is asked. Who the message is from does not matter: people forward their mail, and have more than one address.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from consentmgr.preferences.links import BadLink, Link, LinkKeys, LinkUse
from consentmgr.replies.automatic import answers_by_itself
from consentmgr.replies.mail import Mail
from consentmgr.replies.office import Office, digest_of_message, link_of_addresses, tokens_in, told_at

#: Where mail servers and people write the address a message went to.
_RECIPIENT_HEADERS = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "Cc", "Resent-To")


def recognise(mail: Mail, links: LinkKeys, session: Session) -> Link | None:
    """The link by which the message leaves; None where it names none, or a programme answered.

    A vacation notice to such an address is no act of the person; the message of a mail program's own unsubscribe
    button is (RFC 3834 calls the first ``auto-replied``).
    """
    link = link_of_addresses(links, mail.addresses(*_RECIPIENT_HEADERS), session) or _link_of_subject(mail, links)
    return None if link is None or answers_by_itself(mail) else link


def _link_of_subject(mail: Mail, links: LinkKeys) -> Link | None:
    for token in tokens_in(mail.subject):
        try:
            return links.open(LinkUse.LEAVE, token)
        except BadLink:
            continue
    return None


def leave(mail: Mail, link: Link, office: Office) -> None:
    """Leave, through the same desk as a click: durable in journal and database when this returns. It counts from when
    the message arrived, so that one read twice does not take back what the person decided in between.

    Raises ``Unavailable`` where it cannot be made so; then the message is taken another time.
    """
    evidence = {"message": str(digest_of_message(office.keys, mail))}
    office.desk.leave(link, method="mail", now=told_at(mail, office.now), evidence=evidence)

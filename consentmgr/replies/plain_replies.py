"""Replies in people's own words: *Poista minut postituslistalta*. They become proposals for staff, never acts.

Anybody can write anybody's address after *From*, and words can be misread; so the sender counts as unverified, and a
member of staff decides. What the proposal holds is what is needed for that, and no more of the message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy.orm import Session

from consentmgr.preferences.proposals import propose
from consentmgr.replies.first_text import first_new_text
from consentmgr.replies.leave_words import Found, find_leave_words
from consentmgr.replies.mail import Mail
from consentmgr.replies.office import SOURCE, Office, contacts_having, digest_of_message, link_of_tokens, tokens_in

#: How much of the person's words staff are shown, in characters.
_SHOWN = 500
#: What mail programs put before the subject of a message that is answered.
_ANSWER = re.compile(r"\s*(?:(?:re|vs|sv|fw|fwd|vl|vb)\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class PlainReply:
    """``sender`` is the address after *From*, which nobody has verified; ``words`` the new text, cut."""

    sender: str
    found: Found
    words: str


def recognise(mail: Mail) -> PlainReply | None:
    """The wish to leave in a message a person wrote; None where there is none, or nobody to speak of."""
    senders = mail.addresses("From")
    if len(senders) != 1 or _is_a_mailing(mail):
        return None
    words = first_new_text(mail.text)
    found = find_leave_words(words)
    if found is None and not _ANSWER.match(mail.subject):
        # "VS: Miten perun tilauksen" is our subject; without the "VS" it is theirs.
        found = find_leave_words(mail.subject)
    return PlainReply(senders[0], found, words[:_SHOWN]) if found is not None else None


def _is_a_mailing(mail: Mail) -> bool:
    """A newsletter sent to us says *unsubscribe* too. A person's message handed on by a mailing list is an answer."""
    return mail.has("List-Unsubscribe", "List-Id", "Feedback-ID") and not mail.has("In-Reply-To", "References")


def record(session: Session, mail: Mail, reply: PlainReply, office: Office) -> str:
    """Propose what the reply asks for; which kind of message it was, in the end."""
    point = office.keys.email(reply.sender)
    if point is None:
        return "other"
    contacts = contacts_having(session, point.address_key)
    # Our own link in the quoted message says in whose name it came; it need not have come to the one who answers.
    link = link_of_tokens(office.links, tokens_in(mail.text))
    data = {
        "address": point.canonical,
        "address_key": str(point.address_key),
        "sender": "unverified",
        "wish": reply.found.wish,
        "language": reply.found.language,
        "phrase": reply.found.words,
        "words": reply.words,
    }
    propose(
        session,
        kind="reply_leave",
        contact_id=contacts[0] if len(contacts) == 1 else None,
        controller=link.controller or None if link is not None and not link.distrusted else None,
        source=SOURCE,
        data=data,
        digest=digest_of_message(office.keys, mail),
        now=office.now,
    )
    return "leave_proposal"

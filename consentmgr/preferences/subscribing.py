"""Double opt-in: somebody asks for messages to an address, and its owner says yes.

Until the owner has said so there is no contact, only a pending request, which forgets the address after a week. What
is confirmed becomes one ledger entry, made at the moment of the confirmation, of exactly the words that were shown and
the topics that were picked; it is in force from then on, and lifts of earlier bans what a consent of that scope lifts
(law.md, stage 5) and nothing more. So it names e-mail alone, whatever else the notice speaks of: no other address
was given, and an earlier no to text messages must stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID, uuid4

from babel.dates import format_date
from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from consentmgr.config import LANGUAGES, Language, Settings
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.checks import midnight
from consentmgr.kit.address_keys import AddressKeys, PointKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import CheckFailed, ConsentmgrError
from consentmgr.mail.completing import Completion, QueuedMail
from consentmgr.mail.outbox import post
from consentmgr.preferences.links import Link, LinkUse, confirm_url, link_keys
from consentmgr.preferences.models import PendingSubscription
from consentmgr.preferences.subscription_forms import (
    NoticeWords,
    OfferedTopic,
    ShownForm,
    notice_words,
    offered_topics,
)
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.register.models import Contact as ContactTable
from consentmgr.register.models import ContactPoint, Controller
from consentmgr.register.reading import contacts_by_ref, refs_of_addresses
from consentmgr.vocabulary.documents import Contact, EventFields, Evidence, Point

#: A request can be confirmed to the end of the day this many days after it was made.
DAYS_TO_CONFIRM = 7
#: A request that nobody confirmed is told apart from one that never was for so long, without its address.
KEEP_EXPIRED = timedelta(days=90)

#: What an answer to the form can be at fault in; the pages have the words.
FaultCode = Literal["address_missing", "address_invalid", "topics_missing", "topics_unknown", "notice_unknown"]
Field = Literal["email", "topics", "notice"]


class Unanswerable(ConsentmgrError):
    """The form was not filled as it must be; ``faults`` says what is wrong with which field."""

    exit_code: ClassVar[int] = 2
    problem: ClassVar[str] = "invalid-answer"

    def __init__(self, faults: dict[Field, FaultCode]) -> None:
        super().__init__("the form is not filled as it must be: " + ", ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """An answer to a form that can be taken: the address with its keys, the topics picked, the words agreed to."""

    address: PointKeys
    topics: tuple[str, ...]
    notice: str


def read_answer(
    session: Session, form: ShownForm, *, email: str, topics: Sequence[str], notice: str | None, keys: AddressKeys
) -> Asked:
    """Check an answer. ``notice`` is what stood on the page that was filled, ``signup/3/fi``, or None where the page
    does not say: then the one of ``form``. Raises ``Unanswerable``.
    """
    faults: dict[Field, FaultCode] = {}
    address = keys.email(email)
    if address is None:
        faults["email"] = "address_invalid" if email.strip() else "address_missing"
    offered = [topic.key for topic in form.topics]
    picked = tuple(key for key in offered if key in topics)
    if set(topics) - set(offered):
        faults["topics"] = "topics_unknown"
    elif len(offered) == 1:
        picked = (offered[0],)
    elif offered and not picked:
        faults["topics"] = "topics_missing"
    ref = form.notice.ref
    if notice and notice != ref:
        # Another language of the same notice may have been on the page, such as one embedded elsewhere.
        if _is_same_notice(session, notice, ref):
            ref = notice
        else:
            faults["notice"] = "notice_unknown"
    if faults or address is None:
        raise Unanswerable(faults)
    return Asked(address, picked, ref)


def _is_same_notice(session: Session, named: str, ref: str) -> bool:
    """Whether both are one notice in two languages that it has."""
    notice, _, code = named.rpartition("/")
    language = _language(code)
    if language is None or notice != ref.rpartition("/")[0]:
        return False
    return notice_words(session, notice, language).ref == named


def ask(session: Session, form: ShownForm, asked: Asked, *, language: Language, now: datetime) -> None:
    """Keep the request and post the mail that asks the address's owner, in the session's transaction.

    The same is done, and the same time is taken, for every address: nothing is looked up by it. Where the address has
    had its mails for today nothing is written, and the caller cannot tell.
    """
    pending = PendingSubscription(
        id=uuid4(),
        form=form.key,
        controller=form.controller,
        topics=list(asked.topics),
        notice=asked.notice,
        language=language,
        address=asked.address.canonical,
        address_key=asked.address.address_key,
        asked_at=now,
        expires_at=midnight(local_date(now) + timedelta(days=DAYS_TO_CONFIRM + 1)),
    )
    posted = post(
        session,
        template="confirm_subscription",
        language=language,
        controller=form.controller,
        address=asked.address.canonical,
        address_key=asked.address.address_key,
        fields={"pending": str(pending.id)},
        now=now,
    )
    if posted:
        session.add(pending)
        session.flush()


def complete_confirmation(session: Session, mail: QueuedMail, settings: Settings, now: datetime) -> Completion | None:
    """What the mail that asks for a confirmation is completed with; None where it is not wanted any more."""
    pending = session.get(PendingSubscription, UUID(str(mail.fields["pending"])))
    controller = session.get(Controller, mail.controller)
    if pending is None or controller is None or pending.confirmed_at is not None or pending.expires_at <= now:
        return None
    if _belongs_to_the_dead(session, mail.address_key):
        return None
    link = Link(
        use=LinkUse.CONFIRM,
        controller=pending.controller,
        contact_id=None,
        address_kind="email",
        address_key=pending.address_key,
        channel="email",
        scope="all",
        subject=pending.id,
    )
    last_day = local_date(pending.expires_at - timedelta(microseconds=1))
    topics = offered_topics(session, pending.topics, pending.controller, mail.language)
    return Completion(
        sender=controller.name,
        colour=controller.branding.get("colour"),
        values={
            "controller": controller.name,
            "choices": ", ".join(topic.name for topic in topics),
            "confirm_url": confirm_url(settings.public_url, link_keys(settings).mint(link)),
            "last_day": format_date(last_day, "long", locale=mail.language),
        },
    )


def _belongs_to_the_dead(session: Session, address_key: UUID) -> bool:
    """DECEASED stops every purpose: somebody typed in the address of a person the register knows to be dead."""
    return bool(
        session.scalar(
            select(
                exists()
                .where(ContactPoint.address_key == address_key)
                .where(ContactPoint.contact_id == ContactTable.id, ContactTable.deceased_on.is_not(None))
            )
        )
    )


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A pending request as its confirm page shows it. ``address`` is None where it is not held any more."""

    state: Literal["waiting", "confirmed", "expired"]
    form: str
    controller: str
    topics: tuple[OfferedTopic, ...]
    notice: NoticeWords
    address: str | None


def request_of(session: Session, subject: UUID | None, language: Language, now: datetime) -> Request | None:
    """The request a confirm link is about; None where nothing is known of it any more. Only reads."""
    pending = session.get(PendingSubscription, subject) if subject is not None else None
    return _request(session, pending, language, now) if pending is not None else None


def _request(session: Session, pending: PendingSubscription, language: Language, now: datetime) -> Request:
    notice, _, shown_in = pending.notice.rpartition("/")
    # The words in the language they were agreed to in, whatever the page's language is now.
    wanted = next((known for known in LANGUAGES if known == shown_in), language)
    return Request(
        state=_state(pending, now),
        form=pending.form,
        controller=pending.controller,
        topics=offered_topics(session, pending.topics, pending.controller, language),
        notice=notice_words(session, notice, wanted),
        address=pending.address,
    )


def _state(pending: PendingSubscription, now: datetime) -> Literal["waiting", "confirmed", "expired"]:
    if pending.confirmed_at is not None:
        return "confirmed"
    return "expired" if pending.address is None or pending.expires_at <= now else "waiting"


def confirm(
    session: Session, subject: UUID | None, *, language: Language, keys: AddressKeys, actor: str, now: datetime
) -> Request | None:
    """The address's owner says yes: contact and consent, in the session's transaction. Doing it again changes nothing.

    The consent is of the one contact that has the address; where there is none, or several (nobody can tell which of
    them pressed), of a new one, so that no other person's no is lifted. The request as it is afterwards; None where
    nothing is known of it any more.
    """
    if subject is None:
        return None
    # Locked before the register is, so that two presses at once make one entry.
    pending = session.get(PendingSubscription, subject, with_for_update=True)
    if pending is None:
        return None
    if _state(pending, now) == "waiting":
        refuse_unrecovered(session)
        _take_in(session, pending, keys=keys, actor=actor, now=now)
        pending.confirmed_at = now
        pending.address = None
        session.flush()
    return _request(session, pending, language, now)


def _take_in(session: Session, pending: PendingSubscription, *, keys: AddressKeys, actor: str, now: datetime) -> None:
    assert pending.address is not None
    holders = refs_of_addresses(session, [pending.address_key]).get(pending.address_key, [])
    known = holders[0] if len(holders) == 1 else None
    ref = known or f"web:{pending.id}"
    today = local_date(now)
    if known is None:
        point = Point(
            channel="email",
            value=pending.address,
            source="web_form",
            acquired_on=today,
            verified_on=today,
            informed_on=today,
        )
    else:
        # The mail arrived, whatever earlier bounces said; where the address came from stays as it was.
        point = Point(channel="email", value=pending.address, verified_on=today, state="ok", soft_bounces=0)
    document = Contact(
        ref=ref,
        controllers=(pending.controller,),
        language=_language(pending.language) if known is None else None,
        last_interaction_on=today,
        points=(point,),
        events=(_consent(session, pending, now),),
    )
    changes = apply_documents(session, [document], keys=keys, actor=actor, now=now)
    for rejection in changes.rejected.values():
        # Such as a controller that is gone since; the reason shows no value.
        raise CheckFailed(f"the subscription was not taken in: {rejection.reason}")
    pending.contact_id = contacts_by_ref(session, [ref])[ref].id


def _consent(session: Session, pending: PendingSubscription, now: datetime) -> EventFields:
    notice, _, language = pending.notice.rpartition("/")
    words = notice_words(session, notice, _language(language) or "en")
    return EventFields(
        event="consent_given",
        at=now,
        controller=pending.controller,
        method="web_form",
        source=f"form:{pending.form}",
        channels=("email",),
        purposes=words.purposes,  # type: ignore[arg-type]  # codes that were checked when the notice came in
        topics=tuple(pending.topics) or words.topics,
        notice=pending.notice,
        evidence=Evidence(form=pending.form, double_opt_in="confirmed", confirmed_at=now),
    )


def _language(code: str) -> Language | None:
    return next((known for known in LANGUAGES if known == code), None)


def forget_requests(session: Session, now: datetime) -> int:
    """Forget the addresses of requests whose time is over; how many. Those long over go altogether."""
    forgotten = session.execute(
        update(PendingSubscription)
        .where(PendingSubscription.expires_at <= now, PendingSubscription.address.is_not(None))
        .values(address=None)
        .returning(PendingSubscription.id)
    ).all()
    session.execute(
        delete(PendingSubscription).where(
            PendingSubscription.expires_at <= now - KEEP_EXPIRED, PendingSubscription.confirmed_at.is_(None)
        )
    )
    return len(forgotten)


def forget_addresses(session: Session, address_keys: Sequence[UUID]) -> None:
    """Erasure (GDPR 17): what waits for these addresses to confirm it waits no longer, and the addresses go."""
    session.execute(
        update(PendingSubscription)
        .where(PendingSubscription.address_key.in_(address_keys), PendingSubscription.address.is_not(None))
        .values(address=None)
        .execution_options(synchronize_session=False)
    )

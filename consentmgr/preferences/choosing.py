"""What the preference page's form changes: what was sent, compared with what was shown.

Never compared with the database: a topic that came meanwhile is not touched. Stopping goes through the leaving desk and
is durable before anything else is done; allowing is a consent in the exact words shown; taking back lifts the person's
own bans of exactly that scope. Nobody else's ban is lifted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from consentmgr.config import LANGUAGES, Language
from consentmgr.consents import ledger
from consentmgr.consents.acts import entry_of
from consentmgr.importing.applying import apply_documents
from consentmgr.kit.clock import local_date
from consentmgr.preferences.choices import PAGE, Control, Known, choices_of, consent_to, known_of
from consentmgr.preferences.links import Link
from consentmgr.preferences.reach import answer
from consentmgr.prohibitions import service as prohibitions
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.vocabulary import documents

if TYPE_CHECKING:
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.preferences.leaving import LeavingDesk


@dataclass(frozen=True, slots=True)
class Form:
    """A state of the form: as it was rendered, or as it was sent. Names of controls with whether they are on."""

    controls: Mapping[str, bool] = field(default_factory=dict)
    language: str | None = None
    paused_until: date | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What a form changed, by the names of controls, and what it could not change."""

    turned_on: tuple[str, ...] = ()
    turned_off: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    #: Controls that went off with others, though nobody touched them: newsletters with their channel.
    followed: tuple[str, ...] = ()
    language: str | None = None
    paused_until: date | None = None
    resumed: bool = False
    stopped_all: bool = False
    taken_back: bool = False

    @property
    def is_nothing(self) -> bool:
        return self == Applied()


def differences(rendered: Form, submitted: Form) -> dict[str, bool]:
    """Names of the controls that were turned, with what they were turned to."""
    return {
        name: submitted.controls.get(name, False)
        for name, was in rendered.controls.items()
        if submitted.controls.get(name, False) != was
    }


def apply(
    session: Session,
    desk: LeavingDesk,
    link: Link,
    rendered: Form,
    submitted: Form,
    *,
    language: Language,
    keys: AddressKeys,
    actor: str,
    now: datetime,
) -> Applied:
    """Do what differs between a form as it was rendered and as it was sent; flushes, and does not commit.

    Stopping, pausing and ending a pause come first, through the desk, which commits by itself: they hold even where
    the rest then fails. What cannot be turned any more (another ban came meanwhile) is in ``refused``.
    """
    wanted = differences(rendered, submitted)
    off = [name for name, on in wanted.items() if on == name.startswith("ban:")]
    if off:
        desk.leave_all([_narrowed(link, name) for name in off], method="preferences", now=now)
    until = submitted.paused_until
    moved = until != rendered.paused_until
    if moved and until is not None:
        desk.pause(link, until, now=now, evidence={"page": PAGE, "at": now.isoformat()})
    if len(off) < len(wanted) or moved:
        refuse_unrecovered(session)
    if moved and rendered.paused_until is not None:
        # Those there were before the new one.
        desk.resume(link, until=until, now=now, evidence={"page": PAGE})
    known = known_of(session, link)
    before = choices_of(known, link, now, language)
    grants = _Grants(session, known, link, language=language, keys=keys, actor=actor, now=now)
    turned_on, refused = [], []
    for name in wanted.keys() - set(off):
        control = next((one for one in before.controls if one.name == name), None)
        if control is not None and grants.turn(control):
            turned_on.append(name)
        else:
            refused.append(name)
    language_now = grants.speak(submitted.language) if submitted.language != rendered.language else None
    shown_on = {name for name, was in rendered.controls.items() if was and name.startswith("topic:")}
    gone = {one.name for one in before.topics if not one.on}
    return Applied(
        tuple(sorted(turned_on)),
        tuple(sorted(off)),
        tuple(sorted(refused)),
        tuple(sorted((shown_on & gone) - set(off))) if off else (),
        language_now,
        until if moved else None,
        moved and until is None,
    )


def _narrowed(link: Link, name: str) -> Link:
    """The same link, saying only what one control stops."""
    section, _, key = name.partition(":")
    if section == "topic":
        return replace(link, scope="topic", topic=key)
    return replace(link, scope="channel", channel=key, topic=None)


def stop_all(desk: LeavingDesk, link: Link, *, now: datetime) -> None:
    """Forbid everything of this controller's, in every channel; durable when it returns."""
    desk.leave(replace(link, scope="all", topic=None), method="preferences", now=now)


def take_back_all(
    session: Session, link: Link, *, language: Language, keys: AddressKeys, actor: str, now: datetime
) -> int:
    """Lift the person's own bans on everything, and nobody else's; how many there were. Flushes."""
    refuse_unrecovered(session)
    known = known_of(session, link)
    stopped = choices_of(known, link, now, language).stopped
    _Grants(session, known, link, language=language, keys=keys, actor=actor, now=now).lift(stopped)
    return len(stopped)


class _Grants:
    """What a person allows, takes back or asks for, written down."""

    def __init__(
        self,
        session: Session,
        known: Known,
        link: Link,
        *,
        language: Language,
        keys: AddressKeys,
        actor: str,
        now: datetime,
    ) -> None:
        self.session = session
        self.known = known
        self.link = link
        self.language = language
        self.keys = keys
        self.actor = actor
        self.now = now

    def turn(self, control: Control) -> bool:
        """Allow what a control forbids; False where that is not in the person's hands."""
        if control.on == (control.section != "ban"):
            return True
        if not control.changeable:
            return False
        self.lift(control.own_bans)
        if control.section == "ban":
            self._lift_objections(control)
        elif control.words is not None:
            matter = control.matter
            if matter.platform is not None:
                notice = self.known.past.notices[control.words.notice]
                consent = consent_to(self.link.controller, matter, control.words.notice, self.now, notice.audiences)
            else:
                consent = consent_to(self.link.controller, matter, control.words.notice, self.now)
            self._record(consent)
        return True

    def lift(self, ids: Sequence[int]) -> None:
        """Lift own bans. One at a time, because the rule that many need a second person is against mass lifting."""
        for ban_id in ids:
            prohibitions.lift(
                self.session,
                [ban_id],
                at=self.now,
                method="email_link",
                reason="taken back by the person on the preference page",
                evidence={"page": PAGE},
                keys=self.keys,
                actor=self.actor,
                now=self.now,
                contact_id=self.known.contact_id,
            )

    def _lift_objections(self, control: Control) -> None:
        found = answer(self.known.past, control.matter, local_date(self.now))
        if found.acts:
            self._record(
                documents.EventFields(
                    event="objection_lifted",
                    at=self.now,
                    controller=self.link.controller,
                    method="email_link",
                    source=PAGE,
                    channels=(control.matter.channel,),  # type: ignore[arg-type]
                    reason="taken back by the person on the preference page",
                )
            )

    def _record(self, event: documents.EventFields) -> None:
        assert self.known.contact_id is not None
        entry = entry_of(event, self.known.contact_id, default_controller=None, keys=self.keys)
        ledger.append(self.session, [entry], actor=self.actor, now=self.now)

    def speak(self, language: str | None) -> str | None:
        """Set the language the person is written to in; as any change in the register, with an entry of its own."""
        contact = self.known.contact
        if contact is None or language not in LANGUAGES or contact.language == language:
            return None
        document = documents.Contact(ref=contact.ref, language=language)
        apply_documents(self.session, [document], keys=self.keys, actor=self.actor, now=self.now, source=PAGE)
        return language

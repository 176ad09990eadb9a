"""What somebody may bring: documents that speak for controllers of others, or lift what they may not lift, are refused.

A key of the API is bound to controllers and to scopes. It is asked here, within the transaction that writes and after
the register is locked, so that no door can forget it and nothing changes between the question and the writing. A whole
document is refused where a part of it may not be brought; what is refused for a controller's sake is told in the same
words as what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.consents.sight import SEEN, Sight
from consentmgr.importing.checks import Premises
from consentmgr.importing.documents import FileDocument
from consentmgr.importing.rejects import Rejection
from consentmgr.register.models import Notice as StoredNotice
from consentmgr.register.models import Topic as StoredTopic
from consentmgr.register.reading import contacts_by_ref, psycopg_connection
from consentmgr.vocabulary.documents import (
    Campaign,
    Contact,
    Event,
    EventFields,
    Notice,
    Organisation,
    Prohibition,
    Topic,
)

#: Acts that undo a stop.
LIFTING: Final = frozenset(("objection_lifted", "restriction_lifted"))
_CONSENTS: Final = ("consent_given", "guardian_consented")
#: Acts that touch what a contact is to every controller at once.
_OF_ALL: Final = ("erased", "restriction_lifted")

_FOREIGN: Final = "names a controller this key is not for"
_UNKNOWN: Final = "names a contact that neither the register nor this part of the file knows"


@dataclass(frozen=True, slots=True)
class Rights:
    """What whoever brings documents may do: for which controllers (None: for all), and whether they may record acts
    of people, and lift what stops.
    """

    controllers: frozenset[str] | None = None
    records_acts: bool = True
    lifts: bool = True


def refusals(
    session: Session, documents: Sequence[FileDocument], rights: Rights, premises: Premises
) -> dict[int, Rejection]:
    """Why documents may not be brought, by their places. A fixed number of statements, and none for those who may
    bring for all controllers.
    """
    found: dict[int, Rejection] = {}
    known = _known(session, documents, rights) if rights.controllers is not None else None
    judge = _Judge(rights, premises.default_controller, known)
    for place, document in enumerate(documents):
        refused = judge.of(document)
        if refused is not None:
            found[place] = refused
    return found


@dataclass(slots=True)
class _Known:
    """What the register has of the things that documents name."""

    #: Refs of contacts, and which of them are seen, and are nobody else's.
    refs: frozenset[str]
    seen: frozenset[str]
    alone: frozenset[str]
    #: Refs that a document of this batch brings, with a controller.
    brought: frozenset[str]
    topics: Mapping[str, str]
    notices: Mapping[str, frozenset[str]]
    campaigns: Mapping[str, str | None]


def _known(session: Session, documents: Sequence[FileDocument], rights: Rights) -> _Known:
    assert rights.controllers is not None
    refs = {ref for document in documents for ref in _refs(document)}
    survivors = contacts_by_ref(session, refs) if refs else {}
    seen, alone = _seen(session, {row.id for row in survivors.values()}, rights.controllers)
    topics = {one.key.strip() for one in documents if isinstance(one, Topic)}
    notices = {one.key.strip() for one in documents if isinstance(one, Notice)}
    campaigns = {one.key.strip() for one in documents if isinstance(one, Campaign)}
    held: dict[str, set[str]] = {}
    if notices:
        rows = session.execute(select(StoredNotice.key, StoredNotice.controllers).where(StoredNotice.key.in_(notices)))
        for key, controllers in rows:
            # A notice of no controller is everybody's.
            held.setdefault(key, set()).update(controllers or ("",))
    return _Known(
        frozenset(survivors),
        frozenset(ref for ref, row in survivors.items() if row.id in seen),
        frozenset(ref for ref, row in survivors.items() if row.id in alone),
        frozenset(one.ref.strip() for one in documents if isinstance(one, Contact) and one.controllers),
        dict(
            session.execute(select(StoredTopic.key, StoredTopic.controller).where(StoredTopic.key.in_(topics))).all()
            if topics
            else ()
        ),
        {key: frozenset(controllers) for key, controllers in held.items()},
        {key: one.controller for key, one in kept_campaigns(session, campaigns).items()} if campaigns else {},
    )


def _refs(document: FileDocument) -> Iterator[str]:
    if isinstance(document, Contact):
        yield document.ref.strip()
    elif isinstance(document, Event):
        yield document.contact.strip()
    elif isinstance(document, Prohibition) and document.target.contact is not None:
        yield document.target.contact.strip()


def _seen(session: Session, ids: Iterable[int], controllers: frozenset[str]) -> tuple[set[int], set[int]]:
    """Which of these contacts are seen; and which are theirs alone: no other controller is named by them or their acts."""
    wanted = list(ids)
    if not wanted:
        return set(), set()
    rows = psycopg_connection(session).execute(
        f"SELECT c.id, {SEEN}, c.controllers <@ %(sees)s::text[] AND NOT EXISTS (SELECT FROM ledger_entry e"  # noqa: S608
        " WHERE e.contact_id = c.id AND e.controller <> ALL (%(sees)s::text[]))"
        " FROM contact c WHERE c.id = ANY(%(ids)s)".encode(),
        {**Sight(controllers).parameters, "ids": wanted},
    )
    seen, alone = set(), set()
    for number, is_seen, is_alone in rows:
        if is_seen:
            seen.add(number)
            if is_alone:
                alone.add(number)
    return seen, alone


class _Judge:
    def __init__(self, rights: Rights, default: str | None, known: _Known | None) -> None:
        self.rights = rights
        self.default = default
        self.known = known

    def of(self, document: FileDocument) -> Rejection | None:
        if isinstance(document, Contact):
            return self._contact(document)
        if isinstance(document, Event):
            return self._event(document, document.contact.strip(), "")
        if self.known is None:
            return None
        for kind, judge in _BOUND.items():
            if isinstance(document, kind):
                return judge(self, document)
        return Rejection("is for keys for all controllers", "type", code="forbidden")

    def _owns(self, controller: str | None) -> bool:
        """Whether the key is for the controller meant; absent, it is the default one."""
        mine = self.rights.controllers
        return mine is None or (controller or self.default) in mine

    def _owns_all(self, controllers: Sequence[str]) -> bool:
        mine = self.rights.controllers
        return mine is None or (bool(controllers) and mine.issuperset(controllers))

    def _contact(self, document: Contact) -> Rejection | None:
        ref = document.ref.strip()
        if (document.events or document.restricted_since is not None) and not self.rights.records_acts:
            field = "events" if document.events else "restricted_since"
            return Rejection("is an act of the person, which this key may not record", field, code="forbidden")
        for position, event in enumerate(document.events):
            if (refused := self._act(event, ref, f"events[{position}].")) is not None:
                return refused
        if self.known is None:
            return None
        if ref in self.known.refs:
            if ref not in self.known.seen:
                return Rejection("is not a contact of this key's controllers", "ref", code="not-found")
        elif ref not in self.known.brought:
            return Rejection("is missing: a new contact says whose it is", "controllers")
        if document.controllers and not self._owns_all(document.controllers):
            return Rejection(_FOREIGN, "controllers", code="forbidden")
        if document.restricted_since is not None:
            return Rejection(
                "speaks for all controllers: send an event restricted that names yours",
                "restricted_since",
                code="forbidden",
            )
        for name in ("customer_of", "legal_bases", "messages_sent"):
            for position, part in enumerate(getattr(document, name)):
                if not self._owns(part.controller):
                    return Rejection(_FOREIGN, f"{name}[{position}].controller", code="forbidden")
        return None

    def _event(self, event: Event, ref: str, place: str) -> Rejection | None:
        if not self.rights.records_acts:
            return Rejection("is an act of a person, which this key may not record", "event", code="forbidden")
        if self.known is not None and ref in self.known.refs and ref not in self.known.seen:
            return Rejection(_UNKNOWN, "contact", code="not-found")
        return self._act(event, ref, place)

    def _act(self, event: EventFields, ref: str, place: str) -> Rejection | None:
        if event.event in LIFTING and (refused := self._lifting(event, place)) is not None:
            return refused
        if event.event == "erasure_extended" and not (event.reason or "").strip():
            return Rejection("is missing: whoever is to wait longer is told why (GDPR 12(3))", f"{place}reason")
        if self.known is None:
            return None
        named = event.controller if event.event not in _CONSENTS else event.controller or self.default
        if named is None:
            return Rejection(
                "is missing: without one it would speak of all controllers", f"{place}controller", code="forbidden"
            )
        if not self._owns(named):
            return Rejection(_FOREIGN, f"{place}controller", code="forbidden")
        if event.event in _OF_ALL and ref in self.known.refs and ref not in self.known.alone:
            return Rejection(
                "concerns other controllers too, and is for keys for all of them", f"{place}event", code="forbidden"
            )
        return None

    def _lifting(self, event: EventFields, place: str) -> Rejection | None:
        """What lifts is the person's own explicit act, with its reason, brought by those who may."""
        if not self.rights.lifts:
            return Rejection(
                "lifts what stops, which needs the scope prohibitions:lift", f"{place}event", code="forbidden"
            )
        if event.prohibition is not None and self.known is not None:
            return Rejection(
                "a prohibition is lifted by name at /prohibitions/{id}/lift", f"{place}prohibition", code="forbidden"
            )
        if event.method in (None, "import"):
            return Rejection("must say by which way the person told it; an import lifts nothing", f"{place}method")
        if event.given_by == "unverified":
            return Rejection("must be the person, or a representative who has shown it", f"{place}given_by")
        if event.reason is None or not event.reason.strip():
            return Rejection("is missing: nothing is lifted without a reason", f"{place}reason")
        return None

    # --- of keys bound to controllers -----------------------------------------------------------------------------

    def _prohibition(self, document: Prohibition) -> Rejection | None:
        assert self.known is not None
        if not document.controllers:
            return Rejection(
                "is missing: without one it would speak of all controllers", "controllers", code="forbidden"
            )
        if not self._owns_all(document.controllers):
            return Rejection(_FOREIGN, "controllers", code="forbidden")
        ref = (document.target.contact or "").strip()
        if ref in self.known.refs and ref not in self.known.seen:
            return Rejection("is not a contact of this key's controllers", "target.contact", code="not-found")
        return None

    def _organisation(self, document: Organisation) -> Rejection | None:
        for position, customer in enumerate(document.customer_of):
            if not self._owns(customer.controller):
                return Rejection(_FOREIGN, f"customer_of[{position}].controller", code="forbidden")
        return None

    def _topic(self, document: Topic) -> Rejection | None:
        assert self.known is not None
        held = self.known.topics.get(document.key.strip())
        if held is not None and not self._owns(held):
            return Rejection("is in use", "key", code="not-found")
        if not self._owns(document.controller or held):
            return Rejection(_FOREIGN, "controller", code="forbidden")
        return None

    def _notice(self, document: Notice) -> Rejection | None:
        assert self.known is not None
        held = self.known.notices.get(document.key.strip())
        if held is not None and not self._owns_all(sorted(held)):
            return Rejection("is in use", "key", code="not-found")
        if not self._owns_all(document.controllers):
            return Rejection(_FOREIGN, "controllers", code="forbidden")
        return None

    def _campaign(self, document: Campaign) -> Rejection | None:
        assert self.known is not None
        key = document.key.strip()
        if key in self.known.campaigns and not self._owns(self.known.campaigns[key]):
            return Rejection("is in use", "key", code="not-found")
        if not self._owns(document.controller):
            return Rejection(_FOREIGN, "controller", code="forbidden")
        return None


#: What keys for some controllers may bring beside contacts and events.
_BOUND: Final[Mapping[type, Callable[[_Judge, Any], Rejection | None]]] = {
    Prohibition: _Judge._prohibition,  # noqa: SLF001 - its own
    Organisation: _Judge._organisation,  # noqa: SLF001 - its own
    Topic: _Judge._topic,  # noqa: SLF001 - its own
    Notice: _Judge._notice,  # noqa: SLF001 - its own
    Campaign: _Judge._campaign,  # noqa: SLF001 - its own
}

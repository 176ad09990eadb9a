"""What a person said by phone, in a letter, by mail or in person, on its way into the ledger.

Nothing is written here by itself: events and legal-basis tags go as documents through the importer's own checks
(``importing.applying``), bans through ``prohibitions.service``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy.orm import Session

from consentmgr.consents.acts import LEGAL_BASIS_SET
from consentmgr.importing.applying import apply_documents
from consentmgr.importing.documents import FileDocument
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.kit.errors import BadInput
from consentmgr.prohibitions import service as prohibitions
from consentmgr.prohibitions.recovered import refuse_unrecovered
from consentmgr.register.models import Notice
from consentmgr.vocabulary import documents
from consentmgr.vocabulary.codes import (
    Channel,
    ConsentMethod,
    EventKind,
    GivenBy,
    LegalBasis,
    Platform,
    ProhibitionSource,
    Purpose,
)

#: What the ledger calls this desk.
SOURCE: Final = "desk"

#: Acts that are taken down by hand, and whether the notice's words were part of them.
Kind = Literal[
    "consent_given",
    "guardian_consented",
    "consent_refused",
    "consent_withdrawn",
    "objected",
    "restricted",
    "objection_lifted",
    "restriction_lifted",
]
CONSENTS: Final[tuple[Kind, ...]] = ("consent_given", "guardian_consented")
STOPS: Final[tuple[Kind, ...]] = ("consent_refused", "consent_withdrawn", "objected", "restricted")
LIFTINGS: Final[tuple[Kind, ...]] = ("objection_lifted", "restriction_lifted")
KINDS: Final[tuple[Kind, ...]] = (*CONSENTS, *STOPS, *LIFTINGS)
#: Acts that speak of the whole person and have no scope.
UNSCOPED: Final[tuple[Kind, ...]] = ("restricted", "restriction_lifted")
#: Ways by which a person reaches somebody who takes it down.
METHODS: Final[tuple[ConsentMethod, ...]] = ("phone", "paper", "email_link", "in_person", "sms_reply", "web_form")
#: Whose bans are taken down by hand; lists of others come in as files.
BAN_SOURCES: Final[tuple[ProhibitionSource, ...]] = (
    "self",
    "guardian",
    "organisation",
    "staff",
    "complaint",
    "court",
    "vendor",
)
#: A reference that can name nobody by accident: a case, a test, a batch.
REFERENCE: Final = re.compile(r"[\w .:/#()\-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Act:
    """One act as somebody took it down. ``note`` and the file are personal and can be erased."""

    kind: Kind
    at: datetime
    controller: str | None
    method: ConsentMethod
    given_by: GivenBy = "self"
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    topics: tuple[str, ...] = ()
    audiences: tuple[Platform, ...] = ()
    notice: str | None = None
    express_request: bool = False
    note: str | None = None
    attachment_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewBan:
    """A ban as somebody took it down."""

    target: documents.ProhibitionTarget
    source: ProhibitionSource
    at: datetime
    method: ConsentMethod
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    topics: tuple[str, ...] = ()
    controllers: tuple[str, ...] = ()
    valid_until: date | None = None
    reference: str | None = None
    note: str | None = None
    attachment_sha256: str | None = None


def moment_of(day: date, hour: time | None, *, stops: bool, now: datetime) -> datetime:
    """When an act of a day happened. Without an hour, a stop at the day's end and anything else at its beginning:
    what order cannot be shown must not open anything. Never later than ``now``. Raises ``BadInput`` for days to come.
    """
    today = local_date(now)
    if day > today:
        raise BadInput("lies in the future", field="day")
    if hour is None:
        hour = time(23, 59, 59) if stops else time()
    at = datetime.combine(day, hour, HELSINKI)
    if at > now:
        # The browser's clock may be a little before ours; an hour that has not come is a slip of the hand.
        if hour.second != 59 and at - now > timedelta(minutes=5):
            raise BadInput("lies in the future", field="hour")
        return now
    return at.astimezone(now.tzinfo)


def record(session: Session, ref: str, act: Act, *, keys: AddressKeys, actor: str, now: datetime) -> bool:
    """Enter the act of the contact ``ref``; False where the very same was entered before. Does not commit.

    Raises ``BadInput`` naming the field.
    """
    if act.kind not in STOPS:
        refuse_unrecovered(session)
    _check(session, act)
    evidence = documents.Evidence(
        form=SOURCE,
        express_request=act.express_request or None,
        attachment_sha256=act.attachment_sha256,
    )
    event = documents.Event(
        contact=ref,
        event=cast("EventKind", act.kind),
        at=act.at,
        controller=act.controller,
        method=act.method,
        source=SOURCE,
        note=act.note or None,
        reason=act.note or "told by the person" if act.kind in LIFTINGS else None,
        channels=act.channels or None,
        purposes=act.purposes or None,
        topics=act.topics or None,
        audiences=act.audiences or None,
        notice=act.notice,
        evidence=evidence,
        given_by=None if act.given_by == "self" else act.given_by,
    )
    return take(session, [event], keys=keys, actor=actor, now=now, counted=act.kind)


def _check(session: Session, act: Act) -> None:
    if act.kind in LIFTINGS and act.given_by == "unverified":
        raise BadInput("only the person, or a representative who has shown it, lifts it", field="given_by")
    if act.kind not in CONSENTS:
        return
    if act.given_by == "unverified":
        raise BadInput("a consent given without authority is none", field="given_by")
    if act.notice is None:
        raise BadInput("a consent needs the words it was given in", field="notice")
    key, version, language = (*act.notice.split("/"), "", "")[:3]
    notice = session.get(Notice, (key, int(version) if version.isdigit() else 0, language))
    if notice is None:
        raise BadInput("there is no such notice", field="notice")
    if not act.channels and not act.audiences:
        raise BadInput("a consent names the channels it is for", field="channels")
    if not act.purposes:
        raise BadInput("a consent names the purposes it is for", field="purposes")
    beyond: tuple[tuple[str, Sequence[str], Sequence[str]], ...] = (
        ("controller", (act.controller or "",), notice.controllers),
        ("channels", act.channels, notice.channels),
        ("purposes", act.purposes, notice.purposes),
        ("topics", act.topics, notice.topics or act.topics),
        ("audiences", act.audiences, notice.audiences),
    )
    for name, given, worded in beyond:
        if set(given) - set(worded):
            raise BadInput("the words of the notice do not speak of it", field=name)


def take(
    session: Session,
    given: Sequence[FileDocument],
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    counted: str | None = None,
) -> bool:
    """Take documents in whole or not at all; whether an entry of the kind ``counted`` was made (or, without it,
    anything was changed). Raises ``BadInput`` naming the field of the first that is refused.
    """
    changes = apply_documents(session, given, keys=keys, actor=actor, now=now, source=SOURCE)
    for place in sorted(changes.rejected):
        rejection = changes.rejected[place]
        raise BadInput(rejection.reason, field=rejection.field)
    if counted is not None:
        return changes.decisions[counted] > 0
    return not changes.is_nothing


# --- bans -------------------------------------------------------------------------------------------------------------


def add_ban(session: Session, ban: NewBan, *, keys: AddressKeys, actor: str, now: datetime) -> tuple[int, bool]:
    """Add a standing ban; its id, and whether it is new. Does not commit. Raises ``BadInput`` naming the field."""
    day = local_date(ban.at)
    if ban.valid_until is not None and ban.valid_until < day:
        raise BadInput("lies before the day it was told", field="valid_until")
    evidence: dict[str, Any] = {"method": ban.method, "at": ban.at.isoformat(), "taken_at": SOURCE}
    if ban.note:
        evidence["note"] = ban.note
    if ban.attachment_sha256 is not None:
        evidence["attachment_sha256"] = ban.attachment_sha256
    document = documents.Prohibition(
        target=ban.target,
        channels=ban.channels,
        purposes=ban.purposes,
        topics=ban.topics,
        controllers=ban.controllers,
        source=ban.source,
        valid_from=day,
        valid_until=ban.valid_until,
        reference=ban.reference or None,
        evidence=evidence,
    )
    added = prohibitions.add(session, [document], keys=keys, actor=actor, now=now)
    return added.ids[0], bool(added.new)


# --- legal bases ------------------------------------------------------------------------------------------------------


def tag(
    session: Session,
    ref: str,
    *,
    controller: str,
    purpose: str,
    basis: LegalBasis,
    since: date | None,
    until: date | None,
    reference: str | None,
    keys: AddressKeys,
    actor: str,
    now: datetime,
) -> bool:
    """Set a legal basis of one processing purpose, or end it (``until``); an entry of the ledger each time.

    ``reference`` names the balancing test of a legitimate interest, or where the basis is documented; it is public in
    the ledger, so it may name no person. False where nothing changed. Raises ``BadInput`` naming the field.
    """
    if reference and REFERENCE.fullmatch(reference) is None:
        raise BadInput("may hold letters, digits and . : / # ( ) - only, 80 at most", field="reference")
    document = documents.Contact(
        ref=ref,
        legal_bases=(
            documents.LegalBasisTag(
                controller=controller,
                purpose=purpose,
                basis=basis,
                since=since,
                until=until,
                source=reference or None,
            ),
        ),
    )
    return take(session, [document], keys=keys, actor=actor, now=now, counted=LEGAL_BASIS_SET)

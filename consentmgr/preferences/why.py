"""Why somebody got a message: what is known of the address, the ground, and who answers for it (GDPR 13 to 15).

Only what concerns the person who holds the link: no campaign's other addressees, no name of whoever passed data on
beyond the source's own code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.campaigns import policy
from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.config import Language
from consentmgr.kit.clock import local_date
from consentmgr.preferences.choices import Known, Words, text_in, words_of
from consentmgr.preferences.links import Link
from consentmgr.preferences.reach import answer
from consentmgr.register.models import LegalBasisTag, MessageSent, ProcessingPurpose

#: A source's own code. Longer or freer text may name a person, and is not shown.
_CODE = re.compile(r"[a-z0-9][a-z0-9_:.\-]{0,59}")

#: What a source is to the reader; ``other`` is shown by its code, ``unknown`` where none was recorded.
SourceKind = Literal["person", "vendor", "business_register", "population_register", "website", "other", "unknown"]
_KINDS: dict[str, SourceKind] = {
    "web_form": "person",
    "self": "person",
    "paper": "person",
    "phone": "person",
    "in_person": "person",
    "email_link": "person",
    "customer": "person",
    "shop": "person",
    "ytj": "business_register",
    "population_register": "population_register",
    "website": "website",
}

#: Why it may be sent; ``service`` for messages that need no such ground, None where none is to be found any more.
Basis = Literal["consent", "customer", "work", "opt_out", "service"]


@dataclass(frozen=True, slots=True)
class Purpose:
    """A processing purpose the person's data is tagged with: what it is called, on what basis, for how long."""

    name: str
    basis: str
    retention_months: int | None
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """All the page tells. ``source`` is the source's own code, where it may be shown."""

    campaign: str | None
    sent_on: date | None
    channel: str
    source_kind: SourceKind
    source: str | None
    acquired_on: date | None
    verified_on: date | None
    informed_on: date | None
    basis: Basis | None
    consented_on: date | None = None
    consent_method: str | None = None
    consent_words: Words | None = None
    bought_on: date | None = None
    #: Whether the person must be told what Article 14 asks: the data came from somebody else.
    from_outside: bool = False
    #: The postal selection was made by the population register: then its own source line is owed, to the letter.
    population_register: bool = False
    purposes: Sequence[Purpose] = ()


def reasons_of(session: Session, known: Known, link: Link, now: datetime, language: Language) -> Why:
    """Why the message of this link came; reads only."""
    point = known.point_written_to(link)
    campaign = kept_campaigns(session, [link.campaign]).get(link.campaign) if link.campaign is not None else None
    code = (point.source or "").strip().lower() if point is not None else ""
    list_source = campaign.list_source if campaign is not None else "own"
    outside = re.compile(policy.current(session).outside_source_pattern())
    found = answer(known.past, known.past.sent, local_date(now)) if known.past.sent is not None else None
    entry = next((entry for entry_id, entry in known.past.entries if found and entry_id == found.consent), None)
    basis: Basis | None = None
    if campaign is not None and campaign.purpose not in ("direct_marketing", "newsletter"):
        basis = "service"
    elif found is not None and found.ground != "sent":
        basis = found.ground
    return Why(
        campaign=campaign.name if campaign is not None else None,
        sent_on=_sent_on(session, known, link),
        channel=link.channel,
        source_kind=_kind(code, outside),
        source=code if _CODE.fullmatch(code) else None,
        acquired_on=point.acquired_on if point is not None else None,
        verified_on=point.verified_on if point is not None else None,
        informed_on=point.informed_on if point is not None else None,
        basis=basis,
        consented_on=local_date(entry.at) if entry is not None and entry.order_known else None,
        consent_method=entry.method if entry is not None else None,
        consent_words=words_of(known.past, found.consent) if found is not None else None,
        bought_on=max(
            (
                row.last_purchase_on
                for row in known.past.relations
                if row.controller == link.controller and row.last_purchase_on is not None
            ),
            default=None,
        ),
        from_outside=point is not None
        and (outside.fullmatch(code) is not None or not code or list_source in ("vendor", "population_register")),
        population_register=code == "population_register" or list_source == "population_register",
        purposes=_purposes(session, known, link, language),
    )


def _kind(code: str, outside: re.Pattern[str]) -> SourceKind:
    if not code:
        return "unknown"
    if code in _KINDS:
        return _KINDS[code]
    if code.startswith("vendor"):
        return "vendor"
    return "other" if _CODE.fullmatch(code) and not outside.fullmatch(code) else "vendor"


def _sent_on(session: Session, known: Known, link: Link) -> date | None:
    if known.contact_id is None or link.campaign is None:
        return None
    at = session.scalar(
        select(MessageSent.at)
        .where(
            MessageSent.contact_id == known.contact_id,
            MessageSent.controller == link.controller,
            MessageSent.campaign == link.campaign,
        )
        .order_by(MessageSent.at.desc())
        .limit(1)
    )
    return local_date(at) if at is not None else None


def _purposes(session: Session, known: Known, link: Link, language: Language) -> list[Purpose]:
    rows = session.execute(
        select(ProcessingPurpose, LegalBasisTag.basis)
        .join(
            LegalBasisTag,
            (LegalBasisTag.controller == ProcessingPurpose.controller)
            & (LegalBasisTag.purpose == ProcessingPurpose.key),
        )
        .where(LegalBasisTag.contact_id == known.contact_id, LegalBasisTag.controller == link.controller)
        .order_by(ProcessingPurpose.key)
    )
    return [
        Purpose(
            text_in(purpose.names, language) or purpose.key,
            basis,
            purpose.retention_months,
            tuple(purpose.recipients),
        )
        for purpose, basis in rows
    ]

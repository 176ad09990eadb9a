"""Bounces: what mail servers say about messages they could not deliver (RFC 3464), and what it means for an address.

============================================== ===================================================================
the server says                                the address
============================================== ===================================================================
it does not exist, or takes no mail any more   ``state`` becomes ``hard_bounce``: ADDRESS_INVALID blocks it
(``PERMANENT``)
any other failure or delay: mailbox full,      ``soft_bounces`` rises by one, once for each message sent:
policy, content, servers out of reach          SOFT_BOUNCE_LIMIT asks for review
delivered, relayed, expanded                   nothing
============================================== ===================================================================

A refusal for policy or content (5.7.x) says something of us and not of the address; it counts as a soft one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from consentmgr.consents import ledger
from consentmgr.consents.acts import REGISTER_CHANGE, NewEntry, digest_of, register_change_entry
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.links import Link
from consentmgr.register.reading import rows_by
from consentmgr.register.rows import PointRow
from consentmgr.register.writing import lock_register, mark_changed, update_rows
from consentmgr.replies.mail import Mail, addresses_of, carried_message, field_blocks, header_of
from consentmgr.replies.office import Office, digest_of_message, link_of_sent

Weight = Literal["permanent", "temporary"]

#: RFC 3463 codes by which the address itself is at fault. Not among them: 5.1.4 (ambiguous), 5.1.5 (valid), 5.1.7 and
#: 5.1.8 (the sender's address), 5.2.2 (full), 5.2.3 (message too long), 5.3 to 5.7 (systems, protocol, content, policy).
PERMANENT = frozenset(
    (
        "5.1.0",  # other address status
        "5.1.1",  # no such mailbox
        "5.1.2",  # no such domain
        "5.1.3",  # no valid address
        "5.1.6",  # moved, and nobody says where to
        "5.1.10",  # the domain takes no mail (RFC 7505); Exchange: no such recipient
        "5.2.1",  # mailbox disabled
        "5.4.4",  # no way to the domain: it has no mail server
        "5.4.310",  # the same, as Exchange says it
    )
)
#: Codes that say no more than that it failed for good; the server's own words say the rest.
_VAGUE = frozenset(("", "5.0.0", "5.5.0"))
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_UNKNOWN_ADDRESS = re.compile(
    r"(?:user|recipient|mailbox|account|address)\s+(?:is\s+)?(?:unknown|not\s+found|does\s*n.t\s+exist|does\s+not\s+exist)"
    r"|(?:unknown|no\s+such|nonexistent|invalid)\s+(?:user|recipient|mailbox|address|account|domain)"
    r"|no\s+mailbox\s+here|(?:host|domain)\s+(?:name\s+)?(?:or\s+domain\s+name\s+)?not\s+found",
    re.IGNORECASE,
)
_DONE = frozenset(("delivered", "relayed", "expanded"))
#: Recipients of one report that are looked at.
_MOST_RECIPIENTS = 100


@dataclass(frozen=True, slots=True, repr=False)
class Failure:
    """One recipient of the report: the addresses that may be the one we wrote to, the likeliest first."""

    addresses: tuple[str, ...]
    weight: Weight


@dataclass(frozen=True, slots=True, repr=False)
class Bounce:
    """``sent`` is what the report says of the message that was sent, as far as it was sent back."""

    failures: tuple[Failure, ...]
    sent: Message[str, str] | None


def recognise(mail: Mail) -> Bounce | None:
    """The bounce a message is; without failures where it only tells of success. None where it is none."""
    report = mail.part("message/delivery-status", "message/global-delivery-status")
    if report is None:
        return None
    carried = mail.part(
        "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers"
    )
    sent = carried_message(carried) if carried is not None else None
    blocks = [block for block in field_blocks(report) if "Final-Recipient" in block or "Action" in block]
    failures = []
    for block in blocks[:_MOST_RECIPIENTS]:
        weight = weigh(header_of(block, "Action"), header_of(block, "Status"), header_of(block, "Diagnostic-Code"))
        if weight is not None:
            told = [_address(header_of(block, name)) for name in ("Original-Recipient", "Final-Recipient")]
            failures.append(Failure(tuple(address for address in told if address), weight))
    if len(failures) == 1 and len(blocks) == 1 and sent is not None:
        # An address that forwards is in the message we sent, and not in what the last server says.
        written_to = addresses_of(sent, "To")
        if len(written_to) == 1:
            failures = [Failure((*failures[0].addresses, *written_to), failures[0].weight)]
    return Bounce(tuple(failures), sent)


def weigh(action: str | None, status: str | None, diagnostic: str | None) -> Weight | None:
    """What one recipient's fields mean for the address; None where nothing failed (RFC 3464, 2.3.3 and 2.3.4)."""
    action = (action or "").partition(";")[0].strip().lower()
    code = _code(status or "")
    if action in _DONE or (not action and code.startswith("2")):
        return None
    if action == "delayed" or code.startswith("4"):
        return "temporary"
    diagnostic = diagnostic or ""
    if code in _VAGUE or code.startswith("2"):
        code = _code(diagnostic)
    if code.startswith("4"):
        return "temporary"
    if code in _VAGUE:
        return "permanent" if _UNKNOWN_ADDRESS.search(diagnostic) else "temporary"
    return "permanent" if code in PERMANENT else "temporary"


def _code(text: str) -> str:
    found = _STATUS.search(text)
    return ".".join(str(int(number)) for number in found.groups()) if found else ""


def _address(field: str | None) -> str:
    """The address of ``rfc822; somebody@there.example`` (RFC 3464, 2.3.2)."""
    kind, separator, address = (field or "").partition(";")
    if not separator or kind.strip().lower() not in ("rfc822", "utf-8", "smtp"):
        return ""
    return address.strip().strip("<>")


def record(session: Session, mail: Mail, bounce: Bounce, office: Office) -> str:
    """Write what the bounce says to the points of the register that have the address; which kind it was, in the end.

    Only points in state ``ok`` change. The ledger gets a ``register_change`` with the names of the fields; its digest
    is of the message (of the message *sent*, for a temporary failure), so that it is counted once.
    """
    if not bounce.failures:
        return "delivery_notice"
    # One writer of points at a time, as imports are; after it the ledger's chains, and then the rows.
    lock_register(session)
    link = None
    if len(bounce.failures) == 1 and bounce.sent is not None:
        link = link_of_sent(office.links, bounce.sent, session)
    points = _failed_points(session, bounce, link, office)
    if not points:
        return "bounce_unmatched"
    write(
        session,
        points,
        identity=lambda weight: _identity(weight, mail, bounce, office),
        keys=office.keys,
        actor=office.actor,
        now=office.now,
    )
    return "bounce_permanent" if any(weight == "permanent" for _, weight in points) else "bounce_temporary"


def write(
    session: Session,
    points: Sequence[tuple[PointRow, Weight]],
    *,
    identity: Callable[[Weight], str],
    keys: AddressKeys,
    actor: str,
    now: datetime,
) -> None:
    """Write failures to their points and to the ledger. ``identity`` says which failure it was: one that is in the
    ledger already counts no second time. The caller holds the register's lock (``lock_register``).
    """
    entries = [_entry(point, weight, identity(weight), keys, now) for point, weight in points]
    entry_ids = ledger.append(session, entries, actor=actor, now=now)
    changed = []
    for (point, weight), entry_id in zip(points, entry_ids, strict=True):
        if entry_id is not None:
            changed.append(point)
            if weight == "permanent":
                point.state = "hard_bounce"
            else:
                point.soft_bounces += 1
    update_rows(session, changed)
    listed = {point.organisation_id for point in changed if point.contact_id is None}
    mark_changed(session, "organisation", {owner for owner in listed if owner is not None})


def _failed_points(
    session: Session, bounce: Bounce, link: Link | None, office: Office
) -> list[tuple[PointRow, Weight]]:
    """The points whose addresses failed, each once; what is permanent outweighs."""
    failed: dict[str, Weight] = {}
    for failure in bounce.failures:
        keys = [point.address_key for address in failure.addresses if (point := office.keys.email(address)) is not None]
        if link is not None and link.address_key is not None and not link.distrusted:
            keys.insert(0, link.address_key)
        known = {row.address_key for row in rows_by(session, PointRow, "address_key", keys, _EMAIL)}
        found = next((key.hex for key in keys if key.hex in known), None)
        if found is not None and failed.get(found) != "permanent":
            failed[found] = failure.weight
    return working_points(session, {UUID(hex=key): weight for key, weight in failed.items()})


def working_points(session: Session, failed: Mapping[UUID, Weight]) -> list[tuple[PointRow, Weight]]:
    """The points that have these addresses, by key, and were thought to work."""
    rows = rows_by(session, PointRow, "address_key", list(failed), _EMAIL)
    return [(row, failed[UUID(hex=row.address_key)]) for row in rows if row.state == "ok"]


_EMAIL = "AND kind = 'email'"


def _entry(point: PointRow, weight: Weight, identity: str, keys: AddressKeys, now: datetime) -> NewEntry:
    field = "points.state" if weight == "permanent" else "points.soft_bounces"
    change = f"{weight}:{point.address_key}:{identity}"
    if point.contact_id is not None:
        return register_change_entry(point.contact_id, [field], at=now, source="bounce", change=change, keys=keys)
    # An address that an organisation lists belongs to no contact; the entry names the organisation's row.
    return NewEntry(
        contact_id=None,
        event=REGISTER_CHANGE,
        at=now,
        digest=digest_of(keys, REGISTER_CHANGE, (None, point.organisation_id, [field], "bounce", change)),
        source="bounce",
        detail={"fields": [field], "organisation": point.organisation_id},
    )


def _identity(weight: Weight, mail: Mail, bounce: Bounce, office: Office) -> str:
    """A message that is delayed, delayed again and given up has failed once; each permanent failure stands alone."""
    sent_id = header_of(bounce.sent, "Message-ID") if bounce.sent is not None else None
    if weight == "temporary" and sent_id:
        return f"sent {sent_id}"
    return f"report {digest_of_message(office.keys, mail)}"

"""What a member of staff must decide: corrections people ask for, replies that sound like leaving, bursts of clicks.

A proposal changes nothing until it is accepted, and then through the same services as anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.importing.applying import apply_documents
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.preferences.models import Proposal
from consentmgr.prohibitions import service as prohibitions
from consentmgr.prohibitions.targets import Target
from consentmgr.register.models import Contact
from consentmgr.vocabulary import documents
from consentmgr.vocabulary.codes import ConsentMethod

Kind = Literal["name_correction", "address_correction", "reply_leave", "burst_undo"]
Fault = Literal["nothing", "too_long", "markup", "address_incomplete"]

NAME = ("given_name", "family_name")
ADDRESS = ("street", "postal_code", "city")
#: What a person may ask to have corrected.
CORRECTED = NAME + ADDRESS
#: Characters of one field of a correction.
LONGEST = 100
#: Proposals shown at once.
SHOWN = 500


# --- corrections as they come in --------------------------------------------------------------------------------------


def faults_of(given: Mapping[str, str]) -> dict[str, Fault]:
    """What is wrong with a correction, by field; empty where it can be proposed."""
    found: dict[str, Fault] = {}
    for name in CORRECTED:
        value = given.get(name, "")
        if len(value) > LONGEST:
            found[name] = "too_long"
        elif any(character in "<>" or not character.isprintable() for character in value):
            found[name] = "markup"
    if found:
        return found
    if not any(given.get(name) for name in CORRECTED):
        return {NAME[0]: "nothing"}
    missing = [name for name in ADDRESS if not given.get(name)]
    return {missing[0]: "address_incomplete"} if 0 < len(missing) < len(ADDRESS) else {}


def corrections_of(given: Mapping[str, str]) -> dict[Kind, dict[str, str]]:
    """The proposals a correction without faults makes, by kind."""
    found: dict[Kind, dict[str, str]] = {}
    for kind, names in (("name_correction", NAME), ("address_correction", ADDRESS)):
        data = {name: given[name] for name in names if given.get(name)}
        if data:
            found[kind] = data  # type: ignore[index]
    return found


# --- keeping ----------------------------------------------------------------------------------------------------------


def propose(
    session: Session,
    *,
    kind: Kind,
    contact_id: int | None,
    controller: str | None,
    source: str,
    data: Mapping[str, Any],
    digest: UUID,
    now: datetime,
) -> bool:
    """Keep a proposal; False where one of the same digest was kept before. Flushes."""
    kept = session.execute(
        insert(Proposal)
        .values(
            kind=kind,
            contact_id=contact_id,
            controller=controller,
            source=source,
            data=dict(data),
            digest=digest,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["digest"])
        .returning(Proposal.id)
    )
    return kept.scalar() is not None


def open_proposals(session: Session, *, limit: int = SHOWN) -> Sequence[Proposal]:
    """Those that wait to be decided, oldest first."""
    return session.scalars(
        select(Proposal).where(Proposal.state == "open").order_by(Proposal.created_at, Proposal.id).limit(limit)
    ).all()


def proposal_of(session: Session, proposal_id: int) -> Proposal:
    """Raises ``NotFound``."""
    found = session.get(Proposal, proposal_id)
    if found is None:
        raise NotFound(f"there is no proposal {proposal_id}")
    return found


def forget_erased(session: Session) -> int:
    """Empty the proposals of erased contacts and addresses; how many. What was open is closed: nothing is left of it."""
    done = session.execute(
        text(
            "UPDATE proposal p SET data = '{}', state = CASE WHEN p.state = 'open' THEN 'forgotten' ELSE p.state END"
            " WHERE p.data <> '{}' AND (EXISTS (SELECT FROM contact c WHERE c.id = p.contact_id AND c.erased_at IS NOT"
            " NULL) OR EXISTS (SELECT FROM erased_key e WHERE e.address_key::text = p.data ->> 'address_key'))"
        )
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


# --- deciding ---------------------------------------------------------------------------------------------------------


def decide(
    session: Session,
    proposal_id: int,
    *,
    accept: bool,
    actor: str,
    now: datetime,
    note: str | None = None,
    keys: AddressKeys,
    method: ConsentMethod = "phone",
    approved_by: str | None = None,
) -> Proposal:
    """Accept or reject an open proposal; what accepting does is done in the same transaction, and audited. Flushes.

    ``method`` and ``approved_by`` are for ``burst_undo``: how the people were asked, and the second person who agrees.
    Raises ``NotFound``, or ``BadInput`` where it was decided already or cannot be done.
    """
    # Both hold until the end: two members of staff do not decide the same proposal twice.
    found = session.scalar(select(Proposal).where(Proposal.id == proposal_id).with_for_update())
    if found is None:
        raise NotFound(f"there is no proposal {proposal_id}")
    if found.state != "open":
        raise BadInput(f"proposal {proposal_id} is {found.state} already", field="id")
    if accept:
        match found.kind:
            case "name_correction" | "address_correction":
                _correct(session, found, keys=keys, actor=actor, now=now)
            case "reply_leave":
                _forbid(session, found, keys=keys, actor=actor, now=now)
            case "burst_undo":
                _undo(
                    session,
                    found,
                    keys=keys,
                    actor=actor,
                    now=now,
                    note=note,
                    method=method,
                    approved_by=approved_by,
                )
            case _:
                raise BadInput(f"proposal {proposal_id} is of a kind that cannot be accepted", field="id")
    found.state = "accepted" if accept else "rejected"
    found.decided_at, found.decided_by, found.note = now, actor, note
    session.flush()
    audit.record(
        session,
        at=now,
        actor=actor,
        action=f"proposal_{found.state}",
        object=f"proposal:{found.id}",
        detail={"kind": found.kind},
    )
    return found


def _correct(session: Session, proposal: Proposal, *, keys: AddressKeys, actor: str, now: datetime) -> None:
    """Into the register as any document goes, with an entry that says which fields changed and never to what."""
    contact = session.get(Contact, proposal.contact_id) if proposal.contact_id is not None else None
    while contact is not None and contact.merged_into is not None:
        contact = session.get(Contact, contact.merged_into)
    if contact is None or contact.erased_at is not None or not proposal.data:
        raise BadInput("the contact is erased: nothing can be corrected, reject the proposal", field="id")
    data = {name: str(value) for name, value in proposal.data.items() if name in CORRECTED}
    if proposal.kind == "name_correction":
        document = documents.Contact(ref=contact.ref, **{name: data[name] for name in NAME if name in data})  # type: ignore[arg-type]
    else:
        address = documents.PostalAddress(**{name: data[name] for name in ADDRESS if name in data})
        point = documents.Point(channel="post", value=address, use="private", source=proposal.source)
        document = documents.Contact(ref=contact.ref, points=(point,))
    changes = apply_documents(session, [document], keys=keys, actor=actor, now=now, source=proposal.source)
    for rejection in changes.rejected.values():
        raise BadInput(f"the register does not take it: {rejection.sentence}", field="id")


def _forbid(session: Session, proposal: Proposal, *, keys: AddressKeys, actor: str, now: datetime) -> None:
    """A reply that asks to be left alone: the person's own ban on the address it came from."""
    key = proposal.data.get("address_key")
    if not isinstance(key, str):
        raise BadInput("the proposal names no address any more: reject it", field="id")
    document = documents.Prohibition(
        target=documents.ProhibitionTarget(),
        controllers=(proposal.controller,) if proposal.controller is not None else (),
        source="self",
        reference=f"proposal:{proposal.id}",
        evidence={"proposal": proposal.id, "source": proposal.source},
    )
    prohibitions.add_targeted(
        session, [document], [Target("email", key=UUID(key).bytes)], keys=keys, actor=actor, now=now
    )


def _undo(
    session: Session,
    proposal: Proposal,
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
    note: str | None,
    method: ConsentMethod,
    approved_by: str | None,
) -> None:
    """A burst that was a machine's: lifted after the people were asked, as they told, by two members of staff."""
    if not note:
        raise BadInput("say in a note how the people were asked, and what they answered", field="note")
    if approved_by in (None, "", actor):
        raise BadInput("a second person must agree", field="approved_by")
    prohibitions.lift(
        session,
        [int(prohibition_id) for prohibition_id in proposal.data.get("prohibitions", ())],
        at=now,
        method=method,
        reason=note,
        evidence={"proposal": proposal.id},
        keys=keys,
        actor=actor,
        now=now,
        approved_by=approved_by,
    )

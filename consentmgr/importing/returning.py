"""People who were erased and came back by a later act of their own.

A later consent of the person's own lifts the ban that erasure leaves (law, section 2, stage 5). Whoever gave one is a
contact again: what documents tell of them since is told because of it. Nobody comes back by an import alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from consentmgr.consents.ledger import entries_of
from consentmgr.consents.standing import CONSENTS


class Act(NamedTuple):
    """What is asked of an act here; ``ordered``: its moment is known well enough to come after another."""

    event: str
    at: datetime
    method: str | None
    given_by: str
    ordered: bool


def came_back(session: Session, erased: Collection[int], told: Mapping[int, Iterable[Act]] | None = None) -> set[int]:
    """Which of these contacts consented themselves after the last word of their erasure.

    Asks the ledger, and ``told``: by contact what a batch brings and the ledger has not got yet. An act that was
    imported, that nobody could verify, or whose order to the erasure is unknown brings nobody back.
    """
    acts: dict[int, list[Act]] = defaultdict(list)
    for recorded in entries_of(session, sorted(erased)):
        entry = recorded.entry
        assert entry.contact_id is not None
        acts[entry.contact_id].append(Act(entry.event, entry.at, entry.method, entry.given_by, entry.order_known))
    for contact_id, more in (told or {}).items():
        acts[contact_id] += more
    return {contact_id for contact_id in erased if _consented_since(acts[contact_id])}


def _consented_since(acts: Collection[Act]) -> bool:
    erasures = [act for act in acts if act.event == "erased"]
    if not all(act.ordered for act in erasures):
        return False
    last = max((act.at for act in erasures), default=None)
    return last is not None and any(
        act.event in CONSENTS
        and act.ordered
        and act.method != "import"
        and act.given_by != "unverified"
        and act.at > last
        for act in acts
    )

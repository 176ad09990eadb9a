"""Asking the register again, at sending, about a screening that was certified (law.md: all is asked again at sending).

A certificate is a statement of one moment. What has happened since only the register knows: somebody on the list has
said no, or a partner that also sends has not taken in who did.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from consentmgr.campaigns.policy import current
from consentmgr.config import Settings
from consentmgr.db import open_database
from consentmgr.keys import Keys, load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.prohibitions.journal import catch_up
from consentmgr.screening.lists import read_list
from consentmgr.screening.models import Screening
from consentmgr.screening.partners import lagging_of
from consentmgr.screening.relied_partners import lag_sentence
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import Campaign


def against_register(
    settings: Settings, claims: Mapping[str, Any], *, allowed: Path | None, now: datetime
) -> list[str]:
    """What speaks against sending by a certificate whose signature holds: one sentence each, none where nothing does.

    ``allowed`` is the file of allowed rows, unchanged, where it is at hand: its rows are screened again. Raises
    ``NotRecovered`` where the register was restored and does not know yet who left.
    """
    keys = load_keys(settings)
    with open_database(settings) as database:
        catch_up(database, settings, keys, now)
        with database.reading() as session:
            found = [lag_sentence(partner) + "." for partner in lagging_of(session, claims, now)]
            if session.get(Screening, UUID(str(claims["id"]))) is None:
                found.append("This register knows no such screening.")
            stopped = _stopped(session, claims, allowed, keys, now) if allowed is not None else 0
    if stopped:
        found.append(f"{stopped} of the rows may not be contacted any more.")
    return found


def _stopped(session: Session, claims: Mapping[str, Any], allowed: Path, keys: Keys, now: datetime) -> int:
    """How many of the allowed rows the register blocks now. One that asks for a review may have been decided."""
    lst = read_list(allowed)
    if not len(lst):
        return 0
    answers = screen(
        session,
        lst.identifiers,
        msgspec.convert(claims["campaign"]["document"], Campaign),
        keys=AddressKeys(keys.address_key, keys.address_key_id),
        policy=current(session),
        now=now,
    )
    return sum(
        rows for outcome, rows in zip(answers.outcomes, answers.counts(), strict=True) if outcome.verdict == "block"
    )

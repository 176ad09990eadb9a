"""Bans on organisations that are called otherwise than when the ban was written.

A ban names its organisation by the one identity that it has, and no ban is rewritten. When a club gets its business id,
or digits that were read as a business id turn out to be another organisation's own name, the ban is added again under
that name: what was forbidden stays so, whatever came first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from psycopg.rows import dict_row
from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.prohibitions.service import add_targeted
from consentmgr.prohibitions.targets import Target
from consentmgr.register.business_ids import bare_business_id
from consentmgr.vocabulary.documents import Prohibition, ProhibitionTarget

_LISTS = ("channels", "purposes", "topics", "controllers")
_ON_NAMES = """
SELECT p.organisation, p.channels, p.purposes, p.topics, p.controllers, p.source, p.valid_from, p.valid_until,
  p.reference, p.evidence, coalesce(p.document #>> '{target,organisation}', p.organisation) AS written
FROM prohibition p WHERE p.lifted_at IS NULL AND p.organisation = ANY(%s) ORDER BY p.id
"""


def carry_over(
    session: Session,
    renamed: Mapping[str, str],
    told_bare: Mapping[str, str],
    *,
    keys: AddressKeys,
    actor: str,
    now: datetime,
) -> int:
    """How many bans in force or to come were added under another name.

    ``renamed``: identities by the ones that organisations had before. ``told_bare``: identities by the digits that an
    organisation was told by and that read as another's business id (``bare_business_id``); only bans written with those
    digits are carried over. One look-up for any number, none where there is nothing to ask.
    """
    readings = {bare_business_id(digits): identity for digits, identity in told_bare.items()}
    asked = [name for name in (*renamed, *readings) if name is not None]
    if not asked:
        return 0
    with driver_connection(session).cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_ON_NAMES, [asked]).fetchall()
    documents, targets = [], []
    for ban in found:
        held, written = ban.pop("organisation"), ban.pop("written")
        identity = renamed.get(held)
        if identity is None and bare_business_id(written) == held:
            identity = readings.get(held)
        if identity is not None and identity != held:
            target = ProhibitionTarget(organisation=written)
            documents.append(Prohibition(target=target, **(ban | {name: tuple(ban[name]) for name in _LISTS})))
            targets.append(Target("organisation", name=identity))
    return len(add_targeted(session, documents, targets, keys=keys, actor=actor, now=now).new)

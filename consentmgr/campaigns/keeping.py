"""Campaign documents as they are kept: the newest of each key, whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from consentmgr.campaigns.models import Campaign as StoredCampaign
from consentmgr.vocabulary.documents import Campaign


def kept_campaigns(session: Session, keys: Collection[str]) -> dict[str, Campaign]:
    """The campaigns of these keys that are kept."""
    rows = session.execute(
        select(StoredCampaign.key, StoredCampaign.document).where(StoredCampaign.key.in_(list(keys)))
    )
    return {key: msgspec.convert(document, Campaign) for key, document in rows}


def every_kept_campaign(session: Session) -> Iterator[Campaign]:
    """All of them, by key."""
    for document in session.scalars(select(StoredCampaign.document).order_by(StoredCampaign.key)):
        yield msgspec.convert(document, Campaign)


def keep_campaigns(session: Session, campaigns: Mapping[str, Campaign], *, now: datetime) -> None:
    """Keep these campaigns, by key, in place of what was kept under their keys."""
    if not campaigns:
        return
    rows: list[dict[str, Any]] = [
        {"key": key, "document": msgspec.to_builtins(campaign), "recorded_at": now}
        for key, campaign in campaigns.items()
    ]
    statement = insert(StoredCampaign).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={"document": statement.excluded.document, "recorded_at": statement.excluded.recorded_at},
        )
    )

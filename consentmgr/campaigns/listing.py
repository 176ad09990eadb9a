"""Campaigns as pages list them: newest first, of some controllers, found by words of their name or key."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from consentmgr.campaigns.models import Campaign


@dataclass(frozen=True, slots=True)
class ListedCampaign:
    """One row; ``controller`` is None where the document leaves it to the default one."""

    key: str
    name: str
    controller: str | None
    channel: str
    purpose: str
    audience: str
    planned_at: str | None
    recorded_at: datetime


def list_campaigns(
    session: Session,
    *,
    controllers: Collection[str] | None,
    default_controller: str | None,
    words: str = "",
    channel: str | None = None,
    purpose: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[ListedCampaign]:
    """Campaigns of these controllers (None: of all), newest kept first; ``before`` is the last row's time and key."""
    document = Campaign.document
    said: Any = func.coalesce(document["channel"].astext, "email")
    wanted = select(Campaign.key, document, Campaign.recorded_at).order_by(Campaign.recorded_at.desc(), Campaign.key)
    if controllers is not None:
        whose = func.coalesce(document["controller"].astext, default_controller or "")
        wanted = wanted.where(whose.in_(sorted(controllers)))
    if words:
        wanted = wanted.where(
            or_(
                Campaign.key.icontains(words, autoescape=True),
                document["name"].astext.icontains(words, autoescape=True),
            )
        )
    if channel is not None:
        wanted = wanted.where(said == channel)
    if purpose is not None:
        wanted = wanted.where(func.coalesce(document["purpose"].astext, "direct_marketing") == purpose)
    if before is not None:
        at, key = before
        wanted = wanted.where(
            or_(Campaign.recorded_at < at, tuple_(Campaign.recorded_at, Campaign.key) > tuple_(at, key))
        ).where(Campaign.recorded_at <= at)
    return [
        ListedCampaign(
            key,
            found.get("name") or key,
            found.get("controller"),
            found.get("channel", "email"),
            found.get("purpose", "direct_marketing"),
            found.get("audience", "consumer"),
            found.get("planned_at"),
            recorded_at,
        )
        for key, found, recorded_at in session.execute(wanted.limit(limit))
    ]

"""Campaigns and policy settings kept with who, when and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base


class Campaign(Base):
    """A campaign document as it was last imported; ``document`` is the contract's JSON."""

    __tablename__ = "campaign"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    recorded_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class PolicySetting(Base):
    """One decision on a policy switch or limit. The newest per name holds; a null value returns to the default."""

    __tablename__ = "policy_setting"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    value: Mapped[Any | None] = mapped_column(JSONB)
    set_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    set_by: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    __table_args__ = (Index("ix_policy_setting_name", "name", "id"),)

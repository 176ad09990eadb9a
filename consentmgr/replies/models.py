"""Which messages of which mailbox have been read, so that each is taken once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.db import Base


class ReadMessage(Base):
    """A message as the mailbox numbers it (RFC 9051 section 2.3.1.1), and what it was taken for."""

    __tablename__ = "read_message"
    mailbox: Mapped[str] = mapped_column(Text, primary_key=True)
    uid_validity: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    uid: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Text)
    read_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))

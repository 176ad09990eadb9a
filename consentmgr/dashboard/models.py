"""Counts kept beside the rows they count: a million contacts cannot be counted while somebody waits for a page.

All of them can be thrown away: the jobs of ``dashboard.jobs`` count anew from the rows.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.register.models import TIMESTAMPTZ
from consentmgr.tables import Base


class ActCount(Base):
    """Ledger entries of one event on one Finnish day, by the controller they name (empty where they name none).

    ``first_entry`` and ``last_entry`` bound the ids, so that the entries behind a count are found without an index on
    their time, which would cost every import.
    """

    __tablename__ = "act_count"
    day: Mapped[date] = mapped_column(primary_key=True)
    controller: Mapped[str] = mapped_column(Text, primary_key=True)
    event: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    first_entry: Mapped[int] = mapped_column(BigInteger)
    last_entry: Mapped[int] = mapped_column(BigInteger)


class CountedChain(Base):
    """How far each chain of the ledger has been counted: up to ``seq``, which moves with the counts or not at all."""

    __tablename__ = "counted_chain"
    chain: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)


class StateCount(Base):
    """How many there are of something now: contacts by standing, contact points that do not work, messages read.

    ``controller`` is empty for the register as a whole, where a contact of two controllers is counted once.
    """

    __tablename__ = "state_count"
    figure: Mapped[str] = mapped_column(Text, primary_key=True)
    controller: Mapped[str] = mapped_column(Text, primary_key=True)
    part: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)


class LinkCount(Base):
    """Views of links and acts by them, by campaign and day; of nobody in particular.

    ``kind`` is view or act; ``name`` the use of the link or what was done by it. ``campaign`` is ``none`` for links
    of no campaign.
    """

    __tablename__ = "link_count"
    day: Mapped[date] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)

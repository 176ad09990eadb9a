"""The ledger's tables and the standing folded from them.

``ledger_entry`` is appended and never changed (``append_only``: trigger, revoked grants, ORM guard). Sixteen
chains run side by side, chosen by contact, so that writers of different contacts do not wait for each other;
an entry's id is ``seq * 16 + chain``. ``hash`` covers the previous hash of the chain, every public column and the
``commitment`` to the personal part, which lies with its salt in ``ledger_evidence`` and is what erasure removes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.consents.heads import CHAINS
from consentmgr.register.models import EMPTY_ARRAY, TIMESTAMPTZ, text_array
from consentmgr.tables import Base


class LedgerEntry(Base):
    """One thing that happened. ``digest`` identifies the source event, so that the same document adds nothing."""

    __tablename__ = "ledger_entry"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    chain: Mapped[int] = mapped_column(SmallInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    event: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    recorded_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    actor: Mapped[str] = mapped_column(Text)
    controller: Mapped[str | None] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)
    given_by: Mapped[str] = mapped_column(Text, server_default=text("'self'"))
    order_known: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    channels: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    purposes: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    topics: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    audiences: Mapped[list[str]] = mapped_column(text_array(), server_default=EMPTY_ARRAY)
    notice: Mapped[str | None] = mapped_column(Text)
    prohibition: Mapped[str | None] = mapped_column(Text)
    double_opt_in: Mapped[str | None] = mapped_column(Text)
    pre_ticked: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    condition_of_service: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    freely_joined: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    express_request: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    has_proof: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    digest: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), unique=True)
    commitment: Mapped[bytes | None] = mapped_column(LargeBinary)
    prev_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        # With the primary key this makes an entry's place in its chain unique, and costs an import no second index.
        CheckConstraint(f"id = seq * {CHAINS} + chain and chain between 0 and {CHAINS - 1} and seq > 0", name="place"),
        Index("ix_ledger_entry_contact", "contact_id", postgresql_where=text("contact_id is not null")),
        # Who waits to be erased (``waiting``) is told on the overview; such wishes are few among all entries.
        Index("ix_ledger_entry_erasure_requested", "contact_id", postgresql_where=text("event = 'erasure_requested'")),
    )


class LedgerEvidence(Base):
    """The personal part of an entry and the salt of its commitment. Erasure deletes the row, nothing changes it.

    ``data`` is ``json``, not ``jsonb``, because the commitment is over its text to the byte. There is no foreign key:
    entries are never deleted, both are written by one function in one transaction, and ``ledger verify`` looks for
    evidence without an entry; the check would cost an import a tenth of its time.
    """

    __tablename__ = "ledger_evidence"
    entry_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class LedgerHead(Base):
    """The last entry of each chain; locked by whoever appends."""

    __tablename__ = "ledger_head"
    chain: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class Standing(Base):
    """The newest act per contact, controller, channel, purpose and topic: the fold of the ledger (``standing``).

    ``matter`` is permission, restriction or erasure: a lifted restriction must not hide an objection of the same
    scope. ``*`` in a scope column means the act named none, and so speaks of all.
    """

    __tablename__ = "standing"
    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    matter: Mapped[str] = mapped_column(Text, primary_key=True)
    controller: Mapped[str] = mapped_column(Text, primary_key=True)
    channel: Mapped[str] = mapped_column(Text, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text, primary_key=True)
    topic: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    entry_id: Mapped[int] = mapped_column(BigInteger)


class NoticeCount(Base):
    """How many consents were ever given under a version of a notice, and by how many contacts, when last counted.

    Counted beside the ledger (``superseding.count_given``), because no page can wait for all of it to be read.
    """

    __tablename__ = "notice_count"
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    consents: Mapped[int] = mapped_column(BigInteger)
    people: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)

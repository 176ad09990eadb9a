"""Files that staff bring to the desk to be imported."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.register.models import TIMESTAMPTZ
from consentmgr.tables import Base


class ImportUpload(Base):
    """One file from its upload to what came of it. The file is in the file store under ``id``; no row of it is here.

    ``controllers`` null: it may speak of all; else of these alone. ``kind`` and ``options`` are what its owner said the
    rows are (``uploads``). ``mends`` is the upload whose rejected lines this one brings back. The tasks look at it, count
    what would change, and take it in; ``rejected`` is how many lines were not taken.
    """

    __tablename__ = "import_upload"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    actor: Mapped[str] = mapped_column(Text)
    controllers: Mapped[list[str] | None] = mapped_column(JSONB)
    file_name: Mapped[str] = mapped_column(Text)
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    kind: Mapped[str | None] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    mends: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    look_task: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    preview_task: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    apply_task: Mapped[UUID | None] = mapped_column(PgUUID(as_uuid=True))
    rejected: Mapped[int | None] = mapped_column(BigInteger)
    applied_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    forgotten_at: Mapped[datetime | None] = mapped_column(TIMESTAMPTZ)
    __table_args__ = (Index("ix_import_upload_created", "created_at", "id"),)

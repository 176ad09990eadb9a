"""The parent of every table's class, and the table that says which address key the register was built with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import MetaData, SmallInteger, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry


class Base(DeclarativeBase):
    """The parent of every table's class. Constraints are named by rule, so that migrations can speak of them."""

    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={str: Text, datetime: TIMESTAMP(timezone=True)},
    )


class AddressKeyInUse(Base):
    """The id of the address key this register's digests were made with: one row, written by ``consentmgr init``.

    With another key no digest would match, and every ban would be missed without a sound.
    """

    __tablename__ = "address_key_in_use"
    key_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    since: Mapped[datetime]

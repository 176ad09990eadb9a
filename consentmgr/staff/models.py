"""Accounts of staff, what they were granted, how they sign in, what waits for a second person; keys of the API.

Everything that opens a door is stored as a digest: the ids of sessions, the tokens of invitations and of API keys,
the recovery codes. The secret of one-time codes is encrypted by ``staff.second_factor``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.orm import Mapped, mapped_column

from consentmgr.tables import Base

_ACCOUNT = "staff_account.id"


class Account(Base):
    """A member of staff. Its actor in audit log and ledger is ``staff:<id>``, which is no personal data.

    ``password`` is an Argon2id hash, None until the invitation is taken. ``fs_uniquifier`` (the word of
    Flask-Security) is drawn anew whenever password, roles or status change: a session that remembers the old one is
    over, also where its row was missed. ``fs_webauthn_user_handle`` is what passkeys know the account by.
    """

    __tablename__ = "staff_account"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    #: In small letters, without spaces around it.
    email: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    #: None: that of the browser.
    language: Mapped[str | None] = mapped_column(Text)
    password: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    fs_uniquifier: Mapped[str] = mapped_column(Text, unique=True)
    fs_webauthn_user_handle: Mapped[str] = mapped_column(Text, unique=True)
    #: The encrypted secret of one-time codes (RFC 6238), None until it is set up.
    tf_totp_secret: Mapped[str | None] = mapped_column(Text)
    #: The time step of the last code that was taken; a code of it or an earlier one is not taken again.
    totp_counter: Mapped[int | None] = mapped_column(BigInteger)
    #: Keyed digests of the codes that stand in for a lost device, each good once.
    recovery_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: Who the account is at the identity provider: its issuer and the subject it was first linked to.
    oidc_issuer: Mapped[str | None] = mapped_column(Text)
    oidc_subject: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    #: When the invitation was taken, which shows that the address is the person's own.
    confirmed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    signed_in_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (
        CheckConstraint("email = lower(btrim(email))", name="email_canonical"),
        Index(
            "uq_staff_account_oidc",
            "oidc_issuer",
            "oidc_subject",
            unique=True,
            postgresql_where=text("oidc_subject IS NOT NULL"),
        ),
    )


class Grant(Base):
    """A role (``staff.roles``) of an account, for the controllers of these keys, or for all where it is None."""

    __tablename__ = "staff_grant"
    account_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    controllers: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    granted_by: Mapped[str] = mapped_column(Text)
    granted_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class StaffSession(Base):
    """A browser that has shown a password or more. ``id`` is the SHA-256 of the random value in its cookie.

    ``stage`` is ``started`` until the second factor was shown, then ``open``. ``data`` holds what Flask calls the
    session. ``fs_uniquifier`` is the account's at the time.
    """

    __tablename__ = "staff_session"
    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    #: What pages and commands call it by; it opens nothing.
    number: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    fs_uniquifier: Mapped[str] = mapped_column(Text)
    stage: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    #: When password, passkey or code were last shown; changing what signs in asks for it anew.
    proved_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    #: How: ``password+totp``, ``password+recovery``, ``passkey``, ``oidc+totp``.
    method: Mapped[str] = mapped_column(Text)
    #: The kind of browser, such as ``Firefox, Linux``, so that the person knows it again. No version, no address.
    browser: Mapped[str] = mapped_column(Text, server_default=text("''"))
    __table_args__ = (
        CheckConstraint("stage IN ('started', 'open')", name="stage"),
        Index("ix_staff_session_account_id", "account_id"),
        Index("ix_staff_session_seen_at", "seen_at"),
    )


class Invitation(Base):
    """A one-time address: to take an account over, or to set up what was lost. ``token`` is its SHA-256."""

    __tablename__ = "staff_invitation"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    #: None until it is taken, where it is for the first administrator.
    account_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    token: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (Index("ix_staff_invitation_account_id", "account_id"),)


class Passkey(Base):
    """A WebAuthn credential of an account (W3C Web Authentication, level 2)."""

    __tablename__ = "staff_passkey"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    #: Of the authenticator; where it goes backwards, the key was copied. Many always say 0.
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: What its owner calls it.
    name: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (Index("ix_staff_passkey_account_id", "account_id"),)


class Approval(Base):
    """Something that needs two people: asked by one, decided once, by another. ``detail`` holds no personal data."""

    __tablename__ = "staff_approval"
    id: Mapped[UUID] = mapped_column(PgUUID(as_uuid=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
    #: The controllers it touches, or None for all.
    controllers: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    reason: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    accepted: Mapped[bool | None] = mapped_column(Boolean)
    note: Mapped[str | None] = mapped_column(Text)
    #: What doing it told, counts and ids.
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    __table_args__ = (
        CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (accepted IS NULL)", name="decided"
        ),
        CheckConstraint("decided_by <> asked_by", name="two_people"),
        Index("ix_staff_approval_open", "asked_at", postgresql_where=text("decided_at IS NULL")),
    )


class ApiKey(Base):
    """What another system calls the API with. Its actor in audit log and ledger is ``key:<id>``.

    ``scopes`` are those of ``staff.scopes``; ``controllers`` the keys of those it may act for, None for all.
    """

    __tablename__ = "api_key"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    #: The system that uses it.
    name: Mapped[str] = mapped_column(Text)
    #: Who answers for it, a person or a team: told when it is about to end.
    owner: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    controllers: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    revoked_by: Mapped[str | None] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),)


class ApiKeySecret(Base):
    """A secret of a key, as the SHA-256 of the whole token: two may be good at a time, while systems change over."""

    __tablename__ = "api_key_secret"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("api_key.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    #: When it ends because another took its place; None: with the key.
    ends_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    __table_args__ = (Index("ix_api_key_secret_key_id", "key_id"),)


class ApiKeyUse(Base):
    """When a secret was last used, to the minute: a row of its own, since reading through the API writes nothing else."""

    __tablename__ = "api_key_use"
    secret_id: Mapped[int] = mapped_column(
        ForeignKey("api_key_secret.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    used_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))

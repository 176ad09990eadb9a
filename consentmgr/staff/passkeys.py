"""Passkeys (W3C Web Authentication, level 2): made for an account, and signed in with.

A passkey asks its owner for a finger, a face or a PIN (user verification), so that it is two factors in one. The
party it is made for is the host of ``CONSENTMGR_PUBLIC_URL``, and answers from any other origin are refused; what a
request calls its host is not looked at. Without https, or where the host is a number, browsers make none.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from consentmgr.audit import service as audit
from consentmgr.config import Settings
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff import accounts
from consentmgr.staff.models import Account, Passkey

#: Milliseconds a browser gives its owner; a challenge is good for a little longer.
TIMEOUT: Final = 120_000
CHALLENGE_SECONDS: Final = 180
MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Party:
    """Whom passkeys are made for: the host's name, and the origin answers must come from."""

    id: str
    origin: str


def party(settings: Settings) -> Party | None:
    """The party of this installation, or None where browsers make no passkeys for its address."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return Party(host, f"{parts.scheme}://{parts.netloc}")
    return None


def new_challenge() -> str:
    """A value for one answer, to be kept by the session that asks."""
    return secrets.token_urlsafe(32)


def options_to_make(session: Session, account: Account, party: Party, challenge: str) -> dict[str, Any]:
    """What a browser needs to make a passkey for this account (``PublicKeyCredentialCreationOptionsJSON``)."""
    have = session.scalars(select(Passkey.credential_id).where(Passkey.account_id == account.id))
    options = generate_registration_options(
        rp_id=party.id,
        rp_name="consentmgr",
        user_id=bytes.fromhex(account.fs_webauthn_user_handle),
        user_name=account.email,
        user_display_name=account.name,
        challenge=_bytes(challenge),
        timeout=TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in have],
    )
    made: dict[str, Any] = json.loads(options_to_json(options))
    return made


def options_to_sign_in(party: Party, challenge: str) -> dict[str, Any]:
    """What a browser needs to sign in. It names no account, so that nothing is told about any."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=_bytes(challenge),
        timeout=TIMEOUT,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    made: dict[str, Any] = json.loads(options_to_json(options))
    return made


def make(
    session: Session,
    account: Account,
    *,
    answer: dict[str, Any],
    challenge: str,
    party: Party,
    name: str,
    actor: str,
    now: datetime,
) -> Passkey:
    """Keep a passkey a browser made. Raises ``BadInput`` where the answer is not of this challenge and party."""
    count = len(session.scalars(select(Passkey.id).where(Passkey.account_id == account.id)).all())
    if count >= MOST:
        raise BadInput("there are as many passkeys as an account may have; remove one first")
    try:
        checked = verify_registration_response(
            credential=answer,
            expected_challenge=_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise BadInput("the passkey was not made as it must be") from None
    if session.scalar(select(Passkey.id).where(Passkey.credential_id == checked.credential_id)) is not None:
        raise BadInput("this passkey is known already")
    transports = answer.get("response", {}).get("transports", [])
    passkey = Passkey(
        account_id=account.id,
        credential_id=checked.credential_id,
        public_key=checked.credential_public_key,
        sign_count=checked.sign_count,
        transports=[one for one in transports if isinstance(one, str)][:8],
        name=" ".join(name.split())[:100] or "–",
        made_at=now,
    )
    session.add(passkey)
    session.flush()
    audit.record(
        session, at=now, actor=actor, action="account.add_passkey", object=accounts.object_of(account.id),
        detail={"passkey": passkey.id},
    )  # fmt: skip
    return passkey


def sign_in(session: Session, *, answer: dict[str, Any], challenge: str, party: Party, now: datetime) -> Account | None:
    """The account whose passkey answered, or None. The answer's signature is what is believed, not what it says."""
    credential = answer.get("rawId") or answer.get("id")
    if not isinstance(credential, str) or len(credential) > 2_000:
        return None
    try:
        credential_id = _bytes(credential)
    except ValueError:
        return None
    passkey = session.scalar(select(Passkey).where(Passkey.credential_id == credential_id).with_for_update())
    if passkey is None:
        return None
    try:
        checked = verify_authentication_response(
            credential=answer,
            expected_challenge=_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            # It counts upwards, or always says 0; where it goes backwards, the key was copied.
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    account = session.get(Account, passkey.account_id)
    if account is None or not account.active:
        return None
    handle = answer.get("response", {}).get("userHandle")
    if handle and handle != text_of(bytes.fromhex(account.fs_webauthn_user_handle)):
        return None
    passkey.sign_count = checked.new_sign_count
    passkey.used_at = now
    return account


def of_account(session: Session, account_id: int) -> list[Passkey]:
    """The passkeys of an account, oldest first."""
    return list(session.scalars(select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.id)))


def remove(session: Session, account_id: int, passkey_id: int, *, actor: str, now: datetime) -> None:
    """Take a passkey of this account away. Raises ``NotFound``."""
    passkey = session.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.account_id == account_id))
    if passkey is None:
        raise NotFound("there is no such passkey")
    session.delete(passkey)
    session.flush()
    audit.record(
        session, at=now, actor=actor, action="account.remove_passkey", object=accounts.object_of(account_id),
        detail={"passkey": passkey_id},
    )  # fmt: skip


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text_of(value: bytes) -> str:
    """Bytes as WebAuthn writes them: base64url without padding."""
    return urlsafe_b64encode(value).decode().rstrip("=")

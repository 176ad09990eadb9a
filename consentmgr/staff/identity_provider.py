"""Signing in through an identity provider (OpenID Connect Core 1.0, authorization code flow with PKCE).

Authlib makes the requests, httpx sends them, and the identity token is checked with ``joserfc`` against the keys the
provider publishes. An account must exist beforehand: the first time it is found by an address the provider says it
has verified, and from then on by issuer and subject alone, so that somebody who gets the address later is not let in.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit import service as audit
from consentmgr.config import Settings, is_this_machine
from consentmgr.edge.logs import log, where
from consentmgr.kit.errors import Unavailable
from consentmgr.staff import accounts
from consentmgr.staff.models import Account

if TYPE_CHECKING:
    import httpx

BACK: Final = "/desk/sign-in/provider/back"
_SCOPE: Final = "openid email"
#: Signatures that need the provider's private key; ``none`` and shared secrets are not among them.
_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_SECONDS: Final = 10
#: How far the provider's clock may be off.
_LEEWAY: Final = 60


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what to keep for when it comes back."""

    address: str
    kept: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is. ``email`` is None unless the provider says it was verified."""

    issuer: str
    subject: str = field(repr=False)
    email: str | None = field(repr=False)


def is_configured(settings: Settings) -> bool:
    """Whether there is a provider at all."""
    return settings.oidc_issuer is not None


def begin(settings: Settings) -> Begun:
    """The address of the provider's page. Raises ``Unavailable`` where the provider does not answer."""
    described = _described(settings)
    client = _client(settings, None)
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    address, state = client.create_authorization_url(
        described["authorization_endpoint"], nonce=nonce, code_verifier=verifier
    )
    return Begun(address, {"state": state, "nonce": nonce, "verifier": verifier})


def identity_of(settings: Settings, kept: Mapping[str, Any], code: str | None, now: datetime) -> Identity | None:
    """Who came back, with the code the provider gave; None where the provider said no, or its token does not hold."""
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    if not code or issuer is None or client_id is None:
        return None
    from authlib.common.errors import AuthlibBaseError
    from httpx import Client, HTTPError
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    described = _described(settings)
    try:
        # Proxies of the environment are for others, and a redirect would send the code elsewhere.
        with Client(timeout=_SECONDS, trust_env=False, follow_redirects=False) as sending:
            token = _client(settings, _Sending(sending)).fetch_token(
                described["token_endpoint"], code=code, code_verifier=str(kept["verifier"])
            )
            published = sending.get(described["jwks_uri"]).raise_for_status().json()
        decoded = jwt.decode(str(token["id_token"]), KeySet.import_key_set(published), algorithms=_ALGORITHMS)
        jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": kept["nonce"]},
        ).validate(decoded.claims)
    except (AuthlibBaseError, HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
        log().warning("identity_provider_refused", **where(error))
        return None
    claims = decoded.claims
    audience = claims["aud"]
    if claims.get("azp", client_id) != client_id:
        return None
    if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
        return None
    email = claims.get("email") if claims.get("email_verified") is True else None
    return Identity(str(claims["iss"]), str(claims["sub"]), str(email) if email else None)


def account_of(session: Session, identity: Identity, *, now: datetime) -> Account | None:
    """The account of an identity; the first time it is found by its verified address, and linked for ever."""
    linked = session.scalar(
        select(Account).where(Account.oidc_issuer == identity.issuer, Account.oidc_subject == identity.subject)
    )
    if linked is not None:
        return linked if linked.active else None
    found = accounts.find(session, identity.email, for_update=True) if identity.email else None
    if found is None or not found.active or found.oidc_subject is not None:
        return None
    found.oidc_issuer = identity.issuer
    found.oidc_subject = identity.subject
    found.confirmed_at = found.confirmed_at or now
    session.flush()
    actor = accounts.actor_of(found.id)
    audit.record(session, at=now, actor=actor, action="account.link_provider", object=accounts.object_of(found.id))
    return found


class _Sending:
    """What Authlib takes for a session: its requests, sent by httpx."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> httpx.Response:
        url, prepared, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return self._client.post(url, content=body, headers=prepared)


def _client(settings: Settings, sending: _Sending | None) -> Any:
    from authlib.oauth2.client import OAuth2Client

    return OAuth2Client(
        sending,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        scope=_SCOPE,
        # From the public address and from nothing a request says.
        redirect_uri=f"{settings.public_url}{BACK}",
        code_challenge_method="S256",
    )


def _described(settings: Settings) -> Mapping[str, str]:
    """What the provider says of itself (OpenID Connect Discovery 1.0), asked once a process."""
    assert settings.oidc_issuer is not None
    return _discovered(settings.oidc_issuer)


@lru_cache(maxsize=4)
def _discovered(issuer: str) -> Mapping[str, str]:
    import httpx

    try:
        asked = httpx.get(
            f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=_SECONDS, trust_env=False
        ).raise_for_status()
        told = asked.json()
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if told.get("issuer") != issuer or not all(_is_safe(str(told[name])) for name in names):
            raise Unavailable("the identity provider describes itself as another one, or without https")
        return {name: str(told[name]) for name in names}
    except (httpx.HTTPError, ValueError, KeyError, AttributeError):
        raise Unavailable("the identity provider does not answer as it must") from None


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname or ""))

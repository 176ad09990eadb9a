"""Access tokens of an outside provider at the API: OAuth 2.0 client credentials (RFC 6749, section 4.4), as JWT (RFC 9068).

The provider's keys are fetched from the address it publishes and kept for a while; the signature must be made with a
private key of the provider, by one of three families of algorithms, each with keys of its own kind, so that no public
key passes for a shared secret and no token says how it is to be checked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from consentmgr.config import Settings, is_this_machine
from consentmgr.edge.logs import log, where
from consentmgr.kit.errors import Unavailable

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry

#: By the kind of key that makes them; nothing else is taken, whatever a token's head asks for.
ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256",),
    "EC": ("ES256",),
    "OKP": ("EdDSA", "Ed25519"),
}
_ALLOWED: Final = [name for names in ALGORITHMS.values() for name in names]
#: What the head may say the token is; an identity token or a logout token of the same provider says otherwise, or has
#: another audience.
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt", ""})
#: Seconds for which keys are kept, and at least between two looks for one that is not among them.
_KEEP: Final = 3_600
_LOOK_AGAIN: Final = 60
_SECONDS: Final = 5
_LARGEST: Final = 1_000_000
#: How far the provider's clock may be off.
_LEEWAY: Final = 60
_CLIENT: Final = re.compile(r"[\x21-\x7e]{1,200}")
#: In the claim of controllers: all.
ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class Opened:
    """What an access token opens, until then. ``controllers`` is None for all."""

    client: str
    scopes: frozenset[str]
    controllers: frozenset[str] | None
    until: datetime


@dataclass(slots=True)
class ProviderKeys:
    """The keys a provider publishes, as this process last saw them."""

    settings: Settings
    _keys: KeySet | None = field(default=None, repr=False)
    _fetched: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def opened_by(self, token: str, now: datetime) -> Opened | None:
        """What a token opens now; None where it does not hold. Raises ``Unavailable`` where the provider's keys were
        never to be had.
        """
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            keys = self._keys_for(token)
            if keys is None:
                return None
            decoded = jwt.decode(token, keys, registry=_registry())
            jwt.JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=_LEEWAY,
                iss={"essential": True, "value": str(self.settings.api_oidc_issuer)},
                aud={"essential": True, "value": str(self.settings.api_oidc_audience)},
                exp={"essential": True},
            ).validate(decoded.claims)
            if str(decoded.header.get("typ") or "").lower() not in _TYPES:
                return None
            return self._opened(decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError, OverflowError) as error:
            log().info("api_token_refused", **where(error))
            return None

    def _opened(self, claims: Mapping[str, Any]) -> Opened | None:
        client = claims.get("client_id") or claims.get("azp") or claims.get("sub")
        if not isinstance(client, str) or not _CLIENT.fullmatch(client):
            return None
        scope = claims.get("scope", "")
        return Opened(
            client=client,
            scopes=frozenset(scope.split() if isinstance(scope, str) else [str(one) for one in scope]),
            controllers=_controllers(claims.get(self.settings.api_oidc_controllers)),
            until=datetime.fromtimestamp(float(claims["exp"]) + _LEEWAY, UTC),
        )

    def _keys_for(self, token: str) -> KeySet | None:
        """The keys to check a token with: looked for again where they are old, or where none has the token's name."""
        from joserfc.jws import extract_compact

        header = extract_compact(token.encode("ascii")).headers()
        if header.get("alg") not in _ALLOWED:
            return None
        kid = header.get("kid")
        with self._lock:
            age = time.monotonic() - self._fetched
            known = self._keys is not None and (kid is None or any(key.kid == kid for key in self._keys.keys))
            if self._keys is None or age > _KEEP or (not known and age > _LOOK_AGAIN):
                self._fetch(must=self._keys is None)
            return self._keys

    def _fetch(self, *, must: bool) -> None:
        """Look for the keys. Where that fails, those that are known go on; without any it raises ``Unavailable``."""
        import httpx
        from joserfc.errors import JoseError

        self._fetched = time.monotonic()
        try:
            self._keys = _published(str(self.settings.api_oidc_issuer))
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            log().warning("api_provider_away", **where(error))
            if must:
                self._fetched = 0.0
                raise Unavailable("the provider of access tokens does not answer") from None


@cache
def _registry() -> JWSRegistry:
    """The algorithms that are taken. ``EdDSA`` among them is the older name of what is Ed25519 alone here, since no other
    key of its kind is kept (``_is_usable``); providers go on writing it, and joserfc would warn of it each time.
    """
    from joserfc.jwa import EdDSAAlgorithm
    from joserfc.jws import JWSRegistry

    class OlderName(EdDSAAlgorithm):
        security_warning = ""

    # What else stands in a head is passed over, as RFC 7515 asks, save what it calls critical.
    registry = JWSRegistry(algorithms=_ALLOWED, strict_check_header=False)
    registry.algorithms = {**JWSRegistry.algorithms, "EdDSA": OlderName()}
    return registry


def _published(issuer: str) -> KeySet:
    import httpx
    from joserfc.jwk import KeySet

    # Proxies of the environment are for others, and a redirect would lead elsewhere than the settings say.
    with httpx.Client(timeout=_SECONDS, trust_env=False, follow_redirects=False) as sending:
        described = _json(sending, issuer.rstrip("/") + "/.well-known/openid-configuration")
        if described.get("issuer") != issuer:
            raise ValueError("the provider calls itself otherwise")
        place = urlsplit(str(described["jwks_uri"]))
        if place.scheme != "https" and not (place.scheme == "http" and is_this_machine(place.hostname or "")):
            raise ValueError("the keys are at an address that is not https")
        published = _json(sending, place.geturl())
    usable = [key for key in published["keys"] if _is_usable(key)]
    if not usable:
        raise ValueError("no key that could have signed")
    return KeySet.import_key_set({"keys": usable})


def _json(sending: Any, address: str) -> dict[str, Any]:
    import json

    with sending.stream("GET", address) as answer:
        answer.raise_for_status()
        body = b""
        for part in answer.iter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise ValueError("the answer is too large")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise TypeError("the answer is no object")
    return found


def _is_usable(key: Any) -> bool:
    """Whether a published key may check signatures: public, of a kind that is taken, not meant for encryption."""
    if not isinstance(key, dict) or key.get("kty") not in ALGORITHMS or "d" in key:
        return False
    if key.get("kty") == "OKP" and key.get("crv") != "Ed25519":
        return False
    return key.get("use") in (None, "sig") and key.get("alg") in (None, *ALGORITHMS[key["kty"]])


def _controllers(claim: Any) -> frozenset[str] | None:
    """What the claim says: a list of keys, or text with spaces between; ``*`` for all. Nothing said is for none."""
    keys = claim.split() if isinstance(claim, str) else [str(one) for one in claim] if isinstance(claim, list) else []
    return None if ALL in keys else frozenset(keys)

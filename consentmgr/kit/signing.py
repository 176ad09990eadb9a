"""Signatures: compact JWS with Ed25519, so that anyone can check one with the public key alone.

The algorithm is written ``Ed25519`` (RFC 9864, which retires the vaguer ``EdDSA``) and the key is named by its
RFC 7638 thumbprint. Source: RFC 7515 (JWS), RFC 8037 (keys), RFC 9864.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from consentmgr.kit.errors import CheckFailed

ALGORITHM: Final = "Ed25519"

SigningKey = OKPKey


def new_signing_key() -> SigningKey:
    """A fresh private key."""
    return OKPKey.generate_key(ALGORITHM, private=True)


def import_signing_key(jwk: Mapping[str, Any]) -> SigningKey:
    """A private key from its JWK. Raises ``ValueError`` where it is not a private Ed25519 key."""
    if jwk.get("kty") != "OKP" or jwk.get("crv") != ALGORITHM or not jwk.get("d"):
        raise ValueError("not a private Ed25519 key in JWK form")
    try:
        return OKPKey.import_key({name: str(value) for name, value in jwk.items() if name in ("kty", "crv", "x", "d")})
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("not a private Ed25519 key in JWK form") from error


def private_jwk(key: SigningKey) -> dict[str, str]:
    """The key with its secret part, for the key file alone."""
    return {name: str(value) for name, value in key.as_dict(private=True).items() if name in ("kty", "crv", "x", "d")}


def public_jwk(key: SigningKey) -> dict[str, str]:
    """The public half, named: ``{"kty", "crv", "x", "kid", "alg", "use"}``. Safe to hand to anyone."""
    public = {name: str(value) for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x")}
    return {**public, "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}


def sign_jws(payload: Mapping[str, Any], key: SigningKey) -> str:
    """Sign a JSON object; equal objects and keys give equal text (sorted names, no spaces, UTF-8)."""
    body = json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    header = {"alg": ALGORITHM, "kid": key.thumbprint()}
    return jws.serialize_compact(header, body.encode(), key, algorithms=[ALGORITHM])


def verify_jws(token: str, public: Mapping[str, Any]) -> dict[str, Any]:
    """The signed object, where ``public`` (a JWK) made the signature. Raises ``CheckFailed`` otherwise.

    Only Ed25519 is accepted, whatever the token's header asks for.
    """
    try:
        key = OKPKey.import_key({name: str(public[name]) for name in ("kty", "crv", "x")})
    except (JoseError, KeyError, ValueError, TypeError) as error:
        raise CheckFailed("The public key is not an Ed25519 key in JWK form.") from error
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
        if signed.headers().get("kid") not in (None, key.thumbprint()):
            raise CheckFailed("The signature was made with another key than the one given.")
        payload = json.loads(signed.payload)
    except (JoseError, ValueError) as error:
        raise CheckFailed("The signature does not hold: the text or the signature was changed.") from error
    if not isinstance(payload, dict):
        raise CheckFailed("The signed text is not a JSON object.")
    return payload

"""Access tokens of an outside provider: what is signed by its keys opens what its scopes say, and nothing else does."""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from consentmgr.config import Settings, load_settings
from consentmgr.db import Database
from consentmgr.kit.errors import UnsafeSetting
from consentmgr.staff import api_tokens
from tests.application import NOTES, application

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

AUDIENCE = "https://consent.acme.example/api"


class Provider:
    """Publishes keys on loopback and signs tokens with them; ``asked`` counts how often the keys were fetched."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {
            "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
            "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
            "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
        }
        self.asked = 0
        self.told: dict[str, Any] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        told = {"iss": self.issuer, "aud": AUDIENCE, "iat": now, "exp": now + 300, "client_id": "pipeline",
                "scope": "check catalogue:read openid", "controllers": ["acme"], **more}  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    def token(self, algorithm: str = "ES256", *, head: dict[str, Any] | None = None, **claims: Any) -> str:
        key = self.keys[algorithm]
        header = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt", **(head or {})}
        return str(jwt.encode(header, self.claims(**claims), key, registry=api_tokens._registry()))


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/.well-known/openid-configuration":
                told = {"issuer": provider.issuer, "jwks_uri": f"{provider.issuer}/keys", **provider.told}
            else:
                provider.asked += 1
                told = {"keys": [key.as_dict(private=False) for key in provider.keys.values()]}
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    running = Provider()
    yield running
    running.close()


@pytest.fixture
def app(settings: Settings, database: Database, provider: Provider) -> Iterator[Flask]:
    provider.asked, provider.told = 0, {}
    told = replace(settings, api_oidc_issuer=provider.issuer, api_oidc_audience=AUDIENCE)
    with application(told, database, NOTES) as made:
        yield made


@pytest.fixture
def ask(app: Flask) -> Callable[..., TestResponse]:
    """Ask who is asking, with a token."""

    def asking(token: str, path: str = "/api/v1/notes/me") -> TestResponse:
        return app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})

    return asking


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_of_the_provider_opens_what_its_scopes_and_controllers_say(
    ask: Callable[..., TestResponse], provider: Provider, algorithm: str
) -> None:
    answer = ask(provider.token(algorithm))
    assert answer.status_code == 200, answer.text
    assert answer.json == {
        "name": "client:pipeline",
        "scopes": ["catalogue:read", "check"],
        "controllers": ["acme"],
    }
    assert "RateLimit" in answer.headers


def test_what_is_no_scope_of_ours_opens_nothing(ask: Callable[..., TestResponse], provider: Provider) -> None:
    answer = ask(provider.token(scope="admin contacts CHECK check: *"))
    assert answer.status_code == 403
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("claim", "controllers"),
    [(["acme", "umbrella"], ["acme", "umbrella"]), ("acme umbrella", ["acme", "umbrella"]), ("*", None), (["*"], None),
     (None, []), ([], []), (7, []), ({"acme": True}, [])],
)  # fmt: skip
def test_controllers_are_those_of_the_claim_and_none_without_one(
    ask: Callable[..., TestResponse], provider: Provider, claim: Any, controllers: list[str] | None
) -> None:
    assert ask(provider.token(controllers=claim)).json["controllers"] == controllers


def refused(answer: TestResponse) -> bool:
    return answer.status_code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://other.example"}, {"iss": None}, {"aud": "desk"}, {"aud": None}, {"aud": ["desk", "x"]},
     {"exp": 1}, {"exp": None}, {"exp": "soon"}, {"nbf": 4_102_444_800}, {"client_id": None},
     {"client_id": "a\nb"}, {"client_id": 7}, {"client_id": "x" * 201}],
)  # fmt: skip
def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(
    ask: Callable[..., TestResponse], provider: Provider, claims: dict[str, Any]
) -> None:
    assert refused(ask(provider.token(**claims)))


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt"])
def test_another_kind_of_token_of_the_same_provider_is_refused(
    ask: Callable[..., TestResponse], provider: Provider, kind: str
) -> None:
    assert refused(ask(provider.token(head={"typ": kind})))


def test_a_public_key_is_no_shared_secret(ask: Callable[..., TestResponse], provider: Provider) -> None:
    """The old trick: the token says HS256, and its secret is the provider's public key, which everybody knows."""
    for name, kid in (("RS256", "rsa"), ("ES256", "ec"), ("EdDSA", "okp")):
        key = provider.keys[name]
        secrets = [json.dumps(key.as_dict(private=False)).encode()]
        if name != "EdDSA":
            secrets += [key.as_pem(private=False), key.as_der(private=False)]
        for secret in secrets:
            for algorithm, digest in (("HS256", "sha256"), ("HS512", "sha512")):
                # Put together by hand, since no library of today would do it.
                signed = f"{part({'alg': algorithm, 'kid': kid, 'typ': 'at+jwt'})}.{part(provider.claims())}"
                assert refused(ask(f"{signed}.{_text(hmac.digest(secret, signed.encode(), digest))}"))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(told: dict[str, Any]) -> str:
    return _text(json.dumps(told).encode())


def test_no_signature_a_strangers_and_another_algorithm_are_refused(
    ask: Callable[..., TestResponse], provider: Provider
) -> None:
    for algorithm in ("none", "None", "nOnE"):
        assert refused(ask(f"{part({'alg': algorithm, 'kid': 'ec'})}.{part(provider.claims())}."))
    stranger = ECKey.generate_key("P-256", {"kid": "ec"})
    head = {"alg": "ES256", "kid": "ec", "typ": "at+jwt"}
    assert refused(ask(jwt.encode(head, provider.claims(), stranger, algorithms=["ES256"])))
    rsa = provider.keys["RS256"]
    for algorithm in ("RS512", "PS256"):
        token = jwt.encode({**head, "alg": algorithm, "kid": "rsa"}, provider.claims(), rsa, algorithms=[algorithm])
        assert refused(ask(token))
    brought = {**head, "jwk": stranger.as_dict(private=False), "kid": "brought"}
    token = jws.serialize_compact(brought, json.dumps(provider.claims()).encode(), stranger, algorithms=["ES256"])
    assert refused(ask(token))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.e30", "..", "é.é.é", "x" * 9_000])
def test_what_is_no_token_is_refused(ask: Callable[..., TestResponse], token: str) -> None:
    assert ask(token).status_code == 401


def test_keys_are_fetched_once_and_anew_for_a_key_that_is_new(
    ask: Callable[..., TestResponse], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        assert ask(provider.token()).status_code == 200
    assert provider.asked == 1
    fresh = ECKey.generate_key("P-256", {"kid": "fresh"})
    before, provider.keys = provider.keys, {**provider.keys, "ES256": fresh}
    try:
        assert refused(ask(provider.token()))
        assert provider.asked == 1
        monkeypatch.setattr(api_tokens, "_LOOK_AGAIN", -1)
        assert ask(provider.token()).status_code == 200
        assert provider.asked == 2
    finally:
        provider.keys = before


def test_a_provider_that_is_away_or_calls_itself_otherwise_lets_nobody_in(
    ask: Callable[..., TestResponse], provider: Provider
) -> None:
    token = provider.token()
    provider.told = {"issuer": "https://other.example"}
    assert ask(token).status_code == 503
    provider.told = {"jwks_uri": "http://keys.example/keys"}
    assert ask(token).status_code == 503
    provider.told = {}
    assert ask(token).status_code == 200


def test_without_the_settings_no_token_of_anybody_opens_anything(client: FlaskClient, provider: Provider) -> None:
    token = provider.token()
    told = client.get("/api/v1/openapi.json").json
    path = next(path for path, item in told["paths"].items() if "get" in item and "{" not in path)
    assert client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_settings_go_together_and_need_https(tmp_path: Any) -> None:
    issuer, audience = {"CONSENTMGR_API_OIDC_ISSUER": "https://a.example"}, {"CONSENTMGR_API_OIDC_AUDIENCE": "x"}
    for given, named in (
        (issuer, "AUDIENCE"), (audience, "ISSUER"), ({"CONSENTMGR_API_OIDC_CONTROLLERS": "x"}, "ISSUER"),
        ({"CONSENTMGR_API_OIDC_ISSUER": "http://a.example"} | audience, "https"),
        ({"CONSENTMGR_API_RATE": "many"}, "RATE"), ({"CONSENTMGR_API_RATE": "0"}, "RATE"),
    ):  # fmt: skip
        with pytest.raises(UnsafeSetting, match=named):
            load_settings(given)
    assert load_settings(issuer | audience).api_oidc_controllers == "controllers"

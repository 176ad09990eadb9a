"""Signing in through an identity provider: the account is there beforehand, and linked to one subject for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text

from consentmgr.config import load_settings
from consentmgr.kit.errors import UnsafeSetting
from tests.application import application
from tests.staff.identity_provider import Provider
from tests.staff.signing_in import Desk, DeskVisitor, Member, member

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def desk(settings: Settings, database: Database, provider: Provider) -> Iterator[Desk]:
    """The desk of an installation that has a provider, at a public address of its own."""
    told = replace(
        settings,
        public_url="http://desk.localhost:8000",
        oidc_issuer=provider.issuer,
        oidc_client_id=provider.client_id,
        oidc_client_secret=provider.client_secret,
    )
    with application(told, database) as app:
        yield Desk(app, database)


@pytest.fixture
def maija(database: Database, keys: Keys) -> Member:
    return member(database, keys)


def through(provider: Provider, visitor: DeskVisitor, **claims: Any) -> Any:
    """Go to the provider, sign in there with these claims, and come back."""
    provider.claims = claims
    sent = visitor.get("/desk/sign-in/provider?next=/desk/me")
    assert sent.status_code == 303
    assert sent.location.startswith(f"{provider.issuer}/authorise?")
    assert "redirect_uri=http%3A%2F%2Fdesk.localhost%3A8000%2Fdesk%2Fsign-in%2Fprovider%2Fback" in sent.location
    return visitor.get(provider.authorise(sent.location))


def test_a_verified_address_finds_the_account_and_the_code_is_asked_all_the_same(
    desk: Desk, provider: Provider, maija: Member
) -> None:
    visitor = desk.visitor()
    back = through(provider, visitor, sub="1", email="Maija@Desk.example", email_verified=True)
    assert (back.status_code, back.location) == (303, "/desk/sign-in/code")
    assert visitor.get("/desk/me").status_code == 303
    token = visitor.token("/desk/sign-in/code")
    done = visitor.client.post("/desk/sign-in/code", data={"csrf_token": token, "code": maija.code()})
    assert (done.status_code, done.location) == (303, "/desk/me")
    assert visitor.get("/desk/me").status_code == 200


def test_the_first_subject_is_the_only_one(desk: Desk, provider: Provider, maija: Member) -> None:
    assert through(provider, desk.visitor(), sub="1", email=maija.email, email_verified=True).status_code == 303
    # Somebody else gets the address later; the person keeps the account under another address.
    assert through(provider, desk.visitor(), sub="2", email=maija.email, email_verified=True).status_code == 422
    assert through(provider, desk.visitor(), sub="1", email="new@desk.example").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {},
        {"email": "nobody@desk.example", "email_verified": True},
        {"email_verified": True, "nonce": "another"},
        {"email_verified": True, "aud": "another"},
        {"email_verified": True, "aud": ["desk", "another"]},
        {"email_verified": True, "iss": "https://login.evil.example"},
        {"email_verified": True, "exp": 1},
        {"email_verified": True, "azp": "another"},
    ],
    ids=str,
)
def test_nobody_comes_in_otherwise(desk: Desk, provider: Provider, maija: Member, claims: dict[str, Any]) -> None:
    visitor = desk.visitor()
    assert through(provider, visitor, **{"sub": "1", "email": maija.email, **claims}).status_code == 422
    assert visitor.get("/desk/sign-in/code").status_code == 303


def test_a_token_signed_by_somebody_else_is_none(desk: Desk, provider: Provider, maija: Member) -> None:
    provider.signs_with = ECKey.generate_key("P-256", {"kid": "one"})
    back = through(provider, desk.visitor(), sub="1", email=maija.email, email_verified=True)
    assert back.status_code == 422


def test_an_answer_meant_for_another_browser_does_nothing(
    desk: Desk, database: Database, provider: Provider, maija: Member
) -> None:
    provider.claims = {"sub": "1", "email": maija.email, "email_verified": True}
    attacker, victim = desk.visitor(), desk.visitor()
    back = provider.authorise(attacker.get("/desk/sign-in/provider").location)
    assert victim.get(back).status_code == 422
    victim.get("/desk/sign-in/provider")
    assert victim.get(back).status_code == 422
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM staff_session")).scalar_one() == 0


def test_a_closed_account_stays_closed(desk: Desk, database: Database, provider: Provider, maija: Member) -> None:
    assert through(provider, desk.visitor(), sub="1", email=maija.email, email_verified=True).status_code == 303
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE staff_account SET active = false"))
    assert through(provider, desk.visitor(), sub="1", email=maija.email, email_verified=True).status_code == 422


@pytest.mark.parametrize(
    "given",
    [
        {"CONSENTMGR_OIDC_ISSUER": "https://login.example"},
        {
            "CONSENTMGR_OIDC_ISSUER": "http://login.example",
            "CONSENTMGR_OIDC_CLIENT_ID": "a",
            "CONSENTMGR_OIDC_CLIENT_SECRET": "b",
        },
        {
            "CONSENTMGR_OIDC_ISSUER": "login.example",
            "CONSENTMGR_OIDC_CLIENT_ID": "a",
            "CONSENTMGR_OIDC_CLIENT_SECRET": "b",
        },
    ],
)
def test_half_a_provider_or_one_without_https_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_OIDC_"):
        load_settings(given)


def test_without_a_provider_there_is_no_way_to_one(client: FlaskClient) -> None:
    visitor = DeskVisitor(client.application)
    assert visitor.get("/desk/sign-in/provider").status_code == 404
    assert visitor.get("/desk/sign-in/provider/back?state=x&code=y").status_code == 404
    assert "organisation" not in visitor.get("/desk/sign-in").text

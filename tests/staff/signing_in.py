"""Members of staff at the desk, signed in without going through the pages, for tests of what comes afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from itsdangerous import URLSafeTimedSerializer

from consentmgr.kit import clock
from consentmgr.staff import accounts, passwords, second_factor, sessions
from consentmgr.staff.cookies import COOKIE, DESK

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

    from consentmgr.db import Database
    from consentmgr.keys import Keys


class DeskClient:
    """A browser that is signed in. ``post`` adds the CSRF token by itself; ``actor`` is what the ledger calls it."""

    def __init__(self, app: Flask, account_id: int, email: str, value: str, csrf: str) -> None:
        self.app = app
        self.account_id = account_id
        self.email = email
        self.client = app.test_client()
        self.client.set_cookie(COOKIE, value, path=DESK)
        self.csrf_token = str(URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(csrf))

    @property
    def actor(self) -> str:
        return f"staff:{self.account_id}"

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, data: Any = None, **more: Any) -> TestResponse:
        """Post a form, or with ``json`` a document, as a page of the desk does."""
        if "json" in more:
            more["headers"] = {**more.get("headers", {}), "X-CSRFToken": self.csrf_token}
            return self.client.post(path, **more)
        if isinstance(data, list):
            fields: Any = _many([*data, ("csrf_token", self.csrf_token)])
        else:
            fields = {"csrf_token": self.csrf_token, **(data or {})}
        return self.client.post(path, data=fields, **more)


def _many(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


@dataclass
class Desk:
    """``desk("marketer", controllers={"acme"})``: a client of a new account that holds the role for these controllers,
    for all where none are given. More roles may be named. ``app`` is the application all of them ask.
    """

    app: Flask
    database: Database
    count: int = field(default=0)

    def __call__(
        self, *roles: str, controllers: Collection[str] | None = None, email: str | None = None, language: str = "en"
    ) -> DeskClient:
        self.count += 1
        email = email or f"{roles[0] if roles else 'nobody'}-{self.count}@desk.example"
        csrf = secrets.token_hex(20)
        now = clock.now()
        with self.database.transaction() as session:
            account = accounts.create(
                session, email=email, name=f"{' '.join(roles) or 'nobody'} {self.count}", language=language,
                actor="test", now=now,
            )  # fmt: skip
            accounts.set_roles(session, account, roles, controllers, actor="test", now=now)
            value = sessions.begin(
                session, account, stage="open", method="password+totp", now=now, data={"csrf_token": csrf}
            )
            account_id = account.id
        return DeskClient(self.app, account_id, email, value, csrf)

    def visitor(self) -> DeskVisitor:
        """A browser that is not signed in."""
        return DeskVisitor(self.app)


class DeskVisitor:
    """A browser nobody is signed in with. ``post`` fetches a CSRF token from the sign-in page first."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(), **(data or {})}, **more)

    def token(self, path: str = "/desk/sign-in") -> str:
        page = self.client.get(path).text
        return page.partition('name="csrf_token" value="')[2].partition('"')[0]

    @property
    def cookie(self) -> str | None:
        found = self.client.get_cookie(COOKIE, path=DESK)
        return found.value if found is not None else None


PASSWORD = "lantern-aurora-harbour-7"


@dataclass
class Member:
    """Somebody with a password and an authenticator, who signs in by the pages."""

    account_id: int
    email: str
    secret: str
    keys: Keys
    password: str = PASSWORD

    def code(self, steps: int = 0) -> str:
        """What the authenticator shows, or will show in some half minutes."""
        from consentmgr.staff.second_factor import key_of

        key = key_of(self.secret, self.keys).replace("-", "")
        from passlib.totp import TOTP

        return str(TOTP(key=key, format="base32").generate(time=clock.now() + timedelta(seconds=30 * steps)).token)


@cache
def _hash_of_the_password() -> str:
    return passwords.hashed(PASSWORD)


def member(database: Database, keys: Keys, role: str = "marketer", email: str = "maija@desk.example") -> Member:
    """An account that is set up: password, one-time codes, a role for all controllers."""
    now = clock.now()
    secret = second_factor.new_secret(keys)
    with database.transaction() as session:
        account = accounts.create(session, email=email, name="Maija", language="en", actor="test", now=now)
        account.password = _hash_of_the_password()
        account.tf_totp_secret = secret
        account.recovery_codes = []
        accounts.grant(session, account, role, None, actor="test", now=now)
        return Member(account.id, email, secret, keys)

"""Other systems at the API: clients with a key, for tests of the doors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from consentmgr.kit import clock
from consentmgr.staff import api_keys
from consentmgr.staff.scopes import Scope

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

    from consentmgr.db import Database

PREFIX = "/api/v1"


class ApiClient:
    """A system with a key. Paths begin below ``/api/v1``; ``key`` is the Idempotency-Key; ``actor`` is what the ledger
    calls it.
    """

    def __init__(self, app: Flask, token: str, key_id: int) -> None:
        self.app = app
        self.token = token
        self.key_id = key_id
        self.client = app.test_client()

    @property
    def actor(self) -> str:
        return f"key:{self.key_id}"

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.open("GET", path, **more)

    def post(self, path: str, **more: Any) -> TestResponse:
        return self.open("POST", path, **more)

    def put(self, path: str, **more: Any) -> TestResponse:
        return self.open("PUT", path, **more)

    def delete(self, path: str, **more: Any) -> TestResponse:
        return self.open("DELETE", path, **more)

    def open(self, method: str, path: str, *, key: str | None = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **dict(more.pop("headers", {}))}
        if key is not None:
            headers["Idempotency-Key"] = key
        whole = path if path.startswith("/api/") else PREFIX + path
        return self.client.open(whole, method=method, headers=headers, **more)


@dataclass
class ApiCalling:
    """``api(Scope.CHECK, controllers={"acme"})``: a client with a new key of these scopes for these controllers, for all
    where none are given; of every scope where none is named. ``app`` is the application all of them ask.
    """

    app: Flask
    database: Database
    count: int = field(default=0)

    def __call__(
        self, *scopes: Scope, controllers: Collection[str] | None = None, life: timedelta = timedelta(days=30)
    ) -> ApiClient:
        self.count += 1
        now = clock.now()
        with self.database.transaction() as session:
            key, token = api_keys.add(
                session, name=f"system {self.count}", owner="integrations@acme.example", scopes=scopes or tuple(Scope),
                controllers=None, expires_at=now + life, actor="test", now=now,
            )  # fmt: skip
            # Set here, so that a test may speak of controllers it has not furnished.
            key.controllers = None if controllers is None else sorted(controllers)
            return ApiClient(self.app, token, key.id)

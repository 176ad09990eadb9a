"""Whose key it is: told to every key that is good, of itself alone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from consentmgr.staff.scopes import Scope

if TYPE_CHECKING:
    from tests.staff.api_calling import ApiCalling


def test_a_key_learns_what_it_may_do_for_whom_and_until_when(api: ApiCalling) -> None:
    client = api(Scope.CHECK, Scope.MINT_LINKS, controllers={"acme"})
    told = client.get("/me").json
    assert told == {
        "name": f"key:{client.key_id}",
        "scopes": ["check", "links:mint"],
        "controllers": ["acme"],
        "expires_at": told["expires_at"],
    }
    assert datetime.fromisoformat(told["expires_at"]).tzinfo is not None


def test_a_key_for_all_controllers_says_so(api: ApiCalling) -> None:
    assert api(Scope.READ_CHANGES).get("/me").json["controllers"] is None

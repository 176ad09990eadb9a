"""Whoever got no answer asks again: each write there is, sent five times, has one effect and one answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from consentmgr.edge.idempotency import is_writing
from consentmgr.exports.schedules import NewSchedule, create
from consentmgr.kit import clock
from tests.screening.desk_samples import fill, work
from tests.serving.test_edge import checksums
from tests.staff.test_api_matrix import operations

if TYPE_CHECKING:
    from pathlib import Path

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.staff.api_calling import ApiCalling, ApiClient

TIMES: Final = 5
#: What the door itself writes with each request: that the key was used, how much of its minute is left, what was read.
_OF_THE_DOOR: Final = ("api_key_use", "api_allowance", "audit_event")
CONSENT: Final = {
    "event": "consent_given", "at": "2026-11-01T10:00:00+02:00", "controller": "acme", "method": "web_form",
    "channels": ["email"], "purposes": ["newsletter"], "notice": "again/1/fi",
}  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Receivers of this machine may be told."""
    return replace(settings, private_destinations=(ip_network("127.0.0.0/8"),))


@dataclass
class Stubborn:
    """A client that sends each write five times with one key, and looks at every table after the first and the last."""

    client: ApiClient
    database: Database
    #: Endpoints that were asked.
    asked: set[str] = field(default_factory=set)

    def __call__(self, method: str, path: str, **more: Any) -> Any:
        path = path.removeprefix("/api/v1")
        self.asked.add(str(self.client.app.url_map.bind("").match(f"/api/v1{path}", method)[0]))
        key = str(uuid4())
        first = self.client.open(method, path, key=key, **more)
        assert first.status_code < 400, (method, path, first.json)
        assert "Idempotent-Replayed" not in first.headers
        before = self._rows()
        for _ in range(TIMES - 1):
            again = self.client.open(method, path, key=key, **more)
            assert (again.status_code, again.data) == (first.status_code, first.data), (method, path)
            assert again.headers["Idempotent-Replayed"] == "true"
            for name in ("Location", "ETag", "Content-Type"):
                assert again.headers.get(name) == first.headers.get(name), (method, path, name)
        assert self._rows() == before, (method, path)
        return first

    def _rows(self) -> dict[str, tuple[int, int]]:
        return {name: told for name, told in checksums(self.database).items() if name not in _OF_THE_DOOR}


def test_each_write_asked_five_times_has_one_effect(
    api: ApiCalling, database: Database, settings: Settings, keys: Keys, tmp_path: Path
) -> None:
    fill(database, keys)
    client = api()
    write = Stubborn(client, database)
    words = {"text": "Saa lähettää.", "controllers": ["acme"], "channels": ["email"], "purposes": ["newsletter"]}
    write("PUT", "/topics/again", json={"controller": "acme", "kind": "newsletter", "names": {"fi": "Uutiset"}})
    write("PUT", "/notices/again/1/fi", json=words)
    campaign = {"key": "again", "name": "Again", "controller": "acme", "channel": "email"}
    write("PUT", "/campaigns/again", json=campaign)

    contact = {"ref": "crm:again", "controllers": ["acme"], "given_name": "Aino",
               "points": [{"channel": "email", "value": "again@posti.example"}]}  # fmt: skip
    write("POST", "/contacts", json={"items": [contact]})
    write("PUT", "/contacts/crm:again", json={**contact, "given_name": "Aina"})
    write("POST", "/contacts/crm:again/events", json=CONSENT)
    objection = {"contact": "crm:again", "event": "objected", "at": "2026-11-02T10:00:00+02:00", "controller": "acme",
                 "method": "phone"}  # fmt: skip
    write("POST", "/events", json={"items": [objection]})
    firm = {"business_id": "2800301-9", "country": "FI", "name": "Ekman Oy"}
    number = write("POST", "/organisations", json=firm).headers["Location"]
    write("PUT", number, json={**firm, "name": "Ekman ja pojat Oy"})

    ban = {"target": {"email": "ban@posti.example"}, "source": "self", "valid_from": "2026-11-01"}
    write("POST", "/prohibitions", json={"items": [ban]})
    (held,) = client.post("/prohibitions/search", json={"email": "ban@posti.example"}).json["items"]
    lifting = {"at": "2026-11-20T10:00:00+02:00", "evidence": "call 1043", "method": "phone", "reason": "asked to"}
    write("POST", f"/prohibitions/{held['id']}/lift", json=lifting)
    line = json.dumps({"type": "contact", "ref": "crm:line"}).encode()
    write("POST", "/documents", data=line, content_type="application/x-ndjson")

    rows = [{"email": "aino@posti.example"}]
    screening = write("POST", "/screenings", json={"campaign": "again", "rows": rows}).headers["Location"]
    work(database, settings)
    second = write("POST", f"{screening}/again").headers["Location"]
    write("POST", f"{second}/cancel")
    write("DELETE", second)

    hook = f"/webhooks/{write('POST', '/webhooks', json={'url': 'https://127.0.0.1:9/hook'}).json['id']}"
    write("PUT", hook, json={"url": "https://127.0.0.1:9/hook", "types": ["objected"]})
    write("POST", f"{hook}/rotate", json={"overlap_hours": 1})
    write("POST", f"{hook}/replay", json={"since": "2020-01-01T00:00:00Z"})
    write("POST", f"{hook}/disable")
    write("POST", f"{hook}/enable")
    write("DELETE", hook)

    (tmp_path / "partner").mkdir()
    with database.transaction() as session:
        export = NewSchedule(
            key="mailer", partner="Postitalo Oy", controller="acme", content="suppressed", channel="email",
            purpose="direct_marketing", topic=None, campaign=None, format="csv", delta=False,
            destination=f"folder:{tmp_path / 'partner'}",
        )  # fmt: skip
        create(session, export, address_key=keys.address_key, actor="test", now=clock.now())
    write("POST", "/exports/mailer/runs", json={})
    work(database, settings)
    write("POST", "/exports/mailer/runs/1/acknowledge")

    acting = {rule.endpoint for rule, _ in operations(api.app) if is_writing(api.app.view_functions[rule.endpoint])}
    assert acting == write.asked, "each write of the API is asked here"

"""From a campaign to a certificate through the API, and on: somebody leaves, the delta shows it, and screening again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit import clock
from tests.cast import consent
from tests.conftest import RunCommand
from tests.screening.desk_samples import CAMPAIGN, fill, take, work
from tests.staff.api_calling import ApiCalling, ApiClient

#: What a marketer's spreadsheet writes: cp1252, semicolons, a cell with a line end, a quote and a separator in it.
AWKWARD = (
    "Nimi;Sähköposti;Huomautus\r\n"
    'Aino Virtanen;aino@posti.example;"Sanoi: ""soitan"";\r\nsitten ei"\r\n'
    "Birger Salonen;birger@posti.example;\r\n"
    'Cecilia Holm;cecilia@posti.example;"kaksi\nriviä – ja €"\r\n'
    "Frida Öhman;frida@posti.example;\r\n"
).encode("cp1252")


FRIDA: dict[str, Any] = {
    "type": "contact", "ref": "crm:frida", "controllers": ["acme"], "born_on": "1990-02-02", "country": "FI",
    "points": [{"channel": "email", "value": "frida@posti.example", "use": "private", "source": "web_form",
                "acquired_on": "2026-03-01", "informed_on": "2026-03-01"}],
    "events": [consent()],
}  # fmt: skip


def wait_until_over(client: ApiClient, address: str, do_some: Callable[[], None]) -> dict[str, Any]:
    """Ask until it is over; ``do_some`` works in between, as the processes of tasks do."""
    deadline = time.monotonic() + 60
    while True:
        told: dict[str, Any] = client.get(address).get_json()
        if told["status"] not in ("queued", "running"):
            return told
        assert time.monotonic() < deadline, told
        do_some()


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    fill(database, keys, FRIDA)


def test_from_a_campaign_to_a_certificate_and_after_somebody_left_to_a_shorter_list(
    api: ApiCalling, database: Database, settings: Settings, keys: Keys, run_command: RunCommand, tmp_path: Path
) -> None:
    client = api(controllers={"acme"})
    described = {**CAMPAIGN, "key": "spring", "name": "Spring offer"}
    kept = client.put("/campaigns/spring", json=described)
    assert kept.status_code == 201, kept.text
    assert [gate["code"] for gate in kept.json["gates"] if not gate["holds"]] == []

    form = {"list": (BytesIO(AWKWARD), "aino.virtanen.csv"), "campaign": "spring", "links": "true", "name": "kevat"}
    begun = client.post("/screenings", data=form, content_type="multipart/form-data", key="spring-1")
    assert begun.status_code == 202, begun.text
    assert begun.json["status"] == "queued"
    address = begun.headers["Location"]
    done = wait_until_over(client, address, lambda: work(database, settings))
    assert done["status"] == "done", done
    counts = {name: done["counts"][name] for name in ("rows", "allow", "review", "block")}
    assert counts == {"rows": 4, "allow": 2, "review": 0, "block": 2}, done["counts"]
    assert {one["code"] for one in done["counts"]["reasons"]} >= {"DM_OBJECTION_ALL", "ERASED_SUPPRESSED"}

    for name in ("result", "allowed", "report", "figures", "certificate"):
        answer = client.get(done["files"][name], buffered=True)
        assert answer.status_code == 200
        file = answer.headers["Content-Disposition"].partition("filename=")[2].strip('"')
        assert file.startswith("kevat."), "not what the file was called, which may be somebody's name"
        (tmp_path / file).write_bytes(answer.data)
    result = (tmp_path / "kevat.screened.csv").read_bytes().decode("utf-8-sig")
    assert '"Sanoi: ""soitan"";\r\nsitten ei"' in result
    assert "kaksi\nriviä – ja €" in result
    (tmp_path / "kevat.csv").write_bytes(AWKWARD)
    said = run_command("certificate", "verify", "kevat.certificate.json").stdout
    assert said.count("unchanged") == 5, said
    assert client.get(f"{address}/delta").json == {"items": [], "next": None}

    # Whoever left a moment ago is told of by the delta, and is in no new list.
    left_at = (clock.now() - timedelta(seconds=1)).isoformat()
    take(
        database, keys,
        {"type": "event", "contact": "crm:aino", "event": "objected", "at": left_at, "method": "email_link"},
        now=clock.now(),
    )  # fmt: skip
    (changed,) = client.get(f"{address}/delta").json["items"]
    assert changed["row"] == 1
    assert (changed["verdict_then"], changed["verdict_now"]) == ("allow", "block")
    assert "DM_OBJECTION_ALL" in changed["reasons"]
    again = client.post(f"{address}/again")
    assert again.status_code == 202
    assert again.json["previous"] == done["id"]
    later = wait_until_over(client, again.headers["Location"], lambda: work(database, settings))
    before, after = (client.get(one["files"]["allowed"], buffered=True).data for one in (done, later))
    assert b"aino@posti.example" in before
    assert b"aino@posti.example" not in after
    assert len(after) < len(before)
    assert client.get(f"{again.headers['Location']}/delta").json["items"] == []
    assert json.loads((tmp_path / "kevat.certificate.json").read_bytes())["id"] == done["certificate"]

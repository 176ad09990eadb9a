"""A list brought to the desk and screened, step by step, as a browser without script does it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

from sqlalchemy import select

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing.service import import_documents
from consentmgr.importing.sources import DocumentLines
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.scheduler import do_task
from consentmgr.screening.desk.lists import ListView, list_by_id, result_folder
from consentmgr.timetable.models import Task
from tests.cast import AINO, BIRGER, CECILIA, DANIEL, EKMAN, EKMANS_HR_MANAGER, NOTICE
from tests.staff.signing_in import DeskClient

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ACME: dict[str, Any] = {
    "type": "controller", "key": "acme", "name": "Acme Oy", "default": True, "contact": "privacy@acme.example",
}  # fmt: skip
OTHER: dict[str, Any] = {"type": "controller", "key": "other", "name": "Other Oy"}
CAMPAIGN: dict[str, Any] = {
    "type": "campaign", "key": "2026-11-offer", "name": "November offer", "controller": "acme", "channel": "email",
    "purpose": "direct_marketing", "audience": "consumer",
}  # fmt: skip
OTHERS_CAMPAIGN: dict[str, Any] = {**CAMPAIGN, "key": "others-secret", "name": "Others secret", "controller": "other"}
LIST = (
    "nimi;sähköposti\r\n"
    "Aino Virtanen;aino@posti.example\r\n"
    "Birger Salonen;birger@posti.example\r\n"
    "Cecilia Holm;cecilia@posti.example\r\n"
    "Daniel Nieminen;daniel@posti.example\r\n"
    "Ekman Öy;info@ekman.example\r\n"
    "Tuntematon;nobody@posti.example\r\n"
).encode("cp1252")
#: What a person states of the message so that every gate is open.
STATED = {
    f"message-{name}": "yes"
    for name in (
        "sender_named",
        "subject_honest",
        "one_click",
        "objection_notice",
        "privacy_notice",
        "recipients_hidden",
    )
}


def fill(database: Database, keys: Keys, *more: Mapping[str, Any], now: datetime = NOW) -> None:
    """The cast, two controllers and a stored campaign of each."""
    documents = [
        ACME,
        OTHER,
        NOTICE,
        AINO,
        BIRGER,
        CECILIA,
        DANIEL,
        EKMAN,
        EKMANS_HR_MANAGER,
        CAMPAIGN,
        OTHERS_CAMPAIGN,
    ]
    take(database, keys, *documents, *more, now=now)


def take(database: Database, keys: Keys, *documents: Mapping[str, Any], now: datetime = NOW) -> None:
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in documents)
    report = import_documents(
        database,
        DocumentLines(BytesIO(lines), "register"),
        keys=AddressKeys(keys.address_key, keys.address_key_id),
        actor="test",
        now=now,
    )
    assert report.rejected == 0, report.told


def bring(client: DeskClient, content: bytes = LIST, name: str = "marraskuu.csv") -> str:
    """Upload a list; the address of the page that follows."""
    answer = client.post("/desk/screenings/new", {"list": (BytesIO(content), name)}, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def id_of(address: str) -> UUID:
    found = re.search(r"screenings/([0-9a-f-]{36})", address)
    assert found is not None
    return UUID(found[1])


def confirm(client: DeskClient, list_id: UUID, **columns: str) -> None:
    """Say that the columns are as the page shows them, or as given."""
    place = f"/desk/screenings/{list_id}/columns"
    page = client.get(place).text
    shown = {}
    for name, options in re.findall(r'<select id="(column-\d+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        shown[name] = chosen[1] if chosen else ""
    answer = client.post(place, {**shown, **columns})
    assert answer.status_code == 303, answer.text


def start_stored(client: DeskClient, list_id: UUID, key: str = "2026-11-offer", **more: str) -> None:
    answer = client.post(f"/desk/screenings/{list_id}/campaign", {"do": "start-stored", "stored": key, **more})
    assert answer.status_code == 303, answer.text


def work(database: Database, settings: Settings) -> None:
    """Do what waits, as the child process does."""
    with database.reading() as session:
        waiting = list(session.scalars(select(Task.id).where(Task.state == "queued").order_by(Task.created_at)))
    for task in waiting:
        do_task(database, settings, task)


def screened(
    client: DeskClient, database: Database, settings: Settings, content: bytes = LIST, name: str = "marraskuu.csv",
    **more: str,
) -> ListView:  # fmt: skip
    """A list all the way to its answer."""
    list_id = id_of(bring(client, content, name))
    confirm(client, list_id)
    start_stored(client, list_id, **more)
    work(database, settings)
    found = seen(database, list_id)
    assert found.screening is not None, client.get(f"/desk/screenings/{list_id}").text
    return found


def seen(database: Database, list_id: UUID) -> ListView:
    with database.reading() as session:
        return list_by_id(session, list_id)


def made(settings: Settings, found: ListView, name: str) -> bytes:
    return (result_folder(settings, found) / name).read_bytes()

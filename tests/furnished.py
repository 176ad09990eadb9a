"""A register with something in every room of the desk: the demonstration's people, made small, and what staff did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from consentmgr.changes import webhooks
from consentmgr.changes.webhooks import Wanted
from consentmgr.demo.catalogue import FORM_NOTICE, GARDEN_LETTER, SHOP
from consentmgr.demo.lists import demo_lists, write_lists
from consentmgr.demo.register import Size, make_register
from consentmgr.keys import load_keys
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from tests.screening.desk_samples import bring, confirm, id_of, start_stored, work

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.demo.register import MadeUpRegister
    from tests.conftest import RunCommand
    from tests.staff.signing_in import DeskClient


@dataclass
class Furnished:
    """The made-up people, a list of theirs and the key of its campaign."""

    register: MadeUpRegister
    list_file: Path
    campaign: str
    #: Of pages that no link leads to.
    paths: tuple[str, ...] = ()


def furnish(
    run_command: RunCommand,
    folder: Path,
    now: datetime,
    *,
    size: Size | None = None,
    change: Callable[[MadeUpRegister], MadeUpRegister] | None = None,
) -> Furnished:
    """Import a made-up register, keep its campaigns, and screen a list at the terminal.

    ``change`` may alter the people that are imported; the lists name them as they were.
    """
    register = make_register(7, local_date(now), size or Size(contacts=220, organisations=40))
    (change(register) if change is not None else register).write(folder / "register.jsonl")
    lists = demo_lists(now, register.today, "fi")
    place = folder / "lists"
    place.mkdir()
    write_lists(register, lists, place)
    with (folder / "campaigns.jsonl").open("wb") as file:
        file.writelines(
            msgspec.json.encode({"type": "campaign", **msgspec.to_builtins(one.campaign)}) + b"\n" for one in lists
        )
    run_command("import", folder / "register.jsonl")
    run_command("import", folder / "campaigns.jsonl")
    first = lists[0]
    run_command("screen", "--campaign", place / first.campaign_file, place / first.file)
    return Furnished(register, place / first.file, first.campaign.key)


def furnish_desk(
    found: Furnished,
    run_command: RunCommand,
    folder: Path,
    client: DeskClient,
    database: Database,
    settings: Settings,
) -> list[str]:
    """Do at the desk what leaves traces there: a list screened and two begun, an import, an export, a form. The paths
    of pages that only somebody in the middle of it sees.
    """
    content, name = found.list_file.read_bytes(), found.list_file.name
    list_id = id_of(bring(client, content, name))
    confirm(client, list_id)
    start_stored(client, list_id, found.campaign)
    work(database, settings)
    begun, described = (id_of(bring(client, content, "kesken.csv")) for _ in range(2))
    confirm(client, described)
    table = b"sahkoposti;etunimi\nuusi@posti.example;Uusi\nei-osoite;Toinen\n"
    answer = client.post("/desk/imports/", {"file": (BytesIO(table), "uudet.csv")})
    assert answer.status_code == 303, answer.text
    run_command("forms", "add", "kirjeet", "--controller", SHOP, "--topic", GARDEN_LETTER, "--notice", FORM_NOTICE)
    target = folder / "partner"
    target.mkdir()
    run_command(
        "export", "create", "postitalo", "--partner", "Postitalo Oy", "--controller", SHOP, "--channel", "email",
        "--format", "csv", "--to", f"folder:{target}", "--cron", "0 3 * * *",
    )  # fmt: skip
    run_command("export", "run", "postitalo")
    run_command("api-keys", "add", "Verkkokauppa", "--owner", "it@acme.example", "--scope", "check")
    with database.transaction() as session:
        # Nobody listens there; what the page tells of an endpoint needs no receiver.
        wanted = Wanted(url="https://127.0.0.1:9/hooks", controllers=None)
        key = load_keys(settings).address_key
        webhooks.add(session, wanted, address_key=key, named=[ip_network("127.0.0.0/8")], actor="test", now=clock.now())
    (folder / "token").write_text("a-secret-of-the-sender-that-is-long", encoding="utf-8")
    run_command(
        "senders", "add", "brevo", "--kind", "brevo", "--controller", SHOP, "--secret-file", f"token={folder / 'token'}"
    )
    found_people = client.post("/desk/people/erase", {"names": "nobody@posti.example\n"})
    assert found_people.status_code == 303, found_people.text
    return [f"/desk/screenings/{begun}/columns", f"/desk/screenings/{described}/campaign", found_people.location]


def renamed(register: MadeUpRegister, names: list[str]) -> MadeUpRegister:
    """The same people and firms under these names, in turn."""
    given = iter(names * (len(register.consumers) * 2 // len(names) + 2))
    return replace(
        register,
        consumers=tuple(
            msgspec.structs.replace(one, given_name=next(given), family_name=next(given)) for one in register.consumers
        ),
        organisations=tuple(msgspec.structs.replace(one, name=next(given)) for one in register.organisations),
    )

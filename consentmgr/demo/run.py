"""The demonstration itself: make the register, import it, screen three lists, all in a folder of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database, open_database
from consentmgr.demo.catalogue import EVENTS, FORM, FORM_NOTICE, GARDEN_LETTER, OFFERS, SHOP
from consentmgr.demo.lists import DemoList, demo_lists, write_lists
from consentmgr.demo.register import MadeUpRegister, Size, make_register
from consentmgr.exports.destinations import checked
from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.runs import Published, host_and_process, run_schedule
from consentmgr.exports.schedules import NewSchedule, create
from consentmgr.importing.service import ImportReport, import_documents
from consentmgr.importing.sources import DocumentLines
from consentmgr.installation import prepare
from consentmgr.keys import Keys, load_keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, ConsentmgrError
from consentmgr.kit.progress import progress
from consentmgr.preferences.models import SubscriptionForm
from consentmgr.preferences.subscription_forms import add_form
from consentmgr.prohibitions.models import Prohibition
from consentmgr.register.models import Contact, Organisation
from consentmgr.screening.lists import read_list
from consentmgr.screening.publication import output_paths
from consentmgr.screening.reports import ReportData
from consentmgr.screening.run import run_screening
from consentmgr.vocabulary.codes import Language

#: Says that a data folder is a demonstration's, and of what: only such a folder is used a second time.
MARKER: Final = "demonstration.json"
_REGISTER_FILE: Final = "register.jsonl"
#: The schedule that is run, and the folder that stands for the partner's.
SCHEDULE: Final = "postitalo"
PARTNER_FOLDER: Final = "partner"


class Reader(NamedTuple):
    """Somebody whose newsletter may be sent: the link at its end is shown. The person is invented."""

    name: str
    contact_id: int
    address_key: UUID


@dataclass(frozen=True, slots=True, repr=False)
class Demonstration:
    """What came of it. ``asked`` is an e-mail address worth an ``explain``."""

    folder: Path
    made_on: date
    register: MadeUpRegister
    imported: ImportReport
    screened: tuple[tuple[DemoList, ReportData], ...]
    asked: str
    reader: Reader
    exported: Published

    @property
    def lists_folder(self) -> Path:
        return self.folder / "lists"

    @property
    def partner_folder(self) -> Path:
        """Where the partner's lists are put."""
        return self.folder / PARTNER_FOLDER


def demonstrate(
    settings: Settings, *, seed: int, language: Language, actor: str, now: datetime, size: Size | None = None
) -> Demonstration:
    """Run the demonstration in ``settings.data_folder``, with the built-in database.

    In a folder where it ran before, with the same seed, nothing is made anew: the same documents change nothing, and
    the lists are screened again. Raises ``BadInput`` where the folder holds anything else.
    """
    assert settings.database_url is None
    assert not settings.secrets
    folder = settings.data_folder
    before = _made_before(settings, seed)
    if before is None:
        _refuse_other_register(settings)
    made_on, size = before or (local_date(now), size or Size())
    register = make_register(seed, made_on, size)
    prepare(settings, now=now)
    _write_marker(register, size, folder)
    lists = demo_lists(now, register.today, language)
    (folder / "lists").mkdir(exist_ok=True)
    write_lists(register, lists, folder / "lists")
    register.write(folder / _REGISTER_FILE)
    keys = load_keys(settings)
    # Held open from here on, so that the built-in database is started once and not for every step.
    with open_database(settings) as database:
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        imported = _import(database, folder / _REGISTER_FILE, address_keys, actor, now)
        screened = tuple((one, _screen(settings, one, language, actor, now)) for one in lists)
        with database.transaction() as session:
            if session.get(SubscriptionForm, FORM) is None:
                topics = [GARDEN_LETTER, OFFERS, EVENTS]
                add_form(
                    session,
                    key=FORM,
                    controller=SHOP,
                    topics=topics,
                    notice=FORM_NOTICE,
                    origins=(),
                    actor=actor,
                    now=now,
                )
            reader = _reader(session, register, folder / "lists" / lists[0].file, address_keys, language)
        exported = _export(database, settings, keys, actor, now)
    return Demonstration(
        folder, register.today, register, imported, screened, _worth_asking(register), reader, exported
    )


def _export(database: Database, settings: Settings, keys: Keys, actor: str, now: datetime) -> Published:
    """One run of the schedule by which a made-up mailer gets everybody who must not be written to, as at three every
    night; the schedule is made where it is missing, and follows the folder where that was moved.
    """
    target = settings.data_folder / PARTNER_FOLDER
    target.mkdir(exist_ok=True)
    new = NewSchedule(
        key=SCHEDULE,
        partner="Postitalo Esimerkki Oy",
        controller=SHOP,
        content="suppressed",
        channel="email",
        purpose="direct_marketing",
        topic=None,
        campaign=None,
        format="csv",
        delta=False,
        destination=target.absolute().as_uri().replace("file://", "folder:"),
        cron="0 3 * * *",
    )
    with database.transaction() as session:
        before = session.get(ExportSchedule, SCHEDULE)
        if before is None:
            create(session, new, address_key=keys.address_key, actor=actor, now=now)
        else:
            before.destination = checked(new.destination)
    with progress(3, "Exporting") as advance:
        done = run_schedule(
            database,
            settings,
            keys,
            SCHEDULE,
            actor=actor,
            claimed_by=host_and_process(),
            now=now,
            tell=lambda _step: advance(1),
        )
    assert done is not None
    return done


def _import(database: Database, path: Path, keys: AddressKeys, actor: str, now: datetime) -> ImportReport:
    with path.open("rb") as file:
        source = DocumentLines(file, path.name)
        with progress(len(source), "Importing") as advance:
            report = import_documents(
                database,
                source,
                keys=keys,
                actor=actor,
                now=now,
                rejects_path=path.with_suffix(".rejected.jsonl"),
                options={"as": "documents"},
                progress=advance,
            )
    database.refresh_statistics()
    return report


def _screen(settings: Settings, one: DemoList, language: Language, actor: str, now: datetime) -> ReportData:
    folder = settings.data_folder / "lists"
    path = folder / one.file
    with progress(2, "Screening") as advance:
        return run_screening(
            settings,
            read_list(path),
            str(folder / one.campaign_file),
            output_paths(path),
            language=language,
            engine=None,
            actor=actor,
            now=now,
            drop_duplicates=False,
            stdout=sys.stdout.buffer,
            advance=advance,
        )


def _reader(session: Session, register: MadeUpRegister, path: Path, keys: AddressKeys, language: Language) -> Reader:
    """One who stands among the rows of a list that may be sent; of this language, if there is one."""
    sendable = output_paths(path).allowed
    assert sendable is not None
    allowed = read_list(sendable).identifiers["email"].to_pylist()
    found = {kept.address_key for mailbox in allowed if mailbox and (kept := keys.email(mailbox)) is not None}
    ready = []
    for contact in register.consumers:
        mailboxes = [keys.email(str(point.value)) for point in contact.points if point.channel == "email"]
        ready += [(contact, kept.address_key) for kept in mailboxes if kept is not None and kept.address_key in found]
    contact, address_key = next((one for one in ready if one[0].language == language), ready[0])
    contact_id = session.scalar(select(Contact.id).where(Contact.ref == contact.ref))
    assert contact_id is not None
    return Reader(f"{contact.given_name} {contact.family_name}", contact_id, address_key)


def _worth_asking(register: MadeUpRegister) -> str:
    """The address of somebody who objected to everything; one who had consented before, if there is one."""
    objected = [
        contact
        for contact in register.consumers
        if contact.events and contact.events[-1].event == "objected" and not contact.events[-1].channels
    ]
    return str(max(objected, key=lambda contact: len(contact.events)).points[0].value)


# --- whose folder it is -----------------------------------------------------------------------------------------------


def _made_before(settings: Settings, seed: int) -> tuple[date, Size] | None:
    """Of the demonstration that was made in this folder, its day and size; None where there is none."""
    path = settings.data_folder / MARKER
    try:
        found = json.loads(path.read_bytes())
        made_on, made_with = date.fromisoformat(found["made_on"]), found["seed"]
        size = Size(int(found["contacts"]), int(found["organisations"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise BadInput("this is no longer what the demonstration wrote; name a new folder", file=path) from None
    if made_with != seed:
        raise BadInput(
            f"this folder holds the demonstration of seed {made_with}; name another folder with --folder",
            file=settings.data_folder,
        )
    return made_on, size


def _write_marker(register: MadeUpRegister, size: Size, folder: Path) -> None:
    marker = {
        "seed": register.seed,
        "made_on": register.today.isoformat(),
        "contacts": size.contacts,
        "organisations": size.organisations,
    }
    (folder / MARKER).write_text(json.dumps(marker) + "\n", encoding="utf-8")


def _refuse_other_register(settings: Settings) -> None:
    """Made-up people have no business in a register of real ones."""
    folder = settings.data_folder
    if (settings.postgres_folder / "cluster").exists():
        try:
            with open_database(settings) as database, database.reading() as session:
                taken = _holds_anybody(session)
        except ConsentmgrError as error:
            raise BadInput(
                f"an installation is here, and it cannot be told whether its register is empty ({error}); "
                "name another folder with --folder",
                file=folder,
            ) from None
        if taken:
            raise BadInput(
                "this installation's register has contacts or bans already, and made-up ones do not belong there; "
                "name another folder with --folder",
                file=folder,
            )
    elif settings.keys_folder.exists():
        raise BadInput(
            "an installation is here whose register is elsewhere; name another folder with --folder", file=folder
        )


def _holds_anybody(session: Session) -> bool:
    return any(session.scalar(select(table.id).limit(1)) is not None for table in (Contact, Organisation, Prohibition))

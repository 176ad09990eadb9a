"""What the demonstration's staff find on their desk: an account for each role, the campaigns, and a list to look at."""

from __future__ import annotations

import io
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database, open_database
from consentmgr.demo.run import Demonstration
from consentmgr.importing.service import import_documents
from consentmgr.importing.sources import DocumentLines
from consentmgr.keys import load_keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.desk import lists
from consentmgr.screening.desk.previews import LARGEST_LIST
from consentmgr.screening.desk.work import keep_preview
from consentmgr.screening.models import ListScreening
from consentmgr.staff import accounts
from consentmgr.staff.demo import DemoAccount, make_demo_accounts
from consentmgr.vocabulary.codes import Language

#: Who has brought the list.
_ROLE = "marketer"


def furnish(found: Demonstration, settings: Settings, language: Language) -> tuple[DemoAccount, ...]:
    """Make the accounts, and where nobody has brought a list yet, bring the first and ask for its screening: it runs as
    soon as somebody follows the timetable. How to sign in as each role.
    """
    now = clock.now()
    with open_database(settings) as database:
        _keep_campaigns(found, settings, database, now)
        with database.transaction() as session:
            made = make_demo_accounts(session, load_keys(settings), now)
            if session.scalar(select(ListScreening.id).limit(1)) is None:
                _bring(found, settings, session, made, language, now)
    return made


def _keep_campaigns(found: Demonstration, settings: Settings, database: Database, now: datetime) -> None:
    keys = load_keys(settings)
    campaigns = b"".join(msgspec.json.encode(one.campaign) + b"\n" for one, _ in found.screened)
    import_documents(
        database,
        DocumentLines(io.BytesIO(campaigns), "campaigns.jsonl"),
        keys=AddressKeys(keys.address_key, keys.address_key_id),
        actor="demo",
        now=now,
    )


def _bring(
    found: Demonstration,
    settings: Settings,
    session: Session,
    made: tuple[DemoAccount, ...],
    language: Language,
    now: datetime,
) -> None:
    account = accounts.find(session, next(one.email for one in made if one.role == _ROLE))
    assert account is not None
    actor = f"staff:{account.id}"
    first = found.screened[0][0]
    with (found.lists_folder / first.file).open("rb") as file:
        stored = lists.files_of(settings).put(file, limit=LARGEST_LIST, name=first.file)
    list_id = lists.bring(session, stored, quick=True, actor=actor, language=language, now=now)
    preview = keep_preview(settings, lists.list_by_id(session, list_id))
    meant = {number: field for field, number in preview.recognised.items()}
    lists.confirm_columns(session, lists.list_by_id(session, list_id), preview, meant)
    lists.start(
        session,
        lists.list_by_id(session, list_id),
        first.campaign,
        actor=actor,
        controllers=None,
        language=language,
        now=now,
        links=True,
    )

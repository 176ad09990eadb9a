"""``consentmgr init``: the data folder, the keys, the database and its tables. Safe to run again at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.db import Database, migrate, open_database, open_unprepared
from consentmgr.keys import ADDRESS, KEYS, address_key_id, load_address_key, load_keys, make_missing_keys
from consentmgr.kit.errors import BadInput, Unavailable
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.staff.invitations import address, invite_first
from consentmgr.tables import AddressKeyInUse


@dataclass(frozen=True, slots=True)
class Installed:
    """What ``prepare`` found or made."""

    data_folder: Path
    database: str
    keys_made: tuple[Path, ...]
    #: The one-time address of the first administrator, where it was asked for and there is no account yet.
    first_invitation: str | None = field(default=None, repr=False)


def prepare(settings: Settings, *, now: datetime, inviting: str | None = None) -> Installed:
    """Make what is missing and bring the tables up to date. Nothing that exists is overwritten.

    ``inviting`` is the actor who will be shown the address of the first administrator; it is made once.

    Raises ``UnsafeSetting`` or ``Unavailable`` with one sentence.
    """
    make_private_folder(settings.data_folder)
    with open_unprepared(settings) as database:
        # A new address key beside an old register would match nothing and miss every ban, so the register is asked
        # before a key is made.
        _refuse_to_replace_address_key(database, settings)
        made = make_missing_keys(settings)
        with database.engine.begin() as connection:
            migrate(connection)
        with database.transaction() as session:
            if session.scalar(select(AddressKeyInUse)) is None:
                session.add(AddressKeyInUse(key_id=address_key_id(load_address_key(settings)), since=now))
            token = invite_first(session, actor=inviting, now=now) if inviting is not None else None
        first = address(settings, token) if token is not None else None
        return Installed(settings.data_folder, database.described, tuple(made), first)


def add_default_controller(settings: Settings, key: str, name: str, *, actor: str, now: datetime) -> None:
    """Add a controller, or rename it, and make it the default. Raises ``BadInput`` where the key or name is none."""
    # Only an init that is asked for a controller pays for loading the importer.
    from consentmgr.importing.applying import apply_documents
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.vocabulary.documents import Controller

    keys = load_keys(settings)
    document = Controller(key=key, name=name, default=True)
    with open_database(settings) as database, database.transaction() as session:
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        changes = apply_documents(session, [document], keys=address_keys, actor=actor, now=now)
        for rejection in changes.rejected.values():
            raise BadInput(rejection.reason, field=f"--controller {rejection.field or ''}".strip())


def _refuse_to_replace_address_key(database: Database, settings: Settings) -> None:
    if ADDRESS.variable in settings.secrets or (settings.keys_folder / ADDRESS.file).exists():
        return
    with database.connect() as connection:
        if not database.engine.dialect.has_table(connection, AddressKeyInUse.__tablename__):
            return
        in_use = connection.scalar(select(AddressKeyInUse.key_id))
    if in_use is not None:
        raise Unavailable(
            f"{settings.keys_folder / ADDRESS.file} is missing, and the register was built with address key {in_use}; "
            "put it back from a copy, since with a new one no ban would be found"
        )


def key_places(settings: Settings) -> list[tuple[str, str, str]]:
    """Where each key comes from, for people: its file or variable, what it is for, and ``here`` or ``missing``."""
    places = []
    for row in KEYS:
        if row.variable in settings.secrets:
            places.append((row.variable, row.purpose, "here"))
        else:
            path = settings.keys_folder / row.file
            places.append((str(path), row.purpose, "here" if path.exists() else "missing"))
    return places


def warnings_of(session: Session, settings: Settings) -> list[str]:
    """What is set up and cannot work as it is: one sentence each."""
    # Only who asks pays for loading the rooms.
    from consentmgr.preferences.subscription_forms import open_forms

    found = []
    forms = open_forms(session)
    if forms and settings.smtp_url is None:
        found.append(
            f"{forms} subscription {'form is' if forms == 1 else 'forms are'} open and no mail can be sent, so nobody can"
            " confirm: set CONSENTMGR_SMTP_URL"
        )
    if settings.alarm_mail is not None and settings.smtp_url is None:
        found.append("alarms are to be mailed and no mail can be sent: set CONSENTMGR_SMTP_URL")
    return found

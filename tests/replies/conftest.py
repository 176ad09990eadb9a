"""A register of the cast, the links that were mailed to Aino, and messages as real senders write them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient
from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.links import Link, LinkUse, link_keys
from consentmgr.replies.jobs import open_office
from consentmgr.replies.office import Office
from consentmgr.replies.taking import Taken, place_of_file, take
from tests.cast import AINO, BIRGER, DANIEL, EKMAN, NOTICE
from tests.importing.registers import ACME, Register

NOW = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
MESSAGES = Path(__file__).parent / "messages"
JORGEN: dict[str, Any] = {
    "type": "contact",
    "ref": "crm:jorgen",
    "points": [{"channel": "email", "value": "jörgen@posti.example"}],
}


class Post:
    """Takes messages into the test's register, and looks at what came of them."""

    def __init__(self, database: Database, settings: Settings, keys: Keys, register: Register, office: Office) -> None:
        self.database = database
        self.settings = settings
        self.keys = keys
        self.register = register
        self.office = office
        self.link = Link(
            LinkUse.LEAVE, "acme", self.contact_id("crm:aino"), "email", self.address_key("aino@posti.example"),
            "email", "channel",
        )  # fmt: skip

    def rows(self, question: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.database.reading() as session:
            return [tuple(row) for row in session.execute(text(question), parameters)]

    def contact_id(self, ref: str) -> int:
        return int(self.rows("SELECT id FROM contact WHERE ref = :ref", ref=ref)[0][0])

    def address_key(self, address: str) -> Any:
        point = self.office.keys.email(address)
        assert point is not None
        return point.address_key

    def raw(self, name: str, **also: str) -> bytes:
        """A message of the folder ``messages`` with our link in it, as sent over the wire."""
        address = f"{self.office.links.mail_local_part(self.link)}@acme.example"
        written = (MESSAGES / f"{name}.eml").read_text(encoding="utf-8")
        for hole, filling in {
            "@LEAVE-TOKEN@": self.office.links.mint(self.link),
            "@LEAVE-ADDRESS@": address,
            "@LEAVE-ADDRESS-CAPITALS@": address.upper(),
            "@FORGED-ADDRESS@": f"{address[:-20]}{'b' * 7 if address[-20] != 'b' else 'c' * 7}@acme.example",
            **also,
        }.items():
            written = written.replace(hole, filling)
        return written.replace("\n", "\r\n").encode()

    def take(self, message: str | bytes) -> str:
        """Take a message, by name or as bytes; its kind."""
        return self.taken(message).kind

    def taken(self, message: str | bytes) -> Taken:
        raw = self.raw(message) if isinstance(message, str) else message
        return take(self.database, place_of_file(raw), raw, self.office)

    def point(self, address: str) -> tuple[str, int]:
        """State and soft bounces of an address."""
        (row,) = self.rows(
            "SELECT state, soft_bounces FROM contact_point WHERE address_key = :key", key=self.address_key(address)
        )
        return row[0], row[1]

    def entries(self, event: str) -> list[tuple[Any, ...]]:
        """Contact, controller, channels, source and detail of the ledger's entries of one event."""
        return self.rows(
            "SELECT contact_id, controller, channels, source, detail FROM ledger_entry WHERE event = :event"
            " AND actor <> 'test' ORDER BY seq, chain",
            event=event,
        )

    def bans(self) -> list[tuple[Any, ...]]:
        """Key, source, channels and controllers of the prohibitions that hold."""
        return self.rows(
            "SELECT address_key, source, channels, controllers FROM prohibition WHERE lifted_at IS NULL ORDER BY id"
        )

    def proposals(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT kind, contact_id, controller, source, data FROM proposal ORDER BY id")

    def unchanged(self) -> list[Any]:
        """All that a message could change, to be compared."""
        return [
            self.rows("SELECT id, state, soft_bounces FROM contact_point ORDER BY id"),
            self.rows("SELECT id FROM ledger_entry ORDER BY id"),
            self.rows("SELECT id FROM prohibition ORDER BY id"),
            self.rows("SELECT id FROM proposal ORDER BY id"),
        ]


@pytest.fixture
def address_keys(keys: Keys) -> AddressKeys:
    return AddressKeys(keys.address_key, keys.address_key_id)


@pytest.fixture
def post(database: Database, settings: Settings, keys: Keys, address_keys: AddressKeys) -> Iterator[Post]:
    register = Register(database, address_keys)
    register.take_well(ACME, NOTICE, AINO, BIRGER, DANIEL, EKMAN, JORGEN)
    assert link_keys(settings)
    with open_office(database, settings, keys, actor="test:replies", now=NOW) as office:
        yield Post(database, settings, keys, register, office)


class MailServer:
    """A real IMAP server with one empty mailbox."""

    USER, PASSWORD = "replies", "s%t/r@nge"

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.errors = folder / "imap.log"
        with self.errors.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-c", "from pymap.main import main; main()"),
                    *("--host", "127.0.0.1", "--port", str(self.port), "--no-tls", "dict"),
                    *("--demo-user", self.USER, "--demo-password", self.PASSWORD),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                break
            except OSError:
                assert self.process.poll() is None, self.errors.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"imap://{self.USER}:s%25t%2Fr%40nge@127.0.0.1:{self.port}/INBOX"

    def client(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=30)
        client.login(self.USER, self.PASSWORD)
        return client

    def deliver(self, *messages: bytes) -> None:
        with self.client() as client:
            for message in messages:
                client.append("INBOX", message)

    def folders(self) -> dict[str, list[tuple[bytes, ...]]]:
        """The flags of every message, without *recent*, by folder; folders without messages are left out."""
        found: dict[str, list[tuple[bytes, ...]]] = {}
        with self.client() as client:
            for marks, _, name in client.list_folders():
                if b"\\Noselect" in marks:
                    continue
                client.select_folder(name, readonly=True)
                uids = client.search("ALL")
                if uids:
                    flags = client.get_flags(uids)
                    found[name] = [tuple(flag for flag in flags[uid] if flag != b"\\Recent") for uid in sorted(uids)]
        return found

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(30)


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    yield server
    server.stop()

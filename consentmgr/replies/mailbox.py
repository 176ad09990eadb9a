"""A mailbox over IMAP (RFC 3501, RFC 9051): which messages are new, their bytes one at a time, and filing them.

Nothing is deleted, and nothing is marked as read by being looked at. Messages that were taken go to folders under
``Processed``; what is for people stays where it was, unread.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from imaplib import IMAP4
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from imapclient import DELETED, SEEN, IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from consentmgr.config import Settings
from consentmgr.kit.errors import Unavailable
from consentmgr.replies.mail import MOST_BYTES

#: The folder that the folders of taken messages are in.
PROCESSED = "Processed"
#: Seconds to wait for the server, to connect and for each answer.
_CONNECT_SECONDS = 20.0
_ANSWER_SECONDS = 60.0

# The library repeats the conversation, which holds people's mail, to its log where somebody asks for debugging.
logging.getLogger("imapclient.imaplib").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """Where the mailbox is, and who we are there. Its text form shows no password."""

    host: str
    port: int
    tls: bool
    user: str
    folder: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The mailbox of the settings; None where none is set."""
        if settings.imap_url is None:
            return None
        parts = urlsplit(settings.imap_url)
        tls = parts.scheme == "imaps"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (993 if tls else 143),
            tls=tls,
            user=unquote(parts.username or ""),
            folder=unquote(parts.path.strip("/")) or "INBOX",
            password=unquote(parts.password or ""),
        )

    @property
    def name(self) -> str:
        """What the mailbox is called in the register: without a password, and the same at every reading."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


class Fetched(NamedTuple):
    """A message's bytes and when the mailbox received it. ``raw`` is None where it is larger than ``MOST_BYTES``."""

    raw: bytes | None
    received_at: datetime | None


class Mailbox:
    """One folder of a mailbox, open. ``uid_validity`` says which numbering the server's numbers belong to."""

    def __init__(self, client: IMAPClient, address: MailboxAddress) -> None:
        self._client = client
        chosen = client.select_folder(address.folder)
        self.uid_validity = int(chosen[b"UIDVALIDITY"])
        self._prefix, self._delimiter = self._namespace(address.folder)
        self._made: set[str] = set()

    def uids(self) -> list[int]:
        """The numbers of all messages that are not deleted, rising."""
        return sorted(self._client.search("NOT DELETED"))

    def fetch(self, uid: int) -> Fetched | None:
        """One message; None where it has gone meanwhile. It is not marked as read."""
        head = self._client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE"]).get(uid)
        if head is None or b"RFC822.SIZE" not in head:
            return None
        received_at = head.get(b"INTERNALDATE")
        if head[b"RFC822.SIZE"] > MOST_BYTES:
            return Fetched(None, received_at)
        # Asked for up to the limit and a byte, whatever the server said of its size.
        body = self._client.fetch([uid], [f"BODY.PEEK[]<0.{MOST_BYTES + 1}>"]).get(uid)
        raw = next((value for name, value in (body or {}).items() if name.startswith(b"BODY[]")), None)
        if body is None:
            return None
        return Fetched(raw if raw is not None and len(raw) <= MOST_BYTES else None, received_at)

    def file(self, uid: int, folder: str, *, unread: bool) -> None:
        """Move a message to a folder under ``Processed``, made where it is missing; safe to repeat.

        A server without MOVE copies the message and marks the first one deleted.
        """
        target = f"{self._prefix}{PROCESSED}{self._delimiter}{folder}"
        self._make(target)
        if not unread:
            self._client.add_flags([uid], [SEEN], silent=True)
        if self._client.has_capability("MOVE"):
            self._client.move([uid], target)
            return
        self._client.copy([uid], target)
        self._client.add_flags([uid], [DELETED], silent=True)
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge([uid])

    def _make(self, folder: str) -> None:
        if folder not in self._made:
            if not self._client.folder_exists(folder):
                try:
                    self._client.create_folder(folder)
                except IMAP4.error:
                    # Another reader made it a moment ago; if not, moving fails and says so.
                    if not self._client.folder_exists(folder):
                        raise
            self._made.add(folder)

    def _namespace(self, folder: str) -> tuple[str, str]:
        """What a new folder's name begins with, and what stands between a folder and one in it (RFC 2342)."""
        if self._client.has_capability("NAMESPACE"):
            personal: Any = self._client.namespace().personal
            if personal and personal[0][1]:
                return personal[0][0], personal[0][1]
        found = self._client.list_folders("", folder) or self._client.list_folders()
        delimiter = found[0][1] if found else None
        return "", delimiter.decode() if isinstance(delimiter, bytes) and delimiter else "/"


@contextmanager
def open_mailbox(address: MailboxAddress) -> Iterator[Mailbox]:
    """The mailbox, logged in, its folder chosen. Raises ``Unavailable`` for whatever goes wrong with it, here and in
    the block; the server's own words, which may quote a message, are left out.
    """
    context = ssl.create_default_context() if address.tls else None
    try:
        with IMAPClient(
            address.host,
            address.port,
            ssl=address.tls,
            ssl_context=context,
            timeout=SocketTimeout(_CONNECT_SECONDS, _ANSWER_SECONDS),
        ) as client:
            client.normalise_times = False
            client.login(address.user, address.password)
            yield Mailbox(client, address)
    except LoginError:
        raise Unavailable("the mail server does not accept the user or password of CONSENTMGR_IMAP_URL") from None
    except ssl.SSLCertVerificationError:
        raise Unavailable("the mail server's certificate is not valid for the host in CONSENTMGR_IMAP_URL") from None
    except IMAP4.error as error:
        raise Unavailable(f"the mail server refused a request ({type(error).__name__})") from None
    except (ssl.SSLError, TimeoutError, ConnectionError, OSError) as error:
        raise Unavailable(f"the mail server cannot be reached ({type(error).__name__})") from None

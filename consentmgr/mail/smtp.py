"""Handing a message to the mail server (RFC 5321), and telling apart what to do when it does not take it."""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Self
from urllib.parse import unquote, urlsplit

from consentmgr.config import Settings, is_this_machine

#: Seconds any one step may take: connecting, or an answer to one command.
STEP_SECONDS = 20.0

_ENHANCED_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and who we are there. Its text form shows no password."""

    host: str
    port: int
    #: TLS from the first byte (RFC 8314); otherwise STARTTLS, which is required unless the server is this machine.
    implicit_tls: bool
    mail_from: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The server of the settings; None where none is set."""
        if settings.smtp_url is None or settings.mail_from is None:
            return None
        parts = urlsplit(settings.smtp_url)
        implicit = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (465 if implicit else 25 if is_this_machine(parts.hostname or "") else 587),
            implicit_tls=implicit,
            mail_from=settings.mail_from,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or "") if parts.username else None,
        )

    @property
    def needs_starttls(self) -> bool:
        return not self.implicit_tls and not is_this_machine(self.host)


class Delivered(NamedTuple):
    """The server has taken the message over."""


class Deferred(NamedTuple):
    """Not now; ``reason`` is a code or the name of an error, never the server's words, which may quote the address."""

    reason: str


class Refused(NamedTuple):
    """Never: the answer was a permanent one (5xx)."""

    reason: str


class Unreachable(NamedTuple):
    """There is no getting through to the server at all, so that others need not be tried now."""

    reason: str


Outcome = Delivered | Deferred | Refused | Unreachable


class Courier:
    """One connection for many messages, opened with the first. Use it as a context manager."""

    def __init__(self, server: MailServer, *, context: ssl.SSLContext | None = None) -> None:
        self.server = server
        self._context = context
        self._connection: smtplib.SMTP | None = None

    def send(self, recipient: str, message: bytes) -> Outcome:
        """Hand in one message to one recipient."""
        try:
            connection = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            self._forget()
            return Unreachable(_reason(error, "connecting"))
        try:
            options = [] if recipient.isascii() else ["SMTPUTF8"]
            connection.sendmail(self.server.mail_from, [recipient], message, mail_options=options)
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            return _answer(code, words, "RCPT")
        except smtplib.SMTPDataError as error:
            return _answer(error.smtp_code, error.smtp_error, "DATA")
        except smtplib.SMTPNotSupportedError:
            return Refused("the mail server takes no such address (SMTPUTF8)")
        except (OSError, smtplib.SMTPException) as error:
            # Our own address refused is a setting to be mended, not the end of this mail.
            self._forget()
            return Deferred(_reason(error, "sending"))
        return Delivered()

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            # A server may have hung up since the last message; asking costs little.
            with suppress(OSError, smtplib.SMTPException):
                if self._connection.noop()[0] == 250:
                    return self._connection
            self._forget()
        self._connection = connection = self._opened()
        connection.ehlo_or_helo_if_needed()
        if self.server.needs_starttls:
            connection.starttls(context=self._tls())
        if self.server.user is not None:
            connection.login(self.server.user, self.server.password or "")
        return connection

    def _opened(self) -> smtplib.SMTP:
        server = self.server
        # The name we greet with; Python would otherwise ask the name service, which can take long.
        name = server.mail_from.rpartition("@")[2]
        if server.implicit_tls:
            return smtplib.SMTP_SSL(server.host, server.port, name, timeout=STEP_SECONDS, context=self._tls())
        return smtplib.SMTP(server.host, server.port, name, timeout=STEP_SECONDS)

    def _tls(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._connection.quit()
        self._forget()


def _answer(code: int, words: bytes | str, step: str) -> Deferred | Refused:
    reason = f"{_code(code, words)} at {step}"
    return Refused(reason) if 500 <= code < 600 else Deferred(reason)


def _code(code: int, words: bytes | str) -> str:
    text = words.decode("ascii", "replace") if isinstance(words, bytes) else words
    enhanced = _ENHANCED_CODE.search(text)
    return f"{code} {enhanced[0]}" if enhanced else str(code)


def _reason(error: Exception, step: str) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{_code(error.smtp_code, error.smtp_error)} at {step}"
    return f"{type(error).__name__} at {step}"

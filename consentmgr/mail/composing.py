"""A mail as it goes over the wire: RFC 5322 header fields, plain text and HTML with the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import cache
from hashlib import blake2b
from html import escape
from string import Template

from consentmgr.files import data_folder
from consentmgr.keys import Keys
from consentmgr.mail.completing import Completion, QueuedMail
from consentmgr.mail.words import BY_NAME, CLOSING, MailTemplate, Part

#: Header fields a completion may add; nothing else, so that no link or name ends up in another one.
EXTRA_HEADERS = frozenset(("List-Unsubscribe", "List-Unsubscribe-Post"))

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_NEUTRAL = "#3b4a54"


class Unwritable(Exception):
    """No mail can be written to this address. Never leaves the package."""


def wire_address(canonical: str) -> str:
    """A canonical address as mail servers write it: the domain in its ASCII form (RFC 5891)."""
    local, _, domain = canonical.rpartition("@")
    labels = [
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in domain.split(".")
    ]
    return f"{local}@{'.'.join(labels)}"


def message_id(mail: QueuedMail, keys: Keys, mail_from: str) -> str:
    """The same for every attempt at one mail, so that a mail that went out twice is known for one; tells nothing."""
    told = f"{mail.id} {mail.created_at.timestamp()}".encode()
    digest = blake2b(told, digest_size=16, key=keys.address_key, person=b"mail-message-id").hexdigest()
    return f"<{digest}@{mail_from.rpartition('@')[2]}>"


def compose(mail: QueuedMail, completion: Completion, *, keys: Keys, mail_from: str, now: datetime) -> bytes:
    """The whole message, lines ended as SMTP asks. Raises ``Unwritable``."""
    template = BY_NAME[mail.template]
    words = template.words[mail.language]
    recipient = wire_address(mail.address)
    message = EmailMessage(policy=SMTP if recipient.isascii() else SMTPUTF8)
    try:
        message["From"] = Address(display_name=_one_line(completion.sender), addr_spec=mail_from)
        message["To"] = Address(addr_spec=recipient)
    except (ValueError, IndexError, MessageError):
        raise Unwritable from None
    message["Subject"] = _one_line(_filled(words.subject, completion.values))
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(mail, keys, mail_from)
    # RFC 3834: no vacation reply comes back, and no loop begins.
    message["Auto-Submitted"] = "auto-generated"
    for name, value in completion.headers.items():
        if name not in EXTRA_HEADERS:
            raise ValueError(f"a mail does not take the header field {name}")
        message[name] = value
    parts = _parts(template, mail, completion.values)
    closing = _filled(CLOSING[mail.language], {"controller": completion.sender})
    message.set_content(plain_text(parts, closing), cte="quoted-printable")
    message.add_alternative(
        html_text(parts, closing, mail, message["Subject"], completion.colour), subtype="html", cte="quoted-printable"
    )
    # Last, because a body takes the Content- fields that are there before it for its own.
    message["Content-Language"] = mail.language
    return message.as_bytes()


def _parts(template: MailTemplate, mail: QueuedMail, values: Mapping[str, str]) -> list[Part]:
    """The template's parts with their placeholders replaced; those that speak of nothing are left out."""
    if missing := template.placeholders - values.keys():
        raise ValueError(f"the mail {template.name} lacks {', '.join(sorted(missing))}")
    found = []
    for part in template.words[mail.language].parts:
        names = {*Template(part.words).get_identifiers(), *Template(part.url).get_identifiers()}
        if all(values[name] for name in names):
            found.append(Part(part.kind, _filled(part.words, values), _filled(part.url, values)))
    return found


def plain_text(parts: list[Part], closing: str) -> str:
    """The mail for those who read plain text: a link stands on a line of its own, whole."""
    blocks = [f"{part.words}:\n{part.url}" if part.url else part.words for part in parts]
    return "\n\n".join(blocks) + f"\n\n-- \n{closing}\n"


def html_text(parts: list[Part], closing: str, mail: QueuedMail, subject: str, colour: str | None) -> str:
    """The same as HTML: one column, real text, no picture, nothing loaded from anywhere."""
    body = "\n".join(_html_part(part) for part in parts)
    frame, style = _frame()
    # Only as a line above the words, where no text has to be read on it, so that any colour will do.
    line = colour if colour is not None and _COLOUR.fullmatch(colour) else _NEUTRAL
    return frame.substitute(
        language=mail.language,
        title=escape(subject),
        style=f"<style>\n{style.substitute(line=line)}</style>",
        body=body,
        closing=escape(closing),
    )


def _html_part(part: Part) -> str:
    words = escape(part.words)
    match part.kind:
        case "button" | "link":
            return f'<p><a class="{part.kind}" href="{escape(part.url)}">{words}</a></p>'
        case "small":
            return f'<p class="small">{words}</p>'
        case "text":
            return f"<p>{words}</p>"


@cache
def _frame() -> tuple[Template, Template]:
    folder = data_folder("templates") / "mail"
    frame, style = (Template((folder / name).read_text(encoding="utf-8")) for name in ("frame.html", "frame.css"))
    assert frame.is_valid(), "a stray $ in frame.html"
    assert style.is_valid(), "a stray $ in frame.css"
    return frame, style


def _filled(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)


def _one_line(text: str) -> str:
    """A controller's name may hold anything; a header field has one line."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())

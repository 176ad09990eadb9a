"""The end of the demonstration: the pages people see, served on this machine with links that work."""

from __future__ import annotations

import json
import re
import shlex
import socket
from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes
from email.policy import default as modern
from pathlib import Path
from typing import TYPE_CHECKING, Final

from consentmgr.config import Settings
from consentmgr.demo.api import new_token
from consentmgr.demo.catalogue import FORM, GARDEN_LETTER, SHOP
from consentmgr.demo.desk import furnish
from consentmgr.demo.mail_catcher import MailCatcher
from consentmgr.demo.run import Demonstration
from consentmgr.demo.telling import tell_line
from consentmgr.demo.words import DEMO_WORDS
from consentmgr.kit import clock
from consentmgr.preferences.links import Link, LinkUse, leave_url, link_keys, preference_url
from consentmgr.staff.demo import DemoAccount, code_of
from consentmgr.vocabulary.codes import Language

if TYPE_CHECKING:
    from rich.console import Console

#: Where everybody looks for a server that is being tried; another one where that is taken.
_USUAL_PORT: Final = 8000
_HOST: Final = "127.0.0.1"
_LINK: Final = re.compile(r"https?://\S+/[ucpv]/[\w.-]+")
_MAIL_FROM: Final = "uutiskirje@esimerkkipuoti.example"


def show_pages(found: Demonstration, settings: Settings, console: Console, language: Language) -> None:
    """Serve the demonstration's register and tell where to look, until Ctrl-C."""
    from consentmgr.serving import serve_here

    words = DEMO_WORDS[language]
    port = _port()
    folder = found.folder / "mail"

    def caught(path: Path) -> None:
        console.print()
        tell_line(console, f"  {words.came}: {path}", style="bold")
        for address in links_in(path):
            tell_line(console, f"  {address}")

    catcher = MailCatcher(folder, caught)
    try:
        settings = replace(
            settings, public_url=f"http://localhost:{port}", smtp_url=catcher.url, mail_from=_MAIL_FROM, imap_url=None
        )
        accounts = furnish(found, settings, language)
        token = new_token(settings)
        with (found.folder / "server.log").open("a", encoding="utf-8") as log:
            serve_here(
                settings,
                _HOST,
                port,
                threads=8,
                jobs=True,
                log_to=log,
                tell=lambda _address: _tell(found, accounts, token, settings, console, language),
            )
    finally:
        catcher.close()
    console.print(words.ended)


def addresses(found: Demonstration, settings: Settings) -> tuple[str, str, str]:
    """To leave by, to choose at, to subscribe with: what stands at the end of the newsletter, and the form."""
    keys = link_keys(settings)
    link = Link(
        use=LinkUse.LEAVE,
        controller=SHOP,
        contact_id=found.reader.contact_id,
        address_kind="email",
        address_key=found.reader.address_key,
        channel="email",
        scope="topic",
        topic=GARDEN_LETTER,
        campaign=found.screened[0][0].campaign.key,
    )
    url = settings.public_url
    return (
        leave_url(url, keys.mint(link)),
        preference_url(url, keys.mint(replace(link, use=LinkUse.PREFERENCES))),
        f"{url}/s/{FORM}",
    )


def links_in(path: Path) -> Sequence[str]:
    """The addresses of the product's own pages in a mail."""
    body = message_from_bytes(path.read_bytes(), policy=modern).get_body(("plain",))
    return tuple(dict.fromkeys(_LINK.findall(str(body.get_content())))) if body is not None else ()


def _tell(
    found: Demonstration,
    accounts: Sequence[DemoAccount],
    token: str,
    settings: Settings,
    console: Console,
    language: Language,
) -> None:
    from rich.text import Text

    words = DEMO_WORDS[language]
    console.print()
    console.print(Text(words.pages.format(name=found.reader.name), style="bold"))
    for what, address in zip((words.leave, words.choose, words.subscribe), addresses(found, settings), strict=True):
        tell_line(console, f"  # {what}", style="dim")
        tell_line(console, f"  {address}")
    console.print()
    _tell_desk(accounts, settings, console, language)
    console.print()
    _tell_api(found, token, settings, console, language)
    console.print()
    tell_line(console, words.mails.format(folder=found.folder / "mail"), style="dim")
    console.print(words.ends)


def _tell_desk(accounts: Sequence[DemoAccount], settings: Settings, console: Console, language: Language) -> None:
    """Where staff work, and how to sign in as each role: the people and what they may see are made up."""
    from rich.text import Text

    words = DEMO_WORDS[language]
    console.print(Text(words.desk.format(password=accounts[0].password), style="bold"))
    tell_line(console, f"  {settings.public_url}/desk/")
    # Lines, not a table: no terminal may be so narrow that a key is cut off.
    now = clock.now()
    tell_line(console, f"  {words.sign_in:<28}{words.code:<10}{words.key}", style="dim")
    for account in accounts:
        tell_line(console, f"  {account.email:<28}{code_of(account, now):<10}{account.totp_key}")


def _tell_api(found: Demonstration, token: str, settings: Settings, console: Console, language: Language) -> None:
    """Where programmes ask, with one question that can be pasted."""
    from rich.text import Text

    words = DEMO_WORDS[language]
    address = f"{settings.public_url}/api/v1"
    asked = {"campaign": found.screened[0][0].campaign.key, "row": {"email": found.asked}, "language": language}
    console.print(Text(words.api.format(address=f"{address}/"), style="bold"))
    tell_line(console, f"  # {words.may_contact}", style="dim")
    tell_line(
        console,
        f"  curl -sS {address}/check -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json'"
        f" -d {shlex.quote(json.dumps(asked))}",
    )


def _port() -> int:
    """The usual one, or 0 for any where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for port in (_USUAL_PORT, 0):
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return 0

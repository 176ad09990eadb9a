"""A link by e-mail. The files themselves stay here; whoever has the link fetches them with a button.

An address that links go to is named twice: in the schedule by whoever makes it, and in ``CONSENTMGR_PARTNER_MAIL`` by
whoever runs the installation. Mail is written in the transaction of the link it tells of, so a run that is taken up
again writes no second one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

from babel.dates import format_date
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import LANGUAGES, Language, Settings
from consentmgr.edge.reachable import Network
from consentmgr.exports.delivery_links import DeliveryLink, LinkUse, url_of
from consentmgr.exports.destinations.destination import Destination, DestinationKind, Here
from consentmgr.exports.destinations.folder import Folder
from consentmgr.exports.kept_files import kept_folder
from consentmgr.exports.models import ExportLink, ExportRun, ExportSchedule
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_email
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotDelivered
from consentmgr.mail.completing import Completion, QueuedMail
from consentmgr.register.models import Controller

VARIABLE: Final = "CONSENTMGR_PARTNER_MAIL"
_MOST_ADDRESSES: Final = 10
_FORM: Final = "is mail:name@partner.example?days=7&downloads=5&language=fi"


class MailedLink:
    """Keeps the files of a run and mails a link to them when the manifest has come."""

    def __init__(self, options: Mapping[str, Any], here: Here) -> None:
        self._options = options
        self._here = here
        self._folder = kept_folder(here.settings, here.run_id, make=True)
        self._files: list[dict[str, Any]] = []

    def put(self, name: str, source: Path) -> None:
        Folder(self._folder).put(name, source)
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._files.append({"name": name, "bytes": source.stat().st_size, "sha256": digest})
        if name.endswith(".manifest.json"):
            self._mail()

    def _mail(self) -> None:
        # The outbox counts for whoever watches the server, which takes as long to load as the rest of a run.
        from consentmgr.mail.outbox import post

        here = self._here
        address_keys = AddressKeys(here.keys.address_key, here.keys.address_key_id)
        with here.database.transaction() as session:
            run = session.get(ExportRun, here.run_id)
            assert run is not None
            schedule = session.get(ExportSchedule, run.schedule)
            assert schedule is not None
            for address in self._options["addresses"]:
                known = address_keys.email(address)
                assert known is not None
                before = session.scalar(
                    select(ExportLink)
                    .where(ExportLink.run_id == run.id, ExportLink.address_key == known.address_key)
                    .with_for_update()
                )
                if before is not None:
                    # The same set, written once more: the link there is leads to it.
                    before.files = self._files
                    continue
                link = ExportLink(
                    id=uuid4(),
                    run_id=run.id,
                    address_key=known.address_key,
                    files=self._files,
                    created_at=here.now,
                    expires_at=here.now + timedelta(days=self._options["days"]),
                    most_downloads=self._options["downloads"],
                )
                session.add(link)
                session.flush()
                post(
                    session,
                    template="export_link",
                    language=cast("Language", self._options["language"]),
                    controller=schedule.controller,
                    address=known.canonical,
                    address_key=known.address_key,
                    fields={"link": str(link.id)},
                    now=here.now,
                    # A partner of hourly lists gets a mail an hour; nobody outside can ask for one.
                    most=None,
                )

    def close(self) -> None:
        """Nothing is held open."""


def is_partner(address: str, named: Sequence[str]) -> bool:
    """Whether the operator lets links go to this address (in canonical form): itself, or its ``@domain``, is named."""
    return address in named or f"@{address.rpartition('@')[2]}" in named


def complete_export_link(session: Session, mail: QueuedMail, settings: Settings, now: datetime) -> Completion | None:
    """What the mail is completed with; None where the link has ended or the address is named no more."""
    link = session.get(ExportLink, UUID(str(mail.fields["link"])))
    if link is None or link.closed_at is not None or link.expires_at <= now:
        return None
    if not is_partner(mail.address, settings.partner_mail):
        return None
    run = session.get(ExportRun, link.run_id)
    assert run is not None
    schedule = session.get(ExportSchedule, run.schedule)
    controller = session.get(Controller, mail.controller)
    if schedule is None or controller is None:
        return None
    last_day = local_date(link.expires_at - timedelta(microseconds=1))
    return Completion(
        sender=controller.name,
        colour=controller.branding.get("colour"),
        values={
            "controller": controller.name,
            "partner": schedule.partner,
            "list": f"{schedule.key}, {run.sequence}",
            "download_url": url_of(settings, DeliveryLink(LinkUse.DOWNLOAD, link.id, link.expires_at)),
            "acknowledge_url": url_of(settings, acknowledging(run)),
            "last_day": format_date(last_day, "long", locale=mail.language),
            "downloads": str(link.most_downloads),
        },
    )


#: How long a partner may acknowledge by link.
ACKNOWLEDGE_WITHIN: Final = timedelta(days=90)


def acknowledging(run: ExportRun) -> DeliveryLink:
    """The link by which a partner says that it holds a run."""
    return DeliveryLink(LinkUse.ACKNOWLEDGE, UUID(int=run.id), run.started_at + ACKNOWLEDGE_WITHIN)


def _check(address: str) -> Mapping[str, Any]:
    parts = urlsplit(address)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.netloc or set(query) - {"days", "downloads", "language"}:
        raise BadInput(_FORM, field="--to")
    given = [one.strip() for one in unquote(parts.path).split(",") if one.strip()]
    addresses = [canonical_email(one) for one in given]
    if not addresses or None in addresses or len(addresses) > _MOST_ADDRESSES:
        raise BadInput(f"{_FORM}, with one to {_MOST_ADDRESSES} addresses", field="--to")
    if query.get("language", "fi") not in LANGUAGES:
        raise BadInput("the language of the mail is fi, sv or en", field="--to")
    return {
        "addresses": list(dict.fromkeys(addresses)),
        "days": _number(query.get("days", "7"), 1, 60, "days"),
        "downloads": _number(query.get("downloads", "5"), 1, 100, "downloads"),
        "language": query.get("language", "fi"),
    }


def _number(text: str, least: int, most: int, name: str) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise BadInput(f"{name} is a number from {least} to {most}", field="--to")
    return int(text)


def _open(_options: Mapping[str, Any], _secrets: Mapping[str, str], _named: Sequence[Network]) -> Destination:
    raise NotDelivered("a link is mailed by the run of a schedule alone")


def _open_here(options: Mapping[str, Any], here: Here) -> Destination:
    unnamed = [address for address in options["addresses"] if not is_partner(address, here.settings.partner_mail)]
    if unnamed:
        raise NotDelivered(
            f"{len(unnamed)} of the schedule's addresses may not be mailed to; name them or their @domain in {VARIABLE}"
        )
    if here.settings.smtp_url is None:
        raise NotDelivered("no mail can be sent; set CONSENTMGR_SMTP_URL")
    return MailedLink(options, here)


KIND = DestinationKind(
    "mail",
    "a link by e-mail to files kept here: mail:name@partner.example?days=7&downloads=5",
    _check,
    _open,
    open_here=_open_here,
)

"""A small register that every route has something to show of, and the addresses of all those pages."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID, uuid4

from flask import Flask
from werkzeug.routing import Rule

from consentmgr.blueprints import BLUEPRINTS
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports import delivery_links
from consentmgr.exports.delivery_links import DeliveryLink
from consentmgr.importing.service import import_documents
from consentmgr.importing.sources import DocumentLines
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences.links import Link, LinkUse, link_keys
from consentmgr.preferences.models import PendingSubscription
from consentmgr.preferences.subscription_forms import add_form
from consentmgr.register.models import Contact
from consentmgr.timetable.models import SchedulerHeartbeat
from tests.cast import AINO, BIRGER, DOCUMENT, NOTICE

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ADDRESS = "aino@posti.example"
CONTROLLER: DOCUMENT = {"type": "controller", "key": "acme", "name": "Acme Oy", "default": True}
TOPIC: DOCUMENT = {
    "type": "topic", "key": "letter", "kind": "newsletter", "controller": "acme", "public": True,
    "names": {"fi": "Kirje", "sv": "Brev", "en": "Letter"},
}  # fmt: skip
#: What must never stand in a log, a metric or an address.
PERSONAL = ("aino", "Virtanen", "birger", "posti.example", "358501000301")


class Register:
    """Aino and Birger, a form, and a subscription that waits."""

    def __init__(self, database: Database, settings: Settings, keys: Keys) -> None:
        self.database = database
        self._settings = settings
        self._links = link_keys(settings)
        self.address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        documents = b"".join(json.dumps(one).encode() + b"\n" for one in (CONTROLLER, TOPIC, NOTICE, AINO, BIRGER))
        report = import_documents(
            database, DocumentLines(BytesIO(documents), "register"), keys=self.address_keys, actor="test", now=NOW
        )
        assert report.rejected == 0, report.told
        key = self.address_keys.email(ADDRESS)
        assert key is not None
        self.address_key = key.address_key
        self.pending = uuid4()
        with database.transaction() as session:
            add_form(
                session,
                key="join",
                controller="acme",
                topics=["letter"],
                notice="signup/1",
                origins=[],
                actor="test",
                now=NOW,
            )
            session.add(
                PendingSubscription(
                    id=self.pending,
                    form="join",
                    controller="acme",
                    topics=["letter"],
                    notice="signup/1",
                    language="fi",
                    address="new@posti.example",
                    address_key=uuid4(),
                    asked_at=datetime.now(UTC),
                    expires_at=datetime.now(UTC) + timedelta(days=7),
                )
            )
            # The timetable is followed by somebody.
            now = datetime.now(UTC)
            session.add(SchedulerHeartbeat(process="test", started_at=now, beaten_at=now))
            self.contact_id = session.query(Contact.id).filter_by(ref="crm:aino").scalar()

    def token(self, use: LinkUse, subject: UUID | None = None) -> str:
        return self._links.mint(
            Link(
                use=use,
                controller="acme",
                contact_id=self.contact_id,
                address_kind="email",
                address_key=self.address_key,
                channel="email",
                scope="topic",
                topic="letter",
                campaign="autumn",
                subject=subject or (self.pending if use is LinkUse.CONFIRM else None),
            )
        )

    def paths(self, app: Flask) -> dict[str, list[str]]:
        """For each rule open to anyone the paths to try: with what is good, and with what is not. The desk's pages ask
        for a login first and the API's doors for a key, and have tests of their own.
        """
        closed = {row.name for row in BLUEPRINTS if row.access != "anyone"}
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] not in closed]
        return {rule.rule: self._paths(rule) for rule in rules}

    def _paths(self, rule: Rule) -> list[str]:
        if rule.endpoint == "static":
            return ["/static/house/page.css", "/static/no.css"]
        uses = {"u": LinkUse.LEAVE, "p": LinkUse.PREFERENCES, "c": LinkUse.CONFIRM, "v": LinkUse.VIEW}
        values = {
            "form": ["join", "none"], "colour": ["12496b", "zz"], "record": [str(UUID(int=1)), "x"],
            "kind": ["ses", "none"], "name": ["news", "none"],
        }  # fmt: skip
        if rule.endpoint.startswith("deliveries."):
            ends = datetime.now(UTC) + timedelta(days=1)
            links = [DeliveryLink(use, UUID(int=1), ends) for use in delivery_links.LinkUse]
            values["token"] = [*(delivery_links.mint(self._settings, link) for link in links), "x"]
        elif "token" in rule.arguments:
            use = uses[rule.rule.split("/")[1]]
            other = next(one for one in LinkUse if one is not use)
            values["token"] = [self.token(use), self.token(other), "x", self.token(use)[:-3]]
        paths = [rule.rule]
        for name in rule.arguments:
            paths = [re.sub(rf"<(?:\w+:)?{name}>", value, path) for path in paths for value in values[name]]
        assert not any("<" in path for path in paths), rule
        return paths

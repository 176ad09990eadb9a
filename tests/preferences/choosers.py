"""A register with newsletters, notices and people who choose, and the preference links that were mailed to them."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import text

from consentmgr.config import Language, Settings
from consentmgr.db import Database
from consentmgr.importing.service import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.preferences import choosing
from consentmgr.preferences.choices import Choices, Control, read
from consentmgr.preferences.choosing import Applied, Form
from consentmgr.preferences.leaving import LeavingDesk
from consentmgr.preferences.links import Link, LinkUse, link_keys
from consentmgr.screening.decide import identifiers_of, told
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import AnyDocument, Campaign
from consentmgr.vocabulary.policy import policy_from

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCUMENT = dict[str, Any]

#: When people choose; everything in the register is older.
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

ACME: DOCUMENT = {
    "type": "controller",
    "key": "acme",
    "name": "Esimerkin kansalaisopisto",
    "contact": "tietosuoja@opisto.example",
    "default": True,
    "colour": "#12496b",
    "privacy_url": "https://opisto.example/tietosuoja",
}


def topic(key: str, fi: str, sv: str, en: str, cadence: str = "monthly", **more: Any) -> DOCUMENT:
    return {
        "type": "topic",
        "key": key,
        "kind": "newsletter",
        "controller": "acme",
        "names": {"fi": fi, "sv": sv, "en": en},
        "descriptions": {"fi": f"{fi} lyhyesti.", "sv": f"{sv} i korthet.", "en": f"{en} in short."},
        "cadence": cadence,
        **more,
    }


COURSES = topic("courses", "Uudet kurssit", "Nya kurser", "New courses", "weekly")
CULTURE = topic("culture", "Kulttuuri-illat", "Kulturkvällar", "Evenings of culture")
GUIDANCE = topic("guidance", "Opintojen ohjaus", "Studiehandledning", "Guidance for studies", "quarterly")

_WORDS = {
    "letters": {
        "fi": "Opisto saa lähettää minulle uutiskirjeitä sähköpostilla.",
        "sv": "Institutet får skicka mig nyhetsbrev per e-post.",
        "en": "The institute may send me newsletters by e-mail.",
    },
    "offers": {
        "fi": "Opisto saa kertoa minulle tarjouksistaan ja kohdentaa mainoksia.",
        "sv": "Institutet får berätta om sina erbjudanden och rikta annonser.",
        "en": "The institute may tell me of its offers and show me advertisements.",
    },
}


def notices() -> list[DOCUMENT]:
    shared = {"type": "notice", "version": 1, "controllers": ["acme"]}
    letters = {"key": "letters", "channels": ["email"], "purposes": ["newsletter"]}
    offers = {"key": "offers", "channels": ["email", "sms"], "purposes": ["direct_marketing"], "audiences": ["meta"]}
    return [
        {**shared, **notice, "language": language, "text": words}
        for notice in (letters, offers)
        for language, words in _WORDS[str(notice["key"])].items()
    ]


def consent(*topics: str, at: str = "2026-03-01T10:00:00+02:00", **more: Any) -> DOCUMENT:
    return {
        "event": "consent_given",
        "at": at,
        "controller": "acme",
        "method": "web_form",
        "channels": ["email"],
        "purposes": ["newsletter"],
        "topics": list(topics),
        "notice": "letters/1/fi",
        "evidence": {"form": "signup", "double_opt_in": "confirmed"},
        **more,
    }


OFFERS = consent(purposes=["direct_marketing"], notice="offers/1/fi")


def person(name: str, *events: DOCUMENT, **more: Any) -> DOCUMENT:
    told = {"source": "web_form", "acquired_on": "2026-03-01", "verified_on": "2026-06-01", "informed_on": "2026-03-01"}
    return {
        "type": "contact",
        "ref": f"crm:{name}",
        "controllers": ["acme"],
        "given_name": name.capitalize(),
        "family_name": "Virtanen",
        "language": "fi",
        "points": [
            {"channel": "email", "value": f"{name}@posti.example", "use": "private", **told},
            {
                "channel": "phone",
                "value": f"+35850{zlib.crc32(name.encode()) % 10_000_000:07}",
                "use": "private",
                **told,
            },
        ],
        "events": list(events),
        **more,
    }


AINO = person("aino", consent("courses", "culture"), OFFERS)


class Choosers:
    """What tests of the preference page share. Each act takes place a minute after the one before."""

    def __init__(self, database: Database, settings: Settings, keys: Keys) -> None:
        self.database = database
        self.keys = AddressKeys(keys.address_key, keys.address_key_id)
        self.link_keys = link_keys(settings)
        self.desk = LeavingDesk(database, settings, keys)
        self.now = NOW
        self.take(ACME, COURSES, CULTURE, GUIDANCE, *notices())

    def close(self) -> None:
        self.desk.close()

    def take(self, *documents: DOCUMENT) -> None:
        with self.database.transaction() as session:
            decoded = [msgspec.convert(document, AnyDocument) for document in documents]
            changes = apply_documents(session, decoded, keys=self.keys, actor="test", now=NOW - MINUTE)
            assert not changes.rejected, changes.rejected

    def ban(self, source: str, *channels: str, name: str = "aino", **more: Any) -> None:
        self.take(
            {
                "type": "prohibition",
                "target": {"email": f"{name}@posti.example"},
                "channels": list(channels),
                "controllers": ["acme"],
                "source": source,
                **more,
            }
        )

    def value(self, question: str, **values: Any) -> Any:
        with self.database.reading() as session:
            return session.execute(text(question), values).scalar()

    def link(self, name: str = "aino", **fields: Any) -> Link:
        point = self.keys.email(f"{name}@posti.example")
        assert point is not None
        given: dict[str, Any] = {
            "use": LinkUse.PREFERENCES,
            "controller": "acme",
            "contact_id": self.value("SELECT id FROM contact WHERE ref = :ref", ref=f"crm:{name}"),
            "address_kind": "email",
            "address_key": point.address_key,
            "channel": "email",
            "scope": "topic",
            "topic": "courses",
            **fields,
        }
        return Link(**given)

    def token(self, name: str = "aino", **fields: Any) -> str:
        return self.link_keys.mint(self.link(name, **fields))

    def choices(self, name: str = "aino", language: Language = "fi", **fields: Any) -> Choices:
        with self.database.reading() as session:
            return read(session, self.link(name, **fields), self.now, language)

    def control(self, wanted: str, name: str = "aino", **fields: Any) -> Control:
        return next(one for one in self.choices(name, **fields).controls if one.name == wanted)

    def form(self, name: str = "aino", **fields: Any) -> Form:
        """The form as the page renders it now."""
        choices = self.choices(name, **fields)
        shown = {one.name: one.on for one in choices.controls if one.changeable}
        return Form(shown, choices.language, choices.paused_until)

    def send(self, rendered: Form, submitted: Form, name: str = "aino", **fields: Any) -> Applied:
        self.now += MINUTE
        with self.database.transaction() as session:
            return choosing.apply(
                session,
                self.desk,
                self.link(name, **fields),
                rendered,
                submitted,
                language="fi",
                keys=self.keys,
                actor="person:link",
                now=self.now,
            )

    def turn(self, *names: str, rendered: Form | None = None, **fields: Any) -> Applied:
        """Press these boxes on the page as it is, or was, and send it."""
        rendered = rendered or self.form(**fields)
        pressed = {name: not on if name in names else on for name, on in rendered.controls.items()}
        return self.send(rendered, Form(pressed, rendered.language, rendered.paused_until), **fields)

    def stop_all(self) -> None:
        self.now += MINUTE
        choosing.stop_all(self.desk, self.link(), now=self.now)

    def take_back_all(self) -> int:
        self.now += MINUTE
        with self.database.transaction() as session:
            return choosing.take_back_all(
                session, self.link(), language="fi", keys=self.keys, actor="person:link", now=self.now
            )

    def verdict(self, *, topic: str | None = None, channel: str = "email", name: str = "aino") -> tuple[str, str]:
        """What screening says a minute later: verdict and headline."""
        return self.verdicts([name], topic=topic, channel=channel)[0]

    def verdicts(
        self, names: Sequence[str], *, topic: str | None = None, channel: str = "email"
    ) -> list[tuple[str, str]]:
        """The same for many people at once."""
        document = {
            "type": "campaign",
            "key": "asked",
            "name": "Asked",
            "controller": "acme",
            "channel": channel,
            "purpose": "newsletter" if topic else "direct_marketing",
            "topic": topic,
            "product_group": None,
            "audience": "consumer",
            "business_use": False,
            "areas": [],
            **({"platform": "meta"} if channel == "online_audience" else {}),
        }
        with self.database.reading() as session:
            answers = screen(
                session,
                identifiers_of([{"email": f"{name}@posti.example", "ref": f"crm:{name}"} for name in names]),
                msgspec.convert(document, Campaign),
                keys=self.keys,
                policy=policy_from({}),
                now=self.now + MINUTE,
            )
        return [(row["verdict"], row["reason"]) for row in told(answers)]

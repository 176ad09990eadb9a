"""What the page says before a version is published is what screening says afterwards."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from consentmgr.campaigns.policy import current
from consentmgr.consents.ledger import driver_connection
from consentmgr.consents.superseding import going_stale
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.screening.service import screen
from consentmgr.screening.snapshot_writing import build
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.time_rules import oldest_inside
from tests.catalogue.conftest import ACME, take
from tests.catalogue.test_changing import form

if TYPE_CHECKING:
    from pathlib import Path

    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.staff.signing_in import Desk

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def notice(
    key: str, version: int, supersedes: str | None = None, channels: tuple[str, ...] = ("email", "sms")
) -> dict[str, Any]:
    return {"type": "notice", "key": key, "version": version, "language": "fi", "text": f"{key} {version}", "controllers": ["acme"],
            "channels": list(channels), "purposes": ["direct_marketing"], **({"supersedes": supersedes} if supersedes else {})}  # fmt: skip


def consent(under: str, at: str = "2026-06-01", **more: Any) -> dict[str, Any]:
    return {"event": "consent_given", "at": f"{at}T10:00:00+03:00", "controller": "acme", "method": "web_form",
            "channels": ["email"], "purposes": ["direct_marketing"], "notice": under,
            "evidence": {"double_opt_in": "not_used"}} | more  # fmt: skip


def withdrawn(at: str = "2026-07-01", **more: Any) -> dict[str, Any]:
    return {
        "event": "consent_withdrawn",
        "at": f"{at}T10:00:00+03:00",
        "controller": "acme",
        "method": "email_link",
        **more,
    }


def person(name: str, *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "contact", "ref": name, "controllers": ["acme"], "country": "FI", "born_on": "1980-01-01",
            "points": [{"channel": "email", "value": f"{name}@posti.example", "use": "private", "source": "web_form",
                        "acquired_on": "2026-01-01", "informed_on": "2026-01-01"}],
            "events": list(events), **more}  # fmt: skip


#: Each with whether a third, major version of ``signup`` makes the consent stale.
PEOPLE: list[tuple[bool, dict[str, Any]]] = [
    (True, person("first", consent("signup/1/fi"))),
    (True, person("second", consent("signup/2/fi"))),
    (True, person("both", consent("signup/1/fi"), consent("signup/2/fi", "2026-08-01"))),
    (True, person("objected-too", consent("signup/1/fi"),
                  {"event": "objected", "at": "2026-09-01T10:00:00+03:00", "controller": "acme", "method": "phone"})),
    (True, person("left-sms-only", consent("signup/1/fi", channels=["email", "sms"]), withdrawn(channels=["sms"]))),
    (True, person("anew-after-leaving", consent("signup/1/fi"), withdrawn(), consent("signup/2/fi", "2026-08-01"))),
    (True, person("unverified-withdrawal", consent("signup/1/fi"), withdrawn(given_by="unverified"))),
    (True, person("old-but-heard-of", consent("signup/1/fi", "2021-01-01"), last_interaction_on="2026-10-01")),
    (False, person("left", consent("signup/1/fi"), withdrawn())),
    (False, person("elsewhere-too", consent("signup/1/fi"), consent("other-words/1/fi"))),
    (False, person("elsewhere", consent("other-words/1/fi"))),
    (False, person("unconfirmed", consent("signup/1/fi", evidence={"double_opt_in": "pending"}))),
    (False, person("ticked-for-them", consent("signup/1/fi", evidence={"pre_ticked": True}))),
    (False, person("nothing")),
    (False, person("proven-without-words", consent("signup/1/fi"),
                   consent("", "2026-09-01", notice=None, evidence={"recording": "tape 3"}))),
]  # fmt: skip


def stale_rows(database: Database, keys: Keys, **more: Any) -> set[str]:
    """Who is stale, as a list of all of them is screened."""
    names = [document["ref"] for _, document in PEOPLE]
    with database.reading() as session:
        answers = screen(
            session,
            pa.table({"email": [f"{name}@posti.example" for name in names]}),
            Campaign(key="c", controller="acme", channel="email", purpose="direct_marketing"),
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            policy=current(session),
            now=NOW,
            **more,
        )
    reasons = [answers.outcomes[index].reasons for index in answers.outcome.to_pylist()]
    return {name for name, found in zip(names, reasons, strict=True) if "CONSENT_STALE" in found}


def test_the_page_foretells_how_many_consents_screening_will_call_stale(
    database: Database, keys: Keys, desk: Desk
) -> None:
    documents = [
        ACME,
        notice("signup", 1),
        notice("signup", 2, "minor"),
        notice("other-words", 1),
        *(one for _, one in PEOPLE),
    ]
    take(database, keys, documents)
    expected = {document["ref"] for stale, document in PEOPLE if stale}
    assert stale_rows(database, keys) == set()
    steward = desk("data_steward")
    given = form(
        words_fi="Aivan muuta.",
        supersedes="major",
        controllers=["acme"],
        channels=["email"],
        purposes=["direct_marketing"],
    )
    seen = steward.post("/desk/notices/signup/new-version/check", given).text
    told = re.search(r"(\d+) people are left without a fresh consent", seen)
    assert told is not None
    assert stale_rows(database, keys) == set(), "looking changed something"
    assert steward.post("/desk/notices/signup/new-version", [*given, ("version", "3")]).status_code == 302
    assert stale_rows(database, keys) == expected
    assert stale_rows(database, keys, engine="duckdb") == expected
    assert int(told[1]) == len(expected)


def test_a_minor_version_makes_nothing_stale(database: Database, keys: Keys) -> None:
    take(
        database,
        keys,
        [ACME, notice("signup", 1), notice("signup", 2), notice("other-words", 1), *(one for _, one in PEOPLE)],
    )
    take(database, keys, [notice("signup", 3, "minor")])
    assert stale_rows(database, keys) == set()


def test_those_made_stale_by_an_earlier_version_are_not_counted_again(database: Database, keys: Keys) -> None:
    take(
        database,
        keys,
        [
            ACME,
            notice("signup", 1),
            notice("signup", 2, "major"),
            notice("other-words", 1),
            *(one for _, one in PEOPLE),
        ],
    )
    limit = oldest_inside(local_date(clock.now()), 36)
    before = stale_rows(database, keys)
    with database.reading() as session:
        foretold = going_stale(session, "signup", 3, limit=limit)
    take(database, keys, [notice("signup", 3, "major")])
    after = stale_rows(database, keys)
    assert foretold.people == len(after - before) > 0


def test_a_snapshot_taken_before_knows_of_a_version_published_since(
    database: Database, keys: Keys, tmp_path: Path
) -> None:
    take(
        database,
        keys,
        [ACME, notice("signup", 1), notice("signup", 2), notice("other-words", 1), *(one for _, one in PEOPLE)],
    )
    with database.reading() as session:
        connection = driver_connection(session)
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        snapshot = build(connection, tmp_path / "snapshots", address_keys, NOW)
    take(database, keys, [notice("signup", 3, "major")])
    expected = {document["ref"] for stale, document in PEOPLE if stale}
    assert stale_rows(database, keys, snapshot=snapshot) == expected

"""A run leaves the whole set of one position of the register, proven, and deltas add up to it."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database
from consentmgr.exports.content import kinds_of
from consentmgr.exports.manifest import read_manifest
from consentmgr.exports.models import ExportRun
from consentmgr.exports.runs import DIGEST_KEY, LEAP, acknowledge, claim, run_schedule
from consentmgr.exports.stored_set import stood_in
from consentmgr.exports.suppressed import REASONS
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import now as clock_now
from consentmgr.kit.errors import BadInput, CheckFailed, NotDelivered
from consentmgr.kit.signing import public_jwk
from consentmgr.prohibitions.models import Restoration
from consentmgr.screening.decide import identifiers_of
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.exports.conftest import Run, Take
from tests.generators import NOW, world

OBJECTED = {"event": "objected", "at": "2026-10-01T10:00:00+03:00", "method": "email_link"}


def person(ref: str, *events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    point = {"channel": "email", "value": f"{ref}@x.example", "use": "private", "source": "web_form"}
    return {"type": "contact", "ref": ref, "points": [point], "events": [*events], **fields}


def addresses(files: Any, folder: Path) -> dict[str, str]:
    """What a run's CSV says: action by address."""
    with (folder / files[0].name).open(encoding="utf-8", newline="") as file:
        return {row["address"]: row["action"] for row in csv.DictReader(file)}


def test_everyone_with_a_standing_stop_leaves_and_nobody_else(
    take: Take, schedule: Callable[..., str], run: Run, target: Path
) -> None:
    take(
        [
            person("willing"),
            person("objector", OBJECTED),
            person("dead", deceased_on="2026-01-01"),
            person("limited", {"event": "restricted", "at": "2026-10-01T10:00:00+03:00"}),
            person("leaving", {"event": "erasure_requested", "at": "2026-10-01T10:00:00+03:00"}),
            person("complainer", {**OBJECTED, "event": "complaint", "channels": ["email"]}),
            person("caller", {**OBJECTED, "channels": ["phone"]}),
            {
                **person("bounced"),
                "points": [{"channel": "email", "value": "bounced@x.example", "state": "hard_bounce"}],
            },
            {"type": "prohibition", "target": {"email": "=nobody@x.example"}, "source": "self"},
            {
                "type": "prohibition",
                "target": {"email": "ended@x.example"},
                "source": "self",
                "valid_until": "2020-01-01",
            },
        ]
    )
    schedule()
    done = run()
    assert set(addresses(done.files, target)) == {
        f"{name}@x.example" for name in ("objector", "dead", "limited", "leaving", "complainer", "bounced", "=nobody")
    }


def test_the_manifest_comes_last_and_proves_the_files(
    take: Take, schedule: Callable[..., str], run: Run, target: Path, keys: Keys
) -> None:
    take([person("objector", OBJECTED)])
    schedule()
    done = run()
    (path,) = target.glob("*.manifest.json")
    claims = read_manifest(path.read_bytes(), public_jwk(keys.signing_key))
    assert claims["sequence"] == done.sequence == 1
    assert claims["files"] == [
        {
            "name": "mailer-000001.csv",
            "sha256": hashlib.sha256((target / "mailer-000001.csv").read_bytes()).hexdigest(),
            "bytes": (target / "mailer-000001.csv").stat().st_size,
            "rows": 1,
        }
    ]
    assert claims["register_position"]
    assert claims["ledger_head"]
    written = sorted(target.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    assert written[-1] == path
    forged = json.loads(path.read_bytes()) | {"sequence": 2}
    with pytest.raises(CheckFailed):
        read_manifest(json.dumps(forged).encode(), public_jwk(keys.signing_key))


def test_a_delta_holds_what_changed_since_the_acknowledged_sequence_with_what_was_lifted(
    take: Take, schedule: Callable[..., str], run: Run, target: Path, database: Database
) -> None:
    take([person("a", OBJECTED), person("b", {**OBJECTED, "method": "phone"})])
    schedule(delta=True)
    assert run().mode == "full"
    with database.transaction() as session:
        acknowledge(session, "mailer", 1, by="partner", actor="test", now=NOW)
    lifted = {"event": "objection_lifted", "at": "2026-10-20T10:00:00+03:00", "method": "phone", "reason": "asked"}
    take([{"type": "event", "contact": "b", **lifted}, person("c", OBJECTED)])
    done = run()
    assert done.mode == "delta"
    assert addresses(done.files, target) == {"c@x.example": "add", "b@x.example": "remove"}
    # Not acknowledged, so the next delta says it again.
    take([person("d", OBJECTED)])
    assert addresses(run().files, target) == {"c@x.example": "add", "b@x.example": "remove", "d@x.example": "add"}


@pytest.mark.parametrize("seed", range(3))
def test_the_set_is_what_screening_stops(
    seed: int, take: Take, schedule: Callable[..., str], run: Run, database: Database, keys: Keys
) -> None:
    made = world(seed)
    take(made.documents)
    for channel in ("email", "phone"):
        schedule(f"of-{channel}", channel=channel)
        run(f"of-{channel}")
        with database.reading() as session:
            stored = _stored(session, f"of-{channel}")
            told = _stopped(session, channel, keys)
        # Stops that the law weighs against a consent are weighed; what stays may be stricter, never looser.
        assert not {value: stops for value, stops in told.items() if value not in stored}, (seed, channel)
        assert len(stored - told.keys()) <= max(1, len(stored) * 0.2), (seed, channel, stored - told.keys())


def _stored(session: Session, key: str) -> set[str]:
    rows = session.execute(
        text(
            "SELECT DISTINCT p.value FROM exported_entry e JOIN contact_point p ON p.address_key = e.address_key"
            " WHERE e.schedule = :key AND p.value IS NOT NULL"
        ),
        {"key": key},
    )
    return {row[0] for row in rows}


def _stopped(session: Session, channel: str, keys: Keys) -> dict[str, set[str]]:
    """What screening says of every address of the register: the stops of those that it stops."""
    (kind,) = kinds_of(channel)
    values = list(
        session.scalars(
            text("SELECT DISTINCT value FROM contact_point WHERE kind = :kind AND value IS NOT NULL"), {"kind": kind}
        )
    )
    campaign = Campaign(key="all", name="all", controller="acme", channel=channel, purpose="direct_marketing")  # type: ignore[arg-type]
    answers = screen(
        session,
        identifiers_of([{kind: value} for value in values]),
        campaign,
        keys=AddressKeys(keys.address_key, keys.address_key_id),
        # A bare STOP by SMS asks for a review of other channels; it is no stop that stands there.
        policy=policy_from({"stop_reply_other_channels": "allow"}),
        now=NOW,
    )
    stops = {*REASONS}
    found = {}
    for value, index in zip(values, answers.outcome.to_pylist(), strict=True):
        if stopped := stops & {*answers.outcomes[index].reasons}:
            found[value] = stopped
    return found


@pytest.mark.parametrize("seed", range(3))
def test_full_now_is_full_then_and_the_deltas(
    seed: int, take: Take, schedule: Callable[..., str], run: Run, target: Path, database: Database
) -> None:
    made = world(seed)
    half = len(made.documents) * 2 // 3
    take(made.documents[:half])
    schedule("deltas", delta=True)
    schedule("fulls")
    held = {address for address, action in addresses(run("deltas").files, target).items() if action == "add"}
    for part in (
        made.documents[half:],
        [{"type": "prohibition", "target": {"email": "new@x.example"}, "source": "self"}],
    ):
        with database.transaction() as session:
            newest = session.scalar(
                select(ExportRun.sequence).where(ExportRun.schedule == "deltas").order_by(ExportRun.sequence.desc())
            )
            assert newest is not None
            acknowledge(session, "deltas", newest, by="partner", actor="test", now=NOW)
        take(part)
        for address, action in addresses(run("deltas").files, target).items():
            (held.add if action == "add" else held.discard)(address)
        assert held == set(addresses(run("fulls").files, target))


def test_an_erased_person_is_still_named_to_the_partner_who_shares_a_key(
    take: Take, schedule: Callable[..., str], run: Run, target: Path
) -> None:
    take([person("objector", OBJECTED)])
    schedule(format="keyed", secrets={DIGEST_KEY: "k" * 40})
    before = (target / run().files[0].name).read_text()
    take([{"type": "event", "contact": "objector", "event": "erased", "at": "2026-10-30T10:00:00+02:00"}])
    after = (target / run().files[0].name).read_text()
    assert before == after != ""


def test_whether_an_address_was_in_what_was_sent_is_answered_from_the_stored_set(
    take: Take, schedule: Callable[..., str], run: Run, database: Database, keys: Keys
) -> None:
    key = AddressKeys(keys.address_key, keys.address_key_id).email("objector@x.example")
    assert key is not None
    take([person("objector", OBJECTED)])
    schedule()
    before = clock_now()
    run()
    with database.reading() as session:
        connection = driver_connection(session)
        assert stood_in(connection, "mailer", key.address_key, before) is None
        held = stood_in(connection, "mailer", key.address_key, clock_now())
        assert held is not None
        assert held[0] == 1


def test_files_can_be_for_the_partners_eyes_alone(
    take: Take, schedule: Callable[..., str], run: Run, target: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    take([person("objector", OBJECTED)])
    schedule(encrypt_to=str(identity.to_public()))
    done = run()
    (file,) = done.files
    assert file.name == "mailer-000001.csv.age"
    assert b"objector@x.example" in pyrage.decrypt((target / file.name).read_bytes(), [identity])
    assert not list(target.glob("*.csv"))


def test_the_allowed_are_those_screening_allows(
    take: Take, schedule: Callable[..., str], run: Run, target: Path
) -> None:
    notice = {
        "type": "notice",
        "key": "signup",
        "version": 1,
        "language": "fi",
        "text": "Saa lähettää.",
        "controllers": ["acme"],
        "channels": ["email"],
        "purposes": ["direct_marketing"],
    }
    consent = {
        "event": "consent_given",
        "at": "2026-06-01T10:00:00+03:00",
        "method": "web_form",
        "controller": "acme",
        "channels": ["email"],
        "purposes": ["direct_marketing"],
        "notice": "signup/1/fi",
    }
    adult = {"born_on": "1980-01-01"}
    take([notice, person("willing", consent, **adult), person("silent", **adult), person("gone", OBJECTED, **adult)])
    schedule(content="allowed", format="jsonl")
    done = run()
    (line,) = (target / done.files[0].name).read_text().splitlines()
    assert json.loads(line)["address"] == "willing@x.example"


def test_a_run_abandoned_after_its_set_was_stored_is_finished_under_a_higher_fence(
    take: Take,
    schedule: Callable[..., str],
    run: Run,
    target: Path,
    database: Database,
    settings: Settings,
    keys: Keys,
) -> None:
    take([person("objector", OBJECTED)])
    schedule()
    target.rename(target.with_name("away"))
    with pytest.raises(NotDelivered, match="is not there"):
        run()
    target.with_name("away").rename(target)
    with database.transaction() as session:
        taken = claim(session, "mailer", slot=None, full=False, claimed_by="one that dies", now=clock_now())
        assert taken is not None
        assert claim(session, "mailer", slot=None, full=False, claimed_by="another", now=clock_now()) is None
    later = clock_now() + timedelta(minutes=2)
    done = run_schedule(database, settings, keys, "mailer", actor="test", claimed_by="another", now=later)
    assert done is not None
    assert done.sequence == 1
    with database.reading() as session:
        (found,) = session.scalars(select(ExportRun))
        assert (found.state, found.fence) == ("published", 3)


def test_what_cannot_be_is_refused_before_it_is_stored(take: Take, schedule: Callable[..., str]) -> None:
    take([])
    for asked, field in (
        ({"format": "telex"}, "--format"),
        ({"format": "e164"}, "--format"),
        ({"format": "meta"}, "--format"),
        ({"format": "keyed"}, "--digest-key-file"),
        ({"destination": "gopher://x.example"}, "--to"),
        ({"destination": "folder:/nowhere/at/all"}, "--to"),
        ({"channel": "telepathy"}, "--channel"),
        ({"topic": "unheard"}, "--topic"),
        ({"cron": "every night"}, "--cron"),
        ({"time_zone": "Mars/Olympus"}, "--time-zone"),
        ({"encrypt_to": "age1nobody"}, "--encrypt-to"),
        ({"controller": "unknown"}, "--controller"),
    ):
        with pytest.raises(BadInput) as refused:
            schedule("x", **asked)
        assert refused.value.field == field


def test_after_a_restore_sequences_leap_and_no_delta_builds_on_what_was_lost(
    take: Take, schedule: Callable[..., str], run: Run, database: Database
) -> None:
    take([person("objector", OBJECTED)])
    schedule(delta=True)
    run()
    with database.transaction() as session:
        acknowledge(session, "mailer", 1, by="partner", actor="test", now=NOW)
    assert run().mode == "delta"
    with database.transaction() as session:
        now = clock_now()
        session.add(Restoration(backup_taken_at=NOW, restored_at=now, restored_by="test", recovered_at=now))
        # A run that had begun before the backup and was not over.
        session.add(
            ExportRun(
                schedule="mailer",
                sequence=3,
                mode="full",
                state="claimed",
                claimed_by="gone",
                heartbeat_at=NOW,
                started_at=NOW,
            )
        )
    done = run()
    assert (done.sequence, done.mode) == (3 + LEAP, "full")
    with database.transaction() as session:
        acknowledge(session, "mailer", done.sequence, by="partner", actor="test", now=NOW)
        assert session.scalars(select(ExportRun.state).where(ExportRun.sequence == 3)).one() == "failed"

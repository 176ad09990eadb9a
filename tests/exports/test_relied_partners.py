"""A certificate names the partners it relies on, and is no longer good when one of them lags."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.exports.runs import acknowledge
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.screening.asking_again import against_register
from consentmgr.screening.partners import lagging_of
from consentmgr.screening.relied_partners import partners_of
from consentmgr.vocabulary.documents import Campaign
from tests.conftest import RunCommand
from tests.exports.conftest import Run, Take
from tests.exports.test_runs import OBJECTED, person

CAMPAIGN = {
    "key": "spring",
    "name": "Spring",
    "controller": "acme",
    "channel": "email",
    "purpose": "direct_marketing",
}
RELIED = {"most_lag_hours": 5, "lag_ends_certificates": True}


def notice_and_consent() -> tuple[dict[str, Any], dict[str, Any]]:
    scope = {"controllers": ["acme"], "channels": ["email"], "purposes": ["direct_marketing"]}
    notice = {"type": "notice", "key": "signup", "version": 1, "language": "fi", "text": "Saa lähettää.", **scope}
    consent = {
        "event": "consent_given",
        "at": "2026-06-01T10:00:00+03:00",
        "method": "web_form",
        "controller": "acme",
        "channels": ["email"],
        "purposes": ["direct_marketing"],
        "notice": "signup/1/fi",
    }
    return notice, consent


@pytest.fixture
def screened(take: Take, run_command: RunCommand, tmp_path: Path) -> Callable[[], Path]:
    """Screen a list of two, one of whom may be written to; the certificate's file."""
    notice, consent = notice_and_consent()
    take([notice, person("willing", consent, born_on="1980-01-01"), person("objector", OBJECTED)])
    (tmp_path / "list.csv").write_text("email\nwilling@x.example\nobjector@x.example\n")
    (tmp_path / "campaign.json").write_text(json.dumps(CAMPAIGN))

    def screen() -> Path:
        run_command("screen", "list.csv", "--campaign", "campaign.json", "--replace")
        return tmp_path / "list.certificate.json"

    return screen


def claims_of(certificate: Path) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(certificate.read_text())
    return claims


def test_a_certificate_names_the_partners_it_relies_on_and_no_others(
    schedule: Callable[..., str], screened: Callable[[], Path]
) -> None:
    assert "relies_on" not in claims_of(screened())
    schedule("mailer", **RELIED)
    schedule("phones", channel="phone", **RELIED)
    schedule("research", purpose="research", **RELIED)
    schedule("told-only", most_lag_hours=5)
    assert claims_of(screened())["relies_on"] == [
        {"schedule": "mailer", "partner": "Postitalo Oy", "most_lag_hours": 5}
    ]


def test_a_partner_lags_until_it_has_acknowledged(
    take: Take, schedule: Callable[..., str], run: Run, database: Database, settings: Settings
) -> None:
    take([person("objector", OBJECTED)])
    schedule(**RELIED)
    made = run().sequence
    claims = {"relies_on": [{"schedule": "mailer"}]}

    def lags(hours: float) -> bool:
        with database.reading() as session:
            return bool(lagging_of(session, claims, clock.now() + timedelta(hours=hours)))

    assert lags(6)
    with database.transaction() as session:
        acknowledge(session, "mailer", made, by="test", actor="test", now=clock.now())
    assert not lags(1_000)
    run()
    # Of two sequences the first that is not acknowledged counts, and acknowledging the newest is enough.
    newest = run().sequence
    assert lags(6)
    with database.transaction() as session:
        acknowledge(session, "mailer", newest, by="test", actor="test", now=clock.now())
    assert not lags(1_000)


def test_a_partner_that_never_got_anything_lags_from_the_day_the_schedule_was_made(
    schedule: Callable[..., str], take: Take, database: Database
) -> None:
    take([])
    schedule(**RELIED)
    with database.reading() as session:
        (partner,) = partners_of(session, Campaign(**CAMPAIGN), ["acme"])  # type: ignore[arg-type]
    assert partner.lags(clock.now() + timedelta(hours=6))


def test_verifying_online_says_that_a_lagging_partner_ends_the_certificate(
    schedule: Callable[..., str], screened: Callable[[], Path], database: Database, run: Run, run_command: RunCommand
) -> None:
    schedule(**RELIED)
    run()
    with database.transaction() as session:
        acknowledge(session, "mailer", 1, by="test", actor="test", now=clock.now())
    certificate = screened()
    assert "asked; the allowed rows too" in run_command("certificate", "verify", certificate, "--online").stdout
    run()
    _let_wait(database, hours=6)
    # Without a register there is nothing to say against it.
    run_command("certificate", "verify", certificate)
    told = run_command("certificate", "verify", certificate, "--online", expect=1).stderr
    assert "SCREENING_EXPIRED" in told
    assert "Postitalo Oy has not acknowledged sequence 2 of the schedule mailer within 5 hours" in told
    # A new screening says so at once.
    again = run_command("screen", "list.csv", "--campaign", "campaign.json", "--replace")
    assert "the certificate is not valid for sending" in again.stderr
    with database.transaction() as session:
        acknowledge(session, "mailer", 2, by="test", actor="test", now=clock.now())
    run_command("certificate", "verify", certificate, "--online")


def test_verifying_online_says_that_somebody_on_the_list_has_left_since(
    screened: Callable[[], Path], take: Take, run_command: RunCommand
) -> None:
    certificate = screened()
    run_command("certificate", "verify", certificate, "--online")
    take([{"type": "prohibition", "target": {"email": "willing@x.example"}, "source": "self"}])
    told = run_command("certificate", "verify", certificate, "--online", expect=1)
    assert "1 of the rows may not be contacted any more" in told.stderr
    assert "willing" not in told.stderr + told.stdout


def test_a_certificate_of_another_register_is_told(
    screened: Callable[[], Path], settings: Settings, database: Database
) -> None:
    claims = claims_of(screened()) | {"id": "00000000-0000-4000-8000-000000000000"}
    assert against_register(settings, claims, allowed=None, now=clock.now()) == [
        "This register knows no such screening."
    ]


def test_ending_certificates_needs_a_time_that_a_partner_may_take(schedule: Callable[..., str], take: Take) -> None:
    take([])
    with pytest.raises(BadInput, match="--most-lag"):
        schedule(lag_ends_certificates=True)


def _let_wait(database: Database, *, hours: int) -> None:
    """As if the partner had been waited for so long."""
    from sqlalchemy import text

    with database.transaction() as session:
        session.execute(
            text("UPDATE relied_partner SET waiting_since = waiting_since - make_interval(hours => :hours)"),
            {"hours": hours},
        )

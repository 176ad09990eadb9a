"""The sentence of DM_OBJECTION_CHANNEL names the channel that was banned, whatever the campaign's is (law.md 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.screening.asking import scratch

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from consentmgr.screening.engine import EngineName

EMAIL = "aino.virtanen@posti.example"
AUDIENCE = {"channel": "online_audience", "platform": "meta", "audience_kind": "inclusion"}


def contact(*events: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "contact",
        "ref": "crm:1",
        "controllers": ["acme"],
        "points": [{"channel": "email", "value": EMAIL, "use": "private", "source": "web_form"}],
        "events": [{"controller": "acme", **event} for event in events],
    }


def stop(*channels: str, **more: Any) -> dict[str, Any]:
    return {"event": "objected", "at": "2026-10-02T10:00:00+03:00", "method": "sms_reply", "channels": channels, **more}


def objection(*channels: str, **more: Any) -> dict[str, Any]:
    return {**stop(*channels), "method": "web_form", **more}


def told(
    database: Database, keys: Keys, documents: list[dict[str, Any]], campaign: dict[str, Any], **policy: str
) -> tuple[str, str, str]:
    """Verdict, headline and sentence in English (without its law), the same by every way of answering."""
    asked = {"type": "campaign", "key": "c", "name": "C", "controller": "acme", "purpose": "direct_marketing"}
    ways: tuple[EngineName, ...] = ("compiled", "polars", "duckdb")
    with scratch(database, keys) as register:
        register.take(documents)
        answers = [register.ask({**asked, **campaign}, [{"email": EMAIL}], policy, way) for way in ways]
    assert all(answer == answers[0] for answer in answers)
    (answer,) = answers[0]
    return answer["verdict"], answer["reason"], answer["explanation"].partition(" (")[0]


@pytest.mark.parametrize(
    ("events", "campaign", "policy", "answer"),
    [
        ([stop("sms")], {"channel": "email"}, {}, ("review", "Has forbidden text message marketing")),
        ([stop("sms")], {"channel": "email"}, {"stop_reply_other_channels": "block"},
         ("block", "Has forbidden text message marketing")),
        ([stop("instant_message")], {"channel": "email"}, {}, ("review", "Has forbidden instant message marketing")),
        ([stop("fax", "sms")], {"channel": "email"}, {}, ("review", "Has forbidden text message marketing")),
        ([stop("sms"), objection("email")], {"channel": "email"}, {}, ("block", "Has forbidden e-mail marketing")),
        ([stop("sms"), objection("email", given_by="unverified")], {"channel": "email"},
         {"stop_reply_other_channels": "block"}, ("block", "Has forbidden text message marketing")),
        ([objection("email")], AUDIENCE, {}, ("block", "Has forbidden e-mail marketing")),
        ([objection("online_audience", "email")], AUDIENCE, {}, ("block", "Has forbidden online audience marketing")),
    ],
)  # fmt: skip
def test_the_sentence_names_the_banned_channel(
    database: Database,
    keys: Keys,
    events: list[dict[str, Any]],
    campaign: dict[str, Any],
    policy: dict[str, str],
    answer: tuple[str, str],
) -> None:
    consent = {
        "event": "consent_given",
        "at": "2026-01-10T10:00:00+02:00",
        "method": "web_form",
        "channels": ["email"],
        "purposes": ["direct_marketing"],
        "audiences": ["meta"],
        "evidence": {"recording": "call-1"},
    }
    verdict, reason, sentence = told(database, keys, [contact(consent, *events)], campaign, **policy)
    assert (verdict, sentence) == answer
    assert reason == "DM_OBJECTION_CHANNEL"


def test_a_prohibition_on_an_address_is_named_by_its_channel_for_an_audience(database: Database, keys: Keys) -> None:
    ban = {"type": "prohibition", "target": {"email": EMAIL}, "channels": ["email"], "source": "self"}
    assert told(database, keys, [ban], AUDIENCE) == (
        "block", "DM_OBJECTION_CHANNEL", "Has forbidden e-mail marketing",
    )  # fmt: skip


def test_of_two_contacts_with_one_address_the_stricter_ban_is_named(database: Database, keys: Keys) -> None:
    first, second = contact(stop("sms")), contact(objection("email"))
    assert told(database, keys, [first, {**second, "ref": "crm:2"}], {"channel": "email"}) == (
        "block", "DM_OBJECTION_CHANNEL", "Has forbidden e-mail marketing",
    )  # fmt: skip

"""A campaign file that names what nobody knows is refused in a sentence; one whose time has passed is told of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from consentmgr.kit.errors import BadInput
from consentmgr.screening.campaign_checks import past_warning, refuse_unclear
from consentmgr.screening.explain import other_readings, row_of
from consentmgr.vocabulary.codes import AREAS
from consentmgr.vocabulary.documents import Campaign
from tests.cast import BUSINESS_CAMPAIGN, CAST, CONSUMER_CAMPAIGN, EKMANS_HR_MANAGER
from tests.generators import NOW
from tests.screening.asking import scratch

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys


def campaign(**fields: Any) -> Campaign:
    return msgspec.convert({**CONSUMER_CAMPAIGN, **fields}, Campaign)


def test_an_area_that_nobody_has_is_refused_and_the_known_ones_are_told(database: Database, keys: Keys) -> None:
    with scratch(database, keys) as register, pytest.raises(BadInput) as refused:
        refuse_unclear(register.session, campaign(areas=["finance", "hr"]), file="campaign.json")
    assert refused.value.field == "areas"
    assert "“hr”" in refused.value.message
    assert all(area in refused.value.message for area in AREAS)


def test_an_area_of_ones_own_is_known_once_somebody_has_it(database: Database, keys: Keys) -> None:
    (role,) = EKMANS_HR_MANAGER["roles"]
    own = {**EKMANS_HR_MANAGER, "roles": [{**role, "areas": [{"area": "catering", "evidence": "organisation"}]}]}
    with scratch(database, keys) as register:
        register.take([*CAST[:-1], own])
        refuse_unclear(register.session, campaign(areas=["catering"]), file="campaign.json")


def test_an_audience_without_its_platform_is_refused(database: Database, keys: Keys) -> None:
    with scratch(database, keys) as register:
        refuse_unclear(register.session, campaign(channel="online_audience", platform="meta"), file="campaign.json")
        refuse_unclear(register.session, msgspec.convert(BUSINESS_CAMPAIGN, Campaign), file="campaign.json")
        with pytest.raises(BadInput, match="linkedin") as refused:
            refuse_unclear(register.session, campaign(channel="online_audience"), file="campaign.json")
    assert refused.value.field == "platform"


def test_a_campaign_planned_for_a_time_that_has_passed_is_told_of() -> None:
    past = campaign(planned_at=(NOW - timedelta(minutes=1)).isoformat())
    assert "2026-11-02 12:59" in str(past_warning(past, NOW, "en"))
    assert len({past_warning(past, NOW, language) for language in ("en", "fi", "sv")}) == 3
    assert past_warning(campaign(planned_at=NOW.isoformat()), NOW, "en") is None
    assert past_warning(campaign(), NOW, "en") is None


@pytest.mark.parametrize(
    ("text", "row", "others"),
    [
        ("2905007-9", {"business_id": "2905007-9"}, ()),
        ("29050079", {"business_id": "29050079"}, ("phone:29050079", "ref:29050079")),
        ("29050528", {"phone": "29050528"}, ("business_id:29050528", "ref:29050528")),
        ("business_id:29050528", {"business_id": "29050528"}, ()),
        ("0501000003", {"phone": "0501000003"}, ()),
        # One in ten telephone numbers has a Swedish organisation number's check digit.
        ("0501000301", {"phone": "0501000301"}, ()),
        ("050 100 0301", {"phone": "050 100 0301"}, ()),
        ("2905007 9", {"business_id": "2905007 9"}, ()),
        ("crm:12345", {"ref": "crm:12345"}, ()),
        ("12345678", {"ref": "12345678"}, ("business_id:12345678",)),
        ("ref:aino@posti.example", {"ref": "aino@posti.example"}, ()),
    ],
)
def test_what_could_be_several_things_is_taken_as_one_and_the_others_are_told(
    text: str, row: dict[str, str], others: tuple[str, ...]
) -> None:
    assert row_of(text) == row
    assert other_readings(text) == others

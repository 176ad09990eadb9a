"""Every page of the catalogue answers, in each language, for those who may see it and for nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from consentmgr.prohibitions.models import Prohibition
from consentmgr.register.models import Organisation

if TYPE_CHECKING:
    from consentmgr.db import Database
    from tests.staff.signing_in import Desk

PAGES = (
    "/desk/organisations", "/desk/organisations?q=ekman", "/desk/organisations/new", "/desk/controllers",
    "/desk/controllers/new", "/desk/controllers/acme", "/desk/topics", "/desk/topics/new", "/desk/topics/training-news",
    "/desk/notices", "/desk/notices/new", "/desk/notices/signup", "/desk/notices/signup/given",
    "/desk/notices/signup/new-version", "/desk/prohibitions", "/desk/prohibitions?state=all&source=self&channel=email",
    "/desk/campaigns", "/desk/campaigns/autumn", "/desk/campaigns/new", "/desk/campaigns/edit/autumn", "/desk/forms",
    "/desk/forms/new", "/desk/rules", "/desk/rules?q=robinson", "/desk/policy", "/desk/policy/sole_trader",
    "/desk/policy/quiet_hours", "/desk/policy/country_rules", "/desk/policy/free_mail_domains", "/desk/policy/research_bans_before",
    "/desk/policy/max_messages_per_7_days", "/desk/purposes", "/desk/purposes/new", "/desk/purposes/acme/customers",
)  # fmt: skip
LANGUAGES = ("fi", "sv", "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_answers(language: str, register: Database, desk: Desk) -> None:
    steward = desk("data_steward", "dpo", language=language)
    with register.reading() as session:
        ekman = session.scalars(select(Organisation.id)).first()
        bans = list(session.scalars(select(Prohibition.id)))
    more = [f"/desk/organisations/{ekman}", f"/desk/organisations/{ekman}/edit", "/desk/prohibitions/new"]
    more += [f"/desk/prohibitions/{number}" for number in bans]
    for path in (*PAGES, *more):
        response = steward.get(path)
        assert response.status_code == 200, (path, response.status_code)
        assert f'<html lang="{language}">' in response.text, path
        assert "catalogue." not in response.text.replace("catalogue.css", ""), path

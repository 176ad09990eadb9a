"""What people write into fields stays text on every page of the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from consentmgr.demo.register import Size
from consentmgr.kit import clock
from tests.desk_walk import Looker, walk
from tests.furnished import furnish, renamed
from tests.payloads import PAYLOADS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from tests.conftest import RunCommand, RunningServer
    from tests.staff.signing_in import Desk

#: Fields whose words are stored and shown again.
_FIELDS = "main form[method=post] :is(input[type=text], input[type=search], input[type=url], textarea):visible"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_script_in_a_name_or_a_field_ever_runs(
    signed_in: BrowserContext, web: RunningServer, desk: Desk, run_command: RunCommand, tmp_path: Path
) -> None:
    furnish(
        run_command,
        tmp_path,
        clock.now(),
        size=Size(contacts=230, organisations=40),
        change=lambda register: renamed(register, list(PAYLOADS)),
    )
    page = signed_in.new_page()
    looker = Looker(page, urlsplit(web.url).netloc)
    filled = 0
    forms = [
        found.url
        for found in walk(page, web.url, desk.app.url_map)
        if page.locator(_FIELDS).count() and not found.endpoint.startswith(("signing.", "me."))
    ]
    for url in forms:
        page.goto(url)
        filled = _fill(page, filled)
        # Past what the browser would check first: whoever means harm does not ask it.
        page.locator(_FIELDS).first.evaluate("field => { field.form.noValidate = true; field.form.requestSubmit(); }")
        page.wait_for_load_state("networkidle")
    assert filled >= 40
    for _ in walk(page, web.url, desk.app.url_map):
        page.mouse.move(400, 300)
    # Answers other than 2xx are told by the browser too, and are meant: a form of nonsense is refused.
    faults = [fault for fault in looker.faults if "responded with a status of 4" not in fault]
    assert not faults, "\n".join(faults)


def _fill(page: Page, place: int) -> int:
    for field in page.locator(_FIELDS).all():
        field.fill(PAYLOADS[place % len(PAYLOADS)].replace("\t", " "))
        place += 1
    return place


@pytest.mark.parametrize(
    "payload", [PAYLOADS[7], *(pytest.param(payload, marks=pytest.mark.slow) for payload in PAYLOADS[107::100])]
)
def test_what_is_searched_for_is_text(signed_in: BrowserContext, web: RunningServer, desk: Desk, payload: str) -> None:
    page = signed_in.new_page()
    looker = Looker(page, urlsplit(web.url).netloc)
    page.goto("/desk/people/")
    page.locator("main form[method=post] input:visible").first.fill(payload.replace("\t", " "))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert not looker.faults

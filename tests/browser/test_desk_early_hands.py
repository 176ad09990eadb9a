"""Whoever is quicker than the scripts of a page: what was chosen before they came counts as if it were chosen after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.people.people import ACME, EVERYBODY, Register
from tests.screening.desk_samples import CAMPAIGN, screened

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.staff.signing_in import DeskClient


class SlowLine:
    """A page whose scripts are on their way until ``let_through``."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[Route] = []
        self.slow = True
        page.route("**/static/**/*.js", self._take)

    def _take(self, route: Route) -> None:
        if self.slow:
            self.held.append(route)
        else:
            route.continue_()

    def open(self, path: str) -> Page:
        self.page.goto(path, wait_until="commit")
        return self.page

    def let_through(self) -> None:
        self.slow = False
        for route in self.held:
            route.continue_()


def searched_early(context: BrowserContext, path: str, words: str) -> Page:
    """A page on which somebody has written what they look for before its scripts came."""
    line = SlowLine(context.new_page())
    page = line.open(path)
    page.get_by_role("searchbox").fill(words)
    line.let_through()
    return page


def test_what_was_chosen_or_written_before_the_scripts_came_counts(
    signed_in: BrowserContext, somebody: DeskClient, database: Database, settings: Settings, keys: Keys
) -> None:
    Register(database, keys).take(ACME, *EVERYBODY[1:], CAMPAIGN)
    found = screened(somebody, database, settings)

    line = SlowLine(signed_in.new_page())
    page = line.open(f"/desk/screenings/{found.id}/rows?verdict=block&lang=en")
    page.get_by_label("Reason").select_option("DM_OBJECTION_ALL")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(4)
    line.let_through()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("birger@posti.example")
    expect(page.get_by_label("Reason")).to_have_value("DM_OBJECTION_ALL")
    page.wait_for_url("**reason=DM_OBJECTION_ALL**")
    # Going back shows the rows and the choice that belong together.
    page.go_back()
    expect(rows).to_have_count(4)
    expect(page.get_by_label("Reason")).to_have_value("")

    page = searched_early(signed_in, "/desk/people/", "birger")
    expect(page.locator("#found")).to_contain_text("Birger Salonen")
    expect(page.locator("#found")).not_to_contain_text("Aino Virtanen")

    page = searched_early(signed_in, "/desk/organisations", "nobody of this name")
    expect(page.locator("#found")).not_to_contain_text("Ekman")

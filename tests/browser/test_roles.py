"""A day of each role, in a real browser: from signing in with a code to what the role is there for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from consentmgr.kit import clock
from consentmgr.staff import accounts
from tests.people.people import ACME, EVERYBODY, Register
from tests.screening.desk_samples import CAMPAIGN, LIST
from tests.staff.signing_in import PASSWORD, Member, member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.conftest import RunCommand, RunningServer
    from tests.staff.signing_in import Desk

# A page that is slow on a busy machine is no fault here.
expect.set_options(timeout=20_000)

#: The same list as Excel saves it: in the letters of Windows, and as "CSV UTF-8" with its mark.
CP1252 = LIST
WITH_MARK = b"\xef\xbb\xbf" + LIST.decode("cp1252").encode()


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, context: BrowserContext, url: str, who: Member) -> None:
        self.page: Page = context.new_page()
        self.url, self.who = url, who

    def sign_in(self) -> Page:
        """With password and code, by the pages."""
        page = self.page
        page.goto(f"{self.url}/desk/?lang=en")
        page.get_by_label("E-mail address").fill(self.who.email)
        page.get_by_label("Password").fill(self.who.password)
        page.locator("main form[action*='sign-in?'] button").click()
        page.fill("input[name=code]", self.who.code())
        page.locator("main form[action*='code'] button").click()
        page.wait_for_url(re.compile(r"/desk/(?!sign-in)"))
        return page

    def menu(self) -> list[str]:
        """What the menu offers."""
        return [
            text.strip() for text in self.page.locator("nav[aria-label] a:visible").all_inner_texts() if text.strip()
        ]


@pytest.fixture
def arrive(browser: Browser, web: RunningServer, database: Database, keys: Keys) -> Iterator[Callable[[str], Person]]:
    """``arrive("marketer")``: somebody of this role, not signed in yet, before a browser. The register has people."""
    Register(database, keys).take(ACME, *EVERYBODY[1:], CAMPAIGN)
    contexts = []

    def come(role: str) -> Person:
        context = browser.new_context(
            base_url=web.url, locale="en-GB", viewport={"width": 1280, "height": 900}, accept_downloads=True
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        return Person(context, web.url, member(database, keys, role, f"{role}@desk.example"))

    yield come
    for context in contexts:
        context.close()


def screen(page: Page, content: bytes, name: str) -> None:
    """From the list's file to its answer, which is open then."""
    page.get_by_role("link", name="Screenings", exact=True).first.click()
    page.wait_for_url("**/desk/screenings")
    page.get_by_role("link", name="Screen a list").first.click()
    page.set_input_files("input[name=list]", {"name": name, "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(re.compile("/columns"))
    expect(page.locator("main")).to_contain_text("sähköposti")
    expect(page.locator("main")).to_contain_text("Ekman Öy")
    page.get_by_role("button", name="The columns are right").click()
    page.get_by_label("A campaign that is stored").select_option("2026-11-offer")
    page.get_by_role("button", name="Look at it").click()
    page.locator("button[value=start-stored]").click()
    # The work is done in a process of its own; the page looks for it by itself and goes on to the answer.
    expect(page.locator("main")).to_contain_text("Good for sending until", timeout=60_000)


def fetched(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def looked_through(page: Page, content: bytes, name: str, run_command: RunCommand, folder: Path) -> bytes:
    """Look at the answer that is open, and fetch and verify what comes of it; the list of those who may be written to."""
    answer = page.url
    page.get_by_role("link", name="Blocked").first.click()
    page.get_by_label("Reason").select_option("DM_OBJECTION_ALL")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("birger@posti.example")
    rows.get_by_role("link", name="Why?").click()
    expect(page.locator("main")).to_contain_text("decided the answer")
    expect(page.locator("main")).to_contain_text("DM_OBJECTION_ALL")
    page.goto(answer)
    (folder / name).write_bytes(content)
    fetched(page, "Allowed rows, for the sender", folder)
    certificate = fetched(page, "Certificate", folder)
    said = run_command("certificate", "verify", certificate).stdout
    assert said.count("unchanged") >= 2, said
    allowed = (folder / f"{name.removesuffix('.csv')}.allowed.csv").read_bytes()
    assert b"aino@posti.example" in allowed
    assert b"birger@" not in allowed
    return allowed


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_both_ways_excel_saves_a_list_have_the_same_answer(
    arrive: Callable[[str], Person], run_command: RunCommand, tmp_path: Path
) -> None:
    page = arrive("data_steward").sign_in()
    headers = set()
    for name, content in {"windows.csv": CP1252, "merkki.csv": WITH_MARK}.items():
        screen(page, content, name)
        headers.add(looked_through(page, content, name, run_command, tmp_path).decode("utf-8-sig").splitlines()[0])
    assert len(headers) == 1


@pytest.mark.timeout(240)
def test_a_marketer_screens_a_list_from_excel_and_a_mailer_fetches_what_is_handed_over(
    arrive: Callable[[str], Person], run_command: RunCommand, tmp_path: Path
) -> None:
    mailer = arrive("mailer")
    marketer = arrive("marketer").sign_in()
    screen(marketer, CP1252, "marraskuu.csv")
    looked_through(marketer, CP1252, "marraskuu.csv", run_command, tmp_path)
    marketer.get_by_label("Note for the mailer").fill("On Tuesday, please")
    marketer.get_by_role("button", name="Hand over").click()
    expect(marketer.locator("main")).to_contain_text("not fetched yet")
    page = mailer.sign_in()
    assert [name for name in mailer.menu() if name in ("People", "Screenings", "Exports", "Overview")] == []
    expect(page.locator("main")).to_contain_text("On Tuesday, please")
    with page.expect_download() as download:
        page.get_by_role("button", name="Fetch").first.click()
    target = tmp_path / "fetched.csv"
    download.value.save_as(target)
    assert b"aino@posti.example" in target.read_bytes()
    for path in ("people/", "screenings", "exports/", "audit"):
        answered = page.goto(f"/desk/{path}")
        assert answered is not None
        assert answered.status == 403, path
    marketer.reload()
    expect(marketer.locator("#hand")).to_contain_text("fetched")
    expect(marketer.locator("#hand")).not_to_contain_text("not fetched yet")


@pytest.mark.timeout(240)
def test_an_auditor_reads_everything_and_changes_nothing(
    arrive: Callable[[str], Person], database: Database, keys: Keys
) -> None:
    page = arrive("auditor").sign_in()
    number = Register(database, keys).id_of("crm:aino")
    page.goto("/desk/people/")
    page.get_by_role("searchbox").fill("aino")
    page.get_by_role("link", name="Aino Virtanen").click()
    page.wait_for_url(re.compile(rf"/desk/people/{number}"))
    expect(page.locator("main")).to_contain_text("What has happened")
    for offer in ("Edit", "Merge", "Erase", "Objection", "Ban"):
        expect(page.get_by_role("link", name=offer, exact=True)).to_have_count(0)
    # Somebody who knows the addresses of forms gets no further.
    token = page.locator("input[name=csrf_token]").first.get_attribute("value")
    for path in (f"people/{number}/record/objected", f"people/{number}/erase", "people/erase", "staff/invite"):
        tried = page.request.post(f"/desk/{path}", form={"csrf_token": token or "", "do": "record"})
        assert tried.status == 403, path
    page.goto("/desk/audit")
    expect(page.locator("main")).to_contain_text(f"contact:{number}")


@pytest.mark.timeout(240)
def test_the_data_protection_officer_takes_an_objection_down_and_is_the_second_person(
    arrive: Callable[[str], Person], database: Database, desk: Desk, tmp_path: Path
) -> None:
    officer = arrive("dpo")
    asks = desk("dpo")
    place = asks.post("/desk/people/erase", {"names": "birger@posti.example"}).location
    assert asks.post(place, {"reason": "Asked for it in a letter."}).status_code == 303
    page = officer.sign_in()
    page.get_by_role("link", name="People", exact=True).first.click()
    page.wait_for_url("**/desk/people/")
    page.get_by_role("searchbox").fill("aino vir")
    page.get_by_role("link", name="Aino Virtanen").click()
    grid = page.locator("section[aria-labelledby=standing]")
    expect(grid).to_contain_text("allowed")
    before = grid.inner_text().count("stopped")
    page.get_by_role("link", name="Objection", exact=True).click()
    page.get_by_label("in a letter or on a form").check()
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-1.4 a scanned letter")
    page.set_input_files("input[name=attachment]", letter)
    page.get_by_role("button", name="Show what changes").click()
    expect(page.locator("main")).to_contain_text("What changes by it")
    expect(page.locator("main")).to_contain_text("letter.pdf")
    page.get_by_role("button", name="Record it").click()
    expect(page.locator("main")).to_contain_text("Recorded: objection")
    page.wait_for_load_state()
    assert grid.inner_text().count("stopped") > before
    page.locator("summary", has_text="Evidence and record").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="letter.pdf").click()
    copy = tmp_path / "copy.pdf"
    download.value.save_as(copy)
    assert copy.read_bytes() == letter.read_bytes()
    page.get_by_role("link", name="Second person", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("Erasing many people")
    page.get_by_role("link", name="Look at the list").click()
    expect(page.locator("main")).to_contain_text("People to be erased")
    page.go_back()
    page.get_by_role("button", name="Accept, and do it now").click()
    expect(page.locator("main")).to_contain_text("Accepted, and done")
    page.goto(place)
    expect(page.locator("main")).to_contain_text("Erased: 1", timeout=60_000)


@pytest.mark.timeout(240)
def test_an_administrator_invites_somebody_and_ends_a_session(
    arrive: Callable[[str], Person], browser: Browser, web: RunningServer, database: Database
) -> None:
    page = arrive("administrator").sign_in()
    page.get_by_role("link", name="Users", exact=True).first.click()
    page.get_by_role("link", name="Invite somebody").first.click()
    page.fill("main #name", "Liisa")
    page.fill("main #email", "liisa@desk.example")
    page.locator("#role-marketer").check()
    page.get_by_role("button", name="Make the one-time address").click()
    address = page.get_by_label("One-time address").input_value()
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(30_000)
    hers = context.new_page()
    hers.goto(address)
    hers.fill("input[name=password]", PASSWORD)
    hers.fill("input[name=again]", PASSWORD)
    hers.get_by_role("button", name="Continue").click()
    secret = re.sub(r"[\s-]", "", hers.locator("code").first.text_content() or "")
    from passlib.totp import TOTP

    hers.fill("input[name=code]", str(TOTP(key=secret, format="base32").generate(time=clock.now()).token))
    with hers.expect_navigation():
        hers.press("input[name=code]", "Enter")
    hers.goto(f"{web.url}/desk/me")
    expect(hers.locator("main")).to_contain_text("Where I am signed in")
    with database.reading() as session:
        liisa = accounts.find(session, "liisa@desk.example")
        assert liisa is not None
        number = liisa.id
    page.goto(f"/desk/staff/{number}")
    page.get_by_role("button", name="Sign out there").first.click()
    expect(page.locator("main")).to_contain_text("That browser has been signed out.")
    hers.reload()
    hers.wait_for_url(re.compile("sign-in"))
    context.close()

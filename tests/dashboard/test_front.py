"""The figures of the front page are those of the rows, of nobody else's controllers, and lead to their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import event, select, text

from consentmgr.config import Settings
from consentmgr.consents.models import LedgerEntry
from consentmgr.dashboard import counting, figures, words
from consentmgr.dashboard.counting import LinkLook, store_links
from consentmgr.dashboard.jobs import count_acts, count_standing
from consentmgr.db import Database
from consentmgr.edge import metrics
from consentmgr.importing.applying import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import local_date
from consentmgr.kit.signing import sign_jws
from consentmgr.preferences.models import Proposal
from consentmgr.screening.models import Screening
from consentmgr.vocabulary.documents import AnyDocument
from tests.staff.signing_in import Desk

NOW = datetime.now(UTC)
TODAY = local_date(NOW)
Take = Callable[[Sequence[Mapping[str, Any]]], None]

ACME = {"type": "controller", "key": "acme", "name": "Acme Oy", "default": True}
OTHER = {"type": "controller", "key": "other", "name": "Toinen Oy"}


def days_ago(days: int, hour: int = 12) -> str:
    return datetime.combine(TODAY - timedelta(days=days), datetime.min.time(), UTC).replace(hour=hour).isoformat()


def person(ref: str, *acts: Mapping[str, Any], controller: str = "acme", **point: Any) -> dict[str, Any]:
    events = [{"method": "web_form", "controller": controller, "channels": ["email"], **act} for act in acts]
    place = {"channel": "email", "value": f"{ref}@x.example", "use": "private", **point}
    return {"type": "contact", "ref": ref, "controllers": [controller], "points": [place], "events": events}


def consent(days: int, hour: int = 12) -> dict[str, Any]:
    return {"event": "consent_given", "at": days_ago(days, hour)}


def withdrawal(days: int) -> dict[str, Any]:
    return {"event": "consent_withdrawn", "at": days_ago(days)}


@pytest.fixture
def take(database: Database, keys: Keys) -> Take:
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)

    def take(documents: Sequence[Mapping[str, Any]]) -> None:
        decoded = [msgspec.convert(document, AnyDocument) for document in documents]
        with database.transaction() as session:
            changes = apply_documents(session, decoded, keys=address_keys, actor="test", now=NOW)
            assert not changes.rejected, changes.rejected

    take([ACME, OTHER])
    return take


@pytest.fixture
def count(database: Database, settings: Settings, keys: Keys) -> Callable[[], None]:
    def count() -> None:
        count_acts(database, settings, keys, NOW)
        count_standing(database, settings, keys, NOW)

    return count


# --- counting ---------------------------------------------------------------------------------------------------------


def counted(database: Database) -> dict[tuple[date, str, str], int]:
    with database.connect() as connection:
        rows = connection.execute(text("SELECT day, controller, event, number FROM act_count"))
        return {(row.day, row.controller, row.event): row.number for row in rows}


def from_rows(database: Database) -> dict[tuple[date, str, str], int]:
    found: dict[tuple[date, str, str], int] = {}
    with database.reading() as session:
        for entry in session.scalars(select(LedgerEntry)):
            key = (local_date(entry.at), entry.controller or "", entry.event)
            found[key] = found.get(key, 0) + 1
    return found


def test_counts_of_acts_are_those_of_the_ledger_however_often_they_are_made(
    database: Database, take: Take, count: Callable[[], None]
) -> None:
    for round_ in range(3):
        people = [
            # An hour before midnight in Finland is another day than in Greenwich.
            person(
                f"p{round_}-{number}", consent(number % 5 + 1, 21 + number % 3), *[withdrawal(0)] * (number % 3 == 0)
            )
            for number in range(40)
        ]
        take([*people, person(f"q{round_}", {"event": "objected", "at": days_ago(2)}, controller="other")])
        count()
        count()
        assert counted(database) == from_rows(database)
    with database.transaction() as session:
        assert counting.count_acts(session) == 0


def test_the_bounds_kept_beside_a_count_hold_all_of_its_entries(
    database: Database, take: Take, count: Callable[[], None]
) -> None:
    take([person(f"p{number}", consent(number % 4)) for number in range(60)])
    count()
    with database.reading() as session:
        for days in range(4):
            day = TODAY - timedelta(days=days)
            rows, number = figures.act_rows(
                session, controller=None, events=("consent_given",), first=day, last=day, limit=1_000
            )
            assert number == len(rows) == 15
            assert {local_date(row.at) for row in rows} == {day}


def test_standing_is_counted_once_a_contact_by_controller_and_in_the_whole(
    database: Database, take: Take, count: Callable[[], None]
) -> None:
    both = person("both", consent(3), {**consent(3), "controller": "other"})
    take([person("a", consent(3)), person("b", consent(3), withdrawal(1)), both])
    count()
    with database.reading() as session:
        of = {name: figures.states_of(session, controller=name)["standing"] for name in (None, "acme", "other")}
    assert of[None].numbers == {("email", "consented"): 2, ("email", "withdrawn"): 1}
    assert of["acme"].numbers == of[None].numbers
    assert of["other"].numbers == {("email", "consented"): 1}
    assert of["other"].counted_at == NOW


def test_standing_is_counted_anew_only_where_something_changed(
    database: Database, settings: Settings, keys: Keys, take: Take
) -> None:
    take([person("a", consent(3))])
    assert count_standing(database, settings, keys, NOW) == "counted"
    assert count_standing(database, settings, keys, NOW) == "nothing had changed"
    take([person("b", consent(3))])
    assert count_standing(database, settings, keys, NOW) == "counted"


def test_views_and_acts_of_links_are_stored_once(database: Database) -> None:
    look = LinkLook()
    look.keep(look.fresh())
    metrics.link_views.labels("leave", "autumn").inc(5)
    metrics.link_acts.labels("one_click", "autumn").inc(2)
    for _ in range(2):
        fresh = look.fresh()
        with database.transaction() as session:
            store_links(session, fresh, day=TODAY)
        look.keep(fresh)
    with database.reading() as session:
        (row,) = figures.links_by_campaign(session, controller=None, since=TODAY)
    assert (row.campaign, row.views, row.acts, row.inert) == ("autumn", 5, 2, 3)


def test_what_could_not_be_stored_is_stored_the_next_time() -> None:
    look = LinkLook()
    look.keep(look.fresh())
    metrics.link_views.labels("leave", "spring").inc()
    assert look.fresh() == look.fresh() == {("view", "leave", "spring"): 1}


# --- the page ---------------------------------------------------------------------------------------------------------


def numbers(page: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r'class="figure-value">([\d,]+)<', page)]


def screened(database: Database, keys: Keys, controller: str, **reasons: int) -> UUID:
    claims = {
        "controller": {"key": controller},
        "counts": {"reasons": {code: {"headline": number} for code, number in reasons.items()}},
    }
    row = Screening(
        id=uuid4(),
        campaign=f"campaign-of-{controller}",
        actor="test",
        screened_at=NOW - timedelta(hours=30),
        valid_until=NOW - timedelta(hours=6),
        register_position="1:1:",
        counts={"allow": 10, "review": 0, "block": sum(reasons.values())},
        certificate=sign_jws(claims, keys.signing_key),
    )
    with database.transaction() as session:
        session.add(row)
    return row.id


def test_an_empty_register_is_told_what_to_do_next(desk: Desk, take: Take) -> None:
    page = desk("data_steward").get("/desk/").text
    assert "Nothing has been counted yet" in page
    assert "No list was screened lately" in page
    assert "Nothing is sent to anybody yet" in page
    assert 'href="/desk/imports/"' in page
    assert 'href="/desk/exports/new"' in page


def test_the_chart_and_its_figures_are_those_of_the_rows(desk: Desk, take: Take, count: Callable[[], None]) -> None:
    take([person(f"p{number}", consent(number), *[withdrawal(0)] * (number < 3)) for number in range(7)])
    count()
    page = desk("marketer").get("/desk/?days=30").text
    assert numbers(page) == [7, 3, 0]
    table = re.findall(r'<time datetime="([\d-]+)">.*?data-value="(\d+)".*?data-value="(\d+)"', page)
    assert len(table) == 30
    assert sum(int(given) for _, given, _ in table) == 7
    assert (TODAY.isoformat(), "1", "3") in table


@pytest.mark.parametrize("days", [30, 90, 365])
def test_every_period_counts_all_of_its_days(days: int, desk: Desk, take: Take, count: Callable[[], None]) -> None:
    take([person(f"p{number}", consent(number * 40)) for number in range(9)])
    count()
    expected = sum(number * 40 < days for number in range(9))
    page = desk("auditor").get(f"/desk/?days={days}").text
    # The first week of the chart may begin before the period; its figure does not.
    assert numbers(page)[0] == expected
    assert f'<strong aria-current="true">{days} days</strong>' in page


def test_every_figure_leads_to_as_many_rows(desk: Desk, take: Take, count: Callable[[], None]) -> None:
    bounced = person("gone", consent(2), state="hard_bounce")
    take(
        [
            bounced,
            *(person(f"p{number}", consent(number)) for number in range(5)),
            person("w", consent(9), withdrawal(1)),
        ]
    )
    count()
    client = desk("marketer")
    front = client.get("/desk/").text
    hrefs = {href.replace("&amp;", "&") for href in re.findall(r'href="(/desk/figures/[^"#]+)', front)}
    # Views of links are counted in the process, and other tests of this process opened some.
    hrefs = {href for href in hrefs if not href.startswith("/desk/figures/links/")}
    assert {href.partition("?")[0] for href in hrefs} == {
        "/desk/figures/acts", "/desk/figures/standing", "/desk/figures/addresses", "/desk/figures/screenings"
    } - {"/desk/figures/screenings"}  # fmt: skip
    shown = {}
    for href in hrefs:
        answer = client.get(href)
        assert answer.status_code == 200, href
        shown[href] = answer.text.count("<tr>") - 1 if "<tbody>" in answer.text else 0
    for line, number in (("given", 7), ("withdrawn", 1)):
        (href,) = [href for href in hrefs if f"line={line}" in href]
        assert shown[href] == number
    assert shown["/desk/figures/standing?channel=email&state=consented"] == 6
    assert shown["/desk/figures/addresses?kind=email&state=hard_bounce"] == 1


def test_long_lists_of_rows_are_read_page_by_page(desk: Desk, take: Take, count: Callable[[], None]) -> None:
    take([person(f"p{number}", consent(1)) for number in range(120)])
    count()
    client = desk("marketer")
    path: str | None = f"/desk/figures/acts?line=given&first={TODAY - timedelta(days=1)}&last={TODAY}"
    seen: list[str] = []
    while path is not None:
        page = client.get(path).text
        seen += re.findall(r"<td>(\d+)</td>\s*</tr>", page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == 120


def test_reasons_are_added_up_from_the_certificates_of_ones_controllers(
    desk: Desk, take: Take, database: Database, keys: Keys
) -> None:
    screened(database, keys, "acme", CONSENT_WITHDRAWN=3, ROBINSON_PHONE=1)
    screened(database, keys, "acme", CONSENT_WITHDRAWN=4)
    screened(database, keys, "other", DECEASED=99)
    with database.reading() as session:
        rows = figures.screenings(session, controllers=frozenset(["acme"]), since=NOW - timedelta(days=30))
    assert figures.reasons_added(rows) == [("CONSENT_WITHDRAWN", 7), ("ROBINSON_PHONE", 1)]
    page = desk("marketer", controllers={"acme"}).get("/desk/").text
    assert "campaign-of-acme" in page
    assert "expired" in page
    assert "campaign-of-other" not in page
    rows_page = desk("marketer", controllers={"acme"}).get("/desk/figures/screenings?reason=ROBINSON_PHONE").text
    assert rows_page.count('id="s-') == 1


def test_nothing_of_another_controller_is_ever_shown(
    desk: Desk, take: Take, database: Database, keys: Keys, count: Callable[[], None]
) -> None:
    take([person("mine", consent(1)), *(person(f"o{n}", consent(1), controller="other") for n in range(5))])
    take([person("foreign-gone", controller="other", state="hard_bounce")])
    with database.transaction() as session:
        store_links(session, {("view", "leave", "foreign-campaign"): 77}, day=TODAY)
        session.add(
            Proposal(
                kind="burst_undo", controller="other", source="flag-bursts", digest=uuid4(), created_at=NOW,
                data={"domain": "foreign.example", "prohibitions": [1, 2]},
            )
        )  # fmt: skip
    screened(database, keys, "other", DECEASED=99)
    count()
    client = desk("marketer", controllers={"acme"})
    page = client.get("/desk/").text
    assert numbers(page) == [1, 0, 0]
    for foreign in ("Toinen", "other", "foreign"):
        assert foreign not in page
    for path in (
        "/desk/?controller=other",
        "/desk/figures/acts?line=given&controller=other",
        "/desk/figures/standing?channel=email&state=consented&controller=other",
        "/desk/figures/addresses?kind=email&state=hard_bounce&controller=other",
        "/desk/figures/screenings?controller=other",
        "/desk/figures/bursts?controller=other",
        "/desk/figures/links/foreign-campaign",
    ):
        assert client.get(path).status_code == 404, path
    assert "<tbody>" not in client.get("/desk/figures/addresses?kind=email&state=hard_bounce").text
    assert "foreign.example" in desk("marketer").get("/desk/").text


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [("/desk/nothing", 404, "Begin at the front page."), ("/desk/staff", 403, "an administrator can give you others")],
)
def test_what_is_not_there_or_not_open_leads_back_to_the_front_page(
    desk: Desk, path: str, status: int, told: str
) -> None:
    answer = desk("marketer").get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == status
    assert told in answer.text
    assert 'href="/desk/"' in answer.text


def test_who_may_not_see_figures_is_led_to_what_they_may_see(desk: Desk, take: Take) -> None:
    mailer = desk("mailer").get("/desk/")
    assert mailer.status_code == 303
    assert mailer.headers["Location"] != "/desk/"
    assert desk("mailer").get("/desk/figures/bursts").status_code == 403


def test_questions_do_not_grow_with_rows(
    desk: Desk, take: Take, database: Database, keys: Keys, count: Callable[[], None]
) -> None:
    asked: list[str] = []
    client = desk("marketer")

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def statements() -> int:
        asked.clear()
        event.listen(database.engine, "before_cursor_execute", note)
        try:
            assert client.get("/desk/").status_code == 200
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
        return len(asked)

    take([person("first", consent(1))])
    screened(database, keys, "acme", DECEASED=1)
    count()
    client.get("/desk/")
    few = statements()
    take([person(f"p{number}", consent(number % 20)) for number in range(60)])
    for _ in range(12):
        screened(database, keys, "acme", DECEASED=1)
    with database.transaction() as session:
        store_links(session, {("view", "leave", f"c{number}"): 3 for number in range(20)}, day=TODAY)
    count()
    assert statements() == few


@pytest.mark.parametrize(("language", "title"), [("fi", "Yleiskuva"), ("sv", "Översikt"), ("en", "Overview")])
def test_the_page_speaks_the_languages_of_the_house(language: str, title: str, desk: Desk, take: Take) -> None:
    assert f"<h1>{title}</h1>" in desk("marketer", language=language).get(f"/desk/?lang={language}").text


def test_consents_by_notice_are_those_of_the_last_count(
    desk: Desk, take: Take, count: Callable[[], None], database: Database
) -> None:
    from consentmgr.consents.superseding import counted_under, given_under

    notice = {
        "type": "notice", "key": "signup", "version": 1, "language": "fi", "text": "Saa lähettää.",
        "controllers": ["acme"], "channels": ["email"], "purposes": ["newsletter"],
    }  # fmt: skip
    given = {**consent(0), "notice": "signup/1/fi"}
    take([notice, *(person(f"n{number}", given) for number in range(3))])
    page = desk("data_steward").get("/desk/notices/signup/given").text
    assert '<td class="number">3</td>' in page, "what was never counted is counted now"
    count()
    take([person("n9", given)])
    with database.reading() as session:
        assert counted_under(session, "signup")[0][1].people == 3
        assert given_under(session, "signup")[1].people == 4
    page = desk("data_steward").get("/desk/notices/signup/given").text
    assert "consents since then are not in it yet" in page
    assert '<td class="number">3</td>' in page
    count()
    assert '<td class="number">4</td>' in desk("data_steward").get("/desk/notices/signup/given").text


@pytest.mark.parametrize(
    ("told", "finnish"),
    [
        ("3 acts taken", "otettu rekisteriin: 3"),
        ("2 sent, 1 deferred", "lähetetty: 2, yritetään uudelleen: 1"),
        ("0 requests forgotten", "poistettu: 0"),
        ("221 bans hashed", "tiivisteitä laskettu: 221"),
        (
            "20261122T010000-abcdef made, 2000 contacts",
            "tehty: 20261122T010000-abcdef, henkilöitä: 2\N{NO-BREAK SPACE}000",
        ),
        ("nothing had changed", "mikään ei ollut muuttunut"),
        ("7 words that nobody has translated", None),
    ],
)
def test_the_outcome_of_a_job_is_told_in_the_language_of_the_page(desk: Desk, told: str, finnish: str | None) -> None:
    with desk.app.test_request_context("/desk/jobs/?lang=fi"):
        assert words.outcome(told) == finnish

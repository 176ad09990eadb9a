"""Who sees what: other controllers' things are not there, not even by their names; and nothing that is shown can act."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text

from consentmgr.prohibitions.models import Prohibition
from tests.catalogue.conftest import take
from tests.catalogue.test_pages import PAGES

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys
    from tests.staff.signing_in import Desk

THEIRS = ("Toinen Oy", "their-news", "Their news", "Toisen sanat", "secret-plan", "Secret plan", "salainen.example",
          "foreign-reference", "their-campaign", "Their campaign", "their-form")  # fmt: skip


@pytest.fixture
def full(register: Database, desk: Desk) -> Database:
    """The register with a form of the other controller's, too."""
    desk("data_steward").post("/desk/forms/new", {"key": "their-form", "controller": "other", "notice": "theirs/1"})
    return register


def foreign_ban(database: Database) -> int:
    with database.reading() as session:
        found = session.scalar(select(Prohibition.id).where(Prohibition.domain == "salainen.example"))
    assert found is not None
    return found


def test_what_is_another_controllers_is_on_no_page(full: Database, desk: Desk) -> None:
    limited = desk("data_steward", "dpo", controllers={"acme"})
    for path in (*PAGES, "/desk/prohibitions/new"):
        response = limited.get(path)
        if path == "/desk/controllers/new":
            assert response.status_code == 404
            continue
        assert response.status_code == 200, path
        for words in THEIRS:
            assert words not in response.text, (path, words)
    found = limited.post("/desk/prohibitions/find", {"target": "salainen.example"})
    assert "No ban on that" in found.text
    everyone = desk("data_steward", "dpo")
    assert "salainen.example" in everyone.get("/desk/prohibitions").text
    assert "their-form" in everyone.get("/desk/forms").text


def snapshot_of(database: Database) -> str:
    tables = ("controller", "topic", "notice", "processing_purpose", "campaign", "subscription_form", "prohibition")
    with database.reading() as session:
        return "\n".join(
            str(session.execute(text(f"SELECT array_agg(t::text ORDER BY t::text) FROM {name} t")).scalar())
            for name in tables
        )


def test_what_is_another_controllers_cannot_be_opened_or_changed(full: Database, desk: Desk) -> None:
    limited = desk("data_steward", "dpo", controllers={"acme"})
    before = snapshot_of(full)
    number = foreign_ban(full)
    for path in ("/desk/controllers/other", "/desk/topics/their-news", "/desk/notices/theirs", "/desk/notices/theirs/new-version",
                 "/desk/notices/theirs/given", "/desk/campaigns/their-campaign", "/desk/campaigns/edit/their-campaign",
                 "/desk/purposes/other/secret-plan", "/desk/forms/their-form", f"/desk/prohibitions/{number}"):  # fmt: skip
        assert limited.get(path).status_code == 404, path
    scope: dict[str, Any] = {"channels": "email", "purposes": "newsletter", "words_fi": "Vaihdettu"}
    for path, data in (
        ("/desk/controllers/other", {"name": "Kaapattu"}),
        ("/desk/controllers/new", {"key": "mine", "name": "Oma"}),
        ("/desk/topics/their-news", {"kind": "newsletter", "name_fi": "Kaapattu"}),
        ("/desk/notices/theirs/new-version", {**scope, "controllers": "acme", "supersedes": "major", "version": "2"}),
        ("/desk/notices/theirs/new-version/check", {**scope, "controllers": "acme", "supersedes": "major"}),
        ("/desk/campaigns/edit/their-campaign", {"name": "Kaapattu", "controller": "acme"}),
        ("/desk/purposes/other/secret-plan", {"basis": "consent", "name_en": "x"}),
        ("/desk/forms/their-form/close", {}),
        ("/desk/prohibitions/lift", {"ids": str(number)}),
        ("/desk/prohibitions/lift/now", {"ids": str(number), "method": "phone", "reason": "x", "note": "x", "at": "2026-11-22"}),
    ):  # fmt: skip
        assert limited.post(path, data).status_code == 404, path
    for path, data in (
        ("/desk/topics/new", {"key": "x", "kind": "newsletter", "name_fi": "x", "controller": "other"}),
        ("/desk/notices/new", {**scope, "key": "x", "controllers": "other"}),
        ("/desk/purposes/new", {"key": "x", "basis": "consent", "name_en": "x", "controller": "other"}),
        ("/desk/forms/new", {"key": "x", "controller": "other", "notice": "theirs/1"}),
        ("/desk/prohibitions/new", {"target_kind": "domain", "domain": "x.example", "source": "self", "note": "x",
                                    "controllers": "other"}),
        ("/desk/prohibitions/new", {"target_kind": "domain", "domain": "x.example", "source": "self", "note": "x"}),
    ):  # fmt: skip
        assert limited.post(path, data).status_code == 422, path
    assert snapshot_of(full) == before


def test_a_ban_that_speaks_of_every_controller_is_not_lifted_by_those_of_one(register: Database, desk: Desk) -> None:
    limited = desk("dpo", controllers={"acme"})
    with register.reading() as session:
        number = session.scalar(select(Prohibition.id).where(Prohibition.source == "robinson_phone"))
    assert limited.get(f"/desk/prohibitions/{number}").status_code == 200
    assert limited.post("/desk/prohibitions/lift", {"ids": str(number)}).status_code == 404


@pytest.mark.parametrize(("role", "opens"), [("mailer", False), ("auditor", True), ("administrator", True)])
def test_pages_open_by_role(role: str, opens: bool, register: Database, desk: Desk) -> None:
    someone = desk(role)
    assert someone.get("/desk/rules").status_code == (200 if opens else 403)
    assert someone.get("/desk/topics").status_code == (200 if opens else 403)
    # An administrator looks after the house, and sees no personal data.
    assert someone.get("/desk/prohibitions").status_code == (200 if role == "auditor" else 403)
    assert someone.get("/desk/topics/training-news").status_code == (200 if role == "administrator" else 403)
    assert desk.visitor().get("/desk/rules").status_code in (302, 303)


# --- what is shown cannot act -------------------------------------------------------------------------------------------

PAYLOADS = (
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "'-alert(1)-'",
    "</textarea><svg onload=alert(1)>",
    "{{7*7}}{% raw %}",
    "javascript:alert(1)",
)


_ACTS = (
    "/desk/controllers/acme",
    "/desk/controllers/preview",
    "/desk/topics/new",
    "/desk/notices/new/check",
    "/desk/notices/xss/new-version/check",
    "/desk/purposes/new",
    "/desk/policy/sole_trader",
    "/desk/forms/new",
    "/desk/policy/country_rules",
    "/desk/prohibitions/new",
    "/desk/prohibitions/find",
    "/desk/organisations/new",
)
_FIELDS = """
name key contact business_id colour privacy_url name_fi description_fi words_fi controllers channels
kind basis balancing_test reason value note email phone domain organisation street target_kind
source at method origins topics notice controller channel purpose message-unsubscribe planned_at
form status domains employees country ref recorded_from target
""".split()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_people_write_comes_out_as_text(payload: str, register: Database, keys: Keys, desk: Desk) -> None:
    take(
        register,
        keys,
        [
            {"type": "controller", "key": "acme", "name": f"A{payload}", "contact": payload, "business_id": payload},
            {"type": "topic", "key": f"t{payload}", "kind": "newsletter", "controller": "acme",
             "names": {"en": payload, "fi": payload}, "descriptions": {"en": payload}},
            {"type": "notice", "key": "xss", "version": 1, "language": "fi", "text": payload, "controllers": ["acme"],
             "channels": ["email"], "purposes": ["newsletter"], "topics": [payload]},
            {"type": "notice", "key": "xss", "version": 2, "language": "fi", "text": payload + "x", "controllers": ["acme"],
             "channels": ["email"], "purposes": ["newsletter"], "supersedes": "minor"},
            {"type": "processing_purpose", "key": f"p{payload}", "controller": "acme", "names": {"en": payload},
             "basis": "consent", "data_categories": [payload], "recipients": [payload], "balancing_test": payload},
            {"type": "organisation", "ref": f"o{payload}", "name": payload, "industry": payload, "source": payload,
             "customer_of": [{"controller": "acme", "product_group": payload}],
             "points": [{"channel": "post", "value": {"street": payload, "postal_code": "00100", "city": payload},
                         "use": "generic", "source": payload}]},
            {"type": "prohibition", "target": {"contact": f"c{payload}"}, "source": "self", "topics": [payload],
             "reference": payload, "evidence": {payload: payload}},
            {"type": "prohibition", "target": {"organisation": f"o{payload}"}, "source": "organisation"},
            {"type": "campaign", "key": "xss-campaign", "name": payload, "controller": "acme", "topic": payload,
             "product_group": payload, "areas": [payload]},
        ],
    )  # fmt: skip
    someone = desk("data_steward", "dpo")
    someone.post("/desk/policy/sole_trader", {"value": "b2b", "reason": payload})
    with register.reading() as session:
        numbers = list(session.scalars(text("SELECT id FROM organisation")))
        bans = list(session.scalars(select(Prohibition.id)))
    paths = [*PAGES, "/desk/notices/xss", "/desk/notices/xss/new-version", "/desk/campaigns/xss-campaign",
             "/desk/campaigns/edit/xss-campaign"]  # fmt: skip
    paths += [f"/desk/organisations/{number}" for number in numbers]
    paths += [f"/desk/organisations/{number}/edit" for number in numbers]
    paths += [f"/desk/prohibitions/{number}" for number in bans]
    pages = [(path, someone.get(path)) for path in paths]
    asked = {"q": payload, "kind": payload, "channel": payload, "name": payload}
    pages += [
        (path, someone.get(path, query_string=asked))
        for path in ("/desk/organisations", "/desk/campaigns", "/desk/rules")
    ]
    everything = dict.fromkeys(_FIELDS, payload)
    pages += [(path, someone.post(path, everything)) for path in _ACTS]
    campaign = dict(everything, shown="name", controller="acme", channel="email", purpose="newsletter")
    pages.append(("campaigns/new", someone.post("/desk/campaigns/new", campaign)))
    pages.append(("campaigns/edit", someone.post("/desk/campaigns/edit/xss-campaign", campaign)))
    for path, response in pages:
        assert response.status_code in (200, 302, 422), (path, response.status_code)
        page = response.text
        assert not re.search(r"<script(?![^>]* src=\"/static/)", page), path
        assert "<img src=x" not in page, path
        assert "<svg onload" not in page, path
        assert not re.search(r"\s(on\w+)\s*=", re.sub(r"\"[^\"]*\"|>[^<]*<", "", page)), path
        assert not re.search(r"(href|src|action)=\"\s*javascript:", page), path
        assert "49{%" not in page, path


# --- as many statements for many rows as for few --------------------------------------------------------------------------


class Counter:
    """Counts the statements of the driver's cursors, which are SQLAlchemy's too."""

    def __init__(self) -> None:
        self.count = 0


@pytest.fixture
def statements(database: Database, monkeypatch: pytest.MonkeyPatch) -> Counter:
    import psycopg

    counter = Counter()
    plain = psycopg.Cursor.execute

    def execute(self: Any, *arguments: Any, **more: Any) -> Any:
        counter.count += 1
        return plain(self, *arguments, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    return counter


def test_longer_lists_take_no_more_statements(register: Database, keys: Keys, desk: Desk, statements: Counter) -> None:
    someone = desk("data_steward", "dpo")
    lists = ("/desk/organisations", "/desk/prohibitions?state=all", "/desk/campaigns", "/desk/topics", "/desk/notices",
             "/desk/purposes", "/desk/controllers", "/desk/forms", "/desk/policy")  # fmt: skip

    def counted(path: str) -> int:
        someone.get(path)
        statements.count = 0
        assert someone.get(path).status_code == 200
        return statements.count

    few = {path: counted(path) for path in lists}
    take(
        register,
        keys,
        [
            document
            for number in range(45)
            for document in (
                {"type": "organisation", "ref": f"club-{number}", "name": f"Kerho {number}"},
                {"type": "prohibition", "target": {"organisation": f"club-{number}"}, "source": "organisation"},
                {"type": "campaign", "key": f"c-{number}", "name": f"Campaign {number}", "controller": "acme"},
                {"type": "topic", "key": f"topic-{number}", "kind": "newsletter", "controller": "acme"},
                {
                    "type": "notice",
                    "key": f"n-{number}",
                    "version": 1,
                    "language": "fi",
                    "text": "x",
                    "controllers": ["acme"],
                },
                {"type": "processing_purpose", "key": f"p-{number}", "controller": "acme", "basis": "contract"},
                {"type": "controller", "key": f"controller-{number}", "name": f"Yhtiö {number}"},
            )
        ],
    )
    assert {path: counted(path) for path in lists} == few


def test_long_lists_go_on_from_where_they_stopped(register: Database, keys: Keys, desk: Desk) -> None:
    take(
        register,
        keys,
        [
            document
            for number in range(120)
            for document in (
                {"type": "organisation", "ref": f"club-{number}", "name": f"Kerho {number % 7}"},
                {"type": "prohibition", "target": {"domain": f"d{number}.example"}, "source": "organisation"},
                {"type": "campaign", "key": f"c-{number}", "name": f"Campaign {number}", "controller": "acme"},
            )
        ],
    )
    someone = desk("data_steward", "dpo")
    for path, pattern, least in (
        ("/desk/organisations?q=kerho", r'href="(/desk/organisations/\d+)"', 120),
        ("/desk/prohibitions?source=organisation", r'href="(/desk/prohibitions/\d+)"', 121),
        ("/desk/campaigns?q=campaign", r'href="(/desk/campaigns/c-\d+)"', 120),
    ):
        seen: list[str] = []
        following: str | None = path
        while following:
            page = someone.get(following).text
            seen += re.findall(pattern, page)
            older = re.search(r'rel="next" href="([^"]+)"', page)
            following = older[1].replace("&amp;", "&") if older else None
        assert len(seen) == len(set(seen)) >= least, path

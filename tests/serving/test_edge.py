"""Manners of every route: inert GETs, headers, pages and documents for errors, and what is neither logged nor told."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
from flask import Flask, abort
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from werkzeug.exceptions import default_exceptions

from consentmgr.app import SECURITY_HEADERS, create_app
from consentmgr.blueprints import BLUEPRINTS
from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.edge.access import access_of
from consentmgr.edge.clients import client_of
from consentmgr.edge.logs import _configure, write_json_lines
from consentmgr.edge.metrics import MOST_CAMPAIGNS, campaign_label
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput, NotFound, Unavailable
from tests.application import application
from tests.serving.register import PERSONAL, Register

EVIL = "evil.example"


@pytest.fixture
def app(settings: Settings, database: Database) -> Iterator[Flask]:
    with application(settings, database) as made:
        yield made


@pytest.fixture
def register(database: Database, settings: Settings, keys: Keys) -> Register:
    return Register(database, settings, keys)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged in this test."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    write_json_lines(stream)
    yield stream
    _configure(None)
    root.handlers[:], level = before
    root.setLevel(level)
    logging.getLogger("consentmgr").setLevel(logging.NOTSET)


def checksums(database: Database) -> dict[str, tuple[int, int]]:
    """For each table how many rows it has, and a sum over all that is in them."""
    with database.connect() as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        question = " UNION ALL ".join(
            f"SELECT '{name}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {name} t"
            for name in tables
        )
        return {name: (count, total) for name, count, total in connection.execute(text(question))}


# --- routes -----------------------------------------------------------------------------------------------------------


def test_every_route_is_in_the_table_of_who_may_call_it(app: Flask) -> None:
    rows = {row.name: row.access for row in BLUEPRINTS}
    for rule in app.url_map.iter_rules():
        assert access_of(rule.endpoint, rows) is not None, rule
    assert len(rows) == len(BLUEPRINTS)


def test_a_route_that_is_in_no_row_is_closed(settings: Settings, database: Database) -> None:
    app = create_app(settings, database)
    app.add_url_rule("/forgotten", "forgotten.page", lambda: "secret")
    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_looking_changes_nothing(method: str, app: Flask, register: Register, database: Database) -> None:
    client = app.test_client()
    before = checksums(database)
    assert sum(count for count, _ in before.values()) > 20
    statuses = set()
    for rule, paths in register.paths(app).items():
        for path in paths:
            for query in ("", "?lang=sv&do=stop_all&action=leave&List-Unsubscribe=One-Click&email=x@posti.example"):
                answer = client.open(path + query, method=method, buffered=True)
                statuses.add(answer.status_code)
                assert answer.status_code < 500, (rule, answer.status_code)
                if method == "HEAD":
                    assert answer.data == b""
    assert 200 in statuses or method == "TRACE"
    assert checksums(database) == before


@pytest.mark.parametrize("public_url", ["https://luvat.acme.example", "http://localhost:8000"])
def test_every_answer_of_every_route_has_its_headers(
    public_url: str, settings: Settings, database: Database, register: Register
) -> None:
    with application(replace(settings, public_url=public_url), database) as app:
        every_answer_has_its_headers(app, public_url, register)


def every_answer_has_its_headers(app: Flask, public_url: str, register: Register) -> None:
    client = app.test_client()
    wanted = set(SECURITY_HEADERS)
    assert ("X-Robots-Tag", "noindex, nofollow") in wanted
    assert dict(wanted)["Content-Security-Policy"].startswith("default-src 'none'; ")
    for paths in [*register.paths(app).values(), ["/nothing", "/../etc/passwd", "/" + "a" * 9000]]:
        for path in paths:
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                answer = client.open(path, method=method, buffered=True)
                for name, value in wanted:
                    # A file a person takes away is shown, where it is, with less still.
                    told = (value, "default-src 'none'; sandbox") if name == "Content-Security-Policy" else (value,)
                    assert answer.headers[name] in told, (path[:20], method, name)
                strict = answer.headers.get("Strict-Transport-Security")
                assert (strict == "max-age=63072000") == public_url.startswith("https"), (path[:20], method)
                assert "Set-Cookie" not in answer.headers
                assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_an_evil_host_changes_nothing(app: Flask, register: Register) -> None:
    client = app.test_client()
    evil = {
        "Host": EVIL,
        "X-Forwarded-Host": EVIL,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "203.0.113.7",
        "Forwarded": f"host={EVIL}",
        "Referer": f"https://{EVIL}/",
    }
    # Tokens, and the second in which something was made.
    variable = re.compile(rb"[0-9a-f]{16}|\d\d[:.]\d\d([:.]\d\d)?")
    for rule, paths in register.paths(app).items():
        for path in paths:
            plain, other = client.get(path, buffered=True), client.get(path, headers=evil, buffered=True)
            assert other.status_code == plain.status_code, rule
            if plain.mimetype != "application/pdf":
                # A PDF says to the second when it was made, and where in it things stand.
                assert variable.sub(b"", other.data) == variable.sub(b"", plain.data), rule
            told = str(other.headers) + other.get_data().decode("utf-8", "replace")
            assert EVIL not in told, rule
            assert other.headers.get("Location") == plain.headers.get("Location")


# --- errors -----------------------------------------------------------------------------------------------------------


def fail_as_asked(app: Flask) -> None:
    """Give the application a route that fails as it is asked to."""
    errors = {
        "input": BadInput("aino@posti.example is no address"),
        "missing": NotFound("there is no aino"),
        "away": Unavailable("the database cannot be reached: secret"),
        "bug": ValueError("aino@posti.example"),
    }

    def fail(how: str) -> str:
        if how.isdigit():
            abort(int(how))
        raise errors[how]

    app.add_url_rule("/fail/<how>", "house.fail", fail, methods=["GET", "POST"])


@pytest.fixture
def failing(settings: Settings, database: Database) -> Iterator[Flask]:
    with application(settings, database, more=fail_as_asked) as made:
        yield made


@pytest.mark.parametrize(
    ("how", "status"),
    [
        *((str(code), code) for code in default_exceptions),
        ("input", 400), ("missing", 404), ("away", 503), ("bug", 500),
    ],
)  # fmt: skip
def test_every_failure_is_a_page_in_three_languages_and_a_problem_document(
    how: str, status: int, failing: Flask
) -> None:
    client = failing.test_client()
    titles = set()
    for language in ("fi", "sv", "en"):
        page = client.get(f"/fail/{how}", headers={"Accept": "text/html", "Accept-Language": language})
        assert page.status_code == status
        assert page.mimetype == "text/html"
        assert f'<html lang="{language}">' in page.text
        assert not any(word in page.text for word in ("aino", "secret", "Traceback"))
        titles.add(re.search(r"<h1>(.*?)</h1>", page.text)[1])  # type: ignore[index]
        document = client.post(f"/fail/{how}", headers={"Accept": "application/json", "Accept-Language": language})
        assert document.status_code == status
        assert document.mimetype == "application/problem+json"
        assert document.json is not None
        assert document.json["status"] == status
        assert document.json["type"].startswith("urn:consentmgr:problem:")
        assert document.json["instance"].endswith(document.headers["X-Request-Id"])
        assert not any(word in document.text for word in ("aino", "secret"))
        for name, value in SECURITY_HEADERS:
            assert page.headers[name] == document.headers[name] == value
    assert len(titles) == 3
    assert ("Retry-After" in page.headers) == (status == 503)


def test_what_the_web_framework_refuses_is_told_the_same_way(app: Flask, register: Register) -> None:
    client = app.test_client()
    assert client.delete("/").status_code == 405
    assert "GET" in client.delete("/").headers["Allow"]
    large = client.post("/link", data={"email": "x" * 2_000_000})
    assert large.status_code == 413
    assert "<h1>" in large.text
    # Who is refused is told how much is taken, and is led back to the form.
    english = client.post("/link", data={"email": "x" * 2_000_000}, headers={"Accept-Language": "en"}).text
    assert "At most 1 MB are taken." in english
    assert 'href="/link">Back to the form</a>' in english
    parts = client.post("/link", data={f"a{number}": "x" for number in range(400)}, content_type="multipart/form-data")
    assert parts.status_code == 413
    assert "MB" not in parts.text
    lost = client.get("/no-such-page", headers={"Accept-Language": "en"}).text
    assert lost.count("<h1>") == 1
    assert 'href="/">To the front page</a>' in lost


def test_a_link_that_is_not_ours_says_what_to_do(app: Flask) -> None:
    client = app.test_client()
    for door in "upcv":
        answer = client.get(f"/{door}/xyz", headers={"Accept-Language": "en"})
        assert answer.status_code == 404
        assert "xyz" not in answer.text


def test_a_page_of_ours_that_fails_tells_the_number_of_its_line_in_the_log(failing: Flask, log: io.StringIO) -> None:
    answer = failing.test_client().get("/fail/bug", headers={"Accept-Language": "en"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    number = answer.headers["X-Request-Id"]
    assert number in answer.text
    assert [(line["event"], line["request"]) for line in lines] == [("unexpected", number), ("request", number)]
    assert lines[0]["error"] == "ValueError"


# --- the log ----------------------------------------------------------------------------------------------------------


def test_the_log_has_no_person_no_token_and_no_query(app: Flask, register: Register, log: io.StringIO) -> None:
    client = app.test_client()
    tokens = set()
    requests = 0
    for paths in register.paths(app).values():
        for path in paths:
            tokens.update(part for part in path.split("/") if len(part) > 30)
            for method in ("GET", "POST", "HEAD"):
                client.open(
                    f"{path}?email=aino@posti.example&q=Virtanen",
                    method=method,
                    data={"email": "aino@posti.example", "family_name": "Virtanen"} if method == "POST" else None,
                    buffered=True,
                    headers={"X-Forwarded-For": "203.0.113.7", "User-Agent": "aino", "Referer": "aino"},
                )
                requests += 1
    written = log.getvalue()
    lines = [json.loads(line) for line in written.splitlines()]
    asked = [line for line in lines if line["event"] == "request"]
    assert requests > len(asked) > 20
    assert {"request", "method", "endpoint", "status", "ms", "event", "level", "timestamp"} == set(asked[0])
    assert len(tokens) >= 6
    for word in (*PERSONAL, *tokens, "203.0.113.7", "127.0.0.1", "email=", "?"):
        assert word.lower() not in written.lower(), word


def test_other_libraries_log_their_words_and_not_their_values(log: io.StringIO) -> None:
    logging.getLogger("elsewhere").warning("no mail for %s", "aino@posti.example")
    logging.getLogger("elsewhere").warning("no mail for aino@posti.example, /u/abc, 'Aino' or +358 50 1000301")
    try:
        raise ValueError("aino")
    except ValueError:
        logging.getLogger("elsewhere").exception("failed")
    logging.getLogger("consentmgr.mail").info("%d mails", 3)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["said"] for line in lines] == ["no mail for %s", "no mail for … … … or …", "failed", "3 mails"]
    assert lines[2]["error"] == "ValueError"
    assert "aino" not in log.getvalue()


# --- metrics ----------------------------------------------------------------------------------------------------------


def test_views_are_counted_by_campaign_and_acts_apart(app: Flask, register: Register) -> None:
    from prometheus_client import REGISTRY

    from consentmgr.preferences.links import LinkUse

    def views() -> float:
        return REGISTRY.get_sample_value("consentmgr_link_views_total", {"use": "leave", "campaign": "autumn"}) or 0

    before = views()
    app.test_client().get(f"/u/{register.token(LinkUse.LEAVE)}")
    assert views() == before + 1


def test_campaigns_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from consentmgr.edge import metrics

    monkeypatch.setattr(metrics, "_campaigns", set())
    labels = {campaign_label(f"campaign-{number}") for number in range(MOST_CAMPAIGNS + 50)}
    assert len(labels) == MOST_CAMPAIGNS + 1
    assert campaign_label(None) == "none"


# --- clients ----------------------------------------------------------------------------------------------------------

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:aaaa::/48"), ip_network("127.0.0.1"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        # Not a proxy of ours: what it says is not believed.
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        # The client wrote a proxy's address to the left: it is not looked at.
        ("10.0.0.1", ["10.9.9.9, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, rubbish"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:1234"], "203.0.113.9"),
        ("10.0.0.1", ['"[2001:db8:1:2:3:4:5:6]:99"'], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:aaaa::1", ["2001:db8:1:2::1"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (None, ["203.0.113.9"], "local"),
        ("", ["203.0.113.9"], "local"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: list[str], client: str
) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


@given(st.lists(st.text(max_size=40), max_size=5))
def test_whatever_a_client_writes_before_our_proxy_changes_nothing(spoofed: list[str]) -> None:
    assert client_of("10.0.0.1", [*spoofed, "203.0.113.9"], PROXIES) == "203.0.113.9"
    assert client_of("203.0.113.9", spoofed, PROXIES) == "203.0.113.9"
    assert client_of("10.0.0.1", [", ".join([*spoofed, "203.0.113.9"])], PROXIES) == "203.0.113.9"


@pytest.mark.parametrize("trusted", [False, True])
def test_only_a_proxy_of_ours_can_tell_clients_apart(
    trusted: bool, settings: Settings, database: Database, register: Register
) -> None:
    proxies = (ip_network("127.0.0.1"),) if trusted else ()
    with application(replace(settings, trusted_proxies=proxies), database) as app:
        client = app.test_client()
        statuses = [
            client.post(
                "/link",
                data={"email": f"nobody{number}@posti.example", "controller": "acme"},
                headers={"X-Forwarded-For": f"198.51.100.7, 203.0.113.{number}"},
            ).status_code
            for number in range(12)
        ]
        assert (429 in statuses) != trusted
        if not trusted:
            limited = client.post("/link", data={"email": "x@posti.example"}, headers={"Accept": "application/json"})
            assert limited.mimetype == "application/problem+json"
            assert int(limited.headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["/u/not.ours", "/p/not.ours", "/x/not.ours"])
def test_a_link_that_is_not_ours_is_a_problem_document_for_a_programme(path: str, app: Flask) -> None:
    client = app.test_client()
    for ask in (client.get, client.post):
        told = ask(path, headers={"Accept": "application/json"})
        assert (told.status_code, told.mimetype) == (404, "application/problem+json")
        assert told.json is not None
        assert told.json["type"] == "urn:consentmgr:problem:bad-link"
        assert ask(path, headers={"Accept": "text/html"}).mimetype == "text/html"

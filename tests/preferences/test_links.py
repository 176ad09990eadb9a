"""Tokens: to the byte what itsdangerous signs, opened for one use alone, and refused quickly whatever is wrong."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys, load_link_keys, make_missing_keys
from consentmgr.kit.errors import BadInput
from consentmgr.preferences.link_columns import link_like
from consentmgr.preferences.links import (
    LONGEST_LOCAL_PART,
    LONGEST_TOKEN,
    SALTS,
    BadLink,
    Link,
    LinkKeys,
    LinkUse,
    link_id,
    link_keys,
)
from consentmgr.vocabulary.documents import Campaign
from tests.conftest import RunCommand
from tests.preferences.leavers import Leavers, person

LINK = Link(LinkUse.LEAVE, "acme", 4711, "email", UUID(int=7), "email", "topic", "news", "autumn")

links_ = st.builds(
    Link,
    use=st.sampled_from(LinkUse),
    controller=st.text(min_size=1, max_size=40),
    contact_id=st.none() | st.integers(1, 2**63 - 1),
    address_kind=st.sampled_from(["email", "phone", "post"]),
    address_key=st.none() | st.uuids(),
    channel=st.sampled_from(["email", "sms", "phone", "post", "online_audience"]),
    scope=st.sampled_from(["topic", "channel", "all"]),
    topic=st.none() | st.text(min_size=1, max_size=40),
    campaign=st.none() | st.text(min_size=1, max_size=30),
    subject=st.none() | st.uuids(),
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data_folder=tmp_path_factory.mktemp("links") / "data")
    make_missing_keys(settings)
    return settings


@pytest.fixture(scope="module")
def minting(told: Settings) -> LinkKeys:
    return link_keys(told)


def fields(link: Link) -> tuple[object, ...]:
    return tuple(getattr(link, name) for name in Link.__dataclass_fields__)


@given(link=links_)
def test_a_link_comes_back_as_it_went_in(minting: LinkKeys, link: Link) -> None:
    assert minting.open(link.use, minting.mint(link)) == link


@given(link=links_)
def test_a_token_is_what_itsdangerous_signs(told: Settings, minting: LinkKeys, link: Link) -> None:
    token = minting.mint(link)
    secret = load_link_keys(told)[-1].secret
    signer = Signer(secret, salt=SALTS[link.use], key_derivation="hmac", digest_method=hashlib.sha256)
    assert signer.sign(token.rpartition(".")[0]).decode() == token
    assert signer.unsign(token)


@given(people=st.lists(st.tuples(st.none() | st.integers(1, 2**40), st.none() | st.uuids()), max_size=20))
def test_many_minted_at_once_are_those_minted_singly(
    minting: LinkKeys, people: list[tuple[int | None, UUID | None]]
) -> None:
    tokens = minting.mint_many(LINK, [one for one, _ in people], [key.bytes if key else None for _, key in people])
    assert tokens == [minting.mint(replace(LINK, contact_id=one, address_key=key)) for one, key in people]


def test_a_token_of_one_use_never_opens_another(minting: LinkKeys) -> None:
    for use in LinkUse:
        token = minting.mint(replace(LINK, use=use))
        for other in LinkUse:
            if other is not use:
                with pytest.raises(BadLink):
                    minting.open(other, token)


def test_a_token_of_another_installation_opens_nothing(minting: LinkKeys, tmp_path: Path) -> None:
    other = Settings(data_folder=tmp_path / "other")
    make_missing_keys(other)
    with pytest.raises(BadLink):
        minting.open(LinkUse.LEAVE, link_keys(other).mint(LINK))


def malformed(token: str, count: int) -> list[str]:
    """Damaged and invented tokens, none of them the good one."""
    chance = random.Random(8058)
    letters = "ABCxyz019-_.=+/%\0\n é\U0001f600"
    found = ["", ".", "..", "a.b", "." * 1000, "x" * 10_000, token * 100, "\0", "é" * 500, token + "=", " " + token]
    value, _, signature = token.rpartition(".")
    found += [value, signature, f"{signature}.{value}", f"{value}.", f".{signature}", f"{value}.{signature[:-1]}"]
    while len(found) < count:
        kind, place = chance.randrange(5), chance.randrange(len(token))
        if kind == 0:
            raw = bytearray(token.encode())
            raw[place] ^= 1 << chance.randrange(7)
            made = raw.decode("latin-1")
        elif kind == 1:
            made = token[:place]
        elif kind == 2:
            made = token[:place] + chance.choice(letters) + token[place:]
        elif kind == 3:
            made = token[:place] + token[place + 1 :]
        else:
            forged = base64.urlsafe_b64encode(os.urandom(chance.randrange(1, 90))).decode().rstrip("=")
            made = f"{forged}.{signature}"
        if made != token:
            found.append(made)
    return found


def test_no_malformed_token_is_opened_and_none_takes_long(minting: LinkKeys) -> None:
    token = minting.mint(LINK)
    damaged = malformed(token, 1_000)
    begun = time.perf_counter()
    for one in damaged:
        with pytest.raises(BadLink):
            minting.open(LinkUse.LEAVE, one)
    assert time.perf_counter() - begun < 5


@pytest.mark.slow
def test_of_ten_thousand_malformed_tokens_none_is_opened(minting: LinkKeys) -> None:
    for one in malformed(minting.mint(LINK), 10_000):
        with pytest.raises(BadLink):
            minting.open(LinkUse.LEAVE, one)


@given(text=st.text(max_size=200))
def test_whatever_text_is_no_link(minting: LinkKeys, text: str) -> None:
    with pytest.raises(BadLink):
        minting.open(LinkUse.LEAVE, text)


def test_a_token_is_never_longer_than_what_is_opened(minting: LinkKeys) -> None:
    longest = replace(LINK, controller="c" * 250, topic="t" * 250, campaign="k" * 200)
    token = minting.mint(longest)
    assert len(token) <= LONGEST_TOKEN
    assert minting.open(LinkUse.LEAVE, token) == replace(longest, campaign=None)
    with pytest.raises(BadInput, match="controller"):
        minting.mint(replace(LINK, controller="c" * 256))


def test_a_link_shows_nothing_of_itself() -> None:
    assert "4711" not in repr(LINK)
    assert str(BadLink()) == "the link is not valid"


def test_the_leave_and_the_preference_link_of_a_message_are_one_link() -> None:
    assert link_id(LINK) == link_id(replace(LINK, use=LinkUse.PREFERENCES))
    assert link_id(LINK) != link_id(replace(LINK, campaign="winter"))


# --- by mail ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def leavers(database: Database, settings: Settings, keys: Keys) -> Leavers:
    return Leavers(database, settings, keys)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scope": "channel", "topic": None},
        {"scope": "all", "topic": None, "controller": "beta"},
        {"address_kind": "phone", "channel": "sms"},
    ],
)
def test_leaving_by_mail_fits_a_local_part_whatever_becomes_of_its_capitals(
    leavers: Leavers, fields: dict[str, Any]
) -> None:
    link = replace(leavers.link(contact_id=None, campaign=None), **fields)
    part = leavers.link_keys.mail_local_part(link)
    assert len(part) <= LONGEST_LOCAL_PART
    assert part == part.lower()
    with leavers.database.reading() as session:
        assert leavers.link_keys.open_mail(part, session) == link
        assert leavers.link_keys.open_mail(part.upper(), session) == link
    (also,) = leavers.link_keys.mail_local_parts(link, [None], [link.address_key.bytes if link.address_key else None])
    assert also == part


def test_a_mail_link_of_what_is_gone_says_so(leavers: Leavers) -> None:
    part = leavers.link_keys.mail_local_part(leavers.link(controller="gone", topic="gone", address_key=None))
    with leavers.database.reading() as session:
        link = leavers.link_keys.open_mail(part, session)
    assert (link.controller, link.topic, link.contact_id, link.address_key) == (
        "",
        "",
        leavers.contact_id("aino"),
        None,
    )


def test_a_damaged_mail_link_is_refused(leavers: Leavers) -> None:
    part = leavers.link_keys.mail_local_part(leavers.link())
    chance = random.Random(2369)
    with leavers.database.reading() as session:
        for _ in range(300):
            place = chance.randrange(6, len(part) - 1)
            other = part[:place] + chance.choice("abcdefghij234567") + part[place + 1 :]
            if other != part:
                with pytest.raises(BadLink):
                    leavers.link_keys.open_mail(other, session)
        for other in (
            "",
            "leave+",
            "leave+a",
            "leave+é",
            "x" * 1000,
            "leave+" + "a" * 58,
            part[:-1],
            part + "a",
            "post\0",
        ):
            with pytest.raises(BadLink):
                leavers.link_keys.open_mail(other, session)


# --- a list with links ------------------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def campaign(folder: Path, **fields: object) -> Path:
    path = folder / "campaign.json"
    told = {
        "key": "autumn",
        "controller": "acme",
        "channel": "email",
        "purpose": "newsletter",
        "topic": "news",
        **fields,
    }
    path.write_text(json.dumps(told))
    return path


def test_links_are_added_to_every_row_with_an_address(
    leavers: Leavers, run_command: RunCommand, tmp_path: Path
) -> None:
    leavers.take(person("maija", "posti@yhteinen.example"), person("matti", "posti@yhteinen.example"))
    lst = tmp_path / "list.csv"
    lst.write_text(
        'email,note,ref\n Aino@Posti.example ,"a, b",\nnew@bought.example,x,\n,y,crm:birger\nposti@yhteinen.example,z,crm:matti\n,nobody,\n'
    )
    run_command("links", lst, "--campaign", campaign(tmp_path), "--ids")
    written = tmp_path / "list.links.csv"
    rows = rows_of(written)
    assert [row["note"] for row in rows] == ["a, b", "x", "y", "z", "nobody"]
    assert written.read_text().splitlines()[1].startswith(' Aino@Posti.example ,"a, b",,http')
    opened = []
    for row in rows[:4]:
        address, token = row["cm_one_click_url"].rsplit("/", 1)
        assert address == "http://localhost:8000/u"
        link = leavers.link_keys.open(LinkUse.LEAVE, token)
        assert row["cm_list_unsubscribe"] == f"<{row['cm_one_click_url']}>"
        assert row["cm_list_unsubscribe_post"] == "List-Unsubscribe=One-Click"
        preference = leavers.link_keys.open(LinkUse.PREFERENCES, row["cm_preference_url"].rsplit("/", 1)[1])
        assert preference == replace(link, use=LinkUse.PREFERENCES)
        assert (row["cm_contact_id"], row["cm_address_key"]) == (
            str(link.contact_id) if link.contact_id else "",
            link.address_key.hex if link.address_key else "",
        )
        opened.append(link)
    assert [(one.contact_id, one.address_key) for one in opened] == [
        (leavers.contact_id("aino"), leavers.email_key("aino@posti.example")),
        (None, leavers.email_key("new@bought.example")),
        (leavers.contact_id("birger"), leavers.email_key("birger@posti.example")),
        (leavers.contact_id("matti"), leavers.email_key("posti@yhteinen.example")),
    ]
    assert {(one.controller, one.scope, one.topic, one.campaign) for one in opened} == {
        ("acme", "topic", "news", "autumn")
    }
    assert rows[4]["cm_one_click_url"] == ""


@pytest.mark.parametrize(
    ("campaign", "everything", "scope"),
    [
        (Campaign(purpose="newsletter", topic="news"), False, "topic"),
        (Campaign(purpose="newsletter", topic="news"), True, "all"),
        (Campaign(purpose="newsletter"), False, "channel"),
        (Campaign(purpose="direct_marketing", topic="news"), False, "channel"),
        (Campaign(purpose="direct_marketing", channel="sms"), False, "channel"),
    ],
)
def test_the_scope_of_a_campaigns_links(leavers: Leavers, campaign: Campaign, everything: bool, scope: str) -> None:
    with leavers.database.reading() as session:
        link = link_like(session, campaign, everything=everything)
    assert (link.scope, link.controller, link.channel) == (scope, "acme", campaign.channel)
    assert link.topic == ("news" if scope == "topic" else None)
    assert link.address_kind == ("phone" if campaign.channel == "sms" else "email")


def test_links_are_not_added_twice(leavers: Leavers, run_command: RunCommand, tmp_path: Path) -> None:
    lst = tmp_path / "list.csv"
    lst.write_text("email,cm_one_click_url\naino@posti.example,x\n")
    assert "columns of links already" in run_command("links", lst, "--campaign", campaign(tmp_path), expect=2).stderr


def test_a_mailbox_that_is_read_is_offered_too(
    leavers: Leavers, run_command: RunCommand, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {
        "CONSENTMGR_IMAP_URL": "imaps://me:word@imap.acme.example/INBOX",
        "CONSENTMGR_MAIL_FROM": "news@lists.acme.example",
    }
    lst = tmp_path / "list.csv"
    lst.write_text("email\naino@posti.example\n")
    run_command("links", lst, "--campaign", campaign(tmp_path))
    (row,) = rows_of(tmp_path / "list.links.csv")
    https, mailto = row["cm_list_unsubscribe"].split(", ")
    assert https == f"<{row['cm_one_click_url']}>"
    assert mailto.startswith("<mailto:leave+")
    assert mailto.endswith("@lists.acme.example?subject=unsubscribe>")
    local_part = mailto.removeprefix("<mailto:").partition("@")[0]
    with leavers.database.reading() as session:
        found = leavers.link_keys.open_mail(local_part, session)
    assert found.address_key == leavers.email_key("aino@posti.example")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "xlsx"])
def test_screening_with_links_gives_them_to_allowed_rows_alone(
    leavers: Leavers, run_command: RunCommand, tmp_path: Path, ending: str
) -> None:
    consent = {
        "event": "consent_given", "at": "2026-10-01T10:00:00+03:00", "controller": "acme", "method": "web_form",
        "channels": ["email"], "purposes": ["newsletter"], "topics": ["news"], "notice": "n/1/fi",
        "evidence": {"double_opt_in": "confirmed"},
    }  # fmt: skip
    notice = {
        "type": "notice", "key": "n", "version": 1, "language": "fi", "text": "Haluan kirjeen.",
        "controllers": ["acme"], "channels": ["email"], "purposes": ["newsletter"], "topics": ["news"],
    }  # fmt: skip
    told = {"source": "web_form", "acquired_on": "2026-03-01", "verified_on": "2026-06-01", "informed_on": "2026-03-01"}
    maija = person("maija") | {
        "born_on": "1980-01-01", "events": [consent],
        "points": [{"channel": "email", "value": "maija@posti.example", "use": "private", **told}],
    }  # fmt: skip
    leavers.take(notice, maija)
    lst = tmp_path / "list.csv"
    lst.write_text("email,n\naino@posti.example,1\nmaija@posti.example,2\n")
    target = tmp_path / f"out.{ending}"
    run_command("screen", lst, "--campaign", campaign(tmp_path), "--links", "--output", target)
    if ending == "csv":
        rows = rows_of(target)
    else:
        import polars as pl

        read: dict[str, Any] = {
            "jsonl": pl.read_ndjson,
            "parquet": pl.read_parquet,
            "xlsx": lambda path: pl.read_excel(path, sheet_id=0),
        }
        table = read[ending](target)
        if isinstance(table, dict):
            table = next(one for one in table.values() if "cm_verdict" in one.columns)
        rows = [{name: "" if value is None else str(value) for name, value in row.items()} for row in table.to_dicts()]
    names = list(rows[0])
    place = names.index("cm_explanation")
    assert names[place + 1 : place + 4] == ["cm_preference_url", "cm_one_click_url", "cm_legal_basis"]
    assert [row["cm_verdict"] for row in rows] == ["block", "allow"]
    assert (rows[0]["cm_preference_url"], rows[0]["cm_one_click_url"]) == ("", "")
    link = leavers.link_keys.open(LinkUse.LEAVE, rows[1]["cm_one_click_url"].rsplit("/", 1)[1])
    assert (link.contact_id, link.topic) == (leavers.contact_id("maija"), "news")
    (allowed,) = rows_of(tmp_path / "out.allowed.csv")
    assert list(allowed) == ["email", "n", "cm_preference_url", "cm_one_click_url"]
    assert allowed["cm_one_click_url"] == rows[1]["cm_one_click_url"]

"""A finished message against the gates of its campaign: what is missing is said, what only a person can judge is left."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.errors import BadInput
from consentmgr.preferences.links import Link, LinkUse, leave_url, link_keys
from consentmgr.screening.message_check import Finding, OurLink, Sender, check_message
from consentmgr.screening.message_words import CHECK_NAMES, SENTENCES, STATE_NAMES
from consentmgr.vocabulary.documents import Campaign
from tests.conftest import RunCommand
from tests.screening.desk_samples import CAMPAIGN, fill
from tests.staff.signing_in import Desk

PUBLIC = "https://choices.acme.example"
OURS = Campaign(key="2026-11-offer", controller="acme")
BOUGHT = Campaign(key="2026-11-offer", controller="acme", list_source="vendor")
ACME = Sender("acme", "Acme Oy", "https://www.acme.example/privacy")
HEAD = {
    "From": "Acme <news@acme.example>",
    "To": "aino@posti.example",
    "Subject": "November offers from Acme",
    "MIME-Version": "1.0",
    "List-Unsubscribe": f"<{PUBLIC}/u/good>, <mailto:leave@acme.example>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "DKIM-Signature": "v=1; a=rsa-sha256; d=acme.example; s=x; h=From:Subject:List-Unsubscribe:\r\n"
    " List-Unsubscribe-Post; bh=abc; b=def",
    "Content-Type": "text/html; charset=utf-8",
}
HTML = (
    f'<p>Hello! You have the right to object to direct marketing: <a href="{PUBLIC}/p/good">unsubscribe</a>.</p>'
    '<p><a href="https://www.acme.example/privacy">Privacy notice</a>. Address source: Vendor Oy.</p>'
)


def message(html: str = HTML, **changed: str | None) -> bytes:
    head = {**HEAD, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return (
        "".join(f"{name}: {value}\r\n" for name, value in head.items() if value is not None) + "\r\n" + html
    ).encode()


def open_link(path: str, token: str) -> OurLink | None:
    return {"good": OurLink("2026-11-offer", "acme", "email"), "other": OurLink("another", "acme", "email")}.get(token)


def check(content: bytes, campaign: Campaign = OURS, **more: bool) -> dict[str, Finding]:
    found = check_message(content, campaign, ACME, public_url=PUBLIC, open_link=open_link, language="en", **more)
    return {one.check: one for one in found}


def test_a_message_that_has_everything() -> None:
    found = check(message(), BOUGHT)
    assert {name: one.state for name, one in found.items()} == {
        "sender": "ok", "subject": "unknown", "recipients": "ok", "header": "ok", "dkim": "ok", "link": "ok",
        "refusing": "ok", "objection": "ok", "privacy": "ok", "source": "ok",
    }  # fmt: skip
    assert "acme.example" in found["dkim"].sentence


@pytest.mark.parametrize(
    ("content", "name", "state", "told"),
    [
        (message(From="News <news@mailer.example>", html="<p>Hi</p>"), "sender", "failed", "Acme Oy"),
        (message(From=None), "sender", "failed", "no sender"),
        (message(Subject=None), "subject", "failed", "no subject"),
        (message(Subject="Re: our meeting"), "subject", "failed", "pretends"),
        (message(To="a@posti.example, b@posti.example"), "recipients", "failed", "2 recipients"),
        (message(Cc="b@posti.example"), "recipients", "failed", "2 recipients"),
        (message(List_Unsubscribe=None), "header", "failed", "no List-Unsubscribe"),
        (message(List_Unsubscribe="<mailto:leave@acme.example>"), "header", "failed", "no https"),
        (message(List_Unsubscribe="<{{ one_click }}>"), "header", "unknown", "placeholder"),
        (message(List_Unsubscribe_Post=None), "header", "failed", "List-Unsubscribe-Post"),
        (message(List_Unsubscribe_Post="list-unsubscribe=one-click"), "header", "failed", "exactly"),
        (message(DKIM_Signature=None), "dkim", "unknown", "not signed"),
        (message(DKIM_Signature="v=1; d=a.example; h=From:List-Unsubscribe; b=x"), "dkim", "failed", "List-Unsubscribe-Post"),
        (message(List_Unsubscribe=f"<{PUBLIC}/u/bad>"), "link", "failed", "does not open"),
        (message(List_Unsubscribe=f"<{PUBLIC}/u/other>"), "link", "failed", "another campaign"),
        (message(List_Unsubscribe="<https://esp.example/x>", html="<p>x</p>"), "link", "unknown", "elsewhere"),
        (message(List_Unsubscribe=None, html="<p>x</p>"), "link", "failed", "no link"),
        (message(html="<p>Nothing here</p>"), "refusing", "failed", "no way to refuse"),
        (message(html="<p>Nothing here</p>"), "objection", "unknown", "No words"),
        (message(html="<p>Nothing here</p>"), "privacy", "failed", "privacy notice"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(content: bytes, name: str, state: str, told: str) -> None:
    found = check(content)[name]
    assert (found.state, told in found.sentence) == (state, True), found


def test_a_bought_address_needs_its_source() -> None:
    assert check(message(html="<p>x</p>"), BOUGHT)["source"].state == "failed"
    assert check(message(html="<p>x</p>"))["source"].state == "ok"


@pytest.mark.parametrize(
    "words",
    [
        (
            "Sinulla on oikeus kieltää suoramarkkinointi. <a href='https://x.example'>Peruuta tilaus</a> "
            "<a href='https://acme.example/tietosuoja'>Tietosuojaseloste</a> Osoitelähde: Yritys Oy"
        ),
        (
            "Du har rätt att invända mot direktmarknadsföring. <a href='https://x.example'>Avregistrera dig</a> "
            "<a href='https://acme.example/x'>Dataskydd</a> Adresskälla: Bolaget Ab"
        ),
    ],
)
def test_words_are_known_in_each_language(words: str) -> None:
    found = check(message(html=words), BOUGHT)
    assert [found[name].state for name in ("refusing", "objection", "privacy", "source")] == ["ok"] * 4


def test_a_plain_service_message_needs_no_way_to_refuse() -> None:
    found = check(message(List_Unsubscribe=None, List_Unsubscribe_Post=None), is_marketing=False)
    assert set(found) == {"recipients", "header"}
    assert found["header"].state == "ok"


@pytest.mark.parametrize("content", [b"", b"just words\n", b"\x00\xff\xfe" * 50, b"email,name\na@b.example,x\n"])
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput, match="no e-mail message"):
        check(content)


@pytest.mark.parametrize(
    "content",
    [
        message(Content_Type="text/html; charset=no-such"),
        message(Content_Type="multipart/alternative; boundary=missing"),
        message(From="=?utf-8?b?broken?= <x@y"),
        message(DKIM_Signature=";;;=;h"),
        message(List_Unsubscribe="<" * 5000),
        message(html="<a href=" * 5000),
        message(Content_Transfer_Encoding="base64", html="@@@@"),
    ],
)
def test_a_damaged_message_is_read_as_far_as_it_goes(content: bytes) -> None:
    assert check(content)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "<a href=",
        "<!--x",
        "<![CDATA[",
        "<!x",
        "<?x",
        "</a ",
        "<a b='>",
        "<a b='\" ",
        "<script>",
        "<style></",
        "&#",
        "<div>",
    ],
)
def test_what_begins_two_hundred_thousand_times_and_never_ends_is_read_in_seconds(piece: str) -> None:
    assert check(message(html=piece * 200_000))


def test_what_stands_after_a_comment_and_before_a_tag_that_never_ends_is_read() -> None:
    assert check(message(html="<!-- <a --><![if !mso]>" + HTML + "words <a href=")) == check(message())


def test_every_sentence_is_there_in_each_language() -> None:
    for words in (*SENTENCES.values(), *CHECK_NAMES.values(), *STATE_NAMES.values()):
        assert set(words) == {"fi", "sv", "en"}
        assert len(set(words.values())) > 1


def written(settings: Settings, campaign: str = "2026-11-offer") -> bytes:
    token = link_keys(settings).mint(Link(LinkUse.LEAVE, "acme", 1, "email", None, "email", "channel", None, campaign))
    url = leave_url(settings.public_url, token)
    html = HTML.replace(f"{PUBLIC}/p/good", url)
    return message(html=html, List_Unsubscribe=f"<{url.replace('http://', 'https://')}>")


def test_the_command_ends_with_one_where_something_is_missing(
    database: Database, settings: Settings, keys: Keys, run_command: RunCommand, tmp_path: Path
) -> None:
    fill(database, keys)
    (tmp_path / "campaign.json").write_text(json.dumps(CAMPAIGN), encoding="utf-8")
    (tmp_path / "good.eml").write_bytes(written(settings))
    (tmp_path / "bad.eml").write_bytes(message(List_Unsubscribe_Post=None))
    said = run_command("message", "check", "good.eml", "--campaign", "2026-11-offer").stdout
    assert "ours, and of this campaign" in said
    done = run_command("message", "check", "bad.eml", "--campaign", "campaign.json", "--language", "fi", expect=1)
    assert "List-Unsubscribe-Post puuttuu" in done.stdout


def test_the_page_says_what_the_command_says(desk: Desk, database: Database, settings: Settings, keys: Keys) -> None:
    fill(database, keys)
    client = desk("marketer", controllers={"acme"})
    assert "others-secret" not in client.get("/desk/messages").text

    def post(content: bytes, campaign: str) -> str:
        fields = {"campaign": campaign, "message": (BytesIO(content), "x.eml")}
        return str(client.post("/desk/messages", fields, content_type="multipart/form-data").text)

    assert "Nothing is missing" in post(written(settings), "campaign:2026-11-offer")
    assert "another campaign" in post(written(settings, "another"), "campaign:2026-11-offer")
    assert "The message is not ready" in post(message(List_Unsubscribe=None), "campaign:2026-11-offer")
    assert "Choose the campaign" in post(message(), "campaign:others-secret")
    assert "not an e-mail message" in post(b"words", "campaign:2026-11-offer")

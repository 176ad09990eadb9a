"""The words of mails: complete in three languages, with nothing but the placeholders their row allows."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from consentmgr.config import LANGUAGES, Language
from consentmgr.mail.completing import Completion, QueuedMail
from consentmgr.mail.composing import Unwritable, compose, message_id
from consentmgr.mail.words import CONFIRM, TEMPLATES, MailTemplate, MailWords, Part, _checked, placeholders_of
from tests.mail.loopback import Received

if TYPE_CHECKING:
    from consentmgr.keys import Keys

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
VALUES = {
    "controller": "Acme Oy",
    "choices": "Koulutusuutiset",
    "confirm_url": "https://valinnat.acme.example/c/x.y",
    "last_day": "27. marraskuuta 2026",
    "preference_url": "https://valinnat.acme.example/p/x.y",
    "leave_url": "https://valinnat.acme.example/u/x.y",
    "partner": "Postitalo Oy",
    "list": "mailer, 12",
    "download_url": "https://valinnat.acme.example/x/x.y",
    "acknowledge_url": "https://valinnat.acme.example/x/y.z",
    "downloads": "5",
    "what": "mailer, 12",
    "since": "2026-11-20 12:00",
    "invitation_url": "https://valinnat.acme.example/desk/invitation/x",
}


def queued(
    template: str = "confirm_subscription", language: Language = "fi", address: str = "a@x.example"
) -> QueuedMail:
    return QueuedMail(7, template, language, "acme", address, UUID(int=1), {}, NOW, 1)


def composed(mail: QueuedMail, completion: Completion, keys: Keys) -> Received:
    raw = compose(mail, completion, keys=keys, mail_from="viestit@acme.example", now=NOW)
    return Received("viestit@acme.example", [mail.address], raw, False)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_every_mail_is_whole_in_every_language(template: MailTemplate, keys: Keys) -> None:
    texts = set()
    for language in LANGUAGES:
        mail = composed(queued(template.name, language), Completion("Acme Oy", VALUES), keys)
        assert "$" not in mail.text + mail.html + str(mail.message["Subject"])
        assert mail.message.defects == []
        texts.add(mail.text)
        kinds = [part.kind for part in template.words[language].parts]
        assert kinds == [part.kind for part in template.words["en"].parts], "the same parts in every language"
    assert len(texts) == len(LANGUAGES)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_what_completes_a_mail_is_there(template: MailTemplate) -> None:
    module, _, name = template.completed_by.partition(":")
    assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("words", ["costs 5 $", "$5", "${controller", "$ controller"])
def test_a_stray_dollar_is_found_when_the_programme_starts(words: str) -> None:
    with pytest.raises(ValueError, match="stray"):
        placeholders_of(MailWords("Subject", (Part("text", words),)))


def test_a_language_with_other_placeholders_is_found_when_the_programme_starts() -> None:
    words = {**CONFIRM.words, "sv": MailWords("Hej $controller", (Part("text", "$given_name"),))}
    with pytest.raises(ValueError, match="other placeholders in sv"):
        _checked((CONFIRM._replace(words=words),))


def test_a_part_that_speaks_of_nothing_is_left_out(keys: Keys) -> None:
    mail = composed(queued(), Completion("Acme Oy", VALUES | {"choices": ""}), keys)
    assert "Tilaus:" not in mail.text
    assert "Tilaus:" not in mail.html


def test_a_value_that_is_missing_is_a_mistake_and_not_a_gap(keys: Keys) -> None:
    with pytest.raises(ValueError, match="lacks confirm_url"):
        composed(queued(), Completion("Acme Oy", _without("confirm_url")), keys)


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in VALUES.items() if key != name}


@pytest.mark.parametrize(
    "name",
    [
        "Acme\r\nBcc: kaikki@x.example",
        'Acme "Oy" <x@x.example>',
        "Ääkkös & Pojat <b>",
        "=?utf-8?b?QmNjOg==?=",
        "😀",
        "",
    ],
)
def test_a_controllers_name_stays_in_its_place(name: str, keys: Keys) -> None:
    mail = composed(queued(), Completion(name, VALUES | {"controller": name}), keys)
    message = mail.message
    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["From"].addresses] == ["viestit@acme.example"]
    assert [address.addr_spec for address in message["To"].addresses] == ["a@x.example"]
    assert "<b>" not in mail.html


def test_a_name_that_looks_like_a_template_stands_as_it_was_typed(keys: Keys) -> None:
    typed = "{{ 7*7 }} $link ${link} %(link)s {0}"
    mail = composed(queued(), Completion("Acme Oy", VALUES | {"controller": typed}), keys)
    plain = mail.message.get_body(("plain",))
    assert plain is not None
    assert typed in plain.get_content()
    assert typed in unescape(mail.html)


@pytest.mark.parametrize("colour", ["#0a7d55", None, "red", '#fff"><script>', "#12345"])
def test_a_colour_that_is_none_is_not_used(colour: str | None, keys: Keys) -> None:
    html = composed(queued(), Completion("Acme Oy", VALUES, colour), keys).html
    assert ("#0a7d55" in html) == (colour == "#0a7d55")
    assert "<script" not in html


def test_no_other_header_can_be_added(keys: Keys) -> None:
    with pytest.raises(ValueError, match="does not take the header field Bcc"):
        composed(queued(), Completion("Acme Oy", VALUES, headers={"Bcc": "x@x.example"}), keys)


@pytest.mark.parametrize(
    "address",
    ["a..b@x.example", ".a@x.example", '"two words"@x.example', "a+b@x.example", "o'brien@x.example", "a@xn--tykalu-xxa.example"],
)  # fmt: skip
def test_an_address_is_written_or_refused_and_never_another(address: str, keys: Keys) -> None:
    try:
        mail = composed(queued(address=address), Completion("Acme Oy", VALUES), keys)
    except Unwritable:
        return
    assert mail.message["To"].addresses[0].domain.endswith("example")
    assert len(mail.message["To"].addresses) == 1


def test_a_message_has_one_id_and_it_says_nothing(keys: Keys) -> None:
    first = message_id(queued(), keys, "viestit@acme.example")
    assert first == message_id(queued(), keys, "viestit@acme.example")
    other = QueuedMail(8, "confirm_subscription", "fi", "acme", "a@x.example", UUID(int=1), {}, NOW, 1)
    assert first != message_id(other, keys, "viestit@acme.example")


def test_a_queued_mail_and_its_completion_show_no_address() -> None:
    assert "a@x.example" not in repr(queued())
    assert "https" not in repr(Completion("Acme Oy", VALUES))

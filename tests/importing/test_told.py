"""Why a file or a line was not taken is told in the language of whoever brings it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from consentmgr.importing import told
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.tables import TableOptions, read_documents
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import LANGUAGES, Language

KEYS = AddressKeys(bytes(range(32)), 1)
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def said_of(document: str | bytes, kind: Any, source: str | None = "self") -> list[str]:
    data = document if isinstance(document, bytes) else document.encode()
    options = TableOptions(now=NOW, source=source)
    table = read_documents(io.BytesIO(data), kind, options, KEYS, name="lista.csv")
    return [found.reason for _, found in table if isinstance(found, Rejection)]


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ("email\na@x\n", "contacts"),
        ("etunimi;puh\nA;12\n", "contacts"),
        ("etunimi;puh\nA;4,58E+11\n", "contacts"),
        ("etunimi;email;y-tunnus\nA;a@x.example;0112038-8\n", "contacts"),
        ("email;y-tunnus;maa\na@x.example;556703-7480;Ruotsi\n", "contacts"),
        ("email;hankittu\na@x.example;eilen\n", "contacts"),
        ("email;hankittu\na@x.example;31.2.2026\n", "contacts"),
        ("email;hankittu\na@x.example;1/2/2026\n", "contacts"),
        ("email;hankittu\na@x.example;1.2.26\n", "contacts"),
        ("email;kieli\na@x.example;klingon\n", "contacts"),
        ("email;etunimi\n;A\n", "contacts"),
        ("email;etunimi\na@x.example;A;B\n", "contacts"),
        ("email;suostumus\na@x.example;ehkä\n", "consents"),
        ("email;suostumus\na@x.example;\n", "consents"),
        ("email;email_sha256\n;abc\n", "prohibitions"),
    ],
)
def test_what_is_commonly_wrong_with_a_row_is_told_in_each_language(document: str, kind: str) -> None:
    (said,) = said_of(document, kind)
    if " is none of " not in f" {said}":
        assert told.reason(said, "en") == said
    for language in ("fi", "sv"):
        found = told.reason(said, language)
        assert found is not None
        assert found != said
        assert "{" not in found


@pytest.mark.parametrize(
    "document",
    [
        "", "\n\n", b"%PDF-1.7\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Rekisteri;\n\nemail;nimi\n",
        "nimi;kaupunki\nA;Lahti\n", "email;email\na@x.example;b@x.example\n", 'email;nimi\na@x.example;"A\n',
        "sähköposti;nimi\näiti@x.example;Ä\n".encode() + b"\xf6@x.example;B\n", "email;nimi\na@x.example;A\0\n",
        '"email;nimi"\n"a@x.example;A"\n', "a@x.example\nb@x.example\n",
    ],
)  # fmt: skip
def test_what_is_commonly_wrong_with_a_file_is_told_in_each_language(document: str | bytes) -> None:
    with pytest.raises(BadInput) as refused:
        said_of(document, "contacts")
    for language in ("fi", "sv"):
        found = told.of_file(str(refused.value), language)
        assert found is not None
        assert found.startswith("lista.csv")
    assert "--" not in (told.of_file(str(refused.value), "en") or "")


def test_the_field_that_two_columns_mean_is_told_with_its_name() -> None:
    with pytest.raises(BadInput) as refused:
        said_of("email;email\na@x.example;b@x.example\n", "contacts")
    assert "email (sähköposti)" in (told.of_file(str(refused.value), "fi") or "")


def test_what_is_told_in_english_alone_is_not_made_up() -> None:
    assert told.reason("is something nobody has met", "fi") is None
    assert told.of_file("lista.csv: is something nobody has met", "sv") is None


@pytest.mark.parametrize(
    ("document", "kind", "source", "wanted"),
    [
        (
            "email;kieli\na@x.example;klingon\n", "contacts", "self",
            {"en": "is none of fi (Finnish), sv (Swedish), en (English)",
             "fi": "ei ole mikään näistä: fi (suomi), sv (ruotsi), en (englanti)",
             "sv": "är inget av följande: fi (finska), sv (svenska), en (engelska)"},
        ),
        (
            "email;lähde\na@x.example;naapuri\n", "prohibitions", "self",
            {"en": "self (the person)", "fi": "self (henkilö itse)", "sv": "self (personen själv)"},
        ),
        (
            "email;lähde\na@x.example;\n", "prohibitions", None,
            {"en": "robinson_phone (Robinson list, telephone)", "fi": "robinson_phone (Robinson-lista, puhelin)",
             "sv": "robinson_phone (Robinsonlistan, telefon)"},
        ),
        (
            "ref;kanavat\ncrm:1;kirjekyyhky\n", "consents", "self",
            {"en": "email (e-mail)", "fi": "email (sähköposti)", "sv": "email (e-post)"},
        ),
    ],
)  # fmt: skip
def test_the_codes_that_a_file_may_hold_are_told_with_their_names(
    document: str, kind: str, source: str | None, wanted: dict[Language, str]
) -> None:
    (said,) = said_of(document, kind, source)
    for language in LANGUAGES:
        found = told.reason(said, language)
        assert found is not None
        assert wanted[language] in found
        assert "--" not in found


@pytest.mark.parametrize(
    ("source", "wanted"), [(None, "self (henkilö itse)"), ("naapuri", "self (henkilö itse)"),
                           ("robinson_phone", "robinson_phone (Robinson-lista, puhelin)")]
)  # fmt: skip
def test_what_a_ban_list_must_say_is_told_with_names_and_without_options_of_the_terminal(
    source: str | None, wanted: str
) -> None:
    with pytest.raises(BadInput) as refused:
        said_of("puhelin\n0401234567\n", "prohibitions", source)
    found = {language: told.of_file(str(refused.value), language) for language in LANGUAGES}
    assert wanted in (found["fi"] or "")
    assert all(one is not None and "--" not in one for one in found.values()), found


def test_codes_of_documents_are_told_with_their_names() -> None:
    types = {"contact": "Yhteystiedot"}
    assert (
        told.reason("is none of contact, tribe", "fi", types) == "ei ole mikään näistä: contact (Yhteystiedot), tribe"
    )
    assert told.reason("is none of minor, major", "fi") == "ei ole mikään näistä: minor, major"
    assert told.reason("is none of organisation, vendor, register, title", "en") == (
        "is none of organisation (the organisation said so), vendor (data vendor), register (public register),"
        " title (guessed from a title)"
    )

"""Colours people can read, logos that only draw, and controllers and topics that carry both through a round trip."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from consentmgr.preferences.branding import colour_stylesheet
from consentmgr.vocabulary.branding import (
    DARK_SHEET,
    INK,
    LONGEST_LOGO,
    TEXT_CONTRAST,
    WHITE,
    colour_fault,
    contrast,
    logo_fault,
    palette,
    privacy_url_fault,
)
from tests.conftest import RunCommand

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()


def svg(inside: str = "", attributes: str = "") -> str:
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" {attributes}>{inside}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#ffffff") == 1
    # Two of the examples people know: the grey that just passes on white, and the one that just does not.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", ["#12496b", "#000000", "#ffffff", "#ffd200", "#767676", "#A51B2B"])
def test_whatever_colour_is_taken_can_be_read_everywhere(colour: str) -> None:
    assert colour_fault(colour) is None
    shades = palette(colour)
    assert contrast(shades.brand, shades.on_brand) >= TEXT_CONTRAST
    assert contrast(shades.accent, WHITE) >= TEXT_CONTRAST
    assert contrast(shades.accent_in_dark, DARK_SHEET) >= TEXT_CONTRAST
    assert colour_stylesheet(colour[1:]) is not None


def test_a_grey_that_neither_white_nor_dark_text_can_be_read_on_is_refused() -> None:
    assert max(contrast("#808080", WHITE), contrast("#808080", INK)) < TEXT_CONTRAST
    assert "take a darker or lighter one" in str(colour_fault("#808080"))


@pytest.mark.parametrize("colour", ["12496b", "#12496", "#12496g", "red", "#12496b;", "#12496b\n"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    assert "six hexadecimal digits" in str(colour_fault(colour))


@pytest.mark.parametrize(
    "logo",
    [
        PNG,
        svg('<rect width="10" height="10" fill="#123456"/>'),
        svg('<defs><linearGradient id="a"/></defs><path d="M0 0" fill="url(#a)"/><use href="#a"/>'),
        "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'/%3E",
        svg('<e:note xmlns:e="https://editor.example/ns">made by an editor</e:note>'),
    ],
)
def test_pictures_that_only_draw_are_taken(logo: str) -> None:
    assert logo_fault(logo) is None


@pytest.mark.parametrize(
    ("logo", "sentence"),
    [
        ("https://acme.example/logo.png", "must be a data address"),
        ("data:text/html;base64,AAAA", "must be a data address"),
        ("data:image/png;base64,AAAA", "is called a PNG and is none"),
        ("data:image/png;base64,A", "is not valid base64"),
        (PNG.ljust(LONGEST_LOGO + 1, "A"), "is longer than"),
        (svg("<script>alert(1)</script>"), "the element 'script'"),
        (svg("<foreignObject/>"), "the element 'foreignObject'"),
        (svg('<image href="https://x.example/a.png"/>'), "the element 'image'"),
        (svg('<h:script xmlns:h="http://www.w3.org/1999/xhtml">x</h:script>'), "the element"),
        (svg("<path/>", 'onload="x()"'), "with a script"),
        (svg('<use href="https://x.example/#a"/>'), "refers to something outside"),
        (svg('<use xmlns:x="http://www.w3.org/1999/xlink" x:href="//x.example/#a"/>'), "refers to something outside"),
        (svg('<path fill="url(https://x.example)"/>'), "refers to something outside"),
        (svg("<style>@import 'https://x.example'</style>"), "refers to something outside"),
        (svg("<style>path{fill:url(data:x)}</style>"), "refers to something outside"),
        (svg('<use href="javascript:x()"/>'), "refers to something outside"),
        ("data:image/svg+xml," + "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>%26a;</svg>", "with a document type"),
        ("data:image/svg+xml,<svg>", "is called an SVG and is none"),
        ("data:image/svg+xml,<html/>", "is called an SVG and is none"),
    ],
)
def test_pictures_that_do_more_than_draw_are_refused(logo: str, sentence: str) -> None:
    assert sentence in str(logo_fault(logo))


@pytest.mark.parametrize(
    "address", ["http://acme.example", "javascript:x()", "https://", "https://u:p@acme.example", "https://a b"]
)
def test_privacy_words_are_behind_https(address: str) -> None:
    assert privacy_url_fault(address) is not None
    assert privacy_url_fault("https://acme.example/privacy?lang=fi") is None


CONTROLLER = {
    "type": "controller",
    "key": "acme",
    "name": "Acme Oy",
    "colour": "#12496b",
    "logo": PNG,
    "privacy_url": "https://acme.example/privacy",
}
TOPIC = {
    "type": "topic",
    "key": "news",
    "kind": "newsletter",
    "controller": "acme",
    "names": {"fi": "Uutiset"},
    "descriptions": {"fi": "Mitä meille kuuluu.", "sv": "Hur vi mår."},
    "cadence": "quarterly",
}


def test_branding_descriptions_and_cadence_go_in_and_out_unchanged(run_command: RunCommand, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(document) + "\n" for document in (CONTROLLER, TOPIC)), encoding="utf-8")
    run_command("import", source)
    run_command("export", "documents", tmp_path / "out.jsonl")
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert CONTROLLER in [{name: one[name] for name in one if name != "default"} for one in written]
    assert TOPIC in [{name: one[name] for name in one if name != "public"} for one in written]
    # A document that does not speak of them leaves them as they are.
    source.write_text(json.dumps({"type": "controller", "key": "acme", "name": "Acme Oy"}) + "\n", encoding="utf-8")
    run_command("import", source)
    run_command("export", "documents", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_a_colour_nobody_can_read_is_rejected_with_a_sentence(run_command: RunCommand, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(CONTROLLER | {"colour": "#808080"}) + "\n", encoding="utf-8")
    run_command("import", source, expect=None)
    (rejected,) = (tmp_path / "in.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(rejected)["field"] == "colour"
    assert "take a darker or lighter one" in json.loads(rejected)["reason"]

"""How a controller's pages may look: a colour people can read, a logo that only draws, an address of its own words.

Contrast is WCAG 2.2's (success criteria 1.4.3 and 1.4.11): 4.5 to 1 for text.
"""

from __future__ import annotations

import base64
import binascii
import re
from colorsys import hls_to_rgb, rgb_to_hls
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

#: Least contrast of text with what is behind it (WCAG 2.2, 1.4.3).
TEXT_CONTRAST = 4.5
#: Longest logo, as the characters of its data address: a page with it stays under 50 kB.
LONGEST_LOGO = 24_000

WHITE = "#ffffff"
#: The pages' own ink, and their sheet in the dark scheme (static/house/page.css).
INK = "#17212b"
DARK_SHEET = "#182027"
#: A little more than the least, because links also stand on tinted messages.
_LINK_CONTRAST = 5.5

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PNG = b"\x89PNG\r\n\x1a\n"
_DATA = re.compile(
    r"data:(image/png|image/svg\+xml)((?:;charset=utf-8|;utf8)?)(;base64)?,(.+)", re.IGNORECASE | re.DOTALL
)
_SVG = "{http://www.w3.org/2000/svg}"
#: Elements that draw, and nothing else: no script, no foreign content, no pictures or documents from elsewhere.
_DRAWING = frozenset(
    {
        "svg",
        "g",
        "defs",
        "symbol",
        "use",
        "title",
        "desc",
        "metadata",
        "path",
        "rect",
        "circle",
        "ellipse",
        "line",
        "polyline",
        "polygon",
        "text",
        "tspan",
        "clipPath",
        "mask",
        "linearGradient",
        "radialGradient",
        "stop",
        "pattern",
        "filter",
        "feGaussianBlur",
        "feOffset",
        "feBlend",
        "feColorMatrix",
        "feMerge",
        "feMergeNode",
        "feFlood",
        "feComposite",
        "style",
    }
)
_REFERENCE = re.compile(r"url\s*\(\s*['\"]?(?!#)|@import|expression\s*\(|javascript:", re.IGNORECASE)


class Palette(NamedTuple):
    """A controller's colour as the pages use it: all but ``brand`` are made from it."""

    brand: str
    #: Text on the colour.
    on_brand: str
    #: The colour as text on white, darkened as far as needed.
    accent: str
    #: The same on the dark scheme's sheet, lightened.
    accent_in_dark: str


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, *contrast ratio*)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def palette(colour: str) -> Palette:
    """What the pages make of a colour that ``colour_fault`` finds no fault with."""
    brand = colour.lower()
    on_brand = WHITE if contrast(brand, WHITE) >= contrast(brand, INK) else INK
    return Palette(brand, on_brand, _readable(brand, 0.0, WHITE), _readable(brand, 1.0, DARK_SHEET))


def _readable(colour: str, end: float, behind: str) -> str:
    """The colour made darker (``end`` 0) or lighter (1), its hue kept, until it can be read on ``behind``."""
    hue, lightness, saturation = rgb_to_hls(*(part / 255 for part in _parts(colour)))
    for step in range(101):
        parts = hls_to_rgb(hue, lightness + (end - lightness) * step / 100, saturation)
        made = "#" + "".join(f"{round(part * 255):02x}" for part in parts)
        if contrast(made, behind) >= _LINK_CONTRAST:
            break
    return made


def colour_fault(colour: str) -> str | None:
    """Why this cannot be a controller's colour, or None where it can."""
    if not _COLOUR.fullmatch(colour):
        return "must be # and six hexadecimal digits, such as #12496b"
    if max(contrast(colour, WHITE), contrast(colour, INK)) < TEXT_CONTRAST:
        return "can be read neither under white nor under dark text (WCAG 2.2 wants 4.5 to 1): take a darker or lighter one"
    return None


def logo_fault(logo: str) -> str | None:
    """Why this cannot be a controller's logo, or None where it can: a data address of a PNG or of an SVG that draws."""
    if len(logo) > LONGEST_LOGO:
        return f"is longer than {LONGEST_LOGO} characters, more than a page should weigh"
    found = _DATA.fullmatch(logo)
    if found is None:
        return "must be a data address of a PNG or SVG picture (data:image/png;base64,…)"
    kind, _, encoded, body = found.groups()
    try:
        data = base64.b64decode(body, validate=True) if encoded else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        return "is not valid base64"
    if kind.lower() == "image/png":
        return None if data.startswith(_PNG) else "is called a PNG and is none"
    return _svg_fault(data)


def _svg_fault(data: bytes) -> str | None:
    # Only a logo needs it, and commands start faster without.
    from xml.etree import ElementTree as Xml

    # A document type could define entities that grow without end, or fetch.
    if b"<!DOCTYPE" in data.upper() or b"<!ENTITY" in data.upper():
        return "is an SVG with a document type: save it without"
    try:
        root = Xml.fromstring(data)  # noqa: S314 - no document type, so no entities
    except (Xml.ParseError, ValueError):
        return "is called an SVG and is none"
    if root.tag != f"{_SVG}svg":
        return "is called an SVG and is none"
    for element in root.iter():
        name = element.tag.removeprefix(_SVG)
        if name not in _DRAWING:
            # An editor's own notes, in a namespace of its own, draw nothing and fetch nothing.
            if element.tag.startswith("{") and not element.tag.startswith((_SVG, "{http://www.w3.org/")):
                continue
            return f"is an SVG with the element {name[:40]!r}: only shapes, text and gradients are taken"
        if name == "style" and _REFERENCE.search(element.text or ""):
            return "is an SVG that refers to something outside itself"
        for attribute, value in element.attrib.items():
            plain = attribute.rpartition("}")[2].lower()
            if plain.startswith("on"):
                return "is an SVG with a script"
            if (plain == "href" and not value.strip().startswith("#")) or _REFERENCE.search(value):
                return "is an SVG that refers to something outside itself"
    return None


def privacy_url_fault(address: str) -> str | None:
    """Why this cannot be the address of a controller's privacy words, or None where it can."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme != "https" or not host or parts.username or parts.password:
        return "must be a web address that begins with https://"
    if len(address) > 2_000 or any(character <= " " for character in address):
        return "is not a web address"
    return None

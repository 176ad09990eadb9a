"""One message as it came, read with suspicion: anybody may have sent it, and made it to hurt.

Nothing here raises for what a message holds except ``Unreadable``. Texts are bounded, characters that no database
text can hold are taken out, and character sets that are not real ones are not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import collapse_rfc2231_value, getaddresses
from functools import cached_property
from html import unescape
from itertools import islice
from typing import Any, Final

#: A message longer than this is not read, in bytes.
MOST_BYTES: Final = 10_000_000

#: Longer header lines are cut, in characters; a line with a hundred addresses is about half of it.
_MOST_HEADER = 8_000
#: More lines of one name than this are not looked at.
_MOST_REPEATS = 20
#: More parts than this are not looked at; a long chain of forwarded messages has about thirty.
_MOST_PARTS = 200
#: Marks of nested parts in the raw bytes. The parser compares every line with every open boundary, so that a
#: message of many boundaries within each other would keep it busy for hours.
_MOST_NESTING_MARKS = 300
_NESTING_MARK = re.compile(rb"boundary\s*=|message/(?:rfc822|global|delivery|feedback|disposition)", re.IGNORECASE)
#: A text part is looked at this far, in bytes of its raw form and in characters of what is left.
_MOST_TEXT_BYTES = 400_000
MOST_TEXT: Final = 100_000

#: The encodings that mail is written in. Python knows others that are no character sets (``zip``, ``punycode``),
#: some of which take very long.
_CHARSET = re.compile(
    r"(?:utf[-_]?(?:8|16(?:[-_]?[lb]e)?)|us[-_]?ascii|ascii|(?:iso[-_]?)?8859[-_]\d{1,2}|latin[-_]?\d|koi8[-_][ru]"
    r"|(?:windows|cp)[-_]?(?:125\d|874)|gb2312|gbk|gb18030|big5|shift[-_]jis|euc[-_](?:jp|kr)|iso[-_]2022[-_]jp)",
    re.IGNORECASE,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Unreadable(Exception):
    """The message cannot be read; a person must look at it. The text says why and quotes nothing."""


class Mail:
    """A message. ``repr`` shows nothing of it."""

    def __init__(self, raw: bytes, *, arrived_at: datetime | None = None) -> None:
        """``arrived_at``: when the mailbox received it, where that is known. Raises ``Unreadable``."""
        if len(raw) > MOST_BYTES:
            raise Unreadable("it is too large")
        if not raw.strip():
            raise Unreadable("it is empty")
        if sum(1 for _ in _NESTING_MARK.finditer(raw)) > _MOST_NESTING_MARKS:
            raise Unreadable("its parts are nested too deeply")
        self.raw = raw
        self.arrived_at = arrived_at
        try:
            # The newer policies parse each header by a grammar, at length, and some headers make them raise.
            self.root: Message[str, str] = message_from_bytes(raw, policy=compat32)
        except RecursionError:
            raise Unreadable("its parts are nested too deeply") from None
        except (MessageError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Unreadable(f"it cannot be parsed ({type(error).__name__})") from None

    def __repr__(self) -> str:
        return f"Mail({len(self.raw)} bytes)"

    def header(self, name: str) -> str | None:
        """The first header of a name, decoded, on one line; None where there is none."""
        return header_of(self.root, name)

    def headers(self, name: str) -> list[str]:
        """All headers of a name, as ``header`` gives one."""
        return headers_of(self.root, name)

    def has(self, *names: str) -> bool:
        """Whether any of these headers is there."""
        return any(name in self.root for name in names)

    def addresses(self, *names: str) -> list[str]:
        """The addresses in the headers of these names, without the names of people."""
        return addresses_of(self.root, *names)

    @cached_property
    def subject(self) -> str:
        return self.header("Subject") or ""

    @cached_property
    def parts(self) -> list[Message[str, str]]:
        """The parts in their order, the message itself first; messages carried inside (``message/…``) are parts, and
        what is inside those is not.
        """
        return list(_walk(self.root))

    def part(self, *content_types: str) -> Message[str, str] | None:
        """The first part of one of these types."""
        return next((part for part in self.parts if part.get_content_type() in content_types), None)

    @cached_property
    def text(self) -> str:
        """What the sender wrote: the plain text, or the HTML's where there is none. Empty where there is neither."""
        plain = [part for part in self.parts if part.get_content_type() == "text/plain" and not _is_attached(part)]
        if plain:
            return "\n".join(map(text_of, plain))[:MOST_TEXT]
        html = next((part for part in self.parts if part.get_content_type() == "text/html"), None)
        # Much of it may be layout before the first word.
        return "" if html is None or _is_attached(html) else _text_of_html(text_of(html, _MOST_TEXT_BYTES))


def _walk(root: Message[str, str]) -> Iterator[Message[str, str]]:
    waiting = [root]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting.extend(child for child in reversed(inner) if isinstance(child, Message))


def _is_attached(part: Message[str, str]) -> bool:
    return (part.get_content_disposition() or "inline") != "inline"


def header_of(message: Message[str, str], name: str) -> str | None:
    """The first header of a name in any message or part, decoded, unfolded, at most 8,000 characters."""
    return next(iter(headers_of(message, name)), None)


def headers_of(message: Message[str, str], name: str) -> list[str]:
    """All headers of a name, at most twenty."""
    wanted = name.lower()
    # Asked for by name, a header with bytes beyond ASCII would come with question marks in their place.
    values = (value for found, value in message.raw_items() if found.lower() == wanted)
    return [_decoded(str(value)) for value in islice(values, _MOST_REPEATS)]


def addresses_of(message: Message[str, str], *names: str) -> list[str]:
    """The addresses in the headers of these names."""
    values = [value for name in names for value in headers_of(message, name)]
    try:
        pairs = getaddresses(values)
    except (RecursionError, ValueError, IndexError):
        return []
    return [address.strip() for _, address in pairs if "@" in address]


def parameter_of(message: Message[str, str], name: str) -> str:
    """A parameter of the content type (``report-type``), in lower case; empty where there is none."""
    try:
        value: Any = message.get_param(name)
        return collapse_rfc2231_value(value).strip().lower() if value else ""
    except (LookupError, ValueError, TypeError):
        return ""


def _decoded(value: str) -> str:
    text = " ".join(value[:_MOST_HEADER].split())
    if "=?" in text:
        try:
            pieces = decode_header(text)
        except (MessageError, ValueError):
            pieces = []
        found = [piece if isinstance(piece, str) else decoded_bytes(piece, charset) for piece, charset in pieces]
        text = "".join(found) or text
    else:
        text = _as_utf8(text)
    return plain_characters(text).replace("\n", " ").strip()


def _as_utf8(text: str) -> str:
    """Bytes beyond ASCII in a header come as half surrogates; they are UTF-8 as a rule (RFC 6532)."""
    return text if text.isascii() else decoded_bytes(text.encode("utf-8", "surrogateescape"), None)


def decoded_bytes(data: bytes, charset: str | None) -> str:
    """Text of bytes by the character set named, if it is one; else UTF-8 or, where they are not that, Windows-1252."""
    names = [charset] if charset is not None and _CHARSET.fullmatch(charset.strip()) else []
    for name in (*names, "utf-8"):
        try:
            return data.decode(name.strip())
        except (UnicodeError, LookupError):
            continue
    return data.decode("cp1252", "replace")


def plain_characters(text: str) -> str:
    """Text without control characters and half surrogates, its lines ended by line feeds alone."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def text_of(part: Message[str, str], most: int = MOST_TEXT) -> str:
    """The text of a part, decoded, at most ``most`` characters."""
    return plain_characters(decoded_bytes(_bytes_of(part), _charset_of(part)))[:most]


def _charset_of(part: Message[str, str]) -> str | None:
    return parameter_of(part, "charset") or None


def _bytes_of(part: Message[str, str]) -> bytes:
    try:
        data: object = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AssertionError):
        return b""
    return data[:_MOST_TEXT_BYTES] if isinstance(data, bytes) else b""


def carried_message(part: Message[str, str]) -> Message[str, str] | None:
    """The message inside a ``message/rfc822`` part, or the headers of a ``text/rfc822-headers`` one."""
    if part.get_content_type() in ("text/rfc822-headers", "message/global-headers", "message/rfc822-headers"):
        inner = part.get_payload()
        if not isinstance(inner, list):
            return BytesHeaderParser(policy=compat32).parsebytes(_bytes_of(part))
    inner = part.get_payload()
    return inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], Message) else None


def field_blocks(part: Message[str, str]) -> list[Message[str, str]]:
    """The blocks of fields of a report part (RFC 3464, RFC 5965), in their order: what stands between blank lines.

    Python's parser splits ``message/delivery-status`` into blocks, takes the first block of any other ``message/…``
    for a message's headers and the rest for its text, and leaves a part that is encoded as it was.
    """
    inner = part.get_payload()
    blocks = [block for block in inner if isinstance(block, Message)] if isinstance(inner, list) else []
    if not any(block.keys() for block in blocks):
        return _blocks_of(_encoded_text(part))
    if len(blocks) == 1:
        blocks += _blocks_of(text_of(blocks[0]))
    return [block for block in blocks if block.keys()][:_MOST_PARTS]


def _encoded_text(part: Message[str, str]) -> str:
    """The text of a report part that was sent as base64 or quoted-printable, though the standard forbids it."""
    inner = part.get_payload()
    if isinstance(inner, list):
        carrier: Message[str, str] = Message(policy=compat32)
        carrier["Content-Transfer-Encoding"] = str(part.get("Content-Transfer-Encoding", "7bit"))
        carrier.set_payload("\n".join(str(block.get_payload()) for block in inner if isinstance(block, Message)))
        return text_of(carrier)
    return text_of(part)


def _blocks_of(text: str) -> list[Message[str, str]]:
    parser = BytesHeaderParser(policy=compat32)
    pieces = re.split(r"\n[ \t]*\n", text[:_MOST_TEXT_BYTES])[:_MOST_PARTS]
    return [block for piece in pieces if (block := parser.parsebytes(piece.strip().encode())).keys()]


_LINE_TAGS = frozenset(
    ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "table", "ul", "ol", "body", "pre"]
)
#: Elements whose text nobody reads, and how they end.
_SILENT = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in ("script", "style", "head", "title", "template")}
#: Where Gmail, Outlook, Thunderbird, Yahoo and Apple Mail put what is quoted; everything after it is old.
_QUOTING = re.compile(r"gmail_quote|divRplyFwdMsg|moz-cite-prefix|yahoo_quoted|OLK_SRC_BODY|AppleMailQuote")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")


def _text_of_html(html: str) -> str:
    """The words of HTML without what it quotes, with lines where a browser would begin one.

    One pass from left to right. Python's own parser looks at the rest of an unfinished tag again and again, which in
    a hostile message takes minutes.
    """
    pieces: list[str] = []
    place = quoted = 0
    while place < len(html):
        opening = html.find("<", place)
        if not quoted:
            pieces.append(" ".join(html[place : opening if opening >= 0 else len(html)].split()))
        if opening < 0:
            break
        if html.startswith("<!--", opening):
            place = _behind(html, "-->", opening)
            continue
        tag = _TAG.match(html, opening)
        place = _behind(html, ">", opening) if tag is not None or html.startswith("<!", opening) else opening + 1
        if tag is None:
            continue
        closing, name = bool(tag[1]), tag[2].lower()
        if _QUOTING.search(html, opening, min(place, opening + 1_000)):
            break
        if name in _LINE_TAGS:
            pieces.append("\n")
        elif name == "blockquote":
            quoted = max(0, quoted + (-1 if closing else 1))
        elif name in _SILENT and not closing:
            ending = _SILENT[name].search(html, place)
            place = ending.start() if ending is not None else len(html)
    return plain_characters(unescape(" ".join(filter(None, pieces))))[:MOST_TEXT]


def _behind(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return found + len(mark) if found >= 0 else len(text)

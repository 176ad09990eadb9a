"""Lines of a document file: bytes in, documents or rejections out.

Blank means absent (formats.md): ``"language": ""`` is no language and erases nothing. Reading is strict first, because
nearly every line passes, and only a line that fails is read again with its blanks taken out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from consentmgr.importing.kept_keys import KeptKey, KeptProhibition
from consentmgr.importing.rejects import Rejection
from consentmgr.vocabulary.documents import AnyDocument

#: What a file may hold: the documents of the contract, and the digests that outlive an erasure.
FileDocument = AnyDocument | KeptKey | KeptProhibition

_decoder = msgspec.json.Decoder(FileDocument)
_plain_decoder = msgspec.json.Decoder()
_STRUCTS: Mapping[str, type[msgspec.Struct]] = {
    str(struct.__struct_config__.tag): struct for struct in get_args(FileDocument)
}

#: A line longer than this is refused before it is read: no document of the contract comes near it.
LONGEST_LINE = 4_000_000


#: The bytes of characters before U+0300 in UTF-8, which are in NFC however they stand together. Taking them out is
#: the fastest way to see whether anything is left.
_BEFORE_MARKS = bytes(range(0xCC))

#: The escape of the null character, not a backslash that is itself escaped and "u0000" after it.
_NULL_CHARACTER = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def decode(line: bytes) -> FileDocument | Rejection | None:
    """The document in one line; a ``Rejection`` naming the field where there is none; None for a blank line.

    Text becomes NFC. Reasons never show a value of the line.
    """
    if not line or line.isspace():
        return None
    if len(line) > LONGEST_LINE:
        return Rejection(f"the line is longer than {LONGEST_LINE:,} bytes")
    found: FileDocument | Rejection = _decoded(line, _decoder, _decode_without_blanks)
    return found


D = TypeVar("D", bound=msgspec.Struct)


def decode_as(line: bytes, struct: type[D]) -> D | Rejection:
    """The document of this one type, whose ``type`` may be left out; read as ``decode`` reads a line."""
    found: D | Rejection = _decoded(line, _decoder_of(struct), partial(_decode_as_without_blanks, struct=struct))
    return found


@cache
def _decoder_of(struct: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(struct)


def _decoded(line: bytes, decoder: msgspec.json.Decoder[Any], otherwise: Callable[[bytes], Any]) -> Any:
    if b"\\u" in line or (not line.isascii() and line.translate(None, _BEFORE_MARKS)):
        settled = _settled(line)
        if isinstance(settled, Rejection):
            return settled
        line = settled
    try:
        return decoder.decode(line)
    except msgspec.ValidationError:
        return otherwise(line)
    except UnicodeDecodeError:
        return Rejection("the line is not UTF-8")
    except (msgspec.DecodeError, RecursionError):
        return Rejection("the line is not JSON")


def _settled(line: bytes) -> bytes | Rejection:
    r"""The line in UTF-8 NFC, its ``\u`` escapes written out where they could hide what must be looked at."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Rejection("the line is not UTF-8")
    if "\\u" in text:
        try:
            text = msgspec.json.encode(_plain_decoder.decode(line)).decode()
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return Rejection("the line is not JSON")
        if _NULL_CHARACTER.search(text):
            return Rejection("the line holds a NUL character, which no text may have")
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return text.encode()


def _decode_without_blanks(line: bytes) -> FileDocument | Rejection:
    try:
        plain = _without_blanks(_plain_decoder.decode(line))
    except (msgspec.DecodeError, RecursionError):
        return Rejection("the line is not JSON")
    if not isinstance(plain, dict):
        return Rejection("the line is not a JSON object")
    if "type" not in plain and {"line", "reason", "document"} <= plain.keys():
        # A line of a rejects file, mended where it stands.
        plain = plain["document"]
        if isinstance(plain, str):
            # A line that was no JSON stands there as text, and may have been mended inside it.
            try:
                plain = _without_blanks(_plain_decoder.decode(plain))
            except (msgspec.DecodeError, RecursionError):
                return Rejection("is not JSON", "document")
        if not isinstance(plain, dict):
            return Rejection("is not a JSON object", "document")
    kind = plain.get("type")
    if not isinstance(kind, str):
        return Rejection("is missing: it says what the document is", "type")
    if kind not in _STRUCTS:
        return Rejection(f"is none of {', '.join(_STRUCTS)}", "type")
    try:
        document: FileDocument = msgspec.convert(plain, FileDocument)
    except msgspec.ValidationError as error:
        return rejection_of(error, _STRUCTS[kind])
    return document


def _decode_as_without_blanks(line: bytes, struct: type[D]) -> D | Rejection:
    plain = _without_blanks(_plain_decoder.decode(line))
    if not isinstance(plain, dict):
        return Rejection("is not a JSON object")
    tag = struct.__struct_config__.tag
    if tag is not None and plain.get("type", tag) != tag:
        return Rejection(f"must be {tag}, or left out", "type")
    try:
        return msgspec.convert(plain, struct)
    except msgspec.ValidationError as error:
        return rejection_of(error, struct)


def _without_blanks(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kept for name, item in value.items() if (kept := _without_blanks(item)) is not None}
    if isinstance(value, list):
        return [kept for item in value if (kept := _without_blanks(item)) is not None]
    if isinstance(value, str) and not value.strip():
        return None
    return value


_PLACE = re.compile(r"(?P<message>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING_FIELD = re.compile(r"Object missing required field `(?P<name>.*)`")
_TYPES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "null": "nothing",
          "array": "a list", "object": "an object"}  # fmt: skip


def rejection_of(error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> Rejection:
    """What msgspec found wrong with a document of this type, in words that show no value."""
    match = _PLACE.fullmatch(str(error))
    message, path = (match["message"], match["path"] or "") if match else (str(error), "")
    path = path.lstrip(".")
    unknown, missing = _UNKNOWN_FIELD.fullmatch(message), _MISSING_FIELD.fullmatch(message)
    if unknown:
        return Rejection("is not a field of this document", _below(path, unknown["name"]))
    if missing:
        return Rejection("is missing", _below(path, missing["name"]))
    return Rejection(_sentence(message, kind, path), path or None)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _sentence(message: str, kind: type[msgspec.Struct], path: str) -> str:
    if message.startswith("Invalid enum value"):
        allowed = _allowed_values(kind, path)
        return f"is none of {', '.join(allowed)}" if allowed else "is not one of the values allowed"
    if "timezone component" in message:
        return "must have an offset, as in 2026-11-01T09:00:00+02:00"
    if "encoded datetime" in message:
        return "is not a time with an offset, such as 2026-11-01T09:00:00+02:00"
    if "encoded date" in message:
        return "is not a date, such as 2026-11-01"
    expected = re.match(r"Expected `([^`]*)`(?:, got `([^`]*)`)?", message)
    if expected and expected[2]:
        names = [_TYPES.get(name.strip(), name.strip()) for name in expected[1].split("|")]
        wanted = " or ".join(name for name in names if name != "nothing")
        return f"must be {wanted}, not {_TYPES.get(expected[2], expected[2])}"
    if "matching regex '^[A-Z]{2}$'" in message:
        return "must be a country code of two capital letters"
    if "matching regex '^[0-9a-f]{64}$'" in message:
        return "must be 64 lower-case hexadecimal digits"
    if message.startswith("Expected"):
        return message.replace("`", "").replace("Expected", "must be", 1)
    return "cannot be taken as it is"


def _allowed_values(kind: type[msgspec.Struct], path: str) -> tuple[str, ...]:
    """The values of the ``Literal`` at ``path`` of a document, found by walking the structs' annotations."""
    found: Any = kind
    for step in re.findall(r"[^.\[\]]+", path):
        if step.isdigit() or step == "...":
            found = next((argument for argument in get_args(found) if argument is not type(None)), None)
            continue
        struct = next((part for part in (found, *get_args(found)) if _is_struct(part)), None)
        if struct is None:
            return ()
        found = get_type_hints(struct).get(step)
    for part in (found, *get_args(found)):
        if get_origin(part) is Literal:
            return tuple(str(value) for value in get_args(part))
    return ()


def _is_struct(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, msgspec.Struct)

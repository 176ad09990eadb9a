"""Audience files of Meta, Google and LinkedIn: people added and people removed, each a job of its own.

No hash is common to the three: each is built from plain text by that platform's own rules (law.md section 6, audience
files), SHA-256 in lower-case hex over NFC text, unsalted. People who may be contacted are added; those who may no
longer be are removed, which is why the files are of ``allowed`` content.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

from consentmgr.exports.formats.format import ADD, REMOVE, About, Files, Format, OpenFile, of_action
from consentmgr.exports.formats.rows import delimited, header

META = [
    "email",
    "phone",
    "madid",
    "fn",
    "ln",
    "zip",
    "ct",
    "st",
    "country",
    "dob",
    "doby",
    "gen",
    "age",
    "uid",
    "value",
]
GOOGLE = ["Email", "Phone", "First Name", "Last Name", "Country", "Zip"]
LINKEDIN = ["email", "firstname", "lastname", "jobtitle", "employeecompany", "country", "googleaid"]
#: Google takes dots and ``+suffix`` of these domains for nothing.
_GMAIL = ("gmail.com", "googlemail.com")
_TITLES = ("dr", "prof", "mr", "mrs", "ms")

Texts = Sequence[str | None]


def hashed(text: str | None) -> str:
    """SHA-256 of the NFC text; an absent one stays absent."""
    if not text:
        return ""
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode()).hexdigest()


def meta_name(name: str | None) -> str:
    """Lower case, without punctuation and spaces; every letter stays, whatever its accents."""
    letters = unicodedata.normalize("NFC", (name or "").strip().lower())
    return "".join(letter for letter in letters if letter.isalnum())


def google_email(address: str | None) -> str:
    """Lower case without spaces; dots and ``+suffix`` dropped where Google's own mail ignores them."""
    address = "".join((address or "").split()).lower()
    mailbox, at, domain = address.rpartition("@")
    if at and domain in _GMAIL:
        mailbox = mailbox.partition("+")[0].replace(".", "")
    return f"{mailbox}{at}{domain}"


def google_name(name: str | None) -> str:
    words = (name or "").strip().lower().split()
    return " ".join(word for word in words if word.rstrip(".") not in _TITLES)


def _columns(portion: pa.Table) -> tuple[dict[str, Texts], list[str], list[str]]:
    """The columns as lists, and e-mail addresses and numbers apart: each row has one of the two."""
    columns = {name: portion[name].to_pylist() for name in portion.column_names if name != "since"}
    pairs = list(zip(columns["kind"], columns["value"], strict=True))
    emails = [value or "" if kind == "email" else "" for kind, value in pairs]
    phones = [value or "" if kind == "phone" else "" for kind, value in pairs]
    return columns, emails, phones


def meta_rows(portion: pa.Table) -> dict[str, list[str]]:
    columns, emails, phones = _columns(portion)
    empty = [""] * portion.num_rows
    return dict.fromkeys(META, empty) | {
        "email": [hashed(address.strip().lower()) for address in emails],
        "phone": [hashed(number.lstrip("+").lstrip("0")) for number in phones],
        "fn": [hashed(meta_name(name)) for name in columns["given_name"]],
        "ln": [hashed(meta_name(name)) for name in columns["family_name"]],
        "zip": [hashed("".join((code or "").lower().split())) for code in columns["postal_code"]],
        "ct": [hashed(meta_name(city)) for city in columns["city"]],
        "country": [hashed((country or "").lower()) for country in columns["country"]],
    }


def google_rows(portion: pa.Table) -> dict[str, list[str]]:
    columns, emails, phones = _columns(portion)
    return {
        "Email": [hashed(google_email(address)) for address in emails],
        "Phone": [hashed(number) for number in phones],
        "First Name": [hashed(google_name(name)) for name in columns["given_name"]],
        "Last Name": [hashed(google_name(name)) for name in columns["family_name"]],
        # Google wants these two as they are.
        "Country": [(country or "").upper() for country in columns["country"]],
        "Zip": [code or "" for code in columns["postal_code"]],
    }


def linkedin_rows(portion: pa.Table) -> dict[str, list[str]]:
    columns, emails, _phones = _columns(portion)
    empty = [""] * portion.num_rows
    return dict.fromkeys(LINKEDIN, empty) | {
        "email": [hashed(address.strip().lower()) for address in emails],
        "firstname": [name or "" for name in columns["given_name"]],
        "lastname": [name or "" for name in columns["family_name"]],
        "country": [(country or "").upper() for country in columns["country"]],
    }


def _writer(names: list[str], rows_of: Callable[[pa.Table], dict[str, list[str]]], most: int | None) -> object:
    def write(portions: Iterable[pa.Table], _about: About, open_file: OpenFile) -> dict[str, int]:
        files = Files(open_file, lambda file: file.write(header(names)))
        files.of(".add")
        given = {ADD: 0, REMOVE: 0}
        for portion in portions:
            for action in (ADD, REMOVE):
                rows = of_action(portion, action)
                start = 0
                while start < rows.num_rows:
                    part = rows.slice(start, most - given[action] % most if most else rows.num_rows)
                    job = f".{given[action] // most + 1:04d}" if most and given[action] >= most else ""
                    files.write(f".{action}{job}", delimited(rows_of(part)), part.num_rows)
                    given[action] += part.num_rows
                    start += part.num_rows
        return files.rows

    return write


def _format(
    name: str,
    names: list[str],
    rows_of: Callable[[pa.Table], dict[str, list[str]]],
    describes: str,
    most: int | None,
) -> Format:
    kinds = ("email",) if name == "linkedin" else ("email", "phone")
    return Format(
        name,
        ".csv",
        kinds,  # type: ignore[arg-type]
        _writer(names, rows_of, most),  # type: ignore[arg-type]
        describes,
        contents=("allowed",),
        people=True,
    )


META_AUDIENCE = _format("meta", META, meta_rows, "Meta custom audience, hashed; add and remove jobs", None)
GOOGLE_AUDIENCE = _format(
    "google", GOOGLE, google_rows, "Google customer match, hashed; every person consented (EEA flags GRANTED)", None
)
LINKEDIN_AUDIENCE = _format("linkedin", LINKEDIN, linkedin_rows, "LinkedIn matched audience; e-mail hashed", 300_000)

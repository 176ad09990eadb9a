"""The files load where they are meant to: header and shapes are those the partners document (``golden/README.md``)."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from consentmgr.exports.formats.format import About
from consentmgr.exports.formats.ses import JOB_ROWS, REMOVE_JOB_ROWS
from tests.exports.test_formats import ABOUT, entries, written

GOLDEN = Path(__file__).parent / "golden"
ALLOWED = About("Partner", "allowed", ABOUT.generated_at)

PERSON = {"given_name": "Väinö", "family_name": "Mäki", "postal_code": "00100", "city": "Helsinki", "country": "FI"}
PEOPLE = entries(
    {"value": "vaino@x.example", "reason": "ADDRESS_INVALID", **PERSON},
    {"value": "=aino,q@x.example", "reason": "SPAM_COMPLAINT", **PERSON},
    {"value": "a.b+c@gmail.com", "since": None, **PERSON},
    {"value": "lifted@x.example", "action": "remove", **PERSON},
    {"kind": "phone", "value": "+358401234567", **PERSON},
)
EMAILS = PEOPLE.slice(0, 4)

#: What a cell may be, the narrowest first.
SHAPES = (
    ("nothing", ""),
    ("SHA-256", "[0-9a-f]{64}"),
    ("moment", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    ("e-mail", "[^@]+@[^@]+"),
    ("reason of SES", "BOUNCE|COMPLAINT"),
    ("country", "[A-Z]{2}"),
    ("postal code", r"\d{5}"),
    ("word", r"[^\d@]+"),
)


def shape(cell: str) -> str:
    return next(name for name, pattern in SHAPES if re.fullmatch(pattern, cell))


def rows_of(data: bytes) -> list[list[str]]:
    assert not data.startswith(b"\xef\xbb\xbf"), "a byte order mark would be part of the first header"
    return list(csv.reader(data.decode().splitlines()))


CASES: list[tuple[str, str, str, pa.Table, About, bool]] = [
    # golden file, format, suffix of our file, entries, about, whether the first row is a header
    ("ses.add.csv", "ses", ".0001", EMAILS, ABOUT, False),
    ("ses.remove.csv", "ses", ".remove.0001", EMAILS, ABOUT, False),
    ("mailchimp.unsubscribed.csv", "mailchimp", ".unsubscribed", EMAILS, ABOUT, True),
    ("mailchimp.cleaned.csv", "mailchimp", ".cleaned", EMAILS, ABOUT, True),
    ("mailchimp.subscribed.csv", "mailchimp", ".subscribed", EMAILS, ALLOWED, True),
    ("hubspot.csv", "hubspot", "", EMAILS, ABOUT, True),
    ("klaviyo.csv", "klaviyo", "", EMAILS, ABOUT, True),
    ("meta.csv", "meta", ".add", PEOPLE, ALLOWED, True),
    ("meta.csv", "meta", ".remove", PEOPLE, ALLOWED, True),
    ("google.csv", "google", ".add", PEOPLE, ALLOWED, True),
    ("google.csv", "google", ".remove", PEOPLE, ALLOWED, True),
    ("linkedin.csv", "linkedin", ".add", EMAILS, ALLOWED, True),
    ("linkedin.csv", "linkedin", ".remove", EMAILS, ALLOWED, True),
]


@pytest.mark.parametrize(
    ("golden", "name", "suffix", "table", "about", "has_header"), CASES, ids=lambda value: str(value)[:30]
)
def test_a_table_has_the_header_and_the_shapes_its_reader_documents(
    golden: str, name: str, suffix: str, table: pa.Table, about: About, has_header: bool
) -> None:
    files, counts = written(name, table, about=about)
    theirs, ours = rows_of((GOLDEN / golden).read_bytes()), rows_of(files[suffix])
    if has_header:
        assert ours[0] == theirs[0]
        theirs, ours = theirs[1:], ours[1:]
    assert len(ours) == counts[suffix] > 0
    for column, cells in enumerate(zip(*theirs, strict=True)):
        known = {shape(cell) for cell in cells} | ({"nothing"} if has_header else set())
        assert {shape(row[column]) for row in ours} <= known, column
    assert {len(row) for row in ours} == {len(row) for row in theirs}


@pytest.mark.parametrize("kind", ["bounces", "spam_reports", "unsubscribes"])
def test_a_list_of_sendgrid_has_the_fields_and_types_of_its_samples(kind: str) -> None:
    files, counts = written("sendgrid", EMAILS)

    def shapes(rows: list[dict[str, Any]]) -> set[tuple[tuple[str, type], ...]]:
        return {tuple((name, type(value)) for name, value in row.items()) for row in rows}

    ours = json.loads(files[f".{kind}"])
    assert len(ours) == counts[f".{kind}"] > 0
    assert shapes(ours) == shapes(json.loads((GOLDEN / f"sendgrid.{kind}.json").read_bytes()))


def test_jobs_of_ses_take_no_more_rows_than_they_may() -> None:
    many = entries(*({"value": f"a{number}@x.example", "action": "remove"} for number in range(1_000)))
    _, counts = written("ses", *[many] * 11)
    assert (JOB_ROWS, REMOVE_JOB_ROWS) == (100_000, 10_000)
    assert counts == {".0001": 0, ".remove.0001": REMOVE_JOB_ROWS, ".remove.0002": 1_000}

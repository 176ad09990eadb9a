"""Every format writes what its reader takes: exact bytes for machines, guarded text for people."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import fastexcel
import pyarrow as pa
import pytest

from consentmgr.exports.formats import BY_NAME, FORMATS
from consentmgr.exports.formats.audiences import google_email, hashed, meta_name
from consentmgr.exports.formats.format import ENTRIES, About
from consentmgr.exports.formats.ses import JOB_ROWS

SINCE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ABOUT = About("Postitalo", "suppressed", datetime(2026, 11, 21, tzinfo=UTC), secret=b"agreed with the partner")


class Written:
    """The files of a run, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, BytesIO] = {}

    def __call__(self, suffix: str) -> BytesIO:
        assert suffix not in self.files, f"{suffix} is opened twice"
        self.files[suffix] = BytesIO()
        return self.files[suffix]

    def __getitem__(self, suffix: str) -> bytes:
        return self.files[suffix].getvalue()


def entries(*rows: dict[str, Any]) -> pa.Table:
    plain = {"action": "add", "kind": "email", "reason": "DM_OBJECTION_ALL", "since": SINCE}
    full = [{name: ({**plain, **row}).get(name) for name in ENTRIES.names} for row in rows]
    return pa.Table.from_pylist(full, schema=ENTRIES)


def written(name: str, *portions: pa.Table, about: About = ABOUT) -> tuple[Written, dict[str, int]]:
    target = Written()
    rows = BY_NAME[name].write(iter(portions), about, target)
    assert set(rows) == set(target.files) or name == "xlsx"
    return target, rows


def test_the_table_names_each_format_once() -> None:
    assert len(BY_NAME) == len(FORMATS)


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_an_empty_run_is_a_whole_file(row: Any) -> None:
    target = Written()
    counts = row.write(iter(()), ABOUT, target)
    assert target.files
    assert set(counts.values()) == {0}


@pytest.mark.parametrize("name", ["csv", "hubspot", "klaviyo", "mailchimp"])
def test_an_address_like_a_formula_goes_out_to_the_byte(name: str) -> None:
    files, _ = written(name, entries({"value": "=a@x.example"}, {"value": 'q"uote,d@x.example'}))
    texts = [
        cell for data in files.files.values() for row in csv.reader(StringIO(data.getvalue().decode())) for cell in row
    ]
    assert "=a@x.example" in texts
    assert 'q"uote,d@x.example' in texts


def test_plain_csv_and_json_lines_say_what_was_lifted_and_leave_out_what_is_only_a_digest() -> None:
    rows = entries({"value": "a@x.example"}, {"value": "b@x.example", "action": "remove"}, {"value": None})
    files, counts = written("csv", rows)
    assert files[""].decode().splitlines() == [
        "action,kind,address,reason,since",
        "add,email,a@x.example,DM_OBJECTION_ALL,2026-03-01T12:30:00Z",
        "remove,email,b@x.example,DM_OBJECTION_ALL,2026-03-01T12:30:00Z",
    ]
    assert counts == {"": 2}
    files, _ = written("jsonl", rows)
    assert json.loads(files[""].splitlines()[0]) == {
        "action": "add",
        "kind": "email",
        "address": "a@x.example",
        "reason": "DM_OBJECTION_ALL",
        "since": "2026-03-01T12:30:00Z",
    }


def test_ses_jobs_have_no_header_two_reasons_and_no_more_rows_than_a_job_takes() -> None:
    files, _ = written("ses", entries({"value": "a@x.example", "reason": "ADDRESS_INVALID"}, {"value": "b@x.example"}))
    assert files[".0001"] == b"a@x.example,BOUNCE\nb@x.example,COMPLAINT\n"
    many = entries(*({"value": f"a{number}@x.example"} for number in range(1_000)))
    portions = [many] * 101
    _, counts = written("ses", *portions, entries({"value": "z@x.example", "action": "remove"}))
    assert counts == {".0001": JOB_ROWS, ".0002": 1_000, ".remove.0001": 1}


def test_sendgrid_lists_are_json_arrays_by_kind_of_stop() -> None:
    rows = entries(
        {"value": "b@x.example", "reason": "ADDRESS_INVALID"},
        {"value": "c@x.example", "reason": "SPAM_COMPLAINT"},
        {"value": "d@x.example"},
        {"value": "e@x.example", "action": "remove", "since": None},
    )
    files, counts = written("sendgrid", rows, entries({"value": "f@x.example"}))
    bounce = {"created": 1772368200, "email": "b@x.example", "reason": "ADDRESS_INVALID", "status": "5.0.0"}
    assert json.loads(files[".bounces"]) == [bounce]
    assert json.loads(files[".spam_reports"]) == [{"created": 1772368200, "email": "c@x.example", "ip": ""}]
    assert [row["email"] for row in json.loads(files[".unsubscribes"])] == ["d@x.example", "f@x.example"]
    assert json.loads(files[".unsubscribes.remove"])[0]["email"] == "e@x.example"
    assert counts[".unsubscribes"] == 2


def test_mailchimp_files_have_the_columns_of_its_own_export() -> None:
    rows = entries({"value": "b@x.example", "reason": "ADDRESS_INVALID"}, {"value": "d@x.example"})
    files, _ = written("mailchimp", rows)
    assert files[".cleaned"] == b"Email Address,CLEAN_TIME\nb@x.example,2026-03-01 12:30:00\n"
    assert files[".unsubscribed"].startswith(b"Email Address,UNSUB_TIME,UNSUB_REASON\nd@x.example,")
    allowed = About("Postitalo", "allowed", ABOUT.generated_at)
    files, _ = written("mailchimp", entries({"value": "d@x.example", "reason": "CONSENT_OK"}), about=allowed)
    assert set(files.files) == {".subscribed"}


def test_hashes_are_of_the_canonical_address_one_a_line() -> None:
    rows = entries({"value": "a@x.example"}, {"value": "b@x.example", "action": "remove"})
    for name, digest in (("md5", hashlib.md5), ("sha1", hashlib.sha1), ("sha256", hashlib.sha256)):
        files, _ = written(name, rows)
        assert files[""].decode() == digest(b"a@x.example").hexdigest() + "\n"
        assert files[".remove"].decode() == digest(b"b@x.example").hexdigest() + "\n"


def test_keyed_digests_need_the_partners_key_and_depend_on_it() -> None:
    files, _ = written("keyed", entries({"value": "a@x.example"}))
    assert files[""].decode().strip() == hmac.new(ABOUT.secret or b"", b"a@x.example", "sha256").hexdigest()
    with pytest.raises(ValueError, match="partner's key"):
        written("keyed", entries({"value": "a@x.example"}), about=About("P", "suppressed", ABOUT.generated_at))


def test_numbers_and_letters_go_out_as_callers_and_deliverers_read_them() -> None:
    files, _ = written("e164", entries({"kind": "phone", "value": "+358401234567"}))
    assert files[""] == b"+358401234567\n"
    letter = {"kind": "post", "family_name": "Mäki", "street": "Kuja 1", "postal_code": "00100", "city": "Helsinki"}
    files, _ = written("postal", entries(letter))
    assert files[""].decode().splitlines()[1] == "add,Mäki,,Kuja 1,,00100,Helsinki,"


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("john_smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        ("16505551212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
        ("mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
        ("valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
        ("meikäläinen", "53e94b5669635444df86c351e29d6e5e5dd72b1d86d860ed9c843ce17e5cb0ae"),
        ("meika\u0308la\u0308inen", "53e94b5669635444df86c351e29d6e5e5dd72b1d86d860ed9c843ce17e5cb0ae"),
    ],
)
def test_hashes_are_those_of_the_platforms_own_examples(text: str, digest: str) -> None:
    assert hashed(text) == digest


def test_each_platform_has_its_own_spelling_of_the_same_person() -> None:
    assert google_email(" John.Smith+news@Gmail.com ") == "johnsmith@gmail.com"
    assert google_email("John.Smith+news@x.example") == "john.smith+news@x.example"
    assert meta_name(" O'Brien-Mäki ") == "obrienmäki"


def test_audiences_are_add_and_remove_jobs_of_hashes() -> None:
    allowed = About("Meta", "allowed", ABOUT.generated_at)
    rows = entries(
        {"value": "john_smith@gmail.com", "given_name": "Mary", "country": "FI"},
        {"kind": "phone", "value": "+16505551212", "action": "remove"},
    )
    files, counts = written("meta", rows, about=allowed)
    head, row = csv.reader(StringIO(files[".add"].decode()))
    person = dict(zip(head, row, strict=True))
    assert person["email"].startswith("62a14e44")
    assert person["fn"].startswith("6915771b")
    assert person["country"] == hashlib.sha256(b"fi").hexdigest()
    assert not person["phone"]
    assert b"e323ec62" in files[".remove"]
    assert counts == {".add": 1, ".remove": 1}
    files, _ = written("google", rows, about=allowed)
    assert files[".add"].decode().splitlines()[0] == "Email,Phone,First Name,Last Name,Country,Zip"
    assert hashlib.sha256(b"+16505551212").hexdigest().encode() in files[".remove"]
    files, _ = written("linkedin", rows.slice(0, 1), about=allowed)
    assert files[".add"].decode().splitlines()[1].split(",")[1] == "Mary"


def test_the_workbook_is_text_for_people_and_says_so(tmp_path: Path) -> None:
    files, counts = written("xlsx", entries({"value": "=HYPERLINK(1)@x.example"}))
    assert counts == {"": 1}
    path = tmp_path / "list.xlsx"
    path.write_bytes(files[""])
    sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None).to_arrow()
    cells = [str(value) for column in sheet.columns for value in column.to_pylist()]
    assert "=HYPERLINK(1)@x.example" in cells
    assert any("not for other systems" in cell for cell in cells)

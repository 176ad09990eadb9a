"""Tables through the command: their rejected rows, mended and taken in again, and the scope of a notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunCommand
from tests.importing.registers import Register

NOTICE: dict[str, Any] = {
    "type": "notice", "key": "signup", "version": 2, "language": "fi", "text": "Haluan uutiskirjeen ja tarjouksia.",
    "controllers": ["acme"], "channels": ["email", "sms"], "purposes": ["newsletter"], "topics": ["news"],
}  # fmt: skip
TOPIC: dict[str, Any] = {"type": "topic", "key": "news", "kind": "newsletter", "controller": "acme"}


def mend(rejects: Path, wrong: str, right: str) -> None:
    rejects.write_text(rejects.read_text(encoding="utf-8").replace(wrong, right), encoding="utf-8")


# --- rejected rows --------------------------------------------------------------------------------------------------


def test_rejected_rows_of_a_table_can_be_mended_and_imported_as_the_table_was(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    table = tmp_path / "asiakkaat.csv"
    table.write_bytes(
        'Sähköposti;Etunimi\naino@posti.example;Aino\nno address;"Bir;ger"\nalso none;Cecilia\n'.encode("cp1252")
    )
    options = ("--as", "contacts", "--source", "fair")
    run_command("import", table, *options, expect=1)
    rejects = tmp_path / "asiakkaat.rejected.jsonl"
    rows = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert [(row["line"], row["field"], row["header"], row["document"]) for row in rows] == [
        (3, "Sähköposti", "Sähköposti;Etunimi", 'no address;"Bir;ger"'),
        (4, "Sähköposti", "Sähköposti;Etunimi", "also none;Cecilia"),
    ]
    assert rejects.stat().st_mode & 0o777 == 0o600
    mend(rejects, "no address", "birger@posti.example")
    done = run_command("import", rejects, *options, expect=1)
    assert "line 2, field Sähköposti: is not an e-mail address" in done.stdout
    assert register.rows("SELECT given_name, value, source FROM contact c JOIN contact_point ON contact_id = c.id") == [
        ("Aino", "aino@posti.example", "fair"),
        ("Bir;ger", "birger@posti.example", "fair"),
    ]
    left = tmp_path / "asiakkaat.rejected.rejected.jsonl"
    mend(left, "also none", "cecilia@posti.example")
    run_command("import", left, *options)
    assert register.one("SELECT count(*) FROM contact_point") == 3


def test_a_rejected_row_with_line_ends_in_a_cell_keeps_the_place_of_those_after_it(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    table = tmp_path / "taulu.csv"
    table.write_text('ref,email,etunimi\n1,none,"Aino\nMaria"\n2,none,Birger\n3,none,Cecilia\n', encoding="utf-8")
    run_command("import", table, "--as", "contacts", expect=1)
    rejects = tmp_path / "taulu.rejected.jsonl"
    text = rejects.read_text(encoding="utf-8")
    rejects.write_text(text.replace("1,none", "1,a@x.example").replace("3,none", "3,c@x.example"), encoding="utf-8")
    done = run_command("import", rejects, "--as", "contacts", expect=1)
    assert "line 2, field email" in done.stdout
    assert sorted(register.rows("SELECT ref FROM contact")) == [("1",), ("3",)]
    assert "2,none,Birger" in (tmp_path / "taulu.rejected.rejected.jsonl").read_text(encoding="utf-8")


def test_rejected_rows_of_json_lines_and_of_a_bare_list_come_back_too(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"email":"a@x.example"}\n{"email":"none","etunimi":"Birger"}\n', encoding="utf-8")
    run_command("import", lines, "--as", "contacts", expect=1)
    mend(tmp_path / "rows.rejected.jsonl", "none", "b@x.example")
    run_command("import", tmp_path / "rows.rejected.jsonl", "--as", "contacts")
    assert register.one("SELECT count(*) FROM contact_point WHERE value = 'b@x.example'") == 1
    bare = tmp_path / "bans.txt"
    bare.write_text("c@x.example\nnone@\nd@x.example\n", encoding="utf-8")
    ban = ("--as", "prohibitions", "--source", "self")
    run_command("import", bare, *ban, expect=1)
    mend(tmp_path / "bans.rejected.jsonl", "none@", "e@x.example")
    run_command("import", tmp_path / "bans.rejected.jsonl", *ban)
    assert register.one("SELECT count(*) FROM prohibition") == 3


def test_rejected_rows_taken_for_documents_are_told_what_they_are(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    table = tmp_path / "taulu.csv"
    table.write_text("email\nnone\n", encoding="utf-8")
    run_command("import", table, "--as", "contacts", expect=1)
    told = run_command("import", tmp_path / "taulu.rejected.jsonl", expect=2).stderr
    assert "these are rejected rows of a table: say with --as" in told
    with (tmp_path / "taulu.rejected.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"line":1')
    told = run_command("import", tmp_path / "taulu.rejected.jsonl", "--as", "contacts", expect=2).stderr
    assert "line 2" in told
    assert register.one("SELECT count(*) FROM contact") == 0


# --- the scope of a notice ------------------------------------------------------------------------------------------


def scopes(register: Register, event: str = "consent_given") -> list[tuple[Any, ...]]:
    return register.rows("SELECT channels, purposes, topics FROM ledger_entry WHERE event = :event", event=event)


def test_a_consent_without_a_scope_of_its_own_has_its_notices(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    register.take_well(TOPIC, NOTICE)
    table = tmp_path / "taulu.csv"
    table.write_text("email\naino@posti.example\n", encoding="utf-8")
    given = ("--as", "consents", "--at", "2026-01-02", "--notice", "signup/2/fi")
    run_command("import", table, *given)
    assert scopes(register) == [(["email", "sms"], ["newsletter"], ["news"])]
    run_command("import", table, *given)
    assert len(scopes(register)) == 1


@pytest.mark.parametrize(
    ("option", "scope"),
    [
        (("--channel", "email"), (["email"], ["newsletter"], ["news"])),
        (("--purpose", "direct_marketing"), (["email", "sms"], ["direct_marketing"], ["news"])),
        (("--topic", "other"), (["email", "sms"], ["newsletter"], ["other"])),
    ],
)
def test_an_option_says_more_than_the_notice(
    register: Register, tmp_path: Path, run_command: RunCommand, option: tuple[str, str], scope: tuple[Any, ...]
) -> None:
    register.take_well(TOPIC, TOPIC | {"key": "other"}, NOTICE)
    table = tmp_path / "taulu.csv"
    table.write_text("email\naino@posti.example\n", encoding="utf-8")
    run_command("import", table, "--as", "consents", "--at", "2026-01-02", "--notice", "signup/2/fi", *option)
    assert scopes(register) == [scope]


def test_a_row_says_more_than_the_notice_and_no_notice_narrows_a_no(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    register.take_well(TOPIC, NOTICE, NOTICE | {"key": "other"})
    table = tmp_path / "taulu.csv"
    table.write_text(
        "email,event,channels,notice\n"
        "a@x.example,consent_given,phone,\n"
        "b@x.example,consent_refused,,\n"
        "c@x.example,objected,,\n"
        "d@x.example,consent_withdrawn,,\n"
        "e@x.example,consent_given,,other/2/fi\n",
        encoding="utf-8",
    )
    run_command("import", table, "--as", "consents", "--at", "2026-01-02", "--notice", "signup/2/fi")
    assert sorted(scopes(register)) == [
        (["email"], ["direct_marketing"], []),
        (["phone"], ["newsletter"], ["news"]),
    ]
    assert scopes(register, "consent_refused") == [(["email", "sms"], ["newsletter"], ["news"])]
    assert scopes(register, "objected") == [([], ["direct_marketing"], [])]
    assert scopes(register, "consent_withdrawn") == [([], ["direct_marketing"], [])]


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        ("signup/9/fi", "--notice signup/9/fi: the register knows no such notice; of that key there are signup/2/fi"),
        ("none/1/fi", "--notice none/1/fi: the register knows no such notice. Import the notice first"),
        ("signup", "--notice must be key/version/language"),
    ],
)
def test_a_notice_that_is_not_there_is_told_by_its_option(
    register: Register, tmp_path: Path, run_command: RunCommand, notice: str, words: str
) -> None:
    register.take_well(TOPIC, NOTICE)
    table = tmp_path / "taulu.csv"
    table.write_text("email\naino@posti.example\n", encoding="utf-8")
    done = run_command("import", table, "--as", "consents", "--notice", notice, expect=2)
    assert words in done.stderr.replace("\n", " ")
    assert register.one("SELECT count(*) FROM import_batch") == 0

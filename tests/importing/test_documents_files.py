"""Whole files: batches, rejects, previews, and what a killed import leaves behind."""

from __future__ import annotations

import json
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consentmgr.importing.rejects import Rejection
from consentmgr.importing.service import ImportReport, import_documents
from consentmgr.importing.sources import open_documents
from tests.conftest import RunCommand, RunProgram
from tests.importing.registers import NOW, Register, contact, email, event


def write(path: Path, *documents: dict[str, Any] | str) -> Path:
    lines = [document if isinstance(document, str) else json.dumps(document) for document in documents]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def people(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        contact(
            f"crm:{number}",
            given_name="Aino",
            points=[email(f"person.{number}@posti.example", source="web_form")],
            events=[event("consent_given", channels=["email"], purposes=["direct_marketing"], notice="signup/1/fi")],
        )
        for number in range(start, start + count)
    ]


def take(register: Register, path: Path, **options: Any) -> ImportReport:
    rejects = path.with_suffix(".rejected.jsonl")
    with open_documents(path) as source:
        return import_documents(
            register.database, source, keys=register.keys, actor="test", now=NOW, rejects_path=rejects, **options
        )


def test_a_file_is_taken_in_batches_and_told(register: Register, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", *people(25))
    advanced: list[int] = []
    report = take(register, path, batch_documents=10, progress=advanced.append)
    assert register.one("SELECT count(*) FROM contact") == 25
    assert report.changes.documents["contact", "new"] == 25
    assert report.changes.decisions["consent_given"] == 25
    assert (report.rejected, report.rejects) == (0, None)
    assert advanced == [10, 10, 5]
    assert not (tmp_path / "in.rejected.jsonl").exists()


def test_a_finished_file_taken_again_changes_nothing(register: Register, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", *people(25))
    take(register, path, batch_documents=10)
    before = register.checksum()
    report = take(register, path, batch_documents=7)
    assert report.changes.is_nothing
    assert report.resumed_at == 1
    assert register.checksum() == before


def test_rejected_lines_go_whole_to_the_file_beside_and_the_rest_is_taken(register: Register, tmp_path: Path) -> None:
    bad = contact("crm:bad", given_name="Birger", points=[email("no address")])
    broken, binary = '{"type": "contact", "ref": "crm:', b'{"type":"contact","ref":"\xe4"}\n'
    path = write(tmp_path / "in.jsonl", *people(2), bad, broken, "", *people(2, start=2))
    path.write_bytes(path.read_bytes() + binary)
    report = take(register, path, batch_documents=2)
    assert register.one("SELECT count(*) FROM contact") == 4
    assert report.rejected == 3
    assert report.rejects == tmp_path / "in.rejected.jsonl"
    rejected = [json.loads(line) for line in report.rejects.read_bytes().splitlines()]
    assert [line["line"] for line in rejected] == [3, 4, 8]
    assert rejected[0]["document"] == bad
    assert (rejected[0]["field"], rejected[0]["reason"]) == (
        "points[0].value",
        "is not an e-mail address that can be matched",
    )
    assert rejected[1]["document"] == broken
    assert "document_base64" in rejected[2]
    assert report.rejects.stat().st_mode & 0o777 == 0o600


def test_a_mended_rejects_file_can_be_taken_in(register: Register, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", contact("crm:1", points=[email("no address")]))
    rejects = take(register, path).rejects
    assert rejects
    rejects.write_text(rejects.read_text().replace("no address", "aino@posti.example"))
    assert take(register, rejects).changes.documents["contact", "new"] == 1


def test_a_rejected_line_that_was_no_json_can_be_mended_where_it_stands(register: Register, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"type":"contact","ref":"crm:1"\n', encoding="utf-8")
    rejects = take(register, path).rejects
    assert rejects
    line = json.loads(rejects.read_text())
    rejects.write_text(json.dumps(line | {"document": line["document"] + "}"}))
    assert take(register, rejects).changes.documents["contact", "new"] == 1
    rejects.write_text(json.dumps(line))
    assert take(register, rejects).told == ((1, Rejection("is not JSON", "document")),)


def test_an_old_rejects_file_goes_when_nothing_is_rejected_any_more(register: Register, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", contact("crm:1", controllers=["later"]))
    assert take(register, path).rejects
    register.take_well({"type": "controller", "key": "later", "name": "Later Oy"})
    assert take(register, path).rejects is None
    assert not (tmp_path / "in.rejected.jsonl").exists()


def test_the_report_tells_reasons_and_no_values(register: Register, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", *(contact(f"crm:{n}", points=[email("secret")]) for n in range(30)))
    report = take(register, path)
    assert len(report.told) == 20
    assert report.told[0] == (1, Rejection("is not an e-mail address that can be matched", "points[0].value"))
    assert "secret" not in repr(report)


def test_a_preview_tells_the_same_and_changes_nothing(register: Register, tmp_path: Path) -> None:
    register.take_well(*people(5))
    register.take_well(contact("crm:0", given_name="Birger"))
    before = register.checksum()
    path = write(tmp_path / "in.jsonl", *people(25), contact("crm:1", points=[email("no address")]))
    preview = take(register, path, batch_documents=10, dry_run=True)
    assert register.checksum() == before
    assert register.one("SELECT count(*) FROM import_batch") == 0
    assert not (tmp_path / "in.rejected.jsonl").exists()
    report = take(register, path, batch_documents=10)
    assert preview.changes == report.changes
    assert preview.told == report.told
    assert dict(report.changes.fields) == {"contact.given_name": 1}


def test_an_event_may_follow_its_contact_in_a_later_batch(register: Register, tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.jsonl",
        *people(15),
        *({"type": "event", "contact": f"crm:{n}", **event("objected")} for n in range(15)),
    )
    assert take(register, path, batch_documents=10).changes.decisions["objected"] == 15


def test_no_memory_is_needed_for_a_line_without_end(register: Register, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"type":"contact","ref":"' + b"x" * 9_000_000 + b'"}\n' + json.dumps(contact()).encode())
    report = take(register, path)
    assert (report.rejected, report.told[0][0]) == (1, 1)
    assert register.one("SELECT count(*) FROM contact") == 1


def test_windows_line_ends_and_a_byte_order_mark_are_taken(register: Register, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(document).encode() for document in people(3)))
    assert take(register, path).changes.documents["contact", "new"] == 3


def test_an_unknown_field_is_told_with_its_line(register: Register, tmp_path: Path) -> None:
    report = take(register, write(tmp_path / "in.jsonl", *people(2), contact("crm:9", nickname="Aino")))
    assert report.told == ((3, Rejection("is not a field of this document", "nickname")),)


def test_what_only_the_database_refuses_is_found_and_rejected_alone(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consentmgr.importing import checks

    monkeypatch.setattr(checks, "LARGEST_NUMBER", 10**12)
    too_many = contact("crm:bad", points=[email(soft_bounces=10**11)])
    path = write(tmp_path / "in.jsonl", *people(7), too_many, *people(7, start=7))
    preview = take(register, path, dry_run=True)
    report = take(register, path, batch_documents=10)
    assert register.one("SELECT count(*) FROM contact") == 14
    assert report.told == preview.told
    assert [(line, rejection.reason) for line, rejection in report.told] == [
        (8, "the database does not take it (a number out of range)")
    ]
    assert preview.changes == report.changes


# --- killed ---------------------------------------------------------------------------------------------------------


def test_an_import_broken_off_goes_on_with_the_first_line_not_taken(register: Register, tmp_path: Path) -> None:
    bad = [contact(f"crm:bad{n}", points=[email("no address")]) for n in range(2)]
    path = write(tmp_path / "in.jsonl", bad[0], *people(14), bad[1], *people(14, start=14))

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(register, path, batch_documents=10, progress=stop)
    assert register.one("SELECT count(*) FROM contact") == 9
    rejects = tmp_path / "in.rejected.jsonl"
    # A batch that was written but not committed may have left its rejections there.
    with rejects.open("a") as file:
        file.write('{"line":16,"reason":"left over"}\n{"line":1')
    report = take(register, path, batch_documents=10)
    assert report.resumed_at == 11
    assert register.one("SELECT count(*) FROM contact") == 28
    assert report.changes.documents["contact", "new"] == 28
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [1, 16]
    assert register.one("SELECT count(*) FROM import_batch WHERE finished_at IS NOT NULL") == 1


def test_other_options_are_another_import(register: Register, tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", *people(14))

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(register, path, batch_documents=10, progress=stop, options={"as": "documents"})
    assert take(register, path, options={"as": "other"}).resumed_at == 1
    assert take(register, path, options={"as": "documents"}).resumed_at == 11


KILLED = """
import os, signal, sys
from consentmgr.importing import service
service.BATCH_DOCUMENTS = 50
take = service.import_documents
batches = 0

def advance(count):
    global batches
    batches += 1
    if batches == 3:
        os.kill(os.getpid(), signal.SIGKILL)

def killed(*arguments, **options):
    return take(*arguments, **options | {"progress": advance, "batch_documents": 50})

service.import_documents = killed
from consentmgr.cli import main
main(["import", sys.argv[1]])
"""


def test_an_import_killed_between_batches_resumes(
    register: Register, tmp_path: Path, run_program: RunProgram, run_command: RunCommand
) -> None:
    path = write(tmp_path / "in.jsonl", *people(60), contact("crm:bad", points=[email("no")]), *people(340, start=60))
    done = run_program(KILLED, path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    for _ in range(50):
        taken = register.one("SELECT count(*) FROM contact")
        if taken == 149:
            break
        time.sleep(0.1)
    assert taken == 149
    again = run_command("import", path, expect=1)
    assert "taken up again at line 151" in again.stdout
    assert register.one("SELECT count(*) FROM contact") == 400
    assert register.one("SELECT count(*) FROM ledger_entry WHERE event = 'consent_given'") == 400
    rejects = (tmp_path / "in.rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in rejects] == [61]
    before = register.checksum()
    run_command("import", path, expect=1)
    assert register.checksum() == before


KILLED_AT_WORK = """
import os, signal, sys
from consentmgr.importing import applying, service
from consentmgr.register.writing import BackgroundCopies
applying._WORTH_A_THREAD = 1
copy, copies = BackgroundCopies._copy, 0

def killed(self, statement, given):
    global copies
    copies += 1
    if copies == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    copy(self, statement, given)

BackgroundCopies._copy = killed
take = service.import_documents
service.import_documents = lambda *a, **o: take(*a, **o | {"batch_documents": 50})
from consentmgr.cli import main
main(["import", sys.argv[1]])
"""


@pytest.mark.parametrize("copies", [5, 7, 8])
def test_an_import_killed_in_the_middle_of_a_batch_leaves_nothing_of_it(
    register: Register, tmp_path: Path, run_program: RunProgram, run_command: RunCommand, copies: int
) -> None:
    """Each batch is four COPYs (contacts, points, entries, standing); the second one dies in one of them."""
    path = write(tmp_path / "in.jsonl", *people(120))
    done = run_program(KILLED_AT_WORK, path, str(copies))
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert register.one("SELECT count(*) FROM contact") == 50
    assert register.one("SELECT next_line FROM import_batch") == 51
    assert "taken up again at line 51" in run_command("import", path).stdout
    tables = ("contact", "contact_point", "ledger_entry", "standing")
    assert [register.one(f"SELECT count(*) FROM {table}") for table in tables] == [120] * 4
    run_command("ledger", "verify")


def test_an_import_says_when_it_ended(register: Register, tmp_path: Path) -> None:
    ended = NOW + timedelta(minutes=7)
    take(register, write(tmp_path / "in.jsonl", *people(3)), clock=lambda: ended)
    assert register.rows("SELECT started_at, finished_at FROM import_batch") == [(NOW, ended)]
    assert register.one("SELECT DISTINCT recorded_at FROM ledger_entry") == NOW


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_takes_a_file_and_tells_what_changed(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    path = write(tmp_path / "in.jsonl", *people(3))
    done = run_command("import", path)
    assert "contact" in done.stdout
    assert "consent_given" in done.stdout
    assert done.stderr == ""
    assert register.one("SELECT count(*) FROM contact") == 3
    assert str(register.one("SELECT actor FROM import_batch")).startswith("terminal:")
    assert register.one("SELECT finished_at > started_at FROM import_batch")


def test_rejected_lines_make_the_exit_code_one(register: Register, tmp_path: Path, run_command: RunCommand) -> None:
    path = write(tmp_path / "in.jsonl", contact("crm:1", points=[email("aino.secret")]), *people(3))
    done = run_command("import", path, "--actor", "aino", expect=1)
    assert "line 1, field points[0].value: is not an e-mail address that can be matched" in done.stdout
    assert "1 line rejected" in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert (tmp_path / "in.rejected.jsonl").exists()
    assert register.one("SELECT DISTINCT actor FROM ledger_entry") == "aino"


def test_a_dry_run_says_what_would_change(register: Register, tmp_path: Path, run_command: RunCommand) -> None:
    path = write(tmp_path / "in.jsonl", *people(3))
    done = run_command("import", path, "--dry-run")
    assert "nothing was changed" in done.stdout
    assert register.one("SELECT count(*) FROM contact") == 0


MANY = """
import sys
from consentmgr.importing import commands
commands._MANY_DOCUMENTS = int(sys.argv[2])
from consentmgr.cli import main
main(["import", sys.argv[1]])
"""


def test_after_a_large_import_the_database_counts_its_tables_anew(
    register: Register, tmp_path: Path, run_program: RunProgram
) -> None:
    def run(path: Path, many: int) -> float:
        assert run_program(MANY, path, str(many)).returncode == 0
        return float(register.one("SELECT reltuples FROM pg_class WHERE oid = 'contact'::regclass"))

    assert run(write(tmp_path / "large.jsonl", *people(37)), many=37) == 37
    assert run(write(tmp_path / "small.jsonl", *people(5, start=37)), many=6) == 37
    assert run(tmp_path / "large.jsonl", many=37) == 37, "nothing was changed, so there is nothing to count"


def test_standard_input_is_read_and_its_rejects_go_to_the_current_folder(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    lines = "".join(json.dumps(document) + "\n" for document in (*people(3), contact("crm:x", points=[email("no")])))
    run_command("import", "-", stdin=lines, expect=1)
    assert register.one("SELECT count(*) FROM contact") == 3
    assert (tmp_path / "stdin.rejected.jsonl").exists()
    run_command("import", "-", "--rejects", tmp_path / "mine.jsonl", stdin=lines, expect=1)
    assert (tmp_path / "mine.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.jsonl", b"", "the file is empty"),
        ("blank.jsonl", b"\n \n", "the file is empty"),
        ("wide.jsonl", '{"type":"contact"}'.encode("utf-16"), "not text in UTF-8"),
        ("table.jsonl", b"email;name\naino@posti.example;Aino\n", "not a JSON object"),
        ("list.csv", b"email\naino@posti.example\n", "--as"),
    ],
)
def test_an_unusable_file_is_refused_with_exit_code_two(
    register: Register, tmp_path: Path, run_command: RunCommand, name: str, data: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    done = run_command("import", path, expect=2)
    assert words in done.stderr
    assert name in done.stderr
    assert "aino" not in done.stderr.lower()
    assert register.one("SELECT count(*) FROM import_batch") == 0


def test_options_of_tables_are_refused_for_documents(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    path = write(tmp_path / "in.jsonl", *people(1))
    assert "--source goes with a table" in run_command("import", path, "--source", "x", expect=2).stderr


def test_a_table_and_a_ban_list_go_through_the_same_command(
    register: Register, tmp_path: Path, run_command: RunCommand
) -> None:
    table = tmp_path / "asiakkaat.csv"
    table.write_bytes("Sähköposti;Etunimi\naino@posti.example;Aino\nno address;Birger\n".encode("cp1252"))
    run_command("import", table, "--as", "contacts", "--source", "fair", expect=1)
    assert register.rows("SELECT value, source FROM contact_point") == [("aino@posti.example", "fair")]
    (rejected,) = (tmp_path / "asiakkaat.rejected.jsonl").read_text().splitlines()
    assert json.loads(rejected)["document"] == "no address;Birger"
    bans = tmp_path / "bans.csv"
    bans.write_text("aino@posti.example,COMPLAINT\nbirger@posti.example,BOUNCE\n")
    done = run_command("import", bans, "--as", "prohibitions")
    assert register.one("SELECT source FROM prohibition") == "complaint"
    assert "Bans added: 1\n" in done.stdout


def test_export_goes_to_a_file_or_standard_output(register: Register, tmp_path: Path, run_command: RunCommand) -> None:
    register.take_well(*people(3))
    run_command("export", "documents", "out.jsonl")
    written = (tmp_path / "out.jsonl").read_bytes()
    assert written == b"".join(register.export())
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    assert run_command("export", "documents").stdout.encode() == written
    assert run_command("export", "documents", "no/such/out.jsonl", expect=2).stderr

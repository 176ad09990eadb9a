"""``consentmgr ledger``: clear sentences, and exit code 1 where the ledger is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from consentmgr.consents.acts import NewEntry
from consentmgr.db import Database
from consentmgr.keys import PUBLIC_KEY_FILE

Run = Callable[..., Any]


@pytest.fixture
def ledger(written: Callable[..., Any], new_entry: Callable[..., NewEntry]) -> None:
    written(*(new_entry(contact, personal={"ip": "192.0.2.1"}) for contact in range(1, 21)))


@pytest.mark.usefixtures("ledger")
def test_a_whole_ledger_verifies(run_command: Run) -> None:
    told = run_command("ledger", "verify").stdout
    assert "20 entries, ledger head " in told
    assert "evidence: 20 verified, 0 erased" in told
    assert told.endswith("The ledger is whole.\n")


@pytest.mark.usefixtures("ledger")
def test_a_broken_ledger_ends_with_1_and_names_the_entry(run_command: Run, tamper: Callable[..., None]) -> None:
    tamper("UPDATE ledger_entry SET source = 'x' WHERE id = 20")
    done = run_command("ledger", "verify", expect=1)
    assert "BROKEN: chain 4, entry 20: it was changed after it was recorded" in done.stdout
    assert done.stderr == "consentmgr: The ledger is broken.\n"


@pytest.mark.usefixtures("ledger")
def test_an_exported_ledger_verifies_without_the_database(
    run_command: Run, tmp_path: Path, settings: Any, environment: dict[str, str]
) -> None:
    assert run_command("ledger", "export", "ledger.jsonl").stdout == "20 entries written to ledger.jsonl\n"
    environment["CONSENTMGR_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    key = settings.keys_folder / PUBLIC_KEY_FILE
    told = run_command("ledger", "verify", "--offline", "ledger.jsonl", "--public-key", key).stdout
    assert "signed by key" in told
    assert told.endswith("The exported ledger is whole.\n")
    assert "NOT checked" in run_command("ledger", "verify", "--offline", "ledger.jsonl").stdout
    lines = (tmp_path / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(lines[:-1]))
    done = run_command("ledger", "verify", "--offline", "ledger.jsonl", expect=1)
    assert "BROKEN: chain" in done.stdout
    assert not list(tmp_path.glob(".ledger*"))


def test_a_file_that_is_no_ledger_ends_with_2_and_names_it(run_command: Run, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text("{}\n")
    (tmp_path / "key.json").write_text("[]")
    assert "other.jsonl" in run_command("ledger", "verify", "--offline", "other.jsonl", expect=2).stderr
    no_key = run_command("ledger", "verify", "--offline", "other.jsonl", "--public-key", "key.json", expect=2)
    assert "key.json: not a public Ed25519 key" in no_key.stderr
    run_command("ledger", "verify", "--public-key", "key.json", expect=2)


@pytest.mark.usefixtures("ledger")
def test_the_ledger_goes_to_standard_output_as_a_filter(run_command: Run) -> None:
    assert len(run_command("ledger", "export", "-").stdout.splitlines()) == 21


@pytest.mark.usefixtures("ledger")
def test_rebuilding_says_what_it_found_and_is_on_record(run_command: Run, database: Database) -> None:
    assert run_command("ledger", "rebuild").stdout.endswith("What was stored is equal to the ledger.\n")
    with database.transaction() as session:
        session.execute(text("DELETE FROM standing WHERE contact_id < 4"))
    assert "3 contacts had other rows" in run_command("ledger", "rebuild").stdout
    with database.connect() as connection:
        details = connection.scalars(text("SELECT detail FROM audit_event ORDER BY id")).all()
    assert [detail["differing"] for detail in details] == [0, 3]

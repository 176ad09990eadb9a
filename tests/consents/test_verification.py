"""Verification finds every way of tampering, and names the first broken entry."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from sqlalchemy import text

from consentmgr.consents import offline_verifier
from consentmgr.consents.acts import NewEntry
from consentmgr.consents.heads import ledger_head
from consentmgr.consents.ledger import append
from consentmgr.consents.offline_verifier import ed25519_holds, verify_lines
from consentmgr.consents.verification import Verification, export_ledger, verify
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit.signing import new_signing_key, public_jwk

Tamper = Callable[..., None]


@pytest.fixture
def ledger(database: Database, new_entry: Callable[..., NewEntry], now: datetime) -> Database:
    """Five entries in chain 4 and three in chain 5, some with evidence, and one without a contact."""
    with database.transaction() as session:
        entries = [new_entry(contact, personal={"ip": f"192.0.2.{n}"}) for contact in (4, 5) for n in range(3)]
        entries += [new_entry(20, "objected", source="ä\n\\"), new_entry(4, "restricted")]
        entries += [new_entry(None, digest=UUID(int=7))]
        append(session, entries, actor="test", now=now)
    return database


def verified(database: Database) -> Verification:
    with database.reading() as session:
        return verify(session)


def broken(database: Database) -> list[tuple[int | None, int | None, str]]:
    return [tuple(fault) for fault in verified(database).breaks]


def test_an_untouched_ledger_is_whole(ledger: Database) -> None:
    found = verified(ledger)
    assert found.whole
    assert (found.entries, found.evidence_held, found.evidence_erased) == (9, 6, 0)
    with ledger.reading() as session:
        assert found.ledger_head == ledger_head(session)


def test_an_empty_ledger_is_whole(database: Database) -> None:
    assert verified(database).whole


# The third entry of chain 4 has the id 3 * 16 + 4 = 52.
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event", "'consent_given' || 'x'"),
        ("contact_id", "36"),
        ("at", "at + interval '1 microsecond'"),
        ("recorded_at", "recorded_at - interval '1 day'"),
        ("actor", "'nobody'"),
        ("controller", "'sister'"),
        ("method", "'phone'"),
        ("source", "'elsewhere'"),
        ("given_by", "'representative'"),
        ("order_known", "NOT order_known"),
        ("channels", "'{email}'"),
        ("purposes", "'{research}'"),
        ("topics", "'{news}'"),
        ("audiences", "'{meta}'"),
        ("notice", "'signup/1/fi'"),
        ("prohibition", "'1'"),
        ("double_opt_in", "'confirmed'"),
        ("pre_ticked", "NOT pre_ticked"),
        ("condition_of_service", "NOT condition_of_service"),
        ("freely_joined", "NOT freely_joined"),
        ("express_request", "NOT express_request"),
        ("has_proof", "NOT has_proof"),
        ("detail", "'{\"a\": 1}'"),
        ("digest", "gen_random_uuid()"),
        ("commitment", "sha256('x')"),
        ("hash", "sha256('x')"),
    ],
)
def test_an_edit_of_any_column_is_found(ledger: Database, tamper: Tamper, column: str, value: str) -> None:
    tamper(f"UPDATE ledger_entry SET {column} = {value} WHERE id = 52")
    assert broken(ledger)[0] == (4, 52, "it was changed after it was recorded")


def test_a_changed_link_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("UPDATE ledger_entry SET prev_hash = sha256('x') WHERE id = 52")
    assert broken(ledger) == [(4, 52, "it does not follow from the entry before it")]


def test_an_entry_removed_in_the_middle_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("DELETE FROM ledger_evidence WHERE entry_id = 52", "DELETE FROM ledger_entry WHERE id = 52")
    assert broken(ledger) == [(4, 68, "1 entry is missing before it")]


def test_entries_removed_at_the_end_are_found(ledger: Database, tamper: Tamper) -> None:
    tamper("DELETE FROM ledger_entry WHERE chain = 4 AND seq > 3")
    assert broken(ledger) == [(4, None, "2 entries are missing at its end")]


def test_a_whole_chain_removed_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("DELETE FROM ledger_evidence WHERE entry_id % 16 = 5", "DELETE FROM ledger_entry WHERE chain = 5")
    assert broken(ledger) == [(5, None, "3 entries are missing at its end")]


def test_a_head_set_back_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("UPDATE ledger_head SET seq = 3, hash = (SELECT hash FROM ledger_entry WHERE id = 52) WHERE chain = 4")
    assert broken(ledger) == [(4, None, "2 entries are beyond its head")]


def test_a_forged_head_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("UPDATE ledger_head SET hash = sha256('x') WHERE chain = 4")
    assert broken(ledger) == [(4, 84, "the head of the chain is of another entry")]


def test_two_entries_that_changed_places_are_found(ledger: Database, tamper: Tamper) -> None:
    tamper(
        "UPDATE ledger_entry SET id = 100 * 16 + 4, seq = 100 WHERE id = 36",
        "UPDATE ledger_entry SET id = 36, seq = 2 WHERE id = 52",
        "UPDATE ledger_entry SET id = 52, seq = 3 WHERE seq = 100",
    )
    assert broken(ledger)[0] == (4, 36, "it does not follow from the entry before it")


def test_an_entry_moved_to_another_chain_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("UPDATE ledger_entry SET id = 4 * 16 + 5, chain = 5, seq = 4 WHERE id = 84")
    assert broken(ledger) == [
        (4, None, "1 entry is missing at its end"),
        (5, 69, "it lies in another chain than its contact's"),
    ]


def test_an_entry_put_in_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper(
        "INSERT INTO ledger_entry SELECT (e).* FROM (SELECT e FROM ledger_entry e WHERE id = 84) x"
        " ON CONFLICT DO NOTHING",
        "UPDATE ledger_entry SET id = 6 * 16 + 4, seq = 6 WHERE id = 84",
    )
    assert broken(ledger) == [(4, 100, "1 entry is missing before it")]


@pytest.mark.parametrize(
    "change",
    ['data = \'{"ip": "192.0.2.99"}\'', 'data = \'{ "ip":"192.0.2.2"}\'', "salt = sha256('x')"],
)
def test_edited_evidence_is_found(ledger: Database, tamper: Tamper, change: str) -> None:
    tamper(f"UPDATE ledger_evidence SET {change} WHERE entry_id = 52")
    assert broken(ledger) == [(4, 52, "its evidence was changed")]


def test_evidence_put_in_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("INSERT INTO ledger_evidence VALUES (84, 'salt', '{}')")
    assert broken(ledger) == [(4, 84, "it has evidence that it does not speak of")]


def test_evidence_of_no_entry_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("INSERT INTO ledger_evidence VALUES (1000, 'salt', '{}')")
    assert broken(ledger) == [(None, 1000, "evidence of an entry that is not in the ledger")]


def test_evidence_gone_without_an_erasure_is_found(ledger: Database, tamper: Tamper) -> None:
    tamper("DELETE FROM ledger_evidence WHERE entry_id = 52")
    assert broken(ledger) == [(None, 52, "its evidence is gone, and the ledger has no erasure of that person")]


def test_erased_evidence_still_verifies(
    ledger: Database, written: Callable[..., Any], new_entry: Callable[..., NewEntry]
) -> None:
    written(new_entry(4, "erased"))
    with ledger.transaction() as session:
        deleted = session.execute(text("DELETE FROM ledger_evidence WHERE entry_id % 16 = 4"))
        assert deleted.rowcount == 3  # type: ignore[attr-defined]
    found = verified(ledger)
    assert found.whole
    assert (found.evidence_held, found.evidence_erased) == (3, 3)


def test_each_broken_chain_is_named_once_with_its_first_break(ledger: Database, tamper: Tamper) -> None:
    tamper("UPDATE ledger_entry SET source = 'x' WHERE chain IN (4, 5)")
    assert [(chain, entry_id) for chain, entry_id, _ in broken(ledger)] == [(4, 20), (5, 21)]


def test_appending_meanwhile_does_not_disturb(
    ledger: Database, written: Callable[..., Any], new_entry: Callable[..., NewEntry]
) -> None:
    told: list[int] = []

    def progress(count: int) -> None:
        if not told:
            written(*(new_entry(contact) for contact in range(16)))
        told.append(count)

    with ledger.transaction() as session:
        assert verify(session, progress).whole
    assert verified(ledger).entries == 25


@pytest.mark.parametrize(
    "detail",
    [
        {"confirmed_at": "2026-11-01T09:00:00.000000Z"},
        {"confirmed_at": 'ä" \\ \n'},
        {"confirmed_at": None},
        {"confirmed_at": "2026-11-01T09:00:00.000000Z", "b": [1, {"z": True, "a": "x"}]},
    ],
)
def test_details_are_hashed_as_they_are_stored(
    database: Database, written: Callable[..., Any], new_entry: Callable[..., NewEntry], detail: dict[str, Any]
) -> None:
    written(new_entry(4, detail=detail), new_entry(4, detail=detail))
    assert verified(database).whole


@pytest.mark.parametrize(
    "damage",
    [
        (),
        ("UPDATE ledger_entry SET source = 'x' WHERE id IN (52, 37)",),
        ("DELETE FROM ledger_evidence WHERE entry_id = 52", "DELETE FROM ledger_entry WHERE id = 52"),
        ("UPDATE ledger_entry SET prev_hash = sha256('x') WHERE id = 68",),
        (
            "DELETE FROM ledger_entry WHERE chain = 4 AND seq > 3",
            "UPDATE ledger_entry SET at = 'infinity' WHERE chain = 5",
        ),
    ],
)
def test_parts_find_what_the_whole_shows(
    ledger: Database, tamper: Tamper, monkeypatch: pytest.MonkeyPatch, damage: tuple[str, ...]
) -> None:
    tamper(*damage)
    whole = verified(ledger)
    assert whole.whole is not bool(damage)
    for size in (1, 16, 40):
        monkeypatch.setattr("consentmgr.consents.verification._PART", size)
        assert verified(ledger) == whole


def test_processes_find_what_one_finds(ledger: Database, tamper: Tamper, monkeypatch: pytest.MonkeyPatch) -> None:
    tamper("UPDATE ledger_entry SET source = 'x' WHERE id = 37", "DELETE FROM ledger_evidence WHERE entry_id = 52")
    alone = verified(ledger)
    monkeypatch.setattr("consentmgr.consents.verification._PART", 8)
    with ledger.reading() as session:
        assert verify(session, processes=2) == alone
    assert len(alone.breaks) == 2


def test_a_chain_that_ended_long_ago_is_not_looked_for_in_every_part(
    database: Database, new_entry: Callable[..., NewEntry], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        first = [new_entry(contact) for contact in range(1, 16)]
        append(session, [*first, *(new_entry(16) for _ in range(400))], actor="test", now=now)
    monkeypatch.setattr("consentmgr.consents.verification._PART", 320)
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'ledger_entry'"
    with database.reading() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        assert verify(session).whole
        # Each entry once or twice, and where sixteen chains stood before each of twenty parts; in every part anew it
        # was seventy thousand.
        assert session.scalar(text(read)) < 3 * 415 + 16 * 21


# --- the exported ledger ----------------------------------------------------------------------------------------------


@pytest.fixture
def exported(ledger: Database, keys: Keys, now: datetime) -> list[bytes]:
    file = io.BytesIO()
    with ledger.reading() as session:
        assert export_ledger(session, file, signing_key=keys.signing_key, now=now) == 9
    return file.getvalue().splitlines(keepends=True)


def test_the_offline_verifier_agrees(ledger: Database, exported: list[bytes], keys: Keys) -> None:
    told, faults = verify_lines(exported, public_jwk(keys.signing_key))
    assert faults == []
    assert verified(ledger).ledger_head in told[0]
    assert "signed by key" in told[1]


def test_the_export_holds_nothing_personal(exported: list[bytes]) -> None:
    assert b"192.0.2" not in b"".join(exported)


def test_without_a_key_the_signature_is_said_to_be_unchecked(exported: list[bytes]) -> None:
    told, faults = verify_lines(exported, None)
    assert faults == []
    assert "NOT checked" in told[1]


def test_another_key_is_refused(exported: list[bytes]) -> None:
    _, faults = verify_lines(exported, public_jwk(new_signing_key()))
    assert faults == ["line 1: the signature does not hold"]


@pytest.mark.parametrize("number", range(1, 10))
def test_any_line_removed_is_found(exported: list[bytes], number: int) -> None:
    _, faults = verify_lines(exported[:number] + exported[number + 1 :], None)
    assert len(faults) == 1


def test_any_value_changed_is_found(exported: list[bytes]) -> None:
    for number, line in enumerate(exported[1:], start=1):
        for name, value in json.loads(line).items():
            if name == "chain":
                continue
            entry = json.loads(line)
            entry[name] = [*value, "x"] if isinstance(value, list) else (value + 1 if type(value) is int else "00")
            lines = [*exported[:number], json.dumps(entry).encode(), *exported[number + 1 :]]
            assert refused(lines), name


def refused(lines: list[bytes]) -> bool:
    try:
        return bool(verify_lines(lines, None)[1])
    except ValueError:
        return True


def test_lines_that_changed_places_are_found(exported: list[bytes]) -> None:
    chain = [number for number, line in enumerate(exported) if number and json.loads(line)["chain"] == 4]
    exported[chain[1]], exported[chain[2]] = exported[chain[2]], exported[chain[1]]
    assert verify_lines(exported, None)[1]


def test_a_forged_header_is_found(exported: list[bytes], keys: Keys) -> None:
    header = json.loads(exported[0])
    for change in ({"ledger_head": "00" * 32}, {"entries": 8}, {"exported_at": "2020-01-01T00:00:00.000000Z"}):
        forged = json.dumps({**header, **change}).encode()
        assert verify_lines([forged, *exported[1:]], public_jwk(keys.signing_key))[1]


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b"not json", b'{"chain": 4}', b'{"chain": 99, "hash": "00", "seq": 1}']
)
def test_a_file_that_is_no_ledger_is_refused(exported: list[bytes], line: bytes) -> None:
    with pytest.raises(ValueError, match="line 1"):
        verify_lines([line], None)
    with pytest.raises(ValueError, match="line 2"):
        verify_lines([exported[0], line], None)


def test_the_offline_verifier_is_short_and_needs_nothing_but_python() -> None:
    source = Path(offline_verifier.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) < 150
    modules = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert modules <= sys.stdlib_module_names


def test_the_offline_verifier_runs_as_one_file(exported: list[bytes], keys: Keys, tmp_path: Path) -> None:
    script = tmp_path / "offline_verifier.py"
    script.write_bytes(Path(offline_verifier.__file__).read_bytes())
    (tmp_path / "key.json").write_text(json.dumps(public_jwk(keys.signing_key)))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(script), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)

    (tmp_path / "ledger.jsonl").write_bytes(b"".join(exported))
    whole = run("ledger.jsonl", "key.json")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.endswith("The ledger is whole.\n")
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(exported[:-1]))
    cut = run("ledger.jsonl")
    assert cut.returncode == 1
    assert "BROKEN: chain" in cut.stdout
    assert run("missing.jsonl").returncode == 2
    assert "python offline_verifier.py FILE" in run().stderr


@given(st.binary(max_size=60))
def test_our_ed25519_agrees_with_the_real_one(message: bytes) -> None:
    key = OKPKey.generate_key("Ed25519", private=True).private_key
    public = key.public_key().public_bytes_raw()
    signature = key.sign(message)
    assert ed25519_holds(public, message, signature)
    assert not ed25519_holds(public, message + b"x", signature)
    assert not ed25519_holds(public, message, signature[:32] + bytes(31) + b"\xff")
    flipped = bytearray(signature)
    flipped[40] ^= 1
    assert not ed25519_holds(public, message, bytes(flipped))


def test_rfc_8032_test_vector_2() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert ed25519_holds(public, bytes.fromhex("72"), signature)
    assert not ed25519_holds(public, bytes.fromhex("73"), signature)


def test_a_verification_says_whether_it_is_whole() -> None:
    found = Verification(0, 0, 0, "", ())
    assert found.whole
    assert not replace(found, breaks=(verified_break(),)).whole


def verified_break() -> Any:
    from consentmgr.consents.verification import Break

    fault = Break(4, 52, "it was changed after it was recorded")
    assert fault.sentence == "chain 4, entry 52: it was changed after it was recorded"
    return fault

"""What the desk's pages of people do is done at the terminal too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from tests.people.people import Register

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunCommand


def test_somebody_is_found_shown_and_what_they_say_recorded(
    register: Register, run_command: RunCommand, tmp_path: Path
) -> None:
    found = run_command("people", "find", "-", stdin="mäkinen maija\n")
    assert found.stdout.startswith("both:maija\tMaija-Liisa Mäkinen\t")
    shown = run_command("people", "show", "both:maija").stdout
    for expected in ("maija@posti.example", "betas/1/fi", "acme / e-mail / direct marketing: no ground"):
        assert expected in shown, expected

    letter = tmp_path / "letter.txt"
    letter.write_text("I agree.", encoding="utf-8")
    consent = (
        "people", "record", "consent_given", "both:maija", "--method", "paper", "--controller", "acme", "--notice",
        "signup/1/fi", "--channel", "email", "--purpose", "direct_marketing", "--day", "2026-11-10",
    )  # fmt: skip
    dry = run_command(*consent, "--dry-run").stdout
    assert "acme / e-mail / direct marketing: no ground -> allowed" in dry
    assert register.verdict({"email": "maija@posti.example"})[0] == "block"
    run_command(*consent, "--attach", letter)
    assert register.verdict({"email": "maija@posti.example"}) == ("allow", "CONSENT_OK")
    assert "was recorded before" in run_command(*consent, "--attach", letter).stdout
    refused = run_command(*consent, "--channel", "post", expect=2)
    assert "channels" in refused.stderr


def test_a_ban_is_entered_and_lifted_a_basis_tagged_and_a_name_mended(
    register: Register, run_command: RunCommand
) -> None:
    done = run_command("people", "ban", "crm:aino", "--method", "phone", "--controller", "acme", "--day", "2026-11-01")
    assert register.verdict({"email": "aino@posti.example"})[1] == "DM_OBJECTION_ALL"
    number = done.stdout.partition("ban P")[2].split()[0]
    lift = (
        "people",
        "lift",
        "crm:aino",
        f"P{number}",
        "--method",
        "phone",
        "--reason",
        "said so",
        "--day",
        "2026-11-05",
    )
    assert "is lifted" in run_command(*lift).stdout
    assert register.verdict({"email": "aino@posti.example"})[0] == "allow"
    basis = (
        "people", "basis", "crm:aino", "--controller", "acme", "--purpose", "care", "--basis", "contract",
        "--since", "2026-11-01",
    )  # fmt: skip
    assert "recorded" in run_command(*basis).stdout
    assert "saved" in run_command("people", "edit", "crm:aino", "--given-name", "Aina").stdout
    assert "nothing was changed" in run_command("people", "edit", "crm:aino").stdout
    assert run_command("people", "link", "crm:aino", "--controller", "acme").stdout.startswith("http")
    assert "no such contact" in run_command("people", "show", "crm:nobody", expect=2).stderr
    with register.database.connect() as connection:
        row = connection.execute(text("SELECT given_name, family_name FROM contact WHERE ref = 'crm:aino'")).one()
        read = connection.execute(text("SELECT count(*) FROM audit_event WHERE action = 'link_shown'")).scalar_one()
    assert tuple(row) == ("Aina", "Virtanen")
    assert read == 1


def test_an_edit_and_a_merge_are_seen_beforehand(register: Register, run_command: RunCommand) -> None:
    dry = run_command("people", "edit", "crm:aino", "--given-name", "Aina", "--dry-run").stdout
    assert "would change: contact.given_name" in dry
    assert "Aino" in run_command("people", "show", "crm:aino").stdout
    assert "saved" in run_command("people", "edit", "crm:aino", "--given-name", "Aina").stdout
    register.take({
        "type": "contact", "ref": "crm:twice", "controllers": ["acme"],
        "points": [{"channel": "email", "value": "twice@posti.example"}],
        "events": [{"event": "objected", "at": "2026-11-01T10:00:00+02:00", "controller": "acme", "method": "phone"}],
    })  # fmt: skip
    merge = ("people", "merge", "crm:twice", "--into", "crm:aino", "--reason", "one person")
    shown = run_command(*merge, "--dry-run").stdout
    assert "allowed | stopped | stopped" in shown
    assert "would merge" in shown
    assert register.verdict({"email": "aino@posti.example"})[0] == "allow"
    assert "merged crm:twice into crm:aino" in run_command(*merge).stdout
    assert register.verdict({"email": "aino@posti.example"})[0] == "block"

"""What the pages do is done at the terminal too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from consentmgr.kit import clock
from consentmgr.prohibitions.models import Prohibition

if TYPE_CHECKING:
    from consentmgr.db import Database
    from tests.conftest import RunCommand


def test_bans_are_listed_masked_found_and_lifted(register: Database, run_command: RunCommand) -> None:
    listed = run_command("bans", "list", "--state", "all").stdout
    assert "k•••@p•••.example" in listed
    assert "kielto@posti.example" not in listed
    found = run_command("bans", "list", "--find", stdin="Kielto@posti.example\n").stdout
    number = found.split()[0]
    lift = ("bans", "lift", number, "--method", "phone", "--reason", "haluaa taas", "--evidence", "puhelu 17", "--at")
    assert "not newer" in run_command(*lift, "2025-01-01T10:00:00+02:00", expect=2).stderr
    assert run_command(*lift, clock.now().isoformat()).stdout.strip() == "1 lifted"
    with register.reading() as session:
        assert session.scalar(select(Prohibition.lifted_at).where(Prohibition.id == int(number))) is not None


def test_the_price_of_a_major_version_is_told(register: Database, run_command: RunCommand) -> None:
    told = run_command("notices", "effect", "signup").stdout
    assert "signup/1  4 consents of 4 people" in told
    assert "a major version 2 would make 3 stale, of 3 people" in told
    assert run_command("notices", "effect", "nothing", expect=2).stderr

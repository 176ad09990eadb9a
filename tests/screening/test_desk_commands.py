"""What is done with lists at the desk can be done at the terminal: the same services, by name."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import text

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from tests.conftest import RunCommand
from tests.screening.desk_samples import fill, screened, work
from tests.screening.test_desk_decisions import ELLA, LIST
from tests.staff.signing_in import Desk


def test_rows_to_review_are_decided_and_a_list_is_handed_over_at_the_terminal(
    desk: Desk, database: Database, settings: Settings, keys: Keys, run_command: RunCommand, tmp_path: Path
) -> None:
    fill(database, keys, ELLA)
    desk("mailer", email="mailer@desk.example")
    here = str(screened(desk("marketer"), database, settings, LIST, "list.csv").id)
    note = ("--note", "Guardian asked")
    decided = run_command("screenings", "decide", here, "--verdict", "allow", "--row", "2", *note).stdout
    assert "1 rows decided" in decided
    run_command("screenings", "decide", here, "--verdict", "allow", *note, expect=2)
    run_command("screenings", "hand", here, "mailer@desk.example", "--with-decided")
    told = run_command("screenings", "show", here).stdout
    assert "1 allow  2 review  0 block" in told
    assert "row 2  allow  terminal:" in told
    handed = re.findall(r"handed (\S+) .* not fetched yet", told)[0]
    assert "taken back" in run_command("screenings", "take-back", here, handed).stdout
    run_command("screenings", "fetch", here, str(tmp_path))
    assert (tmp_path / "list.decided.csv").read_text() == 'email,note\ndaniel@posti.example,"b, c"\n'
    assert (tmp_path / "list.certificate.json").exists()
    assert {"review_decided", "list_handed", "list_withdrawn", "read"} <= audited(database)


def test_a_list_is_screened_again_cancelled_and_removed_at_the_terminal(
    desk: Desk, database: Database, settings: Settings, keys: Keys, run_command: RunCommand, tmp_path: Path
) -> None:
    fill(database, keys)
    here = str(screened(desk("marketer"), database, settings, LIST, "list.csv").id)
    second = run_command("screenings", "again", here).stdout.split()[0]
    listed = run_command("screenings", "list").stdout
    assert here in listed
    assert second in listed
    assert "cancelled" in run_command("screenings", "cancel", second).stdout
    work(database, settings)
    for one in (second, here):
        assert "removed" in run_command("screenings", "remove", one).stdout
    assert not list((settings.data_folder / "files").iterdir())
    run_command("screenings", "fetch", here, str(tmp_path), expect=2)
    assert {"screening_asked", "screening_cancelled", "list_forgotten"} <= audited(database)


def audited(database: Database) -> set[str]:
    """What was done at the terminal, by the audit log."""
    with database.engine.connect() as connection:
        return set(connection.scalars(text("SELECT action FROM audit_event WHERE actor LIKE 'terminal:%'")))

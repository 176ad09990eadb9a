"""What is written does not depend on how many addresses there are, nor on how their bytes arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pyarrow as pa
import pytest
from sqlalchemy import text

from consentmgr.consents.ledger import driver_connection
from consentmgr.db import Database
from consentmgr.exports import stored_set
from consentmgr.exports.formats.format import PEOPLE
from consentmgr.exports.stored_set import portions
from tests.exports.conftest import Run, Take
from tests.exports.test_runs import OBJECTED, person
from tests.generators import world


def entries(database: Database, key: str, *, people: bool) -> list[dict[str, object]]:
    with database.reading() as session:
        tables = list(portions(driver_connection(session), key, 1, None, people=people))
    return sorted(pa.concat_tables(tables).to_pylist(), key=str) if tables else []


@pytest.mark.parametrize("channel", ["email", "phone", "post"])
def test_few_and_many_addresses_are_told_alike(
    channel: str,
    take: Take,
    schedule: Callable[..., str],
    run: Run,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = person("one", OBJECTED)["points"]
    take(
        [
            *world(4).documents,
            person("one", OBJECTED, given_name="Yksi"),
            {**person("two", OBJECTED, given_name="Kaksi"), "points": shared},
            {"type": "prohibition", "target": {"email": "nobody@x.example"}, "source": "self"},
            {"type": "prohibition", "target": {"email": "nobody@x.example"}, "source": "self", "channels": ["email"]},
            {"type": "prohibition", "target": {"email": "one@x.example"}, "source": "self", "channels": ["email"]},
        ]
    )
    schedule(channel=channel, format="postal" if channel == "post" else "csv")
    run()
    few = entries(database, "mailer", people=True)
    monkeypatch.setattr(stored_set, "_MANY", 0)
    assert few == entries(database, "mailer", people=True) != []
    assert [{**row, **dict.fromkeys(PEOPLE)} for row in few] == entries(database, "mailer", people=False)
    if channel == "email":
        assert [row["given_name"] for row in few if row["value"] == "one@x.example"] == ["Yksi"]
        assert [row["value"] for row in few if row["value"] == "nobody@x.example"] == ["nobody@x.example"]


def test_portions_end_where_rows_end_whatever_is_in_them(
    take: Take, schedule: Callable[..., str], run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("Rivin\nvaihto", 'Lainaus"merkki', "Pilkku, toinen", "", "Åbo\r\n", "\\N")
    take([person(f"p{number}", OBJECTED, given_name=name) for number, name in enumerate(names)])
    schedule()
    run()
    whole = entries(database, "mailer", people=True)
    assert {row["given_name"] or "" for row in whole} >= {name for name in names if name.strip() == name}
    for size in (1, 2, 5):
        monkeypatch.setattr(stored_set, "_PORTION", size)
        assert entries(database, "mailer", people=True) == whole


def test_rows_that_nobody_wants_any_more_leave_the_connection_to_be_used(
    take: Take, schedule: Callable[..., str], run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take([person(f"p{number}", OBJECTED) for number in range(30)])
    schedule()
    run()
    monkeypatch.setattr(stored_set, "_PORTION", 1)
    before = threading.active_count()
    with database.reading() as session:
        given = portions(driver_connection(session), "mailer", 1, None)
        next(given)
        given.close()
        assert threading.active_count() == before
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM exported_entry")) == 30

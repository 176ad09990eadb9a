"""What is written does not depend on how many addresses there are, nor on how their bytes arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pyarrow as pa
import pytest

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


def test_a_copy_is_read_whole_however_its_bytes_arrive() -> None:
    chance = Random(3)
    whole = bytes(chance.randrange(256) for _ in range(20_000))

    def arriving() -> Iterator[memoryview]:
        place = 0
        while place < len(whole):
            size = chance.choice((1, 7, 80, 3_000))
            yield memoryview(whole[place : place + size])
            place += size

    for sizes in ((1, 2, 3), (64, 5_000), (100_000,), (-1,)):
        source = stored_set._Copied(arriving())
        got = []
        while data := source.read(size := chance.choice(sizes)):
            assert size < 0 or len(data) <= size
            got.append(data)
        assert b"".join(got) == whole

"""How long finding people, and reading one whole, takes in the register of ``CONSENTMGR_DATA``.

``python -m benchmarks.people_search [SECONDS]`` prints one JSON object: for each way of asking, the number of questions
and the milliseconds of the median, the 95th of a hundred and the slowest. Questions are drawn from the register itself,
typed as people type: longer and longer beginnings of one or two parts of a name.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from sqlalchemy import text

from consentmgr.config import load_settings
from consentmgr.consents.sight import Sight
from consentmgr.db import Database, open_database
from consentmgr.keys import load_keys
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.people.reading import person_of
from consentmgr.people.search import find

#: Whoever works for one controller of a register, and not for all of them, asks a little more of it.
_SEED = 2026


def questions(database: Database, draw: random.Random) -> Iterator[tuple[str, str, int]]:
    """Ways of asking with what is typed, and somebody's id; without an end."""
    with database.reading() as session:
        top = session.execute(text("SELECT max(id) FROM contact")).scalar_one()
        rows = session.execute(
            text(
                "SELECT c.id, c.ref, c.given_name, c.family_name, p.kind, p.value FROM contact c"
                " JOIN contact_point p ON p.contact_id = c.id WHERE c.id = ANY(:ids)"
            ),
            {"ids": [draw.randint(1, top) for _ in range(2_000)]},
        ).all()
        numbers = session.scalars(text("SELECT identity FROM organisation LIMIT 200")).all() or ["2800301-9"]
    while True:
        number, ref, given, family, kind, value = draw.choice(rows)
        if given and family:
            yield "name, two letters", family[:2], number
            yield "name, three letters", given[:3], number
            yield "name, whole", family, number
            yield "name, two parts begun", f"{family[:3]} {given[:2]}", number
            yield "name, two parts", f"{given} {family}", number
        if kind in ("email", "phone") and value:
            yield kind, value, number
        yield "ref", ref, number
        yield "business id", draw.choice(numbers), number
        yield "nobody", f"Zz{draw.randint(0, 9)}qx", number


def measure(database: Database, keys: AddressKeys, seconds: float) -> dict[str, dict[str, float]]:
    """Milliseconds by way of asking; the search of one who works for some controllers, and a whole person, apart."""
    draw = random.Random(_SEED)
    with database.reading() as session:
        controllers = session.scalars(text("SELECT key FROM controller ORDER BY key LIMIT 1")).all()
    own, all_of_them = Sight(frozenset(controllers)), Sight()
    times: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, ask: Callable[[], object]) -> None:
        began = time.perf_counter()
        ask()
        times[name].append((time.perf_counter() - began) * 1_000)

    def search(typed: str, sight: Sight) -> None:
        with database.reading() as session:
            find(session, typed, sight=sight, keys=keys)

    def person(number: int) -> None:
        with database.reading() as session:
            person_of(session, number, all_of_them, clock.now())

    asked = questions(database, draw)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        name, typed, number = next(asked)
        timed(name, lambda typed=typed: search(typed, all_of_them))  # type: ignore[misc]
        timed("all, by one controller's", lambda typed=typed: search(typed, own))  # type: ignore[misc]
        if name == "ref":
            timed("a person, read whole", lambda number=number: person(number))  # type: ignore[misc]
    searches = [value for name, values in times.items() if name != "a person, read whole" for value in values]
    times["every search"] = searches
    return {name: told(sorted(values)) for name, values in times.items()}


def told(values: list[float]) -> dict[str, float]:
    return {
        "questions": len(values),
        "p50_ms": round(values[len(values) // 2], 1),
        "p95_ms": round(values[len(values) * 95 // 100], 1),
        "slowest_ms": round(values[-1], 1),
    }


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database:
        with database.connect() as connection:
            contacts = connection.execute(text("SELECT count(*) FROM contact")).scalar_one()
        found = measure(database, AddressKeys(keys.address_key, keys.address_key_id), seconds)
    print(json.dumps({"contacts": contacts, "milliseconds": found}, indent=2))


if __name__ == "__main__":
    main()

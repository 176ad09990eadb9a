"""The processes of the measurement of checks, in the register of ``CONSENTMGR_DATA``; each prints one JSON object.

``python -m benchmarks.check_load prepare FOLDER ROWS`` writes rows to ask for and a key, ``inside FILE`` asks in one process
without a server, ``load PORT FILE RATE SECONDS`` asks a server: RATE times a second whether it keeps up or not, or, with
0, again on each connection as soon as it is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from sqlalchemy import text

CONNECTIONS = 8
_SEED = 2026
CAMPAIGN = {
    "type": "campaign", "key": "2026-syksy", "name": "Syksyn koulutukset", "controller": "acme", "channel": "email",
    "purpose": "direct_marketing", "product_group": "training", "audience": "consumer",
}  # fmt: skip


def prepare(folder: Path, count: int) -> dict[str, object]:
    """Keeps the campaign, makes a key, and draws addresses: four of five known to the register."""
    from consentmgr.campaigns.keeping import keep_campaigns
    from consentmgr.config import load_settings
    from consentmgr.db import open_database
    from consentmgr.importing.campaign_documents import campaign_of_document
    from consentmgr.kit import clock
    from consentmgr.staff import api_keys
    from consentmgr.staff.scopes import Scope

    draw, now = random.Random(_SEED), clock.now()
    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        keep_campaigns(session, {str(CAMPAIGN["key"]): campaign_of_document(CAMPAIGN)}, now=now)
        _, token = api_keys.add(
            session, name="benchmark", owner="benchmark@acme.example", scopes=(Scope.CHECK,), controllers=None,
            expires_at=now + timedelta(days=2), actor="benchmark", now=now,
        )  # fmt: skip
        top = session.execute(text("SELECT max(id) FROM contact_point")).scalar_one()
        ids = [draw.randint(1, top) for _ in range(count)]
        known = session.scalars(
            text("SELECT value FROM contact_point WHERE kind = 'email' AND id = ANY(:ids)"), {"ids": ids}
        ).all()
    rows = [value if draw.random() < 0.8 else f"nobody.{number}@nowhere.example" for number, value in enumerate(known)]
    draw.shuffle(rows)
    asked = {"token": token, "rows": rows}
    (folder / "check-rows.json").write_text(json.dumps(asked), encoding="utf-8")
    return {"rows": len(rows)}


def told(times: list[float]) -> dict[str, object]:
    times.sort()
    return {
        "checks": len(times),
        "p50_ms": times[len(times) // 2] * 1_000,
        "p95_ms": times[len(times) * 95 // 100] * 1_000,
        "slowest_ms": times[-1] * 1_000,
    }


def inside(file: Path, most: int = 2_000) -> dict[str, object]:
    """One check after another in this process, of the kept campaign, and its processor time."""
    from consentmgr.config import load_settings
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.kit import clock
    from consentmgr.screening.checking import check

    settings = load_settings(os.environ)
    keys, rows = load_keys(settings), json.loads(file.read_text(encoding="utf-8"))["rows"][:most]
    times: list[float] = []
    with open_database(settings) as database:
        for number, row in enumerate(rows):
            if number == 20:
                processor = time.process_time()
            began = time.perf_counter()
            check(
                database, [{"email": row}], str(CAMPAIGN["key"]), settings=settings, keys=keys, now=clock.now(),
                language="en",
            )  # fmt: skip
            times.append(time.perf_counter() - began)
    used = (time.process_time() - processor) / (len(rows) - 20)
    # The first have the plan made and the statement prepared.
    return {"first_ms": times[0] * 1_000, "processor_ms": used * 1_000, **told(times[20:])}


class Asker(asyncio.Protocol):
    """One connection; a request after another."""

    def __init__(self) -> None:
        self.buffer, self.answered = b"", asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        place = head.lower().index(b"content-length:") + 15
        if len(rest) >= int(head[place:].split(b"\r\n", 1)[0]):
            self.buffer = b""
            self.answered.set_result(int(head[9:12]))

    async def ask(self, request: bytes) -> int:
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return int(await self.answered)


async def load(port: int, known: list[bytes], rate: float, seconds: float) -> dict[str, object]:
    """Times are from when a request was due, so that a server that does not keep up is seen in them."""
    requests = cycle(known)
    loop = asyncio.get_running_loop()
    times: list[float] = []
    statuses: dict[int, int] = {}
    began = time.perf_counter()
    due = (began + number / rate for number in range(int(rate * seconds))) if rate else None

    async def connection() -> None:
        _, asker = await loop.create_connection(Asker, "127.0.0.1", port)
        while True:
            at = next(due, None) if due is not None else time.perf_counter()
            if at is None or at > began + seconds:
                break
            if at > (now := time.perf_counter()):
                await asyncio.sleep(at - now)
            status = await asker.ask(next(requests))
            times.append(time.perf_counter() - at)
            statuses[status] = statuses.get(status, 0) + 1
        asker.transport.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS if not rate else 4 * CONNECTIONS)))
    took = time.perf_counter() - began
    return {"rate": len(times) / took, "statuses": statuses, **told(times)}


def _requests(file: Path) -> list[bytes]:
    asked = json.loads(file.read_text(encoding="utf-8"))
    return [_request(asked["token"], row) for row in asked["rows"]]


def _request(token: str, row: str) -> bytes:
    body = json.dumps({"campaign": CAMPAIGN["key"], "row": {"email": row}}).encode()
    head = f"POST /api/v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    return head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def main() -> None:
    what, *words = sys.argv[1:]
    if what == "prepare":
        found = prepare(Path(words[0]), int(words[1]))
    elif what == "inside":
        found = inside(Path(words[0]))
    else:
        found = asyncio.run(load(int(words[0]), _requests(Path(words[1])), float(words[2]), float(words[3])))
    print(json.dumps(found))


if __name__ == "__main__":
    main()

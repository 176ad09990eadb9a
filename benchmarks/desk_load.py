"""What the pages of the desk take in the register of ``CONSENTMGR_DATA``: ``python -m benchmarks.desk_load RUNS``.

Signs a made-up member of staff in, opens every page of the desk that can be reached by links, one of each kind, and asks
for each RUNS times after a first time. Prints one JSON object: milliseconds by endpoint, measured inside the process
around the whole application, without a network.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException

from consentmgr.app import create_app
from consentmgr.config import load_settings
from consentmgr.db import open_database
from consentmgr.edge.logs import write_json_lines
from consentmgr.kit import clock
from consentmgr.staff import accounts, sessions
from consentmgr.staff.cookies import COOKIE, DESK
from consentmgr.staff.roles import ROLES

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

EMAIL = "benchmark@desk.example"


def signed_in(app: Flask, session: Session) -> FlaskClient:
    """Somebody who holds every role."""
    now = clock.now()
    account = accounts.find(session, EMAIL)
    if account is None:
        account = accounts.create(session, email=EMAIL, name="Benchmark", language="en", actor="benchmark", now=now)
        accounts.set_roles(session, account, [role.key for role in ROLES], None, actor="benchmark", now=now)
    client = app.test_client()
    client.set_cookie(COOKIE, sessions.begin(session, account, stage="open", method="benchmark", now=now), path=DESK)
    return client


def pages(app: Flask, client: FlaskClient) -> Iterator[tuple[str, str]]:
    """One page of each endpoint that links lead to: its endpoint and path."""
    routes = app.url_map.bind("localhost")
    # Somebody's page is found by searching, not by a link.
    waiting = deque(["/desk/", "/desk/people/1"])
    seen: set[str] = set()
    while waiting:
        path = unescape(waiting.popleft()).partition("#")[0]
        try:
            endpoint = str(routes.match(path.partition("?")[0], "GET")[0])
        except HTTPException:
            continue
        if endpoint in seen or not path.startswith("/desk"):
            continue
        seen.add(endpoint)
        answer = client.get(path)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        yield endpoint, path
        waiting.extend(re.findall(r'<a [^>]*href="(/[^"]*)"', answer.text))


def main(runs: int) -> None:
    settings = load_settings(os.environ)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, open_database(settings) as database:
        write_json_lines(nowhere)
        app = create_app(settings, database)
        with database.transaction() as session:
            client = signed_in(app, session)
        found: dict[str, list[float]] = {}
        for endpoint, path in list(pages(app, client)):
            found[endpoint] = []
            for _ in range(runs):
                began = time.perf_counter()
                client.get(path)
                found[endpoint].append((time.perf_counter() - began) * 1000)
        app.extensions["leaving"].close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))

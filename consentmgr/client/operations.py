"""What the API can be asked, in one table: each operation once, for both clients.

A function here makes the plan of one operation (``plans``); ``Operations`` names them. Paths begin below ``/api/v1``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

from consentmgr.client.answers import (
    Bulk,
    Caller,
    Change,
    Changes,
    Document,
    ItemTaken,
    Links,
    MintedPage,
    Refusal,
    Screening,
    Verdict,
    Verdicts,
)
from consentmgr.client.clients import AsyncConnection, Call, Feed, SyncConnection
from consentmgr.client.errors import NotFinished, UnexpectedAnswer
from consentmgr.client.plans import Item, Plan, Stream, Wait, answered, call

T = TypeVar("T")

#: Most items of one request, as the API takes them; more are sent in several.
MOST_CONTACTS: Final = 5_000
MOST_EVENTS: Final = 5_000
MOST_ROWS: Final = 1_000
MOST_LINKS: Final = 1_000
#: Seconds between two looks at work that is under way, and at the end of the feed.
LOOK_EVERY: Final = 1.0

Campaign = str | Document
"""The key of a kept campaign, or a whole document."""

DownloadName = Literal["result", "allowed", "report", "figures", "certificate"]

_TYPES: Final[Mapping[str, str]] = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".jsonl": "application/x-ndjson",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}


def _part(value: object) -> str:
    """A value as one part of a path."""
    return quote(str(value), safe="")


def _portions(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while portion := list(islice(rest, size)):
        yield portion


# --- may we? ----------------------------------------------------------------------------------------------------------


def whoami() -> Plan[Caller]:
    """Whose key this is: its scopes and controllers."""
    return answered(Caller, call("GET", "/me"))


def check(campaign: Campaign, row: Document, *, language: str | None = None) -> Plan[Verdict]:
    """Whether one person may be sent a campaign, and why. ``row`` names them: ``{"email": …}``, ``{"ref": …}``.

    Send only where ``allowed``; the answer is of this moment. ``language`` is of the explanation.
    """
    body = {"campaign": campaign, "row": row, "language": language}
    return answered(Verdict, call("POST", "/check", json=body, asks=True))


def check_many(campaign: Campaign, rows: Iterable[Document], *, language: str | None = None) -> Plan[list[Verdict]]:
    """The same for many rows, in their order; asked in portions of a thousand."""
    found: list[Verdict] = []
    for portion in _portions(rows, MOST_ROWS):
        body = {"campaign": campaign, "rows": portion, "language": language}
        page = yield from answered(Verdicts, call("POST", "/check/many", json=body, asks=True))
        if len(page.items) != len(portion):
            raise UnexpectedAnswer("there are not as many verdicts as rows")
        found += page.items
    return found


# --- the register -----------------------------------------------------------------------------------------------------


def get_contact(ref: str) -> Plan[Document]:
    """One contact, as the document it is. Raises ``NotFound``."""
    return answered(dict[str, Any], call("GET", f"/contacts/{_part(ref)}"))


def search_contacts(**wanted: str) -> Plan[list[Document]]:
    """Contacts by ``email``, ``phone``, ``ref`` or ``name``. What is looked for stands in no address and no log."""
    found: list[Document] = []
    page = yield from answered(dict[str, Any], call("POST", "/contacts/search", json=wanted, asks=True))
    found += page.get("items", [])
    return found


def contacts(*, limit: int = 200) -> Stream[Document]:
    """Every contact the key may see, page by page."""
    after: str | None = None
    while True:
        page = yield from answered(
            dict[str, Any], call("GET", "/contacts", query={"limit": limit, "after": after})
        )  # fmt: skip
        for document in page["items"]:
            yield Item(document)
        after = page.get("next")
        if after is None:
            return


def upsert_contacts(documents: Iterable[Document]) -> Plan[Bulk]:
    """Add contacts, or add to those there are. A blank never erases. Each portion of 5,000 is one transaction."""
    return _bulk("/contacts", documents, MOST_CONTACTS)


def add_events(events: Iterable[Document]) -> Plan[Bulk]:
    """Record what people said: consents, withdrawals, objections. The same event again is ``unchanged``."""
    return _bulk("/events", events, MOST_EVENTS)


def add_prohibitions(prohibitions: Iterable[Document]) -> Plan[Bulk]:
    """Forbid, for an address, a contact, an organisation or a domain."""
    return _bulk("/prohibitions", prohibitions, MOST_EVENTS)


def _bulk(path: str, items: Iterable[Document], most: int) -> Plan[Bulk]:
    """Many items in portions, told of as one. Pointers of later portions are counted on."""
    whole = Bulk([], 0, 0, 0)
    sent = 0
    for portion in _portions(items, most):
        part = yield from answered(Bulk, call("POST", path, json={"items": portion}))
        whole = Bulk(
            [*whole.items, *(_counted_on(item, sent) for item in part.items)],
            whole.taken + part.taken,
            whole.unchanged + part.unchanged,
            whole.refused + part.refused,
        )
        sent += len(portion)
    return whole


def _counted_on(item: ItemTaken, before: int) -> ItemTaken:
    if not before:
        return item
    old, new = f"/items/{item.index}", f"/items/{item.index + before}"
    errors = [
        Refusal(one.detail, new + one.pointer.removeprefix(old))
        if one.pointer is not None and (one.pointer == old or one.pointer.startswith(f"{old}/"))
        else one
        for one in item.errors
    ]
    return replace(item, index=item.index + before, errors=errors)


# --- campaigns, screenings, links -------------------------------------------------------------------------------------


def put_campaign(document: Document) -> Plan[Document]:
    """Keep a campaign under its key, whole; the answer has its gates."""
    return answered(dict[str, Any], call("PUT", f"/campaigns/{quote(str(document['key']))}", json=document))


def get_campaign(key: str) -> Plan[Document]:
    """A kept campaign and its gates."""
    return answered(dict[str, Any], call("GET", f"/campaigns/{quote(key)}"))


def create_screening(
    campaign: str,
    *,
    file: Path | None = None,
    rows: Sequence[Document] | None = None,
    again: str | None = None,
    links: bool = False,
    columns: Mapping[str, str] | None = None,
    language: str | None = None,
    name: str | None = None,
) -> Plan[Screening]:
    """Screen a list: a ``file`` (CSV, TSV, XLSX, JSON Lines, Parquet), ``rows``, or the list of an earlier screening
    (``again``, its id). The work goes on behind the answer: ``wait_for_screening``.
    """
    import msgspec

    said: dict[str, object | None] = {"campaign": campaign, "language": language, "name": name}
    if file is None:
        body = {**said, "rows": rows, "list": again, "columns": columns, "links": links}
        json = {name: value for name, value in body.items() if value is not None}
        return answered(Screening, call("POST", "/screenings", json=json))
    query = {
        **said,
        "name": name or file.name,
        "links": links or None,
        "columns": msgspec.json.encode(columns).decode() if columns else None,
    }
    kind = _TYPES.get(file.suffix.lower(), "application/octet-stream")
    return answered(Screening, call("POST", "/screenings", query=query, file=file, content_type=kind))


def get_screening(screening_id: str) -> Plan[Screening]:
    """How a screening stands."""
    return answered(Screening, call("GET", f"/screenings/{_part(screening_id)}"))


def wait_for_screening(screening_id: str, *, timeout: timedelta = timedelta(minutes=30)) -> Plan[Screening]:
    """The screening once it is over. Raises ``NotFinished`` where it is not within the time."""
    until = datetime.now(UTC) + timeout
    while True:
        found = yield from get_screening(screening_id)
        if found.is_over:
            return found
        if datetime.now(UTC) >= until:
            raise NotFinished("the screening is not done yet; it goes on, wait again")
        yield Wait(LOOK_EVERY)


def download(screening_id: str, name: DownloadName, to: Path) -> Plan[Path]:
    """One of the files of a screening that is done. It has its name only when it is whole."""
    yield from call("GET", f"/screenings/{_part(screening_id)}/{name}", to=to)
    return to


def mint_links(campaign: Campaign, items: Iterable[Document], *, everything: bool = False) -> Plan[list[Links]]:
    """The links of messages, one for each item (``{"ref"}``, ``{"email"}``, ``{"phone"}`` or ``{"post"}``)."""
    found: list[Links] = []
    for portion in _portions(items, MOST_LINKS):
        body = {"campaign": campaign, "items": portion, "everything": everything}
        page = yield from answered(MintedPage, call("POST", "/links", json=body, asks=True))
        before = len(found)
        found += [replace(one, index=one.index + before) for one in page.items]
    return found


# --- changes, exports -------------------------------------------------------------------------------------------------


def get_changes(after: str | None = None, *, limit: int = 500, types: Sequence[str] = ()) -> Plan[Changes]:
    """Some of what has happened since ``after`` (a cursor; ``now`` for the end; None for the beginning)."""
    query = {"after": after, "limit": limit, "types": ",".join(types) or None}
    return answered(Changes, call("GET", "/changes", query=query))


def changes(
    after: str | None = None,
    *,
    types: Sequence[str] = (),
    follow: bool = False,
    keep: Callable[[str], None] | None = None,
) -> Stream[Change]:
    """What has happened since ``after``, event by event; with ``follow`` it waits at the end for what comes.

    ``keep`` is told the cursor to go on from, once all events before it were taken: who stops and begins again with
    the cursor kept last misses nothing, and gets some events twice, by the same ``id``.
    """
    while True:
        page = yield from get_changes(after, types=types)
        for change in page.items:
            yield Item(change)
        after = page.next
        if keep is not None:
            keep(after)
        if not page.more:
            if not follow:
                return
            yield Wait(LOOK_EVERY)


def acknowledge_export(key: str, sequence: int) -> Plan[Document]:
    """Say that a run of an export was taken in, and with it all before."""
    return answered(dict[str, Any], call("POST", f"/exports/{_part(key)}/runs/{sequence}/acknowledge"))


# --- the table --------------------------------------------------------------------------------------------------------


class Operations:
    """Every operation, for whichever connection carries it out."""

    whoami = Call(whoami)
    check = Call(check)
    check_many = Call(check_many)
    get_contact = Call(get_contact)
    search_contacts = Call(search_contacts)
    contacts = Feed(contacts)
    upsert_contacts = Call(upsert_contacts)
    add_events = Call(add_events)
    add_prohibitions = Call(add_prohibitions)
    put_campaign = Call(put_campaign)
    get_campaign = Call(get_campaign)
    create_screening = Call(create_screening)
    get_screening = Call(get_screening)
    wait_for_screening = Call(wait_for_screening)
    download = Call(download)
    mint_links = Call(mint_links)
    get_changes = Call(get_changes)
    changes = Feed(changes)
    acknowledge_export = Call(acknowledge_export)


class Client(SyncConnection, Operations):
    """Asks and waits: ``with Client("https://consent.acme.example", key) as register: register.check(…)``."""


class AsyncClient(AsyncConnection, Operations):
    """The same, awaited: ``async with AsyncClient(…) as register: await register.check(…)``."""

"""What named persons decide of rows to review: kept, audited, and never a change of the certificate's verdict.

A decision speaks of one row or of all rows to review with one headline reason; the newest that speaks of a row holds.
It holds for that list and campaign, and overturns no block (law.md section 2). When the list is screened again it
holds on for rows of which nothing has changed: the same reasons by the same evidence; any other is decided anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import Settings
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.preferences.link_columns import link_columns, link_like, people_of
from consentmgr.preferences.links import link_keys
from consentmgr.screening.desk.lists import ListView, campaign_of_list, result_folder
from consentmgr.screening.desk.stored_rows import Decided, carry_over, decided_records, form_of, rows_with
from consentmgr.screening.list_text import csv_column
from consentmgr.screening.models import ReviewDecision
from consentmgr.screening.outputs import LINK_COLUMNS
from consentmgr.vocabulary.reason_codes import BY_CODE

#: Rows one form may tick; more are decided by their reason.
MOST_TICKED: Final = 500
_LONGEST_NOTE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision as it was made."""

    id: int
    row: int | None
    reason: str | None
    verdict: str
    note: str
    actor: str
    decided_at: datetime
    #: The decision of the screening before that holds on.
    carried: int | None = None


def decide(
    session: Session,
    found: ListView,
    settings: Settings,
    *,
    verdict: str,
    note: str,
    actor: str,
    now: datetime,
    rows: Sequence[int] = (),
    reason: str | None = None,
) -> int:
    """Allow or block these rows to review, or all of one reason; how many rows that concerns.

    Raises ``BadInput`` without a note, for rows that are not to be reviewed, and where nothing was chosen.
    """
    note = note.strip()
    if verdict not in ("allow", "block"):
        raise BadInput("a row is allowed or blocked", field="verdict")
    if not note:
        raise BadInput("a decision needs a note that says why", field="note")
    if len(note) > _LONGEST_NOTE:
        raise BadInput(f"the note is longer than {_LONGEST_NOTE} characters", field="note")
    if found.screening is None or found.forgotten_at is not None:
        raise BadInput("the rows of this screening are not kept any more")
    folder = result_folder(settings, found)
    if reason is not None:
        if reason not in BY_CODE:
            raise BadInput("there is no such reason", field="reason")
        concerned = rows_with(folder, "review", reason=reason)
        made = [ReviewDecision(row=None, reason=reason)] if concerned else []
    else:
        wanted = sorted(set(rows))
        if len(wanted) > MOST_TICKED:
            raise BadInput("too many rows at once: decide them by their reason", field="rows")
        concerned = rows_with(folder, "review", numbers=wanted)
        if concerned != len(wanted):
            raise BadInput("a row that is not to be reviewed cannot be decided", field="rows")
        made = [ReviewDecision(row=number, reason=None) for number in wanted]
    if not made:
        raise BadInput("choose the rows, or a reason, first", field="rows")
    for decision in made:
        decision.list_screening, decision.verdict, decision.note = found.id, verdict, note
        decision.actor, decision.decided_at = actor, now
        session.add(decision)
    record(
        session, at=now, actor=actor, action="review_decided", object=f"list:{found.id}",
        detail={"verdict": verdict, "rows": concerned, "reason": reason, "screening": str(found.screening)},
    )  # fmt: skip
    session.flush()
    return concerned


def decisions_of(session: Session, found: ListView) -> list[Decision]:
    """Every decision of a list, oldest first."""
    rows = session.scalars(
        select(ReviewDecision).where(ReviewDecision.list_screening == found.id).order_by(ReviewDecision.id)
    )
    return [
        Decision(row.id, row.row, row.reason, row.verdict, row.note, row.actor, row.decided_at, row.carried_from)
        for row in rows
    ]


def carried_in(settings: Settings, found: ListView, earlier: ListView, made: Sequence[Decision]) -> list[Decision]:
    """Those of the decisions of the screening before that hold on for rows of this one, whose files are written.

    None where the campaign is another by more than the time it is planned for.
    """
    if _campaign_alone(found) != _campaign_alone(earlier):
        return []
    kept = carry_over(result_folder(settings, earlier), result_folder(settings, found), as_decided(made))
    return [one for one in made if one.id in kept]


def _campaign_alone(found: ListView) -> dict[str, object]:
    return {name: value for name, value in (found.campaign or {}).items() if name != "planned_at"}


def keep_carried(
    session: Session, found: ListView, carried: Sequence[Decision], *, screening: UUID, now: datetime
) -> None:
    """Keep decisions that hold on as those of this list, each under the name and time of whoever made it; flushes."""
    for one in carried:
        session.add(
            ReviewDecision(
                list_screening=found.id, row=None, reason=None, verdict=one.verdict, note=one.note, actor=one.actor,
                decided_at=one.decided_at, carried_from=one.id,
            )
        )  # fmt: skip
    if carried:
        record(
            session, at=now, actor=found.actor, action="review_carried_over", object=f"list:{found.id}",
            detail={"decisions": len(carried), "from": str(found.previous), "screening": str(screening)},
        )  # fmt: skip
    session.flush()


def as_decided(decisions: Sequence[Decision]) -> list[Decided]:
    """The same for the questions about rows."""
    return [Decided(one.id, one.row, one.reason, one.verdict, one.carried) for one in decisions]


def newest_for(decisions: Sequence[Decision]) -> Mapping[int, Decision]:
    """Decisions by id."""
    return {one.id: one for one in decisions}


def write_decided(
    session: Session, found: ListView, settings: Settings, keys: Keys, decisions: Sequence[Decision]
) -> Path:
    """The rows a person allowed, as a file of the list's own form beside the result; with links where those were asked for."""
    folder = result_folder(settings, found)
    path = folder / f"{(found.summary or {}).get('name') or 'list'}.decided.csv"
    passing = path.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with passing.open("wb") as file:
            for piece in _pieces(session, found, settings, keys, decisions, folder):
                file.write(piece)
        passing.replace(path)
    finally:
        passing.unlink(missing_ok=True)
    return path


def _pieces(
    session: Session, found: ListView, settings: Settings, keys: Keys, decisions: Sequence[Decision], folder: Path
) -> Iterator[bytes]:
    form = form_of(folder)
    links = bool(found.options.get("links"))
    campaign = campaign_of_list(found)
    header = form.header
    if header is not None and links:
        header = form.delimiter.join((header, *LINK_COLUMNS))
    mark = b"\xef\xbb\xbf" if form.byte_order_mark else b""
    yield mark + (f"{header}{form.newline}".encode() if header is not None else b"")
    for table in decided_records(folder, as_decided(decisions)):
        parts: list[pa.Array] = [pc.cast(table["record"].combine_chunks(), pa.large_string())]
        if links:
            fields = {name.removeprefix("id_"): table[name] for name in table.column_names if name.startswith("id_")}
            people = people_of(session, pa.table(fields), campaign, AddressKeys(keys.address_key, keys.address_key_id))
            made = link_columns(
                people, people.named(), link_like(session, campaign), link_keys(settings), settings.public_url
            )
            parts += [csv_column(made.preference_url, form.delimiter), csv_column(made.one_click_url, form.delimiter)]
        separator = pa.scalar(form.delimiter, pa.large_string())
        joined = pc.binary_join_element_wise(*parts, separator) if len(parts) > 1 else parts[0]
        yield "".join(f"{line}{form.newline}" for line in joined.to_pylist()).encode()

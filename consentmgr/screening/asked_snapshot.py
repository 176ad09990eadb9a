"""What the register tells of a question, asked of a snapshot and of what has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection

from consentmgr.screening.engine import DuckDBEngine, Engine
from consentmgr.screening.facts import ROWS_SCHEMA, Frame, Met, RegisterFacts, people_facts, register_facts
from consentmgr.screening.facts.resolution import is_of_plain_addresses, is_sent_to_an_address
from consentmgr.screening.point_records import KINDS
from consentmgr.screening.question import Question
from consentmgr.screening.row_frame import Addressed, RowFrame, columns_shape
from consentmgr.screening.snapshot import Snapshot
from consentmgr.screening.snapshot_changes import (
    Changes,
    changes_noted,
    frames_of_snapshot,
    fresh_frames,
    points_of_changed,
    with_people,
)
from consentmgr.screening.snapshot_holders import MET_SCHEMA, contacts_listed, met_rows

#: The frame of bans on plain addresses by their hashes, which is no part of a snapshot.
HASHES = "prohibition_hashes"


class AskedSnapshot:
    """What the register tells of a question, from a snapshot and what has changed since, in two steps.

    Of lists that name people by addresses alone, PostgreSQL is asked for no more than the addresses of those of whom
    something has changed until the list's are keys, and then for all of the few whom the list names. Of others it is
    asked for everybody at once.
    """

    def __init__(
        self,
        beside: ThreadPoolExecutor,
        workspace: Engine,
        connection: Connection[Any],
        snapshot: Snapshot,
        hashes: pa.Table,
        question: Question,
        identifiers: pa.Table,
    ) -> None:
        """Begins at once, in a thread of ``beside``, where rows are met later too."""
        self._beside, self._workspace, self._connection, self._snapshot = beside, workspace, connection, snapshot
        self._hashes, self._question, self._list_rows = hashes, question, len(identifiers)
        self._by_address = isinstance(workspace, DuckDBEngine) and is_of_plain_addresses(
            question, columns_shape(identifiers)
        )
        self._begun = beside.submit(self._begin)

    def _begin(self) -> tuple[Changes, RegisterFacts, pa.Table | None]:
        noted = changes_noted(self._connection, self._snapshot)
        if not self._by_address:
            noted = with_people(self._workspace, self._connection, noted, noted.contacts)
        known = register_facts(self._workspace.keep, self._frames(noted), self._question)
        asks_more = self._by_address and noted.contacts
        return noted, known, points_of_changed(self._connection, noted) if asks_more else None

    def told(self, addressed: Addressed, rows: RowFrame) -> tuple[RegisterFacts, Met | None]:
        """What the register tells, and the rows with whom they meet where that is found by position.

        Asked when the addresses of the list are keys, or becoming so.
        """
        changes, known, points = self._begun.result()
        indirect = rows.indirect.true_count
        if self._by_address:
            # Whom such a row reaches is found in the register, and may be anybody.
            keys = None if indirect else [addressed.key_column(kind) for kind in KINDS]
            changes, known = self._with_listed(changes, known, points, keys)
        workspace = self._workspace
        # Where most rows are met by joins, all are.
        if (
            not isinstance(workspace, DuckDBEngine)
            or indirect > len(rows) // 2
            or not is_sent_to_an_address(self._question)
        ):
            return known, None

        def parts() -> Iterator[pa.Table]:
            table = rows.table()
            direct = table.filter(pc.invert(rows.indirect)) if indirect else table
            return met_rows(direct, self._question.point_kind, self._snapshot, changes)

        if workspace.holds_as_arrow(len(rows)):
            meeting = self._beside.submit(lambda: pa.concat_tables(parts()))
            met = workspace.table_later("met", MET_SCHEMA, meeting.result)
        else:
            met = workspace.table_once("met", MET_SCHEMA, parts)
        others = None
        if indirect:
            others = workspace.table_later("indirect", ROWS_SCHEMA, lambda: rows.table().filter(rows.indirect))
        return known, Met(met, others)

    def _with_listed(
        self, noted: Changes, known: RegisterFacts, points: pa.Table | None, keys: Sequence[pa.Array] | None
    ) -> tuple[Changes, RegisterFacts]:
        """The same with what has changed of the people who have one of ``keys`` (None: of all), whom the engine judges
        apart.
        """
        contacts: Sequence[int] = noted.contacts
        if keys is not None and points is not None:
            contacts = contacts_listed(points, keys)
            points = points.filter(pc.is_in(points["contact_id"], value_set=pa.array(contacts, pa.int64())))
        changes = with_people(self._workspace, self._connection, noted, contacts, points)
        if changes is noted:
            return noted, known
        theirs = people_facts(self._keep_apart, fresh_frames(self._workspace, changes), self._question)
        return changes, known.and_of(theirs, self._frames(changes))

    def _frames(self, changes: Changes) -> dict[str, Frame]:
        tables = frames_of_snapshot(self._workspace, self._snapshot, changes, list_rows=self._list_rows)
        return {name: self._workspace.table(name, table) for name, table in {**tables, HASHES: self._hashes}.items()}

    def _keep_apart(self, frame: Frame, name: str) -> Frame:
        return self._workspace.keep(frame, f"{name}_changed")

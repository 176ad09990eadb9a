"""What the register tells of a question, asked of a snapshot and of what has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection

from consentmgr.screening.engine import DuckDBEngine, Engine
from consentmgr.screening.facts import Frame, RegisterFacts, people_facts, register_facts
from consentmgr.screening.facts.resolution import named_by_address_alone
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

    Of lists that name people by an address alone, PostgreSQL is asked for no more than the addresses of those of whom
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
        self._by_address = isinstance(workspace, DuckDBEngine) and named_by_address_alone(
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

    def told(self, addressed: Addressed, rows: RowFrame) -> tuple[RegisterFacts, Frame | None]:
        """What the register tells, and the rows with whom they meet (``facts.facts``) where that is found by position.

        Asked when the addresses of the list are keys, or becoming so.
        """
        changes, known, points = self._begun.result()
        if self._by_address:
            changes, known = self._with_listed(changes, known, points, addressed)
        workspace, kind = self._workspace, self._question.point_kind
        if not isinstance(workspace, DuckDBEngine) or not named_by_address_alone(self._question, rows.shape):
            return known, None

        def parts() -> Iterator[pa.Table]:
            return met_rows(rows.table(), kind, self._snapshot, changes)

        if workspace.holds_as_arrow(len(rows)):
            meeting = self._beside.submit(lambda: pa.concat_tables(parts()))
            return known, workspace.table_later("met", MET_SCHEMA, meeting.result)
        return known, workspace.table_once("met", MET_SCHEMA, parts)

    def _with_listed(
        self, noted: Changes, known: RegisterFacts, points: pa.Table | None, addressed: Addressed
    ) -> tuple[Changes, RegisterFacts]:
        """The same with what has changed of the people on the list, which the engine judges apart."""
        contacts = list[int]()
        if points is not None:
            kind = self._question.point_kind
            contacts = contacts_listed(points, kind, addressed.key_column(kind))
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

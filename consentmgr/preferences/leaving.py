"""Leaving by a link: acknowledged when it is in the journal and in the database, and never before.

Each process has one ``LeavingDesk``. Whoever leaves waits while a thread of the desk takes all that wait, writes
their acts to the journal, syncs it once, and takes them into the register in one transaction: a hundred people leave
for the price of one. Where the database is away they are told so (``Unavailable``); their acts stay in the journal,
and the desk takes them as soon as the database is back.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from uuid import uuid4

import psycopg
from psycopg import errors
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from consentmgr.consents.ledger import driver_connection
from consentmgr.db import taken_out
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, Unavailable
from consentmgr.preferences.leave_state import LeaveState, Names, state_of
from consentmgr.preferences.links import Link, link_id
from consentmgr.prohibitions import journal, opt_outs
from consentmgr.prohibitions.journal import JournalWriter, Written
from consentmgr.prohibitions.opt_outs import OptOut, Taken

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from consentmgr.config import Settings
    from consentmgr.db import Database
    from consentmgr.keys import Keys

#: Why somebody left, as the page offers it; asked after the leaving, and never needed.
LEAVE_REASONS = ("too_many", "not_relevant", "never_asked", "other")

#: Seconds a person waits before being told to try again.
PATIENCE = 20.0
#: Acts taken together at most.
BATCH = 500
_RETRY_SECONDS = 1.0
#: From so many who leave at once on, the next are soon to come.
_MANY = 4
_PAUSE_SECONDS = 0.05
_IDLE_SECONDS = 60.0
_ATTEMPTS = 5

_DATABASE_ERRORS = (SQLAlchemyError, psycopg.Error, OSError)
#: The last: acts sent as new of which one is there already; then all are looked for.
_RETRIED = (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)
_NOT_SURE = "the request could not be completed yet; please try again in a moment"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Left:
    """What a leave came to. ``already``: nothing had to be added. ``undo_until``: the last day on which this link
    takes it back; None where it cannot, because another act of the person made the prohibition.
    """

    already: bool
    prohibition_ids: tuple[int, ...]
    undo_until: date | None


class LeavingDesk:
    """Takes leavings of this process; safe to use from many threads, and after a fork. Close it, or let it be."""

    def __init__(self, database: Database, settings: Settings, keys: Keys) -> None:
        self._database = database
        self._settings = settings
        self._keys = keys
        self._address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        self._names = Names()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._wake = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._thread: threading.Thread | None = None
        self._closing = False
        self._writer = _Writer(self._database, self._settings, self._keys, self._address_keys)

    def start(self) -> None:
        """Start the writer, which first takes what an earlier process left in the journal. Done by the first leave
        too; a server calls it so that nothing waits for one.
        """
        if self._process != os.getpid():
            # A fork has the parent's queue and none of its threads.
            self._begin()
        with self._wake:
            if self._thread is None:
                self._closing = False
                self._thread = threading.Thread(target=self._write, name="leaving", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Take what waits, and end."""
        with self._wake:
            self._closing = True
            self._wake.notify()
            thread = self._thread
        if thread is not None and self._process == os.getpid():
            thread.join(PATIENCE)
        self._writer.close()

    # --- for the doors ------------------------------------------------------------------------------------------

    def leave(self, link: Link, *, method: str, now: datetime, evidence: Mapping[str, Any] | None = None) -> Left:
        """Leave what the link speaks of. Repeating it changes nothing.

        ``method`` is how (``one_click``, ``page``, ``mail``, ``preferences``), ``evidence`` short codes and digests,
        no personal data. Returns when it is durable in the journal and in the database. Raises ``Unavailable``
        where it is not; it may still be taken later, and nobody is told it was.
        """
        return self.leave_all([link], method=method, now=now, evidence=evidence)[0]

    def leave_all(
        self, links: Sequence[Link], *, method: str, now: datetime, evidence: Mapping[str, Any] | None = None
    ) -> list[Left]:
        """``leave`` for several links at once, as for the boxes somebody unticks on a page."""
        proof = opt_outs.evidence_of(evidence or {})
        tickets = [_Ticket(_act("leave", link, method=method, now=now, evidence=proof)) for link in links]
        self._queue(tickets)
        return [_left(taken) for taken in (ticket.wait() for ticket in tickets)]

    def pause(self, link: Link, until: date, *, now: datetime, evidence: Mapping[str, Any]) -> Left:
        """``leave`` everything of the controller until the end of a day; what ends it sooner is the page of choices."""
        whole = replace(link, scope="all", topic=None)
        proof = opt_outs.evidence_of(evidence)
        ticket = _Ticket(_act("pause", whole, method="preferences", now=now, evidence=proof, until=until))
        self._queue([ticket])
        return _left(ticket.wait())

    def resume(self, link: Link, *, until: date | None, now: datetime, evidence: Mapping[str, Any]) -> int:
        """End the person's pauses at the controller, other than one ``until`` that stands instead; how many there were.

        A distrusted link ends none. Raises ``Unavailable`` as ``leave`` does.
        """
        if link.distrusted:
            return 0
        whole = replace(link, scope="all", topic=None)
        proof = opt_outs.evidence_of(evidence)
        ticket = _Ticket(_act("resume", whole, method="preferences", now=now, evidence=proof, until=until))
        self._queue([ticket])
        return len(ticket.wait().ids)

    def undo(self, link: Link, *, now: datetime, evidence: Mapping[str, Any] | None = None) -> bool:
        """Take back exactly what this link's leaving added, within thirty days; whether there was anything.

        An older objection, another link's leaving and a court's ban stay. A distrusted link takes nothing back.
        Raises ``Unavailable`` as ``leave`` does.
        """
        if link.distrusted:
            return False
        ticket = _Ticket(_act("undo", link, method="page", now=now, evidence=opt_outs.evidence_of(evidence or {})))
        self._queue([ticket])
        return ticket.wait().new

    def tell_reason(self, link: Link, reason: str, *, now: datetime) -> None:
        """Keep why somebody left; the last answer counts. Nothing where this link made no prohibition.

        Raises ``BadInput`` for a reason that is not offered, ``Unavailable`` without a database.
        """
        if reason not in LEAVE_REASONS:
            raise BadInput("is none of the reasons offered", field="reason")
        if link.distrusted:
            return
        try:
            with self._database.transaction() as session:
                ids = opt_outs.of_link(
                    session, link_id(link), key=link.address_key, contact_id=link.contact_id, now=now
                )
                driver_connection(session).execute(
                    "INSERT INTO leave_reason (prohibition_id, reason, at)"
                    " SELECT n, %s, %s FROM unnest(%s::bigint[]) AS n"
                    " ON CONFLICT (prohibition_id) DO UPDATE SET reason = excluded.reason, at = excluded.at",
                    [reason, now, ids],
                )
        except _DATABASE_ERRORS as error:
            raise _unavailable(error) from None

    def state(self, link: Link, now: datetime) -> LeaveState:
        """What the leave page shows, by one question to the database. Raises ``Unavailable``."""
        try:
            return self._database.ask(lambda connection: state_of(connection, link, now, self._names))
        except _DATABASE_ERRORS as error:
            raise _unavailable(error) from None

    # --- the writer ---------------------------------------------------------------------------------------------

    def _queue(self, tickets: Sequence[_Ticket]) -> None:
        if self._thread is None or self._process != os.getpid():
            self.start()
        with self._wake:
            self._waiting.extend(tickets)
            self._wake.notify()

    def _write(self) -> None:
        """The writer thread: takes all that wait, again and again, and ends after a while without anybody."""
        writer = self._writer
        while True:
            writer.catch_up()
            with self._wake:
                if not self._waiting and not self._closing and not writer.is_due():
                    self._wake.wait(writer.patience)
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                if not batch and not writer.is_busy and (self._closing or not writer.is_behind):
                    self._thread = None
                    return
            if batch:
                writer.take(batch)
            else:
                writer.rest()


class _Ticket:
    """One who waits."""

    __slots__ = ("_done", "act", "error", "taken")

    def __init__(self, act: OptOut) -> None:
        self.act = act
        self.taken: Taken | None = None
        self.error: Exception | None = None
        # A lock that is let go once: an event is a lock with a list of who waits, and here one does.
        self._done = threading.Lock()
        self._done.acquire()

    def wait(self) -> Taken:
        if not self._done.acquire(timeout=PATIENCE):
            raise Unavailable(_NOT_SURE)
        if self.taken is None:
            raise Unavailable(_NOT_SURE) from self.error
        return self.taken

    def answer(self, taken: Taken) -> None:
        self.taken = taken
        self._done.release()

    def refuse(self, error: Exception) -> None:
        self.error = error
        self._done.release()


class _Writer:
    """What the writer thread does; it alone writes this process's journal file."""

    def __init__(self, database: Database, settings: Settings, keys: Keys, address_keys: AddressKeys) -> None:
        self._database = database
        self._settings = settings
        self._keys = keys
        self._address_keys = address_keys
        self._journal = JournalWriter(settings)
        #: Whether acts of the journal may not be in the register: at the start, and after the database was away.
        self.is_behind = True
        self._tried_at = 0.0
        self._connection: Connection | None = None
        # Its connections belong to no pool: closed is closed, whenever that is.
        engine = database.engine
        self._apart = create_engine(
            engine.url, creator=lambda: taken_out(engine), poolclass=NullPool, hide_parameters=True
        )

    @property
    def is_busy(self) -> bool:
        """Whether it keeps a connection, because many were leaving a moment ago."""
        return self._connection is not None

    @property
    def patience(self) -> float:
        """Seconds to wait for the next who leaves."""
        if self.is_busy:
            return _PAUSE_SECONDS
        return _RETRY_SECONDS if self.is_behind else _IDLE_SECONDS

    def rest(self) -> None:
        """Close the connection that was kept: nobody is leaving just now."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _transaction(self, acts: int) -> Iterator[Session]:
        """One of the pool for a few acts. While many leave, a connection of our own is kept from one set to the next,
        which saves two journeys to the database each time; it is not kept after any error.
        """
        if acts < _MANY and self._connection is None:
            with self._database.transaction() as session:
                yield session
            return
        if self._connection is None:
            self._connection = self._apart.connect()
        driver = cast("psycopg.Connection[Any]", self._connection.connection.driver_connection)
        try:
            # What is written is sent with the commit, and waited for once.
            with (
                driver.pipeline(),
                Session(self._connection, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except BaseException:
            connection, self._connection = self._connection, None
            connection.close()
            raise

    def is_due(self) -> bool:
        return self.is_behind and time.monotonic() - self._tried_at >= _RETRY_SECONDS

    def catch_up(self) -> None:
        """Take what the journal has and the register has not; tried once a second until it is done."""
        if not self.is_due():
            return
        self._tried_at = time.monotonic()
        try:
            journal.replay(self._database, self._settings, self._keys, clock.now())
            self.is_behind = False
        except Exception as error:  # noqa: BLE001 - the writer goes on, and tries again
            _log.warning("the journal is ahead of the register: %s", type(error).__name__)

    def take(self, batch: Sequence[_Ticket]) -> None:
        try:
            written = self._journal.append([ticket.act for ticket in batch], today=clock.now().astimezone(UTC).date())
        except Exception as error:  # noqa: BLE001 - nobody is told "done", and the writer goes on
            _log.error("the journal of prohibitions cannot be written: %s", type(error).__name__)
            for ticket in batch:
                ticket.refuse(error)
            return
        try:
            taken = self._commit([ticket.act for ticket in batch], written)
        except _DATABASE_ERRORS as error:
            self._fell_behind(error)
            for ticket in batch:
                ticket.refuse(error)
        except Exception as error:  # noqa: BLE001 - one act that cannot be taken must not hold up the others
            self._fell_behind(error)
            self._take_singly(batch)
        else:
            for ticket, one in zip(batch, taken, strict=True):
                ticket.answer(one)

    def _take_singly(self, batch: Sequence[_Ticket]) -> None:
        for ticket in batch:
            try:
                (taken,) = self._commit([ticket.act], None)
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("an act of the journal cannot be taken: %s", type(error).__name__)
                ticket.refuse(error)
            else:
                ticket.answer(taken)

    def _fell_behind(self, error: Exception) -> None:
        if not self.is_behind:
            _log.warning("the database did not take what the journal has: %s", type(error).__name__)
        self.is_behind = True
        self._tried_at = time.monotonic()

    def _commit(self, acts: Sequence[OptOut], written: Written | None) -> list[Taken]:
        """The mark moves only where everything before it was taken."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._transaction(len(acts)) as session:
                    taken = opt_outs.take(
                        session,
                        acts,
                        keys=self._address_keys,
                        now=max(act.at for act in acts),
                        # Those that are tried again may have been taken by another process from the journal.
                        are_new=written is not None and attempt == 0,
                    )
                    if written is not None and not self.is_behind:
                        journal.move_marks(session, {written.file: written.end})
                    return taken
            except (psycopg.Error, DBAPIError) as error:
                if not isinstance(_refused_first(error), _RETRIED) or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        self.rest()
        self._journal.close()


def _refused_first(error: BaseException | None) -> BaseException | None:
    """What PostgreSQL refused. In a pipeline it refuses all that was sent after it too, the way back among them."""
    found = None
    while error is not None:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, psycopg.Error) and not isinstance(cause, errors.PipelineAborted):
            found = cause
        error = error.__context__
    return found


def _unavailable(error: Exception) -> Unavailable:
    _log.warning("the database did not answer: %s", type(error).__name__)
    return Unavailable(_NOT_SURE)


#: What a line of the journal says of acts that its first readers did not know.
_VERSIONS: Final[Mapping[str, Literal[1, 2, 3]]] = {"pause": 2, "resume": 3}


def _act(
    act: Literal["leave", "pause", "undo", "resume"],
    link: Link,
    *,
    method: str,
    now: datetime,
    evidence: dict[str, Any],
    until: date | None = None,
) -> OptOut:
    return OptOut(
        id=uuid4().hex,
        act=act,
        at=now,
        link=link_id(link),
        controller=link.controller,
        kind=cast(Any, link.address_kind),
        channel=cast(Any, link.channel),
        scope=link.scope,
        key=link.address_key.hex if link.address_key is not None else None,
        contact=link.contact_id,
        topic=link.topic,
        campaign=link.campaign,
        method=method,
        evidence=evidence,
        until=until,
        v=_VERSIONS.get(act, 1),
    )


def _left(taken: Taken) -> Left:
    until = opt_outs.undo_until(taken.since) if taken.undoable and taken.since is not None else None
    return Left(not taken.new, taken.ids, until)

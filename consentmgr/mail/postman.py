"""Mail goes out soon after the commit: one thread of a web process, woken when something was posted.

The scheduler's job sends what this does not: mail deferred, and mail of a process that ended first.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock, Thread

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.mail.outbox import send_due

log = logging.getLogger(__name__)


class Postman:
    """One per application. ``wake`` returns at once; the thread is started by the first call of each process."""

    def __init__(self, database: Database, settings: Settings, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._lock = Lock()
        self._called = Event()
        self._thread: Thread | None = None
        self._process: int | None = None
        self._closed = False

    def wake(self) -> None:
        """Something was posted and committed. Does nothing where no mail server is set."""
        if self._settings.smtp_url is None or self._closed:
            return
        with self._lock:
            # A server may fork after the application was made; threads stay behind in the parent.
            if self._thread is None or self._process != os.getpid():
                self._process = os.getpid()
                self._called = Event()
                # A daemon, so that a process never waits for a mail server to end; what it had in hand is sent later.
                self._thread = Thread(target=self._go_round, name="postman", daemon=True)
                self._thread.start()
        self._called.set()

    def close(self) -> None:
        """Send no more; returns when the mail in hand has been settled and the thread has ended."""
        self._closed = True
        with self._lock:
            thread = self._thread if self._process == os.getpid() else None
        if thread is not None:
            self._called.set()
            thread.join()

    def _go_round(self) -> None:
        called = self._called
        while True:
            called.wait()
            called.clear()
            if self._closed:
                return
            try:
                send_due(self._database, self._settings, self._keys, now=self._clock(), is_over=lambda: self._closed)
            except Exception as error:  # noqa: BLE001 - the job tries again; the thread must live on
                log.warning("mail was not sent: %s", type(error).__name__)

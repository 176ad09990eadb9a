"""What a browser at the desk carries: before signing in a signed note, afterwards the random value of its session.

Flask asks here for its ``session``. Away from the desk there is none: public pages read and set no cookie. At the desk
a browser that is not signed in holds what little a form needs (the CSRF secret, the state of a sign-in under way) in
a signed cookie, so that no GET ever writes a row; one that is signed in holds a value of ``staff.sessions``, and what
Flask keeps goes into the row.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from flask.sessions import NullSession, SessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.datastructures import CallbackDict

from consentmgr.db import Database
from consentmgr.staff import sessions

if TYPE_CHECKING:
    from flask import Flask, Request, Response

#: The path the desk is under; the cookie is sent nowhere else.
DESK: Final = "/desk"
#: What the session calls the language somebody chose in the head of a page.
LANGUAGE: Final = "lang"
COOKIE: Final = "consentmgr_desk"
#: Seconds a form before signing in may lie open.
_VISIT: Final = 8 * 3600
#: The longest cookie that is looked at.
_LONGEST: Final = 4_000


class DeskSession(CallbackDict[str, Any], SessionMixin):
    """Flask's session at the desk. ``found`` is the row, where the browser is signed in or on its way."""

    def __init__(self, initial: dict[str, Any] | None = None, value: str | None = None) -> None:
        def changed(_: Any) -> None:
            self.modified = True

        super().__init__(initial or {}, changed)
        #: What the cookie said, where it was the value of a row.
        self.value = value
        self.found: sessions.Found | None = None
        self.modified = False
        #: What the cookie shall say from now on; an empty text removes it.
        self.becomes: str | None = None

    def load(self, database: Database, now: datetime) -> sessions.Found | None:
        """The row of this browser, looked up once a request."""
        if self.value is not None and self.found is None:
            with database.reading() as session:
                self.found = sessions.find(session, self.value, now)
            if self.found is None:
                self.value = None
                self.becomes = ""
            else:
                self.update(self.found.data)
                self.modified = False
                if now - self.found.seen_at > sessions.TOUCH:
                    with database.transaction() as session:
                        sessions.touch(session, self.found.id, now)
        return self.found

    def become(self, value: str) -> None:
        """Be the session that was just begun under this value. What was held before is gone, its CSRF secret too; the
        language that was chosen stays.
        """
        language = self.get(LANGUAGE)
        self.clear()
        self.found = None
        self.value = None
        self.becomes = value
        self.modified = False
        if language is not None:
            self[LANGUAGE] = language

    def leave(self) -> None:
        """Be nobody's from now on."""
        self.become("")


class DeskSessions(SessionInterface):
    """Gives Flask its session, as this module's docstring says."""

    def __init__(self, secret: bytes, *, secure: bool) -> None:
        self._signed = URLSafeTimedSerializer(secret, salt="desk-visitor")
        self._secure = secure

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        if not is_desk(request.path):
            return NullSession()
        given = request.cookies.get(COOKIE, "")
        if not given or len(given) > _LONGEST:
            return DeskSession()
        if "." not in given:
            return DeskSession(value=given)
        try:
            held = self._signed.loads(given, max_age=_VISIT)
        except BadSignature:
            return DeskSession()
        return DeskSession(held if isinstance(held, dict) else {})

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not isinstance(session, DeskSession):
            return
        response.vary.add("Cookie")
        database: Database = app.extensions["consentmgr"]
        if session.becomes:
            if session.modified:
                with database.transaction() as stored:
                    sessions.add_data(stored, session.becomes, dict(session))
            self._set(response, session.becomes)
        elif session.found is not None:
            if session.modified:
                with database.transaction() as stored:
                    sessions.keep_data(stored, session.found.id, dict(session))
        elif session.modified and session:
            self._set(response, str(self._signed.dumps(dict(session))))
        elif session.becomes == "":
            response.delete_cookie(COOKIE, path=DESK, secure=self._secure, httponly=True, samesite="Lax")

    def _set(self, response: Response, value: str) -> None:
        response.set_cookie(COOKIE, value, path=DESK, secure=self._secure, httponly=True, samesite="Lax")


def is_desk(path: str) -> bool:
    """Whether a path is one of the desk's."""
    return path == DESK or path.startswith(f"{DESK}/")

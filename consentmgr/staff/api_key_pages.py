"""The browser door of the API's keys: what other systems may do, and until when.

Whoever looks after keys for some controllers sees those that are for none but these; another key does not exist for
them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import text
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff import api_keys, asked
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.staff.scopes import TOLD, Scope
from consentmgr.staff.wording import page_language

keys_of_api = Blueprint("api_keys", __name__)

#: Days that may be chosen for the secret before to go on.
OVERLAPS: Final = (7, 1, 30, 0)


@keys_of_api.get("/desk/api-keys")
@needs(Permission.KEYS)
def overview() -> str:
    with application.database().reading() as session:
        rows = api_keys.listed(session, now=clock.now(), reach=actor().controllers)
    return render_template("staff/api_keys.html", rows=rows, told=_told())


@keys_of_api.get("/desk/api-keys/add")
@needs(Permission.KEYS)
def add_page() -> str:
    return _add_page()


@keys_of_api.post("/desk/api-keys/add")
@needs(Permission.KEYS)
def add() -> Response:
    """Make the key and show it, this once."""
    who, now = actor(), clock.now()
    try:
        with application.database().transaction() as session:
            key, token = api_keys.add(
                session,
                name=asked.field("name"),
                owner=asked.field("owner"),
                scopes=request.form.getlist("scope"),
                controllers=None if asked.field("reach") == "all" else request.form.getlist("controller"),
                expires_at=_end_of_day("expires_at"),
                actor=who.name,
                now=now,
                reach=who.controllers,
            )
            key_id, name = key.id, key.name
    except BadInput as error:
        return make_response(_add_page({error.field or "name": _fault(error)}), 422)
    return _token_page(key_id, name, token)


def _add_page(faults: dict[str, str] | None = None) -> str:
    with application.database().reading() as session:
        return render_template(
            "staff/api_key_add.html",
            scopes=_told(),
            controllers=_controllers(session),
            faults=faults or {},
            given=request.form,
            limited=actor().controllers is not None,
            usual_end=(clock.now() + api_keys.USUAL_LIFE).astimezone(HELSINKI).date(),
        )


@keys_of_api.get("/desk/api-keys/<int:key_id>")
@needs(Permission.KEYS)
def show(key_id: int) -> str:
    return _show(key_id)


def _show(key_id: int, faults: dict[str, str] | None = None) -> str:
    with application.database().reading() as session:
        row = _row(session, key_id)
    return render_template(
        "staff/api_key.html", row=row, told=_told(), faults=faults or {}, overlaps=OVERLAPS,
        last_day=(row.expires_at - timedelta(seconds=1)).astimezone(HELSINKI).date(),
    )  # fmt: skip


@keys_of_api.post("/desk/api-keys/<int:key_id>/rotate")
@needs(Permission.KEYS)
def rotate(key_id: int) -> Response:
    """Make a second secret and show it, this once."""
    who, now = actor(), clock.now()
    given = asked.field("overlap")
    try:
        with application.database().transaction() as session:
            name = _row(session, key_id).name
            token = api_keys.rotate(
                session,
                key_id,
                overlap=timedelta(days=int(given) if given in {str(days) for days in OVERLAPS} else OVERLAPS[0]),
                expires_at=_end_of_day("expires_at"),
                actor=who.name,
                now=now,
                reach=who.controllers,
            )
    except BadInput as error:
        return make_response(_show(key_id, {error.field or "key": _fault(error)}), 422)
    return _token_page(key_id, name, token)


@keys_of_api.post("/desk/api-keys/<int:key_id>/revoke")
@needs(Permission.KEYS)
def revoke(key_id: int) -> Response:
    who = actor()
    with application.database().transaction() as session:
        api_keys.revoke(session, key_id, actor=who.name, now=clock.now(), reach=who.controllers)
    flash(gettext("The key is revoked. Whoever uses it is refused from now on."), "done")
    return make_response(redirect(url_for("api_keys.show", key_id=key_id), 303))


def _token_page(key_id: int, name: str, token: str) -> Response:
    return make_response(render_template("staff/api_key_token.html", key_id=key_id, name=name, token=token))


def _row(session: Session, key_id: int) -> api_keys.KeyRow:
    rows = api_keys.listed(session, now=clock.now(), reach=actor().controllers, key_id=min(key_id, 2**63 - 1))
    if not rows:
        raise NotFound("there is no such key")
    return rows[0]


def _end_of_day(name: str) -> datetime | None:
    """The end of the day a field names, Finnish time; None where it is empty. Raises ``BadInput``."""
    given = asked.field(name).strip()
    if not given:
        return None
    try:
        day = datetime.fromisoformat(f"{given}T00:00:00").replace(tzinfo=HELSINKI)
        return day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadInput("it is no day", field=name) from None


def _told() -> list[tuple[Scope, str]]:
    language = page_language()
    return [(scope, TOLD[scope][language]) for scope in Scope]


def _controllers(session: Session) -> list[tuple[str, str]]:
    """The controllers whoever asks may speak of. The register lies above, so the table is asked."""
    reach = actor().controllers
    rows = session.execute(text("SELECT key, name FROM controller ORDER BY name, key"))
    return [(key, name) for key, name in rows if reach is None or key in reach]


def _fault(error: BadInput) -> str:
    words = {
        "name": gettext("Enter a name of at most 200 letters."),
        "owner": gettext("Enter who answers for the key."),
        "scopes": gettext("Choose at least one."),
        "controllers": gettext("Choose at least one controller, or all."),
        "expires_at": gettext("Choose a day within two years from now."),
        "key": gettext("The key has two secrets already, or has ended. End the older one at once, or add a new key."),
    }
    return str(words.get(error.field or "") or gettext("This cannot be taken as it is."))

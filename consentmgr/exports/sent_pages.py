"""The browser door of one question: whether an address stood in what a partner was sent. It is in no URL and no log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import Response, make_response, render_template, request
from flask_babel import gettext

from consentmgr.audit import service as audit
from consentmgr.consents.ledger import driver_connection
from consentmgr.edge import application
from consentmgr.exports.door import exports, own_schedule
from consentmgr.exports.stored_set import stood_in
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found. ``day`` is the day asked about."""

    day: date
    sequence: int | None
    published_at: datetime | None


@exports.get("/schedule/<key>/sent")
@needs(Permission.SEE_REGISTER)
def sent(key: str) -> Response:
    return _sent_page(key, None, {})


@exports.post("/schedule/<key>/sent")
@needs(Permission.SEE_REGISTER)
def was_sent(key: str) -> Response:
    """Whether an address stood in the newest file sent by the end of a day. The address is in no URL and no log."""
    now, faults = clock.now(), dict[str, str]()
    keys = AddressKeys(application.keys().address_key, application.keys().address_key_id)
    address = request.form.get("address", "").strip()
    found = keys.email(address) if "@" in address else keys.phone(address)
    if found is None:
        faults["address"] = gettext("Write a whole e-mail address or telephone number.")
    try:
        day = date.fromisoformat(request.form.get("day", "") or local_date(now).isoformat())
    except ValueError:
        day, faults["day"] = local_date(now), gettext("Write the day as year, month and day: 2027-01-31.")
    if faults or found is None:
        return _sent_page(key, None, faults, 422)
    with application.database().transaction() as session:
        own_schedule(session, key)
        at = min(now, datetime.combine(day, time(), HELSINKI) + timedelta(days=1))
        held = stood_in(driver_connection(session), key, found.address_key, at)
        audit.read(
            session,
            at=now,
            actor=actor().name,
            object=f"export:{key}",
            detail={"asked": "was this address in the file", "day": day.isoformat()},
        )
    return _sent_page(key, Answer(day, *(held or (None, None))), {})


def _sent_page(key: str, answer: Answer | None, faults: Mapping[str, str], status: int = 200) -> Response:
    with application.database().reading() as session:
        schedule = own_schedule(session, key)
        body = render_template(
            "exports/sent.html",
            schedule=schedule,
            answer=answer,
            faults=faults,
            day=request.form.get("day") or local_date(clock.now()).isoformat(),
        )
    return make_response(body, status)

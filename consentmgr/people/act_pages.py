"""The browser door of acts taken down: consents, withdrawals, refusals, objections, restrictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, request
from flask_babel import gettext
from sqlalchemy import cast as sql_cast
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.edge import application
from consentmgr.edge.filters import moment
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people import attachments
from consentmgr.people.desk import (
    Faults,
    choices,
    done,
    in_words,
    names_of,
    now_fields,
    one_of,
    page,
    people,
    sight,
    some_of,
    text,
    ticked,
    to_person,
    word,
)
from consentmgr.people.previewing import preview
from consentmgr.people.recording import (
    CONSENTS,
    KINDS,
    LIFTINGS,
    METHODS,
    STOPS,
    UNSCOPED,
    Act,
    Kind,
    record,
)
from consentmgr.people.taking_down import (
    GIVEN_BY,
    LARGEST_FORM,
    Form,
    attach_to,
    controller_choices,
    controllers_seen,
    present,
    preview_page,
    reading,
    step_of,
)
from consentmgr.register.models import Notice, text_array
from consentmgr.staff.access import actor, may, needs, takes_up_to
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import CHANNELS, PLATFORMS, PURPOSES


def _kind(code: str) -> Kind:
    """The kind of act the address names. What lifts needs the permission for it."""
    for kind in KINDS:
        if kind == code:
            if kind in LIFTINGS and not may(Permission.LIFT_BANS):
                abort(403)
            return kind
    raise NotFound("there is no such act")


@people.get("/<int:contact_id>/record/<kind>")
@needs(Permission.RECORD_ACTS)
def record_form(contact_id: int, kind: str) -> str:
    """The form of an act. A consent begins with the choice of the words it was given in."""
    chosen = _kind(kind)
    return reading(contact_id, lambda form: _act_page(form, chosen, request.args.get("notice"), now_fields()))


@people.post("/<int:contact_id>/record/<kind>")
@needs(Permission.RECORD_ACTS)
@takes_up_to(LARGEST_FORM)
def record_act(contact_id: int, kind: str) -> str | tuple[str, int] | AnyResponse:
    chosen, step = _kind(kind), step_of()
    with application.database().transaction() as session:
        person = present(session, contact_id)
        form = Form(person, session)
        if step == "change":
            return _act_page(form, chosen, text("notice"), request.form)
        act, controllers = _read_act(form, chosen)
        if not form.faults:
            try:
                if step == "preview":
                    shown = preview(
                        session,
                        person.contact.id,
                        lambda: _record(form, act),
                        sight=sight(),
                        now=form.now,
                    )
                    return preview_page(form, word("event", chosen), shown, _told_act(act, controllers))
                new = _record(form, act)
            except BadInput as refused:
                form.faults.refused(refused.field)
        if form.faults:
            return _act_page(form, chosen, text("notice"), request.form, faults=form.faults), 422
        if form.file_id is not None:
            attachments.use(session, form.file_id, now=form.now)
    done(
        gettext("Recorded: %(what)s.", what=word("event", chosen))
        if new
        else gettext("That was recorded before; nothing was added.")
    )
    return to_person(contact_id)


def _record(form: Form, act: Act) -> bool:
    return record(
        form.session, form.person.contact.ref, act, keys=application.address_keys(), actor=actor().name, now=form.now
    )


def _read_act(form: Form, kind: Kind) -> tuple[Act, dict[str, str]]:
    faults = form.faults
    controllers = controllers_seen(form.session)
    scoped = kind not in UNSCOPED
    allowed = [key for key, _ in controller_choices(controllers, all_of_them=kind not in CONSENTS)]
    controller = one_of("controller", allowed, faults) or (allowed[0] if len(allowed) == 1 else None)
    faults.unchosen("controller", controller)
    method = one_of("method", METHODS, faults)
    faults.unchosen("method", method)
    topics = [key for key, row in form.person.topics.items() if controller in ("*", row.controller)]
    notice = text("notice") if kind in CONSENTS else ""
    if kind in CONSENTS:
        _notice(form, notice)
    attach_to(form)
    return (
        Act(
            kind=kind,
            at=form.when(stops=kind in STOPS),
            controller=None if controller == "*" else controller,
            method=method or "phone",
            given_by=one_of("given_by", GIVEN_BY, faults) or "self",
            channels=some_of("channels", CHANNELS, faults) if scoped else (),
            purposes=some_of("purposes", PURPOSES, faults) if scoped else (),
            topics=some_of("topics", topics, faults) if scoped else (),
            audiences=some_of("audiences", PLATFORMS, faults) if kind in CONSENTS else (),
            notice=notice or None,
            express_request=ticked("express_request"),
            note=text("note") or None,
            attachment_sha256=form.sha256,
        ),
        controllers,
    )


def _told_act(act: Act, controllers: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (gettext("When"), moment(act.at)),
        (gettext("How"), word("desk_method", act.method)),
        (gettext("Said by"), word("given_by", act.given_by)),
        (
            gettext("Controller"),
            controllers.get(act.controller, act.controller) if act.controller else gettext("All controllers"),
        ),
        (gettext("Channels"), names_of("channel", act.channels)),
        (gettext("Purposes"), names_of("purpose", act.purposes)),
        (gettext("Topics"), ", ".join(act.topics)),
        (gettext("Platforms"), names_of("platform", act.audiences)),
        (gettext("Words"), act.notice or ""),
        (gettext("Note"), act.note or ""),
    ]


def _notices(session: Session, controllers: Sequence[str]) -> list[Notice]:
    """The newest version of each notice of these controllers, in each language."""
    rows = session.scalars(
        select(Notice)
        .where(Notice.controllers.op("&&")(sql_cast(sorted(controllers), text_array())))
        .order_by(Notice.key, Notice.language, Notice.version.desc())
    )
    return list(rows)


def _notice(form: Form, named: str) -> Notice | None:
    """The notice of this name, where it is of the reader's controllers."""
    for row in _notices(form.session, list(controllers_seen(form.session))):
        if f"{row.key}/{row.version}/{row.language}" == named:
            return row
    form.faults.refused("notice")
    return None


def _act_page(form: Form, kind: Kind, notice: str | None, given: Any, *, faults: Faults | None = None) -> str:
    controllers = controllers_seen(form.session)
    if kind in CONSENTS:
        rows = _notices(form.session, list(controllers))
        chosen = next((row for row in rows if f"{row.key}/{row.version}/{row.language}" == notice), None)
        if chosen is None:
            return page("choose_notice", person=form.person, kind=kind, notices=_by_key(rows), faults=faults or {})
        controllers = {key: name for key, name in controllers.items() if key in chosen.controllers}
    else:
        chosen = None
    first_time = "method" not in given
    return page(
        "record",
        person=form.person,
        kind=kind,
        notice=chosen,
        given=given,
        ticked={
            name: given.getlist(name)
            if hasattr(given, "getlist") and not first_time
            else list(getattr(chosen, name, ()) if chosen is not None else ())
            for name in ("channels", "purposes", "topics", "audiences")
        },
        controllers=controller_choices(controllers, all_of_them=kind not in CONSENTS),
        channels=choices("channel", chosen.channels if chosen is not None else CHANNELS),
        purposes=choices("purpose", chosen.purposes if chosen is not None else PURPOSES),
        audiences=choices("platform", chosen.audiences if chosen is not None else ()),
        topics=[
            (key, in_words(row.names, key))
            for key, row in form.person.topics.items()
            if chosen is None or not chosen.topics or key in chosen.topics
        ],
        methods=choices("desk_method", METHODS),
        given_by=choices("given_by", GIVEN_BY if kind in STOPS else GIVEN_BY[:2]),
        scoped=kind not in UNSCOPED,
        consent=kind in CONSENTS,
        faults=faults or {},
        file=form.file_id or given.get("file"),
        file_name=form.file_name,
    )


def _by_key(rows: Sequence[Notice]) -> list[tuple[str, list[Notice]]]:
    """Notices by key, the newest version first."""
    found: dict[str, list[Notice]] = {}
    for row in rows:
        found.setdefault(row.key, []).append(row)
    return [(key, sorted(group, key=lambda row: (-row.version, row.language))) for key, group in found.items()]

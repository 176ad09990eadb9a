"""The browser door of bans on one person: taken down, and lifted by the person's own word."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.edge import application
from consentmgr.edge.filters import day, moment
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people import attachments, lifting
from consentmgr.people.desk import (
    Faults,
    choices,
    day_of,
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
    to_person,
    word,
)
from consentmgr.people.previewing import preview
from consentmgr.people.reading import Person, address_of
from consentmgr.people.recording import (
    BAN_SOURCES,
    METHODS,
    NewBan,
    add_ban,
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
from consentmgr.prohibitions.lifting import Act
from consentmgr.staff.access import actor, needs, takes_up_to
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES
from consentmgr.vocabulary.documents import PostalAddress, ProhibitionTarget


@people.get("/<int:contact_id>/ban")
@needs(Permission.RECORD_ACTS)
def ban_form(contact_id: int) -> str:
    return reading(contact_id, lambda form: _ban_page(form, now_fields()))


@people.post("/<int:contact_id>/ban")
@needs(Permission.RECORD_ACTS)
@takes_up_to(LARGEST_FORM)
def record_ban(contact_id: int) -> str | tuple[str, int] | AnyResponse:
    step = step_of()
    with application.database().transaction() as session:
        person = present(session, contact_id)
        form = Form(person, session)
        if step == "change":
            return _ban_page(form, request.form)
        ban = _read_ban(form)
        if ban is not None and not form.faults:
            try:
                if step == "preview":
                    shown = preview(
                        session, person.contact.id, lambda: _add_ban(form, ban), sight=sight(), now=form.now
                    )
                    return preview_page(form, gettext("A ban"), shown, _told_ban(form, ban))
                _, new = _add_ban(form, ban)
            except BadInput as refused:
                form.faults.refused(refused.field)
        if ban is None or form.faults:
            return _ban_page(form, request.form, faults=form.faults), 422
        if form.file_id is not None:
            attachments.use(session, form.file_id, now=form.now)
    done(gettext("The ban holds from now on.") if new else gettext("That ban was there already."))
    return to_person(contact_id)


def _add_ban(form: Form, ban: NewBan) -> tuple[int, bool]:
    return add_ban(form.session, ban, keys=application.address_keys(), actor=actor().name, now=form.now)


def _targets(person: Person) -> dict[str, tuple[str, ProhibitionTarget]]:
    """What a ban can be on, by the form's own name of it."""
    found = {
        "contact": (
            gettext("The person: every address, now and later"),
            ProhibitionTarget(contact=person.contact.ref),
        )
    }
    for point in person.points:
        if point.kind == "post":
            target = ProhibitionTarget(post=PostalAddress(**(point.postal or {})))
        elif point.kind == "email":
            target = ProhibitionTarget(email=point.value)
        else:
            target = ProhibitionTarget(phone=point.value)
        found[f"point:{point.id}"] = (
            gettext("Only %(address)s, whoever has it", address=address_of(point)),
            target,
        )
    for organisation in person.organisations.values():
        found[f"organisation:{organisation.id}"] = (
            gettext("The organisation %(name)s and all its people", name=organisation.name or organisation.identity),
            ProhibitionTarget(organisation=organisation.identity),
        )
    return found


def _read_ban(form: Form) -> NewBan | None:
    faults = form.faults
    controllers = controllers_seen(form.session)
    allowed = [key for key, _ in controller_choices(controllers, all_of_them=True)]
    controller = one_of("controller", allowed, faults) or (allowed[0] if len(allowed) == 1 else None)
    faults.unchosen("controller", controller)
    targets = _targets(form.person)
    target = one_of("target", targets, faults)
    faults.unchosen("target", target)
    source = one_of("source", BAN_SOURCES, faults)
    faults.unchosen("source", source)
    method = one_of("method", METHODS, faults)
    faults.unchosen("method", method)
    topics = [key for key, row in form.person.topics.items() if controller in ("*", row.controller)]
    attach_to(form)
    at = form.when(stops=True)
    until = day_of("valid_until", faults)
    chosen_topics = some_of("topics", topics, faults)
    channels, purposes = some_of("channels", CHANNELS, faults), some_of("purposes", PURPOSES, faults)
    if target is None or source is None or method is None or controller is None:
        return None
    return NewBan(
        target=targets[target][1],
        source=source,
        at=at,
        method=method,
        channels=channels,
        purposes=purposes,
        topics=chosen_topics,
        controllers=() if controller == "*" else (controller,),
        valid_until=until,
        reference=text("reference", longest=200) or None,
        note=text("note") or None,
        attachment_sha256=form.sha256,
    )


def _told_ban(form: Form, ban: NewBan) -> list[tuple[str, str]]:
    controllers = controllers_seen(form.session)
    named = next((shown for shown, target in _targets(form.person).values() if target == ban.target), "")
    return [
        (gettext("On"), named),
        (gettext("Set by"), word("prohibition_source", ban.source)),
        (gettext("When"), moment(ban.at)),
        (gettext("How"), word("desk_method", ban.method)),
        (gettext("Channels"), names_of("channel", ban.channels) or gettext("every channel")),
        (gettext("Purposes"), names_of("purpose", ban.purposes) or gettext("every purpose")),
        (gettext("Topics"), ", ".join(ban.topics)),
        (
            gettext("Controller"),
            ", ".join(controllers.get(key, key) for key in ban.controllers) or gettext("All controllers"),
        ),
        (gettext("Until"), day(ban.valid_until) if ban.valid_until else gettext("until lifted")),
        (gettext("Reference"), ban.reference or ""),
        (gettext("Note"), ban.note or ""),
    ]


def _ban_page(form: Form, given: Any, *, faults: Faults | None = None) -> str:
    controllers = controllers_seen(form.session)
    return page(
        "ban",
        person=form.person,
        given=given,
        ticked={
            name: given.getlist(name) if hasattr(given, "getlist") else []
            for name in ("channels", "purposes", "topics")
        },
        targets=[(name, shown) for name, (shown, _) in _targets(form.person).items()],
        sources=choices("prohibition_source", BAN_SOURCES),
        controllers=controller_choices(controllers, all_of_them=True),
        channels=choices("channel", CHANNELS),
        purposes=choices("purpose", PURPOSES),
        topics=[(key, in_words(row.names, key)) for key, row in form.person.topics.items()],
        methods=choices("desk_method", METHODS),
        faults=faults or {},
        file=form.file_id or given.get("file"),
        file_name=form.file_name,
    )


# --- lifting ----------------------------------------------------------------------------------------------------------


@people.get("/<int:contact_id>/lift/<int:ban_id>")
@needs(Permission.LIFT_BANS)
def lift_form(contact_id: int, ban_id: int) -> str:
    return reading(contact_id, lambda form: _lift_page(form, ban_id, now_fields()))


@people.post("/<int:contact_id>/lift/<int:ban_id>")
@needs(Permission.LIFT_BANS)
@takes_up_to(LARGEST_FORM)
def lift_ban(contact_id: int, ban_id: int) -> str | tuple[str, int] | AnyResponse:
    """One ban, by the person's word. Many at once are lifted from the list of bans, by two people."""
    step = step_of()
    with application.database().transaction() as session:
        person = present(session, contact_id)
        form = Form(person, session)
        if step == "change":
            return _lift_page(form, ban_id, request.form)
        given = _read_word(form)
        if given is not None and not form.faults:
            try:
                lifting.check(session, person.contact.id, ban_id, sight())
                if step == "preview":
                    shown = preview(
                        session, person.contact.id, lambda: _lift(form, ban_id, given), sight=sight(), now=form.now
                    )
                    return preview_page(form, gettext("Lifting a ban"), shown, _told_word(ban_id, given))
                _lift(form, ban_id, given)
            except BadInput as refused:
                form.faults.refused(refused.field)
        if given is None or form.faults:
            return _lift_page(form, ban_id, request.form, faults=form.faults), 422
        if form.file_id is not None:
            attachments.use(session, form.file_id, now=form.now)
    done(gettext("The ban is lifted."))
    return to_person(contact_id)


def _read_word(form: Form) -> Act | None:
    faults = form.faults
    method = one_of("method", METHODS, faults)
    reason = text("reason")
    faults.unchosen("method", method)
    faults.missing("reason", reason)
    attach_to(form)
    given_by = one_of("given_by", GIVEN_BY[:2], faults) or "self"
    at = form.when(stops=False)
    if method is None or not reason:
        return None
    return lifting.word(at, method, reason, given_by=given_by, attachment_sha256=form.sha256)


def _lift(form: Form, ban_id: int, given: Act) -> list[int]:
    return lifting.lift(
        form.session,
        form.person.contact.id,
        ban_id,
        given,
        keys=application.address_keys(),
        actor=actor().name,
        now=form.now,
    )


def _told_word(ban_id: int, given: Act) -> list[tuple[str, str]]:
    return [
        (gettext("Ban"), f"P{ban_id}"),
        (gettext("When"), moment(given.at)),
        (gettext("How"), word("desk_method", given.method)),
        (gettext("Said by"), word("given_by", given.given_by)),
        (gettext("Reason"), given.reason),
    ]


def _lift_page(form: Form, ban_id: int, given: Any, *, faults: Faults | None = None) -> str:
    shown = next((one for one in form.person.bans if one.ban.id == ban_id), None)
    if shown is None:
        raise NotFound("there is no such ban on this person")
    return page(
        "lift",
        person=form.person,
        shown=shown,
        given=given,
        methods=choices("desk_method", METHODS),
        given_by=choices("given_by", GIVEN_BY[:2]),
        faults=faults or {},
        file=form.file_id or given.get("file"),
        file_name=form.file_name,
    )

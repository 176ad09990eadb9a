"""The browser door of erasing people: one from their page, many from a list with a second person; and of refusing to, or
taking longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from io import BytesIO
from typing import Final, NamedTuple
from uuid import UUID

from flask import Response, make_response, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.consents.waiting import waiting_for_erasure
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people import erasing, extending, refusing
from consentmgr.people.desk import (
    Faults,
    audited,
    choices,
    day_of,
    done,
    hour_of,
    now_fields,
    one_of,
    page,
    people,
    sight,
    text,
    to_person,
)
from consentmgr.people.extending import Extension
from consentmgr.people.reading import person_of
from consentmgr.people.recording import METHODS
from consentmgr.people.refusing import Refusal
from consentmgr.people.taking_down import Form, controller_choices, controllers_seen, present, reading
from consentmgr.register.reading import rows_by
from consentmgr.register.rows import ContactRow
from consentmgr.staff import approvals
from consentmgr.staff.access import actor, needs, takes_up_to
from consentmgr.staff.accounts import names_of
from consentmgr.staff.roles import Permission
from consentmgr.timetable.tasks import task_of
from consentmgr.vocabulary.codes import REFUSAL_GROUNDS, ConsentMethod
from consentmgr.vocabulary.time_rules import answer_due

#: Bytes of a list: ``erasing.MOST`` addresses, with room.
_LARGEST = 10_000_000
#: People of one page of those who wait.
_PAGE = 50


# --- who waits --------------------------------------------------------------------------------------------------------


@people.get("/erase/waiting")
@needs(Permission.ERASE)
def waiting_erasures() -> str:
    """Everybody who has asked to be erased and is not yet, with the last day to answer: those past it first."""
    today = clock.local_date(clock.now())
    with application.database().reading() as session:
        everybody = waiting_for_erasure(session, sight())
        # People are erased while somebody turns the pages: past the end is the last page.
        last = max(1, -(-len(everybody) // _PAGE))
        number = min(max(1, request.args.get("page", 1, int)), last)
        shown = everybody[(number - 1) * _PAGE : number * _PAGE]
        contacts = {row.id: row for row in rows_by(session, ContactRow, "id", {one.contact_id for one in shown})}
    if shown:
        audited("contacts", "erasure_requested", {"found": [one.contact_id for one in shown]})
    return page(
        "waiting_erasures",
        rows=[(contacts[one.contact_id], one.asked) for one in shown],
        waiting=len(everybody),
        overdue=sum(one.asked.is_overdue(today) for one in everybody),
        newer=url_for("people.waiting_erasures", page=number - 1) if number > 1 else None,
        older=url_for("people.waiting_erasures", page=number + 1) if number < last else None,
    )


# --- one --------------------------------------------------------------------------------------------------------------


@people.get("/<int:contact_id>/erase")
@needs(Permission.ERASE)
def erase_form(contact_id: int) -> str:
    return _one(contact_id, Faults())


@people.post("/<int:contact_id>/erase")
@needs(Permission.ERASE)
def erase_person(contact_id: int) -> tuple[str, int] | AnyResponse:
    """Erase one person, whose reference was typed to show that this one is meant."""
    faults = Faults()
    method = one_of("method", METHODS, faults)
    faults.unchosen("method", method)
    if not faults:
        try:
            with application.database().transaction() as session:
                erasing.erase_one(
                    session,
                    contact_id,
                    text("confirm", longest=200),
                    sight=sight(),
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=clock.now(),
                    method=method,
                )
        except BadInput as refused:
            if refused.field == "controllers":
                faults["form"] = gettext(
                    "The person is known to other controllers too; somebody who works for all of them erases."
                )
            else:
                faults["confirm"] = gettext("This is not the reference of this person. Type it as it stands above.")
    if faults:
        return _one(contact_id, faults), 422
    done(gettext("The person's data is erased. The bans and the digests of the addresses stay."))
    return to_person(contact_id)


def _one(contact_id: int, faults: Faults) -> str:
    with application.database().reading() as session:
        person = person_of(session, contact_id, sight(), clock.now())
        if person.erased:
            raise NotFound("the contact is erased")
        stays = erasing.what_stays(session, [person.contact.id])
    audited("contact", person.contact.id, {"form": "erase"})
    return page(
        "erase_one",
        person=person,
        stays=stays,
        faults=faults,
        given=request.form,
        methods=choices("desk_method", METHODS),
    )


# --- refusing one -----------------------------------------------------------------------------------------------------


@people.get("/<int:contact_id>/refuse-erasure")
@needs(Permission.ERASE)
def refusal_form(contact_id: int) -> str:
    return reading(contact_id, lambda form: _refusal_page(form, now_fields()))


@people.post("/<int:contact_id>/refuse-erasure")
@needs(Permission.ERASE)
def refuse_erasure(contact_id: int) -> tuple[str, int] | AnyResponse:
    """Take down that the person was answered: their wish to be erased is refused, on one of the law's grounds."""
    with application.database().transaction() as session:
        form = Form(present(session, contact_id), session)
        answer = _read_refusal(form)
        if answer is not None:
            try:
                refusing.refuse(
                    session, form.person, answer, keys=application.address_keys(), actor=actor().name, now=form.now
                )
            except BadInput as refused:
                _say(form.faults, refused)
        if form.faults:
            return _refusal_page(form, request.form), 422
    done(gettext("The refusal is recorded. What is sent to the person does not change."))
    return to_person(contact_id)


#: What the page says where the answer does not fit: the field it stands at, and the sentence.
_REFUSED: Final = {
    "form": ("form", _("No request waits: it has been answered already.")),
    "extended": ("form", _("The time to answer has been extended already. The law lets it be extended once.")),
    "day_before": ("day", _("The answer was given before the request came.")),
    "late": ("day", _("The first month had passed by then: the time to answer can no longer be extended.")),
    "wish": ("controller", _("The request was made to another controller, or to all of them.")),
}


def _say(faults: Faults, refused: BadInput) -> None:
    if refused.field in _REFUSED:
        field, sentence = _REFUSED[refused.field]
        faults[field] = str(sentence)
    else:
        faults.refused(refused.field)


class _Answer(NamedTuple):
    """What both answers say: for which controller (None: all), on which day, and by which way it was given."""

    controller: str | None
    day: date
    hour: time | None
    method: ConsentMethod


def _read_answer(form: Form) -> _Answer | None:
    """That part of the form; None where something must be mended first."""
    faults = form.faults
    allowed = [key for key, _name in controller_choices(controllers_seen(form.session), all_of_them=True)]
    controller = one_of("controller", allowed, faults) or (allowed[0] if len(allowed) == 1 else None)
    faults.unchosen("controller", controller)
    day = day_of("day", faults)
    if "day" not in faults:
        faults.missing("day", day)
    hour = hour_of("hour", faults)
    method = one_of("method", METHODS, faults)
    faults.unchosen("method", method)
    if faults or controller is None or day is None or method is None:
        return None
    return _Answer(None if controller == "*" else controller, day, hour, method)


def _read_refusal(form: Form) -> Refusal | None:
    """The answer as the form tells it; None where something must be mended first."""
    answer = _read_answer(form)
    ground = one_of("ground", REFUSAL_GROUNDS, form.faults)
    form.faults.unchosen("ground", ground)
    sentence = text("reason", longest=refusing.LONGEST)
    if form.faults or answer is None or ground is None:
        return None
    return Refusal(**answer._asdict(), ground=ground, sentence=sentence)


def _refusal_page(form: Form, given: Mapping[str, str]) -> str:
    if form.person.erasure is None and not form.faults:
        raise NotFound("no wish to be erased waits for an answer")
    return _answer_page(
        "refuse_erasure",
        form,
        given,
        grounds=choices("refusal_reason", REFUSAL_GROUNDS),
        longest=refusing.LONGEST,
    )


def _answer_page(name: str, form: Form, given: Mapping[str, str], **more: object) -> str:
    person = form.person
    offered = controller_choices(controllers_seen(form.session), all_of_them=True)
    wished = person.erasure.controller if person.erasure is not None else None
    audited("contact", person.contact.id, {"form": name})
    return page(
        name,
        person=person,
        faults=form.faults,
        given=given,
        controllers=offered,
        controller=given.get("controller") or wished or offered[0][0],
        methods=choices("desk_method", METHODS),
        **more,
    )


# --- taking longer ----------------------------------------------------------------------------------------------------


@people.get("/<int:contact_id>/extend-erasure")
@needs(Permission.ERASE)
def extension_form(contact_id: int) -> str:
    return reading(contact_id, lambda form: _extension_page(form, now_fields()))


@people.post("/<int:contact_id>/extend-erasure")
@needs(Permission.ERASE)
def extend_erasure(contact_id: int) -> tuple[str, int] | AnyResponse:
    """Take down that the person was told, within the first month, that the answer takes two months more, and why."""
    with application.database().transaction() as session:
        form = Form(present(session, contact_id), session)
        told = _read_extension(form)
        if told is not None:
            try:
                extending.extend(
                    session, form.person, told, keys=application.address_keys(), actor=actor().name, now=form.now
                )
            except BadInput as refused:
                _say(form.faults, refused)
        if form.faults:
            return _extension_page(form, request.form), 422
    done(gettext("The extension is recorded. What is sent to the person does not change."))
    return to_person(contact_id)


def _read_extension(form: Form) -> Extension | None:
    answer = _read_answer(form)
    reason = text("reason", longest=extending.LONGEST)
    form.faults.missing("reason", reason)
    if form.faults or answer is None:
        return None
    return Extension(**answer._asdict(), reason=reason)


def _extension_page(form: Form, given: Mapping[str, str]) -> str:
    asked = form.person.erasure
    if (asked is None or asked.extended is not None) and not form.faults:
        raise NotFound("no wish to be erased waits whose time to answer can be extended")
    until = answer_due(asked.on, extended=True) if asked is not None else None
    return _answer_page("extend_erasure", form, given, until=until, longest=extending.LONGEST)


# --- many -------------------------------------------------------------------------------------------------------------


@people.get("/erase")
@needs(Permission.ERASE)
def erase_many() -> str:
    return _many(Faults())


@people.post("/erase")
@needs(Permission.ERASE)
@takes_up_to(_LARGEST)
def list_for_erasure() -> tuple[str, int] | AnyResponse:
    """Find the people of a pasted list or of a file; the next page shows how many, and who is not found."""
    faults = Faults()
    try:
        names = erasing.names_in(_text_given())
        with application.database().transaction() as session:
            found = erasing.keep_list(
                session, names, sight=sight(), keys=application.address_keys(), actor=actor().name, now=clock.now()
            )
    except BadInput:
        faults["names"] = gettext(
            "Give between 1 and 50,000 references or addresses, one a line, as text or as a table."
        )
        return _many(faults), 422
    return redirect(url_for("people.erasure", list_id=found.id), 303)


def _text_given() -> str:
    """What was pasted, or the first column of the file. Raises ``BadInput`` where it cannot be read."""
    given = request.files.get("list")
    if given is None or not given.filename:
        return request.form.get("names", "")
    from consentmgr.kit.tabular import read_table

    content = given.stream.read()
    if not content.strip():
        raise BadInput("the file is empty", field="names")
    table = read_table(BytesIO(content), name=given.filename, keep_going=True)
    (first,) = table.trimmed([0])
    # The heading of a column is no name of anybody; where the file has none its first line is one.
    return "\n".join([table.columns[0], *(str(cell or "") for cell in first.to_pylist())])


def _many(faults: Faults) -> str:
    with application.database().reading() as session:
        asked = erasing.lists(session, sight=sight())
        names = names_of(session, {one.created_by for one in asked})
    return page("erase_many", faults=faults, asked=asked, names=names, most=erasing.MOST)


@people.get("/erase/<uuid:list_id>")
@needs(Permission.ERASE)
def erasure(list_id: UUID) -> str:
    """A list: how many it would erase and what stays; then that it waits; then how far it is."""
    return _list_page(list_id, Faults())


def _list_page(list_id: UUID, faults: Faults) -> str:
    with application.database().reading() as session:
        found = erasing.list_of(session, list_id, sight=sight())
        stays = erasing.what_stays(session, found.contact_ids) if found.task is None else None
        approval = approvals.approval_of(session, found.approval) if found.approval is not None else None
        task = task_of(session, found.task) if found.task is not None else None
        names = names_of(session, {found.created_by})
    return page(
        "erasure",
        found=found,
        stays=stays,
        approval=approval,
        task=task,
        faults=faults,
        names=names,
        own=found.created_by == actor().name,
    )


@people.get("/erase/<uuid:list_id>/progress")
@needs(Permission.ERASE)
def erasure_progress(list_id: UUID) -> Response:
    """The part of the page that moves; when all is done it sends the browser to the page itself."""
    with application.database().reading() as session:
        found = erasing.list_of(session, list_id, sight=sight())
        task = task_of(session, found.task) if found.task is not None else None
    place = url_for("people.erasure", list_id=list_id)
    if request.headers.get("HX-Request") != "true":
        return make_response(redirect(place, 303))
    if task is None or task.is_over:
        response = make_response("", 200)
        response.headers["HX-Redirect"] = place
        return response
    return make_response(page("erasure_progress", found=found, task=task))


@people.post("/erase/<uuid:list_id>")
@needs(Permission.ERASE)
def ask_for_erasure(list_id: UUID) -> tuple[str, int] | AnyResponse:
    """Ask for the second person."""
    faults = Faults()
    try:
        with application.database().transaction() as session:
            erasing.ask(
                session,
                list_id,
                reason=text("reason", longest=1_000),
                sight=sight(),
                actor=actor().name,
                now=clock.now(),
            )
    except BadInput as refused:
        faults.refused(refused.field)
        return _list_page(list_id, faults), 422
    done(gettext("Asked for. Another person decides under Second person; nothing is erased before."))
    return redirect(url_for("people.erasure", list_id=list_id), 303)

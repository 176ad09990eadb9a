"""The browser door of what people say: consents, objections, bans and legal bases taken down, bans lifted.

Each form goes in two steps: first what would change is shown, then it is recorded. A file attached with the first step
waits for the second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, request
from flask_babel import gettext
from sqlalchemy import cast as sql_cast
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.edge import application
from consentmgr.edge.filters import day, moment
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people import attachments, lifting
from consentmgr.people.desk import (
    Faults,
    choices,
    day_of,
    done,
    hour_of,
    in_words,
    kept_fields,
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
    uuid_of,
    word,
)
from consentmgr.people.lifting import Word
from consentmgr.people.previewing import Preview, preview
from consentmgr.people.reading import Person, address_of, names_of_controllers, person_of
from consentmgr.people.recording import (
    BAN_SOURCES,
    CONSENTS,
    KINDS,
    LIFTINGS,
    METHODS,
    STOPS,
    UNSCOPED,
    Act,
    Kind,
    NewBan,
    add_ban,
    moment_of,
    record,
    tag,
)
from consentmgr.register.models import Notice, ProcessingPurpose, text_array
from consentmgr.staff.access import actor, may, needs, takes_up_to
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import CHANNELS, PLATFORMS, PURPOSES, GivenBy, LegalBasis
from consentmgr.vocabulary.documents import PostalAddress, ProhibitionTarget

#: A file and the form around it.
_LARGEST = attachments.LARGEST + 500_000
_GIVEN_BY: tuple[GivenBy, ...] = ("self", "representative", "unverified")


@dataclass(slots=True)
class _Form:
    """What a form is shown with, and what came of reading it."""

    person: Person
    session: Session
    faults: Faults = field(default_factory=Faults)
    file_id: UUID | None = None
    file_name: str | None = None
    sha256: str | None = None

    @property
    def now(self) -> datetime:
        return clock.now()

    def when(self, *, stops: bool) -> datetime:
        day = day_of("day", self.faults) or local_date(self.now)
        hour = hour_of("hour", self.faults)
        try:
            return moment_of(day, hour, stops=stops, now=self.now)
        except BadInput as refused:
            self.faults.refused(refused.field)
            return self.now


def _controllers(session: Session) -> dict[str, str]:
    return names_of_controllers(session, sight())


def _controller_choices(controllers: dict[str, str], *, all_of_them: bool) -> list[tuple[str, str]]:
    """Those whoever is signed in works for; all at once only for those who work for all."""
    shown = list(controllers.items())
    if all_of_them and sight().controllers is None and len(shown) > 1:
        shown.insert(0, ("*", gettext("All controllers")))
    return shown


def _attach(form: _Form) -> None:
    """Take the file that came with the form, or find the one that came with its first step."""
    given = request.files.get("attachment")
    if given is not None and given.filename:
        try:
            with application.database().transaction() as session:
                stored = attachments.attach(
                    session,
                    attachments.store_of(application.settings()),
                    given.stream,
                    name=given.filename,
                    contact_id=form.person.contact.id,
                    actor=actor().name,
                    now=form.now,
                )
        except BadInput:
            form.faults["attachment"] = gettext("The file is empty, or larger than 10 MB.")
            return
        form.file_id, form.file_name, form.sha256 = stored.id, stored.name, stored.sha256
    elif (file_id := uuid_of("file")) is not None:
        row = attachments.waiting(form.session, file_id, contact_id=form.person.contact.id, actor=actor().name)
        form.file_id, form.file_name, form.sha256 = row.id, row.name, row.sha256


def _preview_page(form: _Form, title: str, shown: Preview, facts: Sequence[tuple[str, str]]) -> str:
    """What would change, and the form again as hidden fields."""
    kept = [(name, value) for name, value in kept_fields() if name != "file"]
    if form.file_id is not None:
        kept.append(("file", str(form.file_id)))
    return page(
        "preview",
        person=form.person,
        title=title,
        preview=shown,
        facts=[(name, value) for name, value in facts if value]
        + ([(gettext("Attachment"), form.file_name)] if form.file_name else []),
        kept=kept,
    )


def _step() -> str:
    """Which button was pressed: preview, record, or change (the form again)."""
    step = request.form.get("do", "preview")
    if step not in ("preview", "record", "change"):
        abort(400)
    return step


def _present(session: Session, contact_id: int) -> Person:
    """The person, to say something of. Of one who was erased nothing new is taken down."""
    person = person_of(session, contact_id, sight(), clock.now())
    if person.erased:
        raise NotFound("the contact is erased")
    return person


def _reading(contact_id: int, render: Callable[[_Form], str]) -> str:
    with application.database().reading() as session:
        return render(_Form(_present(session, contact_id), session))


# --- consents, withdrawals, objections, restrictions ------------------------------------------------------------------


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
    return _reading(contact_id, lambda form: _act_page(form, chosen, request.args.get("notice"), now_fields()))


@people.post("/<int:contact_id>/record/<kind>")
@needs(Permission.RECORD_ACTS)
@takes_up_to(_LARGEST)
def record_act(contact_id: int, kind: str) -> str | tuple[str, int] | AnyResponse:
    chosen, step = _kind(kind), _step()
    with application.database().transaction() as session:
        person = _present(session, contact_id)
        form = _Form(person, session)
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
                    return _preview_page(form, word("event", chosen), shown, _told_act(act, controllers))
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


def _record(form: _Form, act: Act) -> bool:
    return record(
        form.session, form.person.contact.ref, act, keys=application.address_keys(), actor=actor().name, now=form.now
    )


def _read_act(form: _Form, kind: Kind) -> tuple[Act, dict[str, str]]:
    faults = form.faults
    controllers = _controllers(form.session)
    scoped = kind not in UNSCOPED
    allowed = [key for key, _ in _controller_choices(controllers, all_of_them=kind not in CONSENTS)]
    controller = one_of("controller", allowed, faults) or (allowed[0] if len(allowed) == 1 else None)
    faults.missing("controller", controller)
    method = one_of("method", METHODS, faults)
    faults.missing("method", method)
    topics = [key for key, row in form.person.topics.items() if controller in ("*", row.controller)]
    notice = text("notice") if kind in CONSENTS else ""
    if kind in CONSENTS:
        _notice(form, notice)
    _attach(form)
    return (
        Act(
            kind=kind,
            at=form.when(stops=kind in STOPS),
            controller=None if controller == "*" else controller,
            method=method or "phone",
            given_by=one_of("given_by", _GIVEN_BY, faults) or "self",
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


def _notice(form: _Form, named: str) -> Notice | None:
    """The notice of this name, where it is of the reader's controllers."""
    for row in _notices(form.session, list(_controllers(form.session))):
        if f"{row.key}/{row.version}/{row.language}" == named:
            return row
    form.faults.refused("notice")
    return None


def _act_page(form: _Form, kind: Kind, notice: str | None, given: Any, *, faults: Faults | None = None) -> str:
    controllers = _controllers(form.session)
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
        controllers=_controller_choices(controllers, all_of_them=kind not in CONSENTS),
        channels=choices("channel", chosen.channels if chosen is not None else CHANNELS),
        purposes=choices("purpose", chosen.purposes if chosen is not None else PURPOSES),
        audiences=choices("platform", chosen.audiences if chosen is not None else ()),
        topics=[
            (key, in_words(row.names, key))
            for key, row in form.person.topics.items()
            if chosen is None or not chosen.topics or key in chosen.topics
        ],
        methods=choices("desk_method", METHODS),
        given_by=choices("given_by", _GIVEN_BY if kind in STOPS else _GIVEN_BY[:2]),
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


# --- bans -------------------------------------------------------------------------------------------------------------


@people.get("/<int:contact_id>/ban")
@needs(Permission.RECORD_ACTS)
def ban_form(contact_id: int) -> str:
    return _reading(contact_id, lambda form: _ban_page(form, now_fields()))


@people.post("/<int:contact_id>/ban")
@needs(Permission.RECORD_ACTS)
@takes_up_to(_LARGEST)
def record_ban(contact_id: int) -> str | tuple[str, int] | AnyResponse:
    step = _step()
    with application.database().transaction() as session:
        person = _present(session, contact_id)
        form = _Form(person, session)
        if step == "change":
            return _ban_page(form, request.form)
        ban = _read_ban(form)
        if ban is not None and not form.faults:
            try:
                if step == "preview":
                    shown = preview(
                        session, person.contact.id, lambda: _add_ban(form, ban), sight=sight(), now=form.now
                    )
                    return _preview_page(form, gettext("A ban"), shown, _told_ban(form, ban))
                _, new = _add_ban(form, ban)
            except BadInput as refused:
                form.faults.refused(refused.field)
        if ban is None or form.faults:
            return _ban_page(form, request.form, faults=form.faults), 422
        if form.file_id is not None:
            attachments.use(session, form.file_id, now=form.now)
    done(gettext("The ban holds from now on.") if new else gettext("That ban was there already."))
    return to_person(contact_id)


def _add_ban(form: _Form, ban: NewBan) -> tuple[int, bool]:
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


def _read_ban(form: _Form) -> NewBan | None:
    faults = form.faults
    controllers = _controllers(form.session)
    allowed = [key for key, _ in _controller_choices(controllers, all_of_them=True)]
    controller = one_of("controller", allowed, faults) or (allowed[0] if len(allowed) == 1 else None)
    faults.missing("controller", controller)
    targets = _targets(form.person)
    target = one_of("target", targets, faults)
    faults.missing("target", target)
    source = one_of("source", BAN_SOURCES, faults)
    faults.missing("source", source)
    method = one_of("method", METHODS, faults)
    faults.missing("method", method)
    topics = [key for key, row in form.person.topics.items() if controller in ("*", row.controller)]
    _attach(form)
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


def _told_ban(form: _Form, ban: NewBan) -> list[tuple[str, str]]:
    controllers = _controllers(form.session)
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


def _ban_page(form: _Form, given: Any, *, faults: Faults | None = None) -> str:
    controllers = _controllers(form.session)
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
        controllers=_controller_choices(controllers, all_of_them=True),
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
    return _reading(contact_id, lambda form: _lift_page(form, ban_id, now_fields()))


@people.post("/<int:contact_id>/lift/<int:ban_id>")
@needs(Permission.LIFT_BANS)
@takes_up_to(_LARGEST)
def lift_ban(contact_id: int, ban_id: int) -> str | tuple[str, int] | AnyResponse:
    """One ban, by the person's word. Many at once are lifted from the list of bans, by two people."""
    step = _step()
    with application.database().transaction() as session:
        person = _present(session, contact_id)
        form = _Form(person, session)
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
                    return _preview_page(form, gettext("Lifting a ban"), shown, _told_word(ban_id, given))
                _lift(form, ban_id, given)
            except BadInput as refused:
                form.faults.refused(refused.field)
        if given is None or form.faults:
            return _lift_page(form, ban_id, request.form, faults=form.faults), 422
        if form.file_id is not None:
            attachments.use(session, form.file_id, now=form.now)
    done(gettext("The ban is lifted."))
    return to_person(contact_id)


def _read_word(form: _Form) -> Word | None:
    faults = form.faults
    method = one_of("method", METHODS, faults)
    reason = text("reason")
    faults.missing("method", method)
    faults.missing("reason", reason)
    _attach(form)
    given_by = one_of("given_by", _GIVEN_BY[:2], faults) or "self"
    at = form.when(stops=False)
    if method is None or not reason:
        return None
    return Word(at=at, method=method, reason=reason, given_by=given_by, attachment_sha256=form.sha256)


def _lift(form: _Form, ban_id: int, given: Word) -> list[int]:
    return lifting.lift(
        form.session,
        form.person.contact.id,
        ban_id,
        given,
        keys=application.address_keys(),
        actor=actor().name,
        now=form.now,
    )


def _told_word(ban_id: int, given: Word) -> list[tuple[str, str]]:
    return [
        (gettext("Ban"), f"P{ban_id}"),
        (gettext("When"), moment(given.at)),
        (gettext("How"), word("desk_method", given.method)),
        (gettext("Said by"), word("given_by", given.given_by)),
        (gettext("Reason"), given.reason),
    ]


def _lift_page(form: _Form, ban_id: int, given: Any, *, faults: Faults | None = None) -> str:
    shown = next((one for one in form.person.bans if one.ban.id == ban_id), None)
    if shown is None:
        raise NotFound("there is no such ban on this person")
    return page(
        "lift",
        person=form.person,
        shown=shown,
        given=given,
        methods=choices("desk_method", METHODS),
        given_by=choices("given_by", _GIVEN_BY[:2]),
        faults=faults or {},
        file=form.file_id or given.get("file"),
        file_name=form.file_name,
    )


# --- legal bases ------------------------------------------------------------------------------------------------------

_BASES: tuple[LegalBasis, ...] = (
    "contract", "legal_obligation", "legitimate_interests", "public_task", "vital_interests", "consent",
)  # fmt: skip


@people.get("/<int:contact_id>/basis")
@needs(Permission.RECORD_ACTS)
def basis_form(contact_id: int) -> str:
    """The form of a new tag, or with ``controller``, ``purpose`` and ``basis`` of the end of one."""
    return _reading(contact_id, lambda form: _basis_page(form, request.args))


@people.post("/<int:contact_id>/basis")
@needs(Permission.RECORD_ACTS)
def record_basis(contact_id: int) -> str | tuple[str, int] | AnyResponse:
    with application.database().transaction() as session:
        person = _present(session, contact_id)
        form = _Form(person, session)
        faults = form.faults
        purposes = _purposes(session)
        controller = one_of("controller", _controllers(session), faults)
        purpose = text("purpose", longest=200)
        basis = one_of("basis", _BASES, faults)
        since, until = day_of("since", faults), day_of("until", faults)
        faults.missing("controller", controller)
        faults.missing("purpose", purpose)
        faults.missing("basis", basis)
        known = next((row for row in purposes if (row.controller, row.key) == (controller, purpose)), None)
        held = next(
            (
                one
                for one in person.bases
                if (one.tag.controller, one.tag.purpose, one.tag.basis) == (controller, purpose, basis)
            ),
            None,
        )
        reference = text("reference", longest=200) or (known.balancing_test if known is not None else None) or ""
        if basis == "legitimate_interests" and not reference and held is None:
            faults["reference"] = gettext("A legitimate interest needs its balancing test: give the reference of it.")
        new = False
        if not faults and controller is not None and basis is not None:
            try:
                new = tag(
                    session,
                    person.contact.ref,
                    controller=controller,
                    purpose=purpose,
                    basis=basis,
                    since=since or (None if held is not None else local_date(form.now)),
                    until=until,
                    reference=reference or None,
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=form.now,
                )
            except BadInput as refused:
                faults.refused((refused.field or "").rpartition(".")[2])
        if faults:
            return _basis_page(form, request.form, faults=faults), 422
    done(gettext("The legal basis is recorded.") if new else gettext("That is what was there; nothing was added."))
    return to_person(contact_id)


def _purposes(session: Session) -> list[ProcessingPurpose]:
    rows = session.scalars(select(ProcessingPurpose).order_by(ProcessingPurpose.controller, ProcessingPurpose.key))
    return [row for row in rows if sight().sees(row.controller)]


def _basis_page(form: _Form, given: Any, *, faults: Faults | None = None) -> str:
    return page(
        "basis",
        person=form.person,
        given=given,
        ending=request.args.get("end") == "1" or given.get("end") == "1",
        controllers=list(_controllers(form.session).items()),
        purposes=_purposes(form.session),
        bases=choices("legal_basis", _BASES),
        faults=faults or {},
    )

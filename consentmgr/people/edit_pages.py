"""The browser door of what the register holds of a person: added, mended, merged; proposals decided; their own link."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, request
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.audit import service as audit
from consentmgr.edge import application
from consentmgr.importing.merging import merge
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.people import editing
from consentmgr.people.desk import (
    Faults,
    choices,
    day_of,
    done,
    one_of,
    page,
    people,
    sight,
    some_of,
    text,
    ticked,
    to_person,
)
from consentmgr.people.editing import CLEARABLE, Details, NewPoint
from consentmgr.people.own_link import mail_link, mint_link
from consentmgr.people.previewing import may_merge, preview_merge
from consentmgr.people.reading import Person, id_of_ref, names_of_controllers, person_of
from consentmgr.people.search import Found, find
from consentmgr.preferences.proposals import decide, proposal_of
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import LANGUAGES, PointKind, PointUse
from consentmgr.vocabulary.countries import COUNTRIES
from consentmgr.vocabulary.documents import PostalAddress

_USES: tuple[PointUse, ...] = ("private", "work", "generic", "contact_address", "unknown")
_POST = ("street", "apartment", "postal_code", "city", "country")


# --- adding and mending -----------------------------------------------------------------------------------------------


@people.get("/new")
@needs(Permission.RECORD_ACTS)
def new_form() -> str:
    with application.database().reading() as session:
        return _details_page(session, None, {})


@people.post("/new")
@needs(Permission.RECORD_ACTS)
def add_contact() -> str | tuple[str, int] | AnyResponse:
    """A new contact; who might be the same person already is shown first."""
    faults, now = Faults(), clock.now()
    with application.database().transaction() as session:
        details = _read_details(session, faults)
        known = Found()
        if not faults:
            known = _known(session, details)
            if known.hits and not ticked("another_person"):
                return _details_page(session, None, request.form, known=known), 422
            try:
                ref = editing.add(
                    session,
                    details,
                    ref=text("ref", longest=200) or None,
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=now,
                    today=local_date(now),
                )
            except BadInput as refused:
                faults.refused(refused.field)
        if faults:
            return _details_page(session, None, request.form, faults=faults), 422
        contact_id = id_of_ref(session, ref, sight())
    done(gettext("The contact is in the register."))
    return to_person(contact_id)


def _known(session: Session, details: Details) -> Found:
    """Who has one of the addresses, or else the very name."""
    for point in details.points:
        typed = point.value
        if point.postal is not None:
            typed = f"{point.postal.street} {point.postal.apartment or ''}, {point.postal.postal_code}"
        found = find(session, typed, sight=sight(), keys=application.address_keys(), limit=5)
        if any(hit.way == "address" for hit in found.hits):
            return Found(tuple(hit for hit in found.hits if hit.way == "address"))
    if details.given_name and details.family_name:
        found = find(
            session,
            f"{details.given_name} {details.family_name}",
            sight=sight(),
            keys=application.address_keys(),
            limit=5,
        )
        return Found(tuple(hit for hit in found.hits if hit.way == "name"))
    return Found()


@people.get("/<int:contact_id>/edit")
@needs(Permission.RECORD_ACTS)
def edit_form(contact_id: int) -> str:
    with application.database().reading() as session:
        person = person_of(session, contact_id, sight(), clock.now())
        _audit_reading(person)
        return _details_page(session, person, {})


@people.post("/<int:contact_id>/edit")
@needs(Permission.RECORD_ACTS)
def change_contact(contact_id: int) -> str | tuple[str, int] | AnyResponse:
    """What was filled in is mended; what was left blank stays as it is."""
    faults, now = Faults(), clock.now()
    with application.database().transaction() as session:
        person = person_of(session, contact_id, sight(), now)
        if person.erased:
            raise NotFound("nothing is held of the contact that could be mended")
        details = _read_details(session, faults)
        changed = False
        if not faults:
            try:
                changed = editing.change(
                    session,
                    person.contact.ref,
                    details,
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=now,
                    today=local_date(now),
                )
            except BadInput as refused:
                faults.refused(refused.field)
        if faults:
            return _details_page(session, person, request.form, faults=faults), 422
    done(gettext("The changes are saved.") if changed else gettext("Nothing was changed."))
    return to_person(contact_id)


def _read_details(session: Session, faults: Faults) -> Details:
    country = text("country", longest=2).upper()
    if country and country not in COUNTRIES:
        faults["country"] = gettext(
            "There is no country with these letters. Enter the two letters of the country, such as FI or SE."
        )
    postal = {name: text(f"post_{name}", longest=200) for name in _POST}
    kinds: tuple[PointKind, ...] = ("email", "phone")
    points = [_point(kind, faults, value=value) for kind in kinds if (value := text(kind, longest=320))]
    if any(postal[name] for name in ("street", "postal_code", "city")):
        address = PostalAddress(**{name: value or None for name, value in postal.items()})
        points.append(_point("post", faults, postal=address))
    return Details(
        given_name=text("given_name", longest=200) or None,
        family_name=text("family_name", longest=200) or None,
        language=one_of("language", LANGUAGES, faults),
        country=country or None,
        municipality=text("municipality", longest=100) or None,
        born_on=day_of("born_on", faults),
        deceased_on=day_of("deceased_on", faults),
        non_disclosure=ticked("non_disclosure"),
        controllers=some_of("controllers", names_of_controllers(session, sight()), faults),
        points=tuple(points),
        clear=some_of("clear", CLEARABLE, faults),
    )


def _point(kind: PointKind, faults: Faults, *, value: str = "", postal: PostalAddress | None = None) -> NewPoint:
    return NewPoint(
        kind=kind,
        value=value,
        postal=postal,
        use=one_of(f"{kind}_use", _USES, faults) or "unknown",
        organisation=text(f"{kind}_organisation", longest=200) or None,
        source=text(f"{kind}_source", longest=60) or None,
        verified_on=day_of(f"{kind}_verified_on", faults),
        informed_on=day_of(f"{kind}_informed_on", faults),
    )


def _details_page(
    session: Session, person: Person | None, given: Any, *, faults: Faults | None = None, known: Found | None = None
) -> str:
    controllers = names_of_controllers(session, sight())
    chosen = given.getlist("controllers") if hasattr(given, "getlist") else []
    if person is None and not given and len(controllers) == 1:
        chosen = list(controllers)
    return page(
        "details",
        person=person,
        given=given,
        faults=faults or {},
        known=known,
        controllers=[
            (key, name) for key, name in controllers.items() if person is None or key not in person.contact.controllers
        ],
        chosen=chosen,
        languages=choices("language", LANGUAGES),
        uses=choices("point_use", _USES),
        clearable=choices("field", [f"contact.{name}" for name in CLEARABLE]),
    )


def _audit_reading(person: Person) -> None:
    with application.database().transaction() as session:
        audit.read(
            session, at=clock.now(), actor=actor().name, object=f"contact:{person.contact.id}", detail={"form": "edit"}
        )


# --- proposals --------------------------------------------------------------------------------------------------------


@people.post("/<int:contact_id>/proposals/<int:proposal_id>")
@needs(Permission.RECORD_ACTS)
def decide_proposal(contact_id: int, proposal_id: int) -> AnyResponse:
    """Accept or reject what somebody asked for."""
    do = request.form.get("do")
    if do not in ("accept", "reject"):
        abort(400)
    with application.database().transaction() as session:
        person = person_of(session, contact_id, sight(), clock.now())
        found = proposal_of(session, proposal_id)
        if found.contact_id != person.contact.id or not sight().sees(found.controller):
            raise NotFound("there is no such proposal")
        try:
            decide(
                session,
                proposal_id,
                accept=do == "accept",
                actor=actor().name,
                now=clock.now(),
                note=text("note") or None,
                keys=application.address_keys(),
            )
        except BadInput:
            session.rollback()
            flash(gettext("It has been decided already, or cannot be done."), "fault")
            return to_person(contact_id)
    done(gettext("Accepted; it is done.") if do == "accept" else gettext("Rejected; nothing was changed."))
    return to_person(contact_id)


# --- merging ----------------------------------------------------------------------------------------------------------


@people.get("/<int:contact_id>/merge")
@needs(Permission.MERGE)
def merge_form(contact_id: int) -> str:
    with application.database().reading() as session:
        person = person_of(session, contact_id, sight(), clock.now())
        return page("merge", person=person, given={}, faults={}, preview=None)


@people.post("/<int:contact_id>/merge")
@needs(Permission.MERGE)
def merge_contacts(contact_id: int) -> str | tuple[str, int] | AnyResponse:
    """Show what a merge would make of both, then merge. The person of the page is the one that stays."""
    faults, now = Faults(), clock.now()
    ref, reason = text("ref", longest=200), text("reason", longest=500)
    faults.missing("ref", ref)
    faults.missing("reason", reason)
    with application.database().transaction() as session:
        person = person_of(session, contact_id, sight(), now)
        into = person.contact.ref
        if not faults:
            try:
                other = person_of(session, id_of_ref(session, ref, sight()), sight(), now)
                may_merge(sight(), person, other)
                if request.form.get("do") != "merge":
                    shown = preview_merge(
                        session,
                        ref,
                        into,
                        reason=reason,
                        sight=sight(),
                        keys=application.address_keys(),
                        actor=actor().name,
                        now=now,
                    )
                    audit.read(
                        session,
                        at=now,
                        actor=actor().name,
                        object=f"contact:{other.contact.id}",
                        detail={"form": "merge"},
                    )
                    return page("merge", person=person, given=request.form, faults={}, preview=shown)
                merge(session, ref, into, reason=reason, keys=application.address_keys(), actor=actor().name, now=now)
            except (BadInput, NotFound) as refused:
                faults["ref"] = _merge_fault(refused)
        if faults:
            return page("merge", person=person, given=request.form, faults=faults, preview=None), 422
    done(gettext("The two are one. Every ban and objection of either holds."))
    return to_person(contact_id)


def _merge_fault(error: BadInput | NotFound) -> str:
    sentences: dict[str, str] = {
        "": gettext("There is no contact of this reference."),
        "born_on": gettext("The two have different dates of birth. Correct one first, or leave them apart."),
        "contact": gettext("One of the two has been merged or erased already."),
        "into": gettext("These two cannot be merged here: they are one already, or other controllers' too."),
    }
    otherwise: str = gettext("These two cannot be merged. Check the other contact's reference.")
    return sentences.get("" if isinstance(error, NotFound) else error.field or "ref", otherwise)


# --- the person's own link --------------------------------------------------------------------------------------------


@people.post("/<int:contact_id>/link")
@needs(Permission.RECORD_ACTS)
def own_link(contact_id: int) -> str | AnyResponse:
    """The link to the person's own choices: mailed to them, or shown to be read out. Both are audited."""
    now = clock.now()
    faults = Faults()
    with application.database().transaction() as session:
        person = person_of(session, contact_id, sight(), now)
        controller = one_of("link_controller", names_of_controllers(session, sight()), faults)
        if controller is None or person.erased:
            abort(400)
        point = next(
            (one for one in person.points if one.kind == "email" and str(one.id) == text("point")),
            None,
        )
        mailed = request.form.get("do") == "mail"
        if mailed and point is None:
            abort(400)
        audit.record(
            session,
            at=now,
            actor=actor().name,
            action="link_mailed" if mailed else "link_shown",
            object=f"contact:{person.contact.id}",
            detail={"controller": controller},
        )
        if mailed and point is not None:
            mail_link(
                session,
                person,
                point,
                controller=controller,
                otherwise=application.language(),
                keys=application.address_keys(),
                now=now,
            )
        else:
            link = mint_link(application.settings(), person, point, controller=controller)
    if mailed:
        done(gettext("The link is on its way to the person's own address."))
        return to_person(contact_id)
    return page("link", person=person, link=link, controller=controller)

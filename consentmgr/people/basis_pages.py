"""The browser door of legal bases: tagged, and ended."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.edge import application
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput
from consentmgr.people.desk import (
    Faults,
    choices,
    day_of,
    done,
    one_of,
    page,
    people,
    sight,
    text,
    to_person,
)
from consentmgr.people.recording import (
    tag,
)
from consentmgr.people.taking_down import (
    Form,
    controllers_seen,
    present,
    reading,
)
from consentmgr.register.models import ProcessingPurpose
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import LegalBasis

_BASES: tuple[LegalBasis, ...] = (
    "contract", "legal_obligation", "legitimate_interests", "public_task", "vital_interests", "consent",
)  # fmt: skip


@people.get("/<int:contact_id>/basis")
@needs(Permission.RECORD_ACTS)
def basis_form(contact_id: int) -> str:
    """The form of a new tag, or with ``controller``, ``purpose`` and ``basis`` of the end of one."""
    return reading(contact_id, lambda form: _basis_page(form, request.args))


@people.post("/<int:contact_id>/basis")
@needs(Permission.RECORD_ACTS)
def record_basis(contact_id: int) -> str | tuple[str, int] | AnyResponse:
    with application.database().transaction() as session:
        person = present(session, contact_id)
        form = Form(person, session)
        faults = form.faults
        purposes = _purposes(session)
        controller = one_of("controller", controllers_seen(session), faults)
        purpose = text("purpose", longest=200)
        basis = one_of("basis", _BASES, faults)
        since, until = day_of("since", faults), day_of("until", faults)
        faults.unchosen("controller", controller)
        faults.missing("purpose", purpose)
        faults.unchosen("basis", basis)
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


def _basis_page(form: Form, given: Any, *, faults: Faults | None = None) -> str:
    return page(
        "basis",
        person=form.person,
        given=given,
        ending=request.args.get("end") == "1" or given.get("end") == "1",
        controllers=list(controllers_seen(form.session).items()),
        purposes=_purposes(form.session),
        bases=choices("legal_basis", _BASES),
        faults=faults or {},
    )

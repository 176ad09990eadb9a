"""The record of processing (GDPR 30): why data is processed, on what basis, for how long, and how that was weighed."""

from __future__ import annotations

from typing import get_args

from flask import redirect, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.catalogue.desk import (
    KEY,
    catalogue,
    choices_of,
    done,
    number_of,
    one_of,
    own_controllers,
    page,
    text,
    texts,
    told_of,
    words_of,
)
from consentmgr.catalogue.keeping import keep
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import ProcessingPurpose as StoredPurpose
from consentmgr.staff.access import actor, needs, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import LANGUAGES, LegalBasis
from consentmgr.vocabulary.documents import ProcessingPurpose

_BASES: tuple[LegalBasis, ...] = get_args(LegalBasis)


@catalogue.get("/purposes")
@needs(Permission.SEE_DASHBOARD)
def purposes() -> str:
    """The record of one's controllers."""
    with application.database().reading() as session:
        controllers = own_controllers(session)
        found = session.scalars(
            select(StoredPurpose)
            .where(StoredPurpose.controller.in_(controllers))
            .order_by(StoredPurpose.controller, StoredPurpose.key)
        ).all()
        return page("purposes", purposes=found, controllers=controllers)


@catalogue.get("/purposes/new")
@needs(Permission.CATALOGUE)
def new_purpose() -> str:
    with application.database().reading() as session:
        return _form(session, {}, None)


@catalogue.post("/purposes/new")
@needs(Permission.CATALOGUE)
def add_purpose() -> AnyResponse | tuple[str, int]:
    return _save(None, None)


@catalogue.get("/purposes/<controller>/<path:key>")
@needs(Permission.CATALOGUE)
def purpose(controller: str, key: str) -> str:
    with application.database().reading() as session:
        row = _purpose(session, controller, key)
        return _form(session, _values(row), row)


@catalogue.post("/purposes/<controller>/<path:key>")
@needs(Permission.CATALOGUE)
def change_purpose(controller: str, key: str) -> AnyResponse | tuple[str, int]:
    return _save(controller, key)


def _save(controller: str | None, key: str | None) -> AnyResponse | tuple[str, int]:
    faults, now = Faults(), clock.now()
    names = words_of("name")
    if not any(getattr(names, code) for code in LANGUAGES):
        faults["name_fi"] = gettext("Give it a name in one language at least.")
    basis = one_of("basis", _BASES, faults)
    faults.unchosen("basis", basis)
    months = number_of("retention_months", faults, largest=12_000)
    balancing = text("balancing_test", longest=20_000)
    if basis == "legitimate_interests" and not balancing:
        faults["balancing_test"] = gettext(
            "Legitimate interests need a balancing test (GDPR 6(1)(f)). Write it down here."
        )
    given_key = key or text("key", longest=100)
    if key is None and not KEY.fullmatch(given_key):
        faults["key"] = gettext("This identifier cannot be used. It may hold small letters, digits and hyphens.")
    categories, recipients = texts("data_categories"), texts("recipients")
    with application.database().transaction() as session:
        row = None if controller is None or key is None else _purpose(session, controller, key)
        whose = row.controller if row is not None else one_of("controller", own_controllers(session), faults)
        faults.unchosen("controller", whose)
        if row is None and not faults and session.get(StoredPurpose, (whose, given_key)) is not None:
            faults["key"] = gettext("This identifier is in use already.")
        if not faults and basis is not None:
            emptied = []
            if row is not None:
                given = {
                    "data_categories": categories, "recipients": recipients, "retention_months": months is not None,
                    "balancing_test": balancing,
                }  # fmt: skip
                emptied = [name for name, value in given.items() if not value and getattr(row, name) not in (None, [])]
                if any(not getattr(names, code, None) for code in row.names):
                    emptied.append("names")
            document = ProcessingPurpose(
                key=given_key,
                controller=whose,
                names=names,
                basis=basis,
                data_categories=tuple(categories),
                recipients=tuple(recipients),
                retention_months=months,
                balancing_test=balancing or None,
                clear=tuple(emptied),
            )
            try:
                keep(
                    session,
                    document,
                    object=f"processing_purpose:{whose}/{given_key}",
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=now,
                )
            except BadInput as error:
                faults[error.field or "key"] = told_of(error.field)
        if faults:
            return _form(session, request.form.to_dict(), row, faults), 422
    done(gettext("The purpose was saved."))
    return redirect(url_for("catalogue.purposes"))


def _purpose(session: Session, controller: str, key: str) -> StoredPurpose:
    require_controller(controller)
    row = session.get(StoredPurpose, (controller, key))
    if row is None:
        raise NotFound("there is no such purpose")
    return row


def _values(row: StoredPurpose) -> dict[str, object]:
    return {
        "basis": row.basis,
        "data_categories": "\n".join(row.data_categories),
        "recipients": "\n".join(row.recipients),
        "retention_months": row.retention_months,
        "balancing_test": row.balancing_test,
        **{f"name_{code}": row.names.get(code) for code in LANGUAGES},
    }


def _form(
    session: Session,
    values: dict[str, object] | dict[str, str],
    row: StoredPurpose | None,
    faults: Faults | None = None,
) -> str:
    return page(
        "purpose_form",
        purpose=row,
        values=values,
        faults=faults or Faults(),
        controllers=own_controllers(session),
        bases=choices_of("legal_basis"),
        languages=choices_of("language"),
    )

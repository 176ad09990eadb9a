"""Organisations: found, shown with what belongs to them, and changed."""

from __future__ import annotations

from typing import get_args

from flask import redirect, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.catalogue.desk import (
    PAGE,
    catalogue,
    choices_of,
    country_of,
    day_of,
    done,
    number_of,
    one_of,
    own_controllers,
    page,
    text,
    texts,
    told_of,
)
from consentmgr.catalogue.keeping import keep
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.prohibitions.listing import BanFilter, list_bans
from consentmgr.register.business_ids import canonical_business_id
from consentmgr.register.organisation_search import Place, ShownOrganisation, find_organisations, shown_organisation
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import OrganisationForm, OrganisationStatus
from consentmgr.vocabulary.documents import Organisation, OrganisationCustomer

_FORMS: tuple[OrganisationForm, ...] = get_args(OrganisationForm)
_STATUSES: tuple[OrganisationStatus, ...] = get_args(OrganisationStatus)
#: Fields of the form that may be emptied, by the field of the document.
_CLEARED = ("name", "employees", "industry", "source", "verified_on")


@catalogue.get("/organisations")
@needs(Permission.SEE_REGISTER)
def organisations() -> str:
    """The list, and what is found in it. A part of the page alone where HTMX asks for it."""
    words = request.args.get("q", "").replace("\0", "").strip()[:200]
    after = None
    if request.args.get("after", "").isdigit():
        after = Place(request.args.get("name", "").replace("\0", "")[:500], int(request.args["after"][:18]))
    with application.database().reading() as session:
        found = find_organisations(session, words, after=after, limit=PAGE + 1)
    older = None
    if len(found) > PAGE:
        last = found[PAGE - 1].place
        older = url_for("catalogue.organisations", q=words or None, name=last.name, after=last.id)
    template = "organisations_found" if request.headers.get("HX-Request") else "organisations"
    return page(template, found=found[:PAGE], words=words, older=older, begun=after is None)


@catalogue.get("/organisations/<int:number>")
@needs(Permission.SEE_REGISTER)
def organisation(number: int) -> str:
    """One organisation: who it is, its people in numbers, its domains and addresses, its bans, whose customer it is."""
    today = local_date(clock.now())
    with application.database().reading() as session:
        shown = _shown(session, number)
        names = (shown.identity, *shown.domains, *([shown.ref] if shown.ref else []))
        bans = list_bans(
            session, BanFilter(state="all", names=names), controllers=actor().controllers, today=today, limit=PAGE
        )
        controllers = own_controllers(session)
    return page("organisation", organisation=shown, bans=bans, controllers=controllers, today=today)


@catalogue.get("/organisations/new")
@needs(Permission.CATALOGUE)
def new_organisation() -> str:
    """The form of an organisation that the register does not have."""
    with application.database().reading() as session:
        return _form(own_controllers(session), {"country": "FI", "form": "unknown", "status": "active"})


@catalogue.get("/organisations/<int:number>/edit")
@needs(Permission.CATALOGUE)
def edit_organisation(number: int) -> str:
    """The form of an organisation as it stands."""
    with application.database().reading() as session:
        shown = _shown(session, number)
        return _form(own_controllers(session), _values(shown), shown)


@catalogue.post("/organisations/new")
@needs(Permission.CATALOGUE)
def add_organisation() -> AnyResponse | tuple[str, int]:
    return _save(None)


@catalogue.post("/organisations/<int:number>/edit")
@needs(Permission.CATALOGUE)
def change_organisation(number: int) -> AnyResponse | tuple[str, int]:
    return _save(number)


def _save(number: int | None) -> AnyResponse | tuple[str, int]:
    faults = Faults()
    form = one_of("form", _FORMS, faults)
    status = one_of("status", _STATUSES, faults)
    employees = number_of("employees", faults)
    verified_on = day_of("verified_on", faults)
    bought_on = day_of("last_purchase_on", faults)
    business_id, ref = text("business_id", longest=40), text("ref", longest=200)
    country = country_of("country", faults) or "FI"
    if "country" not in faults and business_id and canonical_business_id(business_id, country) is None:
        faults["business_id"] = told_of("business_id")
    if not business_id and not ref:
        faults["business_id"] = gettext("Give a business id, or an identifier of your own where there is none.")
    domains = texts("domains")
    now = clock.now()
    with application.database().transaction() as session:
        shown = None if number is None else _shown(session, number)
        controllers = own_controllers(session)
        customer_of = one_of("customer_of", controllers, faults)
        if not faults:
            emptied = [] if shown is None else [name for name in _CLEARED if getattr(shown, name) and not text(name)]
            if shown is not None and set(shown.domains) - set(domains):
                emptied.append("domains")
            document = Organisation(
                business_id=business_id or None,
                ref=ref or None,
                country=country,
                name=text("name") or None,
                form=form,
                status=status,
                employees=employees,
                domains=tuple(domains),
                industry=text("industry", longest=20) or None,
                source=text("source", longest=200) or None,
                verified_on=verified_on,
                customer_of=(
                    ()
                    if customer_of is None
                    else (
                        OrganisationCustomer(
                            controller=customer_of,
                            product_group=text("product_group", longest=200) or None,
                            last_purchase_on=bought_on,
                        ),
                    )
                ),
                clear=tuple(emptied),
            )
            if shown is not None and not _is_of(shown, document):
                # The register finds an organisation by its names; others would mean another one.
                faults["business_id"] = gettext("This is another organisation's identifier. Add it as a new one.")
            else:
                try:
                    name = f"organisation:{shown.identity}" if shown is not None else "organisation:new"
                    keep(session, document, object=name, keys=application.address_keys(), actor=actor().name, now=now)
                except BadInput as error:
                    faults[(error.field or "name").partition("[")[0]] = told_of(error.field)
        if faults:
            return _form(controllers, _given(), shown, faults), 422
        if number is None:
            found = find_organisations(session, business_id or ref, limit=1)
            number = found[0].id if found else None
    done(gettext("The organisation was saved."))
    if number is None:
        return redirect(url_for("catalogue.organisations"))
    return redirect(url_for("catalogue.organisation", number=number))


def _is_of(shown: ShownOrganisation, document: Organisation) -> bool:
    """Whether the document speaks of this organisation: it keeps what it is called by, or gets what it had not."""
    keeps_id = shown.business_id is None or document.business_id is not None
    keeps_ref = shown.ref is None or document.ref is None or document.ref == shown.ref
    number = canonical_business_id(document.business_id or "", document.country or "FI")
    same = shown.business_id is None or number == shown.business_id
    if shown.business_id is None and document.ref is None:
        return False
    return keeps_id and keeps_ref and same


def _shown(session: Session, number: int) -> ShownOrganisation:
    found = shown_organisation(session, number, controllers=actor().controllers, today=local_date(clock.now()))
    if found is None:
        raise NotFound("there is no such organisation")
    return found


def _values(shown: ShownOrganisation) -> dict[str, object]:
    names = (
        "business_id",
        "ref",
        "country",
        "name",
        "form",
        "status",
        "employees",
        "industry",
        "source",
        "verified_on",
    )
    return {**{name: getattr(shown, name) for name in names}, "domains": "\n".join(shown.domains)}


def _given() -> dict[str, object]:
    return dict(request.form.items())


def _form(
    controllers: dict[str, str],
    values: dict[str, object],
    shown: ShownOrganisation | None = None,
    faults: Faults | None = None,
) -> str:
    return page(
        "organisation_form",
        organisation=shown,
        values=values,
        faults=faults or Faults(),
        forms=choices_of("organisation_form"),
        statuses=choices_of("organisation_status"),
        controllers=controllers,
    )

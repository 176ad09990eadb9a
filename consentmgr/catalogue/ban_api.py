"""The machine door of prohibitions: added, read, and lifted by the person's own newer act, which is a scope of its own."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from flask import Response

from consentmgr.catalogue.api_schemas import (
    KEPT_PROHIBITION,
    LIFT,
    PROHIBITION,
    FilterFields,
    KeptProhibitionSchema,
    LiftingActSchema,
    ProhibitionSearchSchema,
    ProhibitionsFoundSchema,
    ProhibitionsSchema,
)
from consentmgr.edge import application
from consentmgr.edge.api import (
    ApiBlueprint,
    Page,
    bulk_schema,
    checked_etag,
    cursor,
    etag_of,
    make_page_schema,
    page_of,
    reads,
    session,
    values_of,
    writes,
)
from consentmgr.importing.api_bodies import LARGEST, MOST, body_of, take_many
from consentmgr.kit import clock
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.prohibitions import lifting
from consentmgr.prohibitions.listing import BanFilter, ListedBan, list_bans
from consentmgr.register.business_ids import names_meant
from consentmgr.staff.api_access import caller, own, require_controller, scope, takes_up_to
from consentmgr.staff.api_reading import audited
from consentmgr.staff.scopes import Scope
from consentmgr.vocabulary.documents import Prohibition

bans = ApiBlueprint(
    "api_prohibitions",
    __name__,
    description="Standing bans, whoever set them; keyed by address, so that a second contact does not escape.",
    tag="Prohibitions",
)
_MOST_FOUND: Final = 200


class ProhibitionsPage(Page, FilterFields):
    """Which prohibitions."""


def _told(one: ListedBan, today: date) -> dict[str, Any]:
    names = (
        "id", "target_kind", "target", "channels", "purposes", "topics", "source", "valid_from", "valid_until",
        "reference", "recorded_at", "lifted_at", "entry_id", "lifted_by_entry",
    )  # fmt: skip
    begun = one.valid_from is None or one.valid_from <= today
    over = one.valid_until is not None and one.valid_until < today
    return {
        **{name: getattr(one, name) for name in names},
        "controllers": [key for key in one.controllers if own(key)],
        "in_force": one.lifted_at is None and begun and not over,
    }


def _today() -> date:
    return local_date(clock.now())


@bans.route("/prohibitions")
@scope(Scope.READ_PROHIBITIONS)
@reads
@bans.arguments(ProhibitionsPage, location="query")
@bans.response(200, make_page_schema(KeptProhibitionSchema), example={"items": [KEPT_PROHIBITION], "next": None})
def list_prohibitions(page: dict[str, Any]) -> dict[str, Any]:
    """List prohibitions.

    Those that concern the key's controllers, or everybody's, the newest first. Addresses are masked: whether one is
    banned is asked of `POST /prohibitions/search`, and whether somebody may be contacted of `check`.
    """
    before = values_of(page["after"], int)[0] if page["after"] is not None else None
    if page["controller"] is not None:
        require_controller(page["controller"])
    wanted = BanFilter(
        state=page["state"],
        source=page["source"],
        target_kind=page["target_kind"],
        channel=page["channel"],
        purpose=page["purpose"],
        controller=page["controller"],
    )
    limit, today = page["limit"], _today()
    found = list_bans(session(), wanted, controllers=caller().controllers, today=today, before=before, limit=limit + 1)
    answer = page_of(
        [_told(one, today) for one in found[:limit]], cursor(found[limit - 1].id) if len(found) > limit else None
    )
    audited("prohibitions", {"shown": len(found[:limit])})
    return answer


@bans.route("/prohibitions", methods=["POST"])
@scope(Scope.ADD_PROHIBITIONS)
@takes_up_to(LARGEST)
@writes
@bans.response(
    200,
    bulk_schema(),
    example={"items": [{"index": 0, "status": "taken", "errors": []}], "taken": 1, "unchanged": 0, "refused": 0},
)
@bans.doc(requestBody=body_of(ProhibitionsSchema, {"items": [PROHIBITION]}, f"Up to {MOST:,} prohibitions."))
def add_prohibitions() -> Response:
    """Add prohibitions.

    In force when this is answered. The same document again is `unchanged`, lifts nothing and revives nothing. The target
    is exactly one of contact, e-mail, phone, post, organisation, domain or a SHA-256 of an address, and needs no contact
    in the register.
    """
    return take_many(Prohibition, "prohibitions")


@bans.route("/prohibitions/search", methods=["POST"])
@scope(Scope.READ_PROHIBITIONS)
@reads
@bans.arguments(ProhibitionSearchSchema, example={"email": "aino.virtanen@posti.example"})
@bans.response(200, ProhibitionsFoundSchema, example={"items": [KEPT_PROHIBITION]})
def search_prohibitions(asked: dict[str, str]) -> dict[str, Any]:
    """Look for prohibitions.

    Every one on an address, number, contact, organisation or domain, lifted and ended ones too; what is asked for stands
    in the body and in no address.
    """
    if len(asked) != 1:
        raise BadInput("exactly one of email, phone, contact, organisation and domain says whose", field="")
    ((way, given),) = asked.items()
    keys, today = application.address_keys(), _today()
    if way in ("email", "phone"):
        point = keys.email(given) if way == "email" else keys.phone(given)
        if point is None:
            raise BadInput("is no address that can be matched", field=way)
        found_by = {point.address_key, point.sha256_key, point.sha256_digits_key} - {None}
        wanted = BanFilter(state="all", keys=tuple(key for key in found_by if key is not None))
    elif way == "contact":
        wanted = BanFilter(state="all", target_kind="contact", names=(given.strip(),))
    else:
        name = given.strip()
        names = [canonical_domain(name) or name] if way == "domain" else names_meant(name)
        wanted = BanFilter(state="all", target_kind=way, names=tuple(names))
    found = list_bans(session(), wanted, controllers=caller().controllers, today=today, limit=_MOST_FOUND)
    answer = {"items": [_told(one, today) for one in found]}
    audited("prohibitions", {"found": [one.id for one in found]})
    return answer


def _ban(number: int) -> ListedBan:
    found = list_bans(
        session(), BanFilter(state="all", ids=(number,)), controllers=caller().controllers, today=_today(), limit=1
    )
    if not found:
        raise NotFound("there is no such prohibition")
    return found[0]


@bans.route("/prohibitions/<int(max=9223372036854775807):prohibition_id>")
@scope(Scope.READ_PROHIBITIONS)
@reads
@bans.response(200, KeptProhibitionSchema, example=KEPT_PROHIBITION)
def show_prohibition(prohibition_id: int) -> dict[str, Any]:
    """Show a prohibition.

    What it forbids, for whom, since when, and whether it was lifted; an address is masked.
    """
    answer = _told(_ban(prohibition_id), _today())
    checked_etag(etag_of(answer))
    audited(f"prohibition:{prohibition_id}")
    return answer


@bans.route("/prohibitions/<int(max=9223372036854775807):prohibition_id>/lift", methods=["POST"])
@scope(Scope.LIFT_PROHIBITIONS)
@writes
@bans.arguments(LiftingActSchema, example=LIFT)
@bans.response(200, KeptProhibitionSchema, example={**KEPT_PROHIBITION, "lifted_at": "2026-11-20T10:00:00+02:00",
                                                    "in_force": False, "lifted_by_entry": 176})  # fmt: skip
def lift_prohibition(act: dict[str, Any], prohibition_id: int) -> dict[str, Any]:
    """Lift a prohibition.

    By a newer, explicit act of the person, with its reason and what shows it. A prohibition of controllers the key is not
    for, or of all where the key is for some, is not found; one a court set is never lifted. One that was lifted before is
    answered as it stands.
    """
    found = _ban(prohibition_id)
    for controller in found.controllers or (None,):
        require_controller(controller)
    if found.lifted_at is None:
        now = clock.now()
        lifting.lift_by_act(
            session(),
            [prohibition_id],
            lifting.Act(
                at=act["at"],
                method=act["method"],
                given_by=act["given_by"],
                reason=act["reason"].strip(),
                note=act["evidence"].strip(),
                recorded_by=caller().name,
            ),
            keys=application.address_keys(),
            actor=caller().name,
            now=now,
        )
    return _told(_ban(prohibition_id), _today())

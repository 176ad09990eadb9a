"""Prohibitions: listed by scope, source and age, added one at a time, and lifted by the person's own newer act.

Addresses are masked or told by their digest. Whoever looks for one address sends it as a form, so that no web address
holds it. Lifting more bans at once than one person may is asked for here and done when a second person agrees.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, cast, get_args

from flask import redirect, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.catalogue.desk import (
    PAGE,
    audited,
    catalogue,
    choices_of,
    day_of,
    done,
    one_of,
    own_controllers,
    page,
    some_of,
    text,
    told_of,
    topics_of,
)
from consentmgr.catalogue.keeping import keep
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.clock import HELSINKI, local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.prohibitions import lifting
from consentmgr.prohibitions.listing import STATES, BanFilter, ListedBan, list_bans, target_filter
from consentmgr.prohibitions.service import LIFTED_ALONE, NEVER_LIFTED
from consentmgr.staff.access import actor, needs, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import CHANNELS, PROHIBITION_SOURCES, PURPOSES, ConsentMethod, GivenBy
from consentmgr.vocabulary.documents import PostalAddress, Prohibition, ProhibitionTarget

#: Most bans that are lifted with one form; a page shows no more.
_MOST_LIFTED = 200
_TARGETS = ("email", "phone", "post", "domain", "organisation", "contact")
#: What staff may enter by hand. Outside lists come whole, with their date, by an import.
_SOURCES = ("self", "organisation", "guardian", "staff", "court", "telecom_authority")
#: How a person may have acted, so that staff learnt of it.
_METHODS: tuple[ConsentMethod, ...] = tuple(
    cast("ConsentMethod", method) for method in get_args(ConsentMethod) if method not in ("import", "api")
)
_GIVEN_BY: tuple[GivenBy, ...] = ("self", "representative")


@catalogue.get("/prohibitions")
@needs(Permission.SEE_REGISTER)
def bans() -> str:
    """The list."""
    asked, faults = request.args, Faults()
    state = one_of("state", STATES, faults, given=asked.get("state")) or "in_force"
    wanted = BanFilter(
        state=state,
        source=one_of("source", PROHIBITION_SOURCES, faults, given=asked.get("source")),
        target_kind=one_of("target_kind", ProhibitionTarget.__struct_fields__, faults, given=asked.get("target_kind")),
        channel=one_of("channel", CHANNELS, faults, given=asked.get("channel")),
        purpose=one_of("purpose", PURPOSES, faults, given=asked.get("purpose")),
        controller=(asked.get("controller") or "").replace("\0", "")[:200] or None,
        recorded_from=_day(asked.get("recorded_from"), "recorded_from", faults),
        recorded_to=_day(asked.get("recorded_to"), "recorded_to", faults),
    )
    before = int(asked["before"][:18]) if asked.get("before", "").isdigit() else None
    today = local_date(clock.now())
    with application.database().reading() as session:
        found = list_bans(session, wanted, controllers=actor().controllers, today=today, before=before, limit=PAGE + 1)
        controllers = own_controllers(session)
    older = None
    if len(found) > PAGE:
        kept: dict[str, Any] = {
            name: value for name, value in asked.items() if name not in ("before", "lang") and value
        }
        older = url_for("catalogue.bans", **{**kept, "before": found[PAGE - 1].id})
    return page(
        "bans_list",
        bans=found[:PAGE],
        wanted=wanted,
        older=older,
        begun=before is None,
        today=today,
        faults=faults,
        controllers=controllers,
        sources=choices_of("prohibition_source"),
        kinds=choices_of("prohibition_target"),
        channels=choices_of("channel"),
        purposes=choices_of("purpose"),
        looked_for=False,
        filtered=any(asked.get(name) for name in ("source", "target_kind", "channel", "purpose", "controller",
                                                  "recorded_from", "recorded_to")) or state != "in_force",
    )  # fmt: skip


@catalogue.post("/prohibitions/find")
@needs(Permission.SEE_REGISTER)
def find_ban() -> str:
    """Every ban on one address, number, domain, organisation or contact."""
    words = text("target", longest=320)
    wanted = target_filter(words, application.address_keys()) if words else BanFilter(ids=())
    today = local_date(clock.now())
    with application.database().reading() as session:
        found = list_bans(session, wanted, controllers=actor().controllers, today=today, limit=PAGE)
        controllers = own_controllers(session)
    audited("prohibitions", {"found": [one.id for one in found]})
    return page(
        "bans_list",
        bans=found,
        wanted=wanted,
        older=None,
        begun=True,
        today=today,
        faults=Faults(),
        controllers=controllers,
        sources=choices_of("prohibition_source"),
        kinds=choices_of("prohibition_target"),
        channels=choices_of("channel"),
        purposes=choices_of("purpose"),
        looked_for=True,
        filtered=True,
    )


@catalogue.get("/prohibitions/<int:number>")
@needs(Permission.SEE_REGISTER)
def ban(number: int) -> str:
    """One ban: whom it protects, what it forbids, who set it, and whether it can be lifted."""
    with application.database().reading() as session:
        found = _ban(session, number)
        controllers = own_controllers(session)
    audited(f"prohibition:{number}", {})
    return page(
        "ban",
        ban=found,
        controllers=controllers,
        today=local_date(clock.now()),
        liftable=_liftable(found),
        **_act_choices(),
    )


# --- adding -----------------------------------------------------------------------------------------------------------


@catalogue.get("/prohibitions/new")
@needs(Permission.RECORD_ACTS)
def new_ban() -> str:
    """The form of a ban somebody has told staff of."""
    given = request.args.get("organisation", "").replace("\0", "")[:200]
    values: dict[str, object] = {"source": "self", "target_kind": "email"}
    if given:
        values |= {"target_kind": "organisation", "organisation": given, "source": "organisation"}
    with application.database().reading() as session:
        return _ban_form(session, values)


@catalogue.post("/prohibitions/new")
@needs(Permission.RECORD_ACTS)
def add_ban() -> AnyResponse | tuple[str, int]:
    """Take the form. A ban that is held already is not taken twice."""
    faults, now = Faults(), clock.now()
    kind = one_of("target_kind", _TARGETS, faults)
    faults.unchosen("target_kind", kind)
    source = one_of("source", [one for one in PROHIBITION_SOURCES if one in _SOURCES], faults)
    faults.unchosen("source", source)
    method = one_of("method", _METHODS, faults)
    valid_from, valid_until = day_of("valid_from", faults), day_of("valid_until", faults)
    channels, purposes = some_of("channels", CHANNELS, faults), some_of("purposes", PURPOSES, faults)
    note = text("note", longest=2_000)
    faults.missing("note", note)
    target = _target(kind, faults)
    with application.database().transaction() as session:
        controllers = own_controllers(session)
        named = some_of("controllers", controllers, faults)
        if actor().controllers is not None and not named:
            faults.setdefault("controllers", gettext("Choose the controllers it concerns: you work for these alone."))
        topics = some_of("topics", topics_of(session, controllers), faults)
        if not faults and source is not None:
            evidence = {"note": note, **({"method": method} if method else {}), "recorded_by": actor().name}
            document = Prohibition(
                target=target,
                channels=channels,
                purposes=purposes,
                topics=topics,
                controllers=named,
                source=source,
                valid_from=valid_from or local_date(now),
                valid_until=valid_until,
                reference=text("reference", longest=200) or None,
                evidence=evidence,
            )
            try:
                keep(
                    session,
                    document,
                    object=f"prohibition:{kind}",
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=now,
                )
            except BadInput as error:
                field = error.field or "target"
                faults[field.removeprefix("target.")] = told_of(field)
        if faults:
            values: dict[str, object] = {**request.form.to_dict()} | {
                name: request.form.getlist(name) for name in ("channels", "purposes", "topics", "controllers")
            }
            return _ban_form(session, values, faults), 422
    done(gettext("The ban is in force from now on."))
    return redirect(url_for("catalogue.bans"))


def _target(kind: str | None, faults: Faults) -> ProhibitionTarget:
    if kind == "post":
        street, code, city = text("street", longest=200), text("postal_code", longest=20), text("city", longest=100)
        for name, value in (("street", street), ("postal_code", code)):
            faults.missing(name, value)
        country = text("post_country", longest=2).upper() or None
        return ProhibitionTarget(
            post=PostalAddress(
                street=street, apartment=text("apartment", longest=40) or None, postal_code=code, city=city or None,
                country=country,
            )
        )  # fmt: skip
    value = text(kind, longest=320) if kind is not None else ""
    if kind is not None:
        faults.missing(kind, value)
    named: dict[str, Any] = {kind: value} if kind is not None and value else {}
    return ProhibitionTarget(**named)


def _ban_form(session: Session, values: dict[str, object], faults: Faults | None = None) -> str:
    controllers = own_controllers(session)
    return page(
        "ban_form",
        values=values,
        faults=faults or Faults(),
        controllers=controllers,
        topics=topics_of(session, controllers),
        all_controllers=actor().controllers is None,
        kinds=[pair for pair in choices_of("prohibition_target") if pair[0] in _TARGETS],
        sources=[pair for pair in choices_of("prohibition_source") if pair[0] in _SOURCES],
        channels=choices_of("channel"),
        purposes=choices_of("purpose"),
        methods=[pair for pair in choices_of("consent_method") if pair[0] in _METHODS],
    )


# --- lifting ----------------------------------------------------------------------------------------------------------


@catalogue.post("/prohibitions/lift")
@needs(Permission.LIFT_BANS)
def choose_bans_to_lift() -> AnyResponse | tuple[str, int] | str:
    """The bans ticked in the list, shown once more with the question by which act of the person they are lifted."""
    numbers = _numbers()
    if not numbers:
        done(gettext("No ban was chosen."))
        return redirect(url_for("catalogue.bans"))
    with application.database().reading() as session:
        return _lift_form(session, numbers, {})


@catalogue.post("/prohibitions/lift/now")
@needs(Permission.LIFT_BANS)
def lift_bans() -> AnyResponse | tuple[str, int]:
    """Lift them, or ask a second person where they are more than one person may lift."""
    numbers, faults, now = _numbers(), Faults(), clock.now()
    method = one_of("method", _METHODS, faults)
    given_by = one_of("given_by", _GIVEN_BY, faults) or "self"
    reason, note = text("reason", longest=2_000), text("note", longest=2_000)
    faults.unchosen("method", method)
    for name, value in (("reason", reason), ("note", note)):
        faults.missing(name, value)
    at = _moment(faults, now)
    with application.database().transaction() as session:
        bans = [_ban(session, number) for number in numbers[:1]] if len(numbers) == 1 else _bans(session, numbers)
        for one in bans:
            _require_all_controllers(one)
        if not faults and method is not None and at is not None and bans:
            act = lifting.Act(
                at=at, method=method, given_by=given_by, reason=reason, note=note, recorded_by=actor().name
            )
            try:
                with session.begin_nested():
                    if len(bans) > LIFTED_ALONE:
                        lifting.ask(session, numbers, act, actor=actor().name, now=now)
                    else:
                        lifting.lift_by_act(
                            session, numbers, act, keys=application.address_keys(), actor=actor().name, now=now
                        )
            except BadInput as error:
                field = "at" if error.field in ("at", "ids") else (error.field or "reason")
                faults[field] = (
                    gettext("A ban set by a court is not lifted here.")
                    if error.field == "ids"
                    else told_of(error.field)
                )
        if faults or not bans:
            return _lift_form(session, numbers, dict(request.form.items()), faults), 422
    if len(bans) > LIFTED_ALONE:
        done(gettext("A second person has been asked. Nothing is lifted until they agree."))
    else:
        done(ngettext("The ban was lifted.", "%(num)d bans were lifted.", len(bans)))
    return redirect(url_for("catalogue.bans"))


def _lift_form(session: Session, numbers: list[int], values: dict[str, str], faults: Faults | None = None) -> str:
    bans = _bans(session, numbers)
    for one in bans:
        _require_all_controllers(one)
    return page(
        "lift_form",
        bans=bans,
        values=values,
        faults=faults or Faults(),
        today=local_date(clock.now()),
        alone=LIFTED_ALONE,
        controllers=own_controllers(session),
        **_act_choices(),
    )


def _act_choices() -> dict[str, list[tuple[str, str]]]:
    return {
        "methods": [pair for pair in choices_of("consent_method") if pair[0] in _METHODS],
        "givers": [pair for pair in choices_of("given_by") if pair[0] in _GIVEN_BY],
    }


def _numbers() -> list[int]:
    given = {int(value[:18]) for value in request.form.getlist("ids") if value.isascii() and value.isdigit()}
    return sorted(given)[:_MOST_LIFTED]


def _moment(faults: Faults, now: datetime) -> datetime | None:
    """When the person acted. Today is this moment; of an earlier day the hour is not known, so its beginning counts: a
    ban of that day may have come after it.
    """
    day = day_of("at", faults)
    faults.missing("at", day or faults.get("at"))
    if day is None:
        return None
    if day == local_date(now):
        return now
    return datetime.combine(day, time(), HELSINKI)


def _ban(session: Session, number: int) -> ListedBan:
    found = _bans(session, [number])
    if not found:
        raise NotFound("there is no such prohibition")
    return found[0]


def _bans(session: Session, numbers: list[int]) -> list[ListedBan]:
    found = list_bans(
        session,
        BanFilter(state="all", ids=tuple(numbers)),
        controllers=actor().controllers,
        today=local_date(clock.now()),
        limit=_MOST_LIFTED,
    )
    if len(found) != len(numbers):
        raise NotFound("there is no such prohibition")
    return found


def _liftable(one: ListedBan) -> bool:
    """Whether whoever asks could lift it at all: the button is not shown to others."""
    mine = actor().controllers_for(Permission.LIFT_BANS)
    concerned = mine is None or (bool(one.controllers) and mine.issuperset(one.controllers))
    return one.lifted_at is None and one.source not in NEVER_LIFTED and concerned


def _require_all_controllers(one: ListedBan) -> None:
    """A ban is lifted by those who answer for every controller it speaks of; one that names none speaks of all."""
    if not one.controllers:
        require_controller(None)
    for controller in one.controllers:
        require_controller(controller)


def _day(given: str | None, name: str, faults: Faults) -> date | None:
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        faults[name] = gettext("Enter the day as year, month and day: 2027-01-31.")
        return None

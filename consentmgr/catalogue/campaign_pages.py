"""Campaigns: what is sent, to whom, saying what; which gates they pass, and what people did about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from flask import redirect, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.campaigns.listing import list_campaigns
from consentmgr.campaigns.policy import current
from consentmgr.catalogue.desk import PAGE, catalogue, choices_of, done, in_words, one_of, own_controllers, page
from consentmgr.catalogue.keeping import keep
from consentmgr.edge import application, metrics
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import Topic
from consentmgr.screening.campaign_form import (
    BEGINS,
    Asked,
    campaign_from,
    key_of,
    questions_for,
    values_from,
    values_of,
)
from consentmgr.screening.campaign_gates import Gate, failing_gates, gates_met
from consentmgr.screening.desk import lists
from consentmgr.screening.models import Screening
from consentmgr.screening.service import default_controller, question_of
from consentmgr.staff.access import actor, needs, own, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES
from consentmgr.vocabulary.documents import Campaign, Message

#: What the form never asks and a file may say: kept when the campaign is changed here.
_KEPT = ("joint_controllers", "sold_by")


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a campaign's messages: links opened and nothing else since the server began (people and mail
    scanners), and people who left by a link of it.
    """

    views: int
    left: int
    screenings: Sequence[Any]


@catalogue.get("/campaigns")
@needs(Permission.SEE_DASHBOARD)
def campaigns() -> str:
    """The campaigns of one's controllers, newest first."""
    asked, faults = request.args, Faults()
    words = asked.get("q", "").replace("\0", "").strip()[:100]
    channel = one_of("channel", CHANNELS, faults, given=asked.get("channel"))
    purpose = one_of("purpose", PURPOSES, faults, given=asked.get("purpose"))
    with application.database().reading() as session:
        found = list_campaigns(
            session,
            controllers=actor().controllers,
            default_controller=default_controller(session),
            words=words,
            channel=channel,
            purpose=purpose,
            before=_before(asked),
            limit=PAGE + 1,
        )
        controllers = own_controllers(session)
    older = None
    if len(found) > PAGE:
        last = found[PAGE - 1]
        older = url_for(
            "catalogue.campaigns", q=words or None, channel=channel, purpose=purpose,
            at=last.recorded_at.isoformat(), key=last.key,
        )  # fmt: skip
    return page(
        "campaigns",
        campaigns=found[:PAGE],
        controllers=controllers,
        words=words,
        channel=channel,
        purpose=purpose,
        channels=choices_of("channel"),
        purposes=choices_of("purpose"),
        older=older,
        begun="at" not in asked,
    )


def _before(asked: Mapping[str, str]) -> tuple[datetime, str] | None:
    try:
        at = datetime.fromisoformat(asked.get("at", ""))
    except ValueError:
        return None
    return (at, asked.get("key", "").replace("\0", "")) if at.tzinfo is not None else None


@catalogue.get("/campaigns/<path:key>")
@needs(Permission.SEE_DASHBOARD)
def campaign(key: str) -> str:
    """One campaign in plain words, with its gates and what was heard of it."""
    with application.database().reading() as session:
        found = _campaign(session, key)
        failing, passed = _gates(session, found)
        heard = _heard(session, key)
        controllers = own_controllers(session)
        whose = found.controller or default_controller(session)
        values = values_from(found)
        choices = _choices(session, values)
    return page(
        "campaign",
        campaign=found,
        whose=whose,
        controllers=controllers,
        values=values,
        questions=questions_for(values),
        choices={name: dict(pairs) for name, pairs in choices.items()},
        failing=failing,
        passed=passed,
        heard=heard,
        language=application.language(),
    )


@catalogue.get("/campaigns/new")
@needs(Permission.DESCRIBE_CAMPAIGNS)
def new_campaign() -> AnyResponse | str:
    """The form: empty, or as a list's campaign was described when the list was screened."""
    with application.database().reading() as session:
        described = _of_list(session, request.args.get("list"))
        if described is not None and _is_stored(session, described):
            return redirect(url_for("catalogue.campaign", key=described.key))
        return _form(session, values_of({}) if described is None else _values(session, described), None)


def _of_list(session: Session, list_id: str | None) -> Campaign | None:
    """The campaign a list was screened for. Raises ``NotFound``."""
    if not list_id:
        return None
    try:
        found = lists.visible(session, UUID(list_id), actor=actor().name, controllers=actor().controllers)
    except ValueError:
        raise NotFound("there is no such list") from None
    if found.campaign is None:
        raise NotFound("the list has no campaign yet")
    return lists.campaign_of_list(found)


def _is_stored(session: Session, described: Campaign) -> bool:
    return described.key in kept_campaigns(session, [described.key])


def _values(session: Session, found: Campaign) -> dict[str, Any]:
    values = values_from(found)
    values["controller"] = found.controller or default_controller(session) or ""
    return values


@catalogue.get("/campaigns/edit/<path:key>")
@needs(Permission.DESCRIBE_CAMPAIGNS)
def edit_campaign(key: str) -> str:
    with application.database().reading() as session:
        found = _campaign(session, key)
        return _form(session, _values(session, found), found)


@catalogue.post("/campaigns/new")
@needs(Permission.DESCRIBE_CAMPAIGNS)
def add_campaign() -> AnyResponse | str | tuple[str, int]:
    return _save(None)


@catalogue.post("/campaigns/edit/<path:key>")
@needs(Permission.DESCRIBE_CAMPAIGNS)
def change_campaign(key: str) -> AnyResponse | str | tuple[str, int]:
    return _save(key)


def _save(key: str | None) -> AnyResponse | str | tuple[str, int]:
    """Save what was described; where the answers make other questions necessary, ask those first."""
    values, now = values_of(request.form.to_dict(flat=False)), clock.now()
    if request.form.get("do") == "ask" or request.headers.get("HX-Request"):
        with application.database().reading() as session:
            return _form(session, values, None if key is None else _campaign(session, key))
    faults: dict[str, str] = {}
    with application.database().transaction() as session:
        kept = None if key is None else _campaign(session, key)
        described = _of_list(session, request.form.get("list")) if key is None else None
        if described is not None and _is_stored(session, described):
            return redirect(url_for("catalogue.campaign", key=described.key))
        shown = set(request.form.getlist("shown"))
        unseen = [asked.field for asked in questions_for(values) if asked.name not in shown]
        if values["controller"] and not own(values["controller"]):
            raise NotFound("there is no such controller")
        if not unseen:
            try:
                # Under the key it was screened by, so that what was screened and linked for it is found with it.
                given_key = key or (described.key if described else key_of(values["name"], now, uuid4().hex[:4]))
                document = campaign_from(values, key=given_key)
                before = kept or described
                if before is not None:
                    document = _with_unasked(document, before, {asked.field for asked in questions_for(values)})
                keep_campaign(session, document, actor=actor().name, now=now)
            except BadInput as error:
                faults[error.field or "name"] = error.message
        if unseen or faults:
            return _form(session, values, kept, faults, begun_anew=bool(unseen)), 422
    done(gettext("The campaign was saved."))
    return redirect(url_for("catalogue.campaign", key=given_key))


def _with_unasked(document: Campaign, kept: Campaign, asked: set[str]) -> Campaign:
    """The campaign as the form describes it, with what a file had said and the form does not ask.

    Where it has become another kind of campaign, what was said of the old kind means nothing any more.
    """
    if (kept.channel, kept.purpose) != (document.channel, document.purpose):
        return msgspec.structs.replace(document, **{name: getattr(kept, name) for name in _KEPT})
    unasked = {name: getattr(kept, name) for name in Campaign.__struct_fields__ if name not in asked}
    said = {name: getattr(kept.message, name) for name in Message.__struct_fields__ if f"message.{name}" not in asked}
    message = msgspec.structs.replace(document.message, **said)
    return msgspec.structs.replace(document, **{**unasked, "message": message})


def keep_campaign(session: Session, document: Campaign, *, actor: str, now: datetime) -> None:
    """Keep a campaign in place of what was kept under its key; audited."""
    keep(session, document, object=f"campaign:{document.key}", keys=application.address_keys(), actor=actor, now=now)


def _campaign(session: Session, key: str) -> Campaign:
    found = kept_campaigns(session, [key]).get(key) if "\0" not in key else None
    if found is None:
        raise NotFound("there is no such campaign")
    require_controller(found.controller or default_controller(session))
    return found


def _gates(session: Session, found: Campaign) -> tuple[list[Gate], list[Gate]]:
    """The gates the campaign fails, and those it meets and passes: the rule pack's own rules, asked twice."""
    policy, now = current(session), clock.now()
    try:
        question = question_of(session, found, policy, now)
    except BadInput:
        return [], []
    return gates_met(question)


def _heard(session: Session, key: str) -> Heard:
    views = sum(
        int(sample.value)
        for family in metrics.link_views.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels.get("campaign") == key
    )
    # A leaving is a ban on the address and one on the person: they share the record.
    left = session.scalar(
        sql(
            "SELECT count(DISTINCT evidence ->> 'record') FROM prohibition WHERE evidence ->> 'campaign' = :key"
            " AND evidence ->> 'campaign' IS NOT NULL"
        ),
        {"key": key},
    )
    screenings = session.execute(
        select(Screening.id, Screening.screened_at, Screening.valid_until, Screening.counts)
        .where(Screening.campaign == key)
        .order_by(Screening.screened_at.desc())
        .limit(20)
    ).all()
    return Heard(views, left or 0, screenings)


# --- the form ---------------------------------------------------------------------------------------------------------


def _choices(session: Session, values: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    controllers = own_controllers(session)
    topics = session.execute(
        select(Topic.key, Topic.names, Topic.kind).where(Topic.controller.in_(controllers)).order_by(Topic.key)
    ).all()

    def of_kind(kind: str, field: str) -> list[tuple[str, str]]:
        found = [(key, in_words(names, key)) for key, names, its in topics if its == kind]
        # A file may name what is no topic of ours.
        held = values.get(field)
        return found if not held or held in dict(found) else [*found, (held, held)]

    return {
        "controllers": list(controllers.items()),
        "channels": choices_of("channel"),
        "purposes": choices_of("purpose"),
        "platforms": choices_of("platform"),
        "audience_kinds": choices_of("audience_kind"),
        "newsletters": of_kind("newsletter", "topic"),
        "product_groups": of_kind("product_group", "product_group"),
        "audiences": choices_of("audience"),
        "areas": choices_of("area"),
        "list_sources": choices_of("list_source"),
        "unsubscribes": choices_of("unsubscribe"),
        "needs": choices_of("unsubscribe_need"),
    }


def _form(
    session: Session,
    values: dict[str, Any],
    kept: Campaign | None,
    faults: dict[str, str] | None = None,
    *,
    begun_anew: bool = False,
) -> str:
    choices = _choices(session, values)
    if not values.get("controller") and len(choices["controllers"]) == 1:
        values["controller"] = choices["controllers"][0][0]
    groups: dict[str, list[Asked]] = {}
    for asked in questions_for(values):
        groups.setdefault(asked.group, []).append(asked)
    return page(
        "campaign_questions" if request.headers.get("HX-Request") else "campaign_form",
        campaign=kept,
        values=values,
        faults=faults or {},
        groups=groups,
        choices=choices,
        gates=_tried(session, values),
        language=application.language(),
        begun_anew=begun_anew,
        of_list=request.values.get("list") if kept is None else None,
    )


def _tried(session: Session, values: Mapping[str, Any]) -> list[Gate]:
    """The gates that fail as the form stands; none while it is too bare to be asked."""
    bare = {**values, "name": values.get("name") or "-"}
    if bare["purpose"] == "newsletter":
        bare["topic"] = bare.get("topic") or "-"
    bare["platform"] = bare.get("platform") or BEGINS.get("platform") or "meta"
    try:
        document = campaign_from(bare, key="tried")
        return failing_gates(question_of(session, document, current(session), clock.now()))
    except BadInput:
        return []

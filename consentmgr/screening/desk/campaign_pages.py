"""The campaign a list is for: a stored one, or one described here.

Every question has its answer without script; with it, the form shows at once which gate fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, abort, request
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, ConsentmgrError
from consentmgr.register.models import Controller
from consentmgr.screening import campaign_form
from consentmgr.screening.desk import lists, words
from consentmgr.screening.desk.door import is_part, own_list, page, screenings, see_other, stored_campaign, task_of_list
from consentmgr.screening.desk.lists import ListView
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS
from consentmgr.vocabulary.documents import Campaign


@screenings.get("/screenings/<uuid:list_id>/campaign")
@needs(Permission.SCREEN)
def campaign(list_id: UUID) -> Response:
    """Which campaign the list is for: a stored one, or one described here."""
    with application.database().reading() as session:
        found = own_list(session, list_id)
        if lists.step_of(found, task_of_list(session, found)) not in ("campaign", "failed", "cancelled"):
            return see_other("screenings.show", list_id=list_id)
        chosen = stored_campaign(session, request.args.get("stored"))
        return _campaign_page(session, found, campaign_form.values_of({}), stored=chosen)


@screenings.post("/screenings/<uuid:list_id>/campaign")
@needs(Permission.SCREEN)
def describe(list_id: UUID) -> Response:
    """The form: looked at while it is filled in, and at last taken."""
    now = clock.now()
    do = request.form.get("do", "look")
    given = {name: request.form.getlist(name) for name in request.form}
    values = campaign_form.values_of(given)
    if do != "start-stored" and (do != "start" or campaign_form.not_shown(values, given)):
        with application.database().reading() as session:
            found = own_list(session, list_id)
            if is_part():
                return _campaign_part(session, found, values)
            return _campaign_page(session, found, values, asked_more=do == "start")
    try:
        with application.database().transaction() as session:
            found = own_list(session, list_id)
            if do == "start-stored":
                chosen = stored_campaign(session, request.form.get("stored")) or abort(400)
            else:
                key = campaign_form.key_of(str(values["name"]), _planned(values) or now, list_id.hex[:6])
                chosen = campaign_form.campaign_from(values, key=key)
            lists.start(
                session,
                found,
                chosen,
                actor=actor().name,
                controllers=actor().controllers,
                language=application.language(),
                now=now,
                links=bool(request.form.get("links")),
                drop_duplicates=bool(request.form.get("drop_duplicates")),
            )
    except BadInput as error:
        told = words.fault_told_of_campaign(error)
        with application.database().reading() as session:
            return _campaign_page(session, own_list(session, list_id), values, fault=(error.field, told))
    return see_other("screenings.show", list_id=list_id)


def _planned(values: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(values.get("planned_at") or ""))
    except ValueError:
        return None


def _choices(session: Session) -> dict[str, list[tuple[str, str]]]:
    """What the selects of the form are filled with."""
    held = actor().controllers
    language = application.language()
    wanted = select(Controller.key, Controller.name).order_by(Controller.is_default.desc(), Controller.name)
    if held is not None:
        wanted = wanted.where(Controller.key.in_(list(held)))
    controllers = [(key, name or key) for key, name in session.execute(wanted)]

    def of(kind: str) -> list[tuple[str, str]]:
        named = [(key, names.get(language) or key) for key, names in lists.topics_of(session, held, kind)]
        return [("", gettext("None")), *named]

    return {"controllers": controllers, "newsletters": of("newsletter"), "product_groups": of("product_group")}


def _form_shown(session: Session, values: dict[str, Any]) -> dict[str, Any]:
    own = _choices(session)
    if not values.get("controller") and own["controllers"]:
        values["controller"] = own["controllers"][0][0]
    asked = campaign_form.questions_for(values)
    choices = {
        question.choices: own.get(question.choices) or words.fixed_choices(question.choices)
        for question in asked
        if question.choices is not None
    }
    return {
        "asked": [question for question in asked if question.group == "campaign"],
        "message_asked": [question for question in asked if question.group == "message"],
        "values": values,
        "choices": choices,
        "gates": _gates(session, values),
        "with_links": values["channel"] in ELECTRONIC_CHANNELS,
    }


def _gates(session: Session, values: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """What speaks against the campaign as described so far; None while it cannot be judged."""
    try:
        described = campaign_form.campaign_from(
            {**values, "name": values.get("name") or "-", "topic": values.get("topic") or "-"}, key="look"
        )
    except BadInput:
        return None
    return _gates_told(session, described)


def _gates_told(session: Session, described: Campaign) -> list[dict[str, str]] | None:
    language = application.language()
    try:
        gates = lists.gates_of(session, described, now=clock.now())
    except ConsentmgrError:
        return None
    return [
        {
            "code": gate.code,
            "effect": gate.effect,
            "sentence": gate.sentence(language, described.channel),
            "law": gate.law(language),
        }
        for gate in gates
    ]


def _campaign_part(session: Session, found: ListView, values: dict[str, Any]) -> Response:
    return page("campaign_part.html", found=found, fault=None, **_form_shown(session, values))


def _campaign_page(
    session: Session,
    found: ListView,
    values: dict[str, Any],
    *,
    stored: Campaign | None = None,
    fault: tuple[str | None, str] | None = None,
    asked_more: bool = False,
) -> Response:
    known = lists.known_campaigns(session, actor().controllers)
    return page(
        "campaign.html",
        422 if fault else 200,
        found=found,
        known=[(one.key, one.name) for one in known],
        stored=stored,
        stored_gates=_gates_told(session, stored) if stored is not None else None,
        stored_links=stored is not None and stored.channel in ELECTRONIC_CHANNELS,
        fault=fault,
        asked_more=asked_more,
        **_form_shown(session, values),
    )

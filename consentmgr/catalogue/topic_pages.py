"""Topics: what people pick on the preference page, and product groups. Hidden, never removed: consents speak of them."""

from __future__ import annotations

from typing import get_args

from flask import redirect, request, url_for
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.campaigns.models import Campaign
from consentmgr.catalogue.desk import (
    KEY,
    catalogue,
    choices_of,
    done,
    one_of,
    own_controllers,
    page,
    text,
    told_of,
    words_of,
)
from consentmgr.catalogue.keeping import keep
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.preferences.models import SubscriptionForm
from consentmgr.register.models import Notice
from consentmgr.register.models import Topic as StoredTopic
from consentmgr.staff.access import actor, needs, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import LANGUAGES, Cadence, TopicKind
from consentmgr.vocabulary.documents import Names, Topic

_CADENCES: tuple[Cadence, ...] = get_args(Cadence)
_KINDS: tuple[TopicKind, ...] = get_args(TopicKind)


@catalogue.get("/topics")
@needs(Permission.SEE_DASHBOARD)
def topics() -> str:
    """The topics of one's controllers."""
    with application.database().reading() as session:
        controllers = own_controllers(session)
        found = session.scalars(
            select(StoredTopic)
            .where(StoredTopic.controller.in_(controllers))
            .order_by(StoredTopic.controller, StoredTopic.key)
        ).all()
        return page("topics", topics=found, controllers=controllers)


@catalogue.get("/topics/new")
@needs(Permission.CATALOGUE)
def new_topic() -> str:
    with application.database().reading() as session:
        return _form(session, {"public": "1", "kind": "newsletter"})


@catalogue.post("/topics/new")
@needs(Permission.CATALOGUE)
def add_topic() -> AnyResponse | tuple[str, int]:
    return _save(None)


@catalogue.get("/topics/<path:key>")
@needs(Permission.CATALOGUE)
def topic(key: str) -> str:
    """One topic as a form, with what hiding it would do."""
    with application.database().reading() as session:
        row = _topic(session, key)
        return _form(session, _values(row), row)


@catalogue.post("/topics/<path:key>")
@needs(Permission.CATALOGUE)
def change_topic(key: str) -> AnyResponse | tuple[str, int]:
    return _save(key)


def _save(key: str | None) -> AnyResponse | tuple[str, int]:
    faults, now = Faults(), clock.now()
    names, descriptions = words_of("name"), words_of("description")
    if not any(getattr(names, code) for code in LANGUAGES):
        faults["name_fi"] = gettext("Give the topic a name in one language at least.")
    cadence, kind = one_of("cadence", _CADENCES, faults), one_of("kind", _KINDS, faults)
    faults.unchosen("kind", kind)
    given_key = key or text("key", longest=100)
    if key is None and not KEY.fullmatch(given_key):
        faults["key"] = gettext("This identifier cannot be used. It may hold small letters, digits and hyphens.")
    with application.database().transaction() as session:
        row = None if key is None else _topic(session, key)
        controllers = own_controllers(session)
        controller = row.controller if row is not None else one_of("controller", controllers, faults)
        faults.unchosen("controller", controller)
        if row is None and not faults and session.get(StoredTopic, given_key) is not None:
            faults["key"] = gettext("This identifier is in use already.")
        if not faults and kind is not None:
            document = Topic(
                key=given_key,
                kind=kind,
                controller=controller,
                names=names,
                descriptions=descriptions,
                cadence=cadence,
                public=bool(request.form.get("public")),
                clear=() if row is None else _emptied(row, names, descriptions, cadence),
            )
            try:
                keep(
                    session,
                    document,
                    object=f"topic:{given_key}",
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=now,
                )
            except BadInput as error:
                faults[error.field or "key"] = told_of(error.field)
        if faults:
            return _form(session, request.form.to_dict(), row, faults), 422
    done(gettext("The topic was saved."))
    return redirect(url_for("catalogue.topics"))


def _emptied(row: StoredTopic, names: Names, descriptions: Names, cadence: str | None) -> tuple[str, ...]:
    """Fields in which something that is there was emptied in the form."""
    found = []
    if any(not getattr(names, code, None) for code in row.names):
        found.append("names")
    if any(not getattr(descriptions, code, None) for code in row.descriptions):
        found.append("descriptions")
    if row.cadence and cadence is None:
        found.append("cadence")
    return tuple(found)


def _topic(session: Session, key: str) -> StoredTopic:
    row = session.get(StoredTopic, key)
    if row is None:
        raise NotFound("there is no such topic")
    require_controller(row.controller)
    return row


def _values(row: StoredTopic) -> dict[str, str | None]:
    return {
        "key": row.key,
        "kind": row.kind,
        "controller": row.controller,
        "cadence": row.cadence,
        "public": "1" if row.public else None,
        **{f"name_{code}": row.names.get(code) for code in LANGUAGES},
        **{f"description_{code}": row.descriptions.get(code) for code in LANGUAGES},
    }


def _form(
    session: Session,
    values: dict[str, str | None] | dict[str, str],
    row: StoredTopic | None = None,
    faults: Faults | None = None,
) -> str:
    used = {}
    if row is not None:
        forms = select(func.count()).where(
            SubscriptionForm.topics.op("&&")([row.key]), SubscriptionForm.closed_at.is_(None)
        )
        notices = select(func.count(func.distinct(Notice.key))).where(Notice.topics.op("&&")([row.key]))
        named = (Campaign.document["topic"].astext == row.key) | (Campaign.document["product_group"].astext == row.key)
        campaigns = select(func.count()).select_from(Campaign).where(named)
        used = {
            "forms": session.scalar(forms) or 0,
            "notices": session.scalar(notices) or 0,
            "campaigns": session.scalar(campaigns) or 0,
        }
    return page(
        "topic_form",
        topic=row,
        values=values,
        faults=faults or Faults(),
        used=used,
        controllers=own_controllers(session),
        kinds=choices_of("topic_kind"),
        cadences=choices_of("cadence"),
        languages=choices_of("language"),
    )

"""Subscription forms: made, closed, and put into pages of one's own."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.catalogue.desk import (
    catalogue,
    choices_of,
    done,
    one_of,
    own_controllers,
    page,
    some_of,
    text,
    texts,
    told_of,
    topics_of,
)
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.preferences.form_snippet import html_snippet
from consentmgr.preferences.models import SubscriptionForm
from consentmgr.preferences.subscription_forms import add_form, all_forms, close_form, form_of, shown_form
from consentmgr.register.models import Notice, Topic
from consentmgr.staff.access import actor, needs, own, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import LANGUAGES

#: The fields of the page, by what the service calls them.
_FIELDS = {"KEY": "key", "--topic": "topics", "--notice": "notice", "--origin": "origins"}


@catalogue.get("/forms")
@needs(Permission.SEE_DASHBOARD)
def forms() -> str:
    """Every form of one's controllers, open and closed."""
    with application.database().reading() as session:
        found = [form for form in all_forms(session) if own(form.controller)]
        controllers = own_controllers(session)
        topics = topics_of(session, controllers)
    return page(
        "forms", forms=found, controllers=controllers, topics=topics, public_url=application.settings().public_url
    )


@catalogue.get("/forms/new")
@needs(Permission.CATALOGUE)
def new_form() -> str:
    with application.database().reading() as session:
        return _form(session, {}, [])


@catalogue.post("/forms/new")
@needs(Permission.CATALOGUE)
def add_subscription_form() -> AnyResponse | tuple[str, int]:
    """A form is checked when it is added, so that what people agree to on it is a valid consent."""
    faults, now = Faults(), clock.now()
    key, notice = text("key", longest=64), text("notice", longest=300)
    faults.missing("key", key)
    faults.unchosen("notice", notice)
    with application.database().transaction() as session:
        controllers = own_controllers(session)
        controller = one_of("controller", controllers, faults)
        faults.unchosen("controller", controller)
        topics = some_of("topics", topics_of(session, controllers), faults)
        if not faults and controller is not None:
            try:
                with session.begin_nested():
                    add_form(
                        session,
                        key=key,
                        controller=controller,
                        topics=topics,
                        notice=notice,
                        origins=texts("origins"),
                        actor=actor().name,
                        now=now,
                    )
            except NotFound:
                faults["notice"] = gettext("There is no such notice.")
            except BadInput as error:
                name = _FIELDS.get(error.field or "", "key")
                faults[name] = (
                    gettext("A topic must be public, and of the same controller.")
                    if name == "topics"
                    else told_of(name)
                )
        if faults:
            return _form(session, request.form.to_dict(), request.form.getlist("topics"), faults), 422
    done(gettext("The form is open."))
    return redirect(url_for("catalogue.form", key=key))


@catalogue.get("/forms/<key>")
@needs(Permission.SEE_DASHBOARD)
def form(key: str) -> str:
    """One form: where it is, what it offers, and its HTML to copy."""
    given = request.args.get("of")
    of = given if given in LANGUAGES else application.language()
    with application.database().reading() as session:
        found = _form_of(session, key)
        snippet = None
        try:
            snippet = html_snippet(shown_form(session, key, of), of, _address(key))
        except NotFound:
            # Closed, or with nothing left to offer: there is nothing to copy.
            snippet = None
        controllers, topics = own_controllers(session), topics_of(session, [found.controller])
    return page(
        "form",
        form=found,
        address=_address(key),
        snippet=snippet,
        of=of,
        languages=choices_of("language"),
        controllers=controllers,
        topics=topics,
    )


@catalogue.post("/forms/<key>/close")
@needs(Permission.CATALOGUE)
def close_subscription_form(key: str) -> AnyResponse:
    with application.database().transaction() as session:
        _form_of(session, key)
        close_form(session, key, actor=actor().name, now=clock.now())
    done(gettext("The form is closed. What was asked for before can still be confirmed."))
    return redirect(url_for("catalogue.form", key=key))


def _form_of(session: Session, key: str) -> SubscriptionForm:
    found = form_of(session, key)
    require_controller(found.controller)
    return found


def _address(key: str) -> str:
    return f"{application.settings().public_url}/s/{key}"


def _form(session: Session, values: dict[str, str], ticked: list[str], faults: Faults | None = None) -> str:
    controllers = own_controllers(session)
    notices = session.execute(
        select(Notice.key, Notice.version, Notice.controllers)
        .where(Notice.channels.op("&&")(["email"]))
        .order_by(Notice.key, Notice.version.desc(), Notice.language)
    )
    named = {f"{key}/{version}": None for key, version, whose in notices if set(whose) & controllers.keys()}
    hidden = set(session.scalars(select(Topic.key).where(Topic.controller.in_(controllers), ~Topic.public)))
    topics = {key: name for key, name in topics_of(session, controllers).items() if key not in hidden}
    return page(
        "form_form",
        values=values,
        ticked=ticked,
        faults=faults or Faults(),
        controllers=controllers,
        notices=[(name, name) for name in named],
        topics=topics,
    )

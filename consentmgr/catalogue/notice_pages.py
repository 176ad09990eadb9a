"""Notices: the exact words people agreed to, by version and language. Published once, never changed.

A new version is checked before it is published: the words beside the old ones, and how many people's consent a major
version would make stale (``consents.superseding``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import redirect, request, url_for
from flask_babel import gettext
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.campaigns.policy import current
from consentmgr.catalogue.desk import (
    catalogue,
    choices_of,
    done,
    one_of,
    own_controllers,
    page,
    some_of,
    text,
    told_of,
    topics_of,
)
from consentmgr.catalogue.difference import difference
from consentmgr.catalogue.keeping import keep
from consentmgr.consents.superseding import GoingStale, counted_under, going_stale
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.preferences.models import SubscriptionForm
from consentmgr.register.models import Notice as StoredNotice
from consentmgr.staff.access import actor, needs, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.codes import CHANNELS, LANGUAGES, PLATFORMS, PURPOSES, Channel, Language, Platform, Purpose
from consentmgr.vocabulary.documents import Notice
from consentmgr.vocabulary.time_rules import oldest_inside

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_LONGEST = 50_000
_SCOPE = ("controllers", "channels", "purposes", "topics", "audiences")


@dataclass(frozen=True, slots=True)
class Version:
    """One version in all its languages; the scope is that of the first language."""

    number: int
    words: dict[str, str]
    supersedes: str | None
    scope: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A version as it stands in the form."""

    key: str
    number: int
    words: dict[Language, str]
    supersedes: str | None
    controllers: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    topics: tuple[str, ...] = ()
    audiences: tuple[Platform, ...] = ()
    fields: list[tuple[str, str]] = field(default_factory=list)

    @property
    def scope(self) -> dict[str, list[str]]:
        return {name: list(getattr(self, name)) for name in _SCOPE}

    def documents(self) -> list[Notice]:
        return [
            Notice(
                key=self.key,
                version=self.number,
                language=code,
                text=words,
                controllers=self.controllers,
                channels=self.channels,
                purposes=self.purposes,
                topics=self.topics,
                audiences=self.audiences,
                supersedes=self.supersedes,
            )
            for code, words in self.words.items()
        ]


@catalogue.get("/notices")
@needs(Permission.SEE_DASHBOARD)
def notices() -> str:
    """Every notice that names one of one's controllers, with its newest version."""
    with application.database().reading() as session:
        rows = session.execute(
            select(
                StoredNotice.key,
                func.max(StoredNotice.version),
                func.count(StoredNotice.version.distinct()),
                func.array_agg(StoredNotice.language.distinct()),
            )
            .where(_seen())
            .group_by(StoredNotice.key)
            .order_by(StoredNotice.key)
        ).all()
    return page("notices", notices=rows)


@catalogue.get("/notices/new")
@needs(Permission.CATALOGUE)
def new_notice() -> str:
    with application.database().reading() as session:
        return _form(session, None, {}, Faults(), [])


@catalogue.get("/notices/<key>")
@needs(Permission.SEE_DASHBOARD)
def notice(key: str) -> str:
    """A notice: its versions, and two of them side by side."""
    with application.database().reading() as session:
        versions = _versions(session, key)
        forms = _forms(session, key)
    newest = versions[-1]
    numbers = {version.number: version for version in versions}
    new = numbers.get(_number("new")) or newest
    earlier = [version for version in versions if version.number < new.number]
    old = numbers.get(_number("old")) or (earlier[-1] if earlier else None)
    code = request.args.get("of") if request.args.get("of") in LANGUAGES else None
    languages = [one for one in LANGUAGES if one in new.words or (old is not None and one in old.words)]
    code = code if code in languages else languages[0]
    compared = difference(old.words.get(code, ""), new.words.get(code, "")) if old is not None else None
    return page(
        "notice",
        key=key,
        versions=versions,
        new=new,
        old=old,
        of=code,
        languages=[pair for pair in choices_of("language") if pair[0] in languages],
        compared=compared,
        forms=forms,
        may_publish=_may_publish(new),
    )


@catalogue.get("/notices/<key>/given")
@needs(Permission.SEE_DASHBOARD)
def given(key: str) -> str:
    """How many consents were given under each version, as they were last counted by the clock."""
    with application.database().reading() as session:
        versions = _versions(session, key)
        counts, counted_at = counted_under(session, key)
    return page("given", key=key, versions=versions, counts=counts, counted_at=counted_at)


@catalogue.get("/notices/<key>/new-version")
@needs(Permission.CATALOGUE)
def new_version(key: str) -> str:
    """The form of the next version, filled with the newest one."""
    with application.database().reading() as session:
        versions = _publishable(session, key)
        newest = versions[-1]
        values = {f"words_{code}": words for code, words in newest.words.items()}
        return _form(session, key, values, Faults(), versions, newest.scope)


@catalogue.post("/notices/new/check")
@needs(Permission.CATALOGUE)
def check_notice() -> str | tuple[str, int]:
    return _check(None)


@catalogue.post("/notices/<key>/new-version/check")
@needs(Permission.CATALOGUE)
def check_version(key: str) -> str | tuple[str, int]:
    return _check(key)


@catalogue.post("/notices/new")
@needs(Permission.CATALOGUE)
def publish_notice() -> AnyResponse | tuple[str, int]:
    return _publish(None)


@catalogue.post("/notices/<key>/new-version")
@needs(Permission.CATALOGUE)
def publish_version(key: str) -> AnyResponse | tuple[str, int]:
    return _publish(key)


def _check(key: str | None) -> str | tuple[str, int]:
    """What publishing would do: the words side by side, and whose consent goes stale. Nothing is changed."""
    faults, now = Faults(), clock.now()
    with application.database().reading() as session:
        versions = _publishable(session, key) if key is not None else []
        draft = _draft(session, key, versions, faults)
        if faults or draft is None:
            return _form(session, key, request.form.to_dict(), faults, versions, _ticked()), 422
        stale: GoingStale | None = None
        if versions:
            limit = oldest_inside(local_date(now), current(session).consent_inactive_review_months)
            stale = going_stale(session, draft.key, draft.number, limit=limit)
        forms = _forms(session, draft.key)
        controllers = own_controllers(session)
    newest = versions[-1] if versions else None
    compared = [
        (code, *difference(newest.words.get(code, "") if newest else "", words)) for code, words in draft.words.items()
    ]
    changed = [name for name in _SCOPE if newest is not None and set(newest.scope[name]) != set(draft.scope[name])]
    missing = [code for code in (newest.words if newest else {}) if code not in draft.words]
    return page(
        "notice_check",
        draft=draft,
        newest=newest,
        compared=compared,
        stale=stale,
        changed=changed,
        missing=missing,
        forms=forms,
        controllers=controllers,
    )


def _publish(key: str | None) -> AnyResponse | tuple[str, int]:
    faults, now = Faults(), clock.now()
    with application.database().transaction() as session:
        versions = _publishable(session, key) if key is not None else []
        draft = _draft(session, key, versions, faults)
        if draft is not None and not faults and versions and _form_number("version") != draft.number:
            faults["version"] = gettext("Another version was published meanwhile. Look at it before you publish yours.")
        if draft is not None and not faults:
            try:
                keep(
                    session,
                    *draft.documents(),
                    object=f"notice:{draft.key}/{draft.number}",
                    keys=application.address_keys(),
                    actor=actor().name,
                    now=now,
                )
            except BadInput as error:
                faults[error.field or "key"] = told_of(error.field)
        if faults or draft is None:
            return _form(session, key, request.form.to_dict(), faults, versions, _ticked()), 422
    done(gettext("Version %(version)s was published.", version=draft.number))
    return redirect(url_for("catalogue.notice", key=draft.key))


# --- reading ----------------------------------------------------------------------------------------------------------


def _seen() -> ColumnElement[bool]:
    """The notices that name one of the reader's controllers, or nobody's."""
    mine = actor().controllers
    if mine is None:
        return StoredNotice.version > 0
    return (func.cardinality(StoredNotice.controllers) == 0) | StoredNotice.controllers.op("&&")(sorted(mine))


def _versions(session: Session, key: str) -> list[Version]:
    """Every version, oldest first. Raises ``NotFound`` where there is none that the reader may see."""
    rows = session.scalars(
        select(StoredNotice).where(StoredNotice.key == key).order_by(StoredNotice.version, StoredNotice.language)
    ).all()
    mine = actor().controllers
    named = {controller for row in rows for controller in row.controllers}
    if not rows or (mine is not None and named and not named & mine):
        raise NotFound("there is no such notice")
    found: dict[int, Version] = {}
    for row in rows:
        version = found.setdefault(
            row.version,
            Version(row.version, {}, row.supersedes, {name: list(getattr(row, name)) for name in _SCOPE}),
        )
        version.words[row.language] = row.words
    return list(found.values())


def _publishable(session: Session, key: str) -> list[Version]:
    """The versions, where whoever asks answers for every controller the newest names."""
    versions = _versions(session, key)
    if not _may_publish(versions[-1]):
        raise NotFound("there is no such notice")
    return versions


def _may_publish(version: Version) -> bool:
    mine = actor().controllers_for(Permission.CATALOGUE)
    return mine is None or mine.issuperset(version.scope["controllers"])


def _forms(session: Session, key: str) -> Sequence[SubscriptionForm]:
    """Open forms that show a version of the notice."""
    forms = session.scalars(
        select(SubscriptionForm).where(SubscriptionForm.closed_at.is_(None)).order_by(SubscriptionForm.key)
    ).all()
    mine = actor().controllers
    return [
        form for form in forms if form.notice.rpartition("/")[0] == key and (mine is None or form.controller in mine)
    ]


def _number(name: str) -> int:
    given_number = request.args.get(name, "")
    return int(given_number[:9]) if given_number.isascii() and given_number.isdigit() else 0


def _form_number(name: str) -> int:
    given_number = text(name, longest=9)
    return int(given_number) if given_number.isascii() and given_number.isdigit() else 0


# --- the form ---------------------------------------------------------------------------------------------------------


def _draft(session: Session, key: str | None, versions: list[Version], faults: Faults) -> Draft | None:
    """The form as it was sent, checked."""
    given_key = key or text("key", longest=64)
    if key is None:
        if not _KEY.fullmatch(given_key):
            faults["key"] = gettext("This identifier cannot be used. It may hold small letters, digits and hyphens.")
        elif session.scalar(select(StoredNotice.key).where(StoredNotice.key == given_key).limit(1)) is not None:
            faults["key"] = gettext("This identifier is in use already.")
    # The words are kept as they are shown: only the ends of lines are the browser's.
    words = {
        code: said
        for code in LANGUAGES
        if (said := request.form.get(f"words_{code}", "").replace("\0", "").replace("\r\n", "\n")).strip()
    }
    if not words:
        faults["words_fi"] = gettext("Write the words in one language at least.")
    for code, said in words.items():
        if len(said) > _LONGEST:
            faults[f"words_{code}"] = gettext("The text is too long.")
    controllers = own_controllers(session)
    named = some_of("controllers", controllers, faults)
    faults.unchosen("controllers", named)
    supersedes = one_of("supersedes", ("minor", "major"), faults) if versions else None
    if versions:
        faults.unchosen("supersedes", supersedes)
    channels, purposes = some_of("channels", CHANNELS, faults), some_of("purposes", PURPOSES, faults)
    audiences = some_of("audiences", PLATFORMS, faults)
    if not channels and not audiences:
        faults.setdefault("channels", gettext("Choose a channel: a consent covers only what its words name."))
    if not purposes:
        faults.setdefault("purposes", gettext("Choose a purpose: a consent covers only what its words name."))
    topics = some_of("topics", topics_of(session, controllers), faults)
    for controller in named:
        require_controller(controller)
    if faults:
        return None
    kept = [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf_token", "version")]
    return Draft(
        given_key,
        versions[-1].number + 1 if versions else 1,
        words,
        supersedes,
        named,
        channels,
        purposes,
        topics,
        audiences,
        kept,
    )


def _ticked() -> dict[str, list[str]]:
    return {name: request.form.getlist(name) for name in _SCOPE}


def _form(
    session: Session,
    key: str | None,
    values: dict[str, str],
    faults: Faults,
    versions: list[Version],
    scope: dict[str, list[str]] | None = None,
) -> str:
    controllers = own_controllers(session)
    return page(
        "notice_form",
        key=key,
        values=values,
        faults=faults,
        newest=versions[-1] if versions else None,
        scope=scope or {name: [] for name in _SCOPE},
        controllers=controllers,
        topics=topics_of(session, controllers),
        channels=choices_of("channel"),
        purposes=choices_of("purpose"),
        platforms=choices_of("platform"),
        languages=choices_of("language"),
    )

"""Forms anyone may fill to get newsletters: who sends them, about what, and the words that are agreed to.

A form is checked when it is added, so that what people agree to on it is a valid consent for every topic it offers
(law.md: the scope of a consent must stand in the act and in the notice both).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.config import LANGUAGES, Language, is_this_machine
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.preferences.models import SubscriptionForm
from consentmgr.register.models import Controller, Notice, Topic

#: A form's key is part of its web address.
_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_NOTICE = re.compile(r"(?P<key>.+)/(?P<version>[1-9]\d{0,8})")


class FormClosed(NotFound):
    """The form takes no subscriptions any more, or has nothing left to offer."""

    problem: ClassVar[str] = "form-closed"


@dataclass(frozen=True, slots=True)
class OfferedTopic:
    """A topic in the words of one language; ``cadence`` is a code of ``vocabulary.codes.Cadence`` or None."""

    key: str
    name: str
    description: str | None
    cadence: str | None


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """The exact words that are agreed to. ``ref`` names key, version and language: ``signup/3/fi``."""

    ref: str
    language: str
    words: str
    channels: tuple[str, ...]
    purposes: tuple[str, ...]
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownForm:
    """A form as it is shown in one language. Without topics it is about all that the notice says."""

    key: str
    controller: str
    topics: tuple[OfferedTopic, ...]
    notice: NoticeWords
    origins: tuple[str, ...]

    @property
    def offers_choice(self) -> bool:
        """Whether there is more than one topic to pick from; a single one needs no box to tick."""
        return len(self.topics) > 1


def add_form(
    session: Session,
    *,
    key: str,
    controller: str,
    topics: Sequence[str],
    notice: str,
    origins: Sequence[str],
    actor: str,
    now: datetime,
) -> SubscriptionForm:
    """Add a form, in the session's transaction. ``notice`` is key and version (``signup/3``), ``origins`` the web
    origins whose pages may ask by script. Raises ``BadInput`` naming the field, ``NotFound`` for what is unknown.
    """
    if not _KEY.fullmatch(key):
        raise BadInput("must be small letters, digits and hyphens, 64 at most", field="KEY")
    if session.get(SubscriptionForm, key) is not None:
        raise BadInput("there is a form of this key already; a form is never changed, add another", field="KEY")
    if session.get(Controller, controller) is None:
        raise NotFound(f"there is no controller {controller!r}")
    wanted = list(dict.fromkeys(topics))
    _check_topics(session, wanted, controller)
    _check_notice(_notices(session, notice), controller, wanted)
    form = SubscriptionForm(
        key=key,
        controller=controller,
        topics=wanted,
        notice=notice,
        origins=list(dict.fromkeys(canonical_origin(origin) for origin in origins)),
        created_at=now,
    )
    session.add(form)
    session.flush()
    record(session, at=now, actor=actor, action="form.add", object=f"form:{key}", detail={"notice": notice})
    return form


def close_form(session: Session, key: str, *, actor: str, now: datetime) -> bool:
    """Take no more subscriptions by this form; False where it was closed already. Raises ``NotFound``.

    What was asked for before can still be confirmed.
    """
    form = form_of(session, key)
    if form.closed_at is not None:
        return False
    form.closed_at = now
    session.flush()
    record(session, at=now, actor=actor, action="form.close", object=f"form:{key}")
    return True


def form_of(session: Session, key: str) -> SubscriptionForm:
    """The form of this key, open or closed. Raises ``NotFound``."""
    # What could not be a key is not asked for: a web address may hold characters that no database text can.
    form = session.get(SubscriptionForm, key) if _KEY.fullmatch(key) else None
    if form is None:
        raise NotFound("there is no form of this key")
    return form


def all_forms(session: Session) -> list[SubscriptionForm]:
    """Every form, by key."""
    return list(session.scalars(select(SubscriptionForm).order_by(SubscriptionForm.key)))


def shown_form(session: Session, key: str, language: Language) -> ShownForm:
    """The form in this language; the notice in another where it has none in this one.

    Raises ``NotFound``, and ``FormClosed`` where it is closed or none of its topics is left.
    """
    form = form_of(session, key)
    if form.closed_at is not None:
        raise FormClosed("the form is closed")
    topics = offered_topics(session, form.topics, form.controller, language)
    if form.topics and not topics:
        raise FormClosed("the form has no topic left")
    notice = notice_words(session, form.notice, language)
    return ShownForm(form.key, form.controller, topics, notice, tuple(form.origins))


def offered_topics(
    session: Session, keys: Sequence[str], controller: str, language: Language
) -> tuple[OfferedTopic, ...]:
    """Those of the topics that are still there and public, in the order given."""
    rows = session.scalars(select(Topic).where(Topic.key.in_(list(keys)), Topic.controller == controller, Topic.public))
    found = {row.key: row for row in rows}
    return tuple(
        OfferedTopic(row.key, _in(language, row.names) or row.key, _in(language, row.descriptions), row.cadence)
        for key in keys
        if (row := found.get(key)) is not None
    )


def notice_words(session: Session, notice: str, language: Language) -> NoticeWords:
    """The words of a notice (``signup/3``) in this language, else in the first of fi, sv, en that it has.

    Raises ``NotFound``.
    """
    by_language = {row.language: row for row in _notices(session, notice)}
    row = next(by_language[known] for known in (language, *LANGUAGES) if known in by_language)
    return NoticeWords(
        ref=f"{row.key}/{row.version}/{row.language}",
        language=row.language,
        words=row.words,
        channels=tuple(row.channels),
        purposes=tuple(row.purposes),
        topics=tuple(row.topics),
    )


def canonical_origin(text: str) -> str:
    """A web origin as browsers write it (RFC 6454). Raises ``BadInput``."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadInput("is not a web origin", field="--origin") from None
    if parts.scheme not in ("https", "http") or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise BadInput("must be a web origin, such as https://www.acme.example", field="--origin")
    if parts.username or parts.password:
        raise BadInput("must be a web origin without a user", field="--origin")
    if parts.scheme == "http" and not is_this_machine(host):
        raise BadInput("must begin with https://", field="--origin")
    host = host.lower() if host.isascii() else host.encode("idna").decode("ascii")
    shown = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" if port in (None, usual) else f"{parts.scheme}://{shown}:{port}"


def _notices(session: Session, notice: str) -> list[Notice]:
    """Every language of a notice."""
    named = _NOTICE.fullmatch(notice)
    if named is None:
        raise BadInput("must be a notice's key and version, such as signup/3", field="--notice")
    rows = list(
        session.scalars(select(Notice).where(Notice.key == named["key"], Notice.version == int(named["version"])))
    )
    if not rows:
        raise NotFound(f"there is no notice {notice!r}")
    return rows


def _check_topics(session: Session, wanted: list[str], controller: str) -> None:
    known = {row.key: row for row in session.scalars(select(Topic).where(Topic.key.in_(wanted)))}
    for key in wanted:
        if key not in known:
            raise NotFound(f"there is no topic {key!r}")
        if known[key].controller != controller:
            raise BadInput(f"topic {key!r} belongs to another controller", field="--topic")
        if not known[key].public:
            raise BadInput(f"topic {key!r} is not public, so nobody could pick it", field="--topic")


def _check_notice(rows: list[Notice], controller: str, topics: list[str]) -> None:
    """In every language the notice must name all that is agreed to on the form, or the consent would be none."""
    for row in rows:
        name = f"the notice in {row.language}"
        if controller not in row.controllers:
            raise BadInput(f"{name} does not name the controller", field="--notice")
        if "email" not in row.channels:
            raise BadInput(f"{name} does not name e-mail, and only an address for it is asked", field="--notice")
        if not row.purposes:
            raise BadInput(f"{name} names no purpose", field="--notice")
        missing = [key for key in topics if row.topics and key not in row.topics]
        if missing:
            raise BadInput(f"{name} does not name topic {missing[0]!r}", field="--notice")


def _in(language: Language, names: dict[str, str]) -> str | None:
    """A text in this language, else in the first of fi, sv, en that there is."""
    return next((names[known] for known in (language, *LANGUAGES) if names.get(known)), None)


def open_forms(session: Session) -> int:
    """How many forms take subscriptions."""
    return (
        session.scalar(select(func.count()).select_from(SubscriptionForm).where(SubscriptionForm.closed_at.is_(None)))
        or 0
    )

"""Tables of consents: a row is what one person allowed or refused, by which words and when."""

from __future__ import annotations

import re
from typing import Literal, cast

from consentmgr.importing import cell_values
from consentmgr.importing.table_readers.reader import POST, Draft, NoticeScope, Reader
from consentmgr.importing.table_readers.row import Row, Unusable
from consentmgr.vocabulary.codes import Channel, ConsentMethod, EventKind, Language, Platform, Purpose
from consentmgr.vocabulary.documents import Contact, EventFields, Evidence, Point, PostalAddress

_NOTICE = re.compile(r"[^/]+/[1-9]\d*/(?:fi|sv|en)")


#: Columns of yes and no, and the channel each is about.
_CONSENT_COLUMNS: tuple[tuple[str, Channel], ...] = (
    ("consent_email", "email"), ("consent_sms", "sms"), ("consent_phone", "phone"), ("consent_post", "post"),
)  # fmt: skip


#: Acts that answer what a notice asked.
_ANSWERS: tuple[EventKind, ...] = ("consent_given", "consent_refused")


class ConsentReader(Reader):
    """A row is one act: a consent given, unless a column says otherwise.

    With columns of yes and no for each channel, yes is a consent and no a refusal, each by itself. Where neither the
    row nor an option says what a consent or refusal is for, the notice named for the whole table does. Without one,
    and without a word on channels, the consent is for the row's e-mail address alone, because a wider one must be
    shown; without one on purposes it is for direct marketing.
    """

    fields = (
        "ref", "email", "phone", *POST, "given_name", "family_name", "language", "consent", "event", "consent_email",
        "consent_sms", "consent_phone", "consent_post", "at", "channels", "purposes", "topics", "audiences", "notice",
        "method", "controller", "source", "confirmed_at", "ip",
    )  # fmt: skip
    needed = ("ref", "email", "phone", "street")

    def check(self) -> None:
        if self.options.notice is not None and not _NOTICE.fullmatch(self.options.notice):
            raise self.refuse("--notice must be key/version/language, such as signup/3/fi")

    def read(self, row: Row) -> Draft:
        country = row.country()
        source = row.text("source") or self.options.source
        values: list[tuple[Literal["email", "phone", "post"], str | PostalAddress | None]] = [
            ("email", self.email(row)),
            ("phone", self.phone(row, country)),
            ("post", self.post(row, country)),
        ]
        points = tuple(
            Point(channel=channel, value=value, source=source) for channel, value in values if value is not None
        )
        draft = self.person(row, country)
        events = self._events(row, source)
        language = cast("Language | None", row.code("language", "language"))
        draft.documents = lambda ref: [
            Contact(
                ref=ref,
                given_name=row.text("given_name"),
                family_name=row.text("family_name"),
                language=language,
                country=country,
                points=points,
                events=events,
            )
        ]
        return draft

    def _events(self, row: Row, source: str | None) -> tuple[EventFields, ...]:
        stated_at = row.parsed("at", cell_values.parse_moment) or self.options.at
        method = cast("ConsentMethod | None", row.code("method", "method")) or self.options.method
        purposes = cast("tuple[Purpose, ...]", row.codes("purposes", "purpose")) or self.options.purposes
        topics = row.keys("topics") or self.options.topics
        scope = self._scope(row)
        audiences = cast("tuple[Platform, ...]", row.codes("audiences", "platform")) or self.options.audiences
        notice, evidence = self._notice(row), self._evidence(row)

        def event(kind: EventKind, channels: tuple[Channel, ...], controller: str | None) -> EventFields:
            given = kind == "consent_given"
            # An objection or a withdrawal is as wide as it says itself: no notice narrows it.
            offered = scope if kind in _ANSWERS else NoticeScope()
            return EventFields(
                event=kind,
                at=stated_at or self.options.now,
                controller=controller,
                method=method,
                source=source,
                channels=channels or None,
                purposes=purposes or cast("tuple[Purpose, ...]", offered.purposes) or ("direct_marketing",),
                topics=topics or offered.topics or None,
                audiences=(audiences or None) if given else None,
                notice=notice if given else None,
                evidence=evidence if given else None,
                imported_without_date=None if stated_at is not None else True,
            )

        return tuple(
            event(kind, channels, controller)
            for kind, channels in self._acts(row)
            for controller in (self.controllers(row) or (None,))
        )

    def _acts(self, row: Row) -> list[tuple[EventKind, tuple[Channel, ...]]]:
        if any(column in self.premises.columns for column, _ in _CONSENT_COLUMNS):
            answers = [(row.parsed(column, cell_values.parse_yes_no), channel) for column, channel in _CONSENT_COLUMNS]
            given = tuple(channel for answer, channel in answers if answer is True)
            refused = tuple(channel for answer, channel in answers if answer is False)
            acts: list[tuple[EventKind, tuple[Channel, ...]]] = []
            if given:
                acts.append(("consent_given", given))
            if refused:
                acts.append(("consent_refused", refused))
            if not acts:
                raise Unusable("says nothing of consent: every column of yes and no is blank")
            return acts
        kind = cast("EventKind | None", row.code("event", "event"))
        if kind is None:
            answer = row.parsed("consent", cell_values.parse_yes_no)
            if answer is None and "consent" in self.premises.columns:
                raise Unusable("is blank, so the row says nothing of consent", "consent")
            kind = "consent_refused" if answer is False else "consent_given"
        channels = cast("tuple[Channel, ...]", row.codes("channels", "channel")) or self.options.channels
        if not channels and kind in _ANSWERS:
            channels = cast("tuple[Channel, ...]", self._scope(row).channels)
        if not channels and row.text("email") is not None and kind in _ANSWERS:
            channels = ("email",)
        if not channels and kind == "consent_given":
            raise Unusable("does not say for which channels the consent was given: add a column channels")
        return [(kind, channels)]

    def _scope(self, row: Row) -> NoticeScope:
        """What the table's notice speaks of, unless the row names another notice."""
        other = row.key("notice") not in (None, self.options.notice)
        return NoticeScope() if other or self.options.notice_scope is None else self.options.notice_scope

    def _notice(self, row: Row) -> str | None:
        notice = row.key("notice")
        if notice is not None and not _NOTICE.fullmatch(notice):
            raise Unusable("must be key/version/language, such as signup/3/fi", "notice")
        return notice or self.options.notice

    def _evidence(self, row: Row) -> Evidence | None:
        confirmed_at, ip = row.parsed("confirmed_at", cell_values.parse_moment), row.text("ip")
        if confirmed_at is None and ip is None:
            return None
        return Evidence(
            ip=ip, double_opt_in="confirmed" if confirmed_at is not None else None, confirmed_at=confirmed_at
        )

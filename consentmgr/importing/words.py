"""Codes of importing as pages name them, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _

from consentmgr.edge import application
from consentmgr.importing import told
from consentmgr.vocabulary.code_names import code_choices
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES
from consentmgr.vocabulary.columns import COLUMN_NAMES, column_name
from consentmgr.vocabulary.reason_codes import CHANNEL_LABELS, PURPOSE_NAMES

KINDS: Final[Mapping[str, Any]] = {
    "documents": _("Documents (JSON Lines)"),
    "contacts": _("Contacts: people and their addresses"),
    "consents": _("Consents and refusals"),
    "prohibitions": _("A ban list"),
    "organisations": _("Organisations"),
}
FORMS: Final[Mapping[str, Any]] = {
    "documents": _("documents, one a line"),
    "rejected rows": _("rejected lines of an earlier import"),
    "ban list": _("a ban list of another system"),
    "table": _("a table"),
}
OUTCOMES: Final[Mapping[str, Any]] = {
    "new": _("new"),
    "changed": _("changed"),
    "unchanged": _("unchanged"),
    "kept_erased": _("kept erased"),
    "rejected": _("refused"),
}
DOCUMENTS: Final[Mapping[str, Any]] = {
    "contact": _("Contacts"),
    "organisation": _("Organisations"),
    "prohibition": _("Bans"),
    "event": _("Acts"),
    "controller": _("Controllers"),
    "topic": _("Topics"),
    "notice": _("Notices"),
    "campaign": _("Campaigns"),
    "processing_purpose": _("Purposes of processing"),
    "external_list": _("Outside lists"),
    "line": _("Lines that could not be read"),
}
DECISIONS: Final[Mapping[str, Any]] = {
    "consent_given": _("consents given"),
    "guardian_consented": _("consents of guardians"),
    "consent_refused": _("consents refused"),
    "consent_withdrawn": _("consents withdrawn"),
    "objected": _("objections"),
    "objection_lifted": _("objections taken back"),
    "complaint": _("reports as spam"),
    "prohibition": _("bans"),
    "erased": _("erasures"),
    "erasure_requested": _("wishes to be erased"),
    "erasure_refused": _("refusals to erase"),
    "erasure_extended": _("extensions of the time to answer"),
    "restricted": _("restrictions"),
    "restriction_lifted": _("restrictions lifted"),
    "legal_basis_set": _("legal bases"),
}
LABELS: Final[Mapping[str, Any]] = {
    "source": _("Where the rows come from"),
    "use": _("What the addresses are used for"),
    "sheet": _("Sheet of the workbook"),
    "controller": _("Whose consents or bans they are"),
    "notice": _("The notice people consented to"),
    "method": _("How consents were given"),
    "at": _("When consents were given, or the day of the list"),
    "channels": _("Channels they cover"),
    "purposes": _("What they are for"),
    "topics": _("Topics they are about"),
    "reference": _("A note kept with every ban"),
    "ban_format": _("Which system's list it is"),
}
HINTS: Final[Mapping[str, Any]] = {
    "ban_source": _("The same codes stand in the column of the source, where the file has one."),
    "notice": _("Key, version and language, such as signup/3/fi. It must be in the register."),
    "at": _("A day or a time, such as 2026-11-01. Without it, and without a column, the order of acts is not known."),
    "channels": _("None: what the columns or the notice say."),
    "ban_format": _("None: what the file itself shows."),
}
FAULTS: Final[Mapping[str, Any]] = {
    "kind": _("Choose what the rows are. Some kinds are for those who answer for all controllers."),
    "controller": _("Choose one of your controllers."),
    "notice": _("Write key, version and language: signup/3/fi."),
    "at": _("Write a day or a time: 2026-11-01."),
    "mapping": _("A column cannot be used for that."),
    "file": _("Choose a file. It is empty, too large, removed, or taken in already."),
}
FAILURES: Final[Mapping[str, Any]] = {
    "died": _("It was cut short several times. Try a smaller file, and tell whoever looks after the installation."),
    "unexpected": _("Something went wrong here, which is our fault. The log of the installation says more."),
}


def word(words: Mapping[str, Any], code: str) -> str:
    """The word of a code; the code itself where there is none."""
    return str(words.get(code, code))


def reason(said: str) -> str | None:
    """Why a line was refused, in the page's language; None where it is told in English alone."""
    return told.reason(said, application.language(), {code: str(name) for code, name in DOCUMENTS.items()})


def ban_sources() -> list[tuple[str, str]]:
    """Sources of bans to choose from, each with the code that a file has for it."""
    return [(code, f"{code} ({name})") for code, name in code_choices("prohibition_source", application.language())]


def changed(name: str) -> str:
    """A field that changes (``contact.given_name``), with what people call it where that is known."""
    field = name.rpartition(".")[2]
    return f"{name} ({column_name(field, application.language())})" if field in COLUMN_NAMES else name


def of_file(said: str | None) -> str | None:
    """Why a file cannot be read, in the page's language where it is told in it."""
    return (told.of_file(said, application.language()) or said) if said is not None else None


def channels() -> list[tuple[str, str]]:
    return [(code, CHANNEL_LABELS[code][application.language()]) for code in CHANNELS]


def purposes() -> list[tuple[str, str]]:
    return [(code, PURPOSE_NAMES[code][application.language()]) for code in PURPOSES]

"""Codes of the ledger, of standing and of faults as pages name them, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import format_decimal
from flask_babel import lazy_gettext as _

from consentmgr.edge import application
from consentmgr.vocabulary.code_names import code_name
from consentmgr.vocabulary.reason_codes import BY_CODE

EVENTS: Final[Mapping[str, Any]] = {
    "consent_given": _("Consent given"),
    "guardian_consented": _("Consent given by a guardian"),
    "consent_refused": _("Consent refused"),
    "consent_withdrawn": _("Consent withdrawn"),
    "objected": _("Objection"),
    "objection_lifted": _("Objection taken back"),
    "complaint": _("Reported as spam"),
}
#: The lines of the chart of acts.
LINES: Final[Mapping[str, Any]] = {
    "given": _("Consents given"),
    "withdrawn": _("Consents withdrawn or refused"),
    "objected": _("Objections and spam reports"),
}
STATES: Final[Mapping[str, Any]] = {
    "consented": _("Consented"),
    "guardian_consented": _("A guardian consented"),
    "objection_lifted": _("Took an objection back"),
    "withdrawn": _("Withdrew"),
    "refused": _("Refused"),
    "objected": _("Objected"),
    "complained": _("Reported spam"),
}
#: How a state reads in a chart: whether it lets messages go.
TONES: Final[Mapping[str, str]] = {
    "consented": "good",
    "guardian_consented": "good",
    "objection_lifted": "calm",
}
FAULTS: Final[Mapping[str, Any]] = {
    "hard_bounce": _("Does not exist any more"),
    "invalid": _("Is no working address"),
    "soft_bounce": _("Could not be delivered lately"),
}
POINTS: Final[Mapping[str, Any]] = {
    "email": _("E-mail addresses"),
    "phone": _("Telephone numbers"),
    "post": _("Postal addresses"),
}
BURST_STATES: Final[Mapping[str, Any]] = {
    "open": _("To be looked at"),
    "accepted": _("Undone"),
    "rejected": _("Left as it is"),
    "forgotten": _("Erased"),
}
LINK_KINDS: Final[Mapping[str, Any]] = {"view": _("Opened"), "act": _("Acted")}
LINK_NAMES: Final[Mapping[tuple[str, str], Any]] = {
    ("view", "leave"): _("page to leave"),
    ("view", "preferences"): _("page of choices"),
    ("view", "confirm"): _("page to confirm a subscription"),
    ("act", "leave"): _("left on the page"),
    ("act", "one_click"): _("left by the button of the mail programme"),
    ("act", "undo"): _("took leaving back"),
    ("act", "preferences"): _("changed choices"),
    ("act", "confirm"): _("confirmed a subscription"),
}
#: What each job does; one that is not here tells it in its own words.
DOES: Final[Mapping[str, Any]] = {
    "send-mail": _("sends the mails that are due"),
    "read-mailbox": _("reads bounces, complaints and replies"),
    "take-journal": _("takes acts that a process which died left in the journal"),
    "hash-bans": _("hashes new bans on plain addresses for whoever asks by SHA-256"),
    "run-exports": _("runs the exports that are due"),
    "run-tasks": _("starts the long work that was asked for at the desk"),
    "deliver-changes": _("tells webhooks what has changed"),
    "forget-answers": _("removes answers of the API that were kept for whoever asks again"),
    "forget-attempts": _("removes what was kept of attempts to tell webhooks long ago"),
    "forget-sender-events": _("removes what was kept of events that sending services told long ago"),
    "read-answers": _("looks whether partners have acknowledged by a file"),
    "raise-alarms": _("tells of partners that lag, slots that are overdue and runs that failed"),
    "end-links": _("takes away files whose links to partners have ended"),
    "forget-sessions": _("removes rows of sessions of staff that are over"),
    "forget-attachments": _("removes files attached for people who were erased, and files no act has used"),
    "forget-lists": _("removes lists brought to the desk, and their results, when their time is over"),
    "keep-snapshot": _(
        "makes the snapshot for long lists anew where somebody in it was erased or too much has changed"
    ),
    "renew-snapshot": _("makes the snapshot for long lists anew at night, where anything has changed"),
    "flag-bursts": _("proposes to look at many opt-outs of one domain within minutes"),
    "expire-pending": _("forgets subscriptions that nobody confirmed within a week"),
    "forget-proposals": _("empties what erased people had proposed"),
    "forget-counts": _("removes counts of clients' requests"),
    "forget-mail": _("removes rows of mails sent long ago"),
    "forget-old-runs": _("removes rows of runs long ago"),
    "forget-tasks": _("removes rows of long work that ended long ago"),
    "forget-uploads": _("removes files that were brought to be imported long ago"),
    "count-acts": _("counts what people did, day by day"),
    "count-standing": _("counts how contacts stand and which addresses do not work"),
}


#: What came of a job, as jobs say it: alone, or after a number.
OUTCOMES: Final[Mapping[str, Any]] = {
    "nothing to send": _("nothing to send"),
    "no mailbox is set": _("no mailbox is set"),
    "no new messages": _("no new messages"),
    "counted": _("counted"),
    "nothing had changed": _("nothing had changed"),
}
COUNTED: Final[Mapping[str, Any]] = {
    "sent": _("sent: %(number)s"),
    "deferred": _("to be tried again: %(number)s"),
    "given up": _("given up: %(number)s"),
    "dropped": _("dropped: %(number)s"),
    "waiting": _("waiting: %(number)s"),
    "acts taken": _("acts taken: %(number)s"),
    "published": _("published: %(number)s"),
    "failed": _("failed: %(number)s"),
    "started": _("started: %(number)s"),
    "acknowledged": _("acknowledged: %(number)s"),
    "refused": _("refused: %(number)s"),
    "links ended": _("links ended: %(number)s"),
    "bursts flagged": _("bursts found: %(number)s"),
    "alarms stand": _("alarms: %(number)s"),
    "mailed": _("mailed: %(number)s"),
    "posted": _("posted: %(number)s"),
    "removed": _("removed: %(number)s"),
    "bans hashed": _("bans hashed: %(number)s"),
    "contacts": _("contacts: %(number)s"),
}


def outcome(told: str) -> str | None:
    """What came of a job in the language of the page; None where a job says what is not known here."""
    parts = []
    for part in told.split(", "):
        number, _space, counted = part.partition(" ")
        # What is forgotten or removed is told by what the job does.
        counted = "removed" if counted.endswith((" forgotten", " removed")) else counted
        if part in OUTCOMES:
            parts.append(str(OUTCOMES[part]))
        elif number.isdigit() and counted in COUNTED:
            parts.append(str(COUNTED[counted]) % {"number": format_decimal(int(number))})
        elif counted == "made":
            parts.append(str(_("made: %(name)s", name=number)))
        else:
            return None
    return ", ".join(parts)


def word(words: Mapping[Any, Any], code: Any) -> str:
    """The word of a code; the code itself where there is none, so that nothing is hidden."""
    return str(words[code]) if code in words else str(code)


def method(code: str) -> str:
    """How an act was told."""
    return code_name("consent_method", code, application.language())


def channel(code: str) -> str:
    """A channel's name; all of them for ``*``."""
    return str(_("All channels")) if code == "*" else code_name("channel", code, application.language())


def purpose(code: str) -> str:
    """A purpose's name; all of them for ``*``."""
    return str(_("All purposes")) if code == "*" else code_name("purpose", code, application.language())


def reason(code: str) -> str:
    """The sentence of a reason code, of whatever channel it speaks."""
    return (
        BY_CODE[code].text(application.language()).replace("{channel}", str(_("this channel's")))
        if code in BY_CODE
        else code
    )

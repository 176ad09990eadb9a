"""The questions a campaign's form asks: only what its channel and purpose need, one row of a table each.

What a person states of the message (the sender is named, refusing is easy …) is not taken for granted: it begins
unticked, and the gate it belongs to is shown as failing until somebody ticks it. What is not asked has the value that
the documents' contract gives it (formats.md section 2).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple

from flask_babel import lazy_gettext as _

from consentmgr.importing.documents import decode
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS
from consentmgr.vocabulary.documents import Campaign

Kind = Literal["text", "select", "radios", "checks", "tick", "day", "moment"]
Values = Mapping[str, Any]


class Asked(NamedTuple):
    """One question: the field of the campaign document (``message.…`` for what the message says), how it is asked,
    of which campaigns, and in which words. ``choices`` names a list that the page knows how to fill.
    """

    field: str
    kind: Kind
    applies: Callable[[Values], bool]
    label: Any
    hint: Any = None
    choices: str | None = None
    group: str = "campaign"

    @property
    def name(self) -> str:
        """The name of its control."""
        return self.field.replace(".", "-")

    @property
    def decides(self) -> bool:
        """Whether the answer changes what else is asked."""
        return self.field in _DECISIVE


#: Fields that ``applies`` of other questions look at.
_DECISIVE: Final = frozenset({"channel", "purpose", "audience", "promotes", "reminder_of_service", "list_source"})


def _always(_values: Values) -> bool:
    return True


def _email(v: Values) -> bool:
    return bool(v["channel"] == "email")


def _audience(v: Values) -> bool:
    return bool(v["channel"] == "online_audience")


def _service(v: Values) -> bool:
    return bool(v["purpose"] == "service_message" and not _audience(v))


def _may_promote(v: Values) -> bool:
    return v["purpose"] in ("service_message", "research", "public_information") and not _audience(v)


def _marketing(v: Values) -> bool:
    if v["purpose"] in ("direct_marketing", "newsletter") or _audience(v):
        return True
    reminds = v["purpose"] == "service_message" and bool(v.get("reminder_of_service"))
    return v["purpose"] in ("service_message", "public_information") and (bool(v.get("promotes")) or reminds)


def _electronic_marketing(v: Values) -> bool:
    return _marketing(v) and v["channel"] in ELECTRONIC_CHANNELS


def _business(v: Values) -> bool:
    return _marketing(v) and v.get("audience") == "business"


def _bought(v: Values) -> bool:
    return v.get("list_source") in ("vendor", "population_register")


#: In the order of the page. The first two decide about most others.
QUESTIONS: Final[tuple[Asked, ...]] = (
    Asked("name", "text", _always, _("Name of the campaign"), _("As you call it in the house.")),
    Asked("controller", "select", _always, _("Who sends it"), _("The controller in whose name it goes out."), "controllers"),
    Asked("channel", "select", _always, _("By which channel"), None, "channels"),
    Asked("purpose", "select", _always, _("For what"), None, "purposes"),
    Asked("platform", "select", _audience, _("On which platform"), None, "platforms"),
    Asked("audience_kind", "select", _audience, _("What the list is used for there"), None, "audience_kinds"),
    Asked(
        "promotes", "tick", _may_promote, _("The content also promotes something"),
        _("An offer, a product, a sign-up: then the law treats the message as marketing."),
    ),
    Asked(
        "reminder_of_service", "tick", _service, _("It reminds people to use or renew a service"),
        _("Such a reminder is marketing even where it praises nothing."),
    ),
    Asked(
        "confirms_own_request", "tick", _service, _("It confirms what the person has just asked for"),
        _("Sent once, such as the confirmation of a subscription."),
    ),
    Asked("topic", "select", lambda v: v["purpose"] == "newsletter", _("Which newsletter"), None, "newsletters"),
    Asked(
        "product_group", "select", lambda v: _marketing(v) and v["purpose"] != "newsletter", _("Which product group"),
        _("Customers may be written to about products of the kind they bought."), "product_groups",
    ),
    Asked("own_products", "tick", _electronic_marketing, _("It markets the sender's own products only")),
    Asked("audience", "radios", _marketing, _("Whom it is for"), None, "audiences"),
    Asked("business_use", "tick", _business, _("What is marketed is for business use")),
    Asked(
        "areas", "checks", _business, _("Whose duties it concerns"),
        _("Without any it goes to those who manage small companies."), "areas",
    ),
    Asked("special_category", "tick", _marketing, _("The choice of people tells of health, belief or other sensitive matters")),
    Asked("child_directed", "tick", _marketing, _("It is directed at children")),
    Asked(
        "sells_mobile_subscription", "tick", lambda v: v["channel"] == "phone" and _marketing(v),
        _("It sells mobile phone subscriptions"),
    ),
    Asked("list_source", "select", _always, _("Where the addresses come from"), None, "list_sources"),
    Asked("list_extracted_on", "day", lambda v: v.get("list_source") != "own", _("When the list was extracted")),
    Asked("vendor_licence_until", "day", lambda v: v.get("list_source") == "vendor", _("Last day of the licence")),
    Asked(
        "addresses_handed_to_sender", "tick", lambda v: v.get("list_source") == "population_register",
        _("The sender itself gets the addresses"),
    ),
    Asked("planned_at", "moment", _always, _("When it goes out"), _("Finnish time. Empty means now.")),
    Asked("message.sender_named", "tick", _marketing, _("The message names the sender"), group="message"),
    Asked("message.subject_honest", "tick", _marketing, _("The subject and the beginning show that it is marketing"), group="message"),
    Asked(
        "message.unsubscribe", "radios", _electronic_marketing, _("How one can refuse in the message"), None,
        "unsubscribes", group="message",
    ),
    Asked(
        "message.unsubscribe_needs", "checks", _electronic_marketing, _("Refusing asks for"),
        _("Nothing of this may be asked; tick what is."), "needs", group="message",
    ),
    Asked(
        "message.one_click", "tick", lambda v: _email(v) and _marketing(v),
        _("It carries the headers for leaving with one click (RFC 8058)"),
        _("The sending system puts them in; check an example under “Check a message”."), group="message",
    ),
    Asked(
        "message.objection_notice", "tick", _marketing, _("It tells of the right to object"),
        _("Clearly and apart from other information, at the latest in the first message."), group="message",
    ),
    Asked("message.privacy_notice", "tick", _marketing, _("It leads to the privacy notice"), group="message"),
    Asked(
        "message.source_line", "tick", lambda v: _marketing(v) and _bought(v),
        _("It says where the address was obtained"), group="message",
    ),
    Asked(
        "message.article_14_notice", "tick", lambda v: _marketing(v) and _bought(v),
        _("It gives what must be told when data came from elsewhere (GDPR 14)"), group="message",
    ),
    Asked("message.recipients_hidden", "tick", _email, _("Nobody sees the other recipients"), group="message"),
)  # fmt: skip

#: What a form begins with, where it is not simply empty or unticked.
BEGINS: Final[Mapping[str, Any]] = {
    "channel": "email",
    "purpose": "direct_marketing",
    "audience": "consumer",
    "list_source": "own",
    "own_products": True,
    "message.unsubscribe": "link",
    "audience_kind": "inclusion",
}


def values_of(given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What was entered, by field: from a submitted form (name -> values), or the beginning where nothing was."""
    shown = set(given.get("shown", ()))
    values: dict[str, Any] = {}
    for asked in QUESTIONS:
        sent = [value.strip() for value in given.get(asked.name, ())]
        if asked.name not in shown and not sent:
            values[asked.field] = BEGINS.get(
                asked.field, () if asked.kind == "checks" else False if asked.kind == "tick" else ""
            )
        elif asked.kind == "tick":
            values[asked.field] = bool(sent)
        elif asked.kind == "checks":
            values[asked.field] = tuple(value for value in sent if value)
        else:
            values[asked.field] = sent[0] if sent else ""
    return values


def questions_for(values: Values) -> list[Asked]:
    """What a campaign with these values is asked."""
    return [asked for asked in QUESTIONS if asked.applies(values)]


def not_shown(values: Values, given: Mapping[str, Sequence[str]]) -> list[str]:
    """Fields that this campaign is asked and the submitted form did not show."""
    shown = set(given.get("shown", ()))
    return [asked.field for asked in questions_for(values) if asked.name not in shown]


def campaign_from(values: Values, *, key: str) -> Campaign:
    """The campaign that the form describes. Raises ``BadInput`` with the field where something is missing or wrong."""
    document: dict[str, Any] = {"type": "campaign", "key": key, "promotes": _marketing(values)}
    message: dict[str, Any] = {}
    for asked in questions_for(values):
        value = values[asked.field]
        if asked.kind == "moment":
            value = _moment(value, asked.field)
        if value in ("", ()):
            continue
        if asked.field.startswith("message."):
            message[asked.field.removeprefix("message.")] = value
        else:
            document[asked.field] = value
    if not document.get("name"):
        raise BadInput(str(_("Give the campaign a name.")), field="name")
    if not document.get("controller"):
        raise BadInput(str(_("Choose who sends it.")), field="controller")
    if values["purpose"] == "newsletter" and not document.get("topic"):
        raise BadInput(str(_("Choose the newsletter.")), field="topic")
    if _audience(values) and not document.get("platform"):
        raise BadInput(str(_("Choose the platform.")), field="platform")
    found = decode(json.dumps({**document, "message": message}, ensure_ascii=False).encode())
    if isinstance(found, Rejection):
        raise BadInput(str(_("This cannot be taken as it is.")), field=found.field)
    assert isinstance(found, Campaign)
    return found


def values_from(campaign: Campaign) -> dict[str, Any]:
    """The form's values for a campaign that is there already."""
    values: dict[str, Any] = {}
    for asked in QUESTIONS:
        place, _dot, name = asked.field.rpartition(".")
        # Asked of the campaign itself: its JSON leaves out what is as the contract has it, a true as well.
        value = getattr(getattr(campaign, place) if place else campaign, name)
        value = value.isoformat() if isinstance(value, date) else value
        if value is None:
            value = BEGINS.get(asked.field, "") if asked.kind != "tick" else False
        if asked.kind == "moment" and value:
            value = datetime.fromisoformat(str(value)).astimezone(HELSINKI).strftime("%Y-%m-%dT%H:%M")
        values[asked.field] = tuple(value) if isinstance(value, list) else value
    return values


def _moment(text: str, field: str) -> str:
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=HELSINKI).isoformat()
    except ValueError:
        raise BadInput(str(_("Enter the day and the time.")), field=field) from None


def key_of(name: str, planned: datetime, ending: str) -> str:
    """A key for a campaign described here: month, name and an ending of its own, in letters any system takes."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return "-".join(part for part in (f"{planned:%Y-%m}", words, ending) if part)

"""Codes of the desk's screening pages in the words of the page's language; the law's own words are in ``vocabulary``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from consentmgr.edge import application
from consentmgr.edge.filters import day, moment
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.code_names import code_choices, code_name
from consentmgr.vocabulary.columns import COLUMN_NAMES, LIST_FIELDS

_IN_COLUMN_NAMES: Final = {"en": 0, "fi": 1, "sv": 2}
#: The choices of the campaign form and the code list each is of.
_CODE_LISTS: Final = {
    "channels": "channel",
    "purposes": "purpose",
    "areas": "area",
    "platforms": "platform",
    "audiences": "audience",
    "audience_kinds": "audience_kind",
    "list_sources": "list_source",
    "unsubscribes": "unsubscribe",
    "needs": "unsubscribe_need",
}
#: What a task says it is doing.
STEPS: Final = {
    "looking": _("The file is being looked at."),
    "reading": _("The list is being read."),
    "asking": _("The register is being asked about every row."),
    "writing": _("The result is being written."),
    "recording": _("The certificate is being signed."),
}
#: Faults of a file that people meet, by the words the reader says them with; others are shown as they are.
_FAULTS: Final[tuple[tuple[str, Any], ...]] = (
    (r"the file is larger than (\d+) MB", _("The file is too large. At most 200 MB are taken here; screen a larger one at the terminal.")),
    (r"the file is larger than", _("The file is too large. Split it, or screen it at the terminal.")),
    (r"holds only empty lines|file is empty", _("The file is empty. A list needs a line with the names of its columns, and rows below.")),
    (r"old Excel file", _("This is an old Excel file (.xls). Save it as .xlsx or CSV.")),
    (r"protected by a password", _("The workbook is protected by a password. Save it without one.")),
    (r"the sheet .* is empty", _("The sheet is empty. Choose another sheet, or another file.")),
    (r"no sheet named so", _("The workbook has no sheet of that name.")),
    (r"not a table|zip archive|word processor|OpenDocument|binary workbook", _("This is not a list. Give a CSV, XLSX, JSON Lines or Parquet file.")),
    (r"columns of an earlier screening", _("This list is the result of an earlier screening. Bring the list that was screened, or take the columns that begin with cm_ out of it.")),
    (r"no column says who", _("No column says who each row is. Choose at least one: e-mail, telephone, street, reference or business id.")),
    (r"two columns mean the same", _("Two columns cannot mean the same. Choose which one is right, and leave the other out.")),
    (r"all mean", _("Several columns mean the same. Say which one is right.")),
    (r"a row is allowed or blocked", _("Choose whether the rows are allowed or blocked.")),
    (r"needs a note", _("Write a note that says why.")),
    (r"choose the rows, or a reason", _("Tick the rows first, or choose a reason.")),
    (r"not to be reviewed", _("A row that is not to be reviewed cannot be decided.")),
    (r"too many rows at once", _("So many rows cannot be decided one by one. Decide them by their reason.")),
    (r"screening has expired", _("The screening has expired. Screen the list again first.")),
    (r"choose who is to get", _("Choose who is to get the list.")),
    (r"is being screened", _("The list has been screened, or is being screened. Bring it again to change anything.")),
    (r"no e-mail message", _("This is not an e-mail message. Save one with its headers, as an .eml file.")),
    (r"the message is larger", _("The message is too large. Take its attachments out.")),
    (r"must say its platform", _("Choose the platform.")),
)  # fmt: skip


def fault_told(sentence: str) -> str:
    """A service's refusal in the page's language; where nobody foresaw it, with its own words."""
    for pattern, told in _FAULTS:
        if re.search(pattern, sentence):
            return str(told)
    return str(gettext("The list cannot be taken as it is: %(reason)s", reason=sentence))


def fault_told_of_campaign(error: BadInput) -> str:
    """The same of a campaign; the form's own refusals are in the page's language already."""
    return fault_told(error.message) if any(re.search(one, error.message) for one, _told in _FAULTS) else error.message


def field_name(field: str) -> str:
    """What a recognised column is called."""
    names = COLUMN_NAMES.get(field)
    return _begun(names[_IN_COLUMN_NAMES[application.language()]]) if names else field


def field_choices() -> list[tuple[str, str]]:
    """Everything a column may mean; the first is nothing."""
    return [("", gettext("Not used")), *((field, field_name(field)) for field in LIST_FIELDS)]


def fixed_choices(name: str) -> list[tuple[str, str]]:
    """The choices of a code list, by its name in the campaign form."""
    named = [(code, _begun(text)) for code, text in code_choices(_CODE_LISTS[name], application.language())]
    return [("", gettext("Choose")), *named] if name == "platforms" else named


def _begun(text: str) -> str:
    """A name as a line of its own begins: its first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def verdict_name(code: str) -> str:
    return _begun(code_name("verdict", code, application.language()))


#: What was consulted in the register, by its kind.
KIND_NAMES: Final = {
    "acts": _("Ledger entries"),
    "prohibitions": _("Prohibitions"),
    "points": _("Contact points"),
    "roles": _("Roles"),
    "relations": _("Customer relations"),
    "organisations": _("Organisations"),
}
#: The fields of an entry that was consulted, and the code list its values are of.
_ENTRY_FIELDS: Final[dict[str, tuple[Any, str | None]]] = {
    "id": (_("Number"), None),
    "point_id": (_("Number"), None),
    "event": (_("Act"), "event"),
    "at": (_("When"), None),
    "controller": (_("Controller"), None),
    "method": (_("How"), "consent_method"),
    "given_by": (_("Given by"), "given_by"),
    "channels": (_("Channels"), "channel"),
    "purposes": (_("Purposes"), "purpose"),
    "topics": (_("Topics"), None),
    "audiences": (_("Platforms"), "platform"),
    "target_kind": (_("Concerns"), "prohibition_target"),
    "source": (_("Source"), "prohibition_source"),
    "controllers": (_("Controllers"), None),
    "valid_from": (_("From"), None),
    "valid_until": (_("Until"), None),
    "reference": (_("Reference"), None),
    "kind": (_("Kind"), "channel"),
    "use": (_("Use"), "point_use"),
    "acquired_on": (_("Acquired"), None),
    "verified_on": (_("Verified"), None),
    "informed_on": (_("Informed"), None),
    "state": (_("State"), "point_state"),
    "organisation_id": (_("Organisation"), None),
    "position": (_("Position"), "position"),
    "since": (_("From"), None),
    "until": (_("Until"), None),
    "area": (_("Area of responsibility"), "area"),
    "evidence": (_("Shown by"), "area_evidence"),
    "area_verified_on": (_("Verified"), None),
    "product_group": (_("Product group"), None),
    "relation": (_("Relation"), "relation"),
    "address_from_sale": (_("Address got in the sale"), None),
    "opt_out_offered": (_("Refusing was offered"), None),
    "organisation_country": (_("Country"), None),
    "form": (_("Legal form"), "organisation_form"),
    "status": (_("Status"), "organisation_status"),
    "employees": (_("Employees"), None),
}


def entry_told(entry: Mapping[str, Any], called: Mapping[str, Mapping[Any, str]]) -> list[tuple[str, str]]:
    """What a consulted entry says, in words: names and values for a definition list.

    ``called``: what people call the things a field names, by field and key.
    """
    told = []
    for name, value in entry.items():
        label, codes = _ENTRY_FIELDS.get(name, (name, None))
        names = called.get(name, {})
        if isinstance(value, list):
            value = [names.get(one, one) for one in value]
        told.append((str(label), _value_told(names.get(value, value) if not isinstance(value, list) else value, codes)))
    return told


def _value_told(value: Any, codes: str | None) -> str:
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, list):
        return ", ".join(_value_told(one, codes) for one in value)
    text = str(value)
    if codes is not None:
        return code_name(codes, text, application.language())
    if re.fullmatch(r"\d{4}-\d\d-\d\d(T.*)?", text):
        return moment(datetime.fromisoformat(text)) if "T" in text else day(text)
    return text

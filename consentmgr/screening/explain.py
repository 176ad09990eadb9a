"""Why one person may or may not be contacted: the answer, each reason with its law, and everything consulted.

What is shown of the register is what decided: acts, prohibitions, contact points and roles by id, date and scope.
Addresses and names are not repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from consentmgr.campaigns.policy_in_force import current
from consentmgr.db import driver_connection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_email
from consentmgr.kit.canonical.hashes import canonical_sha256
from consentmgr.kit.canonical.phones import canonical_phone
from consentmgr.register.business_ids import canonical_in_list
from consentmgr.screening.decide import identifiers_of, told
from consentmgr.screening.question import NEVER_BEFORE
from consentmgr.screening.register_frames import HASHES_SCHEMA, frames_by_key
from consentmgr.screening.row_frame import Addressed
from consentmgr.screening.service import screen
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.columns import address_kind
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import BY_CODE, VERDICT_NAMES, explanation

if TYPE_CHECKING:
    from consentmgr.db import Asking

_SHOWN = {
    "acts": (
        "entry_id", "event", "at_us", "controller", "method", "given_by", "channels", "purposes", "topics", "audiences",
    ),
    "prohibitions": (
        "prohibition_id", "target_kind", "source", "channels", "purposes", "topics", "controllers", "valid_from",
        "valid_until", "reference",
    ),
    "points": ("point_id", "kind", "use", "source", "acquired_on", "verified_on", "informed_on", "state"),
    "roles": ("organisation_id", "position", "since", "until", "area", "evidence", "area_verified_on"),
    "relations": ("controller", "product_group", "relation", "address_from_sale", "opt_out_offered"),
    "organisations": ("organisation_id", "organisation_country", "form", "status", "employees"),
}  # fmt: skip
_ID_LETTERS = {"entry_id": "E", "prohibition_id": "P"}
_HEADINGS: dict[Language, dict[str, str]] = {
    "en": {
        "acts": "Ledger entries", "prohibitions": "Prohibitions", "points": "Contact points", "roles": "Roles",
        "relations": "Customer relations", "organisations": "Organisations", "reasons": "Reasons",
        "none": "The register knows nothing of this address.", "looked_up": "Looked up as",
        "otherwise": "If it is something else, say so", "email": "e-mail address", "phone": "telephone number",
        "business_id": "business id", "ref": "reference", "email_sha256": "SHA-256 of an e-mail address",
        "phone_sha256": "SHA-256 of a telephone number",
    },
    "fi": {
        "acts": "Suostumuskirja", "prohibitions": "Kiellot", "points": "Yhteystiedot", "roles": "Tehtävät",
        "relations": "Asiakassuhteet", "organisations": "Organisaatiot", "reasons": "Syyt",
        "none": "Rekisteri ei tunne tätä osoitetta.", "looked_up": "Haettu tunnisteella",
        "otherwise": "Jos se on jotain muuta, kerro se näin", "email": "sähköpostiosoite", "phone": "puhelinnumero",
        "business_id": "Y-tunnus", "ref": "viite", "email_sha256": "sähköpostiosoitteen SHA-256",
        "phone_sha256": "puhelinnumeron SHA-256",
    },
    "sv": {
        "acts": "Samtyckesliggare", "prohibitions": "Förbud", "points": "Kontaktuppgifter", "roles": "Uppgifter",
        "relations": "Kundrelationer", "organisations": "Organisationer", "reasons": "Skäl",
        "none": "Registret känner inte till adressen.", "looked_up": "Sökt som",
        "otherwise": "Om det är något annat, ange det så här", "email": "e-postadress", "phone": "telefonnummer",
        "business_id": "FO-nummer", "ref": "referens", "email_sha256": "SHA-256 av en e-postadress",
        "phone_sha256": "SHA-256 av ett telefonnummer",
    },
}  # fmt: skip


#: What may stand before the identifier, with a colon, to say what it is.
KINDS = ("email", "phone", "business_id", "ref", "email_sha256", "phone_sha256")


def row_of(address: str) -> dict[str, str]:
    """A list row that holds just this identifier.

    ``phone:29050528`` says what it is; without that, eight digits whose check digit holds are a business id, for
    people leave its hyphen out, and a telephone number is rarely written without its first zero. Ten digits that begin
    with one are a telephone number, though one in ten of them could be a Swedish organisation's.
    """
    said, separator, rest = address.partition(":")
    if separator and said in KINDS and rest.strip():
        return {said: rest.strip()}
    if canonical_sha256(address):
        return {"email_sha256": address, "phone_sha256": address}
    digits = "".join(address.split())
    telephone = len(digits) == 10 and digits.startswith("0")
    written = canonical_in_list(address) not in (None, address.strip()) and not telephone
    if address_kind(address) == "business_id" or written:
        return {"business_id": address}
    if canonical_email(address):
        return {"email": address}
    if canonical_phone(address):
        return {"phone": address}
    return {"ref": address}


def other_readings(address: str) -> tuple[str, ...]:
    """What else the text could have been, as it would be written to say so: ``phone:29050528``."""
    if not address.isdigit() or address.startswith("0"):
        return ()
    could_be = {
        "phone": canonical_phone(address) is not None,
        "business_id": len(address) in (8, 10),
        "ref": True,
    }
    taken = row_of(address)
    return tuple(f"{kind}:{address}" for kind, possible in could_be.items() if possible and kind not in taken)


def explained(
    asking: Asking, address: str, campaign: Campaign, *, keys: AddressKeys, now: datetime, language: Language
) -> dict[str, Any]:
    """The answer for one address and what was consulted, as plain data. Reads one position of the register."""
    return {
        **explained_row(asking, row_of(address), campaign, keys=keys, now=now, language=language),
        "other_readings": list(other_readings(address)),
    }


def explained_row(
    asking: Asking,
    row: Mapping[str, str],
    campaign: Campaign,
    *,
    keys: AddressKeys,
    now: datetime,
    language: Language,
) -> dict[str, Any]:
    """The same for a row of a list: what it says of who it is, by field."""
    identifiers = identifiers_of([row])
    policy = current(asking)
    answers = screen(asking, identifiers, campaign, keys=keys, policy=policy, now=now, language=language)
    (answer,) = told(answers)
    banned = answers.outcomes[answers.outcome[0].as_py()].banned_channel
    addressed = Addressed(identifiers, keys, with_hashes=True)
    tables = frames_by_key(driver_connection(asking), addressed.keys(HASHES_SCHEMA.empty_table()))
    consulted = {name: _shown(tables[name], columns) for name, columns in _SHOWN.items()}
    return {
        **answer,
        "looked_up_as": list(row),
        "banned_channel": banned,
        "reasons": [
            {
                "code": code,
                "stage": BY_CODE[code].stage,
                "kind": BY_CODE[code].kind,
                "explanation": explanation(code, language, banned or campaign.channel),
            }
            for code in answer["reasons"]
        ],
        "consulted": consulted,
        "controller_names": _names_of_controllers(asking, consulted),
        "rule_pack": answers.rule_pack,
        "register_position": answers.register_position,
        "ledger_head": answers.ledger_head,
    }


def _shown(table: pa.Table, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {_name(name): _value(name, value) for name, value in row.items() if value not in (None, "")}
        for row in table.select(list(columns)).to_pylist()
    ]


def _controllers_in(entry: Mapping[str, Any]) -> list[str]:
    return [*entry.get("controllers", ()), *([entry["controller"]] if "controller" in entry else [])]


def _names_of_controllers(asking: Asking, consulted: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """What the controllers that entries name by their keys are called, by key, where the register has them."""
    keys = {key for entries in consulted.values() for entry in entries for key in _controllers_in(entry)}
    found = driver_connection(asking).execute(
        "SELECT key, name FROM controller WHERE key = ANY(%s) ORDER BY key", [sorted(keys)]
    )
    return dict(found.fetchall())


def _name(column: str) -> str:
    return {"at_us": "at", "entry_id": "id", "prohibition_id": "id"}.get(column, column)


def _value(column: str, value: Any) -> Any:
    if column in _ID_LETTERS:
        # As in the column cm_evidence.
        return f"{_ID_LETTERS[column]}{value}"
    if column == "at_us":
        return None if value == NEVER_BEFORE else datetime.fromtimestamp(value / 1_000_000, UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and value.startswith("|"):
        return value.strip("|").split("|")
    return value


def as_text(answer: dict[str, Any], language: Language) -> str:
    """The same for people, in a terminal."""
    words = _HEADINGS[language]
    lines = [
        f"{VERDICT_NAMES[answer['verdict']][language]}: {answer['explanation']}",
        f"{words['looked_up']}: {', '.join(words[kind] for kind in answer['looked_up_as'])}",
        *([f"{words['otherwise']}: {', '.join(answer['other_readings'])}"] if answer["other_readings"] else ()),
        "",
        f"{words['reasons']}:",
    ]
    lines += [f"  {reason['code']}  {reason['explanation']}" for reason in answer["reasons"]]
    found = False
    for name, rows in answer["consulted"].items():
        if rows:
            found = True
            lines += ["", f"{words[name]}:"]
            lines += [
                "  " + ", ".join(f"{key} {_told(key, value, answer['controller_names'])}" for key, value in row.items())
                for row in rows
            ]
    if not found:
        lines += ["", words["none"]]
    return "\n".join(lines)


def _told(field: str, value: Any, controllers: Mapping[str, str]) -> str:
    if field == "controller":
        return controllers.get(value, value)
    if field == "controllers":
        # A name has spaces of its own.
        return "; ".join(controllers.get(one, one) for one in value)
    return " ".join(value) if isinstance(value, list) else str(value)

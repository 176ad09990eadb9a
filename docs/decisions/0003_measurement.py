"""Decoding contact documents with msgspec and with marshmallow, for decision 0003: ``python docs/decisions/0003_measurement.py``.

The marshmallow schema is made of the structs themselves, field by field, so that both check the same contract.
"""
# ruff: noqa: INP001, T201 - a script beside the decision it belongs to, which prints its result.

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from typing import Any

import marshmallow
import msgspec
from marshmallow import fields, validate
from msgspec import inspect

from consentmgr.demo.register import make_register
from consentmgr.vocabulary.documents import Contact

#: The contract's example of a contact, with one consent and its evidence.
EXAMPLE = {
    "type": "contact", "ref": "crm:12345", "controllers": ["acme"], "given_name": "Aino", "family_name": "Virtanen",
    "language": "fi", "country": "FI", "municipality": "091", "born_on": "1984-05-01", "non_disclosure": False,
    "points": [
        {"channel": "email", "value": "aino.virtanen@esimerkki.example", "use": "work", "organisation": "0112038-9",
         "source": "web_form", "acquired_on": "2026-01-10", "verified_on": "2026-06-01", "informed_on": "2026-01-10",
         "state": "ok", "soft_bounces": 0, "published_by_organisation": False},
    ],
    "roles": [
        {"organisation": "0112038-9", "title": "HR manager", "since": "2024-01-01",
         "areas": [{"area": "human_resources", "evidence": "organisation", "verified_on": "2026-07-01"}]},
    ],
    "customer_of": [
        {"controller": "acme", "product_group": "training", "relation": "purchase", "last_purchase_on": "2026-03-01",
         "address_from_sale": True, "opt_out_offered": True},
    ],
    "legal_bases": [
        {"controller": "acme", "purpose": "customer_relationship", "basis": "contract", "since": "2026-03-01"},
    ],
    "events": [
        {"event": "consent_given", "at": "2026-01-10T09:30:00+02:00", "controller": "acme", "method": "web_form",
         "channels": ["email", "sms"], "purposes": ["direct_marketing"], "notice": "signup/3/fi",
         "evidence": {"form": "newsletter", "ip": "203.0.113.9", "double_opt_in": "confirmed"}},
    ],
}  # fmt: skip
#: Rounds of each measurement, taken in turn; the best one counts, because everything else on the machine only adds.
ROUNDS = 15


def schema_of(struct: type[msgspec.Struct]) -> type[marshmallow.Schema]:
    """A marshmallow schema with the fields and checks of ``struct``; unknown fields are an error."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    made: dict[str, Any] = {field.encode_name: field_of(field.type, required=field.required) for field in info.fields}
    if info.tag is not None:
        made[info.tag_field or "type"] = fields.String(required=True, validate=validate.Equal(info.tag))
    made["Meta"] = type("Meta", (), {"unknown": marshmallow.RAISE})
    return type(f"{struct.__name__}Schema", (marshmallow.Schema,), made)


def field_of(kind: Any, *, required: bool = False, allow_none: bool = False) -> fields.Field:
    given: dict[str, Any] = {"required": required, "allow_none": allow_none}
    match kind:
        case inspect.Metadata(type=inner):
            return field_of(inner, required=required, allow_none=allow_none)
        case inspect.UnionType(types=types):
            kinds = [one for one in types if not isinstance(one, inspect.NoneType)]
            nullable = len(kinds) < len(types)
            if len(kinds) == 1:
                return field_of(kinds[0], required=required, allow_none=nullable)
            # A contact point's value: text, or the parts of a postal address.
            return fields.Raw(**{**given, "allow_none": nullable})
        case inspect.LiteralType(values=values):
            return fields.String(validate=validate.OneOf(values), **given)
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            checks: list[Any] = [validate.Length(min=least, max=most)] if least or most else []
            checks += [validate.Regexp(pattern)] if pattern else []
            return fields.String(validate=checks, **given)
        case inspect.IntType(ge=least):
            return fields.Integer(strict=True, validate=validate.Range(min=least), **given)
        case inspect.BoolType():
            return fields.Boolean(truthy={True}, falsy={False}, **given)
        case inspect.DateType():
            return fields.Date(**given)
        case inspect.DateTimeType():
            return fields.AwareDateTime(**given)
        case inspect.VarTupleType(item_type=item):
            return fields.List(field_of(item), **given)
        case inspect.StructType(cls=cls):
            return fields.Nested(schema_of(cls), **given)
    raise TypeError(kind)


def microseconds(lines: list[bytes], ways: list[Callable[[bytes], object]]) -> list[float]:
    """Processor microseconds a document for each way, in the best of the rounds."""
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for way, decode in enumerate(ways):
            begun = time.process_time()
            for line in lines:
                decode(line)
            best[way] = min(best[way], time.process_time() - begun)
    return [taken / len(lines) * 1e6 for taken in best]


def refusal(decoder: msgspec.json.Decoder[Contact], line: bytes) -> str:
    try:
        decoder.decode(line)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def main() -> None:
    decoder = msgspec.json.Decoder(Contact)
    schema = schema_of(Contact)()
    register = make_register(1, date(2026, 11, 2))
    sets = {
        "the contract's example": [json.dumps(EXAMPLE).encode()] * 1_000,
        "2,000 contacts of the demonstration": [
            msgspec.json.encode(contact) for contact in (*register.consumers, *register.business_people)
        ],
    }
    broken = json.dumps(EXAMPLE | {"shoe_size": 38}).encode()
    assert schema.validate(json.loads(broken)) == {"shoe_size": ["Unknown field."]}
    assert "shoe_size" in refusal(decoder, broken)
    print(
        f"Python {platform.python_version()}, msgspec {version('msgspec')}, marshmallow {version('marshmallow')}, "
        f"{platform.machine()}"
    )
    for name, lines in sets.items():
        size = sum(map(len, lines)) / len(lines)
        print(f"{name}, {size:,.0f} bytes each on average: processor microseconds a document, documents a second")
        ways: dict[str, Callable[[bytes], object]] = {
            "json.loads alone, nothing checked": json.loads,
            "msgspec, into structs": decoder.decode,
            "json.loads and marshmallow": lambda line: schema.load(json.loads(line)),
        }
        for what, taken in zip(ways, microseconds(lines, list(ways.values())), strict=True):
            print(f"  {what:36} {taken:9.1f} {1e6 / taken:12,.0f}")


if __name__ == "__main__":
    main()

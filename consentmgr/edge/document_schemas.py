"""The documents of the contract as the API reads and describes them: marshmallow schemas made from their structs.

``vocabulary.documents`` is the one place that says what a document holds; here it is told to marshmallow, and so to
the API's own document. What a schema loads is the plain JSON it was given, checked: types, codes, lengths, and no field
that nobody knows. A field that is null or blank is one that was not given (formats.md), so it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any, Final

import msgspec
from marshmallow import Schema, ValidationError, fields, pre_load, validate
from msgspec import inspect

from consentmgr.edge.api.schemas import ApiSchema, Moment

#: What PostgreSQL's integer holds; a number of a document is stored as one.
_LARGEST: Final = 2**31 - 1


class DocumentSchema(ApiSchema):
    """What the schemas made here have in common."""

    @pre_load
    def leave_out_blanks(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: _filled(value) for name, value in data.items() if not _is_blank(value)}


def document_schema(
    struct: type[msgspec.Struct],
    *,
    told: Mapping[str, str] | None = None,
    more: Mapping[str, fields.Field[Any]] | None = None,
    name: str | None = None,
) -> type[ApiSchema]:
    """The schema of a document or a part of one. It is called as the struct is, or ``name``.

    ``told`` describes fields by their names; ``more`` are fields beside the document's own, such as what an answer
    says of it (``dump_only``).
    """
    base = _schema(struct)
    if not told and not more and name is None:
        return base
    declared = deepcopy(base._declared_fields)  # noqa: SLF001 - marshmallow has no other way to read a class's fields
    for field, sentence in (told or {}).items():
        declared[field].metadata = {**declared[field].metadata, "description": sentence}
    return type(
        f"{name or struct.__name__}Schema", (DocumentSchema,), {**declared, **(more or {}), "__doc__": struct.__doc__}
    )


@cache
def _schema(struct: type[msgspec.Struct]) -> type[ApiSchema]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    made: dict[str, Any] = {"__doc__": struct.__doc__}
    if info.tag is not None:
        made["type"] = fields.String(
            validate=validate.Equal(info.tag), metadata={"enum": [info.tag], "description": "May be left out."}
        )
    for field in info.fields:
        made[field.encode_name] = _field(field.type, required=field.required, default=field.default)
    return type(f"{struct.__name__}Schema", (DocumentSchema,), made)


def _field(kind: inspect.Type, *, required: bool = False, default: Any = msgspec.NODEFAULT) -> fields.Field[Any]:
    """The field of a type. One that may be left out may as well be null."""
    metadata = dict[str, Any]()
    if isinstance(default, str | bool | int) and default != "":
        metadata["default"] = default
    plain: dict[str, Any] = {"required": required, "allow_none": not required, "metadata": metadata}
    match kind:
        case inspect.Metadata():
            return _field(kind.type, required=required, default=default)
        case inspect.UnionType():
            some = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            if len(some) == 1:
                return _field(some[0], required=required, default=default)
            return OneOfSome(some, **plain)
        case inspect.StrType():
            return fields.String(validate=_of_text(kind), **plain)
        case inspect.LiteralType():
            return fields.String(validate=validate.OneOf(kind.values), **plain)
        case inspect.IntType():
            return WholeNumber(validate=validate.Range(kind.ge, kind.le if kind.le is not None else _LARGEST), **plain)
        case inspect.BoolType():
            return YesOrNo(**plain)
        case inspect.DateType():
            return Day(**plain)
        case inspect.DateTimeType():
            return PlainMoment(**plain)
        case inspect.VarTupleType() | inspect.ListType():
            return fields.List(_field(kind.item_type, required=True), **plain)
        case inspect.DictType():
            return fields.Dict(keys=fields.String(), **plain)
        case inspect.StructType():
            return fields.Nested(_schema(kind.cls), **plain)
    raise TypeError(f"documents have no {type(kind).__name__} yet")


def _of_text(kind: inspect.StrType) -> list[Any]:
    found: list[Any] = []
    if kind.min_length is not None or kind.max_length is not None:
        found.append(validate.Length(kind.min_length, kind.max_length))
    if kind.pattern is not None:
        found.append(validate.Regexp(kind.pattern))
    return found


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _filled(value: Any) -> Any:
    return [one for one in value if not _is_blank(one)] if isinstance(value, list) else value


# --- fields that give back what they were given -----------------------------------------------------------------------


class Day(fields.Date):
    """An ISO date, as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        super()._deserialize(value, attr, data, **more)
        return value

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> Any:
        return value if isinstance(value, str) else super()._serialize(value, attr, obj, **more)


class PlainMoment(Moment):
    """A moment with an offset, as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        super()._deserialize(value, attr, data, **more)
        return value

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> Any:
        return value if isinstance(value, str) else super()._serialize(value, attr, obj, **more)


class YesOrNo(fields.Boolean):
    """``true`` or ``false``, and nothing that only looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class WholeNumber(fields.Integer):
    """A whole number, not written as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class OneOfSome(fields.Field[Any]):
    """A value of one of some types, such as an address as text or in its parts."""

    def __init__(self, kinds: list[inspect.Type], **more: Any) -> None:
        self._kinds = [_field(kind, required=True) for kind in kinds]
        more["metadata"] = {**more.get("metadata", {}), "anyOf": [_described(field) for field in self._kinds]}
        super().__init__(**more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        refused: list[ValidationError] = []
        for field in self._kinds:
            try:
                return field.deserialize(value, attr, data, **more)
            except ValidationError as error:
                refused.append(error)
        # Of an object what is wrong inside it is told, of anything else that it is none of these.
        nested = [error for error in refused if isinstance(value, dict) and isinstance(error.messages, dict)]
        raise nested[0] if nested else ValidationError("Must be " + " or ".join(map(_called, self._kinds)) + ".")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> Any:
        return value


class KeyOrDocument(fields.Field[Any]):
    """What is kept, by its key as text, or a whole document of this kind; loaded as one or the other."""

    def __init__(self, struct: type[msgspec.Struct], **more: Any) -> None:
        self._schema = document_schema(struct)
        called = {"$ref": f"#/components/schemas/{struct.__name__}"}
        more["metadata"] = {
            **more.get("metadata", {}),
            "anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, called],
        }
        super().__init__(**more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if isinstance(value, str) and 0 < len(value.strip()) <= 200:
            return value
        if isinstance(value, dict):
            return self._schema().load(value)
        raise ValidationError("Must be a key of up to 200 characters, or a whole document.")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> Any:
        return value


def _called(field: fields.Field[Any]) -> str:
    return "an object" if isinstance(field, fields.Nested) else "text"


def _described(field: fields.Field[Any]) -> dict[str, Any]:
    """A field of a union for the API's document, which has no name for it."""
    if not isinstance(field, fields.Nested):
        return {"type": "string"}
    schema: Schema = field.schema
    return {
        "type": "object",
        "properties": {name: _described_nullable(below) for name, below in schema.fields.items()},
        "required": [name for name, below in schema.fields.items() if below.required],
        "additionalProperties": False,
    }


def _described_nullable(field: fields.Field[Any]) -> dict[str, Any]:
    longest = next((rule.max for rule in field.validators if isinstance(rule, validate.Length)), None)
    return {"type": ["string", "null"], **({"maxLength": longest} if longest is not None else {})}

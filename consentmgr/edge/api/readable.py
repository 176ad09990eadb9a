"""The API's document as people read it: operations by group, bodies as rows of names, made once from the document.

No viewer of others is used: those there are run a megabyte of script and write styles into the page, which no page of
ours allows. What is here reads the parts of OpenAPI 3.1 that our own document has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from markupsafe import Markup, escape

_CODE: Final = re.compile(r"`([^`]+)`")
#: How deep bodies are told; what lies deeper is named and not told again.
_DEEPEST: Final = 8
_METHODS: Final = ("get", "post", "put", "delete")


@dataclass(frozen=True, slots=True)
class Row:
    """One name of a body, or one parameter. ``depth`` is how far in it stands; ``limits`` what its value must be."""

    name: str
    kind: str
    required: bool
    told: Markup
    limits: tuple[str, ...] = ()
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or answered in one media type."""

    media_type: str
    kind: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    told: Markup
    bodies: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    summary: Markup
    description: tuple[Markup, ...]
    scopes: tuple[str, ...]
    deprecated: bool
    parameters: tuple[tuple[str, Row], ...]
    sent: tuple[Body, ...]
    answers: tuple[Answer, ...]
    #: Statuses of problems it may answer with, all told in one place.
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    told: tuple[Markup, ...]
    operations: list[Operation] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """What an address of the page ends with to lead here."""
        return "group-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower())


def groups(document: Mapping[str, Any]) -> list[Group]:
    """Every operation of the document, by group, in the order of their paths."""
    read = _Reader(document)
    told = {tag["name"]: tag.get("description", "") for tag in document.get("tags", [])}
    found: dict[str, Group] = {}
    for path, item in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in item:
                operation = read.operation(method, path, item)
                name = str(item[method]["tags"][0])
                group = found.setdefault(name, Group(name, paragraphs(told.get(name, ""))))
                group.operations.append(operation)
    return [found[name] for name in sorted(found)]


def problems(document: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """Each problem operations may answer with: its status, and what to do."""
    known = document.get("components", {}).get("responses", {})
    return [
        (name.removeprefix("Problem"), inline(told["description"]))
        for name, told in sorted(known.items())
        if re.fullmatch(r"Problem\d+", name)
    ]


def paragraphs(text: str) -> tuple[Markup, ...]:
    """Text of a docstring: paragraphs, with names of code in backticks."""
    return tuple(inline(part) for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def inline(text: str) -> Markup:
    """One paragraph."""
    parts = _CODE.split(" ".join(text.split()))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def operation(self, method: str, path: str, item: Mapping[str, Any]) -> Operation:
        told = item[method]
        answers = [(status, self._of(answer)) for status, answer in sorted(told["responses"].items()) if status < "400"]
        return Operation(
            id=told["operationId"],
            method=method.upper(),
            path=path,
            summary=inline(told.get("summary", told["operationId"])),
            description=paragraphs(told.get("description", "")),
            scopes=tuple(scope for one in told.get("security", []) for scopes in one.values() for scope in scopes),
            deprecated=bool(told.get("deprecated")),
            parameters=tuple(
                (one["in"], self._parameter(one))
                for one in map(self._of, (*item.get("parameters", []), *told.get("parameters", [])))
            ),
            sent=self._bodies(self._of(told.get("requestBody", {}))),
            answers=tuple(
                Answer(status, _status_told(status, answer), self._bodies(answer)) for status, answer in answers
            ),
            problems=tuple(status for status in sorted(told["responses"]) if "400" <= status < "600"),
        )

    def _parameter(self, one: Mapping[str, Any]) -> Row:
        schema = self._of(one.get("schema", {}))
        return Row(
            one["name"], self._kind(schema), bool(one.get("required")),
            inline(one.get("description") or schema.get("description", "")), _limits(schema),
        )  # fmt: skip

    def _bodies(self, told: Mapping[str, Any]) -> tuple[Body, ...]:
        return tuple(
            Body(
                media_type,
                self._kind(self._of(content.get("schema", {}))),
                tuple(self._rows(content.get("schema", {}))),
            )
            for media_type, content in told.get("content", {}).items()
        )

    def _rows(self, schema: Mapping[str, Any], depth: int = 0, seen: tuple[str, ...] = ()) -> Iterator[Row]:
        """The names of a schema, those of what stands in them right below."""
        name = str(schema.get("$ref", ""))
        if depth > _DEEPEST or (name and name in seen):
            return
        within = (*seen, name) if name else seen
        whole = self._of(schema)
        if "items" in whole:
            yield from self._rows(whole["items"], depth, within)
        for part in (*whole.get("allOf", []), *whole.get("oneOf", []), *whole.get("anyOf", [])):
            yield from self._rows(part, depth, within)
        required = whole.get("required", [])
        for key, value in whole.get("properties", {}).items():
            one = self._of(value)
            yield Row(
                key, self._kind(one), key in required,
                inline(value.get("description") or one.get("description", "")), _limits(one), depth,
            )  # fmt: skip
            yield from self._rows(value, depth + 1, within)
        more = whole.get("additionalProperties")
        if isinstance(more, Mapping) and more:
            yield Row("*", self._kind(self._of(more)), False, inline(more.get("description", "")), (), depth)
            yield from self._rows(more, depth + 1, within)

    def _kind(self, schema: Mapping[str, Any]) -> str:
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if not kinds:
            parts = (*schema.get("oneOf", []), *schema.get("anyOf", []), *schema.get("allOf", []))
            kinds = list(dict.fromkeys(self._kind(self._of(part)) for part in parts)) or ["any"]
        said = [f"array of {self._kind(self._of(schema['items']))}" if kind == "array" and "items" in schema else kind
                for kind in kinds]  # fmt: skip
        known = " or ".join(said)
        return f"{known} ({schema['format']})" if "format" in schema else known

    def _of(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference leads to, with what stands beside it."""
        if "$ref" not in told:
            return told
        found: Any = self._document
        for step in str(told["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
        return {**self._of(found), **{name: value for name, value in told.items() if name != "$ref"}}


def _limits(schema: Mapping[str, Any]) -> tuple[str, ...]:
    items = schema.get("items")
    enum = schema.get("enum") or (items.get("enum") if isinstance(items, Mapping) else None)
    told = [
        f"{word} {schema[name]}"
        for name, word in (
            ("minimum", "at least"), ("maximum", "at most"), ("minLength", "letters at least"),
            ("maxLength", "letters at most"), ("minItems", "items at least"), ("maxItems", "items at most"),
        )
        if name in schema
    ]  # fmt: skip
    if enum:
        told.append("one of " + ", ".join(str(value) for value in enum))
    if schema.get("default") not in (None, "", [], {}):
        told.append(f"otherwise {schema['default']}")
    if schema.get("readOnly"):
        told.append("in answers alone")
    if schema.get("writeOnly"):
        told.append("in requests alone")
    return tuple(told)


def _status_told(status: str, answer: Mapping[str, Any]) -> Markup:
    phrase = HTTPStatus(int(status)).phrase
    said = str(answer.get("description", ""))
    return inline(phrase if said in ("", phrase) else said)

"""Schemas every room's documents lean on: unknown fields are errors, moments have an offset."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from consentmgr.edge.paging import LARGEST_PAGE, LONGEST_CURSOR, USUAL_PAGE

#: The years a moment may lie in. What is outside was mistyped, or meant to break something.
_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class ApiSchema(Schema):
    """A document of the API. A field nobody knows is an error that names it, never passed over."""

    class Meta:
        unknown = RAISE


class Moment(fields.AwareDateTime):
    """A moment as ISO 8601 with an offset, such as ``2026-03-29T03:30:00+03:00``; one without is refused."""

    def __init__(self, **more: Any) -> None:
        super().__init__(format="iso", **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        found = super()._deserialize(value, attr, data, **more)
        if not _EARLIEST <= found < _LATEST:
            raise ValidationError("Must be a moment of the years 1900 to 2199.")
        return found


class Page(ApiSchema):
    """Which part of a list: ``@blp.arguments(Page, location="query")``. A list with filters has a schema below it."""

    limit = fields.Integer(
        load_default=USUAL_PAGE,
        validate=validate.Range(1, LARGEST_PAGE),
        metadata={"description": "How many items at most."},
    )
    after = fields.String(
        load_default=None,
        validate=validate.Length(1, LONGEST_CURSOR),
        metadata={"description": "`next` of the page before; without it, the first page."},
    )


def make_page_schema(item: type[Schema]) -> type[ApiSchema]:
    """The schema of a page (``paging.page_of``) of these items."""
    return _page_schema(item)


@cache
def _page_schema(item: type[Schema]) -> type[ApiSchema]:
    return type(
        f"{item.__name__.removesuffix('Schema')}PageSchema",
        (ApiSchema,),
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(
                required=True,
                allow_none=True,
                metadata={"description": "The cursor of the next page; null where this is the last."},
            ),
        },
    )


class ProblemErrorSchema(ApiSchema):
    """One thing that is wrong, and where."""

    pointer = fields.String(metadata={"description": "Where in the body, as a JSON pointer (RFC 6901)."})
    parameter = fields.String(metadata={"description": "Which parameter of the address, or which header."})
    line = fields.Integer(metadata={"description": "Which line of a body of lines, from 1."})
    code = fields.String(
        metadata={
            "description": "Of one item of many: what kind of refusal it is (`invalid`, `forbidden`, `not-found`)."
        }
    )
    detail = fields.String(required=True, metadata={"description": "What is wrong with it, in one sentence."})


class ProblemSchema(ApiSchema):
    """A problem document (RFC 9457)."""

    type = fields.String(required=True, metadata={"description": "The kind of problem, for programmes."})
    title = fields.String(required=True, metadata={"description": "The kind of problem, for people."})
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata={"description": "What to do."})
    instance = fields.String(required=True, metadata={"description": "The number the log knows this request by."})
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class BulkItemSchema(ApiSchema):
    """What became of one item of many."""

    index = fields.Integer(required=True, metadata={"description": "Which item of the request, from 0."})
    status = fields.String(required=True, validate=validate.OneOf(("taken", "unchanged", "refused")))
    errors = fields.List(fields.Nested(ProblemErrorSchema), required=True)


class BulkSchema(ApiSchema):
    """What became of each item of many. What is taken is kept; what is refused has changed nothing."""

    items = fields.List(fields.Nested(BulkItemSchema), required=True)
    taken = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    refused = fields.Integer(required=True)


def bulk_schema() -> type[ApiSchema]:
    """The schema of the answer to many items at once, the same for all."""
    return BulkSchema

"""The machine doors of changes: the feed to read, and webhooks to be told by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from marshmallow import fields, validate

from consentmgr.changes import feed, webhooks
from consentmgr.changes.feed import EVENT_TYPES, MOST_EVENTS, USUAL_EVENTS
from consentmgr.changes.models import WebhookDelivery, WebhookEndpoint
from consentmgr.changes.webhooks import LONGEST_OVERLAP, USUAL_OVERLAP, Shown, Wanted
from consentmgr.consents.sight import Sight
from consentmgr.edge import application
from consentmgr.edge.api import (
    ApiBlueprint,
    ApiSchema,
    Moment,
    Page,
    checked_etag,
    cursor,
    etag_of,
    make_page_schema,
    page_of,
    reads,
    session,
    tagged,
    values_of,
    writes,
)
from consentmgr.edge.paging import LONGEST_CURSOR
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.staff.api_access import caller, require_controller, scope
from consentmgr.staff.scopes import Scope

changes = ApiBlueprint(
    "api_changes",
    __name__,
    description="What has happened, in order, from any place on; and webhooks that are told of it within a second.",
    tag="Changes",
)

_AFTER: Final = "A cursor of this feed; `now` for its end. Without it, from the beginning."


# --- the documents --------------------------------------------------------------------------------------------------


class ChangedContactSchema(ApiSchema):
    """A contact by what the register calls it."""

    id = fields.Integer(required=True)
    ref = fields.String(required=True)


class ChangeContactSchema(ChangedContactSchema):
    """The contact an event is of."""

    merged_into = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The ref of the contact it was merged into since; null where it was not."},
    )


class ChangeSchema(ApiSchema):
    """One event: codes and references, no name and no address."""

    id = fields.String(
        required=True, metadata={"description": "The entry of the ledger, such as `E123`; always the same."}
    )
    type = fields.String(required=True, validate=validate.OneOf(EVENT_TYPES))
    at = Moment(required=True, metadata={"description": "When it happened."})
    recorded_at = Moment(required=True, metadata={"description": "When it was recorded."})
    contact = fields.Nested(
        ChangeContactSchema,
        required=True,
        allow_none=True,
        metadata={
            "description": "Whose it is, under the ref the register has now; null where it is of no one contact."
        },
    )
    controller = fields.String(required=True, allow_none=True, metadata={"description": "Null: of all controllers."})
    method = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, allow_none=True)
    given_by = fields.String(required=True)
    channels = fields.List(fields.String(), required=True)
    purposes = fields.List(fields.String(), required=True)
    topics = fields.List(fields.String(), required=True)
    audiences = fields.List(fields.String(), required=True)
    notice = fields.String(required=True, allow_none=True)
    prohibition = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The ban that was added or lifted."}
    )
    reaches = fields.List(
        fields.Nested(ChangedContactSchema),
        required=True,
        metadata={
            "description": "For a ban: the contacts it reaches now, by any address they have (at most 50); those of an"
            " organisation or a domain are not listed."
        },
    )
    fields_ = fields.List(
        fields.String(),
        required=True,
        data_key="fields",
        attribute="fields",
        metadata={"description": "For a change in the register: the names of the fields, never what is in them."},
    )


class ChangesSchema(ApiSchema):
    """Some of the feed."""

    items = fields.List(fields.Nested(ChangeSchema), required=True)
    next = fields.String(
        required=True,
        metadata={"description": "Where to go on: keep it in the transaction in which the items are taken."},
    )
    more = fields.Boolean(
        required=True, metadata={"description": "Whether there was more; if not, ask again in a second or so."}
    )


class FeedQuery(ApiSchema):
    """Which part of the feed."""

    after = fields.String(
        load_default=None, validate=validate.Length(1, LONGEST_CURSOR), metadata={"description": _AFTER}
    )
    limit = fields.Integer(load_default=USUAL_EVENTS, validate=validate.Range(1, MOST_EVENTS))
    types = fields.String(
        load_default="",
        validate=validate.Length(max=1_000),
        metadata={
            "description": "Types of events, with commas between; without it, all. The cursor passes the others."
        },
    )


class WebhookInSchema(ApiSchema):
    """What an endpoint is to be."""

    url = fields.String(
        required=True,
        validate=validate.Length(1, 2_000),
        metadata={"description": "An https address that is public, or in a network the operator has named."},
    )
    controllers = fields.List(
        fields.String(validate=validate.Length(1, 200)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 1_000),
        metadata={"description": "Whose events; null for all that the key is for."},
    )
    types = fields.List(
        fields.String(validate=validate.OneOf(EVENT_TYPES)),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Types of events; none for all."},
    )


class NewWebhookSchema(WebhookInSchema):
    """A new endpoint."""

    after = fields.String(
        load_default="now", validate=validate.Length(1, LONGEST_CURSOR), metadata={"description": _AFTER}
    )


class WebhookSchema(ApiSchema):
    """An endpoint as it stands."""

    id = fields.Integer(required=True)
    url = fields.String(required=True)
    controllers = fields.List(fields.String(), required=True, allow_none=True)
    types = fields.List(fields.String(), required=True)
    state = fields.String(required=True, validate=validate.OneOf(("enabled", "retrying", "disabled")))
    disabled_at = Moment(required=True, allow_none=True)
    disabled_why = fields.String(
        required=True, allow_none=True, validate=validate.OneOf(("gone", "given_up", "by_hand"))
    )
    created_at = Moment(required=True)
    old_secret_until = Moment(
        required=True, allow_none=True, metadata={"description": "Until then messages are signed with both secrets."}
    )
    attempts = fields.Integer(required=True, metadata={"description": "Failed attempts of the message that waits."})
    next_attempt_at = Moment(required=True, allow_none=True)
    delivered = fields.Integer(required=True)
    delivered_at = Moment(required=True, allow_none=True)
    failed_at = Moment(required=True, allow_none=True)
    last_error = fields.String(required=True, allow_none=True)
    waiting = fields.Integer(
        required=True, metadata={"description": "Entries it has not come past, of others too, which it will not get."}
    )
    oldest_waiting_at = Moment(required=True, allow_none=True)
    cursor = fields.String(required=True, metadata={"description": "How far it has come: a cursor of the feed."})


class WebhookWithSecretSchema(WebhookSchema):
    """An endpoint with its secret, which is told this once."""

    secret = fields.String(required=True, metadata={"description": "`whsec_…` (Standard Webhooks 1.0)."})


class DeliverySchema(ApiSchema):
    """One attempt."""

    id = fields.Integer(required=True)
    event_id = fields.String(required=True)
    type = fields.String(required=True)
    attempt = fields.Integer(required=True)
    at = Moment(required=True)
    milliseconds = fields.Integer(required=True)
    status = fields.Integer(required=True, allow_none=True, metadata={"description": "Null: there was no answer."})
    error = fields.String(required=True, allow_none=True, metadata={"description": "Null: it was taken."})


class DeliveriesQuery(Page):
    """Which attempts."""

    failed = fields.Boolean(load_default=False, metadata={"description": "Only those that failed."})


class ReplaySchema(ApiSchema):
    """From where to send again: one of the two."""

    after = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, LONGEST_CURSOR),
        metadata={"description": _AFTER},
    )
    since = Moment(load_default=None, allow_none=True, metadata={"description": "All that was recorded then or later."})


class RotateSchema(ApiSchema):
    """For how long both secrets sign."""

    overlap_hours = fields.Integer(
        load_default=int(USUAL_OVERLAP.total_seconds() // 3600),
        validate=validate.Range(0, LONGEST_OVERLAP.days * 24),
    )


# --- examples -------------------------------------------------------------------------------------------------------

_WANTED: Final = {
    "url": "https://crm.acme.example/consents",
    "controllers": ["acme"],
    "types": ["objected", "consent_withdrawn"],
}
_CURSOR: Final = "WzEyMDMzXQ"
_CHANGE: Final = {
    "id": "E12033",
    "type": "consent_withdrawn",
    "at": "2026-11-21T10:00:00+00:00",
    "recorded_at": "2026-11-21T10:00:01+00:00",
    "contact": {"id": 4711, "ref": "crm:4711", "merged_into": None},
    "controller": "acme",
    "method": "preferences",
    "source": None,
    "given_by": "self",
    "channels": ["email"],
    "purposes": ["newsletter"],
    "topics": ["training-news"],
    "audiences": [],
    "notice": None,
    "prohibition": None,
    "reaches": [],
    "fields": [],
}
_STANDING: Final[dict[str, Any]] = {
    "id": 3,
    **_WANTED,
    "state": "enabled",
    "disabled_at": None,
    "disabled_why": None,
    "created_at": "2026-11-01T08:00:00+00:00",
    "old_secret_until": None,
    "attempts": 0,
    "next_attempt_at": None,
    "delivered": 1204,
    "delivered_at": "2026-11-21T10:00:01+00:00",
    "failed_at": None,
    "last_error": None,
    "waiting": 0,
    "oldest_waiting_at": None,
    "cursor": _CURSOR,
}
_WITH_SECRET: Final = {
    **_STANDING,
    "delivered": 0,
    "delivered_at": None,
    "secret": "whsec_bm90IGEgc2VjcmV0IGF0IGFsbA==",
}
_ATTEMPT: Final = {
    "id": 98_212,
    "event_id": "E12033",
    "type": "consent_withdrawn",
    "attempt": 1,
    "at": "2026-11-21T10:00:01+00:00",
    "milliseconds": 84,
    "status": 204,
    "error": None,
}


# --- the feed -------------------------------------------------------------------------------------------------------


@changes.route("/changes")
@scope(Scope.READ_CHANGES)
@reads
@changes.arguments(FeedQuery, location="query")
@changes.response(200, ChangesSchema, example={"items": [_CHANGE], "next": _CURSOR, "more": False})
def list_changes(asked: dict[str, Any]) -> dict[str, Any]:
    """Read what has happened since.

    Every act, ban, erasure and change of the register, each once, the events of one contact in the order they were
    recorded. Ask with `next` of the answer before; there is always one, at the end too.
    """
    types = webhooks.types_of([asked["types"]])
    unknown = sorted(types - set(EVENT_TYPES))
    if unknown:
        raise BadInput("it is not a type of event", field="types")
    place = feed.place_of(session(), asked["after"])
    portion = feed.read(session(), place, limit=asked["limit"], sight=_sight(), types=types)
    return {
        "items": [change.document for change in portion.changes],
        "next": feed.cursor_of(session(), portion.place),
        "more": portion.more,
    }


def _sight() -> Sight:
    return Sight(caller().controllers)


# --- webhooks -------------------------------------------------------------------------------------------------------


@changes.route("/webhooks")
@scope(Scope.WRITE_WEBHOOKS)
@reads
@changes.arguments(Page, location="query")
@changes.response(200, make_page_schema(WebhookSchema), example={"items": [_STANDING], "next": None})
def list_webhooks(page: dict[str, Any]) -> dict[str, Any]:
    """List the endpoints that are told of changes."""
    after = values_of(page["after"], int)[0] if page["after"] is not None else 0
    found = webhooks.listed(session(), _sight(), after=after, limit=page["limit"] + 1)
    items = [_document(shown) for shown in found[: page["limit"]]]
    return page_of(items, cursor(items[-1]["id"]) if len(found) > page["limit"] else None)


@changes.route("/webhooks", methods=["POST"])
@scope(Scope.WRITE_WEBHOOKS)
@writes
@changes.arguments(NewWebhookSchema, example=_WANTED)
@changes.response(201, WebhookWithSecretSchema, example=_WITH_SECRET)
def add_webhook(asked: dict[str, Any]) -> dict[str, Any]:
    """Add an endpoint.

    It is told of what happens from now on, or after a place of the feed. The secret in the answer is told this once.
    """
    endpoint, secret = webhooks.add(
        session(),
        _wanted(asked),
        address_key=application.keys().address_key,
        named=application.settings().private_destinations,
        actor=caller().name,
        now=clock.now(),
        after=feed.place_of(session(), asked["after"]),
    )
    return {**_shown(endpoint), "secret": secret}


@changes.route("/webhooks/<int:webhook_id>")
@scope(Scope.WRITE_WEBHOOKS)
@reads
@changes.response(200, WebhookSchema, example=_STANDING)
def show_webhook(webhook_id: int) -> dict[str, Any]:
    """Show an endpoint, and how far it has come."""
    endpoint = webhooks.found(session(), webhook_id, _sight())
    checked_etag(_etag(endpoint))
    return _shown(endpoint)


@changes.route("/webhooks/<int:webhook_id>", methods=["PUT"])
@scope(Scope.WRITE_WEBHOOKS)
@writes
@changes.arguments(WebhookInSchema, example=_WANTED)
@changes.response(200, WebhookSchema, example=_STANDING)
def put_webhook(asked: dict[str, Any], webhook_id: int) -> dict[str, Any]:
    """Say anew where an endpoint is and what it is told. Where it has come to, and its secret, stay."""
    endpoint = _held(webhook_id)
    checked_etag(_etag(endpoint))
    named = application.settings().private_destinations
    webhooks.change(session(), endpoint, _wanted(asked), named=named, actor=caller().name, now=clock.now())
    tagged(_etag(endpoint))
    return _shown(endpoint)


@changes.route("/webhooks/<int:webhook_id>", methods=["DELETE"])
@scope(Scope.WRITE_WEBHOOKS)
@writes
@changes.response(204)
def remove_webhook(webhook_id: int) -> None:
    """Remove an endpoint; it is told of nothing more."""
    endpoint = _held(webhook_id)
    checked_etag(_etag(endpoint))
    webhooks.remove(session(), endpoint, actor=caller().name, now=clock.now())


@changes.route("/webhooks/<int:webhook_id>/deliveries")
@scope(Scope.WRITE_WEBHOOKS)
@reads
@changes.arguments(DeliveriesQuery, location="query")
@changes.response(200, make_page_schema(DeliverySchema), example={"items": [_ATTEMPT], "next": None})
def list_deliveries(page: dict[str, Any], webhook_id: int) -> dict[str, Any]:
    """List the attempts at an endpoint, the newest first. They are kept for a month, ten thousand at most."""
    endpoint = webhooks.found(session(), webhook_id, _sight())
    before = values_of(page["after"], int)[0] if page["after"] is not None else None
    found = webhooks.deliveries(session(), endpoint.id, before=before, limit=page["limit"] + 1, failed=page["failed"])
    items = [_delivery(row) for row in found[: page["limit"]]]
    return page_of(items, cursor(items[-1]["id"]) if len(found) > page["limit"] else None)


@changes.route("/webhooks/<int:webhook_id>/replay", methods=["POST"])
@scope(Scope.WRITE_WEBHOOKS)
@writes
@changes.arguments(ReplaySchema, example={"since": "2026-11-20T00:00:00+02:00"})
@changes.response(200, WebhookSchema, example=_STANDING)
def replay_webhook(asked: dict[str, Any], webhook_id: int) -> dict[str, Any]:
    """Send again from a place or a moment on, under the ids of the first time; `now` leaves out what waits."""
    if (asked["after"] is None) == (asked["since"] is None):
        raise BadInput("name a cursor, or `since`, and not both", field="after")
    endpoint = _held(webhook_id)
    if asked["since"] is not None:
        place = feed.place_before(session(), asked["since"])
    else:
        place = feed.place_of(session(), asked["after"])
    webhooks.replay(session(), endpoint, place, actor=caller().name, now=clock.now())
    return _shown(endpoint)


@changes.route("/webhooks/<int:webhook_id>/rotate", methods=["POST"])
@scope(Scope.WRITE_WEBHOOKS)
@writes
@changes.arguments(RotateSchema, example={"overlap_hours": 24})
@changes.response(200, WebhookWithSecretSchema, example=_WITH_SECRET)
def rotate_webhook(asked: dict[str, Any], webhook_id: int) -> dict[str, Any]:
    """Make a new secret, told this once. For some hours every message is signed with the old one too."""
    endpoint = _held(webhook_id)
    secret = webhooks.rotate(
        session(),
        endpoint,
        address_key=application.keys().address_key,
        actor=caller().name,
        now=clock.now(),
        overlap=timedelta(hours=asked["overlap_hours"]),
    )
    return {**_shown(endpoint), "secret": secret}


@changes.route("/webhooks/<int:webhook_id>/enable", methods=["POST"])
@scope(Scope.WRITE_WEBHOOKS)
@writes
@changes.response(200, WebhookSchema, example=_STANDING)
def enable_webhook(webhook_id: int) -> dict[str, Any]:
    """Send again to an endpoint that was disabled, from where it was left."""
    endpoint = _held(webhook_id)
    webhooks.enable(session(), endpoint, actor=caller().name, now=clock.now())
    return _shown(endpoint)


@changes.route("/webhooks/<int:webhook_id>/disable", methods=["POST"])
@scope(Scope.WRITE_WEBHOOKS)
@writes
@changes.response(200, WebhookSchema, example={**_STANDING, "state": "disabled", "disabled_why": "by_hand"})
def disable_webhook(webhook_id: int) -> dict[str, Any]:
    """Send nothing to an endpoint until it is enabled again; nothing is lost meanwhile."""
    endpoint = _held(webhook_id)
    webhooks.disable(session(), endpoint, actor=caller().name, now=clock.now())
    return _shown(endpoint)


def _held(webhook_id: int) -> WebhookEndpoint:
    return webhooks.found(session(), webhook_id, _sight(), lock=True)


def _wanted(asked: dict[str, Any]) -> Wanted:
    """Where no controllers are named, all that the key is for."""
    if asked["controllers"] is None:
        controllers = caller().controllers
    else:
        for key in asked["controllers"]:
            require_controller(key)
        controllers = frozenset(asked["controllers"])
    return Wanted(url=asked["url"], controllers=controllers, types=frozenset(asked["types"]))


def _etag(endpoint: WebhookEndpoint) -> str:
    return etag_of(endpoint.id, endpoint.turn, endpoint.url, endpoint.controllers, endpoint.types)


def _shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return _document(webhooks.shown(session(), endpoint))


def _document(shown: Shown) -> dict[str, Any]:
    endpoint = shown.endpoint
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "controllers": endpoint.controllers,
        "types": endpoint.types,
        "state": shown.state,
        "disabled_at": endpoint.disabled_at,
        "disabled_why": endpoint.disabled_why,
        "created_at": endpoint.created_at,
        "old_secret_until": endpoint.previous_until,
        "attempts": endpoint.attempts,
        "next_attempt_at": endpoint.due_at if shown.state == "retrying" else None,
        "delivered": endpoint.delivered,
        "delivered_at": endpoint.delivered_at,
        "failed_at": endpoint.failed_at,
        "last_error": endpoint.last_error,
        "waiting": shown.waiting,
        "oldest_waiting_at": shown.oldest,
        "cursor": shown.cursor,
    }


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": row.id,
        "event_id": f"E{row.entry_id}",
        "type": row.event,
        "attempt": row.attempt,
        "at": row.at,
        "milliseconds": row.milliseconds,
        "status": row.status,
        "error": row.error,
    }

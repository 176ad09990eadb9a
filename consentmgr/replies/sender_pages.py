"""The machine door that sending services post their events to: ``/in/<sender>/<connection>``.

No key of ours is asked: each sender shows in its own way that a request is its own (``senders``). Whoever cannot is
answered 401 without a word of why, and nothing is taken. 200 means that all of it is durable; anything from 500 on
makes the sender tell it again.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import Unauthorized

from consentmgr.edge import application
from consentmgr.edge.clients import client_address
from consentmgr.edge.limits import client_digest, hold
from consentmgr.edge.logs import log
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import NotFound
from consentmgr.replies import sender_connections, sender_events
from consentmgr.replies.office import Office
from consentmgr.replies.senders import BY_KIND, ses
from consentmgr.replies.senders.sender import Asked, Connection, NotVerified

senders = Blueprint("senders", __name__)


@senders.post("/in/<kind>/<name>")
def take(kind: str, name: str) -> Response:
    """Take what a sender tells."""
    now = clock.now()
    keys, settings, database = application.keys(), application.settings(), application.database()
    sender = BY_KIND.get(kind)
    try:
        if sender is None:
            raise NotFound("there is no such sender")
        with database.reading() as session:
            connection = sender_connections.opened(
                session,
                kind,
                name,
                named=settings.private_destinations,
                address_key=keys.address_key,
                now=now,
            )
        asked = Asked(request.get_data(), {key.lower(): value for key, value in request.headers.items()})
        read = sender.read(asked, connection)
        if read.visit is not None:
            ses.confirm(read.visit, connection)
        taken = sender_events.take(database, connection, read, _office(connection))
    except (NotFound, NotVerified) as error:
        # Counted, so that nobody tries very often; a sender that is set up wrong is told in the log.
        hold(database, "sender", client_digest(client_address(request), keys, now), now)
        log().warning("sender_not_verified", sender=kind if sender is not None else "unknown", why=str(error))
        raise Unauthorized from None
    if taken.unread:
        log().warning("sender_events_unread", sender=kind, connection=connection.name, count=taken.unread)
    return jsonify({"taken": dict(taken.acts), "taken_before": taken.before, "unread": taken.unread})


def _office(connection: Connection) -> Office:
    keys = application.keys()
    return Office(
        keys=AddressKeys(keys.address_key, keys.address_key_id),
        links=current_app.extensions["links"],
        desk=current_app.extensions["leaving"],
        actor=f"sender:{connection.name}",
        now=connection.now,
    )

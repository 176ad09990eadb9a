"""What doors of the API (``<room>/api.py``) are made of. Rights are ``staff.api_access``'s.

A door of the API is a function under five marks, in this order::

    things = ApiBlueprint("api_things", __name__, description="What there is.")


    @things.route("/things", methods=["POST"])
    @scope(Scope.WRITE_CATALOGUE)
    @writes
    @things.arguments(ThingSchema)
    @things.response(201, ThingSchema)
    def add_thing(thing: dict[str, Any]) -> dict[str, Any]:
        '''Add a thing.

        What is said here is the operation's description.
        '''
        require_controller(thing["controller"])
        return add(session(), thing, actor=caller().name, now=clock.now())
"""

from consentmgr.edge.api.blueprint import ApiBlueprint, json_body
from consentmgr.edge.api.deprecation import deprecated
from consentmgr.edge.api.etags import checked_etag, etag_of, tagged
from consentmgr.edge.api.schemas import ApiSchema, Moment, Page, bulk_schema, make_page_schema
from consentmgr.edge.idempotency import reads, session, writes
from consentmgr.edge.paging import cursor, page_of, values_of

__all__ = [
    "ApiBlueprint",
    "ApiSchema",
    "Moment",
    "Page",
    "bulk_schema",
    "checked_etag",
    "cursor",
    "deprecated",
    "etag_of",
    "json_body",
    "make_page_schema",
    "page_of",
    "reads",
    "session",
    "tagged",
    "values_of",
    "writes",
]

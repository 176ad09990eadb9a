"""What erasure (GDPR 17) takes from the register: everything but the row the ledger speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from consentmgr.register.reading import psycopg_connection

#: Tables whose rows of an erased contact go; what hangs on them goes with them.
_EMPTIED = ("contact_point", "role", "customer_relation", "message_sent", "legal_basis_tag")


def forget_contacts(session: Session, erased: Mapping[int, datetime]) -> int:
    """Drop addresses, roles, relations and messages of contacts, empty their personal fields; how many there were.

    ``erased`` gives the moment of each contact's erasure. What stays of a contact: id and ref, which the ledger and
    later documents call it by, ``erased_at``, and ``name_key``, a keyed digest without which a kept postal key would
    silence everybody at that address. The caller keeps the keys of the addresses first.
    """
    connection = psycopg_connection(session)
    ids = list(erased)
    for table in _EMPTIED:
        connection.execute(f"DELETE FROM {table} WHERE contact_id = ANY(%s)", [ids])  # noqa: S608 - named above
    done = connection.execute(
        "UPDATE contact c SET controllers = '{}', given_name = NULL, family_name = NULL, language = NULL,"
        " country = NULL, municipality = NULL, born_on = NULL, deceased_on = NULL, non_disclosure = false,"
        " restricted_since = NULL, last_interaction_on = NULL, register_update_ban = false,"
        " erased_at = coalesce(c.erased_at, n.at), changed_xid = pg_current_xact_id()"
        " FROM unnest(%s::bigint[], %s::timestamptz[]) AS n (id, at) WHERE c.id = n.id",
        [ids, list(erased.values())],
    )
    return done.rowcount

"""Every route of the desk that names a thing, asked for a thing of another controller's: it is not there.

The routes come from the application's map. One that names a thing this file knows no foreign example of fails the
test, so that none is ever forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from werkzeug.routing import Rule

from consentmgr.staff.access import need_of
from consentmgr.staff.roles import ROLES, Permission, permissions_of
from tests.people.people import EVERYBODY, Register
from tests.staff.signing_in import Desk, DeskClient
from tests.staff.test_access import routes

if TYPE_CHECKING:
    from consentmgr.db import Database
    from consentmgr.keys import Keys

#: Paths, by their beginning, whose things are nobody's in particular: how the product is set, organisations (which
#: are public, GDPR recital 14), keys (``test_api_keys``), accounts (``test_access``) and what is one's own.
OF_NOBODY = (
    "/desk/controllers/look/", "/desk/policy/", "/desk/organisations/", "/desk/keys/", "/desk/api-keys/", "/desk/jobs/",
    "/desk/rules/", "/desk/staff/", "/desk/me/", "/desk/invitation/", "/desk/approvals/", "/desk/handed/",
)  # fmt: skip

BETAS: tuple[dict[str, Any], ...] = (
    {"type": "topic", "key": "betas-news", "kind": "newsletter", "controller": "beta", "names": {"en": "News"}},
    {"type": "campaign", "key": "betas-campaign", "name": "Beta", "controller": "beta"},
    {"type": "processing_purpose", "key": "betas-plan", "controller": "beta", "names": {"en": "P"}, "basis": "consent"},
    {"type": "notice", "key": "betas-words", "version": 1, "language": "fi", "text": "Betan sanat.",
     "controllers": ["beta"], "channels": ["email"], "purposes": ["newsletter"]},
)  # fmt: skip


@pytest.fixture
def foreign(database: Database, keys: Keys) -> Mapping[str, dict[str, Any]]:
    """Values for the arguments of routes, by the beginning of the path: all of things that are beta's alone."""
    Register(database, keys).take(*EVERYBODY, *BETAS)
    list_id, upload_id, erasure_id = uuid4(), uuid4(), uuid4()
    with database.engine.begin() as connection:
        contact = connection.scalar(text("SELECT id FROM contact WHERE ref = 'beta:vilho'"))
        ban = connection.scalar(text("SELECT id FROM prohibition WHERE controllers = ARRAY['beta'] LIMIT 1"))
        connection.execute(
            text(
                "INSERT INTO export_schedule (key, partner, controller, content, channel, purpose, format, destination,"
                " created_at) VALUES ('betas-export', 'p', 'beta', 'suppression', 'email', 'newsletter', 'csv',"
                " :destination, now())"
            ),
            {"destination": json.dumps({"kind": "folder", "path": "/nowhere"})},
        )
        connection.execute(
            text(
                "INSERT INTO list_screening (id, controller, actor, created_at, file_id, file_name, file_bytes,"
                " file_sha256, language) VALUES (:id, 'beta', 'staff:0', now(), :id, 'list.csv', 1, 'x', 'fi')"
            ),
            {"id": list_id},
        )
        connection.execute(
            text(
                "INSERT INTO import_upload (id, actor, controllers, file_name, file_bytes, sha256, created_at)"
                " VALUES (:id, 'staff:0', '[\"beta\"]', 'x.jsonl', 1, 'x', now())"
            ),
            {"id": upload_id},
        )
        connection.execute(
            text(
                "INSERT INTO erasure_list (id, contact_ids, counted, controllers, created_by, created_at)"
                " VALUES (:id, '{}', '{}', '{beta}', 'staff:0', now())"
            ),
            {"id": erasure_id},
        )
        connection.execute(
            text(
                "INSERT INTO subscription_form (key, controller, notice, topics, origins, created_at)"
                " VALUES ('betas-form', 'beta', 'betas-words/1', '{}', '{}', now())"
            )
        )
        webhook = connection.scalar(
            text(
                "INSERT INTO webhook_endpoint (url, controllers, secrets, created_at, created_by, positions, due_at)"
                " VALUES ('https://beta.example/', '{beta}', '', now(), 'staff:0', array_fill(0, ARRAY[16]), now())"
                " RETURNING id"
            )
        )
        connection.execute(
            text(
                "INSERT INTO sender_connection (name, kind, controller, created_at, created_by)"
                " VALUES ('betas-sender', 'brevo', 'beta', now(), 'staff:0')"
            )
        )
    assert contact is not None
    assert ban is not None
    return {
        "/desk/prohibitions/": {"number": ban},
        "/desk/campaigns/": {"key": "betas-campaign"},
        "/desk/controllers/": {"key": "beta"},
        "/desk/forms/": {"key": "betas-form"},
        "/desk/notices/": {"key": "betas-words"},
        "/desk/purposes/": {"controller": "beta", "key": "betas-plan"},
        "/desk/topics/": {"key": "betas-news"},
        "/desk/figures/": {"campaign": "betas-campaign"},
        "/desk/exports/schedule/": {"key": "betas-export", "sequence": 1},
        "/desk/webhooks/": {"webhook_id": webhook},
        "/desk/senders/": {"name": "betas-sender"},
        "/desk/imports/": {"upload_id": upload_id, "number": 1},
        "/desk/screenings/": {
            "list_id": list_id, "number": 1, "name": "result.csv", "handed_id": uuid4(),
        },
        "/desk/people/": {
            "contact_id": contact, "ban_id": ban, "proposal_id": 1, "kind": "consent", "file_id": uuid4(),
            "list_id": erasure_id,
        },
    }  # fmt: skip


def test_a_thing_of_another_controllers_is_not_there(desk: Desk, foreign: Mapping[str, dict[str, Any]]) -> None:
    """404 for all that is looked at; for what acts, what is answered where there is nothing at all."""
    everything = [role.key for role in ROLES]
    asked, faults = 0, []
    with desk.app.test_request_context():
        for role in (None, *everything):
            roles = everything if role is None else [role]
            client = desk(*roles, controllers={"acme"})
            held = permissions_of(roles)

            def ask(method: str, rule: Rule, values: dict[str, Any], client: DeskClient = client) -> int:
                built = rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)
                assert built is not None
                # What is not there is told in a line; its page is drawn by tests of the pages.
                headers = {"X-CSRFToken": client.csrf_token, "Accept": "application/json"}
                answer = client.client.open(built[1], method=method, headers=headers)
                return int(answer.status_code)

            for rule, method in routes(desk.app):
                if not rule.arguments or rule.rule.startswith(OF_NOBODY):
                    continue
                # A HEAD is the GET without its body: it is asked with all roles.
                if method == "HEAD" and role is not None:
                    continue
                known = next((values for start, values in foreign.items() if rule.rule.startswith(start)), None)
                assert known is not None, f"{rule}: name a foreign thing for it here"
                need = need_of(desk.app.view_functions[rule.endpoint])
                found = ask(method, rule, known)
                if isinstance(need, Permission) and need not in held:
                    expected = 403
                elif method in ("GET", "HEAD"):
                    expected = 404
                else:
                    expected = ask(method, rule, {name: _nothing(value) for name, value in known.items()})
                    if expected not in (400, 404, 422):
                        faults.append((role, method, rule.rule, "of nothing", expected))
                if found != expected:
                    faults.append((role, method, rule.rule, found, expected))
                asked += 1
    assert faults == []
    assert asked > 300


def _nothing(value: Any) -> Any:
    """Something of the same kind that does not exist."""
    if isinstance(value, UUID):
        return uuid4()
    return 999_999_999 if isinstance(value, int) else "nothing-of-this-name"

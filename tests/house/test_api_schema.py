"""The whole API, asked all its document allows and much it does not, keeps to its document (schemathesis).

Requests are made from the document, good ones and bad ones, against a register with people in it; the ids in addresses
are half of the time of things that are there. No answer is a 5xx, each has a status, a media type and a body the
document tells of, and without a key nothing is answered but 401.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import text

from consentmgr.kit import clock
from consentmgr.staff.scopes import Scope
from tests.furnished import furnish
from tests.staff.api_calling import ApiCalling

if TYPE_CHECKING:
    from pathlib import Path

    from consentmgr.db import Database
    from tests.conftest import RunCommand

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Headers that are not left to chance.
_OF_HOLD: Final = {"authorization", "idempotency-key"}


@schemathesis.serializer("application/x-ndjson", "application/jsonl", "application/json-lines")
def as_lines(_: Any, value: Any) -> bytes:
    """Documents in a body of lines: what the document calls a text is any text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


@pytest.fixture
def furnished(api: ApiCalling, run_command: RunCommand, tmp_path: Path) -> ApiCalling:
    furnish(run_command, tmp_path, clock.now())
    return api


def known_values(database: Database) -> dict[str, list[Any]]:
    """Values for the names that stand in addresses: of things that are there."""
    questions = {
        "ref": "SELECT ref FROM contact WHERE ref IS NOT NULL ORDER BY id LIMIT 5",
        "key": "SELECT key FROM campaign UNION SELECT key FROM topic UNION SELECT key FROM notice LIMIT 10",
        "prohibition_id": "SELECT id FROM prohibition ORDER BY id LIMIT 5",
        "organisation_id": "SELECT id FROM organisation ORDER BY id LIMIT 5",
        "list_id": "SELECT id::text FROM list_screening LIMIT 5",
        "import_id": "SELECT id::text FROM import_upload LIMIT 5",
        "record_id": "SELECT digest::text FROM ledger_entry WHERE event = 'consent_given' ORDER BY id LIMIT 5",
        "version": "SELECT 1",
        "language": "SELECT 'fi'",
    }
    with database.connect() as connection:
        return {name: list(connection.scalars(text(question))) for name, question in questions.items()}


def told(operation: Any) -> str:
    return f"{operation.method.upper()} {operation.path}"


def operations(calling: ApiCalling) -> Iterator[Any]:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", calling.app)
    for found in schema.get_all_operations():
        yield found.ok()


def hold(
    operation: Any, mode: GenerationMode, examples: int, known: dict[str, list[Any]], token: str,
) -> None:  # fmt: skip
    """Ask an operation some times and hold each answer against the document; without a key it is closed."""

    @seed(20261122)
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=False,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def run(case: Any, data: Any) -> None:
        for name in list(case.path_parameters or {}):
            if known.get(name) and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
        # Whoever asks is who the test says; a generated idempotency key would make some requests repeats of others.
        made = {name: value for name, value in (case.headers or {}).items() if name.lower() not in _OF_HOLD}
        case.headers = made
        is_closed(case, case.call())
        case.headers = {**made, "Authorization": f"Bearer {token}"}
        keeps_to_the_document(case, case.call())

    run()


def keeps_to_the_document(case: Any, response: Any) -> None:
    case.validate_response(response, checks=CHECKS)
    documented = case.operation.definition.raw["responses"]
    # The document has a default for whatever comes later; today's answers are all told by their status. A value that
    # makes another path of the address is answered by whatever is there.
    assert str(response.status_code) in documented or response.status_code == 405, (
        f"{told(case.operation)} answers {response.status_code}"
    )


def is_closed(case: Any, response: Any) -> None:
    case.validate_response(response, checks=CHECKS)
    assert response.status_code in (401, 404, 405), f"{told(case.operation)} answers {response.status_code}"


def test_the_api_keeps_to_its_document(furnished: ApiCalling, database: Database) -> None:
    everything, known, faults = furnished(), known_values(database), []
    for operation in operations(furnished):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            faults += faults_of(operation, mode, 2, known, everything.token)
    assert not faults, "\n\n".join(faults)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("scope", [None, *Scope], ids=str)
def test_the_api_keeps_to_its_document_for_every_scope(
    furnished: ApiCalling, database: Database, scope: Scope | None
) -> None:
    """With every scope (None) at length, and with each alone, where all other operations are closed."""
    caller = furnished() if scope is None else furnished(scope)
    known, faults = known_values(database), []
    for operation in operations(furnished):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            faults += faults_of(operation, mode, 100 if scope is None else 5, known, caller.token)
    assert not faults, "\n\n".join(faults)


def faults_of(operation: Any, mode: GenerationMode, *rest: Any) -> list[str]:
    try:
        hold(operation, mode, *rest)
    except (AssertionError, BaseExceptionGroup) as error:
        return [f"{told(operation)} ({mode.name}): {error}"[:1_500]]
    return []

"""Decision cases: what must come out for one row, one campaign, one register (formats.md section 4).

Each case is imported into a scratch register by the ordinary importer, screened by the ordinary path, and undone:
nothing else is touched.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import pyarrow as pa

from consentmgr.db import Database
from consentmgr.importing.documents import decode
from consentmgr.importing.rejects import Rejection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.screening.answers import Answers
from consentmgr.screening.engine import EngineName
from consentmgr.screening.service import screen
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.columns import LIST_FIELDS
from consentmgr.vocabulary.documents import AnyDocument, Campaign, Contact, Controller, EventFields, ExternalList
from consentmgr.vocabulary.policy import policy_from

_FIELDS = {"id", "note", "now", "policy", "register", "campaign", "row", "expect", "citation", "confidence"}
#: The controller that exists in every case.
ACME = Controller(key="acme", name="Acme Oy", default=True)


@dataclass(frozen=True, slots=True)
class Case:
    """One decision case, checked; ``expect`` may be empty."""

    id: str
    now: datetime
    policy: Mapping[str, object]
    documents: tuple[AnyDocument, ...]
    campaign: Campaign
    row: Mapping[str, str]
    expect: Mapping[str, str]


def written_cases(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines of a file that hold something, with their numbers: one case each."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line


def case_of(line: str) -> Mapping[str, Any]:
    """The JSON of one line. Raises ``BadInput`` where it is none."""
    try:
        raw = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"this is not JSON: {error.msg}") from None
    if not isinstance(raw, dict):
        raise BadInput("a case is a JSON object")
    return raw


def read_case(raw: Any) -> Case:
    """One case from its JSON. Raises ``BadInput`` naming the field."""
    if not isinstance(raw, dict):
        raise BadInput("a case is a JSON object")
    unknown = sorted(set(raw) - _FIELDS)
    if unknown:
        raise BadInput(f"unknown field; a case has {', '.join(sorted(_FIELDS))}", field=unknown[0])
    for needed in ("now", "campaign", "row"):
        if needed not in raw:
            raise BadInput("this field is missing", field=needed)
    try:
        now = datetime.fromisoformat(str(raw["now"]))
    except ValueError:
        raise BadInput("a time must be ISO 8601 with an offset", field="now") from None
    if now.tzinfo is None:
        raise BadInput("a time must have an offset", field="now")
    documents = tuple(_document(item, f"register[{place}]") for place, item in enumerate(raw.get("register") or ()))
    campaign = _document({"type": "campaign", **raw["campaign"]}, "campaign")
    if not isinstance(campaign, Campaign):
        raise BadInput("a campaign document is expected", field="campaign")
    return Case(
        id=str(raw.get("id", "")),
        now=now,
        policy=raw.get("policy") or {},
        documents=documents,
        campaign=campaign,
        row=checked_row(raw["row"], "row"),
        expect=raw.get("expect") or {},
    )


def _document(raw: Any, field: str) -> AnyDocument:
    found = decode(json.dumps(raw, ensure_ascii=False).encode())
    if found is None:
        raise BadInput("a document is expected", field=field)
    if isinstance(found, Rejection):
        raise BadInput(found.reason, field=f"{field}.{found.field}" if getattr(found, "field", None) else field)
    return found  # type: ignore[return-value]


def checked_row(raw: Any, field: str) -> Mapping[str, str]:
    """Identifiers and facts of a row given on its own (formats.md section 3). Raises ``BadInput`` naming the field."""
    if not isinstance(raw, dict):
        raise BadInput("a row is an object of identifiers and facts", field=field)
    if not raw:
        raise BadInput(f"a row has at least one of: {', '.join(LIST_FIELDS)}", field=field)
    for name, value in raw.items():
        if name not in LIST_FIELDS:
            raise BadInput(f"not a recognised column; these are: {', '.join(LIST_FIELDS)}", field=f"{field}.{name}")
        if value is not None and not isinstance(value, (str, int, float)):
            raise BadInput("a field of a row is text or a number", field=f"{field}.{name}")
    # Null is an empty cell: the row is there, and has no address.
    return {name: "" if value is None else str(value) for name, value in raw.items()}


def identifiers_of(rows: Sequence[Mapping[str, str]]) -> pa.Table:
    """Rows given one by one as the table of identifiers a list would have: trimmed, null where blank."""
    names = [name for name in LIST_FIELDS if any(name in row for row in rows)]
    return pa.table(
        {name: pa.array([(row.get(name) or "").strip() or None for row in rows], pa.string()) for name in names}
    )


def decide_documents(
    documents: Sequence[AnyDocument],
    campaign: Campaign,
    rows: Sequence[Mapping[str, str]],
    *,
    now: datetime,
    policy: Mapping[str, object],
    database: Database,
    keys: AddressKeys,
    engine: EngineName | None = None,
    language: Language = "en",
) -> list[dict[str, Any]]:
    """The answers for ``rows`` against a register of just these documents; ``database`` must be a scratch register."""
    from sqlalchemy.orm import Session

    from consentmgr.importing.service import apply_documents

    with Session(database.engine) as session:
        try:
            taken_in = _latest(documents, now)
            changes = apply_documents(session, [ACME, *documents], keys=keys, actor="decide", now=taken_in)
            for place, rejection in changes.rejected.items():
                raise BadInput(rejection.reason, field=f"register[{place - 1}].{rejection.field or ''}".rstrip("."))
            answers = screen(
                session,
                identifiers_of(rows),
                campaign,
                keys=keys,
                policy=policy_from(policy),
                now=now,
                language=language,
                engine=engine,
            )
        finally:
            session.rollback()
    return told(answers)


def _latest(documents: Sequence[AnyDocument], now: datetime) -> datetime:
    """When the case's register is taken in: not before anything it tells of, which a case may date after its ``now``."""
    acts = [
        event.at
        for document in documents
        for event in (document.events if isinstance(document, Contact) else [document])
        if isinstance(event, EventFields)
    ]
    copies = [
        datetime.combine(document.as_of, time.max, tzinfo=now.tzinfo)
        for document in documents
        if isinstance(document, ExternalList)
    ]
    return max([now, *acts, *copies])


def told(answers: Answers) -> list[dict[str, Any]]:
    """Answers one by one, as ``decide`` prints them."""
    found = [answers.outcomes[index] for index in answers.outcome.to_pylist()]
    return [
        {
            "verdict": outcome.verdict,
            "reason": outcome.reason,
            "reasons": list(outcome.reasons),
            "ground": outcome.ground,
            "evidence": evidence or None,
            "explanation": outcome.explanation,
        }
        for outcome, evidence in zip(found, answers.evidence.to_pylist(), strict=True)
    ]


def decide_case(
    case: Case | Mapping[str, Any],
    database: Database,
    keys: AddressKeys,
    *,
    engine: EngineName | None = None,
    language: Language = "en",
) -> dict[str, Any]:
    """One case's answer; ``matches`` where the case says what it expects."""
    checked = case if isinstance(case, Case) else read_case(dict(case))
    (answer,) = decide_documents(
        checked.documents,
        checked.campaign,
        [checked.row],
        now=checked.now,
        policy=checked.policy,
        database=database,
        keys=keys,
        engine=engine,
        language=language,
    )
    result: dict[str, Any] = {"id": checked.id, **answer}
    if checked.expect:
        result["matches"] = all(answer.get(name) == value for name, value in checked.expect.items())
    return result


__all__ = ["Case", "case_of", "decide_case", "decide_documents", "identifiers_of", "read_case", "told", "written_cases"]

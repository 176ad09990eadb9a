"""Checking: may this person be sent this campaign? One row or some, answered at once (formats.md section 3).

The answer is that of ``screening.service`` for a list of these rows; what differs is what it costs. Everything that
decides - what the register knows of the rows, the campaign, the policy, how old outside lists are, what the journal has
that the register has not - is asked in one statement, and so of one database position, which the answer names. What
does not change from question to question is kept: the plan (``compiled.kept_plans``), and campaign and policy as they
were read, known again by their text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
import pyarrow as pa
from psycopg import Connection, RawCursor

from consentmgr.campaigns.policy_in_force import policy_of_decisions
from consentmgr.config import Settings
from consentmgr.db import Database, driver_connection
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import NotFound
from consentmgr.prohibitions.hashes import hashes_met
from consentmgr.prohibitions.journal_taken import sizes
from consentmgr.register.reading import default_controller
from consentmgr.screening.answers import Outcome
from consentmgr.screening.compiled.answering import is_met_by_hash, told_of_few
from consentmgr.screening.few_rows import FewRows
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import (
    BY_KEY_FRAMES,
    BY_KEY_PARTS,
    HASHES_SCHEMA,
    by_key_parameters,
    columns_of,
)
from consentmgr.screening.service import refuse_unknown_controllers
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import Policy
from consentmgr.vocabulary.reason_codes import RULE_PACK_VERSION

#: Rows that may be asked of at once.
MOST_ROWS: Final = 1_000

#: What decides beside the frames: who was merged, what is the same for every row, the campaign, how far the register has
#: taken the journal, whether it must not answer at all, and where it stands.
_BESIDE: Final = """
(select json_agg(json_build_array(ref, survivor)) from survivors)::text,
json_build_object(
  'controllers', (select json_object_agg(key, is_default) from controller),
  'external_lists', (select json_object_agg(source, as_of) from external_list),
  'policy', (select json_object_agg(name, value) from
    (select distinct on (name) name, value from policy_setting order by name, id desc) newest)
)::text,
(select document::text from campaign where key = %(campaign)s),
(select json_object_agg(file, taken_to) from journal_mark where file = any(%(files)s::text[]))::text,
exists (select from restoration where recovered_at is null),
pg_current_snapshot()::text
"""


def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with ``$1`` for its first name and so on, and the names: the driver takes it as it is, where it would
    read one with names anew each time it is as long as this.
    """
    names = tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    for place, name in enumerate(names, start=1):
        statement = statement.replace(f"%({name})s", f"${place}")
    return statement.replace("%%", "%").encode(), names


_STATEMENT, _NAMES = _numbered(f"{BY_KEY_PARTS} select {BY_KEY_FRAMES}, {_BESIDE}")


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer for one row. ``evidence``: ids of the ledger entries (``E…``) and prohibitions (``P…``) that decided."""

    outcome: Outcome
    evidence: tuple[str, ...]

    def told(self) -> dict[str, Any]:
        """The answer as plain data."""
        outcome = self.outcome
        return {
            "verdict": outcome.verdict,
            "reason": outcome.reason,
            "reasons": list(outcome.reasons),
            "ground": outcome.ground,
            "legal_basis": outcome.legal_basis,
            "evidence": list(self.evidence),
            "explanation": outcome.explanation,
        }


@dataclass(frozen=True, slots=True)
class Checks:
    """The answers, in the order of the rows, all of one position of the register."""

    answers: Sequence[Checked]
    campaign: Campaign
    controller: str
    register_position: str
    rule_pack: str = RULE_PACK_VERSION

    def told(self) -> list[dict[str, Any]]:
        """Each answer with what it is an answer of, as plain data."""
        return [{**answer.told(), **self.of_register()} for answer in self.answers]

    def of_register(self) -> dict[str, str]:
        """Whose campaign, which position of the register and which rules."""
        return {
            "controller": self.controller,
            "register_position": self.register_position,
            "rule_pack": self.rule_pack,
        }


def check(
    database: Database,
    rows: Sequence[Mapping[str, str]],
    campaign: Campaign | str,
    *,
    settings: Settings,
    keys: Keys,
    now: datetime,
    language: Language,
    controllers: Collection[str] | None = None,
) -> Checks:
    """The answer for each of ``rows`` (as ``decide.checked_row`` gives them) to a campaign, whole or by its key.

    ``controllers``: those that may be asked for, None for all. Raises ``NotFound`` for a campaign that is not kept or of
    other controllers, ``BadInput`` for one that names a controller nobody knows.
    """
    listed = FewRows(rows, AddressKeys(keys.address_key, keys.address_key_id))
    while True:
        # Looked at first: what is in the journal by then is in the register too, or is taken now.
        journal = sizes(settings)
        asked = _asked(database, listed, campaign, list(journal))
        behind = {name: size for name, size in journal.items() if asked.marks.get(name, 0) < size}
        if not asked.unrecovered and not behind:
            break
        # Loaded now: it takes longer than finding out that there is nothing to take, which is what nearly every
        # question finds.
        from consentmgr.prohibitions.journal import FileState, catch_up, has_taken
        from consentmgr.prohibitions.recovered import refuse_unrecovered

        if asked.unrecovered:
            with database.reading() as session:
                refuse_unrecovered(session)
        if has_taken(settings, [FileState(name, size, asked.marks.get(name, 0)) for name, size in behind.items()]):
            break
        catch_up(database, settings, keys, now)
    question = _question(asked, campaign, now, controllers)
    register = columns_of(asked.frames)
    columns, shape, has_invalid = listed.columns(
        question, with_hashes=is_met_by_hash(register), survivors=asked.survivors
    )
    outcomes, evidence = told_of_few(
        columns, shape, register, asked.hashes, question, language, has_invalid=has_invalid
    )
    return Checks(
        answers=[
            Checked(outcome, tuple(ids.split(";")) if ids else ())
            for outcome, ids in zip(outcomes, evidence, strict=True)
        ],
        campaign=question.campaign,
        controller=question.controller,
        register_position=asked.position,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the statement has told: texts as they came, for some are known again."""

    frames: str
    survivors: Mapping[str, str]
    context: str
    campaign: str | None
    marks: Mapping[str, int]
    unrecovered: bool
    position: str
    hashes: pa.Table


def _asked(database: Database, rows: FewRows, campaign: Campaign | str, files: Sequence[str]) -> _Asked:
    hashed = [kind for kind in ("email", "phone") if f"{kind}_sha256" in rows.named]
    given = {"campaign": campaign if isinstance(campaign, str) else None, "files": list(files)}
    if hashed:
        # Bans on plain addresses are met by their hashes too, which takes a question more, of the same position.
        with database.reading() as session:
            connection = driver_connection(session)
            hashes = _hashes(connection, rows, hashed)
            return _told(connection, by_key_parameters(rows.keys(hashes)) | given, hashes)
    hashes = HASHES_SCHEMA.empty_table()
    parameters = by_key_parameters(rows.keys(hashes)) | given
    # One statement is of one position by itself.
    return database.ask(lambda connection: _told(connection, parameters, hashes))


def _hashes(connection: Connection[Any], rows: FewRows, kinds: Sequence[str]) -> pa.Table:
    """``prohibition_hashes``, of those alone that the rows can meet."""
    asked = [UUID(bytes=key) for key in rows.keys(HASHES_SCHEMA.empty_table()).sha256_keys]
    met = hashes_met(connection, rows.address_keys, kinds, asked)
    return pa.table([[number for number, _ in met], [key for _, key in met]], schema=HASHES_SCHEMA)


def _told(connection: Connection[Any], parameters: Mapping[str, Any], hashes: pa.Table) -> _Asked:
    with RawCursor(connection) as cursor:
        # Prepared, for planning it takes longer than its work.
        cursor.execute(_STATEMENT, [_as_text(parameters[name]) for name in _NAMES], prepare=True)
        (row,) = cursor.fetchall()
    frames, survivors, context, document, marks, unrecovered, position = row
    return _Asked(
        frames=frames,
        survivors=dict(msgspec.json.decode(survivors)) if survivors else {},
        context=context,
        campaign=document,
        marks=msgspec.json.decode(marks) if marks else {},
        unrecovered=unrecovered,
        position=position,
        hashes=hashes,
    )


def _as_text(value: Any) -> Any:
    """A list as PostgreSQL writes an array: the driver looks through each list for the type of what stands in it."""
    if not isinstance(value, list):
        return value
    return "{" + ",".join(map(_element, value)) + "}" if value else "{}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


@dataclass(frozen=True, slots=True)
class _Context:
    """What the register says that is the same for every row."""

    controllers: Mapping[str, bool]
    external_lists: Mapping[str, date]
    policy: Policy


@lru_cache(maxsize=8)
def _context_of(text: str) -> _Context:
    told = msgspec.json.decode(text)
    return _Context(
        controllers=told["controllers"] or {},
        external_lists={source: date.fromisoformat(as_of) for source, as_of in (told["external_lists"] or {}).items()},
        policy=policy_of_decisions(told["policy"] or {}),
    )


@lru_cache(maxsize=256)
def _campaign_of(text: str) -> Campaign:
    return msgspec.json.decode(text, type=Campaign)


def _question(asked: _Asked, campaign: Campaign | str, now: datetime, controllers: Collection[str] | None) -> Question:
    context = _context_of(asked.context)
    if isinstance(campaign, str):
        if asked.campaign is None:
            raise NotFound("there is no such campaign")
        campaign = _campaign_of(asked.campaign)
    question = Question(
        campaign=campaign,
        policy=context.policy,
        now=now,
        default_controller=default_controller(context.controllers),
        external_lists=context.external_lists,
    )
    if controllers is not None and not set(question.controllers) <= set(controllers):
        raise NotFound("there is no such campaign")
    refuse_unknown_controllers(question, context.controllers)
    return question

"""Screening: a campaign list in, one answer a row out (design: columns, not loops).

The same path serves a million rows, one address and a decision case: rows → what the register knows of them →
facts → rules → verdicts. Nothing is dropped and the answer is of one database position, which it names.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection

from consentmgr.consents.heads import ledger_head
from consentmgr.db import written_connection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.register.reading import default_controller as default_of
from consentmgr.screening.answers import Answers
from consentmgr.screening.asked_snapshot import HASHES, AskedSnapshot
from consentmgr.screening.compiled.answering import answered
from consentmgr.screening.engine import DuckDBEngine, Engine, EngineName, PolarsEngine
from consentmgr.screening.facts import ROWS_SCHEMA, RegisterFacts, facts, register_facts
from consentmgr.screening.facts.holders import held
from consentmgr.screening.kinds import by_kind
from consentmgr.screening.question import Question
from consentmgr.screening.register_frames import frames_by_key, has_hashed_prohibitions, prohibition_hashes
from consentmgr.screening.row_frame import Addressed
from consentmgr.screening.snapshot import Snapshot
from consentmgr.screening.verdicts import outcomes, signatures
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import Policy
from consentmgr.vocabulary.reason_codes import RULE_PACK_VERSION

if TYPE_CHECKING:
    from consentmgr.db import Asking

#: Lists up to this long are asked of PostgreSQL by key; longer ones are answered from the snapshot.
BY_KEY_ROWS = 20_000
#: Up to here the compiled engine answers before another has planned; longer lists that are asked by key are Polars's.
_FEW_ROWS = 4_000


def screen(
    asking: "Asking",
    identifiers: pa.Table,
    campaign: Campaign,
    *,
    keys: AddressKeys,
    policy: Policy,
    now: datetime,
    language: Language = "en",
    engine: EngineName | None = None,
    snapshot: Snapshot | None = None,
    memory_limit: int | None = None,
    spill_folder: str | None = None,
    own_engine: Engine | None = None,
) -> Answers:
    """The answer for every row of ``identifiers``, in order.

    ``asking`` must read one position throughout (repeatable read). With ``snapshot`` the frames come from it and
    what has changed since; without, PostgreSQL is asked by key. ``own_engine`` is used where it is given, and is what
    ``engine`` names. Raises ``BadInput`` for a campaign that names a controller the register does not know.
    """
    question = question_of(asking, campaign, policy, now)
    connection = written_connection(asking)
    identifiers = _with_survivors(identifiers, connection)
    chosen = engine or ("duckdb" if snapshot is not None else _engine_for(identifiers.num_rows))
    # Of few rows it is quicker to hash their addresses than to find out whether any ban arrived hashed.
    with_hashes = chosen == "compiled" or has_hashed_prohibitions(connection)
    hashed_kinds = [kind for kind in ("email", "phone") if f"{kind}_sha256" in identifiers.column_names]
    hashes = prohibition_hashes(connection, keys, hashed_kinds)
    addresses = "post" if campaign.channel == "post" else question.point_kind
    if chosen == "compiled":
        if snapshot is not None:
            raise BadInput("the compiled engine asks PostgreSQL, and no snapshot", field="engine")
        addressed = Addressed(identifiers, keys, with_hashes=with_hashes)
        told = answered(connection, addressed, hashes, question, language)
        repeated = repeated_rows(addressed.key_column(addresses))
    else:
        with (
            own_engine or _engine(chosen, memory_limit, spill_folder, identifiers.num_rows) as workspace,
            ThreadPoolExecutor(2, thread_name_prefix="beside") as beside,
        ):
            # PostgreSQL tells what has changed since the snapshot, and the engine is at what the register tells whoever is
            # asked about, while the addresses of the list become keys here.
            asked = None
            if snapshot is not None:
                asked = AskedSnapshot(beside, workspace, connection, snapshot, hashes, question, identifiers)
            addressed = Addressed(identifiers, keys, with_hashes=with_hashes)
            rows = addressed.rows(question)
            duplicates = beside.submit(lambda: repeated_rows(addressed.key_column(addresses)))
            listed = workspace.table_later("rows", ROWS_SCHEMA, rows.table)
            if asked is None:
                known, met = _by_key(workspace, connection, addressed, hashes, question), None
            else:
                known, met = asked.told(addressed, rows)
            found = facts(workspace.keep, listed, known, question, rows.shape, met)
            told = outcomes(
                signatures(workspace, found, question, rows=len(rows), has_invalid=rows.has_invalid), question, language
            )
            repeated = duplicates.result()
    distinct, outcome, evidence = told
    return Answers(
        outcomes=distinct,
        outcome=outcome,
        evidence=evidence,
        duplicate_of=repeated,
        campaign=campaign,
        policy=policy,
        rule_pack=RULE_PACK_VERSION,
        now=now,
        register_position=_position(connection),
        ledger_head=ledger_head(connection),
        engine=chosen if snapshot is None else f"{chosen}, snapshot {snapshot.name}",
    )


def _by_key(
    workspace: Engine, connection: Connection[Any], addressed: Addressed, hashes: pa.Table, question: Question
) -> RegisterFacts:
    tables = {**by_kind(frames_by_key(connection, addressed.keys(hashes))), HASHES: hashes}
    register = held({name: workspace.table(name, table) for name, table in tables.items()})
    for name in ("contacts", "points"):
        register[name] = workspace.keep(register[name], f"{name}_held")
    return register_facts(workspace.keep, register, question)


def _with_survivors(identifiers: pa.Table, connection: Connection[Any]) -> pa.Table:
    if "ref" not in identifiers.column_names:
        return identifiers
    # All of them where the list is long, for an array of a million refs would cost more.
    asked = identifiers["ref"].to_pylist() if identifiers.num_rows <= BY_KEY_ROWS else None
    return with_survivors(identifiers, merged_contacts(connection, asked))


def merged_contacts(connection: Connection[Any], asked: Sequence[str | None] | None = None) -> list[tuple[str, str]]:
    """The refs of contacts that were merged (of those asked for, or of all), each with the survivor's."""
    question = "select c.ref, s.ref from contact c join contact s on s.id = c.merged_into"
    with connection.cursor() as cursor:
        if asked is None:
            cursor.execute(question)
        else:
            cursor.execute(f"{question} where c.ref = any(%s)", [[ref.strip() for ref in asked if ref is not None]])
        return cursor.fetchall()


def with_survivors(identifiers: pa.Table, merged: Sequence[tuple[str, str]]) -> pa.Table:
    """The list with the survivor's ref where a merged contact's stands: two refs mean one person."""
    if not merged or "ref" not in identifiers.column_names:
        return identifiers
    refs = identifiers["ref"]
    place = pc.index_in(pc.utf8_trim_whitespace(refs), value_set=pa.array([row[0] for row in merged], refs.type))
    survivors = pc.take(pa.array([row[1] for row in merged], refs.type), place)
    column = identifiers.column_names.index("ref")
    return identifiers.set_column(column, "ref", pc.coalesce(survivors, refs))


def _engine_for(rows: int) -> EngineName:
    """The engine of a list that is asked of PostgreSQL by key."""
    return "compiled" if rows <= _FEW_ROWS else "polars" if rows <= BY_KEY_ROWS else "duckdb"


def _engine(name: EngineName, memory_limit: int | None, spill_folder: str | None, list_rows: int) -> Engine:
    if name == "polars":
        return PolarsEngine()
    if name == "spark":
        from consentmgr.screening.spark_engine import SparkEngine, spark_session

        # The session of this process, where there is one.
        return SparkEngine(spark_session("local[*]"))
    return DuckDBEngine(memory_limit=memory_limit, spill_folder=spill_folder, list_rows=list_rows)


def default_controller(asking: "Asking") -> str | None:
    """The controller marked default, or the only one there is."""
    return default_of(_controllers(written_connection(asking)))


def _controllers(connection: Connection[Any]) -> dict[str, bool]:
    return dict(connection.execute("select key, is_default from controller").fetchall())


def question_of(asking: "Asking", campaign: Campaign, policy: Policy, now: datetime) -> Question:
    """The question of a campaign. Raises ``BadInput`` where it names a controller the register does not know."""
    connection = written_connection(asking)
    known = _controllers(connection)
    question = Question(
        campaign=campaign,
        policy=policy,
        now=now,
        default_controller=default_of(known),
        external_lists=dict(connection.execute("select source, as_of from external_list").fetchall()),
    )
    refuse_unknown_controllers(question, known)
    return question


def refuse_unknown_controllers(question: Question, known: Collection[str]) -> None:
    """Raise ``BadInput`` where the campaign names a controller the register does not know, or none."""
    for controller in question.controllers:
        if controller not in known:
            named = f"“{controller}”" if controller else "none"
            raise BadInput(
                f"the campaign's controller is {named}, and the register knows "
                f"{', '.join(sorted(known)) or 'no controller'}: import the controller first, or name one of these",
                field="controller" if controller == question.controller else "joint_controllers",
            )


def _position(connection: Connection[Any]) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_snapshot()::text")
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def repeated_rows(addresses: pa.Array) -> pa.Int64Array:
    """Row number (from 1) of the first row with the same address; for post, of the same household."""
    alike = _alike(addresses)
    first = np.arange(len(addresses), dtype=np.int64)
    if len(alike):
        encoded = addresses.take(pa.array(alike)).dictionary_encode()
        codes = encoded.indices.to_numpy()
        first_of = np.empty(len(encoded.dictionary), dtype=np.int64)
        # Written backwards, so that the first row of each address is the one that stays.
        first_of[codes[::-1]] = alike[::-1]
        first[alike] = first_of[codes]
    return pa.array(first + 1, mask=first == np.arange(len(first)))


def _alike(keys: pa.Array) -> npt.NDArray[np.int64]:
    """The rows whose key has a half that stands in another row too, in order: all that are repeated, and few besides.

    Keys are digests, so that one half tells them apart; numbers are sorted in a third of the time that hashing keys takes.
    """
    rows = np.flatnonzero(np.asarray(keys.is_valid()))
    if not len(rows):
        return rows
    halves = np.frombuffer(keys.buffers()[1], np.uint64)[2 * keys.offset : 2 * (keys.offset + len(keys)) : 2][rows]
    in_order = np.sort(halves)
    twice = in_order[1:][in_order[1:] == in_order[:-1]]
    is_alike: npt.NDArray[np.bool_] = np.asarray(pc.is_in(pa.array(halves), pa.array(twice)))
    return rows[is_alike]

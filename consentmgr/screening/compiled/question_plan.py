"""The plan of a question: facts, rules and verdicts of one campaign, ready to be asked of rows again and again.

What makes two questions the same plan: the campaign, the policy, the default controller, how old the copies of outside
lists are, the day, and which identifiers the rows carry. The moment itself is given when the plan runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from consentmgr.screening.answers import Outcome
from consentmgr.screening.compiled.frames import PlannedFrame
from consentmgr.screening.compiled.plan import Parameter, Plan, Program, column_of
from consentmgr.screening.compiled.steps import Column
from consentmgr.screening.facts import ROWS_SCHEMA, Facts, Frame, ListShape, facts, register_facts
from consentmgr.screening.facts.holders import held
from consentmgr.screening.kinds import KIND_COLUMNS, KIND_OF, KINDS_OF, OWN_COLUMNS
from consentmgr.screening.question import Question, microseconds
from consentmgr.screening.register_frames import FRAMES, HASHES_SCHEMA
from consentmgr.screening.verdicts import (
    outcome_of,
    packed_alone,
    packed_together,
    rows_with_several,
    united_evidence,
    weighing_plan,
)
from consentmgr.vocabulary.codes import Language

#: Columns of the register's frames of which no value stands twice, and columns that are never null.
_UNIQUE: Final[Mapping[str, tuple[str, ...]]] = {
    "rows": ("row_no",),
    "contacts": ("contact_id", "ref"),
    "points": ("point_id",),
    "act_kinds": ("act_kind",),
    "relation_kinds": ("relation_kind",),
    "organisations": ("organisation_id", "identity"),
}
_KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "rows": ("row_no", "invalid"),
    "contacts": ("contact_id",),
    "points": ("point_id", "kind"),
    "acts": ("entry_id", "contact_id", "at_us", "alone", "act_kind"),
    "act_kinds": ("act_kind", "event"),
    "relations": ("contact_id", "alone", "relation_kind"),
    "relation_kinds": ("relation_kind",),
    "roles": ("role_id", "contact_id", "organisation_id", "alone"),
    "messages": ("contact_id", "at_us"),
    "organisations": ("organisation_id",),
    "domains": ("domain", "organisation_id"),
    "prohibitions": ("prohibition_id",),
}


def _columns() -> dict[str, tuple[str, ...]]:
    found = {frame.name: tuple(frame.schema.names) for frame in FRAMES}
    found["roles"] = (*found["roles"], "alone")
    for name, own in OWN_COLUMNS.items():
        found[name] = (*own, "alone", KIND_OF[name])
        found[KINDS_OF[name]] = (KIND_OF[name], *KIND_COLUMNS[name])
    found["rows"] = tuple(ROWS_SCHEMA.names)
    found["prohibition_hashes"] = tuple(HASHES_SCHEMA.names)
    return found


#: Every table a run is fed with, and its columns.
TABLES: Final = _columns()

Tables = Mapping[str, Mapping[str, Column]]


class _Asked(Question):
    """A question whose moment is given later."""

    @cached_property
    def moment_us(self) -> int:
        return Parameter("moment_us", microseconds(self.moment))


class QuestionPlan:
    """Ready to be asked; may be asked by several threads at once."""

    def __init__(self, question: Question, shape: ListShape, *, has_invalid: bool) -> None:
        self.question = _Asked(
            campaign=question.campaign,
            policy=question.policy,
            now=question.now,
            default_controller=question.default_controller,
            external_lists=question.external_lists,
        )
        self._shape, self._has_invalid = shape, has_invalid
        self._weighing = weighing_plan(self.question)
        self._outcomes: dict[tuple[tuple[int, ...], Language], Outcome] = {}
        plan, found = self._facts()
        several = _planned(rows_with_several(found))
        alone = _planned(packed_alone(found.cases, self._weighing, self.question, has_invalid=has_invalid))
        self._program = plan.program([several.rows, alone.rows, alone.values])
        self._several, self._alone = several.rows.slot, _Result(alone)

    def _facts(self) -> tuple[Plan, Facts]:
        plan = Plan()
        frames: dict[str, Frame] = {}
        for name, columns in TABLES.items():
            rows, values = plan.source(name, columns, _UNIQUE.get(name, ()), _KNOWN.get(name, ()))
            frames[name] = PlannedFrame(plan, rows, values)
        known = register_facts(_as_it_is, held(frames), self.question)
        return plan, facts(_as_it_is, frames["rows"], known, self.question, self._shape)

    @cached_property
    def _together(self) -> tuple[Program, _Result, _Result, _Result]:
        """For rows with several candidates, which most lists have few of: its own plan, made when it is first needed."""
        plan, found = self._facts()
        several = rows_with_several(found)
        options = {"has_invalid": self._has_invalid}
        single = found.cases.join(several, on="row_no", how="anti")
        shared = found.cases.join(several, on="row_no", how="semi")
        alone = _planned(packed_alone(single, self._weighing, self.question, **options))
        each, united = packed_together(shared, self._weighing, self.question, _as_it_is, **options)
        frames = (alone, _planned(each), _planned(united))
        results = [part for frame in frames for part in (frame.rows, frame.values)]
        return plan.program(results), _Result(alone), _Result(frames[1]), _Result(frames[2])

    def ask(self, tables: Tables, moment_us: int, language: Language) -> tuple[list[Outcome], list[str]]:
        """The outcome of each row and the ids that decided, in the order of ``row_no``, which counts from 0."""
        parameters = {"moment_us": moment_us}
        rows = len(tables["rows"]["row_no"])
        values = self._program.run(tables, parameters)
        packed: dict[int, tuple[int, ...]] = {}
        evidence: dict[int, str] = {}
        if not values[self._several]:
            _collect(values, self._alone, packed, evidence)
        else:
            program, alone, each, united = self._together
            values = program.run(tables, parameters)
            _collect(values, alone, packed, evidence)
            _collect(values, united, packed, {})
            told = each.told(values)
            evidence.update(united_evidence(told["row_no"], told["evidence"]))
        if len(packed) != rows:
            raise RuntimeError(f"{rows} rows went in and {len(packed)} came out")
        return [self._outcome(packed[row], language) for row in range(rows)], [evidence[row] for row in range(rows)]

    def _outcome(self, packed: tuple[int, ...], language: Language) -> Outcome:
        found = self._outcomes.get((packed, language))
        if found is None:
            found = self._outcomes[packed, language] = outcome_of(self._weighing, packed, self.question, language)
        return found


def _as_it_is(frame: Frame, name: str) -> Frame:
    del name
    return frame


def _planned(frame: Frame) -> PlannedFrame:
    if not isinstance(frame, PlannedFrame):
        raise TypeError("a frame of another engine")
    return frame


class _Result:
    """Where a run leaves a frame; the plan it was made in can go."""

    def __init__(self, frame: PlannedFrame) -> None:
        self._rows, self._values = frame.rows, frame.values

    def told(self, values: Sequence[Any]) -> dict[str, Column]:
        return {name: column_of(values, value, self._rows) for name, value in self._values.items()}


def _collect(
    values: Sequence[Any], result: _Result, packed: dict[int, tuple[int, ...]], evidence: dict[int, str]
) -> None:
    """Adds packed weights, -1 for those that are null, and ids by row number."""
    told = result.told(values)
    names = sorted(name for name in told if name.startswith("signature_"))
    numbers = zip(*(told[name] for name in names), strict=True)
    ids = told.get("evidence") or [None] * len(told["row_no"])
    for row, weights, of_one in zip(told["row_no"], numbers, ids, strict=True):
        if row in packed:
            raise RuntimeError("a row came out twice")
        packed[row] = tuple(-1 if weight is None else weight for weight in weights)
        evidence[row] = of_one or ""

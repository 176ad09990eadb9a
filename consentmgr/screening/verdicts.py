"""From rules to verdicts (law.md section 2): weights per candidate, the union per row, one outcome per combination.

The weights of a row's rules are packed, two bits a rule, into a few integers: its *signature*. Rows share few
signatures, so the order of reasons, the headline and the sentence are made once per signature, in plain Python.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consentmgr.screening.answers import Outcome
from consentmgr.screening.engine import Engine
from consentmgr.screening.facts import Facts
from consentmgr.screening.facts.columns import Frame, Keep, flag
from consentmgr.screening.question import Question
from consentmgr.screening.rules import RULES
from consentmgr.screening.rules.ladder import is_step, with_step
from consentmgr.screening.rules.rule import BLOCK, GROUND_ALLOW, GROUND_BLOCK, GROUND_REVIEW, NONE, REVIEW
from consentmgr.vocabulary.codes import Channel, Language, Verdict
from consentmgr.vocabulary.reason_codes import LEGAL_BASIS_OF_GROUND, explanation

_RULES_PER_INTEGER = 31
_INVALID = next(index for index, rule in enumerate(RULES) if rule.code == "ADDRESS_INVALID" and rule.stage == 3)
_PROMO = next(index for index, rule in enumerate(RULES) if rule.code == "SERVICE_HAS_PROMO")
#: Stages that look nothing up: all that is said of a row whose identifier has no canonical form.
_BEFORE_LOOK_UP = (1, 2)


@dataclass(frozen=True, slots=True)
class Signatures:
    """Packed weights, one element a list row in list order, and the ids that decided."""

    columns: tuple[pa.Int64Array, ...]
    evidence: pa.StringArray


@dataclass(frozen=True, slots=True)
class WeighingPlan:
    """Which rules are columns and which the campaign alone has decided."""

    constants: dict[int, int]
    expressions: dict[int, nw.Expr]

    @property
    def columns(self) -> list[int]:
        return sorted(self.expressions)


def weighing_plan(question: Question) -> WeighingPlan:
    constants: dict[int, int] = {}
    expressions: dict[int, nw.Expr] = {}
    for index, rule in enumerate(RULES):
        weight = rule.weight(question)
        if isinstance(weight, int):
            if weight:
                constants[index] = weight
        else:
            expressions[index] = weight
    return WeighingPlan(constants, expressions)


def signatures(engine: Engine, found: Facts, question: Question, *, rows: int, has_invalid: bool) -> Signatures:
    """Runs every rule over the candidates and unites the candidates of a row.

    The least permissive candidate wins; where several are equally hard, of each rule the strictest weight is kept.
    """
    plan = weighing_plan(question)
    # Every row has a candidate at least, so that as many candidates as rows leave nothing to look for.
    counted = found.people.with_columns(whole=nw.lit(True)).group_by("whole").agg(candidates=nw.len())
    whole = engine.collect(counted)
    some_have_several = len(whole) > 0 and whole["candidates"][0].as_py() > rows
    single = found.cases
    if some_have_several:
        several = engine.keep(rows_with_several(found), "several")
        single = found.cases.join(several, on="row_no", how="anti")
    packed = [_with_plain_strings(engine.collect(packed_alone(single, plan, question, has_invalid=has_invalid)))]
    if some_have_several:
        shared = found.cases.join(several, on="row_no", how="semi")
        each, united = packed_together(shared, plan, question, engine.keep, has_invalid=has_invalid)
        packed.append(_with_united_evidence(engine.collect(united), engine.collect(each)))
    return _in_list_order(pa.concat_tables(packed, promote_options="default"), rows)


def rows_with_several(found: Facts) -> Frame:
    """``row_no`` of rows that are about more than one candidate."""
    counts = found.people.group_by("row_no").agg(candidates=nw.len())
    return counts.filter(nw.col("candidates") > 1).select("row_no")


def packed_alone(cases: Frame, plan: WeighingPlan, question: Question, *, has_invalid: bool) -> Frame:
    """``row_no``, the packed weights and ``evidence`` of rows with one candidate each."""
    return _weighed(cases, plan, question, has_invalid=has_invalid).select("row_no", *_packed(plan), "evidence")


def packed_together(
    cases: Frame, plan: WeighingPlan, question: Question, keep: Keep, *, has_invalid: bool
) -> tuple[Frame, Frame]:
    """Of rows with several candidates: ``row_no`` and ``evidence`` of each candidate that is judged hardest, and
    ``row_no`` with the packed weights of them all.
    """
    names = [f"w{index}" for index in plan.columns]
    weighed = _weighed(cases, plan, question, has_invalid=has_invalid).select("row_no", *names, "evidence")
    each = keep(_least_permissive(keep(weighed, "each_candidate"), plan), "each")
    return each.select("row_no", "evidence"), _united(each, plan).select("row_no", *_packed(plan))


def _weighed(cases: Frame, plan: WeighingPlan, question: Question, *, has_invalid: bool) -> Frame:
    """``w<rule>`` for every rule that is a column, and ``evidence``: the ids that decided."""
    weighed = with_step(cases, question)
    weights = [
        _weight(index, expression, has_invalid=has_invalid)
        for index, expression in plan.expressions.items()
        if index != _PROMO
    ]
    weighed = weighed.select("row_no", _evidence(question), *weights)
    if _PROMO in plan.expressions:
        weighed = weighed.with_columns(not_allowed_as_marketing=_not_allowed(plan)).with_columns(
            plan.expressions[_PROMO].alias(f"w{_PROMO}")
        )
    return weighed


def _least_permissive(each: Frame, plan: WeighingPlan) -> Frame:
    """Of each row the candidates that are judged hardest: what stops only a milder one is no reason of the row's."""
    stops = [nw.col(f"w{index}") for index in plan.columns if not RULES[index].is_ground]
    grounds = [nw.col(f"w{index}") for index in plan.columns if RULES[index].is_ground]
    # What the campaign alone has decided weighs on every candidate alike.
    of_all = max((weight for index, weight in plan.constants.items() if not RULES[index].is_ground), default=NONE)

    def some(weights: list[nw.Expr], least: int) -> nw.Expr:
        return nw.any_horizontal(nw.lit(False), *(weight >= least for weight in weights), ignore_nulls=False)

    nothing_said = ~some(grounds, GROUND_ALLOW) & ~some(stops, REVIEW)
    severity = (
        nw.when(nw.lit(of_all >= BLOCK) | some(stops, BLOCK) | some(grounds, GROUND_BLOCK) | nothing_said)
        .then(nw.lit(BLOCK))
        .when(nw.lit(of_all >= REVIEW) | some(stops, REVIEW) | some(grounds, GROUND_REVIEW))
        .then(nw.lit(REVIEW))
        .otherwise(nw.lit(NONE))
    )
    weighed = each.with_columns(severity=severity)
    worst = weighed.group_by("row_no").agg(worst=nw.col("severity").max())
    return weighed.join(worst, on="row_no", how="inner").filter(nw.col("severity") == nw.col("worst")).drop("worst")


def _united(each: Frame, plan: WeighingPlan) -> Frame:
    """The candidates of a row as one: of each rule the strictest weight; a ground only where every one has a ground."""
    grounds = [f"w{index}" for index in plan.columns if RULES[index].is_ground]
    stops = [f"w{index}" for index in plan.columns if not RULES[index].is_ground]
    has_ground = flag(nw.any_horizontal(*(nw.col(name) > NONE for name in grounds), ignore_nulls=False))
    united = (
        each.with_columns(has_ground=has_ground)
        .group_by("row_no")
        .agg(*(nw.col(name).max() for name in (*stops, *grounds)), all_have_ground=nw.col("has_ground").min())
    )
    return united.with_columns(
        (nw.when(nw.col("all_have_ground") == 1).then(nw.col(name)).otherwise(nw.lit(NONE))).alias(name)
        for name in grounds
    )


def _with_plain_strings(table: pa.Table) -> pa.Table:
    place = table.column_names.index("evidence")
    return table.set_column(place, "evidence", table["evidence"].cast(pa.string()))


def _with_united_evidence(united: pa.Table, each: pa.Table) -> pa.Table:
    """The ids of all candidates of a row, each once, in the order they were found."""
    ids = united_evidence(each["row_no"].to_pylist(), each["evidence"].to_pylist())
    joined = [ids.get(row_no, "") for row_no in united["row_no"].to_pylist()]
    return united.append_column("evidence", pa.array(joined, pa.string()))


def united_evidence(row_numbers: Sequence[int], evidence: Sequence[str | None]) -> dict[int, str]:
    """By row number the ids of all its candidates, each once."""
    ids: dict[int, dict[str, None]] = {}
    for row_no, of_one in zip(row_numbers, evidence, strict=True):
        ids.setdefault(row_no, {}).update(dict.fromkeys(filter(None, (of_one or "").split(";"))))
    return {row_no: ";".join(sorted(found)) for row_no, found in ids.items()}


def _weight(index: int, expression: nw.Expr, *, has_invalid: bool) -> nw.Expr:
    rule = RULES[index]
    if has_invalid and index != _INVALID and rule.stage not in _BEFORE_LOOK_UP:
        expression = nw.when(nw.col("invalid")).then(nw.lit(NONE)).otherwise(expression)
    return expression.alias(f"w{index}")


def _not_allowed(plan: WeighingPlan) -> nw.Expr:
    """Some stop fires, or no ground allows: what makes promotion in a service message a stop of its own."""
    if any(not RULES[index].is_ground for index in plan.constants):
        return nw.lit(True)
    stops = [nw.col(f"w{index}") > NONE for index in plan.expressions if not RULES[index].is_ground and index != _PROMO]
    grounds = [nw.col(f"w{index}") == GROUND_ALLOW for index in plan.expressions if RULES[index].is_ground]
    return nw.any_horizontal(*stops, ignore_nulls=False) | ~nw.any_horizontal(*grounds, ignore_nulls=False)


def _evidence(question: Question) -> nw.Expr:
    """Ids of what decided: each ban that holds, else the consent that is the ground."""
    rests_on_consent = is_step("CONSENT_OK") | is_step("SOCIAL_OK")
    entry = nw.concat_str(nw.lit("E"), nw.col("consent_entry").cast(nw.String))
    consent = nw.when(rests_on_consent & ~nw.col("consent_entry").is_null()).then(entry)
    if question.is_plain_service:
        return consent.alias("evidence")
    return nw.coalesce("ban_evidence", consent).alias("evidence")


def _packed(plan: WeighingPlan) -> Iterator[nw.Expr]:
    columns = plan.columns
    for number, start in enumerate(range(0, max(len(columns), 1), _RULES_PER_INTEGER)):
        total: nw.Expr = nw.lit(0).cast(nw.Int64)
        for place, index in enumerate(columns[start : start + _RULES_PER_INTEGER]):
            total = total + nw.col(f"w{index}").cast(nw.Int64) * (4**place)
        yield total.alias(f"signature_{number}")


def _in_list_order(table: pa.Table, rows: int) -> Signatures:
    row_no = table["row_no"].combine_chunks().to_numpy()
    if len(row_no) != rows:
        raise RuntimeError(f"{rows} rows went in and {len(row_no)} came out")
    place = np.full(rows, -1, dtype=np.int64)
    place[row_no] = np.arange(rows)
    if (place < 0).any():
        raise RuntimeError("a row came out more than once")
    ordered = table.take(pa.array(place))
    names = sorted(name for name in table.column_names if name.startswith("signature_"))
    return Signatures(
        tuple(ordered[name].combine_chunks() for name in names),
        ordered["evidence"].cast(pa.string()).combine_chunks(),
    )


def outcomes(
    found: Signatures, question: Question, language: Language
) -> tuple[tuple[Outcome, ...], pa.Int32Array, pa.StringArray]:
    """The distinct outcomes, per row the index of its own, and the ids that decided."""
    plan = weighing_plan(question)
    parts = [column.fill_null(-1).to_numpy() for column in found.columns]
    mixed = np.zeros(len(parts[0]), dtype=np.uint64)
    for part in parts:
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + part.view(np.uint64)
    first, inverse = _distinct(mixed)
    for part in parts:
        # The mix is a hash: rows are one outcome only if every integer agrees.
        if not np.array_equal(part[first][inverse], part):
            raise RuntimeError("two signatures met in one outcome")
    made: list[Outcome] = []
    place: dict[Outcome, int] = {}
    index_of: list[int] = []
    for position in first:
        outcome = outcome_of(plan, [int(part[position]) for part in parts], question, language)
        if outcome not in place:
            place[outcome] = len(made)
            made.append(outcome)
        index_of.append(place[outcome])
    return tuple(made), pa.array(np.asarray(index_of, dtype=np.int32)[inverse]), found.evidence


def _distinct(numbers: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """As ``np.unique`` tells: where each distinct number stands first, in their order, and for each number which it is.

    They are few, so that a table of them is a seventh of the work of sorting a million.
    """
    encoded = pa.array(numbers).dictionary_encode()
    order = np.argsort(encoded.dictionary.to_numpy())
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    inverse = place[encoded.indices.to_numpy()]
    first = np.zeros(len(order), dtype=np.int64)
    # Written backwards, so that the first of each is the one that stays.
    first[inverse[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    return first, inverse


def outcome_of(plan: WeighingPlan, packed: Sequence[int], question: Question, language: Language) -> Outcome:
    """What packed weights mean; one that is negative says that a rule gave no answer."""
    weights = dict(plan.constants)
    failed = any(number < 0 for number in packed)
    if not failed:
        for place, index in enumerate(plan.columns):
            weight = (packed[place // _RULES_PER_INTEGER] >> (2 * (place % _RULES_PER_INTEGER))) & 3
            if weight:
                weights[index] = weight
    if weights.get(_INVALID):
        weights = {
            index: weight
            for index, weight in weights.items()
            if index == _INVALID or RULES[index].stage in _BEFORE_LOOK_UP
        }
    fired = [(RULES[index], weight) for index, weight in sorted(weights.items())]
    stops = [(rule, weight) for rule, weight in fired if not rule.is_ground]
    grounds = [(rule, weight) for rule, weight in fired if rule.is_ground]
    if failed or (not stops and not grounds):
        # A rule gave no answer, or nothing speaks for or against: unknown is never allowed.
        return _told("block", ("NOT_DECIDABLE",), None, question, language)
    blocked = any(weight >= BLOCK for _, weight in stops) or any(weight == GROUND_BLOCK for _, weight in grounds)
    asks = bool(stops) or any(weight > GROUND_ALLOW for _, weight in grounds)
    verdict: Verdict = "block" if blocked else "review" if asks else "allow"
    reasons = tuple(dict.fromkeys(rule.code for rule, _ in fired))
    headline = stops[0] if stops else grounds[0]
    then = None
    if verdict == "block" and headline[1] < BLOCK:
        then = next((rule.code for rule, weight in stops if weight >= BLOCK), None)
    ground = grounds[0][0].code if verdict == "allow" else None
    banned = next((rule.banned for rule, _ in stops if rule.code == "DM_OBJECTION_CHANNEL"), None)
    return _told(verdict, reasons, ground, question, language, headline=headline[0].code, then=then, banned=banned)


def _legal_basis(ground: str | None, question: Question) -> str | None:
    """The basis the ground rests on; a list of companies is no personal data and needs none."""
    return None if ground is None or question.is_company_list else LEGAL_BASIS_OF_GROUND.get(ground)


def _told(
    verdict: Verdict,
    reasons: tuple[str, ...],
    ground: str | None,
    question: Question,
    language: Language,
    *,
    headline: str | None = None,
    then: str | None = None,
    banned: Channel | None = None,
) -> Outcome:
    reason = headline or reasons[0]
    return Outcome(
        verdict=verdict,
        reason=reason,
        reasons=reasons,
        ground=ground,
        legal_basis=_legal_basis(ground, question),
        explanation=explanation(reason, language, banned or question.campaign.channel, then),
        banned_channel=banned,
    )

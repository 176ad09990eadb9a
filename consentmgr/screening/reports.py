"""What a screening came to: counted once, and told as data, as lines of a workbook or in a terminal.

The page for people is ``report_page``. No address and no name of a person is in any of them.
Source: formats.md section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
import numpy as np

from consentmgr import __version__
from consentmgr.screening.answers import Answers
from consentmgr.screening.lists import CampaignList
from consentmgr.screening.outputs import is_allowed
from consentmgr.screening.relied_partners import Partner
from consentmgr.screening.report_words import WORDS, moment
from consentmgr.vocabulary.codes import Channel, Language, Verdict
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.local_forms import number, percent
from consentmgr.vocabulary.policy import POLICY, Policy, is_looser, plain_value
from consentmgr.vocabulary.reason_codes import (
    BY_CODE,
    NO_LEGAL_BASIS_NOTES,
    ORDER,
    STAGES,
    sentence,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Names the report's form for programmes that read it; a change that could break them gets a new number.
SCHEMA: Final = "consentmgr.screening_report/1"
VERDICTS: Final[tuple[Verdict, ...]] = ("allow", "review", "block")
#: Reasons a terminal shows before it says how many more there are.
_TERMINAL_REASONS = 8


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How often one code spoke against rows: ``review`` and ``block`` count rows whose headline it is, ``fired``
    every row it applies to.
    """

    code: str
    stage: int
    kind: str
    confidence: tuple[str, ...]
    sentence: str
    citation: str
    review: int
    block: int
    fired: int

    @property
    def first(self) -> int:
        """Rows whose headline it is."""
        return self.review + self.block


@dataclass(frozen=True, slots=True)
class GroundCount:
    """Allowed rows that rest on one ground. ``legal_basis`` is None where article 6 asks for none; ``note`` says why."""

    code: str
    sentence: str
    citation: str
    legal_basis: str | None
    note: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class StageCount:
    """``first``: rows whose headline is of this stage; ``fired``: rows that any of its codes speaks against."""

    stage: int
    name: str
    first: int
    fired: int


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One policy switch, limit or list, as it was for this screening; values are plain (JSON)."""

    name: str
    value: Any
    default: Any
    is_default: bool
    looser: bool


@dataclass(frozen=True, slots=True)
class ListFacts:
    """The list as it was read. ``recognised`` is field -> column header; other headers are only counted."""

    name: str
    format: str
    encoding: str
    rows: int
    sha256: str
    recognised: Mapping[str, str]
    other_columns: int


@dataclass(frozen=True, slots=True)
class ControllerFacts:
    """Who is responsible for the campaign (GDPR 4(7))."""

    key: str
    name: str | None = None
    business_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file of this screening; ``role`` is one of input, result, allowed, report, report_json, certificate."""

    role: str
    name: str
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything a report says. Counts are rows; times are aware."""

    language: Language
    certificate_id: UUID
    screened_at: datetime
    valid_until: datetime
    campaign: Campaign
    controller: ControllerFacts
    list: ListFacts
    verdicts: Mapping[Verdict, int]
    reasons: tuple[ReasonCount, ...]
    grounds: tuple[GroundCount, ...]
    legal_bases: Mapping[str, int]
    stages: tuple[StageCount, ...]
    repeated: int
    repeated_allowed: int
    duplicates_dropped: bool
    policy: tuple[SettingInForce, ...]
    register_position: str
    ledger_head: str
    rule_pack: str
    engine: str
    files: tuple[OutputFile, ...] = ()
    #: Whose having taken in the bans the screening relies on.
    partners: tuple[Partner, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of the list; every one has one verdict."""
        return self.list.rows

    @property
    def looser(self) -> tuple[str, ...]:
        """Names of the settings looser than their defaults."""
        return tuple(setting.name for setting in self.policy if setting.looser)

    @property
    def gates(self) -> tuple[ReasonCount, ...]:
        """The codes that stop the whole campaign, whoever is on the list."""
        return tuple(reason for reason in self.reasons if reason.kind == "gate" and reason.fired == self.rows)

    def with_files(self, files: Iterable[OutputFile]) -> ReportData:
        """The same report, naming these files."""
        return replace(self, files=tuple(files))


# ------------------------------------------------------------------------------------------------------- counting


def valid_until(answers: Answers) -> datetime:
    """How long the answers are good for sending: ``certificate_valid_hours`` from the moment they are of."""
    return answers.now + timedelta(hours=answers.policy.certificate_valid_hours)


def report_data(
    lst: CampaignList,
    answers: Answers,
    *,
    language: Language,
    certificate_id: UUID,
    controller: ControllerFacts | None = None,
    duplicates_dropped: bool = False,
    partners: tuple[Partner, ...] = (),
) -> ReportData:
    """Count what ``answers`` say of ``lst``. The work grows with the distinct outcomes, hardly with the rows."""
    count = _count(answers)
    repeated = np.asarray(answers.duplicate_of.is_valid())
    return ReportData(
        language=language,
        certificate_id=certificate_id,
        screened_at=answers.now,
        valid_until=valid_until(answers),
        campaign=answers.campaign,
        controller=controller or ControllerFacts(answers.campaign.controller or ""),
        list=ListFacts(
            name=lst.name,
            format=lst.format,
            encoding=lst.encoding,
            rows=len(lst),
            sha256=lst.sha256,
            recognised=dict(lst.recognised),
            other_columns=len(lst.columns) - len(set(lst.recognised.values())),
        ),
        verdicts=dict(count.verdicts),
        reasons=_reasons(count, answers, language),
        grounds=_grounds(count, answers, language),
        legal_bases=_legal_bases(count),
        stages=tuple(
            StageCount(stage, STAGES[stage][language], count.stage_first[stage], count.stage_fired[stage])
            for stage in STAGES
            if count.stage_fired[stage]
        ),
        repeated=int(np.count_nonzero(repeated)),
        repeated_allowed=int(np.count_nonzero(repeated & is_allowed(answers))),
        duplicates_dropped=duplicates_dropped,
        policy=settings_in_force(answers.policy),
        register_position=answers.register_position,
        ledger_head=answers.ledger_head,
        rule_pack=answers.rule_pack,
        engine=answers.engine,
        partners=partners,
    )


class _Count:
    """Rows by verdict, code, ground and stage."""

    def __init__(self) -> None:
        self.verdicts: dict[Verdict, int] = dict.fromkeys(VERDICTS, 0)
        self.fired: Counter[str] = Counter()
        self.first: Counter[tuple[str, Verdict]] = Counter()
        self.grounds: Counter[tuple[str, str | None]] = Counter()
        self.stage_first: Counter[int] = Counter()
        self.stage_fired: Counter[int] = Counter()


def _count(answers: Answers) -> _Count:
    count = _Count()
    for outcome, rows in zip(answers.outcomes, answers.counts(), strict=True):
        if not rows:
            continue
        count.verdicts[outcome.verdict] += rows
        if outcome.verdict == "allow":
            count.grounds[outcome.ground or outcome.reason, outcome.legal_basis] += rows
            continue
        # A ground may hold on a row that is stopped elsewhere; it speaks against it only as the headline of a review.
        against = [code for code in outcome.reasons if BY_CODE[code].kind != "ground" or code == outcome.reason]
        count.first[outcome.reason, outcome.verdict] += rows
        count.fired.update(dict.fromkeys(against, rows))
        count.stage_first[BY_CODE[outcome.reason].stage] += rows
        count.stage_fired.update(dict.fromkeys((BY_CODE[code].stage for code in against), rows))
    return count


def _reasons(count: _Count, answers: Answers, language: Language) -> tuple[ReasonCount, ...]:
    """Commonest headline first; codes that are nobody's headline after them; then in evaluation order."""
    found = [
        ReasonCount(
            code=code,
            stage=BY_CODE[code].stage,
            kind=BY_CODE[code].kind,
            confidence=BY_CODE[code].confidence,
            sentence=sentence(code, language, _banned_channel(code, answers)),
            citation=BY_CODE[code].law(language),
            review=count.first[code, "review"],
            block=count.first[code, "block"],
            fired=rows,
        )
        for code, rows in count.fired.items()
    ]
    return tuple(sorted(found, key=lambda reason: (-reason.first, -reason.fired, ORDER[reason.code])))


def _banned_channel(code: str, answers: Answers) -> Channel:
    """The banned channel where all rows of the code have the same; else the campaign's, which they all concern."""
    banned = {one.banned_channel for one in answers.outcomes if code in one.reasons}
    return (banned.pop() if len(banned) == 1 else None) or answers.campaign.channel


def _grounds(count: _Count, answers: Answers, language: Language) -> tuple[GroundCount, ...]:
    return tuple(
        GroundCount(
            code=code,
            sentence=sentence(code, language, answers.campaign.channel),
            citation=BY_CODE[code].law(language),
            legal_basis=basis,
            note=None if basis else NO_LEGAL_BASIS_NOTES.get(code, {}).get(language),
            rows=rows,
        )
        for (code, basis), rows in sorted(count.grounds.items(), key=lambda item: (-item[1], ORDER[item[0][0]]))
    )


def _legal_bases(count: _Count) -> dict[str, int]:
    bases: Counter[str] = Counter()
    for (_, basis), rows in count.grounds.items():
        bases[basis or "none"] += rows
    return dict(bases.most_common())


def settings_in_force(policy: Policy) -> tuple[SettingInForce, ...]:
    """Every switch, limit and list, in the order of ``POLICY``."""
    return tuple(
        SettingInForce(
            name=row.name,
            value=plain_value(getattr(policy, row.name)),
            default=plain_value(row.default),
            is_default=getattr(policy, row.name) == row.default,
            looser=is_looser(row, getattr(policy, row.name)),
        )
        for row in POLICY
    )


def campaign_document(campaign: Campaign) -> dict[str, Any]:
    """The campaign with every field that has a value spelled out, defaults too, so that a later default changes nothing."""
    return {"type": "campaign", **_spelled_out(campaign)}


def _spelled_out(struct: msgspec.Struct) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if isinstance(value, msgspec.Struct):
            fields[name] = _spelled_out(value)
        elif value is not None:
            fields[name] = msgspec.to_builtins(value)
    return fields


# ----------------------------------------------------------------------------------------------------- as JSON


def report_json(report: ReportData) -> bytes:
    """The report as one JSON object, indented, with a line end; names are part of the contract of ``SCHEMA``."""
    data = {
        "schema": SCHEMA,
        "product": {"name": "consentmgr", "version": __version__},
        "language": report.language,
        "certificate_id": str(report.certificate_id),
        "screened_at": report.screened_at.isoformat(),
        "valid_until": report.valid_until.isoformat(),
        "controller": _filled(msgspec.to_builtins(report.controller)),
        "campaign": campaign_document(report.campaign),
        "list": msgspec.to_builtins(report.list),
        "rows": report.rows,
        "verdicts": dict(report.verdicts),
        "reasons": [{**msgspec.to_builtins(reason), "headline": reason.first} for reason in report.reasons],
        "grounds": [msgspec.to_builtins(ground) for ground in report.grounds],
        "legal_bases": dict(report.legal_bases),
        "stages": [msgspec.to_builtins(stage) for stage in report.stages],
        "duplicates": {
            "rows": report.repeated,
            "allowed": report.repeated_allowed,
            "dropped_from_allowed_file": report.duplicates_dropped,
        },
        "policy": [msgspec.to_builtins(setting) for setting in report.policy],
        "policy_looser_than_default": list(report.looser),
        "register_position": report.register_position,
        "ledger_head": report.ledger_head,
        "rule_pack": report.rule_pack,
        "engine": report.engine,
        "files": [_filled(msgspec.to_builtins(file)) for file in report.files],
    }
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# ------------------------------------------------------------------------------------ in a workbook, in a terminal


def workbook_summary(report: ReportData) -> list[list[str]]:
    """Lines of a workbook's first sheet: the title, then headings (one cell) and rows (two or three)."""
    words, language = WORDS[report.language], report.language
    lines = [
        [words.title],
        [words.campaign, report.campaign.name or report.campaign.key],
        [words.controller, report.controller.name or report.controller.key],
        [words.list_name, report.list.name],
        [words.screened_at, moment(report.screened_at, language)],
        [words.valid_until, moment(report.valid_until, language)],
        [words.certificate, str(report.certificate_id)],
        ["", "", words.for_reading],
        [words.outcome],
    ]
    for verdict in VERDICTS:
        rows = report.verdicts[verdict]
        share = f"{number(rows, language)} ({percent(rows, report.rows, language)})"
        lines.append([words.verdicts[verdict], share, words.verdict_meanings[verdict]])
    reasons = [(reason.code, reason.first, reason.sentence, reason.citation) for reason in report.reasons]
    grounds = [(ground.code, ground.rows, ground.sentence, ground.citation) for ground in report.grounds]
    for heading, counted in ((words.reasons, reasons), (words.grounds, grounds)):
        lines.append([heading])
        lines += [[code, number(rows, language), f"{told} {law}"] for code, rows, told, law in counted]
    return lines


def terminal_summary(report: ReportData) -> RenderableType:
    """The outcome in a terminal: counts, the commonest reasons with their sentences, where the files are.

    Give it to a ``rich.console.Console``; on a pipe it becomes plain text.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    words, language = WORDS[report.language], report.language
    colours = {"allow": "green", "review": "yellow", "block": "red"}
    name = report.campaign.name or report.campaign.key
    parts: list[RenderableType] = [
        Text.assemble((name, "bold"), f"  {report.list.name}"),
        Text(f"{words.valid_until}: {moment(report.valid_until, language)}", style="dim"),
        Text(),
    ]
    verdicts = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", "left"):
        verdicts.add_column(justify=justify)
    for verdict in VERDICTS:
        rows = report.verdicts[verdict]
        verdicts.add_row(
            Text(words.verdicts[verdict], style=f"bold {colours[verdict]}"),
            number(rows, language),
            percent(rows, report.rows, language),
            Text(_bar(rows, report.rows), style=colours[verdict]),
        )
    parts.append(verdicts)
    for heading, lines in (
        (
            words.common_reasons,
            [(reason.first, reason.code, reason.sentence) for reason in report.reasons if reason.first],
        ),
        (words.grounds, [(ground.rows, ground.code, ground.sentence) for ground in report.grounds]),
    ):
        if lines:
            parts += [Text(), Text(heading, style="bold"), _counted(lines, language)]
    if report.looser:
        note = words.looser_note_one if len(report.looser) == 1 else words.looser_note_many
        told = note.format(count=number(len(report.looser), language))
        parts += [Text(), Text(f"{told} ({', '.join(report.looser)})", style="yellow")]
    if report.files:
        files = Table.grid(padding=(0, 2))
        for file in report.files:
            files.add_row(words.roles.get(file.role, file.role), Text(file.name, style="bold"))
        parts += [Text(), files]
    return Group(*parts)


def _counted(lines: Sequence[tuple[int, str, str]], language: Language) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for rows, code, told in lines[:_TERMINAL_REASONS]:
        table.add_row(number(rows, language), Text(code, style="dim"), told)
    if len(lines) > _TERMINAL_REASONS:
        table.add_row("…", Text(f"+ {len(lines) - _TERMINAL_REASONS}", style="dim"), "")
    return table


def _bar(rows: int, whole: int, width: int = 32) -> str:
    """Something is shown of whatever is not nothing."""
    return "█" * (max(1, round(width * rows / whole)) if rows else 0)

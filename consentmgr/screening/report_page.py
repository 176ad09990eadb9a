"""The report as a page: one HTML file that a browser and a printer show, with nothing beside it.

No script, no font, no picture and no style from elsewhere; a content security policy in the page itself holds it to
that. The template is ``templates/screening/report.html``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from consentmgr import __version__
from consentmgr.files import data_folder
from consentmgr.screening.report_words import WORDS, Words, moment
from consentmgr.screening.reports import VERDICTS, GroundCount, ReasonCount, ReportData
from consentmgr.vocabulary.areas import area_name
from consentmgr.vocabulary.codes import Language, Verdict
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.local_forms import number, percent
from consentmgr.vocabulary.policy import BY_NAME, checked_value
from consentmgr.vocabulary.policy_words import setting_name
from consentmgr.vocabulary.policy_words.values import setting_value
from consentmgr.vocabulary.reason_codes import CHANNEL_LABELS, CONFIDENCE_NAMES, LEGAL_BASIS_NAMES, PURPOSE_NAMES

if TYPE_CHECKING:
    from jinja2 import Environment

#: A part that is not nothing is drawn at least this wide, in percent, so that it can be seen.
_LEAST = 0.7
#: Campaign fields shown only where they hold, in this order.
_FLAGS: Final = (
    "promotes",
    "business_use",
    "special_category",
    "child_directed",
    "sells_mobile_subscription",
    "reminder_of_service",
    "confirms_own_request",
    "addresses_handed_to_sender",
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: whose colour, where it begins and how wide it is, in percent of the whole drawing."""

    verdict: Verdict
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """A counted line of a table, its numbers written out."""

    code: str
    sentence: str
    citation: str
    aside: str
    rows: str
    share: str
    in_all: str
    bar: tuple[Part, ...]
    bar_says: str


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One verdict of the outcome."""

    verdict: Verdict
    name: str
    meaning: str
    rows: str
    share: str


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting; ``default`` is empty where it is in force, and ``mark`` where there is nothing to say."""

    name: str
    code: str
    value: str
    default: str
    mark: str
    looser: bool


Fact = tuple[str, str]


def report_page(report: ReportData) -> str:
    """The whole page as text, in the report's language."""
    words, language = WORDS[report.language], report.language
    return (
        _environment()
        .get_template("screening/report.html")
        .render(
            words=words,
            language=language,
            version=__version__,
            report=report,
            name=report.campaign.name or report.campaign.key,
            facts=_facts(report, words),
            outcome=_outcome(report, words),
            chart=stacked([(verdict, report.verdicts[verdict]) for verdict in VERDICTS], report.rows),
            verdicts=_verdicts(report, words),
            gates=report.gates,
            looser=_looser(report, words),
            reasons=_reasons(report, words),
            grounds=_grounds(report, words),
            stages=[
                (stage.stage, stage.name, number(stage.first, language), number(stage.fired, language))
                for stage in report.stages
            ],
            repeated=_repeated(report, words),
            settings=_settings(report, words),
            changed=words.changed.format(
                count=number(sum(not setting.is_default for setting in report.policy), language)
            ),
            campaign=_campaign(report.campaign, words, language),
            listed=_listed(report, words),
            proof=_proof(report, words),
            files=[
                (words.roles.get(file.role, file.role), file.name, _rows(file.rows, language), file.sha256 or "")
                for file in report.files
            ],
            certificate_file=next((file.name for file in report.files if file.role == "certificate"), ""),
        )
    )


def stacked(parts: Sequence[tuple[Verdict, int]], whole: int) -> tuple[Part, ...]:
    """Parts of a bar side by side, of which ``whole`` would fill 100 percent."""
    if not whole:
        return ()
    widths = [max(_LEAST, 100 * rows / whole) if rows else 0.0 for _, rows in parts]
    # What the smallest parts were given is taken from all, so that the bar does not run over.
    total = max(100 * sum(rows for _, rows in parts) / whole, _LEAST)
    scale = total / sum(widths) if sum(widths) else 0.0
    drawn, x = [], 0.0
    for (verdict, rows), width in zip(parts, widths, strict=True):
        if rows:
            drawn.append(Part(verdict, round(x, 3), round(width * scale, 3)))
        x += width * scale
    return tuple(drawn)


def _facts(report: ReportData, words: Words) -> list[Fact]:
    language, campaign = report.language, report.campaign
    return [
        (words.controller, report.controller.name or report.controller.key),
        (words.channel, CHANNEL_LABELS[campaign.channel][language]),
        (words.purpose, PURPOSE_NAMES[campaign.purpose][language]),
        (words.list_name, report.list.name),
        (words.screened_at, moment(report.screened_at, language)),
        (words.valid_until, moment(report.valid_until, language)),
    ]


def _outcome(report: ReportData, words: Words) -> str:
    if not report.rows:
        return words.outcome_empty
    counts = {verdict: number(rows, report.language) for verdict, rows in report.verdicts.items()}
    return words.outcome_sentence.format(rows=number(report.rows, report.language), **counts)


def _verdicts(report: ReportData, words: Words) -> list[VerdictLine]:
    return [
        VerdictLine(
            verdict=verdict,
            name=words.verdicts[verdict],
            meaning=words.verdict_meanings[verdict],
            rows=number(report.verdicts[verdict], report.language),
            share=percent(report.verdicts[verdict], report.rows, report.language),
        )
        for verdict in VERDICTS
    ]


def _looser(report: ReportData, words: Words) -> str:
    if not report.looser:
        return ""
    note = words.looser_note_one if len(report.looser) == 1 else words.looser_note_many
    return note.format(count=number(len(report.looser), report.language))


def _reasons(report: ReportData, words: Words) -> list[Line]:
    most = max((reason.first for reason in report.reasons), default=0)
    return [_reason(reason, most, report, words) for reason in report.reasons]


def _reason(reason: ReasonCount, most: int, report: ReportData, words: Words) -> Line:
    language = report.language
    return Line(
        code=reason.code,
        sentence=reason.sentence,
        citation=reason.citation,
        aside=" / ".join(CONFIDENCE_NAMES[item][language] for item in reason.confidence),  # type: ignore[index]
        rows=number(reason.first, language),
        share=percent(reason.first, report.rows, language) if reason.first else "",
        in_all=number(reason.fired, language),
        bar=stacked([("block", reason.block), ("review", reason.review)], most),
        bar_says=words.bar.format(block=number(reason.block, language), review=number(reason.review, language)),
    )


def _grounds(report: ReportData, words: Words) -> list[Line]:
    most = max((ground.rows for ground in report.grounds), default=0)
    return [_ground(ground, most, report, words) for ground in report.grounds]


def _ground(ground: GroundCount, most: int, report: ReportData, words: Words) -> Line:
    language = report.language
    basis = (
        LEGAL_BASIS_NAMES[ground.legal_basis][language]  # type: ignore[index]
        if ground.legal_basis
        else words.no_basis.format(note=ground.note or "–")
    )
    return Line(
        code=ground.code,
        sentence=ground.sentence,
        citation=ground.citation,
        aside=f"{words.legal_basis}: {basis}",
        rows=number(ground.rows, language),
        share=percent(ground.rows, report.rows, language),
        in_all="",
        bar=stacked([("allow", ground.rows)], most),
        bar_says="",
    )


def _repeated(report: ReportData, words: Words) -> list[str]:
    if not report.repeated:
        return [words.repeated_none]
    lines = [words.repeated_some.format(rows=number(report.repeated, report.language))]
    if report.duplicates_dropped:
        lines.append(words.repeated_dropped)
    elif report.repeated_allowed:
        lines.append(words.repeated_kept.format(rows=number(report.repeated_allowed, report.language)))
    return lines


def _settings(report: ReportData, words: Words) -> list[SettingLine]:
    """Those not at their defaults first, the looser of them before the others."""
    lines = []
    for setting in sorted(report.policy, key=lambda setting: (not setting.looser, setting.is_default)):
        row = BY_NAME[setting.name]
        shown = [
            setting_value(row, checked_value(row.name, value) if value is not None else None, report.language)
            for value in (setting.value, setting.default)
        ]
        lines.append(
            SettingLine(
                name=setting_name(setting.name, report.language),
                code=setting.name,
                value=shown[0],
                default="" if setting.is_default else shown[1],
                mark="" if setting.is_default else words.looser if setting.looser else words.stricter,
                looser=setting.looser,
            )
        )
    return lines


def _campaign(campaign: Campaign, words: Words, language: Language) -> list[Fact]:
    facts = [
        (words.key, campaign.key),
        (words.audience, words.business if campaign.audience == "business" else words.consumer),
        (words.topic, campaign.topic or ""),
        (words.product_group, campaign.product_group or ""),
        (words.areas, ", ".join(area_name(area, language) for area in campaign.areas)),
        (words.list_source, words.list_sources[campaign.list_source]),
        (words.platform, campaign.platform or ""),
        (words.planned, moment(campaign.planned_at, language) if campaign.planned_at else ""),
        (words.particulars, ", ".join(words.flags[flag] for flag in _FLAGS if getattr(campaign, flag))),
    ]
    return [(name, value) for name, value in facts if value]


def _listed(report: ReportData, words: Words) -> list[Fact]:
    listed = report.list
    columns = ", ".join(
        f"{header} → {field}" if header != field else field for field, header in listed.recognised.items()
    )
    if listed.other_columns:
        columns += f". {words.columns_other.format(count=number(listed.other_columns, report.language))}"
    form = listed.format.upper() if listed.format != "jsonl" else "JSON Lines"
    return [
        (words.file, listed.name),
        (words.format, f"{form}, {listed.encoding}" if listed.format in ("csv", "tsv") else form),
        (words.rows, number(listed.rows, report.language)),
        (words.columns_recognised, columns),
    ]


def _proof(report: ReportData, words: Words) -> list[Fact]:
    return [
        (words.certificate, str(report.certificate_id)),
        (words.valid_until, moment(report.valid_until, report.language)),
        (words.rule_pack, report.rule_pack),
        (words.register_position, report.register_position),
        (words.ledger_head, report.ledger_head),
        (words.engine, report.engine),
    ]


def _rows(rows: int | None, language: Language) -> str:
    return "" if rows is None else number(rows, language)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(data_folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

"""The person's own copy: the same words as a page, as one HTML file, and as PDF.

``copy_of`` puts the records into words; the rest only sets them. The HTML file holds everything it needs and runs
nothing. The PDF is written by fpdf2 with a font of ours: titled, in its language, its headings tagged and listed.
fpdf2 tags no paragraphs, so for whoever listens the page is the better copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from consentmgr.files import data_folder
from consentmgr.kit.clock import local_date
from consentmgr.records.consent_record import BANNED, ConsentRecord, Event, Holdings, Process, State, title_of
from consentmgr.records.service import PersonsRecords
from consentmgr.records.words import WORDS, Words, moment_words
from consentmgr.vocabulary.code_names import code_name
from consentmgr.vocabulary.codes import LANGUAGES, Language
from consentmgr.vocabulary.local_forms import day

if TYPE_CHECKING:
    from fpdf import FPDF
    from jinja2 import Environment

_FONTS: Final = Path(__file__).parent / "fonts"
_FONT: Final = "DejaVu"
#: Millimetres.
_MARGIN: Final = 20.0


@dataclass(frozen=True, slots=True, repr=False)
class ShownWords:
    """What the person was shown: ``title`` names the version, ``text`` is as it stood, in ``language``."""

    title: str
    text: str
    language: str


@dataclass(frozen=True, slots=True, repr=False)
class ShownRecord:
    """One record in words. ``what`` and ``history`` are pairs: a thing and how it stands, a time and what happened."""

    id: str
    heading: str
    state: str
    code: State | None
    what: tuple[tuple[str, str], ...]
    history: tuple[tuple[str, str], ...]
    notices: tuple[ShownWords, ...]
    notes: tuple[str, ...]
    has_receipt: bool


@dataclass(frozen=True, slots=True, repr=False)
class Copy:
    """The whole copy in one language. ``responsible`` are lines: each controller's name, and how to reach it."""

    language: Language
    words: Words
    about: str
    made_at: str
    responsible: tuple[tuple[str, str | None], ...]
    records: tuple[ShownRecord, ...]
    how_to_withdraw: str
    read_at: datetime


def language_of(asked: str | None, person: str | None, *, otherwise: Language = "fi") -> Language:
    """The language asked for, else the person's own, else Finnish."""
    return next((known for wanted in (asked, person) for known in LANGUAGES if known == wanted), otherwise)


def copy_of(
    found: PersonsRecords,
    *,
    language: Language,
    withdraw_at: str,
    address: str | None = None,
    only: Sequence[ConsentRecord] | None = None,
) -> Copy:
    """The copy of these records, or of ``only`` some. ``address`` is a masked address, for pages others may open."""
    words = WORDS[language]
    records = found.records if only is None else only
    controllers = dict.fromkeys(record.controller for record in records)
    known = [(found.held.controllers.get(key), key) for key in controllers]
    responsible = tuple((row.name, row.contact) if row is not None else (key, None) for row, key in known)
    names = ", ".join(name for name, _ in responsible)
    about = (
        words.none
        if not records
        else words.about_address.format(address=address, name=names)
        if address
        else words.about.format(name=names)
    )
    return Copy(
        language=language,
        words=words,
        about=about,
        made_at=words.made_at.format(moment=moment_words(found.read_at, language)),
        responsible=responsible,
        records=tuple(_shown(record, found.held, place, words, language) for place, record in enumerate(records, 1)),
        how_to_withdraw=words.how_to_withdraw_told.format(url=withdraw_at),
        read_at=found.read_at,
    )


def _shown(record: ConsentRecord, held: Holdings, place: int, words: Words, language: Language) -> ShownRecord:
    processing = record.processing
    notes = []
    if processing is not None:
        if processing.recipients:
            notes.append(words.given_to.format(names=", ".join(processing.recipients)))
        if processing.retention_months is not None:
            notes.append(words.kept_months.format(months=processing.retention_months))
    return ShownRecord(
        id=str(record.id),
        heading=words.consent.format(number=place),
        state=words.states[record.state] if record.state is not None else words.in_parts,
        code=record.state,
        what=tuple(
            (_thing(process, held, language), words.states[process.state]) for process in record.processes
        ),
        history=tuple((_when(event, words, language), _happened(event, held, words, language)) for event in record.events),
        notices=tuple(
            ShownWords(
                f"{name.rsplit('/', 2)[0]}, {words.words_of.format(version=notice.version)}", notice.words, notice.language
            )
            for name, notice in record.notices
            if notice is not None
        ),
        notes=tuple(notes),
        has_receipt=record.given is not None,
    )  # fmt: skip


def _thing(process: Process, held: Holdings, language: Language) -> str:
    matter = process.matter
    means = [code_name("channel", matter.channel, language)]
    if matter.platform is not None:
        means.append(code_name("platform", matter.platform, language))
    topic = title_of(held.topics.get(matter.topic), matter.topic, language) if matter.topic is not None else None
    parts = [code_name("purpose", matter.purpose, language), ", ".join(means), topic]
    return " – ".join(part for part in parts if part)


def _when(event: Event, words: Words, language: Language) -> str:
    if event.at is None:
        return words.day_not_known
    return day(local_date(event.at), language) if event.day_only else moment_words(event.at, language)


def _happened(event: Event, held: Holdings, words: Words, language: Language) -> str:
    """What an event was, in one line: the act, by whom, how, and of what, where it was less than all."""
    said = words.banned if event.act == BANNED else code_name("event", event.act, language)
    by = {
        "guardian": words.by_guardian,
        "representative": words.by_representative,
        "unverified": words.by_unverified,
        "staff": words.by_staff,
    }
    aside = [by[event.by]] if event.by in by and event.act != "guardian_consented" else []
    if event.method is not None:
        aside.append(code_name("consent_method", event.method, language))
    if event.double_opt_in == "confirmed":
        aside.append(words.confirmed)
    if event.act not in ("consent_given", "guardian_consented"):
        aside += [code_name("channel", channel, language) for channel in event.channels]
        aside += [title_of(held.topics.get(topic), topic, language) for topic in event.topics]
    if event.until is not None:
        aside.append(words.until.format(day=day(event.until, language)))
    if event.lifted_at is not None:
        aside.append(words.lifted.format(day=day(local_date(event.lifted_at), language)))
    said = said[:1].upper() + said[1:]
    return f"{said} ({', '.join(aside)})" if aside else said


# --- one HTML file ----------------------------------------------------------------------------------------------------


def html_file(copy: Copy) -> bytes:
    """The copy as one HTML file that a browser and a printer show, with nothing beside it."""
    return _environment().get_template("records/consents.report.html").render(copy=copy).encode()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(data_folder("templates")), autoescape=True, undefined=StrictUndefined)


# --- PDF --------------------------------------------------------------------------------------------------------------


def pdf_file(copy: Copy) -> bytes:
    """The copy as PDF, A4. Equal copies give equal bytes."""
    from fpdf import FPDF
    from fpdf.prefs import ViewerPreferences

    words = copy.words

    class Sheet(FPDF):
        def footer(self) -> None:
            self.set_y(-15)
            self.set_font(_FONT, size=8)
            self.set_text_color(85)
            self.cell(0, 5, words.page.format(page=self.page_no(), pages="{nb}"), align="R")
            self.set_text_color(0)

    pdf = Sheet(format="A4")
    pdf.set_margins(_MARGIN, _MARGIN, _MARGIN)
    pdf.set_auto_page_break(auto=True, margin=_MARGIN)
    pdf.add_font(_FONT, "", _FONTS / "DejaVuSans.ttf")
    pdf.add_font(_FONT, "B", _FONTS / "DejaVuSans-Bold.ttf")
    pdf.set_title(words.title)
    pdf.set_author(", ".join(name for name, _ in copy.responsible))
    pdf.set_lang(copy.language)
    pdf.set_creator("consentmgr")
    pdf.set_creation_date(copy.read_at)
    pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
    pdf.set_section_title_styles(*_heading_styles())
    pdf.set_font(_FONT, size=10)
    pdf.add_page()
    pdf.start_section(words.title)
    _paragraph(pdf, copy.about)
    _paragraph(pdf, copy.made_at, quiet=True)
    for record in copy.records:
        pdf.start_section(record.heading, level=1)
        _fact(pdf, words.state, record.state)
        _paragraph(pdf, words.what, bold=True)
        for thing, state in record.what:
            _item(pdf, f"{thing}: {state}")
        _paragraph(pdf, words.history, bold=True)
        for when, what in record.history:
            _item(pdf, f"{when}: {what}")
        for notice in record.notices:
            _paragraph(pdf, f"{words.words_shown} ({notice.title})", bold=True)
            _paragraph(pdf, notice.text)
        for note in record.notes:
            _paragraph(pdf, note)
        _paragraph(pdf, f"{words.record_id}: {record.id}", quiet=True)
    for heading, text in ((words.how_to_withdraw, copy.how_to_withdraw), (words.rights, words.rights_told)):
        pdf.start_section(heading, level=1)
        _paragraph(pdf, text)
    if copy.responsible:
        pdf.start_section(words.responsible, level=1)
        for name, contact in copy.responsible:
            _paragraph(pdf, f"{name}, {contact}" if contact else name)
    return bytes(pdf.output())


def _heading_styles() -> list[Any]:
    from fpdf import TextStyle

    return [
        TextStyle(font_family=_FONT, font_style="B", font_size_pt=20, t_margin=0, b_margin=4),
        TextStyle(font_family=_FONT, font_style="B", font_size_pt=13, t_margin=6, b_margin=2),
    ]


def _paragraph(pdf: FPDF, text: str, *, bold: bool = False, quiet: bool = False) -> None:
    pdf.set_font(_FONT, "B" if bold else "", 8 if quiet else 10)
    pdf.set_text_color(85 if quiet else 0)
    pdf.multi_cell(0, 5, text, new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.set_text_color(0)
    pdf.ln(1)


def _fact(pdf: FPDF, name: str, value: str) -> None:
    pdf.set_font(_FONT, "B", 10)
    pdf.write(5, f"{name}: ")
    pdf.set_font(_FONT, "", 10)
    pdf.write(5, value)
    pdf.ln(7)


def _item(pdf: FPDF, text: str) -> None:
    pdf.set_font(_FONT, "", 10)
    pdf.cell(5, 5, "•")
    pdf.multi_cell(0, 5, text, new_x="LMARGIN", new_y="NEXT", align="L")
    pdf.ln(0.5)

"""An Excel workbook for people: guarded against formulas, and labelled as not for machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from consentmgr.exports.formats.format import About, Format, OpenFile
from consentmgr.vocabulary.codes import Language

if TYPE_CHECKING:
    import xlsxwriter

COLUMNS = ("action", "kind", "value", "given_name", "family_name", "street", "postal_code", "city", "reason", "since")
WORDS: dict[Language, tuple[str, str, tuple[str, ...]]] = {
    "en": (
        "People",
        "For people to read, not for other systems: cells are text. Machines take the CSV.",
        ("Action", "Kind", "Address", "Given name", "Family name", "Street", "Postal code", "City", "Reason", "Since"),
    ),
    "fi": (
        "Henkilöt",
        "Ihmisten luettavaksi, ei muille järjestelmille: solut ovat tekstiä. Koneille on CSV.",
        ("Toimi", "Laji", "Osoite", "Etunimi", "Sukunimi", "Katu", "Postinumero", "Kaupunki", "Syy", "Alkaen"),
    ),
    "sv": (
        "Personer",
        "För människor att läsa, inte för andra system: cellerna är text. Maskiner tar CSV-filen.",
        ("Åtgärd", "Slag", "Adress", "Förnamn", "Efternamn", "Gata", "Postnummer", "Ort", "Orsak", "Sedan"),
    ),
}
#: A sheet holds 1,048,576 rows, two of which are ours.
SHEET_ROWS = 1_048_574


def write(portions: Iterable[pa.Table], about: About, open_file: OpenFile) -> dict[str, int]:
    import xlsxwriter

    title, label, names = WORDS[about.language]
    # Text is never taken for a formula, a number or an address to click on.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "in_memory": False,
    }
    rows = 0
    with xlsxwriter.Workbook(open_file(""), options) as book:
        bold = book.add_format({"bold": True})
        number = 0
        sheet: Any = None
        for portion in portions:
            for row in zip(*(portion[name].to_pylist() for name in COLUMNS), strict=True):
                if sheet is None or rows % SHEET_ROWS == 0:
                    number += 1
                    sheet = _sheet(book, f"{title} {number}" if number > 1 else title, label, names, bold)
                for column, value in enumerate(row):
                    if value is not None:
                        text = value if isinstance(value, str) else value.isoformat(timespec="seconds")
                        sheet.write_string(rows % SHEET_ROWS + 2, column, text)
                rows += 1
        if sheet is None:
            _sheet(book, title, label, names, bold)
    return {"": rows}


def _sheet(book: xlsxwriter.Workbook, title: str, label: str, names: tuple[str, ...], bold: Any) -> Any:
    sheet = book.add_worksheet(title)
    sheet.freeze_panes(2, 0)
    sheet.set_column(0, len(names) - 1, 18)
    sheet.write_string(0, 0, label)
    for column, name in enumerate(names):
        sheet.write_string(1, column, name, bold)
    return sheet


FORMAT = Format("xlsx", ".xlsx", ("email", "phone", "post"), write, "Excel workbook for people", people=True)

"""Plain CSV: one row an entry, with a header, for any system that reads tables."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from consentmgr.exports.formats.format import About, Files, Format, OpenFile, with_value
from consentmgr.exports.formats.rows import delimited, header

COLUMNS = ("action", "kind", "value", "reason", "since")
NAMES = ("action", "kind", "address", "reason", "since")


def write(portions: Iterable[pa.Table], _about: About, open_file: OpenFile) -> dict[str, int]:
    files = Files(open_file, lambda file: file.write(header(NAMES)))
    files.of("")
    for portion in portions:
        known = with_value(portion)
        files.write("", delimited({name: known[name] for name in COLUMNS}), known.num_rows)
    return files.rows


FORMAT = Format("csv", ".csv", ("email", "phone"), write, "Plain CSV: action, kind, address, reason, since")

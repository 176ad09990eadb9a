"""Names and postal addresses for a deliverer of letters, who leaves these people out (or writes to these alone)."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from consentmgr.exports.formats.format import About, Files, Format, OpenFile
from consentmgr.exports.formats.rows import delimited, header

COLUMNS = ("action", "family_name", "given_name", "street", "apartment", "postal_code", "city", "country")


def write(portions: Iterable[pa.Table], _about: About, open_file: OpenFile) -> dict[str, int]:
    files = Files(open_file, lambda file: file.write(header(COLUMNS)))
    files.of("")
    for portion in portions:
        files.write("", delimited({name: portion[name] for name in COLUMNS}), portion.num_rows)
    return files.rows


FORMAT = Format("postal", ".csv", ("post",), write, "Names and postal addresses for a deliverer", people=True)

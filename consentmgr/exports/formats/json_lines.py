"""JSON Lines: one object an entry."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from consentmgr.exports.formats.format import About, Files, Format, OpenFile, with_value
from consentmgr.exports.formats.plain_csv import COLUMNS


def write(portions: Iterable[pa.Table], _about: About, open_file: OpenFile) -> dict[str, int]:
    import polars as pl

    files = Files(open_file)
    files.of("")
    for portion in portions:
        known = with_value(portion).select(list(COLUMNS))
        frame = pl.DataFrame(known).rename({"value": "address"})
        frame = frame.with_columns(pl.col("since").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        files.write("", frame.write_ndjson().encode(), known.num_rows)
    return files.rows


FORMAT = Format("jsonl", ".jsonl", ("email", "phone"), write, "JSON Lines: action, kind, address, reason, since")

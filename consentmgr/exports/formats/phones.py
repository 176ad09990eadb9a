"""Telephone numbers in E.164, one a line, for call centres and SMS gateways."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from consentmgr.exports.formats.format import ADD, REMOVE, About, Files, Format, OpenFile, lines, of_action, with_value


def write(portions: Iterable[pa.Table], _about: About, open_file: OpenFile) -> dict[str, int]:
    files = Files(open_file)
    files.of("")
    for portion in portions:
        for action, suffix in ((ADD, ""), (REMOVE, ".remove")):
            rows = with_value(of_action(portion, action))
            if rows.num_rows:
                files.write(suffix, lines(rows["value"].to_pylist()), rows.num_rows)
    return files.rows


FORMAT = Format("e164", ".txt", ("phone",), write, "Telephone numbers in E.164, one a line")

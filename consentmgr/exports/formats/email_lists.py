"""Lists of addresses under one heading, as HubSpot's opt-out import and Klaviyo's suppression upload take them.

Both take additions only through such files; ``.remove`` names what is to be lifted there.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from consentmgr.exports.formats.format import ADD, REMOVE, About, Files, Format, OpenFile, of_action, with_value
from consentmgr.exports.formats.rows import delimited, header


def write(portions: Iterable[pa.Table], _about: About, open_file: OpenFile) -> dict[str, int]:
    files = Files(open_file, lambda file: file.write(header(["Email"])))
    files.of("")
    for portion in portions:
        for action, suffix in ((ADD, ""), (REMOVE, ".remove")):
            rows = with_value(of_action(portion, action))
            if rows.num_rows:
                files.write(suffix, delimited({"Email": rows["value"]}), rows.num_rows)
    return files.rows


HUBSPOT = Format("hubspot", ".csv", ("email",), write, "HubSpot opt-out list", contents=("suppressed",))
KLAVIYO = Format("klaviyo", ".csv", ("email",), write, "Klaviyo suppression upload", contents=("suppressed",))

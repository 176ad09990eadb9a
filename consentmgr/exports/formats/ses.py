"""Amazon SES, account-level suppression list, bulk import: ``address,BOUNCE|COMPLAINT``, no header.

An import job adds or deletes as a whole, so each file holds one action: at most 100,000 rows to add; to delete, at
most 10,000, of the address alone. SES knows no third reason; a person's wish goes as COMPLAINT, which is what it asks
of the sender: never again. Source: law.md section 6, suppression files; SES ``CreateImportJob`` and the guide's
"Using the account-level suppression list".
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.exports.formats.format import (
    ADD,
    BOUNCED,
    REMOVE,
    About,
    Files,
    Format,
    OpenFile,
    is_one_of,
    of_action,
    with_value,
)
from consentmgr.exports.formats.rows import delimited

JOB_ROWS = 100_000
REMOVE_JOB_ROWS = 10_000


def write(portions: Iterable[pa.Table], _about: About, open_file: OpenFile) -> dict[str, int]:
    files = Files(open_file)
    files.of(".0001")
    given = {ADD: 0, REMOVE: 0}
    for portion in portions:
        for action, beginning, most in ((ADD, "", JOB_ROWS), (REMOVE, ".remove", REMOVE_JOB_ROWS)):
            rows = with_value(of_action(portion, action))
            start = 0
            while start < rows.num_rows:
                part = rows.slice(start, most - given[action] % most)
                columns = {"value": part["value"]}
                if action == ADD:
                    columns["reason"] = pc.if_else(is_one_of(part["reason"], BOUNCED), "BOUNCE", "COMPLAINT")
                suffix = f"{beginning}.{given[action] // most + 1:04d}"
                files.write(suffix, delimited(columns), part.num_rows)
                given[action] += part.num_rows
                start += part.num_rows
    return files.rows


FORMAT = Format("ses", ".csv", ("email",), write, "Amazon SES bulk suppression import", contents=("suppressed",))

"""Mailchimp audience files: ``unsubscribed`` and ``cleaned`` for stops, ``subscribed`` for people who may be written to.

Columns as Mailchimp's own audience export names them: Email Address with UNSUB_TIME and UNSUB_REASON, CLEAN_TIME, or
OPTIN_TIME. Source: law.md section 6, suppression files.
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
from consentmgr.exports.formats.rows import delimited, header

UNSUBSCRIBED = ("Email Address", "UNSUB_TIME", "UNSUB_REASON")
CLEANED = ("Email Address", "CLEAN_TIME")
SUBSCRIBED = ("Email Address", "OPTIN_TIME")


def write(portions: Iterable[pa.Table], about: About, open_file: OpenFile) -> dict[str, int]:
    names = {".unsubscribed": UNSUBSCRIBED, ".cleaned": CLEANED}
    if about.content == "allowed":
        names = {".subscribed": SUBSCRIBED}
    files = Files(open_file)

    def give(suffix: str, rows: pa.Table, columns: tuple[str, ...]) -> None:
        if suffix not in files.rows:
            files.write(suffix, header(columns), 0)
        times = _times(rows)
        values = {"Email Address": rows["value"], columns[1]: times, "UNSUB_REASON": rows["reason"]}
        files.write(suffix, delimited({name: values[name] for name in columns}), rows.num_rows)

    for suffix, columns in names.items():
        files.write(suffix, header(columns), 0)
    for portion in portions:
        for action, ending in ((ADD, ""), (REMOVE, ".remove")):
            rows = with_value(of_action(portion, action))
            if not rows.num_rows and action == REMOVE:
                continue
            if about.content == "allowed":
                give(f".subscribed{ending}", rows, SUBSCRIBED)
                continue
            bounced = is_one_of(rows["reason"], BOUNCED)
            give(f".unsubscribed{ending}", rows.filter(pc.invert(bounced)), UNSUBSCRIBED)
            give(f".cleaned{ending}", rows.filter(bounced), CLEANED)
    return files.rows


def _times(rows: pa.Table) -> pa.Array:
    import polars as pl

    return pl.Series(rows["since"]).dt.strftime("%Y-%m-%d %H:%M:%S").to_arrow()


FORMAT = Format("mailchimp", ".csv", ("email",), write, "Mailchimp unsubscribed and cleaned (or subscribed) contacts")

"""Twilio SendGrid suppressions: a JSON array of ``{"created": unix seconds, "email": "…"}`` per kind of suppression.

``bounces``, ``spam_reports`` and ``unsubscribes`` are separate lists there, so each is a file; ``.remove`` files hold
the addresses to delete from the list of that name. A bounce has ``reason`` and ``status`` (RFC 3463) besides, a spam
report the sender's ``ip``, as SendGrid's own lists: the reason is our code, the status says permanent or not and no
more, and the address a message was sent from is not known here. Source: law.md section 6, suppression files;
SendGrid's API, retrieving bounces, spam reports and global suppressions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from consentmgr.exports.formats.format import (
    ADD,
    BOUNCED,
    COMPLAINED,
    REMOVE,
    About,
    Files,
    Format,
    OpenFile,
    is_one_of,
    of_action,
    with_value,
)

LISTS = ("bounces", "spam_reports", "unsubscribes")
#: Enhanced status codes that tell no more than the class: permanent, and given up after many tries.
_STATUS = {"ADDRESS_INVALID": "5.0.0"}
_OTHER_STATUS = "4.0.0"


def write(portions: Iterable[pa.Table], about: About, open_file: OpenFile) -> dict[str, int]:
    files = Files(open_file, lambda file: file.write(b"["))
    for name in LISTS:
        files.of(f".{name}")
    fallback = int(about.generated_at.timestamp())
    for portion in portions:
        for action, ending in ((ADD, ""), (REMOVE, ".remove")):
            rows = with_value(of_action(portion, action))
            bounced, complained = is_one_of(rows["reason"], BOUNCED), is_one_of(rows["reason"], COMPLAINED)
            wishes = pc.invert(pc.or_(bounced, complained))
            for name, mask in zip(LISTS, (bounced, complained, wishes), strict=True):
                _write(files, name, ending, rows.filter(mask), fallback)
    for suffix in files.rows:
        files.of(suffix).write(b"]\n")
    return files.rows


def _write(files: Files, name: str, ending: str, rows: pa.Table, fallback: int) -> None:
    if not rows.num_rows:
        return
    suffix = f".{name}{ending}"
    moments = pc.divide(pc.cast(pc.cast(rows["since"], pa.timestamp("us")), pa.int64()), 1_000_000)
    objects = [
        f'{{"created":{moment if moment is not None else fallback},"email":{json.dumps(value, ensure_ascii=False)}'
        f"{_besides(name, reason)}}}"
        for moment, value, reason in zip(
            moments.to_pylist(), rows["value"].to_pylist(), rows["reason"].to_pylist(), strict=True
        )
    ]
    beginning = ",\n" if files.rows.get(suffix) else "\n"
    files.write(suffix, (beginning + ",\n".join(objects)).encode(), rows.num_rows)


def _besides(name: str, reason: str) -> str:
    """What an object of this list has after the address."""
    if name == "bounces":
        return f',"reason":"{reason}","status":"{_STATUS.get(reason, _OTHER_STATUS)}"'
    return ',"ip":""' if name == "spam_reports" else ""


FORMAT = Format("sendgrid", ".json", ("email",), write, "SendGrid suppression lists", contents=("suppressed",))

"""The browser door of the audit trail: who did what to the product, and who read whose data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, render_template, request, stream_with_context, url_for

from consentmgr.audit import service as audit
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.errors import NotFound
from consentmgr.staff import accounts
from consentmgr.staff.access import actor, needs
from consentmgr.staff.roles import Permission
from consentmgr.staff.wording import action_name, detail_name, detail_told

trail = Blueprint("audit", __name__)

PAGE = 50


@trail.get("/desk/audit")
@needs(Permission.SEE_AUDIT)
def events() -> str:
    _for_all_controllers()
    wanted, faults = _wanted()
    before, after = _number("before"), _number("after")
    with application.database().reading() as session:
        rows = audit.trail(session, wanted, before=before, after=after, limit=PAGE + 1)
        more = len(rows) > PAGE
        rows = rows[-PAGE:] if after is not None else rows[:PAGE]
        has_older = more if after is None else True
        has_newer = (before is not None) if after is None else more
        names = accounts.names_of(session, {row.actor for row in rows})
        known = audit.actions(session)
    return render_template(
        "staff/audit.html",
        rows=rows,
        names=names,
        actions=[(action, action_name(action)) for action in known],
        action_name=action_name,
        detail_name=detail_name,
        detail_told=detail_told,
        wanted=wanted,
        given={name: request.args.get(name, "") for name in ("actor", "action", "object", "since", "until")},
        faults=faults,
        newer=_page(after=rows[0].id) if rows and has_newer else None,
        older=_page(before=rows[-1].id) if rows and has_older else None,
        download=f"{url_for('audit.download')}?{urlencode(_kept())}",
    )


@trail.get("/desk/audit.csv")
@needs(Permission.SEE_AUDIT)
def download() -> Response:
    """Every event that is asked for, as CSV (RFC 4180) in UTF-8 with its mark, so that Excel reads it."""
    _for_all_controllers()
    wanted, _ = _wanted()
    name = f"audit-{clock.local_date(clock.now())}.csv"
    return Response(
        stream_with_context(_lines(wanted)),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _lines(wanted: audit.Wanted) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)

    def taken() -> str:
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text

    writer.writerow(["\ufeffid", "at", "actor", "action", "object", "detail"])
    yield taken()
    with application.database().reading() as session:
        for count, row in enumerate(audit.every(session, wanted), 1):
            detail = msgspec.json.encode(row.detail).decode() if row.detail else ""
            cells = (row.actor, row.action, row.object, detail)
            writer.writerow([row.id, row.at.isoformat(timespec="seconds"), *map(_guarded, cells)])
            if count % 500 == 0:
                yield taken()
    yield taken()


def _guarded(cell: str) -> str:
    """A cell no spreadsheet takes for a formula: this file is for people."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _for_all_controllers() -> None:
    """Events tell of no controller, so that the trail is for those who may read it for all."""
    if actor().controllers is not None:
        raise NotFound("there is no trail of some controllers alone")


def _wanted() -> tuple[audit.Wanted, dict[str, str]]:
    given = request.args
    faults: dict[str, str] = {}

    def day(name: str) -> date | None:
        try:
            return date.fromisoformat(given.get(name, "")) if given.get(name) else None
        except ValueError:
            faults[name] = name
            return None

    def words(name: str) -> str | None:
        return given.get(name, "").strip()[:200].replace("\0", "") or None

    return audit.Wanted(words("actor"), words("action"), words("object"), day("since"), day("until")), faults


def _number(name: str) -> int | None:
    given = request.args.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


def _kept() -> dict[str, str]:
    return {
        name: request.args[name] for name in ("actor", "action", "object", "since", "until") if request.args.get(name)
    }


def _page(**position: int) -> str:
    return f"{url_for('audit.events')}?{urlencode({**_kept(), **position})}"

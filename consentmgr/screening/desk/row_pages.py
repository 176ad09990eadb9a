"""The rows of an answer: some at a time, why each got its verdict, what a person decides of it, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Response, abort, flash, make_response, redirect, request, url_for
from flask_babel import format_decimal, gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.audit.service import read
from consentmgr.edge import application
from consentmgr.kit import clock
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import Topic
from consentmgr.register.reading import rows_by
from consentmgr.register.rows import OrganisationRow
from consentmgr.screening.desk import decisions, lists, stored_rows, words
from consentmgr.screening.desk.door import is_part, own_list, page, screened_list, screenings, whole_number
from consentmgr.screening.desk.lists import result_folder
from consentmgr.screening.desk.masked import masked_value
from consentmgr.screening.explain import explained_row
from consentmgr.screening.reports import VERDICTS
from consentmgr.staff.access import actor, may, needs
from consentmgr.staff.accounts import names_of
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import BY_CODE, GROUNDS, STAGES, sentence

# --- rows -------------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/rows")
@needs(Permission.SCREEN)
def rows(list_id: UUID) -> Response:
    """The rows with one verdict, reason or number, some at a time."""
    verdict = request.args.get("verdict") or None
    reason = request.args.get("reason") or None
    number = whole_number(request.args.get("row"))
    if (verdict is not None and verdict not in VERDICTS) or (reason is not None and reason not in BY_CODE):
        abort(400)
    with application.database().reading() as session:
        found = screened_list(session, list_id)
        made = decisions.decisions_of(session, found)
    folder = result_folder(application.settings(), found)
    some = stored_rows.page_of(
        folder,
        verdict=verdict,
        reason=reason,
        number=number,
        after=whole_number(request.args.get("after")),
        before=whole_number(request.args.get("before")),
    )
    summary = found.summary or {}
    described = lists.campaign_of_list(found)
    language = application.language()
    newest = _decisions_shown(folder, made, some.rows)
    kept: dict[str, Any] = {
        name: value for name, value in (("verdict", verdict), ("reason", reason), ("row", number)) if value
    }

    def place(**more: Any) -> str:
        return url_for("screenings.rows", list_id=list_id, **kept, **more)

    reasons = [(code, sentence(code, language, described.channel)) for code in _codes(summary)]
    shown: dict[str, Any] = {
        "found": found,
        "rows": [_shown_row(row, described, newest.get(row.number)) for row in some.rows],
        "newer": place(before=some.before) if some.before else None,
        "older": place(after=some.after) if some.after else None,
        "verdict": verdict,
        "reason": reason,
        "number": number,
        "filtered": bool(kept),
        "may_decide": may(Permission.DECIDE_REVIEW, found.controller) and verdict == "review",
        "masked": not may(Permission.SEE_REGISTER, found.controller),
    }
    if is_part():
        return page("rows_part.html", **shown)
    return page(
        "rows.html",
        verdict_choices=[("", gettext("All")), *((code, words.verdict_name(code)) for code in VERDICTS)],
        reason_choices=[("", gettext("All")), *reasons],
        **shown,
    )


def _codes(summary: Mapping[str, Any]) -> list[str]:
    """The headline codes of a screening, commonest first."""
    against = [one["code"] for one in summary.get("reasons", ()) if one["review"] + one["block"]]
    return list(dict.fromkeys([*against, *(one["code"] for one in summary.get("grounds", ()))]))


def _decisions_shown(
    folder: Path, made: Sequence[decisions.Decision], shown: Sequence[stored_rows.Row]
) -> dict[int, decisions.Decision]:
    numbers = [row.number for row in shown if row.verdict == "review"]
    if not made or not numbers:
        return {}
    by_id = decisions.newest_for(made)
    newest = stored_rows.decided_of(folder, decisions.as_decided(made), numbers)
    return {number: by_id[decision] for number, decision in newest.items()}


def _shown_row(row: stored_rows.Row, described: Campaign, decided: decisions.Decision | None) -> dict[str, Any]:
    language = application.language()
    return {
        "number": row.number,
        "verdict": row.verdict,
        "reason": row.reason,
        "sentence": sentence(row.reason, language, row.banned_channel or described.channel),
        "law": BY_CODE[row.reason].law(language),
        "more": len(row.reasons) - 1,
        "who": _who(row, described.controller),
        "duplicate_of": row.duplicate_of,
        "decided": decided,
    }


def _who(row: stored_rows.Row, controller: str | None) -> list[str]:
    """What the list says of who the row is, masked unless the register may be seen."""
    seen = may(Permission.SEE_REGISTER, controller)
    fields = [field for field in ("email", "phone", "ref", "business_id", "street", "email_sha256", "phone_sha256")
              if field in row.identifiers][:2]  # fmt: skip
    return [row.identifiers[field] if seen else masked_value(field, row.identifiers[field]) for field in fields]


# --- why --------------------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/rows/<int:number>")
@needs(Permission.SCREEN)
def why(list_id: UUID, number: int) -> Response:
    """Why one row got its answer: the rules that spoke, the law, and what the register has of it."""
    now = clock.now()
    language = application.language()
    with application.database().reading() as session:
        found = screened_list(session, list_id)
        folder = result_folder(application.settings(), found)
        row = stored_rows.row_of(folder, number)
        described = lists.campaign_of_list(found)
        address_keys = AddressKeys(application.keys().address_key, application.keys().address_key_id)
        answer = explained_row(session, row.identifiers, described, keys=address_keys, now=now, language=language)
        called = _called(session, answer)
        made = decisions.decisions_of(session, found)
        newest = _decisions_shown(folder, made, [row]).get(number)
        decided_by = names_of(session, {newest.actor}).get(newest.actor, newest.actor) if newest is not None else None
    seen = may(Permission.SEE_REGISTER, found.controller)
    if seen:
        with application.database().transaction() as session:
            read(session, at=now, actor=actor().name, object=f"list:{list_id}", detail={"row": number})
    reasons = [
        {
            "code": code,
            "sentence": sentence(code, language, row.banned_channel or described.channel),
            "law": BY_CODE[code].law(language),
            "when": BY_CODE[code].when(language),
            "stage": STAGES[BY_CODE[code].stage][language],
            "is_ground": code in GROUNDS,
        }
        for code in row.reasons
    ]
    who = [
        (words.field_name(field), value if seen else masked_value(field, value))
        for field, value in row.identifiers.items()
    ]
    return page(
        "why.html",
        found=found,
        row=row,
        who=who,
        reasons=reasons,
        now_verdict=answer["verdict"],
        now_reason=sentence(answer["reason"], language, answer["banned_channel"] or described.channel),
        changed=answer["verdict"] != row.verdict or answer["reason"] != row.reason,
        consulted=_consulted(answer["consulted"], row.evidence),
        decided=newest,
        decided_by=decided_by,
        may_decide=may(Permission.DECIDE_REVIEW, found.controller) and row.verdict == "review",
        kind_names=words.KIND_NAMES,
        told=partial(words.entry_told, called=called),
    )


def _called(session: Session, answer: Mapping[str, Any]) -> dict[str, dict[Any, str]]:
    """What people call the controllers, topics and organisations that entries name, by the entries' fields."""
    language = application.language()
    consulted, controllers = answer["consulted"], answer["controller_names"]
    topics = {
        key: names.get(language) or next(iter(names.values()), key)
        for key, names in session.execute(select(Topic.key, Topic.names))
    }
    ids = {one["organisation_id"] for entries in consulted.values() for one in entries if "organisation_id" in one}
    organisations = {row.id: row.name or row.identity for row in rows_by(session, OrganisationRow, "id", ids)}
    return {
        "controller": controllers,
        "controllers": controllers,
        "topics": topics,
        "product_group": topics,
        "organisation_id": organisations,
    }


def _consulted(found: Mapping[str, Any], evidence: Sequence[str]) -> list[dict[str, Any]]:
    """What was consulted, by kind; what is of a controller whose data may not be seen is only counted."""
    held = actor().controllers_for(Permission.SEE_REGISTER)
    shown = []
    for kind, entries in found.items():
        theirs, others = [], 0
        for entry in entries:
            controllers = entry.get("controllers") or ([entry["controller"]] if entry.get("controller") else [])
            if held is not None and controllers and not held.intersection(controllers):
                others += 1
                continue
            theirs.append({"entry": entry, "decided": entry.get("id") in evidence})
        if theirs or others:
            shown.append({"kind": kind, "entries": theirs, "others": others})
    return shown


# --- decisions --------------------------------------------------------------------------------------------------------


@screenings.post("/screenings/<uuid:list_id>/decisions")
@needs(Permission.DECIDE_REVIEW)
def decide(list_id: UUID) -> Response:
    """Allow or block rows to review: those that were ticked, or all of one reason."""
    numbers = [number for text in request.form.getlist("row") if (number := whole_number(text)) is not None]
    reason = request.form.get("reason") or None
    back = url_for("screenings.rows", list_id=list_id, verdict="review")
    try:
        with application.database().transaction() as session:
            concerned = decisions.decide(
                session,
                own_list(session, list_id),
                application.settings(),
                verdict=request.form.get("decision", ""),
                note=request.form.get("note", ""),
                actor=actor().name,
                now=clock.now(),
                rows=numbers,
                reason=reason if not numbers else None,
            )
    except BadInput as error:
        flash(words.fault_told(error.message), "fault")
    else:
        flash(gettext("The decision on %(count)s rows is kept.", count=format_decimal(concerned)), "done")
        if reason:
            back = url_for("screenings.show", list_id=list_id)
    return make_response(redirect(back, 303))


# --- what has changed -------------------------------------------------------------------------------------------------


@screenings.get("/screenings/<uuid:list_id>/changes")
@needs(Permission.SCREEN)
def changes(list_id: UUID) -> Response:
    """Which rows changed their verdict since the screening before."""
    with application.database().reading() as session:
        found = screened_list(session, list_id)
        if found.previous is None:
            raise NotFound("there was no screening before")
        earlier = own_list(session, found.previous)
    before, after = result_folder(application.settings(), earlier), result_folder(application.settings(), found)
    described = lists.campaign_of_list(found)
    language = application.language()
    follow = whole_number(request.args.get("after")) or 0
    changed, on = stored_rows.changed_page(before, after, follow=follow)
    return page(
        "changes.html",
        found=found,
        earlier=earlier,
        counted=stored_rows.changes(before, after),
        rows=[
            {
                **_shown_row(row, described, None),
                "had": had,
                "had_reason": sentence(reason, language, described.channel),
            }
            for row, had, reason in changed
        ],
        newer=url_for("screenings.changes", list_id=list_id) if follow else None,
        older=url_for("screenings.changes", list_id=list_id, after=on) if on else None,
    )

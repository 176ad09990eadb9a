"""Rules: the pack as a page that can be searched and linked to, and the policy switches with who changed them and why."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from consentmgr.campaigns import policy as campaign_policy
from consentmgr.catalogue.desk import called, catalogue, done, page, text, texts
from consentmgr.edge import application
from consentmgr.edge.forms import Faults
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.staff.access import actor, needs, require_controller
from consentmgr.staff.roles import Permission
from consentmgr.vocabulary.citations import SOURCES
from consentmgr.vocabulary.code_names import code_name
from consentmgr.vocabulary.policy import BY_NAME, POLICY, CallHours, PolicyRow, checked_value, is_looser, plain_value
from consentmgr.vocabulary.policy_words import SETTING_WORDS, setting_name
from consentmgr.vocabulary.policy_words.values import setting_value
from consentmgr.vocabulary.reason_codes import (
    CONFIDENCE_NAMES,
    KIND_NAMES,
    LEGAL_BASIS_OF_GROUND,
    REASON_CODES,
    RULE_PACK_VERSION,
    STAGES,
    legal_basis_text,
)
from consentmgr.vocabulary.reasons.reason_code import ReasonCode

_DAYS = ("monday_to_friday", "saturday", "sunday", "public_holiday")


@catalogue.get("/rules")
@needs(Permission.SEE_DASHBOARD)
def rules() -> str:
    """The rule pack, or those of its rules that hold the words looked for."""
    words = request.args.get("q", "").replace("\0", "").strip()[:100]
    kind = request.args.get("kind", "")
    of = application.language()
    found = [row for row in REASON_CODES if _holds(row, words) and (kind not in KIND_NAMES or row.kind == kind)]
    stages = [
        (number, names[of], rows)
        for number, names in STAGES.items()
        if (rows := [row for row in found if row.stage == number])
    ]
    with application.database().reading() as session:
        in_force = campaign_policy.current(session)
    switches = {row.code: [policy for policy in POLICY if row.code in policy.codes] for row in found}
    return page(
        "rules_found" if request.headers.get("HX-Request") else "rules",
        stages=stages,
        words=words,
        kind=kind,
        kinds=[(code, names[of]) for code, names in KIND_NAMES.items()],
        version=RULE_PACK_VERSION,
        switches=switches,
        language=of,
        sources=[(source.name(of), source.link) for source in SOURCES.values() if source.link],
        told=_told(of),
        shown=lambda row: setting_value(row, getattr(in_force, row.name), of),
        title_of=lambda row: setting_name(row.name, of),
    )


def _told(of: Any) -> Mapping[str, Callable[..., str]]:
    return {
        "kind": lambda row: KIND_NAMES[row.kind][of],
        "sure": lambda row: ", ".join(CONFIDENCE_NAMES[mark][of] for mark in row.confidence),
        "sure_of_reviews": lambda row: ", ".join(CONFIDENCE_NAMES[mark][of] for mark in row.review_confidence),
        "basis": lambda row: legal_basis_text(row.code, of) if row.code in LEGAL_BASIS_OF_GROUND else "",
    }


def _holds(row: ReasonCode, words: str) -> bool:
    if not words:
        return True
    of = application.language()
    code = f"{row.code} {row.code.replace('_', ' ')}"
    within = _plain(" ".join((code, row.when(of), row.text(of), row.law(of), row.citation)))
    return all(word in within for word in _plain(words).split())


def _plain(words: str) -> str:
    decomposed = unicodedata.normalize("NFKD", words.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


# --- policy -----------------------------------------------------------------------------------------------------------


@catalogue.get("/policy")
@needs(Permission.SEE_DASHBOARD)
def policy() -> str:
    """Every switch, limit and list: its default, what is in force, and who decided otherwise, when and why."""
    of = application.language()
    with application.database().reading() as session:
        in_force = campaign_policy.current(session)
        decisions = campaign_policy.decisions_in_force(session)
        people = called(session, {one.set_by for one in decisions.values()})
    rows = [
        {
            "row": row,
            "name": setting_name(row.name, of),
            "default": setting_value(row, row.default, of),
            "value": setting_value(row, getattr(in_force, row.name), of),
            "looser": is_looser(row, getattr(in_force, row.name)),
            "changed": getattr(in_force, row.name) != row.default,
            "decision": decisions.get(row.name),
        }
        for row in POLICY
    ]
    return page("policy", rows=rows, people=people)


@catalogue.get("/policy/<name>")
@needs(Permission.SEE_DASHBOARD)
def switch(name: str) -> str:
    """One switch: what it decides, why it is open, every decision on it, and the form of the next."""
    row = _row(name)
    with application.database().reading() as session:
        return _switch_page(session, row, None)


@catalogue.post("/policy/<name>")
@needs(Permission.SET_POLICY)
def decide_switch(name: str) -> AnyResponse | tuple[str, int]:
    """Decide a value, with the reason; it is in force for every screening that begins afterwards."""
    row = _row(name)
    # Policy binds every controller.
    require_controller(None)
    faults = Faults()
    reason = text("reason", longest=2_000)
    faults.missing("reason", reason)
    value = None if request.form.get("do") == "default" else _value(row, faults)
    with application.database().transaction() as session:
        if not faults:
            try:
                with session.begin_nested():
                    campaign_policy.set_value(
                        session, row.name, value, actor=actor().name, now=clock.now(), reason=reason
                    )
            except BadInput as error:
                faults["value"] = (
                    gettext("Limits bind each other: the blocking limit may not be below the review limit.")
                    if error.field != row.name or row.name in ("role_stale_block_months", "role_fresh_months")
                    else gettext("This value is not allowed here.")
                )
        if faults:
            return _switch_page(session, row, faults), 422
    done(gettext("Decided. It holds for every screening from now on."))
    return redirect(url_for("catalogue.switch", name=row.name))


def _row(name: str) -> PolicyRow:
    row = BY_NAME.get(name)
    if row is None:
        raise NotFound("there is no such policy switch")
    return row


def _value(row: PolicyRow, faults: Faults) -> object:
    """The value of the form as JSON would give it; what it may be is checked by the service."""
    if row.kind == "hours":
        spans: dict[str, list[int] | None] = {}
        for day in _DAYS:
            first, end = text(f"{day}_from", longest=2), text(f"{day}_to", longest=2)
            if first.isdigit() and end.isdigit():
                spans[day] = [int(first), int(end)]
            elif not first and not end:
                spans[day] = None
            else:
                faults["value"] = gettext("Enter both hours, or neither.")
        return spans
    if row.kind == "list":
        return texts("value")
    if row.kind == "countries":
        pairs = [line.split() for line in texts("value")]
        if any(len(pair) != 2 for pair in pairs):
            faults["value"] = gettext("Write one country a line: its two letters and what happens, such as DE block.")
            return None
        return dict(pairs)
    given = text("value", longest=100)
    if row.kind == "limit":
        if not given and row.nullable:
            return None
        if not given.isascii() or not given.isdigit():
            faults["value"] = gettext("Enter a whole number.")
            return None
        return int(given)
    if row.kind == "switch":
        faults.unchosen("value", given)
    else:
        faults.missing("value", given)
    return given


def _switch_page(session: Session, row: PolicyRow, faults: Faults | None) -> str:
    of = application.language()
    in_force = getattr(campaign_policy.current(session), row.name)
    decisions = campaign_policy.history(session, row.name)
    given = request.form.to_dict() if faults else {}
    return page(
        "switch",
        row=row,
        name=setting_name(row.name, of),
        words=SETTING_WORDS[row.name],
        default=setting_value(row, row.default, of),
        value=setting_value(row, in_force, of),
        entries=_entries(row, in_force),
        entered=given.get("value", _entered(row, in_force)),
        hours=_hours(in_force) if isinstance(in_force, CallHours) else {},
        given=given,
        looser=is_looser(row, in_force),
        changed=in_force != row.default,
        decisions=[
            (one, gettext("the default") if one.value is None else _shown(row, one.value, of)) for one in decisions
        ],
        choices=[(value, _choice(row, value, of)) for value in row.values],
        people=called(session, {one.set_by for one in decisions}),
        faults=faults or Faults(),
        days=_DAYS,
        may_decide=actor().controllers_for(Permission.SET_POLICY) is None,
        codes=[code for code in REASON_CODES if code.code in row.codes],
        language=of,
    )


def _choice(row: PolicyRow, value: str, of: Any) -> str:
    return setting_value(row, value, of) if row.kind == "switch" else code_name("verdict", value, of)


def _shown(row: PolicyRow, value: Any, of: Any) -> str:
    try:
        return setting_value(row, checked_value(row.name, value), of)
    except BadInput:
        # A value that an earlier version allowed.
        return json.dumps(value, ensure_ascii=False)


def _entries(row: PolicyRow, value: Any) -> list[str]:
    """The entries of a list in full, which its short form only counts."""
    return list(value) if row.kind == "list" else []


def _entered(row: PolicyRow, value: Any) -> str:
    if row.kind == "list":
        return "\n".join(value)
    if row.kind == "countries":
        return "\n".join(f"{country} {rule}" for country, rule in value)
    plain = plain_value(value)
    return "" if plain is None else str(plain)


def _hours(value: CallHours) -> dict[str, tuple[int, int] | None]:
    return {day: getattr(value, day) for day in _DAYS}

"""Standing: what the acts of one contact amount to, as a pure fold.

Every act speaks of scopes: each combination of the controller, channels, purposes and topics it names, ``*`` where
it names none. ``fold`` keeps, per scope, the act that holds. It answers no campaign by itself (whether a consent is
valid for one is the rules' business); it is the ledger in short, for people and for counting.

How one act yields to another, within one scope:

* acts of different *matters* never touch each other: a lifted restriction says nothing of an objection;
* a later act holds over an earlier one, with two exceptions that keep a stop from softening: a later stop replaces
  an earlier stop only if it is as strict (to withdraw a consent does not take back an objection), and a stop is
  opened only by an act that can open it, strictly later (``can_open``);
* at the same instant, the stricter holds;
* an act ``imported_without_date`` proves no order, so between it and any other the stricter holds. An explicit
  lifting opens such a stop where it came after the import, because the stop cannot be younger than that.

Strictness, strictest first, and why:

=====================  ==============================================================================================
objected               GDPR 21(3): the data may no longer be used so, and only the person's word opens it again
complained             an objection told through the mailbox provider, in its channel
withdrawn              GDPR 7(3): ends what stood on consent, and says nothing of the rest
refused                an offer was declined; nothing that existed before is taken back
objection_lifted       nothing stands in the way, and nothing is permitted
consented              the person permitted it
guardian_consented     a guardian permitted it for a child; the child's own later consent alone permits less
---------------------  ----------------------------------------------------------------------------------------------
restricted             GDPR 18; stricter than ``unrestricted``
erased                 GDPR 17; stricter than ``erasure_requested``; neither is ever undone here
=====================  ==============================================================================================

Source: law.md section 2, stage 5; formats.md section 2 (events).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import product
from typing import NamedTuple

#: In a scope: the act named none, and so speaks of all.
ANY = "*"


class Kind(NamedTuple):
    """What an event means for standing. ``strictness`` compares kinds of one matter."""

    matter: str
    state: str
    strictness: int
    stops: bool
    lifts: bool = False


#: Events that are not here (``access_requested``, legal-basis tags, prohibitions) change no standing.
KINDS: dict[str, Kind] = {
    "guardian_consented": Kind("permission", "guardian_consented", 0, stops=False),
    "consent_given": Kind("permission", "consented", 1, stops=False),
    "objection_lifted": Kind("permission", "objection_lifted", 2, stops=False, lifts=True),
    "consent_refused": Kind("permission", "refused", 3, stops=True),
    "consent_withdrawn": Kind("permission", "withdrawn", 4, stops=True),
    "complaint": Kind("permission", "complained", 5, stops=True),
    "objected": Kind("permission", "objected", 6, stops=True),
    "restriction_lifted": Kind("restriction", "unrestricted", 0, stops=False, lifts=True),
    "restricted": Kind("restriction", "restricted", 1, stops=True),
    "erasure_requested": Kind("erasure", "erasure_requested", 0, stops=True),
    "erased": Kind("erasure", "erased", 1, stops=True),
}
CONSENTS = ("consent_given", "guardian_consented")


class Act(NamedTuple):
    """The part of a ledger entry that standing depends on. ``proven``: a notice, a recording or an attachment."""

    entry_id: int
    event: str
    at: datetime
    order_known: bool = True
    controller: str | None = None
    method: str | None = None
    given_by: str = "self"
    channels: Sequence[str] = ()
    purposes: Sequence[str] = ()
    topics: Sequence[str] = ()
    prohibition: str | None = None
    double_opt_in: str | None = None
    pre_ticked: bool = False
    condition_of_service: bool = False
    freely_joined: bool = False
    proven: bool = False


class Scope(NamedTuple):
    matter: str
    controller: str
    channel: str
    purpose: str
    topic: str


class StandingRow(NamedTuple):
    """The state of a scope, and the entry that made it so."""

    state: str
    at: datetime
    entry_id: int


def counts(act: Act) -> bool:
    """Whether the act changes standing at all.

    A consent given by somebody without authority is none; the lifting of a named prohibition is that row's affair.
    """
    if act.event not in KINDS:
        return False
    if act.event in CONSENTS and act.given_by == "unverified":
        return False
    return not (act.event == "objection_lifted" and act.prohibition is not None)


def scopes_of(act: Act) -> list[Scope]:
    """The scopes an act speaks of; none where it does not count."""
    if not counts(act):
        return []
    matter = KINDS[act.event].matter
    if matter != "permission":
        return [Scope(matter, act.controller or ANY, ANY, ANY, ANY)]
    named = (sorted(set(values)) or [ANY] for values in (act.channels, act.purposes, act.topics))
    return [Scope(matter, act.controller or ANY, *combination) for combination in product(*named)]


def can_open(act: Act) -> bool:
    """Whether an act can open a stop that came before it: the person's own, dated, and valid as far as it shows.

    An import never does (``method`` ``import``), nor a consent that was pre-ticked, forced, unconfirmed or unproven.
    """
    if not act.order_known:
        return False
    if act.event == "restriction_lifted":
        return True
    if act.method == "import" or act.given_by == "unverified":
        return False
    if act.event in CONSENTS:
        free = not act.condition_of_service or act.freely_joined
        return act.proven and free and not act.pre_ticked and act.double_opt_in != "pending"
    return KINDS[act.event].lifts


def fold(acts: Iterable[Act]) -> dict[Scope, StandingRow]:
    """The standing of one contact from all its acts, in whatever order they come."""
    by_scope: dict[Scope, list[Act]] = defaultdict(list)
    for act in acts:
        for scope in scopes_of(act):
            by_scope[scope].append(act)
    return {scope: _row(_holding(found)) for scope, found in by_scope.items()}


def _row(act: Act) -> StandingRow:
    return StandingRow(KINDS[act.event].state, act.at, act.entry_id)


def _holding(acts: list[Act]) -> Act:
    """The act that holds, of one or more acts of one scope."""
    if len(acts) == 1:
        return acts[0]
    dated = sorted((act for act in acts if act.order_known), key=_by_time)
    standing: list[Act] = []
    lifted: datetime | None = None
    for act in dated:
        if not standing or _replaces(act, standing[0]):
            standing = [act]
        if KINDS[act.event].lifts and can_open(act):
            lifted = act.at
    for act in acts:
        opened = lifted is not None and KINDS[act.event].stops and act.at < lifted
        if not act.order_known and not opened:
            standing.append(act)
    return max(standing, key=lambda act: (KINDS[act.event].strictness, act.order_known, act.at, act.entry_id))


def _by_time(act: Act) -> tuple[datetime, int, int]:
    return act.at, KINDS[act.event].strictness, act.entry_id


def _replaces(new: Act, old: Act) -> bool:
    """Whether a dated act takes the place of one that is not later, or as late and not stricter."""
    new_kind, old_kind = KINDS[new.event], KINDS[old.event]
    if new_kind.stops:
        return not old_kind.stops or new_kind.strictness >= old_kind.strictness
    if old_kind.stops:
        return new.at > old.at and can_open(new)
    # Lifting an objection that was never made takes no consent away.
    return not new_kind.lifts or old_kind.lifts

"""The fold: what acts amount to, whatever order they come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.consents.standing import KINDS, Act, Scope, fold

DAY = datetime(2026, 1, 1, tzinfo=UTC)
ALL = Scope("permission", "*", "*", "*", "*")
STOPS = {kind.state for kind in KINDS.values() if kind.stops}


def act(event: str, day: int = 0, **fields: Any) -> Act:
    """By the person, proven, unless said otherwise; the id follows the day."""
    fields.setdefault("method", "web_form")
    fields.setdefault("proven", True)
    return Act(fields.pop("entry_id", day * 100 + len(event)), event, DAY + timedelta(days=day), **fields)


def state(*acts: Act, scope: Scope = ALL) -> str | None:
    """The state of a scope; every order of the acts must give the same one."""
    folds = [fold(order) for order in permutations(acts)]
    assert all(found == folds[0] for found in folds)
    return folds[0][scope].state if scope in folds[0] else None


def test_an_act_speaks_of_every_combination_it_names() -> None:
    rows = fold([act("consent_given", controller="acme", channels=("email", "sms"), purposes=("newsletter",))])
    assert set(rows) == {
        Scope("permission", "acme", "email", "newsletter", "*"),
        Scope("permission", "acme", "sms", "newsletter", "*"),
    }


@pytest.mark.parametrize(
    ("earlier", "later", "holds"),
    [
        ("consent_given", "consent_withdrawn", "withdrawn"),
        ("consent_given", "objected", "objected"),
        ("consent_given", "consent_refused", "refused"),
        ("objected", "consent_given", "consented"),
        ("complaint", "consent_given", "consented"),
        ("objected", "objection_lifted", "objection_lifted"),
        ("consent_withdrawn", "objected", "objected"),
        ("objected", "consent_withdrawn", "objected"),
        ("objected", "complaint", "objected"),
        ("consent_withdrawn", "consent_refused", "withdrawn"),
        ("consent_given", "objection_lifted", "consented"),
        ("objection_lifted", "consent_given", "consented"),
    ],
)
def test_a_later_act_holds_but_a_later_stop_never_softens(earlier: str, later: str, holds: str) -> None:
    assert state(act(earlier, 1), act(later, 2)) == holds


@pytest.mark.parametrize(
    ("one", "other", "holds"),
    [
        ("objected", "consent_given", "objected"),
        ("consent_withdrawn", "consent_given", "withdrawn"),
        ("objected", "objection_lifted", "objected"),
        ("objected", "complaint", "objected"),
        ("complaint", "consent_withdrawn", "complained"),
        ("consent_withdrawn", "consent_refused", "withdrawn"),
        ("consent_given", "guardian_consented", "consented"),
    ],
)
def test_at_the_same_instant_the_stricter_holds(one: str, other: str, holds: str) -> None:
    assert state(act(one, 1), act(other, 1)) == holds


@pytest.mark.parametrize(
    "weak",
    [
        {"method": "import"},
        {"proven": False},
        {"pre_ticked": True},
        {"condition_of_service": True},
        {"double_opt_in": "pending"},
        {"given_by": "unverified"},
        {"order_known": False},
    ],
)
def test_a_consent_that_is_not_the_persons_own_valid_act_opens_no_stop(weak: dict[str, Any]) -> None:
    assert state(act("objected", 1), act("consent_given", 2, **weak)) == "objected"


def test_a_consent_freely_joined_opens_a_stop() -> None:
    joined = act("consent_given", 2, condition_of_service=True, freely_joined=True)
    assert state(act("objected", 1), joined) == "consented"


@pytest.mark.parametrize("weak", [{"method": "import"}, {"given_by": "unverified"}, {"order_known": False}])
def test_a_lifting_by_import_or_by_somebody_else_opens_nothing(weak: dict[str, Any]) -> None:
    assert state(act("objected", 1), act("objection_lifted", 2, **weak)) == "objected"


def test_a_consent_by_somebody_without_authority_is_none() -> None:
    assert state(act("consent_given", given_by="unverified")) is None
    assert state(act("objected", given_by="unverified")) == "objected"


def test_an_undated_stop_holds_against_consents_on_either_side() -> None:
    undated = act("objected", 5, order_known=False)
    assert state(act("consent_given", 1), undated, act("consent_given", 9)) == "objected"


def test_an_undated_stop_holds_even_beside_a_dated_one_that_was_opened() -> None:
    acts = (act("objected", 5, order_known=False), act("objected", 6), act("consent_given", 7))
    assert state(*acts) == "objected"


def test_an_explicit_lifting_after_the_import_opens_an_undated_stop() -> None:
    assert state(act("objected", 5, order_known=False), act("objection_lifted", 6)) == "objection_lifted"
    assert state(act("objected", 5, order_known=False), act("objection_lifted", 5)) == "objected"


def test_lifting_a_named_prohibition_lifts_nothing_else() -> None:
    assert state(act("objected", 1), act("objection_lifted", 2, prohibition="12")) == "objected"


def test_matters_do_not_hide_each_other() -> None:
    rows = fold([act("objected", 1), act("restricted", 2), act("restriction_lifted", 3), act("erasure_requested", 4)])
    assert {scope.matter: row.state for scope, row in rows.items()} == {
        "permission": "objected",
        "restriction": "unrestricted",
        "erasure": "erasure_requested",
    }


def test_an_erasure_is_never_undone() -> None:
    erasure = Scope("erasure", "*", "*", "*", "*")
    acts = (act("erased", 1), act("erasure_requested", 2), act("consent_given", 3))
    assert state(*acts, scope=erasure) == "erased"


@pytest.mark.parametrize(
    "event",
    [
        "access_requested",
        "erasure_refused",
        "erasure_extended",
        "legal_basis_set",
        "prohibition_added",
        "register_change",
    ],
)
def test_other_entries_change_no_standing(event: str) -> None:
    assert fold([act(event)]) == {}


acts = st.builds(
    act,
    st.sampled_from([*KINDS, "access_requested"]),
    st.integers(0, 3),
    entry_id=st.integers(1, 10**6),
    order_known=st.booleans(),
    controller=st.sampled_from([None, "acme"]),
    method=st.sampled_from(["web_form", "import"]),
    given_by=st.sampled_from(["self", "unverified"]),
    channels=st.sampled_from([(), ("email",), ("email", "sms")]),
    double_opt_in=st.sampled_from([None, "pending"]),
    proven=st.booleans(),
)


@given(st.lists(acts, max_size=7, unique_by=lambda one: one.entry_id), st.randoms(use_true_random=False))
def test_the_order_of_reading_changes_nothing(found: list[Act], random: Any) -> None:
    mixed = list(found)
    random.shuffle(mixed)
    assert fold(mixed) == fold(found)


@given(st.lists(acts, max_size=6, unique_by=lambda one: one.entry_id), acts)
def test_nothing_imported_or_unproven_opens_a_stop(found: list[Act], late: Act) -> None:
    late = late._replace(method="import", at=DAY + timedelta(days=9), event="consent_given")
    before, after = fold(found), fold([*found, late])
    for scope, row in before.items():
        if row.state in STOPS:
            assert after[scope].state == row.state


@given(st.lists(acts, max_size=6, unique_by=lambda one: one.entry_id), acts)
def test_a_new_stop_leaves_no_scope_of_its_own_open(found: list[Act], stop: Act) -> None:
    stop = stop._replace(event="objected", at=DAY + timedelta(days=9), order_known=True)
    after = fold([*found, stop])
    for scope in fold([stop]):
        assert after[scope].state == "objected"

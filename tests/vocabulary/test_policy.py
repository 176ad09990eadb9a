"""Policy switches, limits and lists: their defaults, what they may be, and what counts as looser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import LANGUAGES
from consentmgr.vocabulary.policy import (
    BY_NAME,
    DEFAULT_POLICY,
    POLICY,
    CallHours,
    Policy,
    PolicyError,
    is_looser,
    looser_than_default,
    plain_value,
    policy_from,
    policy_row,
    shown_value,
    value_of_text,
)
from consentmgr.vocabulary.policy_words import SETTING_WORDS
from consentmgr.vocabulary.policy_words.values import allowed_values
from consentmgr.vocabulary.reason_codes import BY_CODE

DEFAULTS = {
    "soft_opt_in_quote_only": "block",
    "soft_opt_in_free_account": "review",
    "soft_opt_in_max_age_months": 36,
    "stop_reply_other_channels": "review",
    "robinson_own_customer": "review",
    "robinson_business_number": "review",
    "robinson_list_missing": "review",
    "robinson_research": "allow",
    "research_after_dm_objection": "review",
    "research_bans_before": date(2018, 5, 25),
    "dvv_ban_on_own_data": "allow",
    "b2b_customer_relation": "allow",
    "private_address_of_officer": "block",
    "private_address_published": "review",
    "housing_company_private_address": "review",
    "sole_trader": "review",
    "sole_trader_private_address": "strict",
    "tax_grouping": "strict",
    "objection_follows_person": "review",
    "b2b_instant_message": "review",
    "b2b_text_message": "review",
    "registry_mailbox": "review",
    "exclusion_audience": "block",
    "audience_legitimate_interest": "block",
    "role_fresh_months": 12,
    "role_stale_block_months": 24,
    "consent_inactive_review_months": 36,
    "address_verified_max_months": 36,
    "robinson_list_max_age_days": 30,
    "soft_bounce_limit": 5,
    "small_company_employees": 20,
    "vendor_licence_months": 2,
    "certificate_valid_hours": 24,
    "max_messages_per_7_days": None,
    "quiet_hours": CallHours((9, 20), (9, 18), None, None),
}


def test_the_defaults_are_the_cautious_ones_agreed() -> None:
    assert {name: getattr(DEFAULT_POLICY, name) for name in DEFAULTS} == DEFAULTS
    lists = {"free_mail_domains", "registry_mailboxes", "outside_sources", "country_rules"}
    assert {item.name for item in fields(Policy)} == set(DEFAULTS) | lists
    assert [row.name for row in POLICY] == list(BY_NAME)
    assert set(BY_NAME) == {item.name for item in fields(Policy)}
    assert looser_than_default(DEFAULT_POLICY) == []
    assert policy_from({}) == DEFAULT_POLICY


def test_every_row_explains_itself() -> None:
    for row in POLICY:
        assert row.default == getattr(DEFAULT_POLICY, row.name)
        words = SETTING_WORDS[row.name]
        for told in (words.name, words.decides, words.why):
            assert set(told) == set(LANGUAGES)
            assert all(told.values())
        for language in LANGUAGES:
            assert not words.decides[language].endswith(".")
            assert words.why[language].endswith(".")
            assert allowed_values(row, language)
        assert row.codes
        assert all(code in BY_CODE for code in row.codes), row.name
        assert row.allowed
        if row.kind == "switch":
            assert row.default in row.values
            assert row.values in (("block", "review", "allow"), ("strict", "review", "b2b"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sole_trader", "block"),
        ("sole_trader", ""),
        ("sole_trader", 1),
        ("sole_trader", ["review"]),
        ("robinson_research", "strict"),
        ("soft_bounce_limit", 0),
        ("soft_bounce_limit", -1),
        ("soft_bounce_limit", "5"),
        ("soft_bounce_limit", 5.0),
        ("soft_bounce_limit", True),
        ("soft_bounce_limit", 10**9),
        ("research_bans_before", "25.5.2018"),
        ("research_bans_before", 2018),
        ("quiet_hours", {}),
        ("quiet_hours", {"weekdays": [9, 20]}),
        ("quiet_hours", {"saturday": [20, 9]}),
        ("quiet_hours", {"saturday": [9, 25]}),
        ("quiet_hours", {"saturday": 9}),
        ("quiet_hours", "9-20"),
        ("free_mail_domains", "gmail.com"),
        ("free_mail_domains", ["not a domain"]),
        ("registry_mailboxes", [1]),
        ("registry_mailboxes", [""]),
        ("country_rules", {"FI": "block"}),
        ("country_rules", {"Germany": "block"}),
        ("country_rules", {"DE": "strict"}),
        ("country_rules", [1]),
    ],
)
def test_a_value_that_is_not_allowed_names_the_switch_and_what_it_may_be(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        policy_from({name: value})
    assert isinstance(caught.value, BadInput)
    assert policy_row(name).allowed in str(caught.value)


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(PolicyError, match="Did you mean sole_trader"):
        policy_from({"sole_traders": "b2b"})
    with pytest.raises(PolicyError, match="Known: soft_opt_in_quote_only"):
        policy_from({"zzz": 1})


def test_limits_that_bind_each_other() -> None:
    with pytest.raises(PolicyError, match="role_stale_block_months"):
        policy_from({"role_fresh_months": 30})
    assert policy_from({"role_fresh_months": 30, "role_stale_block_months": 30}).role_fresh_months == 30


def test_values_come_back_from_json_as_they_were() -> None:
    policy = policy_from(
        {
            "sole_trader": "b2b",
            "max_messages_per_7_days": 2,
            "research_bans_before": "2019-01-01",
            "quiet_hours": {"saturday": None, "sunday": [12, 14]},
            "country_rules": {"DE": "review", "US": "block"},
            "free_mail_domains": ["Gmail.com", "työkalu5086.example", "XN--TYKALU5086-FCB.EXAMPLE"],
            "registry_mailboxes": ["Kirjaamo@"],
        }
    )
    assert policy.quiet_hours == CallHours((9, 20), None, (12, 14), None)
    assert policy.free_mail_domains == ("gmail.com", "työkalu5086.example")
    assert policy.registry_mailboxes == ("kirjaamo",)
    plain = {row.name: plain_value(getattr(policy, row.name)) for row in POLICY}
    assert policy_from(json.loads(json.dumps(plain))) == policy
    assert hash(policy)


def test_null_is_the_default() -> None:
    assert policy_from({"sole_trader": None, "max_messages_per_7_days": None}) == DEFAULT_POLICY


@pytest.mark.parametrize(
    ("overrides", "looser"),
    [
        ({"sole_trader": "b2b"}, ["sole_trader"]),
        ({"sole_trader": "strict"}, []),
        ({"robinson_research": "block"}, []),
        ({"soft_opt_in_quote_only": "review"}, ["soft_opt_in_quote_only"]),
        ({"soft_bounce_limit": 6}, ["soft_bounce_limit"]),
        ({"soft_bounce_limit": 4}, []),
        ({"max_messages_per_7_days": 1}, []),
        ({"research_bans_before": "2018-05-24"}, ["research_bans_before"]),
        ({"research_bans_before": "2018-05-26"}, []),
        ({"quiet_hours": {"sunday": [12, 13]}}, ["quiet_hours"]),
        ({"quiet_hours": {"saturday": [10, 18], "monday_to_friday": None}}, []),
        ({"quiet_hours": {"saturday": [10, 19]}}, ["quiet_hours"]),
        ({"free_mail_domains": ["gmail.com"]}, ["free_mail_domains"]),
        ({"free_mail_domains": [*DEFAULT_POLICY.free_mail_domains, "oma.example"]}, []),
        ({"registry_mailboxes": []}, ["registry_mailboxes"]),
        ({"outside_sources": [*DEFAULT_POLICY.outside_sources, "messut"]}, ["outside_sources"]),
        ({"country_rules": {"DE": "review"}}, ["country_rules"]),
        ({"country_rules": {"SE": "allow"}}, ["country_rules"]),
        ({"country_rules": {"*": "allow"}}, ["country_rules"]),
        ({"country_rules": {"SE": "block", "NO": "block"}}, []),
    ],
)
def test_what_is_looser_than_the_default(overrides: dict[str, Any], looser: list[str]) -> None:
    assert looser_than_default(policy_from(overrides)) == looser


@given(st.sampled_from([row for row in POLICY if row.kind == "limit"]), st.integers(0, 5_000))
def test_a_limit_is_looser_exactly_when_higher(row: Any, value: int) -> None:
    if row.lowest <= value <= row.highest:
        assert is_looser(row, value) == (row.default is not None and value > row.default)
    else:
        with pytest.raises(PolicyError):
            policy_from({row.name: value})


def test_what_a_person_types() -> None:
    assert value_of_text("sole_trader", " b2b ") == "b2b"
    assert value_of_text("sole_trader", "default") is None
    assert value_of_text("soft_bounce_limit", "7") == 7
    assert value_of_text("max_messages_per_7_days", "null") is None
    assert value_of_text("research_bans_before", "2019-01-01") == "2019-01-01"
    assert value_of_text("registry_mailboxes", "kirjaamo, diarium") == ["kirjaamo", "diarium"]
    assert value_of_text("country_rules", '{"SE": "block"}') == {"SE": "block"}
    with pytest.raises(PolicyError, match="soft_bounce_limit"):
        value_of_text("soft_bounce_limit", "seven")
    with pytest.raises(PolicyError, match="no policy"):
        value_of_text("nothing", "1")


def test_a_country_not_spoken_of_keeps_its_rule() -> None:
    assert dict(DEFAULT_POLICY.country_rules) == {"*": "review", "DE": "block", "DK": "block", "NO": "named"}
    loosened = policy_from({"country_rules": {"DE": "review"}})
    assert dict(loosened.country_rules) == {"*": "review", "DE": "review", "DK": "block", "NO": "named"}


@pytest.mark.parametrize(
    ("email", "registry"),
    [
        ("kirjaamo@kunta.example", True),
        ("kirjaamo.helsinki@kunta.example", True),
        ("sote-kirjaamo@kunta.example", True),
        ("registratorskontoret@stad.example", True),
        ("registry@agency.example", True),
        ("info@kunta.example", False),
        ("kansli@stiftelse.example", False),
        ("aino.kirjaamonen@kunta.example", False),
        ("registrymanager@agency.example", False),
    ],
)
def test_registry_mailboxes(email: str, registry: bool) -> None:
    assert bool(re.search(DEFAULT_POLICY.registry_mailbox_pattern(), email)) is registry


@pytest.mark.parametrize(
    ("source", "outside"),
    [
        ("vendor-x", True),
        ("vendor", True),
        ("ytj", True),
        ("population_register", True),
        ("website", True),
        ("web_form", False),
        ("organisation", False),
        ("website_form", False),
        ("vendorless", False),
    ],
)
def test_outside_sources(source: str, outside: bool) -> None:
    assert bool(re.search(DEFAULT_POLICY.outside_source_pattern(), source)) is outside


def test_an_empty_list_matches_nothing() -> None:
    policy = policy_from({"registry_mailboxes": [], "outside_sources": []})
    assert not re.search(policy.registry_mailbox_pattern(), "kirjaamo@kunta.example")
    assert not re.search(policy.registry_mailbox_pattern(), "@")
    assert not re.search(policy.outside_source_pattern(), "")


def test_free_mail_domains_are_canonical_and_of_providers() -> None:
    domains = DEFAULT_POLICY.free_mail_domains
    assert list(domains) == sorted(set(domains))
    assert all(canonical_domain(domain) == domain for domain in domains)
    expected = {"gmail.com", "outlook.com", "hotmail.com", "luukku.com", "suomi24.fi", "kolumbus.fi", "elisanet.fi"}
    assert expected <= set(domains)
    # Telecoms operators' own staff write from these.
    assert not {"elisa.fi", "dna.fi", "telia.fi", "teliacompany.com"} & set(domains)


def test_values_shown_in_a_few_words() -> None:
    assert shown_value(None) == "no cap"
    assert shown_value(CallHours()) == "Mon–Fri 9–20, Sat 9–18, Sun never, public holidays never"
    assert shown_value(DEFAULT_POLICY.free_mail_domains).endswith("entries")
    assert shown_value(()) == "none"
    assert shown_value(date(2018, 5, 25)) == "2018-05-25"
    assert shown_value(DEFAULT_POLICY.country_rules) == "* review, DE block, DK block, NO named"
    assert plain_value(date(2018, 5, 25)) == "2018-05-25"


def test_the_words_are_cheap_to_import() -> None:
    """A command that only prints must not wait for engines and tables of holidays to load."""
    code = (
        "import sys; import consentmgr.vocabulary.policy, consentmgr.vocabulary.printed_rules, "
        "consentmgr.vocabulary.time_rules; "
        "print([m for m in ('pandas', 'pyarrow', 'numpy', 'polars', 'duckdb', 'holidays', 'phonenumbers', 'sqlalchemy') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Stages 8 and 9: whether the data is good enough, and whether now is the time."""

import narwhals as nw

from consentmgr.screening.facts.columns import equals, one_of
from consentmgr.screening.question import Question
from consentmgr.screening.rules.ladder import is_step
from consentmgr.screening.rules.rule import BLOCK, NONE, REVIEW, Rule, Weight, blocks, reviews, weighs
from consentmgr.vocabulary.time_rules import add_months, may_call_at


def _address_missing(q: Question) -> Weight:
    return blocks(~nw.col("address_known"))


def _address_fails(q: Question) -> Weight:
    return blocks(one_of("point_state", ("hard_bounce", "invalid")))


def _soft_bounces(q: Question) -> Weight:
    if not q.is_marketing_or_audience:
        return NONE
    return reviews((nw.col("point_soft_bounces") >= q.policy.soft_bounce_limit).fill_null(False))


def _data_stale(q: Question) -> Weight:
    if not q.is_marketing_or_audience or q.campaign.channel != "post":
        return NONE
    confirmed = nw.coalesce("point_verified_on", "acquired_on")
    limit = nw.lit(q.months_ago(q.policy.address_verified_max_months))
    return reviews(nw.col("address_known") & (confirmed < limit).fill_null(False))


def _rests_on_interest() -> nw.Expr:
    """The grounds that ask where the address came from; an organisation's general address is nobody's data."""
    grounds = is_step("B2B_ROLE_OK") | is_step("B2B_CUSTOMER_OK") | is_step("OPT_OUT_CHANNEL_OK")
    return grounds & ~nw.col("is_generic")


def may_rest_on_interest(q: Question) -> bool:
    """Whether a campaign of this kind can have such a ground at all."""
    return q.is_marketing_or_audience and (q.is_opt_out_channel or q.is_business)


def _source_unknown(q: Question) -> Weight:
    if not may_rest_on_interest(q):
        return NONE
    if q.campaign.list_source == "unknown":
        return blocks(_rests_on_interest())
    return blocks(_rests_on_interest() & nw.col("source_unknown"))


def _licence_expired(q: Question) -> Weight:
    campaign = q.campaign
    if not q.is_marketing_or_audience or campaign.list_source != "vendor":
        return NONE
    until = campaign.vendor_licence_until
    if until is None and campaign.list_extracted_on is not None:
        until = add_months(campaign.list_extracted_on, q.policy.vendor_licence_months)
    return BLOCK if until is not None and q.today > until else NONE


def _not_informed(q: Question) -> Weight:
    """GDPR 13: told when the person gave the data; 14(3): told within a month, at the latest in the first message."""
    if not may_rest_on_interest(q) or q.campaign.list_source == "population_register":
        return NONE
    uninformed = _rests_on_interest() & nw.col("point_informed_on").is_null() & ~equals("source", "population_register")
    if not q.campaign.message.article_14_notice:
        return blocks(uninformed)
    within_a_month = (nw.col("acquired_on") >= nw.lit(q.months_ago(1))).fill_null(False)
    weight = (
        nw.when(~nw.col("from_outside"))
        .then(nw.lit(BLOCK))
        .when(within_a_month)
        .then(nw.lit(NONE))
        .otherwise(nw.lit(REVIEW))
    )
    return weighs(uninformed, weight)


def _quiet_hours(q: Question) -> Weight:
    if not q.is_call or not (q.is_marketing or q.campaign.purpose == "research"):
        return NONE
    return NONE if may_call_at(q.moment, q.policy) else BLOCK


def _frequency_cap(q: Question) -> Weight:
    cap = q.policy.max_messages_per_7_days
    if cap is None or not q.is_marketing_or_audience:
        return NONE
    return blocks(nw.col("messages_lately") >= cap)


def _not_decidable(q: Question) -> Weight:
    """Facts that cannot all be true: born after today, or dead before birth."""
    born = nw.col("born_on")
    contradiction = (born > nw.lit(q.today)).fill_null(False) | (nw.col("deceased_on") < born).fill_null(False)
    return blocks(contradiction)


RULES = (
    Rule("ADDRESS_MISSING", _address_missing, stage=8),
    Rule("ADDRESS_INVALID", _address_fails, stage=8),
    Rule("SOFT_BOUNCE_LIMIT", _soft_bounces, stage=8),
    Rule("DATA_STALE", _data_stale, stage=8),
    Rule("SOURCE_UNKNOWN", _source_unknown, stage=8),
    Rule("VENDOR_LICENCE_EXPIRED", _licence_expired, stage=8),
    Rule("ART14_NOT_INFORMED", _not_informed, stage=8),
    Rule("QUIET_HOURS", _quiet_hours, stage=9),
    Rule("FREQ_CAP", _frequency_cap, stage=9),
    Rule("NOT_DECIDABLE", _not_decidable, stage=9),
)

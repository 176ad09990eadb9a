"""Customer relations of the person and of the organisation, and messages sent (Act 917/2014 s. 200(3), 201)."""

from collections.abc import Mapping
from datetime import date, timedelta

import narwhals as nw

from consentmgr.screening.facts.columns import Frame, constant, equals, flag, is_true, never, one_of
from consentmgr.screening.question import Question, microseconds

#: The customer exception's tests in order; a relation's depth is the index of the first it fails.
RELATION_TESTS = (
    "SOFT_OPT_IN_CHANNEL",
    "SOFT_OPT_IN_OTHER_SELLER",
    "SOFT_OPT_IN_NO_SALE",
    "SOFT_OPT_IN_NOT_FROM_CUSTOMER",
    "SOFT_OPT_IN_NO_OPTOUT",
    "SOFT_OPT_IN_GROUP",
    "SOFT_OPT_IN_STALE",
)
PASSES_ALL = len(RELATION_TESTS)
NO_SALE = RELATION_TESTS.index("SOFT_OPT_IN_NO_SALE")
#: depth * DEPTH_UNIT + day * 10 + (1 if a free account): "furthest, newest on a tie" is one ``max``.
_DEPTH_UNIT = 10**7


def relation_facts(relations: Frame, question: Question) -> Frame:
    """Per person: ``relation_score``, ``own_customer``, ``subscription_customer``, ``any_relation``."""
    campaign, policy = question.campaign, question.policy
    ours = equals("controller", question.controller)
    limit = (question.months_ago(policy.soft_opt_in_max_age_months) - date(1970, 1, 1)).days
    recent = (nw.col("last_purchase_day") >= limit).fill_null(False)
    sells_own = campaign.own_products and campaign.sold_by in (None, question.controller)
    nothing_sold = never()
    if policy.soft_opt_in_quote_only != "allow":
        nothing_sold = nothing_sold | equals("relation", "quote_only")
    if policy.soft_opt_in_free_account != "allow":
        nothing_sold = nothing_sold | equals("relation", "free_account")
    same_group = equals("product_group", campaign.product_group) if campaign.product_group else never()
    depth = (
        nw.when(~constant(campaign.channel in ("email", "sms", "instant_message")))
        .then(nw.lit(0))
        .when(~(ours & constant(sells_own)))
        .then(nw.lit(1))
        .when(nothing_sold)
        .then(nw.lit(NO_SALE))
        .when(~is_true("address_from_sale"))
        .then(nw.lit(3))
        .when(~is_true("opt_out_offered"))
        .then(nw.lit(4))
        .when(~same_group)
        .then(nw.lit(5))
        .when(~recent)
        .then(nw.lit(6))
        .otherwise(nw.lit(PASSES_ALL))
    )
    scored = relations.with_columns(
        score=depth.cast(nw.Int64) * _DEPTH_UNIT
        + nw.col("last_purchase_day").fill_null(0) * 10
        + flag(equals("relation", "free_account")),
        own=flag(ours & recent & one_of("relation", ("purchase", "membership"))),
        subscriber=flag(ours & same_group & ~equals("relation", "quote_only")),
        any_ours=flag(ours),
    )
    return scored.group_by("contact_id").agg(
        relation_score=nw.col("score").max(),
        own_customer=nw.col("own").max(),
        subscription_customer=nw.col("subscriber").max(),
        any_relation=nw.col("any_ours").max(),
    )


def message_facts(messages: Frame, question: Question) -> Frame:
    """Per person: whether this controller has written before, and how often with marketing in the last 7 days."""
    week_ago = microseconds(question.moment - timedelta(days=7))
    ours = messages.filter(equals("controller", question.controller) & (nw.col("at_us") <= question.moment_us))
    marketing = one_of("purpose", ("direct_marketing", "newsletter")) & (nw.col("at_us") >= week_ago)
    return (
        ours.with_columns(counted=flag(marketing))
        .group_by("contact_id")
        .agg(messages_before=nw.len(), messages_lately=nw.col("counted").sum())
    )


def person_relations(register: Mapping[str, Frame], question: Question) -> Frame:
    """Per ``person``: the facts of ``relation_facts`` and ``message_facts``."""
    relations = relation_facts(register["relations"], question).rename({"contact_id": "person"})
    messages = message_facts(register["messages"], question).rename({"contact_id": "person"})
    return (
        relations.join(messages, on="person", how="full", suffix="_messages")
        .with_columns(person=nw.coalesce("person", "person_messages"))
        .drop("person_messages")
    )


def buying_organisations(customers: Frame, question: Question) -> Frame:
    """Organisations that buy the campaign's product group from its controller (``purchases``)."""
    same = equals("controller", question.controller) & (
        equals("product_group", question.campaign.product_group) if question.campaign.product_group else never()
    )
    return customers.filter(same).group_by("organisation_id").agg(purchases=nw.len())


def with_relations(cases: Frame, relations: Frame, buying: Frame) -> Frame:
    """Adds the person's relation facts, the message counts and ``organisation_customer``."""
    cases = cases.join(relations, on="person", how="left").join(buying, on="organisation_id", how="left")
    score = nw.col("relation_score").fill_null(-1)
    return cases.with_columns(
        relation_depth=score // _DEPTH_UNIT,
        relation_is_free_account=score % 10 == 1,
        own_customer=nw.col("own_customer").fill_null(0) == 1,
        subscription_customer=nw.col("subscription_customer").fill_null(0) == 1,
        any_relation=nw.col("any_relation").fill_null(0) == 1,
        messages_before=nw.col("messages_before").fill_null(0),
        messages_lately=nw.col("messages_lately").fill_null(0),
        organisation_customer=nw.col("purchases").fill_null(0) > 0,
    )

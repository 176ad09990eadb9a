"""Customer relations of the person and of the organisation, and messages sent (Act 917/2014 s. 200(3), 201)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import narwhals as nw

from consentmgr.screening.facts.columns import Frame, constant, equals, flag, is_known, is_true, never, one_of
from consentmgr.screening.question import HELSINKI, Question, microseconds

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
_RELATION_FACTS = ("relation_score", "own_customer", "subscription_customer", "any_relation")


def relation_kinds(kinds: Frame, question: Question) -> Frame:
    """The kinds of customer relations with ``kind_depth`` (the tests that do not ask when) and the flags of facts."""
    campaign, policy = question.campaign, question.policy
    ours = equals("controller", question.controller)
    sells_own = campaign.own_products and campaign.sold_by in (None, question.controller)
    nothing_sold = never()
    if policy.soft_opt_in_quote_only != "allow":
        nothing_sold = nothing_sold | equals("relation", "quote_only")
    if policy.soft_opt_in_free_account != "allow":
        nothing_sold = nothing_sold | equals("relation", "free_account")
    same_group = equals("product_group", campaign.product_group) if campaign.product_group else never()
    return kinds.select(
        "relation_kind",
        is_ours=ours,
        is_free_account=flag(equals("relation", "free_account")),
        is_own_customer=ours & one_of("relation", ("purchase", "membership")),
        is_subscriber=ours & same_group & ~equals("relation", "quote_only"),
        relation_kind_depth=nw.when(~constant(campaign.channel in ("email", "sms", "instant_message")))
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
        .otherwise(nw.lit(PASSES_ALL)),
    )


def _relation_scores(question: Question, day: str) -> dict[str, nw.Expr]:
    """What facts are folded from, of one relation of a kind of ``relation_kinds`` whose last purchase was on ``day``;
    each by its largest: ``relation_score``, ``own_customer``, ``subscription_customer``, ``any_relation``.
    """
    limit = (question.months_ago(question.policy.soft_opt_in_max_age_months) - date(1970, 1, 1)).days
    recent = (nw.col(day) >= limit).fill_null(False)
    last = RELATION_TESTS.index("SOFT_OPT_IN_STALE")
    depth = (
        nw.when((nw.col("relation_kind_depth") == PASSES_ALL) & (nw.col(day) < limit).fill_null(False))
        .then(nw.lit(last))
        .otherwise(nw.col("relation_kind_depth"))
    )
    return {
        "relation_score": depth.cast(nw.Int64) * _DEPTH_UNIT
        + nw.col(day).fill_null(0) * 10
        + nw.col("is_free_account"),
        "own_customer": flag(nw.col("is_own_customer") & recent),
        "subscription_customer": flag(nw.col("is_subscriber")),
        "any_relation": flag(nw.col("is_ours")),
    }


def several_relations(relations: Frame, kinds: Frame, question: Question) -> Frame:
    """Per contact with more than one relation: the largest of each of ``_relation_scores``."""
    scores = _relation_scores(question, "last_purchase_day")
    found = relations.filter(~nw.col("alone")).join(kinds, on="relation_kind", how="inner")
    return found.select("contact_id", **scores).group_by("contact_id").agg(nw.col(name).max() for name in scores)


def message_facts(messages: Frame, question: Question) -> Frame:
    """Per person: whether this controller has written before, and how often with marketing in the last 7 days."""
    # A message of the day exactly seven days ago still counts, whatever the hour.
    first_day = datetime.combine(question.today - timedelta(days=7), time(), tzinfo=HELSINKI)
    week_ago = microseconds(first_day)
    ours = messages.filter(equals("controller", question.controller) & (nw.col("at_us") <= question.moment_us))
    marketing = one_of("purpose", ("direct_marketing", "newsletter")) & (nw.col("at_us") >= week_ago)
    return (
        ours.with_columns(counted=flag(marketing))
        .group_by("contact_id")
        .agg(messages_before=nw.len(), messages_lately=nw.col("counted").sum())
    )


def person_relations(register: Mapping[str, Frame], kinds: Frame, question: Question) -> Frame:
    """Per ``person``: the facts of ``several_relations`` (as ``several_NAME``) and of ``message_facts``."""
    several = several_relations(register["relations"], kinds, question)
    relations = several.select(
        *(nw.col(name).alias(f"several_{name}") for name in _RELATION_FACTS), person="contact_id"
    )
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


def with_relations(cases: Frame, kinds: Frame, relations: Frame, buying: Frame, question: Question) -> Frame:
    """Adds the person's relation facts, the message counts and ``organisation_customer``.

    Who has one relation alone has it in the candidate's own row; ``relations`` as ``person_relations`` gives them.
    """
    cases = (
        cases.join(kinds, left_on="only_relation_kind", right_on="relation_kind", how="left")
        .join(relations, on="person", how="left")
        .join(buying, on="organisation_id", how="left")
    )
    known = is_known("relation_kind_depth")
    alone = {
        name: nw.when(known).then(found) for name, found in _relation_scores(question, "only_purchase_day").items()
    }
    found = {name: nw.coalesce(f"several_{name}", expression) for name, expression in alone.items()}
    return cases.with_columns(
        relation_score=found["relation_score"].fill_null(-1),
        own_customer=found["own_customer"].fill_null(0) == 1,
        subscription_customer=found["subscription_customer"].fill_null(0) == 1,
        any_relation=found["any_relation"].fill_null(0) == 1,
        messages_before=nw.col("messages_before").fill_null(0),
        messages_lately=nw.col("messages_lately").fill_null(0),
        organisation_customer=nw.col("purchases").fill_null(0) > 0,
    ).with_columns(
        relation_depth=nw.col("relation_score") // _DEPTH_UNIT,
        relation_is_free_account=nw.col("relation_score") % 10 == 1,
    )

"""Stages 6 and 7: whose law, whose address, on what ground."""

import narwhals as nw

from consentmgr.screening.facts.columns import equals, never, one_of
from consentmgr.screening.question import Question
from consentmgr.screening.rules.ladder import GROUNDS, is_step, named_in_vain
from consentmgr.screening.rules.rule import BLOCK, NONE, REVIEW, Rule, Weight, WeightOf, blocks, weighs
from consentmgr.vocabulary.codes import LEGAL_PERSON_FORMS
from consentmgr.vocabulary.policy import CountryRule


def _step(code: str) -> WeightOf:
    """Fires where the ladder ended on this code, with the weight it ended with."""

    def weight(q: Question) -> Weight:
        return weighs(is_step(code), nw.col("step_weight"))

    return weight


def _organisation_ceased(q: Question) -> Weight:
    if not q.is_marketing_or_audience:
        return NONE
    status = nw.col("status")
    weight = nw.when(status == "in_liquidation").then(nw.lit(REVIEW)).otherwise(nw.lit(BLOCK))
    return weighs(_address_known() & one_of("status", ("bankrupt", "ceased", "in_liquidation")), weight)


def _foreign_law(q: Question) -> Weight:
    if not q.is_marketing_or_audience:
        return NONE
    abroad = nw.col("country") != "FI"
    rules = dict(q.policy.country_rules)
    weight = _country_weight(rules.pop("*", "review"), q)
    for country, rule in rules.items():
        weight = nw.when(equals("country", country)).then(_country_weight(rule, q)).otherwise(weight)
    return weighs(_address_known() & abroad, weight)


def _country_weight(rule: CountryRule, q: Question) -> nw.Expr:
    """``block`` and ``named`` ask an electronic business message for a consent; everything else abroad is reviewed."""
    if rule == "allow":
        return nw.lit(NONE)
    strict = never()
    if rule in ("block", "named") and q.is_business and q.is_electronic:
        strict = ~nw.col("has_valid_consent")
    if rule == "named":
        strict = strict & ~nw.col("is_generic")
    return nw.when(strict).then(nw.lit(BLOCK)).otherwise(nw.lit(REVIEW))


def _address_known() -> nw.Expr:
    """Stages 6 and 7 are not run where there is nothing to send to."""
    return nw.col("address_known")


def _organisation_unknown(q: Question) -> Weight:
    """The row names an organisation that nobody knows: a stop whatever ground the person may have given."""
    if not q.is_marketing_or_audience:
        return NONE
    return blocks(is_step("ORGANISATION_UNKNOWN") | (_address_known() & named_in_vain()))


def _consumer_product(q: Question) -> Weight:
    """The ladder's step; or a consumer campaign to a legal person's address, where the person asked for nothing."""
    on_ladder = weighs(is_step("B2B_CONSUMER_PRODUCT"), nw.col("step_weight"))
    if q.is_business or not q.is_marketing_or_audience or q.is_company_list:
        return on_ladder
    at_work = nw.col("is_generic") | one_of("point_use", ("work", "generic"))
    # Any consent that stands and any relation will do here: what each lacks is then told by its own code.
    uninvited = (nw.col("consent_depth") < 0) & (nw.col("relation_depth") < 0)
    return blocks(_address_known() & at_work & one_of("form", LEGAL_PERSON_FORMS) & uninvited)


def _special_category(q: Question) -> Weight:
    if not q.is_marketing_or_audience or not q.campaign.special_category:
        return NONE
    return blocks(_address_known() & (nw.col("consent_sensitive").fill_null(0) == 0))


RULES = (
    Rule("ORG_CEASED", _organisation_ceased, stage=6),
    Rule("FOREIGN_LAW", _foreign_law, stage=6),
    Rule("ORGANISATION_UNKNOWN", _organisation_unknown, stage=6),
    Rule("CONTACT_UNKNOWN", _step("CONTACT_UNKNOWN"), stage=6),
    Rule("B2B_NOT_LEGAL_PERSON", _step("B2B_NOT_LEGAL_PERSON"), stage=6),
    Rule("B2B_CONSUMER_PRODUCT", _consumer_product, stage=6),
    Rule("B2B_PRIVATE_ADDRESS", _step("B2B_PRIVATE_ADDRESS"), stage=6),
    Rule("B2B_ROLE_STALE", _step("B2B_ROLE_STALE"), stage=6),
    Rule("B2B_ROLE_MISMATCH", _step("B2B_ROLE_MISMATCH"), stage=6),
    Rule("B2B_ROLE_TITLE_ONLY", _step("B2B_ROLE_TITLE_ONLY"), stage=6),
    Rule("B2B_ROLE_MISSING", _step("B2B_ROLE_MISSING"), stage=6),
    Rule("SPECIAL_CATEGORY", _special_category, stage=7),
    *(
        Rule(code, _step(code), stage=7)
        for code in (
            "SOCIAL_CONSENT_MISSING",
            "CONSENT_SCOPE_CONTROLLER",
            "CONSENT_SCOPE_CHANNEL",
            "CONSENT_SCOPE_TOPIC",
            "CONSENT_INVALID_FORM",
            "CONSENT_UNCONFIRMED",
            "CONSENT_UNPROVEN",
            "CONSENT_STALE",
            "SOFT_OPT_IN_CHANNEL",
            "SOFT_OPT_IN_OTHER_SELLER",
            "SOFT_OPT_IN_NO_SALE",
            "SOFT_OPT_IN_NOT_FROM_CUSTOMER",
            "SOFT_OPT_IN_NO_OPTOUT",
            "SOFT_OPT_IN_GROUP",
            "SOFT_OPT_IN_STALE",
            "CONSENT_MISSING",
        )
    ),
    *(Rule(code, _step(code), stage=7, is_ground=True) for code in GROUNDS),
)

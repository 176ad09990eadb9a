"""Which ground holds, or the one code that says why none does (law.md section 2, stages 6-7).

Marketing tries in order: a valid consent that is not stale; the customer exception; for calls and post the opt-out
channel; in a business campaign the business ladder. The first that holds is the ground, and no failed ground's code
fires. If none holds, exactly one code does: in a business campaign with a known organisation the ladder's first
failing step, else the nearest miss.

The result is three columns that the rules of stages 6 to 8 read: ``step`` (index into ``STEPS``: the ground's code
or the missing one's), ``step_weight``, and with them nothing else.
"""

from dataclasses import dataclass

import narwhals as nw

from consentmgr.screening.facts.columns import Frame, constant, equals, is_true, one_of
from consentmgr.screening.facts.consents import CONSENT_TESTS, VALID
from consentmgr.screening.facts.duties import (
    FITS,
    MISMATCH_BLOCK,
    MISMATCH_REVIEW,
    MISSING,
    MISSING_REVIEW,
    STALE_BLOCK,
    STALE_REVIEW,
    TITLE_ONLY,
)
from consentmgr.screening.facts.relations import NO_SALE, PASSES_ALL, RELATION_TESTS
from consentmgr.screening.question import Question
from consentmgr.screening.rules.rule import (
    BLOCK,
    GROUND_ALLOW,
    NONE,
    REVIEW,
    Weight,
    form_weight,
    ground_weight,
    switch_weight,
)
from consentmgr.vocabulary.codes import LEGAL_PERSON_FORMS

GROUNDS = (
    "CONSENT_OK",
    "SOFT_OPT_IN_OK",
    "OPT_OUT_CHANNEL_OK",
    "B2B_GENERIC_OK",
    "B2B_ROLE_OK",
    "B2B_CUSTOMER_OK",
    "SERVICE_OK",
    "RESEARCH_OK",
    "PUBLIC_INFO_OK",
    "SOCIAL_OK",
)
MISSES = (
    "ORGANISATION_UNKNOWN",
    "CONTACT_UNKNOWN",
    "B2B_NOT_LEGAL_PERSON",
    "B2B_CONSUMER_PRODUCT",
    "B2B_PRIVATE_ADDRESS",
    "B2B_ROLE_STALE",
    "B2B_ROLE_MISMATCH",
    "B2B_ROLE_TITLE_ONLY",
    "B2B_ROLE_MISSING",
    "SOCIAL_CONSENT_MISSING",
    *CONSENT_TESTS,
    *RELATION_TESTS,
    "CONSENT_MISSING",
)
#: Index 0 is "nothing": no step is told where the address is missing or a withdrawal has said it all.
STEPS = ("", *GROUNDS, *MISSES)
#: Weights go from 0 to 3.
_WEIGHTS = 4
STEP = {code: index for index, code in enumerate(STEPS)}


@dataclass(frozen=True, slots=True)
class _Case:
    """``when`` the case applies, its code and weight."""

    when: nw.Expr
    code: str
    weight: Weight


def is_step(code: str) -> nw.Expr:
    """The row's ground, or the one code that tells why there is none, is ``code``."""
    return nw.col("step") == STEP[code]


def with_step(cases: Frame, question: Question) -> Frame:
    """Adds ``step`` and ``step_weight``."""
    tried = _steps(question)
    if question.is_business:
        cases = _with_ladder_facts(cases, question)
    # Step and weight are chosen together, packed in one number: each condition is then asked once.
    packed: nw.Expr = nw.lit(0)
    for case in reversed(tried):
        told = nw.lit(case.weight) if isinstance(case.weight, int) else case.weight
        packed = nw.when(case.when).then(told + _WEIGHTS * STEP[case.code]).otherwise(packed)
    runs = ~nw.col("invalid") & nw.col("address_known")
    cases = cases.with_columns(packed_step=nw.when(runs).then(packed).otherwise(nw.lit(0)))
    return cases.with_columns(step=nw.col("packed_step") // _WEIGHTS, step_weight=nw.col("packed_step") % _WEIGHTS)


def _with_ladder_facts(cases: Frame, question: Question) -> Frame:
    """Adds ``form_weight``, ``private``, ``private_weight``, ``is_registry``: what the ladder's first steps ask."""
    policy = question.policy
    cases = cases.with_columns(private=is_private_address(question))
    form = (
        nw.when(_is_legal_person())
        .then(nw.lit(NONE))
        .when(one_of("form", ("unregistered_association", "estate")))
        .then(nw.lit(BLOCK))
        .when(equals("form", "sole_trader") & nw.col("private"))
        .then(nw.lit(form_weight(policy.sole_trader_private_address)))
        .when(equals("form", "sole_trader"))
        .then(nw.lit(form_weight(policy.sole_trader)))
        .when(equals("form", "tax_grouping"))
        .then(nw.lit(form_weight(policy.tax_grouping)))
        .otherwise(nw.lit(REVIEW))
    )
    lay_duty = equals("form", "housing_company") & nw.col("on_board")
    published = is_true("point_published") | nw.col("listed_by_organisation")
    private_weight = (
        nw.when(~nw.col("private") | equals("form", "sole_trader"))
        .then(nw.lit(NONE))
        .when(published)
        .then(nw.lit(switch_weight(policy.private_address_published)))
        .when(lay_duty)
        .then(nw.lit(switch_weight(policy.housing_company_private_address)))
        .otherwise(nw.lit(switch_weight(policy.private_address_of_officer)))
    )
    whole = nw.concat_str(nw.col("mailbox"), nw.lit("@"))
    registry = constant(question.point_kind == "email") & whole.str.contains(policy.registry_mailbox_pattern())
    return cases.with_columns(form_weight=form, private_weight=private_weight, is_registry=registry.fill_null(False))


def _steps(question: Question) -> list[_Case]:
    always = constant(True)
    if question.is_company_list:
        return _company_list()
    if question.is_audience:
        return _audience(question)
    if question.is_plain_service:
        return [_Case(always, "SERVICE_OK", GROUND_ALLOW)]
    if question.is_research:
        if question.campaign.promotes:
            return []
        banned = nw.col("weight_MARKETING_BAN") > 0
        after_ban = nw.lit(ground_weight(question.policy.research_after_dm_objection))
        return [_Case(always, "RESEARCH_OK", nw.when(banned).then(after_ban).otherwise(nw.lit(GROUND_ALLOW)))]
    if question.is_public_information:
        return [_Case(always, "PUBLIC_INFO_OK", GROUND_ALLOW)]
    steps = [
        _Case(nw.col("has_good_consent"), "CONSENT_OK", GROUND_ALLOW),
        _Case(nw.col("relation_depth") == PASSES_ALL, "SOFT_OPT_IN_OK", GROUND_ALLOW),
    ]
    if question.is_opt_out_channel:
        return [*steps, _Case(always, "OPT_OUT_CHANNEL_OK", GROUND_ALLOW)]
    if question.is_business:
        unknown = _unknown_cases(question)
        ladder = [
            _Case(nw.col("organisation_known") & case.when, case.code, case.weight)
            for case in _business_ladder(question)
        ]
        steps += [*unknown, *ladder]
    else:
        steps += _unknown_organisation()
    return [*steps, *_nearest_miss(question)]


def named_in_vain() -> nw.Expr:
    """The row's business id is not known, and no organisation was found by any other sign."""
    return ~nw.col("organisation_known") & (nw.col("row_business_id").fill_null("") != "")


def _unknown_organisation() -> list[_Case]:
    return [_Case(named_in_vain(), "ORGANISATION_UNKNOWN", BLOCK)]


def _unknown_cases(question: Question) -> list[_Case]:
    nobody = ~nw.col("contact_known") & ~nw.col("point_known") & ~nw.col("domain_known")
    return [
        *_unknown_organisation(),
        # A business id in the row says which firm is meant, not whose the address is.
        _Case(nobody & constant(question.is_electronic), "CONTACT_UNKNOWN", BLOCK),
    ]


def _is_legal_person() -> nw.Expr:
    return one_of("form", LEGAL_PERSON_FORMS)


def is_private_address(question: Question) -> nw.Expr:
    """Marked private, or at a provider where anybody has a mailbox."""
    free_mail = one_of("domain", sorted(question.policy.free_mail_domains))
    return equals("point_use", "private") | (free_mail & constant(question.point_kind == "email"))


def _business_ladder(question: Question) -> list[_Case]:
    policy, campaign = question.policy, question.campaign
    duty = nw.col("duty")
    fits = duty == FITS
    no_duty_known = duty.is_in([MISSING, MISSING_REVIEW, TITLE_ONLY])
    stays = [
        _Case(nw.col("form_weight") > NONE, "B2B_NOT_LEGAL_PERSON", nw.col("form_weight")),
        _Case(constant(not campaign.business_use), "B2B_CONSUMER_PRODUCT", BLOCK),
        _Case(nw.col("private_weight") > NONE, "B2B_PRIVATE_ADDRESS", nw.col("private_weight")),
    ]
    if campaign.channel == "instant_message":
        # No business ground: what would be one elsewhere only softens the missing consent (StWL by analogy).
        softened = switch_weight(policy.b2b_instant_message)
        if softened == NONE:
            stays.append(_Case(fits, "B2B_ROLE_OK", GROUND_ALLOW))
            stays.append(_Case(nw.col("is_generic"), "B2B_GENERIC_OK", GROUND_ALLOW))
        else:
            stays.append(_Case(nw.col("is_generic") | fits, "CONSENT_MISSING", softened))
    else:
        generic_weight = (
            nw.when(nw.col("is_registry"))
            .then(nw.lit(ground_weight(policy.registry_mailbox)))
            .otherwise(nw.lit(GROUND_ALLOW))
        )
        text_like = campaign.channel in ("sms", "automated_call", "fax")
        role_weight = ground_weight(policy.b2b_text_message) if text_like else GROUND_ALLOW
        stays += [
            _Case(nw.col("is_generic"), "B2B_GENERIC_OK", generic_weight),
            _Case(fits, "B2B_ROLE_OK", role_weight),
            _Case(
                no_duty_known & nw.col("organisation_customer"),
                "B2B_CUSTOMER_OK",
                ground_weight(policy.b2b_customer_relation),
            ),
        ]
    return [
        *stays,
        _Case(duty == STALE_REVIEW, "B2B_ROLE_STALE", REVIEW),
        _Case(duty == STALE_BLOCK, "B2B_ROLE_STALE", BLOCK),
        _Case(duty == MISMATCH_REVIEW, "B2B_ROLE_MISMATCH", REVIEW),
        _Case(duty == MISMATCH_BLOCK, "B2B_ROLE_MISMATCH", BLOCK),
        _Case(duty == TITLE_ONLY, "B2B_ROLE_TITLE_ONLY", REVIEW),
        _Case(duty == MISSING_REVIEW, "B2B_ROLE_MISSING", REVIEW),
        _Case(constant(True), "B2B_ROLE_MISSING", BLOCK),
    ]


def _nearest_miss(question: Question) -> list[_Case]:
    """The consent that passed most tests, else the customer relation that did, else no consent at all."""
    policy = question.policy
    nothing_sold = (
        nw.when(nw.col("relation_is_free_account"))
        .then(nw.lit(switch_weight(policy.soft_opt_in_free_account)))
        .otherwise(nw.lit(switch_weight(policy.soft_opt_in_quote_only)))
    )
    cases = [
        _Case(nw.col("consent_depth") == depth, code, REVIEW if depth == VALID else BLOCK)
        for depth, code in enumerate(CONSENT_TESTS)
    ]
    for depth, code in enumerate(RELATION_TESTS):
        weight: Weight = BLOCK
        if depth == NO_SALE:
            weight = nothing_sold
        elif code == "SOFT_OPT_IN_STALE":
            weight = REVIEW
        cases.append(_Case(nw.col("relation_depth") == depth, code, weight))
    # A withdrawal that nobody has verified only asks for a review, and gives no ground either.
    told_already = nw.col("weight_CONSENT_WITHDRAWN") >= BLOCK
    return [*cases, _Case(~told_already, "CONSENT_MISSING", BLOCK)]


def _audience(question: Question) -> list[_Case]:
    """Only a consent that names the platform is a ground; for fitting duties the switch may soften its absence."""
    cases = [
        _Case(nw.col("has_good_consent"), "SOCIAL_OK", GROUND_ALLOW),
        _Case(nw.col("consent_depth") == VALID, "CONSENT_STALE", REVIEW),
    ]
    if question.is_business:
        # As far as the ladder goes: a general or private address is nobody's in the duties.
        on_ladder = (nw.col("form_weight") == NONE) & (nw.col("private_weight") == NONE) & ~nw.col("is_generic")
        fitting = nw.col("organisation_known") & on_ladder & (nw.col("duty") == FITS)
        fitting = fitting & constant(question.campaign.business_use)
        softened = switch_weight(question.policy.audience_legitimate_interest)
        if softened == NONE:
            cases.append(_Case(fitting, "B2B_ROLE_OK", GROUND_ALLOW))
        else:
            cases.append(_Case(fitting, "SOCIAL_CONSENT_MISSING", softened))
    return [*cases, _Case(constant(True), "SOCIAL_CONSENT_MISSING", BLOCK)]


def _company_list() -> list[_Case]:
    """Companies are no personal data; a form without legal personality is a person's."""
    return [
        _Case(~nw.col("organisation_known"), "ORGANISATION_UNKNOWN", BLOCK),
        _Case(_is_legal_person(), "SOCIAL_OK", GROUND_ALLOW),
        _Case(constant(True), "B2B_NOT_LEGAL_PERSON", BLOCK),
    ]

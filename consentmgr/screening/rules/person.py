"""Stages 3 and 4: the row and the person, whatever the purpose; and non-disclosure."""

import narwhals as nw

from consentmgr.screening.facts.columns import is_known, is_unknown
from consentmgr.screening.question import Question
from consentmgr.screening.rules.rule import BLOCK, NONE, REVIEW, Rule, Weight, blocks, weighs
from consentmgr.vocabulary.time_rules import born_after_for_age


def _no_canonical_form(q: Question) -> Weight:
    return blocks(nw.col("invalid"))


def _deceased(q: Question) -> Weight:
    return blocks(is_known("deceased_on"))


def _erased(q: Question) -> Weight:
    if q.is_plain_service:
        if q.campaign.confirms_own_request:
            return NONE
        return weighs(nw.col("weight_ERASED_SUPPRESSED") > 0, REVIEW)
    return nw.col("weight_ERASED_SUPPRESSED")


def _restricted(q: Question) -> Weight:
    return weighs(nw.col("is_restricted"), REVIEW if q.is_plain_service else BLOCK)


def _protects_minors(q: Question) -> bool:
    """Marketing, audiences and surveys; a list of companies has no persons."""
    return not q.is_company_list and (q.is_marketing_or_audience or q.campaign.purpose == "research")


def _under(q: Question, age: int) -> nw.Expr:
    return (nw.col("born_on") > nw.lit(born_after_for_age(q.today, age))).fill_null(False)


def _child_alone(q: Question) -> nw.Expr:
    return _under(q, 13) & (nw.col("guardian").fill_null(0) == 0)


def _under_13(q: Question) -> Weight:
    return blocks(_child_alone(q)) if _protects_minors(q) else NONE


def _minor(q: Question) -> Weight:
    if not _protects_minors(q):
        return NONE
    minor = _under(q, 18) & ~_child_alone(q)
    if q.campaign.child_directed:
        minor = minor | is_unknown("born_on")
    return weighs(minor, BLOCK if q.is_audience else REVIEW)


def _non_disclosure(q: Question) -> Weight:
    protected = nw.col("non_disclosure")
    if q.is_audience:
        return blocks(protected)
    if q.campaign.channel != "post":
        return NONE
    protected = protected & (nw.col("point_use").fill_null("unknown") != "contact_address")
    if q.is_plain_service:
        return weighs(protected, REVIEW)
    return weighs(protected, nw.when(nw.col("from_outside")).then(nw.lit(BLOCK)).otherwise(nw.lit(REVIEW)))


RULES = (
    Rule("ADDRESS_INVALID", _no_canonical_form, stage=3),
    Rule("DECEASED", _deceased, stage=3),
    Rule("ERASED_SUPPRESSED", _erased, stage=3),
    Rule("PROCESSING_RESTRICTED", _restricted, stage=3),
    Rule("MINOR_UNDER_13", _under_13, stage=3),
    Rule("MINOR_REVIEW", _minor, stage=3),
    Rule("NON_DISCLOSURE", _non_disclosure, stage=4),
)

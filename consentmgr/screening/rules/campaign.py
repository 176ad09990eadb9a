"""Stages 1 and 2: what the message is, and whether the campaign may be sent at all."""

import narwhals as nw

from consentmgr.screening.question import Question
from consentmgr.screening.rules.rule import BLOCK, NONE, REVIEW, Rule, Weight, blocks


def _gate(applies: object, weight: int = BLOCK) -> int:
    return weight if applies else NONE


def _research_is_sales(q: Question) -> Weight:
    return _gate(q.campaign.purpose == "research" and q.campaign.promotes)


def _service_has_promo(q: Question) -> Weight:
    """Asked last, of the finished answer (``verdicts``): the row, judged as marketing, is not allowed."""
    if q.campaign.purpose != "service_message" or not q.campaign.promotes or q.is_audience:
        return NONE
    return blocks(nw.col("not_allowed_as_marketing"))


def _no_sender(q: Question) -> Weight:
    return _gate(q.is_marketing_or_audience and not q.campaign.message.sender_named)


def _disguised(q: Question) -> Weight:
    return _gate(q.is_marketing_or_audience and not q.campaign.message.subject_honest)


def _no_unsubscribe(q: Question) -> Weight:
    if not q.is_marketing_or_audience:
        return NONE
    message = q.campaign.message
    no_way = message.unsubscribe in ("none", "paid_number") or bool(message.unsubscribe_needs)
    if q.is_electronic and no_way:
        return BLOCK
    if not message.objection_notice:
        # The right to object is told at the latest in the first message (GDPR 21(4)).
        return blocks(nw.col("messages_before") == 0)
    return NONE


def _no_one_click(q: Question) -> Weight:
    return _gate(q.is_marketing_or_audience and q.campaign.channel == "email" and not q.campaign.message.one_click)


def _no_source(q: Question) -> Weight:
    bought = q.campaign.list_source in ("vendor", "population_register")
    return _gate(q.is_marketing_or_audience and bought and not q.campaign.message.source_line)


def _exposes_recipients(q: Question) -> Weight:
    """Any purpose: a list of recipients is a disclosure whatever the message says."""
    return _gate(q.campaign.channel == "email" and not q.campaign.message.recipients_hidden)


def _address_not_held(q: Question) -> Weight:
    from_register = q.campaign.list_source == "population_register"
    return _gate(q.is_marketing_or_audience and from_register and q.campaign.addresses_handed_to_sender)


def _no_privacy_notice(q: Question) -> Weight:
    return _gate(q.is_marketing_or_audience and not q.campaign.message.privacy_notice, REVIEW)


RULES = (
    Rule("RESEARCH_IS_SALES", _research_is_sales, stage=1),
    Rule("SERVICE_HAS_PROMO", _service_has_promo, stage=1),
    Rule("CAMPAIGN_NO_SENDER", _no_sender, stage=2),
    Rule("CAMPAIGN_DISGUISED", _disguised, stage=2),
    Rule("CAMPAIGN_NO_UNSUB", _no_unsubscribe, stage=2),
    Rule("CAMPAIGN_NO_ONE_CLICK", _no_one_click, stage=2),
    Rule("CAMPAIGN_NO_SOURCE", _no_source, stage=2),
    Rule("CAMPAIGN_EXPOSES_RECIPIENTS", _exposes_recipients, stage=2),
    Rule("VTJ_ADDRESS_NOT_HELD", _address_not_held, stage=2),
    Rule("ART14_NOT_INFORMED", _no_privacy_notice, stage=2),
)

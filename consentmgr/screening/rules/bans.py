"""Stage 5: prohibitions that reach the campaign and were not lifted (the matching is ``facts.bans``)."""

from datetime import timedelta

import narwhals as nw

from consentmgr.screening.facts.ban_scope import OF_OTHER_CHANNEL, other_channels, places_of_channels
from consentmgr.screening.facts.columns import equals
from consentmgr.screening.question import Question
from consentmgr.screening.rules.rule import BLOCK, NONE, REVIEW, Rule, Weight, WeightOf, blocks, switch_weight, weighs
from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS, Channel


def _ban(code: str) -> WeightOf:
    def weight(q: Question) -> Weight:
        return nw.col(f"weight_{code}") if q.is_marketing_or_audience else NONE

    return weight


def _objection(code: str) -> WeightOf:
    """A person's own objection; for an exclusion audience the switch says how it weighs (F6)."""

    def weight(q: Question) -> Weight:
        if not q.is_marketing_or_audience:
            return NONE
        mine = nw.col(f"weight_{code}")
        if q.is_audience and q.campaign.audience_kind == "exclusion":
            most = switch_weight(q.policy.exclusion_audience)
            return nw.when(mine > most).then(nw.lit(most)).otherwise(mine)
        return mine

    return weight


def _channel_objection(banned: Channel | None) -> WeightOf:
    """The ban of the campaign's own channel or, where it reaches the campaign, of another: one code, two sentences."""
    objection = _objection("DM_OBJECTION_CHANNEL")

    def weight(q: Question) -> Weight:
        others = other_channels(q)
        if banned is not None and banned not in others:
            return NONE
        if not others:
            return objection(q)
        code = "DM_OBJECTION_CHANNEL" if banned is None else OF_OTHER_CHANNEL[banned]
        return weighs(nw.col("banned_channel") == places_of_channels(q)[code], objection(q))

    return weight


def _robinson(channel: str, code: str) -> WeightOf:
    def weight(q: Question) -> Weight:
        if q.campaign.channel != channel:
            return NONE
        listed = nw.col(f"weight_{code}") > 0
        if q.is_research:
            return weighs(listed, switch_weight(q.policy.robinson_research))
        if not q.is_marketing:
            return NONE
        if q.is_business:
            return weighs(listed, switch_weight(q.policy.robinson_business_number))
        own = switch_weight(q.policy.robinson_own_customer)
        return weighs(listed, nw.when(nw.col("own_customer")).then(nw.lit(own)).otherwise(nw.lit(BLOCK)))

    return weight


def _population_register(q: Question) -> Weight:
    """The ban binds what comes from the population register: such lists, and such addresses on any list."""
    if not (q.is_marketing_or_audience or q.is_research):
        return NONE
    banned = nw.col("weight_DVV_DM_BAN") > 0
    if q.campaign.list_source == "population_register" or q.policy.dvv_ban_on_own_data == "allow":
        # On other lists ``facts.bans`` has kept the ban of register addresses alone.
        return blocks(banned)
    elsewhere = switch_weight(q.policy.dvv_ban_on_own_data)
    from_register = equals("source", "population_register")
    return weighs(banned, nw.when(from_register).then(nw.lit(BLOCK)).otherwise(nw.lit(elsewhere)))


def _robinson_stale(q: Question) -> Weight:
    channel = q.campaign.channel
    if not q.is_marketing or q.is_business or channel not in ("phone", "post"):
        return NONE
    as_of = q.external_lists.get(f"robinson_{channel}")
    if as_of is None:
        weight = switch_weight(q.policy.robinson_list_missing)
    elif q.today - as_of > timedelta(days=q.policy.robinson_list_max_age_days):
        weight = REVIEW
    else:
        return NONE
    return weighs(~nw.col("has_valid_consent"), weight)


def _subscription_by_phone(q: Question) -> Weight:
    campaign = q.campaign
    if not q.is_marketing or not campaign.sells_mobile_subscription or campaign.channel != "phone" or q.is_business:
        return NONE
    asked = nw.col("consent_express").fill_null(0) == 1
    return blocks(~nw.col("subscription_customer") & ~asked)


def _research_objection(q: Question) -> Weight:
    """Surveys forbidden by name, or by a marketing ban of the time when it covered them."""
    if not q.is_research:
        return NONE
    by_name, old = nw.col("weight_RESEARCH_OBJECTION"), nw.col("weight_OLD_MARKETING_BAN")
    return nw.when(by_name > old).then(by_name).otherwise(old)


def _public_information_objection(q: Question) -> Weight:
    return nw.col("weight_PUBLIC_INFO_OBJECTION") if q.is_public_information else NONE


RULES = (
    Rule("DM_OBJECTION_ALL", _objection("DM_OBJECTION_ALL"), stage=5),
    Rule("DM_OBJECTION_CHANNEL", _channel_objection(None), stage=5),
    *(
        Rule("DM_OBJECTION_CHANNEL", _channel_objection(channel), stage=5, banned=channel)
        for channel in ELECTRONIC_CHANNELS
    ),
    Rule("DM_OBJECTION_TOPIC", _objection("DM_OBJECTION_TOPIC"), stage=5),
    Rule("CONSENT_WITHDRAWN", _ban("CONSENT_WITHDRAWN"), stage=5),
    Rule("SPAM_COMPLAINT", _ban("SPAM_COMPLAINT"), stage=5),
    Rule("ORG_PROHIBITION", _ban("ORG_PROHIBITION"), stage=5),
    Rule("VENDOR_PROHIBITION", _ban("VENDOR_PROHIBITION"), stage=5),
    Rule("ROBINSON_PHONE", _robinson("phone", "ROBINSON_PHONE"), stage=5),
    Rule("ROBINSON_POST", _robinson("post", "ROBINSON_POST"), stage=5),
    Rule("DVV_DM_BAN", _population_register, stage=5),
    Rule("ROBINSON_STALE", _robinson_stale, stage=5),
    Rule("PHONE_SUBSCRIPTION_BAN", _subscription_by_phone, stage=5),
    Rule("RESEARCH_OBJECTION", _research_objection, stage=5),
    Rule("PUBLIC_INFO_OBJECTION", _public_information_objection, stage=5),
)

"""Which bans there are and whom their scope reaches (law.md stage 5): shared by own acts and prohibitions. Pure."""

import narwhals as nw

from consentmgr.screening.facts.columns import is_empty, names_any
from consentmgr.screening.question import Question

REVIEW, BLOCK = 1, 2


BAN_CODES = (
    "ERASED_SUPPRESSED",
    "DM_OBJECTION_ALL",
    "DM_OBJECTION_CHANNEL",
    "DM_OBJECTION_TOPIC",
    "CONSENT_WITHDRAWN",
    "SPAM_COMPLAINT",
    "ORG_PROHIBITION",
    "VENDOR_PROHIBITION",
    "ROBINSON_PHONE",
    "ROBINSON_POST",
    "DVV_DM_BAN",
    "RESEARCH_OBJECTION",
    "PUBLIC_INFO_OBJECTION",
    "OLD_MARKETING_BAN",
    "MARKETING_BAN",
)
#: Said by naming the purpose, and so lifted only by naming it: a lifting without purposes speaks of marketing.
BANS_BY_NAME = ("RESEARCH_OBJECTION", "PUBLIC_INFO_OBJECTION")


BAN = ("code", "weight", "ban_us", "known_us", "liftable", "own", "evidence")


#: Carried as they are; the times are given by whoever knows them. ``ban_us`` is when a ban counts from against a later
#: consent (an undated one always comes later), ``known_us`` when it was known: an explicit lifting after that lifts it.
BAN_AS_IT_IS = {name: nw.col(name) for name in BAN if name not in ("ban_us", "known_us")}


#: What a hit has of its candidate: whom it hits, and from when that person's consents lift bans.
CASE = ("row_no", "person", "lift_us", "lift_topic_us")

HIT = (*CASE, *BAN)


def possible_codes(question: Question) -> tuple[str, ...]:
    """The ban codes that a campaign of this kind can meet at all."""
    if question.is_marketing_or_audience:
        return BAN_CODES[: BAN_CODES.index("RESEARCH_OBJECTION")]
    if question.is_research:
        register_bans = ("ROBINSON_PHONE", "ROBINSON_POST", "DVV_DM_BAN")
        return ("ERASED_SUPPRESSED", *register_bans, "RESEARCH_OBJECTION", "OLD_MARKETING_BAN", "MARKETING_BAN")
    if question.is_public_information:
        return ("ERASED_SUPPRESSED", "PUBLIC_INFO_OBJECTION")
    return ("ERASED_SUPPRESSED",)


def reaching_channels(question: Question) -> tuple[str, ...]:
    """Channels whose ban reaches the campaign: its own, and for audiences e-mail too."""
    return (question.campaign.channel, "email") if question.is_audience else (question.campaign.channel,)


def scope_code() -> nw.Expr:
    return (
        nw.when(~is_empty("topics"))
        .then(nw.lit("DM_OBJECTION_TOPIC"))
        .when(~is_empty("channels"))
        .then(nw.lit("DM_OBJECTION_CHANNEL"))
        .otherwise(nw.lit("DM_OBJECTION_ALL"))
    )


def topic_reaches(question: Question) -> nw.Expr:
    return is_empty("topics") | names_any("topics", question.subjects)


def channel_reaches(question: Question) -> nw.Expr:
    return is_empty("channels") | names_any("channels", reaching_channels(question))


def switch_weight(value: str) -> int:
    return {"allow": 0, "review": REVIEW, "block": BLOCK}[value]

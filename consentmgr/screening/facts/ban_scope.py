"""Which bans there are and whom their scope reaches (law.md stage 5): shared by own acts and prohibitions. Pure."""

import narwhals as nw

from consentmgr.screening.facts.columns import is_empty, names, names_any
from consentmgr.screening.question import Question
from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS, Channel

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
#: Bans of another channel that reach the campaign all the same: the code is DM_OBJECTION_CHANNEL, and the channel that
#: was banned is what its sentence names (law.md section 4). Hits carry the two together.
OF_OTHER_CHANNEL = {channel: f"DM_OBJECTION_CHANNEL:{channel}" for channel in ELECTRONIC_CHANNELS}
CHANNEL_PLACES = 8
CHANNEL_BANS = ("DM_OBJECTION_CHANNEL", *OF_OTHER_CHANNEL.values())
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


def other_channels(question: Question) -> tuple[Channel, ...]:
    """Channels other than the campaign's of which a ban may reach it, the one a STOP comes by first."""
    if question.is_audience:
        return ("email",)
    if not question.is_marketing or not question.is_electronic or question.policy.stop_reply_other_channels == "allow":
        return ()
    in_order = sorted(ELECTRONIC_CHANNELS, key=lambda channel: channel != "sms")
    return tuple(channel for channel in in_order if channel != question.campaign.channel)


def places_of_channels(question: Question) -> dict[str, int]:
    """By code, what a ban of a channel is told by where several are as strict: the campaign's own channel before the
    others, in their order. Below ``CHANNEL_PLACES``, and 0 for nothing.
    """
    codes = ("DM_OBJECTION_CHANNEL", *(OF_OTHER_CHANNEL[channel] for channel in other_channels(question)))
    return {code: CHANNEL_PLACES - 1 - number for number, code in enumerate(codes)}


def channel_code(question: Question) -> nw.Expr:
    """The code of a ban that names channels: its own, or that of the other channel that was banned."""
    code: nw.Expr = nw.lit("DM_OBJECTION_CHANNEL")
    for channel in reversed(other_channels(question)):
        code = nw.when(names("channels", channel)).then(nw.lit(OF_OTHER_CHANNEL[channel])).otherwise(code)
    own = names("channels", question.campaign.channel)
    return nw.when(own).then(nw.lit("DM_OBJECTION_CHANNEL")).otherwise(code)


def scope_code(question: Question) -> nw.Expr:
    return (
        nw.when(~is_empty("topics"))
        .then(nw.lit("DM_OBJECTION_TOPIC"))
        .when(~is_empty("channels"))
        .then(channel_code(question))
        .otherwise(nw.lit("DM_OBJECTION_ALL"))
    )


def topic_reaches(question: Question) -> nw.Expr:
    return is_empty("topics") | names_any("topics", question.subjects)


def channel_reaches(question: Question) -> nw.Expr:
    return is_empty("channels") | names_any("channels", reaching_channels(question))


def switch_weight(value: str) -> int:
    return {"allow": 0, "review": REVIEW, "block": BLOCK}[value]

"""What the person's own acts forbid, restrict and lift (law.md stage 5; GDPR 7(3), 18, 21). Pure."""

import narwhals as nw

from consentmgr.screening.facts.ban_scope import (
    BLOCK,
    REVIEW,
    channel_code,
    channel_reaches,
    reaching_channels,
    scope_code,
    switch_weight,
    topic_reaches,
)
from consentmgr.screening.facts.columns import Frame, constant, equals, is_empty, is_true, names, names_any, one_of
from consentmgr.screening.facts.consents import (
    ban_time,
    platform_channels,
    reaches_controller,
    reaches_purpose,
    withdraws_platform_channel,
)
from consentmgr.screening.question import HELSINKI, Question, microseconds
from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS


def act_bans(acts: Frame, question: Question) -> Frame:
    """Per person: what the person's own acts forbid, as hits without a row (``person``, ``code``, ``weight``, ...)."""
    stops = acts.filter(
        one_of("event", ("objected", "consent_refused", "consent_withdrawn", "complaint"))
        & reaches_controller(question)
    )
    marketing_reach = reaches_purpose(question) & topic_reaches(question)
    weight = nw.when(equals("given_by", "unverified")).then(nw.lit(REVIEW)).otherwise(nw.lit(BLOCK))
    # All but the withdrawal of a consent as such, which says nothing of what needs no consent.
    objected = ~equals("event", "consent_withdrawn") | ~is_empty("topics")
    parts: list[Frame] = []
    if question.is_marketing_or_audience:
        channel_reach = channel_reaches(question)
        channel_reach = channel_reach & ~speaks_of_consent_alone(question)
        if question.is_audience:
            stops = stops.join(platform_channels(acts, question), on="contact_id", how="left")
            channel_reach = channel_reach | (equals("event", "consent_withdrawn") & withdraws_platform_channel())
        code = (
            nw.when(equals("event", "complaint"))
            .then(nw.lit("SPAM_COMPLAINT"))
            .when(is_empty("topics") & equals("event", "consent_withdrawn"))
            .then(nw.lit("CONSENT_WITHDRAWN"))
            .when(is_empty("topics") & equals("event", "consent_refused"))
            .then(channel_code(question))
            .otherwise(scope_code(question))
        )
        parts.append(_act_hits(stops.filter(marketing_reach & channel_reach), code, weight))
        other_channel_weight = switch_weight(question.policy.stop_reply_other_channels)
        if question.is_electronic and other_channel_weight:
            bare_stop = (
                equals("event", "objected")
                & equals("method", "sms_reply")
                & is_empty("topics")
                & names_any("channels", ELECTRONIC_CHANNELS)
                & ~names_any("channels", reaching_channels(question))
            )
            parts.append(
                _act_hits(
                    stops.filter(marketing_reach & bare_stop),
                    channel_code(question),
                    nw.when(weight > other_channel_weight).then(nw.lit(other_channel_weight)).otherwise(weight),
                )
            )
    elif question.is_research:
        named = names("purposes", "research")
        old_limit = question.policy.research_bans_before
        old_from = microseconds(question.moment.replace(
            year=old_limit.year, month=old_limit.month, day=old_limit.day,
            hour=0, minute=0, second=0, microsecond=0, tzinfo=HELSINKI,
        ))  # fmt: skip
        is_marketing_ban = is_empty("purposes") | names("purposes", "direct_marketing")
        scoped = channel_reaches(question) & topic_reaches(question)
        reach = objected & scoped & ~speaks_of_consent_alone(question)
        old = is_marketing_ban & (nw.col("at_us") < old_from) & is_true("order_known")
        parts.append(_act_hits(stops.filter(scoped & named), nw.lit("RESEARCH_OBJECTION"), weight))
        parts.append(_act_hits(stops.filter(reach & old), nw.lit("OLD_MARKETING_BAN"), weight))
        parts.append(_act_hits(stops.filter(reach & is_marketing_ban), nw.lit("MARKETING_BAN"), nw.lit(REVIEW)))
    elif question.is_public_information:
        # A refusal or withdrawal that names the purpose is as clear a word as an objection to it.
        reach = names("purposes", "public_information") & channel_reaches(question) & topic_reaches(question)
        parts.append(_act_hits(stops.filter(reach), nw.lit("PUBLIC_INFO_OBJECTION"), nw.lit(REVIEW)))
    erased = acts.filter(one_of("event", ("erasure_requested", "erased")))
    parts.append(_act_hits(erased, nw.lit("ERASED_SUPPRESSED"), nw.lit(BLOCK)))
    return nw.concat(parts, how="vertical")


def _act_hits(acts: Frame, code: nw.Expr, weight: nw.Expr) -> Frame:
    return acts.select(
        nw.col("contact_id").alias("person"),
        code=code,
        weight=weight,
        ban_us=ban_time(),
        known_us=nw.col("at_us"),
        liftable=constant(True),
        own=one_of("event", ("objected", "consent_refused", "complaint"))
        | (equals("event", "consent_withdrawn") & ~is_empty("topics")),
        evidence=nw.concat_str(nw.lit("E"), nw.col("entry_id").cast(nw.String)),
    )


def speaks_of_consent_alone(question: Question) -> nw.Expr:
    """A withdrawal or refusal that names neither channel nor topic: it speaks of channels that need consent, and the
    campaign's does not.
    """
    of_consent = one_of("event", ("consent_withdrawn", "consent_refused")) & is_empty("topics") & is_empty("channels")
    return of_consent & constant(question.is_opt_out_channel)


def lifted_by_own_word(acts: Frame, question: Question) -> Frame:
    """Per person, the newest ``objection_lifted`` whose scope reaches the campaign (``own_word_us``)."""
    lifts = acts.filter(
        equals("event", "objection_lifted")
        & is_true("order_known")
        & (nw.col("method").fill_null("") != "import")
        & (nw.col("given_by") != "unverified")
        & is_empty("prohibition")
        & reaches_controller(question)
        & channel_reaches(question)
        & topic_reaches(question)
    )
    # An objection made by name (research, public information) is lifted by name: no purpose means all marketing.
    return lifts.group_by("contact_id").agg(
        own_word_us=nw.when(reaches_purpose(question)).then(nw.col("at_us")).max(),
        own_word_by_name_us=nw.when(names("purposes", question.judged_purpose)).then(nw.col("at_us")).max(),
    )


def restriction(acts: Frame) -> Frame:
    """Per person: ``restricted_us`` and ``unrestricted_us``, the newest restriction and lifting of one (GDPR 18)."""
    found = acts.filter(one_of("event", ("restricted", "restriction_lifted"))).with_columns(
        on=nw.when(equals("event", "restricted")).then(ban_time()),
        off=nw.when(
            equals("event", "restriction_lifted") & is_true("order_known") & (nw.col("given_by") != "unverified")
        ).then(nw.col("at_us")),
    )
    return found.group_by("contact_id").agg(restricted_us=nw.col("on").max(), unrestricted_us=nw.col("off").max())

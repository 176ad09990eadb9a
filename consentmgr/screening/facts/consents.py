"""What consents a person has given, as this campaign needs them (law.md stages 6-7; GDPR 4(11), 7).

Each consent is put through the tests of law.md in their order; ``depth`` is how many it passed in a row. Facts per
person: the consent that got furthest (newest on a tie), and from when a valid one lifts a ban.
"""

from functools import reduce
from operator import or_

import narwhals as nw

from consentmgr.screening.facts.columns import (
    Frame,
    Keep,
    constant,
    equals,
    flag,
    is_empty,
    is_known,
    is_true,
    names,
    names_any,
    never,
    one_of,
)
from consentmgr.screening.question import ALWAYS_BEFORE, HELSINKI, NEVER_BEFORE, Question, microseconds
from consentmgr.vocabulary.codes import CHANNELS

#: The tests in order; a consent's depth is the index of the first it fails.
CONSENT_TESTS = (
    "CONSENT_SCOPE_CONTROLLER",
    "CONSENT_SCOPE_CHANNEL",
    "CONSENT_SCOPE_TOPIC",
    "CONSENT_INVALID_FORM",
    "CONSENT_UNCONFIRMED",
    "CONSENT_UNPROVEN",
    "CONSENT_STALE",
)
VALID = CONSENT_TESTS.index("CONSENT_STALE")
FRESH = len(CONSENT_TESTS)
#: Depths that scores tell apart above ``VALID``, which there means words replaced by others of substance: a consent old
#: enough to ask when the person was last heard of, and one that is not.
_AGED, _YOUNG = FRESH, FRESH + 1
#: Depth and time packed in one number, so that "furthest, newest on a tie" is one ``max``.
DEPTH_UNIT = 10**16


def _is_consent() -> nw.Expr:
    return one_of("event", ("consent_given", "guardian_consented")) & (nw.col("given_by") != "unverified")


def _event_and_notice(column: str, code: str) -> nw.Expr:
    """A scope must stand in the event and, where the words are known, in the notice."""
    return names(column, code) & (~is_true("notice_known") | names(f"notice_{column}", code))


def _names_controller(controller: str) -> nw.Expr:
    return equals("controller", controller) & (~is_true("notice_known") | names("notice_controllers", controller))


def _names_channel(question: Question) -> nw.Expr:
    if question.is_audience:
        platform = question.campaign.platform
        return _event_and_notice("audiences", platform) if platform else never()
    return _event_and_notice("channels", question.campaign.channel)


def _names_topic(question: Question) -> nw.Expr:
    subject = question.consent_subject

    def covers(column: str) -> nw.Expr:
        return is_empty(column) | (names(column, subject) if subject else never())

    purpose = "direct_marketing" if question.is_audience and not question.is_marketing else question.judged_purpose
    return (
        _event_and_notice("purposes", purpose) & covers("topics") & (~is_true("notice_known") | covers("notice_topics"))
    )


def withdrawals(acts: Frame, question: Question) -> Frame:
    """Per person, the newest withdrawal that reaches a consent to this campaign (``withdrawn_us``)."""
    found = acts.filter(
        equals("event", "consent_withdrawn")
        & (nw.col("given_by") != "unverified")
        & reaches_controller(question)
        & reaches_purpose(question)
        & (is_empty("topics") | names_any("topics", question.subjects))
    )
    if question.is_audience:
        found = found.join(platform_channels(acts, question), on="contact_id", how="left")
        named = names_any("channels", ("email", "online_audience")) | withdraws_platform_channel()
    else:
        named = names("channels", question.campaign.channel)
    # One that names no channel takes back every consent. That it stops nothing where none is needed is for the bans.
    reaching = found.filter(named | is_empty("channels"))
    return reaching.group_by("contact_id").agg(withdrawn_us=ban_time().max())


def reaches_controller(question: Question) -> nw.Expr:
    """The act was addressed to one of the campaign's controllers, or to nobody in particular."""
    return nw.col("controller").is_null() | nw.col("controller").is_in(list(question.controllers))


def reaches_purpose(question: Question) -> nw.Expr:
    """No purpose or direct marketing reaches newsletters and audiences too (GDPR 21(2)); others only by name."""
    return is_empty("purposes") | names_any("purposes", ("direct_marketing", question.judged_purpose))


def ban_time() -> nw.Expr:
    """When a stop counts from: one whose order is not known counts as later than anything."""
    return nw.when(nw.col("order_known")).then(nw.col("at_us")).otherwise(nw.lit(NEVER_BEFORE))


def _act_time() -> nw.Expr:
    """When a consent counts from: one whose order is not known counts as earlier than anything."""
    return nw.when(nw.col("order_known")).then(nw.col("at_us")).otherwise(nw.lit(ALWAYS_BEFORE))


def consent_kinds(kinds: Frame, question: Question) -> Frame:
    """The kinds of acts that are consents, with ``kind_depth`` (the tests that do not ask when) and the flags facts
    are made of. Few, so that words are compared once a kind and not once a consent.
    """
    subject = question.consent_subject
    names_subject = names("topics", subject) if subject else never()
    topic = question.campaign.topic
    return (
        kinds.filter(_is_consent())
        .with_columns(
            names_channel=_names_channel(question),
            names_topic=_names_topic(question),
            active_and_free=~is_true("pre_ticked") & (~is_true("condition_of_service") | is_true("freely_joined")),
            confirmed=~equals("double_opt_in", "pending"),
            proven=is_true("notice_known") | is_true("has_proof"),
        )
        .select(
            "act_kind",
            "order_known",
            is_guardian=equals("event", "guardian_consented"),
            is_express=is_true("express_request"),
            own_dated_act=(nw.col("method").fill_null("") != "import") & is_true("order_known"),
            names_subject=names_subject,
            names_sensitive=names("topics", topic) & names("notice_topics", topic) if topic else never(),
            kind_depth=nw.when(~nw.col("names_channel"))
            .then(nw.lit(1))
            .when(~nw.col("names_topic"))
            .then(nw.lit(2))
            .when(~nw.col("active_and_free"))
            .then(nw.lit(3))
            .when(~nw.col("confirmed"))
            .then(nw.lit(4))
            .when(~nw.col("proven"))
            .then(nw.lit(5))
            .when(is_true("notice_superseded"))
            .then(nw.lit(VALID))
            .otherwise(nw.lit(FRESH)),
            **{f"names_controller_{index}": _names_controller(name) for index, name in enumerate(question.controllers)},
        )
    )


def _scores(question: Question, at: str) -> dict[str, nw.Expr]:
    """What facts are folded from, of one consent of a kind of ``consent_kinds`` made at ``at``; each by its largest.

    ``score_N`` (depth and time packed), ``lift_N`` and ``lift_topic_N`` (when it lifts bans) for each controller, and
    ``consent_express``, ``consent_sensitive``, ``guardian``.
    """
    limit = question.months_ago(question.policy.consent_inactive_review_months)
    fresh_from = microseconds(
        question.moment.replace(
            year=limit.year,
            month=limit.month,
            day=limit.day,
            hour=0,
            minute=0,
            second=0,
            microsecond=0,
            tzinfo=HELSINKI,
        )
    )
    made = nw.col(at)
    aged = (nw.col("kind_depth") == FRESH) & (made < fresh_from)
    found: dict[str, nw.Expr] = {}
    for index in range(len(question.controllers)):
        named = nw.col(f"names_controller_{index}")
        depth = (
            nw.when(~named)
            .then(nw.lit(0))
            .when(aged)
            .then(nw.lit(_AGED))
            .when(nw.col("kind_depth") == FRESH)
            .then(nw.lit(_YOUNG))
            .otherwise(nw.col("kind_depth"))
            .cast(nw.Int64)
        )
        # Stale is a reason to ask again, not to forget what the person said.
        valid = named & (nw.col("kind_depth") >= VALID)
        lifts = valid & nw.col("own_dated_act")
        found[f"score_{index}"] = depth * DEPTH_UNIT + made
        found[f"lift_{index}"] = nw.when(lifts).then(made)
        found[f"lift_topic_{index}"] = nw.when(lifts & nw.col("names_subject")).then(made)
        if index == 0:
            found["consent_express"] = flag(valid & nw.col("is_express"))
            found["consent_sensitive"] = flag(valid & nw.col("names_sensitive"))
            found["guardian"] = flag(nw.col("is_guardian"))
    return found


def several_consents(acts: Frame, spoken: Frame, kinds: Frame, question: Question, keep: Keep) -> Frame:
    """Per ``person`` with more than one act: the largest of each of ``_scores`` over the consents that were not
    withdrawn, as ``several_NAME``, and ``several_entry``, the id of the consent that got furthest.

    ``acts`` carry the number of their kind, ``spoken`` are the same with their words; ``kinds`` as ``consent_kinds``.
    """
    consents = (
        acts.filter(~nw.col("alone") & (nw.col("at_us") <= question.moment_us))
        .join(kinds, on="act_kind", how="inner")
        .join(withdrawals(spoken, question), on="contact_id", how="left")
        .filter(nw.col("withdrawn_us").is_null() | (_act_time() > nw.col("withdrawn_us")))
    )
    scores = _scores(question, "at_us")
    scored = keep(consents.select("contact_id", "entry_id", **scores), "scored_consents")
    best = scored.group_by("contact_id").agg(
        *(nw.col(name).max() for name in scores),
        first_entry=nw.col("entry_id").min(),
        last_entry=nw.col("entry_id").max(),
    )
    return _with_best_entry(best, scored).select(
        *(nw.col(name).alias(f"several_{name}") for name in scores),
        person="contact_id",
        several_entry="consent_entry",
    )


def _with_best_entry(best: Frame, scored: Frame) -> Frame:
    """Adds ``consent_entry``: the id of the consent that got furthest, the first of equals."""
    several = best.filter(nw.col("first_entry") != nw.col("last_entry")).select("contact_id", "score_0")
    entries = (
        scored.select("contact_id", "score_0", "entry_id")
        .join(several, on=["contact_id", "score_0"], how="inner")
        .group_by("contact_id")
        .agg(found=nw.col("entry_id").min())
    )
    # Most people have one consent, which needs no search.
    return best.join(entries, on="contact_id", how="left").with_columns(
        consent_entry=nw.coalesce("found", "first_entry")
    )


def _earlier(one: nw.Expr, other: nw.Expr) -> nw.Expr:
    """The earlier of two times, null where either is."""
    return (
        nw.when(one.is_null() | other.is_null())
        .then(nw.lit(None, dtype=nw.Int64()))
        .otherwise(nw.when(one < other).then(one).otherwise(other))
    )


def platform_channels(acts: Frame, question: Question) -> Frame:
    """Per person, since when each channel stood in a consent that named the platform: withdrawing it stops audiences."""
    platform = question.campaign.platform
    named = acts.filter(_is_consent() & (names("audiences", platform) if platform else never()))
    named = named.select(
        "contact_id",
        *(nw.when(names("channels", channel)).then(_act_time()).alias(f"platform_{channel}") for channel in CHANNELS),
    )
    return named.group_by("contact_id").agg(nw.col(f"platform_{channel}").min() for channel in CHANNELS)


def withdraws_platform_channel() -> nw.Expr:
    """A withdrawal names a channel of an earlier consent to the platform (columns of ``platform_channels``)."""
    return reduce(
        or_,
        (
            names("channels", channel) & (nw.col(f"platform_{channel}") <= ban_time()).fill_null(False)
            for channel in CHANNELS
        ),
        constant(False),
    )


def consent_depth() -> nw.Expr:
    """How far the best consent got, as scores tell it: the index of the first test it fails, or ``_AGED``, ``_YOUNG``;
    null without any.
    """
    return nw.col("consent_score") // DEPTH_UNIT


def with_consents(cases: Frame, kinds: Frame, several: Frame, question: Question) -> Frame:
    """Adds the consent facts to the candidates: ``consent_score`` (depth and time of the consent that got furthest,
    newest on a tie), ``consent_entry``, ``lift_us`` and ``lift_topic_us`` (newest act that lifts bans),
    ``consent_express``, ``consent_sensitive``, ``guardian``; and ``consent_depth``.

    ``kinds`` and ``several`` as ``consent_kinds`` and ``several_consents`` give them; who has one act alone has it in
    the candidate's own row. With joint controllers, every one needs a consent of its own; the facts are those of the
    least of them.
    """
    cases = cases.join(kinds, left_on="only_act_kind", right_on="act_kind", how="left").join(
        several, on="person", how="left"
    )
    counts = is_known("kind_depth") & (nw.col("only_at_us") <= question.moment_us)
    alone = {name: nw.when(counts).then(expression) for name, expression in _scores(question, "only_at_us").items()}
    alone["entry"] = nw.when(counts).then(nw.col("only_entry"))
    cases = cases.with_columns(nw.coalesce(f"several_{name}", found).alias(name) for name, found in alone.items())
    score, lift, lift_topic = nw.col("score_0"), nw.col("lift_0"), nw.col("lift_topic_0")
    for index in range(1, len(question.controllers)):
        joint_score = nw.col(f"score_{index}").fill_null(0)
        # A consent has got no further than the least of the controllers: "named" is the first test, and asks of all.
        joint_is_less = joint_score // DEPTH_UNIT < score // DEPTH_UNIT
        score = nw.when(joint_is_less).then(joint_score).otherwise(score)
        lift = _earlier(lift, nw.col(f"lift_{index}"))
        lift_topic = _earlier(lift_topic, nw.col(f"lift_topic_{index}"))
    limit = nw.lit(question.months_ago(question.policy.consent_inactive_review_months))
    # Stale only where the consent is old and the person's last sign of life is known to be old too.
    heard_of_since = nw.col("last_interaction_on").is_null() | (nw.col("last_interaction_on") >= limit)
    depth = consent_depth().fill_null(-1)
    return cases.with_columns(
        consent_score=score, consent_entry=nw.col("entry"), lift_us=lift, lift_topic_us=lift_topic
    ).with_columns(
        consent_depth=nw.when((depth == _YOUNG) | ((depth == _AGED) & heard_of_since))
        .then(nw.lit(FRESH))
        .when(depth == _AGED)
        .then(nw.lit(VALID))
        .otherwise(depth)
    )


def how_consented() -> dict[str, nw.Expr]:
    """What ``consent_depth`` says of the consent: ``has_valid_consent``, ``has_good_consent``."""
    return {
        "has_valid_consent": nw.col("consent_depth") >= VALID,
        "has_good_consent": nw.col("consent_depth") == FRESH,
    }

"""Which bans reach this campaign and still hold (law.md stage 5; GDPR 7(3), 17(3), 21).

A *hit* is one act or prohibition that reaches one candidate: its code, its weight and its id. Hits are gathered in
long form, those that a later act of the person lifts are dropped, and the rest become a weight a code (1 review,
2 block) and the ids that decide.
"""

from collections.abc import Mapping

import narwhals as nw

from consentmgr.screening.facts.ban_scope import (
    BAN_CODES,
    BANS_BY_NAME,
    CASE,
    CHANNEL_BANS,
    CHANNEL_PLACES,
    HIT,
    other_channels,
    places_of_channels,
    possible_codes,
)
from consentmgr.screening.facts.columns import Frame, Keep, equals, is_empty, is_true, one_of
from consentmgr.screening.facts.own_acts import lifted_by_own_word
from consentmgr.screening.facts.prohibitions import (
    bans_on_organisations,
    bans_on_other_addresses,
    bans_on_persons,
    bans_on_rows,
    by_plain_address,
    erased_bans,
    keyed,
    met_by,
    ordered,
)
from consentmgr.screening.facts.resolution import ListShape
from consentmgr.screening.question import Question

#: A later valid consent of the same person lifts these; "MARKETING_BAN" only tells a survey that one is in force, and
#: "OLD_MARKETING_BAN" one of the time when it stopped surveys too.
_LIFTED_BY_CONSENT = (
    "ERASED_SUPPRESSED",
    "DM_OBJECTION_ALL",
    *CHANNEL_BANS,
    "CONSENT_WITHDRAWN",
    "SPAM_COMPLAINT",
    "ORG_PROHIBITION",
    "VENDOR_PROHIBITION",
    "ROBINSON_PHONE",
    "ROBINSON_POST",
    "OLD_MARKETING_BAN",
    "MARKETING_BAN",
)


def holding_bans(
    rows: Frame,
    cases: Frame,
    own_acts: Frame,
    prohibitions: Frame,
    register: Mapping[str, Frame],
    question: Question,
    shape: ListShape,
    keep: Keep,
    *,
    by_address: bool,
) -> Frame:
    """Per ``row_no`` and ``person``: ``weight_CODE`` for every code of ``BAN_CODES``, and ``ban_evidence``; where a ban
    of another channel may reach the campaign, ``banned_channel`` too: its place in ``places_of_channels``, or 0.

    ``cases`` have what ``consents.with_consents`` adds (``lift_us``, ``lift_topic_us``); ``own_acts`` are what
    ``act_bans`` tells, and ``prohibitions`` what ``reaching_prohibitions`` does. ``by_address``: whoever was found was
    found by an address that stands in the row.
    """
    acts = register["spoken_acts"]
    erased = erased_bans(register["erased_keys"])
    on_rows = bans_on_rows(rows, prohibitions, register["prohibition_hashes"], erased, shape)
    hits = [met_by(cases, bans_on_persons(own_acts, prohibitions), "person")]
    if on_rows is not None:
        hits.append(cases.select(*CASE).join(on_rows, on="row_no", how="inner").select(*HIT))
    addressed = by_plain_address(prohibitions, register["points"])
    if "register_key" in cases.columns and not shape.all_have(*_target_keys(question)):
        addressed = keep(addressed, "addressed")
        by_register = [ordered(keyed(bans, "address_key")) for bans in (addressed, erased)]
        hits.append(met_by(cases, nw.concat(by_register, how="vertical"), "register_key"))
    if not question.is_plain_service:
        points = register["points"]
        if by_address and "sole" in points.columns:
            # Whoever has one address alone was found by it, and what is banned of it is banned of the row's address.
            points = points.filter(~nw.col("sole"))
        hits.append(bans_on_other_addresses(cases, addressed, points, register["roles"], question, keep))
        hits.append(met_by(cases, bans_on_organisations(prohibitions, register["domains"]), "organisation_id"))
        hits.append(met_by(cases, ordered(keyed(prohibitions, "domain")), "domain"))
    gathered = keep(nw.concat(hits, how="vertical"), "hits")
    gathered = gathered.join(
        lifted_by_own_word(acts, question).rename({"contact_id": "person"}),
        on="person",
        how="left",
    ).join(named_lifts(acts, prohibitions), on=["evidence", "person"], how="left")
    later_consent = (one_of("code", _LIFTED_BY_CONSENT) & (nw.col("lift_us") > nw.col("ban_us")).fill_null(False)) | (
        equals("code", "DM_OBJECTION_TOPIC") & (nw.col("lift_topic_us") > nw.col("ban_us")).fill_null(False)
    )
    own_word_us = (
        nw.when(one_of("code", BANS_BY_NAME)).then(nw.col("own_word_by_name_us")).otherwise(nw.col("own_word_us"))
    )
    own_word = is_true("own") & (own_word_us > nw.col("known_us")).fill_null(False)
    by_name = is_true("own") & (nw.col("named_us") > nw.col("known_us")).fill_null(False)
    gathered = gathered.select(*HIT, lifted=is_true("liftable") & (later_consent | own_word | by_name))
    holding = gathered.filter(~nw.col("lifted") & (nw.col("weight") > 0)).select(*HIT)
    if question.campaign.list_source != "population_register" and question.policy.dvv_ban_on_own_data == "allow":
        # The ban binds what comes from the population register, and so only addresses that did.
        from_register = cases.filter(equals("source", "population_register")).select("row_no", "person")
        bound = holding.filter(equals("code", "DVV_DM_BAN")).join(from_register, on=["row_no", "person"], how="inner")
        holding = nw.concat([holding.filter(~equals("code", "DVV_DM_BAN")), bound.select(*HIT)], how="vertical")
    return keep(_pivot(holding, question), "bans")


def with_bans(cases: Frame, bans: Frame, question: Question) -> Frame:
    """Adds the columns of ``holding_bans`` to the candidates: 0 and null where nothing holds."""
    possible = possible_codes(question)
    columns = [
        (nw.col(f"weight_{code}").fill_null(0) if code in possible else nw.lit(0)).alias(f"weight_{code}")
        for code in BAN_CODES
    ]
    if other_channels(question):
        columns.append(nw.col("banned_channel").fill_null(0).alias("banned_channel"))
    return cases.join(bans, on=["row_no", "person"], how="left").with_columns(columns)


def named_lifts(acts: Frame, prohibitions: Frame) -> Frame:
    """Prohibitions lifted by name: ``evidence`` id, the person who lifted, and when."""
    lifts = acts.filter(
        equals("event", "objection_lifted")
        & is_true("order_known")
        & (nw.col("method").fill_null("") != "import")
        & (nw.col("given_by") != "unverified")
        & ~is_empty("prohibition")
    ).select("contact_id", "prohibition", named_us="at_us")
    matched = nw.concat(
        [
            prohibitions.join(lifts, left_on=key, right_on="prohibition", how="inner", suffix="_lifter").select(
                "evidence", person=nw.col("contact_id_lifter"), named_us=nw.col("named_us")
            )
            # By the name its source gave it, or by our own id of it.
            for key in ("reference", "evidence")
        ],
        how="vertical",
    )
    return matched.group_by("evidence", "person").agg(named_us=nw.col("named_us").max())


def _target_keys(question: Question) -> tuple[str, ...]:
    if question.is_audience:
        return ("email_key", "phone_key")
    return (f"{question.point_kind}_key",)


def _pivot(hits: Frame, question: Question) -> Frame:
    """One row per candidate: the strictest weight of each code, and the ids that decided in the codes' order."""
    codes, others = possible_codes(question), other_channels(question)
    columns: list[nw.Expr] = []
    for code in codes:
        mine = one_of("code", CHANNEL_BANS) if others and code == "DM_OBJECTION_CHANNEL" else equals("code", code)
        columns.append(nw.when(mine).then(nw.col("weight")).otherwise(nw.lit(0)).alias(f"weight_{code}"))
        columns.append(nw.when(mine).then(nw.col("evidence")).alias(f"evidence_{code}"))
    names = [name for code in codes for name in (f"weight_{code}", f"evidence_{code}")]
    banned: list[nw.Expr] = []
    if others:
        strictest: nw.Expr = nw.lit(0)
        for code, place in places_of_channels(question).items():
            strictest = (
                nw.when(equals("code", code)).then(nw.col("weight") * CHANNEL_PLACES + place).otherwise(strictest)
            )
        columns.append(strictest.alias("strictest"))
        names.append("strictest")
        banned.append((nw.col("strictest") % CHANNEL_PLACES).alias("banned_channel"))
    wide = hits.select("row_no", "person", *columns)
    found = wide.group_by("row_no", "person").agg(nw.col(name).max() for name in names)
    return found.select(
        "row_no",
        "person",
        *(f"weight_{code}" for code in codes),
        *banned,
        ban_evidence=nw.concat_str([nw.col(f"evidence_{code}") for code in codes], separator=";", ignore_nulls=True),
    )

"""Prohibitions in force that reach the campaign, matched to rows, persons, organisations and domains. Pure."""

import narwhals as nw

from consentmgr.screening.facts.ban_scope import (
    BAN,
    BAN_AS_IT_IS,
    BLOCK,
    CASE,
    CHANNEL_BANS,
    HIT,
    REVIEW,
    channel_reaches,
    scope_code,
    switch_weight,
    topic_reaches,
)
from consentmgr.screening.facts.columns import (
    Frame,
    Keep,
    constant,
    equals,
    is_empty,
    is_known,
    is_true,
    is_unknown,
    names,
    names_any,
    one_of,
)
from consentmgr.screening.facts.resolution import PLAIN_HASHES, ListShape, current_roles
from consentmgr.screening.question import ALWAYS_BEFORE, NEVER_BEFORE, Question

_OWN_SOURCES = ("self", "guardian", "staff", "court", "complaint")
#: What is asked of a prohibition once its scope is known to reach the campaign.
_OF_REACHING = ("prohibition_id", "target_kind", "address_key", "contact_id", "organisation_id", "domain", "source",
                "from_us", "valid_from", "reference", "own", "liftable", "weight", "evidence", "code")  # fmt: skip


def reaching_prohibitions(prohibitions: Frame, question: Question) -> Frame:
    """Prohibitions in force on the day whose scope reaches the campaign, with ``code`` and ``weight``."""
    return _reaching(prohibitions, question).select(*_OF_REACHING)


def _reaching(prohibitions: Frame, question: Question) -> Frame:
    today = nw.lit(question.today)
    in_force = (is_unknown("valid_from") | (nw.col("valid_from") <= today)) & (
        is_unknown("valid_until") | (nw.col("valid_until") >= today)
    )
    reach = (
        in_force
        & (is_empty("controllers") | names_any("controllers", question.controllers))
        & channel_reaches(question)
        & topic_reaches(question)
    )
    of_organisation = one_of("target_kind", ("organisation", "domain")) | equals("source", "organisation")
    own = one_of("source", _OWN_SOURCES) & ~of_organisation
    code = (
        nw.when(of_organisation)
        .then(nw.lit("ORG_PROHIBITION"))
        .when(equals("source", "complaint"))
        .then(nw.lit("SPAM_COMPLAINT"))
        .when(one_of("source", ("vendor", "telecom_authority")))
        .then(nw.lit("VENDOR_PROHIBITION"))
        .when(equals("source", "robinson_phone"))
        .then(nw.lit("ROBINSON_PHONE"))
        .when(equals("source", "robinson_post"))
        .then(nw.lit("ROBINSON_POST"))
        .when(equals("source", "population_register"))
        .then(nw.lit("DVV_DM_BAN"))
        .otherwise(scope_code(question))
    )
    marketing = is_empty("purposes") | names_any("purposes", ("direct_marketing", question.judged_purpose))
    robinson_elsewhere = (equals("source", "robinson_phone") & constant(question.campaign.channel != "phone")) | (
        equals("source", "robinson_post") & constant(question.campaign.channel != "post")
    )
    banned = prohibitions.filter(reach & ~robinson_elsewhere).with_columns(
        own=own,
        liftable=~equals("source", "court"),
        weight=nw.lit(BLOCK),
        evidence=nw.concat_str(nw.lit("P"), nw.col("prohibition_id").cast(nw.String)),
    )
    if question.is_marketing_or_audience:
        return banned.filter(marketing).with_columns(code=code)
    if question.is_research:
        by_name = is_empty("purposes") | names("purposes", "research")
        of_marketing = is_empty("purposes") | names("purposes", "direct_marketing")
        old = of_marketing & (nw.col("valid_from") < nw.lit(question.policy.research_bans_before)).fill_null(False)
        register_ban = one_of("source", ("robinson_phone", "robinson_post", "population_register"))
        return nw.concat(
            [
                banned.filter(register_ban & (by_name | of_marketing)).with_columns(code=code),
                banned.filter(~register_ban & by_name).with_columns(code=nw.lit("RESEARCH_OBJECTION")),
                banned.filter(~register_ban & old).with_columns(code=nw.lit("OLD_MARKETING_BAN")),
                banned.filter(~register_ban & of_marketing).with_columns(
                    code=nw.lit("MARKETING_BAN"), weight=nw.lit(REVIEW)
                ),
            ],
            how="vertical",
        )
    if question.is_public_information:
        by_name = is_empty("purposes") | names("purposes", "public_information")
        own_word = ~one_of("source", ("robinson_phone", "robinson_post", "population_register"))
        return banned.filter(by_name & own_word).with_columns(
            code=nw.lit("PUBLIC_INFO_OBJECTION"), weight=nw.lit(REVIEW)
        )
    return banned.filter(is_unknown("prohibition_id")).with_columns(code=nw.lit("DM_OBJECTION_ALL"))


def erased_bans(erased: Frame) -> Frame:
    """Only the keyed digest of an erased person's address was kept; in whatever form it comes back, it is banned."""
    return erased.select(
        "address_key",
        "from_us",
        code=nw.lit("ERASED_SUPPRESSED"),
        weight=nw.lit(BLOCK),
        liftable=constant(True),
        own=constant(False),
        evidence=nw.concat_str(nw.lit("E"), nw.col("entry_id").cast(nw.String)),
    )


def keyed(bans: Frame, key: str) -> Frame:
    """Bans by what they are matched on (``ban_key``), without unknown keys."""
    known = bans.filter(is_known(key))
    return known.select(ban_key=nw.col(key), ban_us=nw.col("from_us"), known_us=_known_time(), **BAN_AS_IT_IS)


def _known_time() -> nw.Expr:
    """A ban without a first day was known before any lifting that was made of it."""
    return nw.when(nw.col("from_us") == NEVER_BEFORE).then(nw.lit(ALWAYS_BEFORE)).otherwise(nw.col("from_us"))


def ordered(bans: Frame) -> Frame:
    return bans.select("ban_key", *BAN)


def met_by(cases: Frame, bans: Frame, column: str) -> Frame:
    """Candidates whose ``column`` is what a ban is matched on."""
    return (
        cases.filter(is_known(column))
        .select(*CASE, case_key=nw.col(column))
        .join(bans, left_on="case_key", right_on="ban_key", how="inner")
        .select(*HIT)
    )


def bans_on_rows(rows: Frame, prohibitions: Frame, hashes: Frame, erased: Frame, shape: ListShape) -> Frame | None:
    """Bans on an address that stands in the row, and erased people's addresses that came back (``row_no``, ban).

    ``hashes``: for lists that arrive hashed, the hashed keys of bans on plain addresses.
    """
    hashed_kinds = ("email_sha256", "phone_sha256")
    plain = keyed(prohibitions.filter(~one_of("target_kind", hashed_kinds)), "address_key")
    hashed = keyed(prohibitions.filter(one_of("target_kind", hashed_kinds)), "address_key")
    by_hash = keyed(prohibitions.join(hashes, on="prohibition_id", how="inner"), "hash_key")
    plain, hashed, gone = ordered(plain), ordered(hashed), ordered(keyed(erased, "address_key"))
    met: list[Frame] = []
    for bans, names_of_keys in (
        (nw.concat([plain, gone], how="vertical"), ("email_key", "phone_key", "post_key")),
        (
            nw.concat([hashed, ordered(by_hash), gone], how="vertical"),
            ("email_hash_key", "phone_hash_key", *PLAIN_HASHES),
        ),
    ):
        met.extend(
            rows.select("row_no", key)
            .filter(is_known(key))
            .join(bans, left_on=key, right_on="ban_key", how="inner")
            .select("row_no", *BAN)
            for key in names_of_keys
            if shape.has(key)
        )
    return nw.concat(met, how="vertical") if met else None


def by_plain_address(prohibitions: Frame, points: Frame) -> Frame:
    """Prohibitions by plain address key: those that arrived so, and hashed ones of addresses the register knows."""
    of_hash = one_of("target_kind", ("email_sha256", "phone_sha256"))
    columns = ("address_key", "code", "weight", "from_us", "valid_from", "liftable", "own", "evidence")
    known = [
        prohibitions.filter(of_hash)
        .join(
            points.select(point_key=nw.col("address_key"), address_key=nw.col(name)).filter(is_known("address_key")),
            on="address_key",
            how="inner",
        )
        .drop("address_key")
        .rename({"point_key": "address_key"})
        .select(*columns)
        .unique()
        for name in ("sha256_key", "sha256_digits_key")
    ]
    return nw.concat([prohibitions.filter(~of_hash).select(*columns), *known], how="vertical")


def bans_on_persons(own_acts: Frame, prohibitions: Frame) -> Frame:
    """The person's own acts, and bans on the contact."""
    acts = own_acts.select("ban_us", "known_us", ban_key=nw.col("person"), **BAN_AS_IT_IS)
    return nw.concat([ordered(acts), ordered(keyed(prohibitions, "contact_id"))], how="vertical")


def bans_on_organisations(prohibitions: Frame, domains: Frame) -> Frame:
    """Bans on the organisation; with source "organisation" a ban on its domain is the organisation's too."""
    owners = domains.select("domain", owner="organisation_id")
    owned = prohibitions.filter(is_known("domain") & equals("source", "organisation")).join(owners, on="domain")
    return nw.concat([ordered(keyed(prohibitions, "organisation_id")), ordered(keyed(owned, "owner"))], how="vertical")


def bans_on_other_addresses(
    cases: Frame, prohibitions: Frame, points: Frame, roles: Frame, question: Question, keep: Keep
) -> Frame:
    """A person's own ban on one address holds for all the person's addresses: hits by the holder of the address."""
    personal = prohibitions.filter(is_true("own")).join(_holders(points), on="address_key", how="inner")
    return _with_former_role(keep(_joined_to_person(cases, personal), "personal_hits"), roles, question)


def _joined_to_person(cases: Frame, personal: Frame) -> Frame:
    return (
        cases.filter(nw.col("person") != 0)
        .select(*CASE, "organisation_id")
        .join(
            personal.select(
                "holder",
                "made_at",
                "code",
                "weight",
                nw.col("from_us").alias("ban_us"),
                _known_time().alias("known_us"),
                "valid_from",
                "liftable",
                "own",
                "evidence",
            ),
            left_on="person",
            right_on="holder",
            how="inner",
        )
    )


def _with_former_role(hits: Frame, roles: Frame, question: Question) -> Frame:
    """A ban made at another organisation's address, in a role that has ended, before the present role began, weighs
    what the switch ``objection_follows_person`` says.
    """
    weight = switch_weight(question.policy.objection_follows_person)
    elsewhere = (nw.col("made_at") != nw.col("organisation_id")).fill_null(False) & one_of(
        "code", ("DM_OBJECTION_ALL", *CHANNEL_BANS, "DM_OBJECTION_TOPIC")
    )
    # Few of them are: all roles of a large register would be grouped for nothing.
    asked = hits.filter(elsewhere).select("person", "made_at", "valid_from").unique()
    concerned = roles.join(asked.select("person"), left_on="contact_id", right_on="person", how="semi")
    # A ban made before the role began or after it had ended was not made in it.
    made_in = (
        concerned.join(asked, left_on=["contact_id", "organisation_id"], right_on=["person", "made_at"], how="inner")
        .filter(
            (is_unknown("since") | (nw.col("since") <= nw.col("valid_from")))
            & (is_unknown("until") | (nw.col("until") >= nw.col("valid_from")))
        )
        .select("contact_id", "organisation_id", "valid_from")
        .unique()
    )
    still = (
        current_roles(concerned, question).group_by("contact_id", "organisation_id").agg(began=nw.col("since").min())
    )
    hits = (
        hits.join(
            made_in.select("contact_id", "organisation_id", "valid_from", had_role=nw.lit(True)),
            left_on=["person", "made_at", "valid_from"],
            right_on=["contact_id", "organisation_id", "valid_from"],
            how="left",
        )
        .join(
            still.select("contact_id", "organisation_id", has_role=nw.lit(True)),
            left_on=["person", "made_at"],
            right_on=["contact_id", "organisation_id"],
            how="left",
        )
        .join(
            still.select("contact_id", "organisation_id", "began"),
            left_on=["person", "organisation_id"],
            right_on=["contact_id", "organisation_id"],
            how="left",
        )
    )
    former = (
        elsewhere
        & is_true("had_role")
        & ~is_true("has_role")
        & (nw.col("began") > nw.col("valid_from")).fill_null(False)
    )
    return hits.with_columns(weight=nw.when(former).then(nw.lit(weight)).otherwise(nw.col("weight"))).select(*HIT)


def _holders(points: Frame) -> Frame:
    """Who has an address: a person's own ban on one holds for all the person's addresses."""
    return points.filter(is_known("contact_id")).select(
        holder=nw.col("contact_id"), address_key="address_key", made_at=nw.col("organisation_id")
    )

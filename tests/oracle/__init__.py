"""The law read a second time, in plain Python: a naive oracle of one list row that shares nothing with the product.

``judge`` puts every contact of the row through the rules, a line a reason code, and the least permissive contact
decides: the headline is its first stop in the order of ``CODES``. To be read beside the text of the rules; what people
have said is read in ``acts``, addresses, days and documents in ``facts``.
"""

import re
from datetime import datetime, time, timedelta
from typing import NamedTuple

from tests.oracle.acts import Acts
from tests.oracle.facts import (
    ELECTRONIC,
    HELSINKI,
    OPT_OUT,
    WEIGHTS,
    Of,
    Register,
    day,
    later,
    months_on,
    plain,
    public_holiday,
)

#: Switches and limits at their defaults; of the lists, only what is asked of them here.
POLICY = dict.fromkeys(
    """soft_opt_in_free_account stop_reply_other_channels robinson_own_customer robinson_list_missing
    robinson_business_number research_after_dm_objection private_address_published housing_company_private_address
    sole_trader objection_follows_person b2b_instant_message b2b_text_message registry_mailbox""".split(),
    "review",
)
POLICY |= dict.fromkeys("robinson_research dvv_ban_on_own_data b2b_customer_relation".split(), "allow")
POLICY |= dict.fromkeys("soft_opt_in_quote_only private_address_of_officer".split(), "block")
POLICY |= dict.fromkeys("exclusion_audience audience_legitimate_interest".split(), "block")
POLICY |= {"sole_trader_private_address": "strict", "tax_grouping": "strict", "research_bans_before": "2018-05-25"}
POLICY |= {"soft_opt_in_max_age_months": 36, "consent_inactive_review_months": 36, "address_verified_max_months": 36}
POLICY |= {"role_fresh_months": 12, "role_stale_block_months": 24, "vendor_licence_months": 2, "soft_bounce_limit": 5}
POLICY |= {"robinson_list_max_age_days": 30, "small_company_employees": 20, "free_mail_domains": ("gmail.com",)}
#: In evaluation order; "+" marks a code that is asked here for the first of two times.
CODES = """RESEARCH_IS_SALES SERVICE_HAS_PROMO CAMPAIGN_NO_SENDER CAMPAIGN_DISGUISED CAMPAIGN_NO_UNSUB
    CAMPAIGN_NO_ONE_CLICK CAMPAIGN_NO_SOURCE CAMPAIGN_EXPOSES_RECIPIENTS VTJ_ADDRESS_NOT_HELD +ART14_NOT_INFORMED
    +ADDRESS_INVALID DECEASED ERASED_SUPPRESSED PROCESSING_RESTRICTED MINOR_UNDER_13 MINOR_REVIEW NON_DISCLOSURE
    DM_OBJECTION_ALL DM_OBJECTION_CHANNEL DM_OBJECTION_TOPIC CONSENT_WITHDRAWN SPAM_COMPLAINT ORG_PROHIBITION
    VENDOR_PROHIBITION ROBINSON_PHONE ROBINSON_POST DVV_DM_BAN ROBINSON_STALE PHONE_SUBSCRIPTION_BAN
    RESEARCH_OBJECTION PUBLIC_INFO_OBJECTION ORG_CEASED FOREIGN_LAW ORGANISATION_UNKNOWN CONTACT_UNKNOWN
    B2B_NOT_LEGAL_PERSON B2B_CONSUMER_PRODUCT B2B_PRIVATE_ADDRESS B2B_ROLE_STALE B2B_ROLE_MISMATCH
    B2B_ROLE_TITLE_ONLY B2B_ROLE_MISSING SPECIAL_CATEGORY SOCIAL_CONSENT_MISSING CONSENT_SCOPE_CONTROLLER
    CONSENT_SCOPE_CHANNEL CONSENT_SCOPE_TOPIC CONSENT_INVALID_FORM CONSENT_UNCONFIRMED CONSENT_UNPROVEN
    CONSENT_STALE SOFT_OPT_IN_CHANNEL SOFT_OPT_IN_OTHER_SELLER SOFT_OPT_IN_NO_SALE SOFT_OPT_IN_NOT_FROM_CUSTOMER
    SOFT_OPT_IN_NO_OPTOUT SOFT_OPT_IN_GROUP SOFT_OPT_IN_STALE CONSENT_MISSING CONSENT_OK SOFT_OPT_IN_OK
    OPT_OUT_CHANNEL_OK B2B_GENERIC_OK B2B_ROLE_OK B2B_CUSTOMER_OK SERVICE_OK RESEARCH_OK PUBLIC_INFO_OK SOCIAL_OK
    ADDRESS_MISSING ADDRESS_INVALID SOFT_BOUNCE_LIMIT DATA_STALE SOURCE_UNKNOWN VENDOR_LICENCE_EXPIRED
    ART14_NOT_INFORMED QUIET_HOURS FREQ_CAP""".split()
LEGAL_PERSONS = """limited_company public_limited_company cooperative general_partnership limited_partnership
    housing_company association foundation municipality state parish""".split()
DIRECTORS = ("managing_director", "deputy_managing_director", "general_partner", "sole_trader")
BOARD, MARKETING = ("board_chair", "board_member"), ("direct_marketing", "newsletter")
HONEST = """sender_named subject_honest one_click source_line privacy_notice objection_notice article_14_notice
    recipients_hidden""".split()


class Answer(NamedTuple):
    verdict: str
    reason: str
    reasons: tuple[str, ...]
    ground: str | None


def judge(register, campaign, row, now, policy=None):
    """The answer for one row; ``reasons`` hold every stop and the ground, in evaluation order."""
    asked = Row(register if isinstance(register, Register) else Register(register), plain(campaign), row, now, policy)
    found = [asked.fired(who, address) for who, address in asked.contacts()]
    worst = max((summed_up(fired).verdict for fired in found), key=WEIGHTS.index)
    found = [fired for fired in found if summed_up(fired).verdict == worst]
    # A ground that not every one of the hardest has is none of the row's.
    grounded = all(any(map(is_ground, fired)) for fired in found)
    codes = {code for fired in found for code in fired if grounded or not is_ground(code)}
    fired = {code: max((one.get(code, "allow") for one in found), key=WEIGHTS.index) for code in codes}
    answer, c = summed_up(fired), asked.c
    deceives = c.purpose == "service_message" and c.promotes and not asked.audience and answer.verdict != "allow"
    return summed_up({**fired, "SERVICE_HAS_PROMO": "block"}) if deceives else answer


def is_ground(code):
    return code.endswith("_OK")


def summed_up(fired):
    reasons = tuple(dict.fromkeys(code.strip("+") for code in sorted(fired, key=CODES.index)))
    verdict = max(fired.values(), key=WEIGHTS.index)
    headline = [*(code for code in reasons if not is_ground(code)), *reasons][0]
    return Answer(verdict, headline, reasons, headline if verdict == "allow" else None)


class Row(Acts):
    """One row of one campaign; facts about whom it is looked at just now stand in ``Facts``."""

    def __init__(self, register, campaign, row, now, policy):
        usual = {"channel": "email", "purpose": "direct_marketing", "audience": "consumer", "list_source": "own"}
        c = self.c = Of({**usual, "promotes": True, "own_products": True, **campaign})
        self.m = Of(dict.fromkeys(HONEST, True) | {"unsubscribe": "link"} | (c.message or {}))
        self.register, self.row, self.p = register, Of(row), Of({**POLICY, **(policy or {})})
        self.at = (datetime.fromisoformat(c.planned_at) if c.planned_at else now).astimezone(HELSINKI)
        self.today, self.by = self.at.date(), c.controller or register.default
        self.controllers, self.subjects = {self.by, *c.joint_controllers}, {c.topic, c.product_group} - {None}
        self.audience, self.business = c.channel == "online_audience", c.audience == "business"
        self.companies = self.audience and c.audience_kind == "company_list"
        self.inmail = c.channel == "instant_message" and c.platform == "linkedin"
        sells = c.purpose in ("service_message", "public_information") and c.promotes
        sells = sells or self.audience or (c.purpose == "service_message" and c.reminder_of_service)
        self.purpose = "direct_marketing" if sells and c.purpose != "newsletter" else c.purpose
        self.selling, self.service = self.purpose in MARKETING, self.purpose == "service_message"

    def fired(self, who, address):
        """{code: weight} of all that fires for one contact at one address; where a stop is True, it blocks."""
        self.look_at(who, address)
        told = self.campaign_rules()
        if not self.unreadable:
            bans = self.bans()
            code, weight = self.ground(bans) if self.reachable else (None, None)
            told += [
                *self.person_rules(),
                *bans.items(),
                *self.rules_of_law(),
                *self.rules_of_data(code),
                (code, weight),
            ]
        fired = {}
        for code, weight in told:
            weight = weight if weight in WEIGHTS else "block" if weight else "allow"
            if code in CODES and (weight != "allow" or is_ground(code)):
                fired[code] = max(weight, fired.get(code, "allow"), key=WEIGHTS.index)
        return fired

    def campaign_rules(self):
        c, m, told = self.c, self.m, self.sent_before()
        no_way = c.channel in ELECTRONIC and (m.unsubscribe in ("none", "paid_number") or m.unsubscribe_needs)
        gates = (
            ("CAMPAIGN_NO_SENDER", not m.sender_named),
            ("CAMPAIGN_DISGUISED", not m.subject_honest),
            ("CAMPAIGN_NO_UNSUB", no_way or not (m.objection_notice or told)),
            ("CAMPAIGN_NO_ONE_CLICK", c.channel == "email" and not m.one_click),
            ("CAMPAIGN_NO_SOURCE", c.list_source in ("vendor", "population_register") and not m.source_line),
            ("VTJ_ADDRESS_NOT_HELD", c.list_source == "population_register" and c.addresses_handed_to_sender),
            ("+ART14_NOT_INFORMED", not m.privacy_notice and "review"),
        )
        return [
            ("RESEARCH_IS_SALES", c.purpose == "research" and c.promotes),
            *((code, self.selling and weight) for code, weight in gates),
            ("CAMPAIGN_EXPOSES_RECIPIENTS", c.channel == "email" and not m.recipients_hidden),
            ("+ADDRESS_INVALID", self.unreadable),
        ]

    def sent_before(self):
        mine = [one for one in self.who.messages_sent if self.ours(one)]
        return [one for one in mine if datetime.fromisoformat(one.at) <= self.at]

    def person_rules(self):
        c, who, milder = self.c, self.who, "review" if self.service else "block"
        kept = [one for one in self.register.contacts.values() if one is not who and (one.kept or set()) & self.seen]
        erased = [event for one in (who, *kept) for event in one.events if event.event == "erased"]
        erased += [event for event in who.events if event.event == "erasure_requested"]
        erased = [event for event in erased if not self.lifted(event, "ERASED_SUPPRESSED")]
        restricted = [event for event in who.events if event.event == "restricted"]
        restricted += [Of(valid_from=who.restricted_since)] * bool(who.restricted_since)
        freed = self.verified("restriction_lifted")
        restricted = [act for act in restricted if not any(later(event, act) for event in freed)]
        judged = (self.selling or self.purpose == "research") and not self.companies
        alone = self.younger(13) and not any(one.event == "guardian_consented" for one in self.standing())
        minor = self.younger(18) or (not who.born_on and c.child_directed)
        at_home = c.channel == "post" and self.point.use != "contact_address"
        protected = who.non_disclosure and (self.audience or at_home)
        hard = self.audience or (self.from_outside() and not self.service)
        return [
            ("DECEASED", who.deceased_on),
            ("ERASED_SUPPRESSED", erased and not (self.service and c.confirms_own_request) and milder),
            ("PROCESSING_RESTRICTED", restricted and milder),
            ("MINOR_UNDER_13", judged and alone),
            ("MINOR_REVIEW", judged and minor and not alone and ("block" if self.audience else "review")),
            ("NON_DISCLOSURE", protected and ("block" if hard else "review")),
        ]

    def source(self):
        return self.point.source or self.row.source

    def from_outside(self):
        source = self.source() or "website"
        listed = source in ("ytj", "population_register", "website") or source.startswith("vendor")
        return self.c.list_source != "own" or listed

    def rules_of_law(self):
        """Stages 5 to 7, but for bans and the one code of the ground."""
        c, p, point, org, who, consumer = self.c, self.p, self.point, self.org, self.who, not self.business
        if not self.selling:
            return []
        days = [day(one.as_of) for one in self.register.lists if one.source == f"robinson_{c.channel}"]
        fresh = days and (self.today - max(days)).days <= p.robinson_list_max_age_days
        stale = not fresh and ("review" if days else p.robinson_list_missing)
        listed = consumer and c.channel in OPT_OUT and not self.all_valid()
        asked = any((one.evidence or Of()).express_request for one in self.valid(self.by))
        call = consumer and c.channel == "phone" and c.sells_mobile_subscription
        by_phone = [
            ("ROBINSON_STALE", listed and stale),
            ("PHONE_SUBSCRIPTION_BAN", call and not asked and not self.relations(who, but=("quote_only",))),
        ]
        if not self.reachable:
            return by_phone
        works_there, electronic = point.use in ("work", "generic"), self.business and c.channel in ELECTRONIC
        country = (org if org and (works_there or not who) else who).country or "FI"
        strict = country in ("DE", "DK") or (country == "NO" and point.use != "generic")
        strict = strict and electronic and not self.all_valid()
        legal = org.form in LEGAL_PERSONS and works_there and consumer and not self.companies
        notices = self.register.notices
        said = [{*one.topics} & {*notices.get(one.notice, Of()).topics} for one in self.valid(self.by)]
        return [
            *by_phone,
            ("ORG_CEASED", {"bankrupt": "block", "ceased": "block", "in_liquidation": "review"}.get(org.status)),
            ("FOREIGN_LAW", country != "FI" and ("block" if strict else "review")),
            ("ORGANISATION_UNKNOWN", self.row.business_id and not org),
            ("CONTACT_UNKNOWN", electronic and not self.known),
            ("B2B_CONSUMER_PRODUCT", legal and not (self.standing() or who.customer_of)),
            ("SPECIAL_CATEGORY", c.special_category and not any(c.topic in topics for topics in said)),
        ]

    def rules_of_data(self, ground):
        """Stages 8 and 9."""
        c, p, point, acquired = self.c, self.p, self.point, self.point.acquired_on or self.row.acquired_on
        licence = c.vendor_licence_until and day(c.vendor_licence_until)
        if c.list_extracted_on and not licence:
            licence = months_on(day(c.list_extracted_on), p.vendor_licence_months)
        by_interest = ground in ("B2B_ROLE_OK", "B2B_CUSTOMER_OK", "OPT_OUT_CHANNEL_OK") and point.use != "generic"
        told = point.informed_on or "population_register" in (c.list_source, self.source())
        due = not acquired or self.over(acquired, 1)
        uninformed = "block" if not self.from_outside() or not self.m.article_14_notice else due and "review"
        hours = {5: (time(9), time(18)), 6: (time.max, time.max)}.get(self.today.weekday(), (time(9), time(20)))
        decent = hours[0] <= self.at.time() < hours[1] and not public_holiday(self.today)
        asked_by_phone = c.channel in ("phone", "automated_call") and (self.selling or self.purpose == "research")
        lately = [one for one in self.sent_before() if day(one.at) >= self.today - timedelta(days=7)]
        week = [one for one in lately if one.purpose in MARKETING]
        old = c.channel == "post" and self.has_address
        old = old and self.over(point.verified_on or acquired, p.address_verified_max_months)
        of_marketing = (
            ("SOFT_BOUNCE_LIMIT", (point.soft_bounces or 0) >= p.soft_bounce_limit and "review"),
            ("DATA_STALE", old and "review"),
            ("SOURCE_UNKNOWN", by_interest and (c.list_source == "unknown" or not self.source())),
            ("VENDOR_LICENCE_EXPIRED", c.list_source == "vendor" and licence and self.today > licence),
            ("ART14_NOT_INFORMED", by_interest and not told and uninformed),
            ("FREQ_CAP", p.max_messages_per_7_days is not None and len(week) >= p.max_messages_per_7_days),
        )
        return [
            ("ADDRESS_MISSING", not self.reachable),
            ("ADDRESS_INVALID", point.state in ("hard_bounce", "invalid")),
            *((code, self.selling and weight) for code, weight in of_marketing),
            ("QUIET_HOURS", asked_by_phone and not decent),
        ]

    # The ground, or the one code that tells why there is none.

    def ground(self, bans):
        if self.companies:
            legal, stop = self.org.form in LEGAL_PERSONS, "B2B_NOT_LEGAL_PERSON" if self.org else "ORGANISATION_UNKNOWN"
            return ("SOCIAL_OK", "allow") if legal else (stop, "block")
        if self.audience and self.all_valid():
            return ("SOCIAL_OK", "allow") if self.all_valid("CONSENT_OK") else ("CONSENT_STALE", "review")
        if self.audience:
            fits = self.business and self.org and self.ladder() == ("B2B_ROLE_OK", "allow")
            weight = self.p.audience_legitimate_interest if fits else "block"
            return ("B2B_ROLE_OK" if weight == "allow" else "SOCIAL_CONSENT_MISSING"), weight
        if self.purpose == "research":
            after = self.p.research_after_dm_objection if "MARKETING_BAN" in bans else "allow"
            return (None, None) if self.c.promotes else ("RESEARCH_OK", after)
        if not self.selling:
            return ("SERVICE_OK" if self.service else "PUBLIC_INFO_OK"), "allow"
        standing = self.standing()
        consents = [max((self.how_far(one, by) for one in standing), default=(0, None)) for by in self.controllers]
        consent = min(consents)[1] or (any(code for _, code in consents) and "CONSENT_SCOPE_CONTROLLER")
        relation = max(map(self.relation, self.who.customer_of), default=(0, 0, None, None))[2:]
        if consent == "CONSENT_OK":
            return consent, "allow"
        if relation[0] == "SOFT_OPT_IN_OK":
            return relation
        if self.c.channel in OPT_OUT:
            return "OPT_OUT_CHANNEL_OK", "allow"
        if self.business and self.org:
            return self.ladder()
        if consent or relation[0]:
            return (consent, "review" if consent == "CONSENT_STALE" else "block") if consent else relation
        unknown = (self.business and not self.known) or (self.row.business_id and not self.org)
        return "CONSENT_MISSING", "allow" if unknown or bans.get("CONSENT_WITHDRAWN") == "block" else "block"

    def relation(self, one):
        """(how many tests it passes, how new it is, the first it does not pass, the weight of that)."""
        c, p = self.c, self.p
        open_questions = {"quote_only": p.soft_opt_in_quote_only, "free_account": p.soft_opt_in_free_account}
        unsold = open_questions.get(one.relation, "allow")
        last, limit = one.last_purchase_on, p.soft_opt_in_max_age_months
        tests = (
            ("SOFT_OPT_IN_CHANNEL", "block", c.channel in ("email", "sms", "instant_message")),
            ("SOFT_OPT_IN_OTHER_SELLER", "block", self.ours(one) and c.own_products and c.sold_by in (None, self.by)),
            ("SOFT_OPT_IN_NO_SALE", unsold, unsold == "allow"),
            ("SOFT_OPT_IN_NOT_FROM_CUSTOMER", "block", one.address_from_sale),
            ("SOFT_OPT_IN_NO_OPTOUT", "block", one.opt_out_offered),
            ("SOFT_OPT_IN_GROUP", "block", c.product_group and one.product_group == c.product_group),
            ("SOFT_OPT_IN_STALE", "review", not self.over(last, limit)),
            ("SOFT_OPT_IN_OK", "allow", False),
        )
        place, code, weight = next((place, *test[:2]) for place, test in enumerate(tests) if not test[2])
        return place, (last or "", one.relation == "free_account"), code, weight

    def ladder(self):
        """The first step that does not hold, or the ground that does."""
        c, p, point, form = self.c, self.p, self.point, self.org.form or "unknown"
        roles = [role for role in self.roles if role.organisation == self.org.name]
        by_mail = c.channel in ("email", "online_audience")
        private = point.use == "private" or (by_mail and self.domain in p.free_mail_domains)
        trader = p.sole_trader_private_address if private else p.sole_trader
        natural = {"sole_trader": trader, "tax_grouping": p.tax_grouping, "other": "review", "unknown": "review"}
        natural = "b2b" if form in LEGAL_PERSONS else natural.get(form, "strict")
        lay = form == "housing_company" and any(role.position in BOARD for role in roles)
        published = point.published_by_organisation or self.listed
        of_private = p.housing_company_private_address if lay else p.private_address_of_officer
        of_private = p.private_address_published if published else of_private
        # Of a sole trader's private address its own switch decides.
        of_private = of_private if private and form != "sole_trader" else "allow"
        duty, weight = ("B2B_GENERIC_OK", "allow") if point.use == "generic" else self.duty(roles)
        buyer = duty in ("B2B_ROLE_MISSING", "B2B_ROLE_TITLE_ONLY") and self.relations(self.org)
        registry = duty == "B2B_GENERIC_OK" and re.fullmatch(r"(kirjaamo|registra\w+)([.-].*)?", self.mailbox)
        texting, instant = c.channel in ("sms", "automated_call", "fax"), c.channel == "instant_message"
        softened = instant and is_ground(duty) and p.b2b_instant_message != "allow"
        steps = (
            ("B2B_NOT_LEGAL_PERSON", {"strict": "block", "review": "review", "b2b": None}[natural]),
            ("B2B_CONSUMER_PRODUCT", not c.business_use and "block"),
            ("B2B_PRIVATE_ADDRESS", of_private != "allow" and of_private),
            ("CONSENT_MISSING", softened and p.b2b_instant_message),
            ("B2B_CUSTOMER_OK", buyer and not instant and p.b2b_customer_relation),
            (duty, registry and p.registry_mailbox),
            (duty, texting and duty == "B2B_ROLE_OK" and p.b2b_text_message),
            (duty, weight),
        )
        return next((code, weight) for code, weight in steps if weight)

    def duty(self, roles):
        """The best of the roles; who is not in the register is judged by the row's own area and title."""
        row, when = self.row, self.row.acquired_on or self.c.list_extracted_on
        own = Of(title=row.title, areas=[Of(area=row.area, verified_on=when)] if row.area else [])
        best_first = ("B2B_ROLE_OK", "B2B_ROLE_STALE", "B2B_ROLE_MISMATCH", "B2B_ROLE_TITLE_ONLY", "B2B_ROLE_MISSING")
        initials = self.point and self.point.use in (None, "unknown")
        least = ("B2B_ROLE_MISSING", "review" if initials else "block")
        found = [least, *map(self.duty_in, roles if self.who else [own])]
        return min(found, key=lambda duty: (best_first.index(duty[0]), WEIGHTS.index(duty[1])))

    def duty_in(self, role):
        c, p, employees, position = self.c, self.p, self.org.employees, role.position
        areas = [area for area in role.areas if area.evidence != "title"]
        verified = max((area.verified_on or "" for area in areas if area.area in (c.areas or ())), default=None)
        small = employees is not None and employees <= p.small_company_employees
        cases = (
            ("B2B_ROLE_STALE", "block", verified == "" or self.over(verified, p.role_stale_block_months)),
            ("B2B_ROLE_STALE", "review", self.over(verified, p.role_fresh_months)),
            ("B2B_ROLE_OK", "allow", verified),
            ("B2B_ROLE_MISMATCH", "block", areas or position == "auditor"),
            ("B2B_ROLE_OK", "allow", position in DIRECTORS and (small or "general_management" in (c.areas or ()))),
            ("B2B_ROLE_MISMATCH", "review", position in DIRECTORS),
            ("B2B_ROLE_MISSING", "review", position in BOARD),
            ("B2B_ROLE_TITLE_ONLY", "review", role.areas or role.title),
            ("B2B_ROLE_MISSING", "block", True),
        )
        return next((code, weight) for code, weight, holds in cases if holds)

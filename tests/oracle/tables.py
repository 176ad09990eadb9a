"""The two tables of the law as data, copied by hand from the text: reason codes in evaluation order, switches and limits.

Kept apart from ``consentmgr.vocabulary`` on purpose: what the product prints is compared with this.
"""

#: Codes of each stage, in the order a row meets them.
STAGES = {
    "message": "RESEARCH_IS_SALES SERVICE_HAS_PROMO",
    "campaign": """CAMPAIGN_NO_SENDER CAMPAIGN_DISGUISED CAMPAIGN_NO_UNSUB CAMPAIGN_NO_ONE_CLICK CAMPAIGN_NO_SOURCE
        CAMPAIGN_EXPOSES_RECIPIENTS VTJ_ADDRESS_NOT_HELD""",
    "person": "DECEASED ERASED_SUPPRESSED PROCESSING_RESTRICTED MINOR_UNDER_13 MINOR_REVIEW",
    "non-disclosure": "NON_DISCLOSURE",
    "prohibitions": """DM_OBJECTION_ALL DM_OBJECTION_CHANNEL DM_OBJECTION_TOPIC CONSENT_WITHDRAWN SPAM_COMPLAINT
        ORG_PROHIBITION VENDOR_PROHIBITION ROBINSON_PHONE ROBINSON_POST DVV_DM_BAN ROBINSON_STALE PHONE_SUBSCRIPTION_BAN
        RESEARCH_OBJECTION PUBLIC_INFO_OBJECTION""",
    "whose law, whose address": """ORG_CEASED FOREIGN_LAW ORGANISATION_UNKNOWN CONTACT_UNKNOWN B2B_NOT_LEGAL_PERSON
        B2B_CONSUMER_PRODUCT B2B_PRIVATE_ADDRESS B2B_ROLE_STALE B2B_ROLE_MISMATCH B2B_ROLE_TITLE_ONLY B2B_ROLE_MISSING""",
    "ground": """SPECIAL_CATEGORY SOCIAL_CONSENT_MISSING CONSENT_SCOPE_CONTROLLER CONSENT_SCOPE_CHANNEL CONSENT_SCOPE_TOPIC
        CONSENT_INVALID_FORM CONSENT_UNCONFIRMED CONSENT_UNPROVEN CONSENT_STALE SOFT_OPT_IN_CHANNEL SOFT_OPT_IN_OTHER_SELLER
        SOFT_OPT_IN_NO_SALE SOFT_OPT_IN_NOT_FROM_CUSTOMER SOFT_OPT_IN_NO_OPTOUT SOFT_OPT_IN_GROUP SOFT_OPT_IN_STALE
        CONSENT_MISSING CONSENT_OK SOFT_OPT_IN_OK OPT_OUT_CHANNEL_OK B2B_GENERIC_OK B2B_ROLE_OK B2B_CUSTOMER_OK SERVICE_OK
        RESEARCH_OK PUBLIC_INFO_OK SOCIAL_OK""",
    "data": """ADDRESS_MISSING ADDRESS_INVALID SOFT_BOUNCE_LIMIT DATA_STALE SOURCE_UNKNOWN VENDOR_LICENCE_EXPIRED
        ART14_NOT_INFORMED""",
    "time": "QUIET_HOURS FREQ_CAP NOT_DECIDABLE",
    "sending": "SCREENING_EXPIRED",
}
CODES = tuple(code for codes in STAGES.values() for code in codes.split())
#: Grounds: what a row is allowed by.
GROUNDS = tuple(code for code in CODES if code.endswith("_OK"))

WEIGHTS = ("allow", "review", "block")

#: Every switch and limit at its default.
POLICY = {
    "soft_opt_in_quote_only": "block",
    "soft_opt_in_free_account": "review",
    "soft_opt_in_max_age_months": 36,
    "stop_reply_other_channels": "review",
    "robinson_own_customer": "review",
    "robinson_business_number": "review",
    "robinson_list_missing": "review",
    "robinson_research": "allow",
    "research_after_dm_objection": "review",
    "research_bans_before": "2018-05-25",
    "dvv_ban_on_own_data": "allow",
    "b2b_customer_relation": "allow",
    "private_address_of_officer": "block",
    "private_address_published": "review",
    "housing_company_private_address": "review",
    "sole_trader": "review",
    "sole_trader_private_address": "strict",
    "tax_grouping": "strict",
    "objection_follows_person": "review",
    "b2b_instant_message": "review",
    "b2b_text_message": "review",
    "registry_mailbox": "review",
    "exclusion_audience": "block",
    "audience_legitimate_interest": "block",
    "role_fresh_months": 12,
    "role_stale_block_months": 24,
    "consent_inactive_review_months": 36,
    "address_verified_max_months": 36,
    "robinson_list_max_age_days": 30,
    "soft_bounce_limit": 5,
    "small_company_employees": 20,
    "vendor_licence_months": 2,
    "certificate_valid_hours": 24,
    "max_messages_per_7_days": None,
    # Of the lists only what the tests use.
    "free_mail_domains": ("gmail.com",),
    "registry_mailboxes": ("kirjaamo@",),
    "country_rules": {"DE": "all", "DK": "all", "NO": "named"},
}
#: The values of each switch that is a weight, from strict to loose.
WEIGHT_SWITCHES = tuple(name for name, value in POLICY.items() if value in ("block", "review", "allow"))
FORM_SWITCHES = ("sole_trader", "sole_trader_private_address", "tax_grouping")
SWITCH_VALUES = {name: ("block", "review", "allow") for name in WEIGHT_SWITCHES if name not in FORM_SWITCHES}
SWITCH_VALUES |= dict.fromkeys(FORM_SWITCHES, ("strict", "review", "b2b"))
#: Sources that are not the person: the rest came from the person's own hand.
OUTSIDE_SOURCES = (None, "", "ytj", "population_register", "website")
#: Bans that are the person's own (or set for the person), so that they follow to the person's other addresses.
OWN_SOURCES = ("self", "guardian", "staff", "complaint", "court")
#: What a later consent lifts; nothing else is lifted by one.
LIFTED_BY_CONSENT = (
    "DM_OBJECTION_ALL",
    "DM_OBJECTION_CHANNEL",
    "DM_OBJECTION_TOPIC",
    "CONSENT_WITHDRAWN",
    "SPAM_COMPLAINT",
    "ORG_PROHIBITION",
    "VENDOR_PROHIBITION",
    "ROBINSON_PHONE",
    "ROBINSON_POST",
    "ERASED_SUPPRESSED",
)

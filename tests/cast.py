"""The fixed cast: five whose stories every journey can tell, as documents of the contract.

Aino consented, Birger objected, Cecilia was erased, Daniel is a minor, Ekman Oy is a company with a general address and
a decision-maker. Invented people, ``.example`` addresses.
"""

from typing import Any

DOCUMENT = dict[str, Any]

NOTICE: DOCUMENT = {
    "type": "notice",
    "key": "signup",
    "version": 1,
    "language": "fi",
    "text": "Haluan Acme Oy:n markkinointia sähköpostiini ja tekstiviestillä.",
    "controllers": ["acme"],
    "channels": ["email", "sms"],
    "purposes": ["direct_marketing", "newsletter"],
    "audiences": ["meta"],
}


def consent(at: str = "2026-08-01T10:00:00+03:00") -> DOCUMENT:
    """A consent as ``NOTICE`` asked for it, confirmed."""
    return {
        "event": "consent_given",
        "at": at,
        "controller": "acme",
        "method": "web_form",
        "source": "web",
        "channels": ["email", "sms"],
        "purposes": ["direct_marketing", "newsletter"],
        "audiences": ["meta"],
        "notice": "signup/1/fi",
        "evidence": {"form": "signup", "double_opt_in": "confirmed", "confirmed_at": at},
    }


def _person(name: str, family: str, born_on: str, phone: str, *events: DOCUMENT) -> DOCUMENT:
    told = {"source": "web_form", "acquired_on": "2026-03-01", "verified_on": "2026-06-01", "informed_on": "2026-03-01"}
    return {
        "type": "contact",
        "ref": f"crm:{name.lower()}",
        "controllers": ["acme"],
        "given_name": name,
        "family_name": family,
        "language": "fi",
        "country": "FI",
        "born_on": born_on,
        "points": [
            {"channel": "email", "value": f"{name.lower()}@posti.example", "use": "private", **told},
            {"channel": "phone", "value": phone, "use": "private", **told},
        ],
        "events": list(events),
    }


AINO = _person("Aino", "Virtanen", "1984-05-01", "+358501000301", consent())
BIRGER = _person(
    "Birger",
    "Salonen",
    "1979-02-11",
    "+358501000302",
    consent(),
    {"event": "objected", "at": "2026-09-01T10:00:00+03:00", "controller": "acme", "method": "email_link"},
)
CECILIA = _person(
    "Cecilia",
    "Holm",
    "1991-07-30",
    "+358501000303",
    consent(),
    {"event": "erasure_requested", "at": "2026-09-04T10:00:00+03:00", "controller": "acme", "method": "email_link"},
    {"event": "erased", "at": "2026-09-11T10:00:00+03:00", "controller": "acme", "method": "api"},
)
DANIEL = _person("Daniel", "Nieminen", "2011-04-03", "+358501000304", consent())
EKMAN: DOCUMENT = {
    "type": "organisation",
    "business_id": "2800301-9",
    "country": "FI",
    "name": "Ekman Oy",
    "form": "limited_company",
    "status": "active",
    "employees": 40,
    "domains": ["ekman.example"],
    "source": "ytj",
    "verified_on": "2026-10-01",
    "points": [
        {
            "channel": "email",
            "value": "info@ekman.example",
            "use": "generic",
            "source": "ytj",
            "acquired_on": "2026-09-01",
        }
    ],
}
EKMANS_HR_MANAGER: DOCUMENT = {
    "type": "contact",
    "ref": "crm:ekman-hr",
    "controllers": ["acme"],
    "given_name": "Greta",
    "family_name": "Lindqvist",
    "language": "sv",
    "country": "FI",
    "born_on": "1975-10-12",
    "points": [
        {
            "channel": "email",
            "value": "greta.lindqvist@ekman.example",
            "use": "work",
            "organisation": "2800301-9",
            "source": "organisation",
            "acquired_on": "2026-03-01",
            "verified_on": "2026-06-01",
            "informed_on": "2026-03-01",
        }
    ],
    "roles": [
        {
            "organisation": "2800301-9",
            "since": "2024-01-01",
            "areas": [{"area": "human_resources", "evidence": "organisation", "verified_on": "2026-07-01"}],
        }
    ],
}

CAST: tuple[DOCUMENT, ...] = (NOTICE, AINO, BIRGER, CECILIA, DANIEL, EKMAN, EKMANS_HR_MANAGER)

CONSUMER_CAMPAIGN: DOCUMENT = {
    "type": "campaign",
    "key": "autumn",
    "name": "Autumn offers",
    "controller": "acme",
    "channel": "email",
    "purpose": "direct_marketing",
}
BUSINESS_CAMPAIGN: DOCUMENT = {
    **CONSUMER_CAMPAIGN,
    "key": "payroll",
    "name": "Payroll software",
    "audience": "business",
    "business_use": True,
    "product_group": "payroll",
    "areas": ["human_resources", "finance"],
}

#: What must come of the cast on 2 November 2026 (row, campaign, verdict, headline).
EXPECTED: tuple[tuple[DOCUMENT, DOCUMENT, str, str], ...] = (
    ({"email": "aino@posti.example"}, CONSUMER_CAMPAIGN, "allow", "CONSENT_OK"),
    ({"email": "birger@posti.example"}, CONSUMER_CAMPAIGN, "block", "DM_OBJECTION_ALL"),
    ({"email": "cecilia@posti.example"}, CONSUMER_CAMPAIGN, "block", "ERASED_SUPPRESSED"),
    ({"email": "daniel@posti.example"}, CONSUMER_CAMPAIGN, "review", "MINOR_REVIEW"),
    ({"email": "info@ekman.example"}, BUSINESS_CAMPAIGN, "allow", "B2B_GENERIC_OK"),
    ({"email": "greta.lindqvist@ekman.example"}, BUSINESS_CAMPAIGN, "allow", "B2B_ROLE_OK"),
)

"""Random registers, campaigns and rows that meet every rule: seeded and fast, or drawn (and shrunk) by hypothesis.

``World(random.Random(seed))`` is one register; ``worlds()`` is the hypothesis strategy of the same. Addresses come from
small pools, so that contacts share them; dates come mostly from the two sides of a limit. Every document is one that the
importer takes: what is broken here is broken in law, not in form.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from consentmgr.vocabulary.codes import (
    CHANNELS,
    ELECTRONIC_CHANNELS,
    ORGANISATION_FORMS,
    PLATFORMS,
    POSITIONS,
    PURPOSES,
    REFUSAL_GROUNDS,
)
from tests.oracle.facts import months_on

NOW = datetime(2026, 11, 2, 13, 0, tzinfo=ZoneInfo("Europe/Helsinki"))
TODAY = NOW.date()
TOPICS = {"news-a": "newsletter", "news-b": "newsletter", "training": "product_group", "payroll": "product_group"}
AREAS = ("human_resources", "finance", "production", "general_management")
PEOPLE = (("Aino", "Virtanen"), ("Birger", "Salonen"), ("Cecilia", "Holm"), ("Eetu", "Virtanen"))
SOURCES = ("web_form", "order_form", "organisation", "vendor-x", "ytj", "website", "population_register", None)
#: What the duty and freshness rules look at: ages in months at which something turns, with a day on either side.
LIMITS = (1, 2, 7, 12, 24, 36)
#: When a role began and ended.
TERMS = (
    *({"since": "2020-01-01"},) * 4,
    {},
    {"since": "2026-01-01"},
    {"since": str(TODAY)},
    {"since": "2020-01-01", "until": "2026-11-01"},
    {"since": "2020-01-01", "until": "2026-11-02"},
    {"since": "2020-01-01", "until": "2027-01-01"},
)
DOCUMENT = dict[str, Any]
#: What each policy switch may be, from strict to loose.
SWITCH_VALUES = dict.fromkeys(
    """soft_opt_in_quote_only soft_opt_in_free_account stop_reply_other_channels robinson_own_customer
    robinson_business_number robinson_list_missing robinson_research research_after_dm_objection dvv_ban_on_own_data
    b2b_customer_relation private_address_of_officer private_address_published housing_company_private_address
    objection_follows_person b2b_instant_message b2b_text_message registry_mailbox exclusion_audience
    audience_legitimate_interest""".split(),
    ("block", "review", "allow"),
) | dict.fromkeys(("sole_trader", "sole_trader_private_address", "tax_grouping"), ("strict", "review", "b2b"))


def filled(**fields: Any) -> DOCUMENT:
    """Without what is absent, as documents are written."""
    return {name: value for name, value in fields.items() if value is not None}


def business_id(number: int) -> str:
    """A Finnish business id with its check digit."""
    while True:
        rest = (
            sum(weight * int(digit) for weight, digit in zip((7, 9, 10, 5, 8, 4, 2), f"{number:07d}", strict=True)) % 11
        )
        if rest != 1:
            return f"{number:07d}-{11 - rest if rest else 0}"
        number += 1


FOREIGN = {"SE": ("556005-0501",), "DE": ("DE130050518",), "DK": ("30000005",), "NO": ("988077909",)}


class World:
    """One random register. ``documents``, and then any number of ``campaign()``, ``row()`` and ``policy()``."""

    def __init__(self, random: Random, contacts: int = 30) -> None:
        self.random = random
        self.refs = [f"crm:{number}" for number in range(contacts)]
        self.emails = [f"person{number}@posti.example" for number in range(contacts * 2 // 3)]
        self.emails += [f"testi.person{number}@gmail.com" for number in range(3)]
        self.phones = [f"+358501{number:06d}" for number in range(contacts * 2 // 3)]
        self.posts = [
            {
                "street": f"Esimerkkikatu {number}",
                "apartment": "A 1",
                "postal_code": "00100",
                "city": "Helsinki",
                "country": "FI",
            }
            for number in range(1, contacts // 3 + 2)
        ]
        self.notices = [self.notice(number) for number in range(10)]
        self.organisations = [self.organisation(number) for number in range(max(4, contacts // 3))]
        self.contacts = [self.contact(ref) for ref in self.refs]
        self.prohibitions = [self.prohibition() | {"reference": f"ban-{number}"} for number in range(contacts // 2)]
        self.documents: list[DOCUMENT] = [
            {"type": "controller", "key": "beta", "name": "Beta Oy"},
            *({"type": "topic", "key": key, "kind": kind, "controller": "acme"} for key, kind in TOPICS.items()),
            *self.notices,
            # Words replaced by others: consents were given under the first version, whatever came after.
            *(one | {"version": 2, "supersedes": "major"} for one in self.notices[8:9]),
            *(one | {"version": 2, "supersedes": "minor"} for one in self.notices[9:10]),
            *self.organisations,
            *self.contacts,
            *self.loose_events(),
            *self.prohibitions,
            *self.external_lists(),
        ]

    # Chance.

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def some(self, values: Any, most: int = 2) -> list[Any]:
        values = list(values)
        return self.random.sample(values, min(len(values), self.random.randint(0, most)))

    def pick(self, usual: Any, others: Any, percent: int = 20) -> Any:
        """Mostly the usual value."""
        return self.random.choice(list(others)) if self.chance(percent) else usual

    def day(self, *, ahead: bool = False) -> str:
        """A day on one side of a limit, or any within five years (also ahead, where that can be)."""
        if self.chance(50):
            limit = months_on(TODAY, -self.random.choice(LIMITS))
            return str(limit + timedelta(days=self.random.choice((-1, 0, 1))))
        return str(TODAY - timedelta(days=self.random.randrange(-60 if ahead else 0, 1800)))

    def moment(self) -> str:
        """A past moment; a few are shared by many acts, and told in two time zones."""
        if self.chance(30):
            return self.random.choice(
                ("2026-08-01T10:00:00+03:00", "2026-08-01T07:00:00+00:00", "2026-09-01T10:00:00+03:00")
            )
        if self.chance(5):
            return "2015-05-11T10:00:00+03:00"
        return (NOW - timedelta(minutes=self.random.randrange(60, 3 * 365 * 24 * 60))).isoformat()

    # The register.

    def notice(self, number: int) -> DOCUMENT:
        wide = self.chance(60)
        return {
            "type": "notice", "key": f"notice-{number}", "version": 1, "language": "fi", "text": "Haluan markkinointia.",
            "controllers": self.pick(["acme"], (["acme", "beta"], ["beta"]), 30),
            "channels": list(CHANNELS[:7]) if wide else self.some(CHANNELS, 4),
            "purposes": ["direct_marketing", "newsletter"] if wide else self.some(PURPOSES, 3),
            "topics": [] if wide else self.some(TOPICS, 2),
            "audiences": list(PLATFORMS) if self.chance(40) else self.some(PLATFORMS),
        }  # fmt: skip

    def organisation(self, number: int) -> DOCUMENT:
        country = self.pick("FI", FOREIGN, 15)
        identity = business_id(2_700_000 + 10 * number)
        if country != "FI":
            (identity,) = FOREIGN[country]
            if any(one.get("business_id") == identity for one in getattr(self, "organisations", ())) or number % 4:
                country, identity = "FI", business_id(2_700_000 + 10 * number)
        domain = f"firma{number}.example"
        points = [
            filled(
                channel="email",
                value=self.pick(f"info@{domain}", (f"kirjaamo@{domain}", f"testi.firma{number}@gmail.com"), 30),
                use=self.pick("generic", ("work", "unknown"), 10),
                source=self.random.choice(SOURCES),
                acquired_on=self.day(),
            )
        ]
        points += [
            filled(channel="phone", value=f"+3589420{number:04d}", use="generic", source="ytj", acquired_on=self.day())
        ]
        return filled(
            type="organisation",
            business_id=identity if number or country != "FI" else None,
            ref=None if number or country != "FI" else "org:kerho",
            country=country,
            name=f"Firma {number}",
            form=self.pick("limited_company", ORGANISATION_FORMS, 50),
            status=self.pick("active", ("bankrupt", "in_liquidation", "ceased"), 10),
            employees=self.random.choice((None, 0, 5, 20, 21, 500)),
            domains=[domain] if self.chance(85) else [],
            source="ytj",
            customer_of=[
                filled(controller=self.pick("acme", ("beta", None)), product_group=group, last_purchase_on=self.day())
                for group in self.some(("training", "payroll"), 1)
            ],
            points=[point for point in points if self.chance(70)],
        )

    def identity(self, organisation: DOCUMENT) -> str:
        return organisation.get("business_id") or organisation["ref"]

    def business_ids(self, points: int = 9) -> list[str]:
        """What a row may name: those of organisations with no more addresses than so many, and one that nobody has."""
        told = (one for one in self.organisations if "business_id" in one and len(one["points"]) <= points)
        return [business_id(1_900_000), *(one["business_id"] for one in told)]

    def point(self, kind: str, value: Any, organisation: DOCUMENT | None) -> DOCUMENT:
        told = self.chance(80)
        return filled(
            channel=kind,
            value=value,
            use=self.pick(
                "work" if organisation else "private", ("private", "work", "generic", "contact_address", "unknown"), 15
            ),
            organisation=self.identity(organisation) if organisation and self.chance(80) else None,
            source=self.random.choice(SOURCES),
            acquired_on=self.day(),
            verified_on=self.day() if self.chance(70) else None,
            informed_on=self.day() if told else None,
            state=self.pick("ok", ("hard_bounce", "invalid"), 6),
            soft_bounces=self.pick(0, (4, 5, 9), 10),
            published_by_organisation=self.chance(15),
        )

    def contact(self, ref: str) -> DOCUMENT:
        given, family = self.random.choice(PEOPLE)
        employer = self.random.choice(self.organisations) if self.chance(55) else None
        points = []
        if employer and employer.get("domains") and self.chance(80):
            points.append(self.point("email", f"{given.lower()}{ref[4:]}@{employer['domains'][0]}", employer))
        if self.chance(70) or not points:
            points.append(self.point("email", self.random.choice(self.emails), None))
        if self.chance(60):
            points.append(self.point("phone", self.random.choice(self.phones), employer if self.chance(30) else None))
        if self.chance(60):
            points.append(self.point("post", self.random.choice(self.posts), employer if self.chance(20) else None))
        born = self.pick("1980-05-01", ("2013-11-02", "2013-11-03", "2008-11-02", "2008-11-03", "2020-01-01", None), 15)
        return filled(
            type="contact",
            ref=ref,
            given_name=given,
            family_name=family,
            country=self.pick("FI", ("SE", "DE", "NO", None), 10),
            born_on=born,
            deceased_on="2026-08-20" if self.chance(3) else None,
            non_disclosure=self.chance(6),
            restricted_since=self.day() if self.chance(3) else None,
            last_interaction_on=self.day() if self.chance(50) else None,
            points=points,
            roles=self.roles(employer),
            customer_of=self.relations(),
            messages_sent=self.messages(),
            events=[self.event() for _ in range(self.random.choice((0, 0, 1, 1, 2, 3)))],
        )

    def roles(self, employer: DOCUMENT | None) -> list[DOCUMENT]:
        if employer is None:
            return []
        others = [one for one in self.organisations if one is not employer]
        firms = [employer] if self.chance(85) else []
        firms += [employer] if self.chance(15) else []
        firms += [self.random.choice(others)] if self.chance(20) else []
        return [
            filled(
                organisation=self.identity(firm),
                title="Päällikkö" if self.chance(40) else None,
                position=self.random.choice(POSITIONS) if self.chance(30) else None,
                # Two roles of one title that begin on one day are one role.
                **(self.random.choice(TERMS) | ({"since": "2019-05-05"} if number and firm is firms[0] else {})),
                areas=[
                    filled(
                        area=area,
                        evidence=self.random.choice(("organisation", "vendor", "register", "title")),
                        verified_on=self.day() if self.chance(90) else None,
                    )
                    for area in self.some(AREAS)
                ],
            )
            for number, firm in enumerate(firms)
        ]

    def relations(self) -> list[DOCUMENT]:
        kinds = ("membership", "free_account_of_paid_service", "free_account", "quote_only")
        groups = self.some(("training", "payroll", None), 2) if self.chance(50) else []
        return [
            filled(
                controller=self.pick("acme", ("beta",)),
                product_group=group,
                relation=self.pick("purchase", kinds, 40),
                last_purchase_on=self.day() if self.chance(95) else None,
                address_from_sale=self.chance(80),
                opt_out_offered=self.chance(80),
            )
            for group in groups
        ]

    def messages(self) -> list[DOCUMENT]:
        return [
            filled(
                at=(NOW - timedelta(days=self.random.randrange(1, 12), hours=number)).isoformat(),
                controller=self.pick("acme", ("beta",)),
                channel="email",
                purpose=self.pick("direct_marketing", PURPOSES),
                campaign=f"earlier-{number}",
            )
            for number in range(self.random.choice((0, 0, 0, 1, 2, 3)))
        ]

    def scope(self, *, channels: int = 40) -> DOCUMENT:
        return {
            "channels": self.some(CHANNELS, 3) if self.chance(channels) else [],
            "purposes": self.pick([], (["direct_marketing"], ["newsletter"], ["research"], ["public_information"]), 50),
            "topics": self.some(TOPICS, 2) if self.chance(20) else [],
        }

    def event(self) -> DOCUMENT:
        kind = self.random.choice(
            ("consent_given",) * 30
            + ("objected", "consent_withdrawn") * 5
            + ("consent_refused", "complaint", "objection_lifted") * 3
            + (
                "guardian_consented",
                "restricted",
                "restriction_lifted",
                "erasure_requested",
                "erased",
                "access_requested",
                "erasure_refused",
                "erasure_extended",
            )
        )
        common = filled(
            event=kind,
            at=self.moment(),
            controller=self.pick("acme", ("beta", None), 15),
            method=self.random.choice(("web_form", "email_link", "sms_reply", "phone")),
            given_by=self.pick(None, ("representative", "unverified"), 12),
            imported_without_date=True if self.chance(7) else None,
        )
        if kind == "erasure_refused":
            common.pop("imported_without_date", None)
            return common | {"ground": self.random.choice(REFUSAL_GROUNDS)}
        if kind == "erasure_extended":
            common.pop("imported_without_date", None)
            return common | {"reason": "many registers to look through"}
        if kind in ("consent_given", "guardian_consented"):
            return common | self.consent()
        if kind == "complaint":
            return common | {"channels": [self.random.choice(("email", "sms"))]}
        if kind == "consent_refused":
            return common | self.scope() | {"channels": self.random.sample(CHANNELS, self.random.choice((0, 1, 2, 2)))}
        if kind == "objection_lifted" and self.chance(20):
            return common | {"prohibition": f"ban-{self.random.randrange(15)}"}
        if kind in ("objected", "consent_withdrawn", "objection_lifted"):
            return common | self.scope()
        return common

    def consent(self) -> DOCUMENT:
        notice = self.random.choice(self.notices) if self.chance(90) else None
        copied = notice and self.chance(70)
        return filled(
            method=self.pick("web_form", ("import", "phone", "paper"), 20),
            channels=notice["channels"] if copied else self.some(CHANNELS[:7], 4),
            purposes=notice["purposes"] if copied else self.some(PURPOSES[:2], 2),
            topics=notice["topics"] if copied else self.some(TOPICS, 1),
            audiences=notice["audiences"] if copied else self.some(PLATFORMS),
            notice=f"{notice['key']}/1/fi" if notice else None,
            evidence=filled(
                form="signup",
                double_opt_in=self.pick("confirmed", ("pending", "not_used"), 15),
                pre_ticked=True if self.chance(5) else None,
                condition_of_service=True if self.chance(10) else None,
                freely_joined=self.chance(50),
                express_request=True if self.chance(20) else None,
                recording="call-1" if self.chance(10) else None,
            ),
        )

    def loose_events(self) -> list[DOCUMENT]:
        return [{"type": "event", "contact": self.random.choice(self.refs), **self.event()} for _ in range(4)]

    def prohibition(self) -> DOCUMENT:
        kind = self.random.choice(("contact", *("email", "phone") * 2, "post", "organisation", "domain", "hash"))
        email, phone = self.random.choice(self.emails), self.random.choice(self.phones)
        work = [point["value"] for one in self.contacts for point in one["points"] if point["channel"] == "email"]
        organisation = self.random.choice(self.organisations)
        domain = self.random.choice((*organisation.get("domains", ()), "posti.example", "irma1.example"))
        person = (
            "self",
            "guardian",
            "staff",
            "complaint",
            "court",
            "vendor",
            "telecom_authority",
            "population_register",
        )
        # Lists hash a number with its plus and without.
        hashed = (
            {"email_sha256": sha256(email.encode()).hexdigest()},
            {"phone_sha256": sha256(phone.encode()).hexdigest()},
            {"phone_sha256": sha256(phone.removeprefix("+").encode()).hexdigest()},
        )
        target, sources = {
            "contact": ({"contact": self.random.choice(self.refs)}, (*person, "robinson_phone", "robinson_post")),
            "email": ({"email": self.random.choice((email, *work[:8]))}, person),
            "phone": ({"phone": phone}, (*person, *("robinson_phone",) * 8)),
            "post": ({"post": self.random.choice(self.posts)}, (*person, *("robinson_post",) * 8)),
            "organisation": ({"organisation": self.identity(organisation)}, ("organisation", "staff")),
            "domain": ({"domain": domain}, ("organisation",)),
            "hash": (self.random.choice(hashed), person),
        }[kind]
        begins = self.random.choice(("2015-01-01", "2026-01-01", str(TODAY), str(TODAY + timedelta(days=1))))
        ends = self.pick(None, ("2026-11-01", "2026-11-02", "2028-01-01"), 30)
        return filled(
            type="prohibition",
            target=target,
            source=self.random.choice(sources),
            controllers=self.pick([], (["acme"], ["beta"], ["acme", "beta"]), 30),
            valid_from=begins,
            valid_until=ends if ends is None or ends >= begins else None,
            **self.scope(channels=50),
        )

    def external_lists(self) -> list[DOCUMENT]:
        ages = {"robinson_phone": (5, 30, 31), "robinson_post": (5, 30, 31)}
        return [
            {"type": "external_list", "source": source, "as_of": str(TODAY - timedelta(days=self.pick(5, days, 40)))}
            for source, days in ages.items()
            if self.chance(85)
        ]

    # The question.

    def campaign(self) -> DOCUMENT:
        channel = self.pick("email", CHANNELS, 65)
        purpose = self.pick("direct_marketing", PURPOSES[:2] if channel == "online_audience" else PURPOSES, 45)
        business = self.chance(45)
        planned = NOW + timedelta(days=self.random.choice((0, 0, 1, 30)), hours=self.random.choice((0, 0, 0, 9)))
        vendor = self.pick("own", ("vendor", "population_register", "unknown"), 25)
        fixed = filled(
            type="campaign",
            key="random",
            name="Random",
            channel=channel,
            purpose=purpose,
            topic=self.random.choice((None, None, "news-a", "news-b")),
            product_group=self.random.choice((None, "training", "payroll", "training")),
            audience="business" if business else "consumer",
            business_use=self.chance(90) if business else self.chance(10),
            areas=self.some(AREAS, 3),
            promotes=self.chance(90) if purpose in ("direct_marketing", "newsletter") else self.chance(25),
            own_products=self.chance(95),
            special_category=self.chance(5),
            child_directed=self.chance(5),
            sells_mobile_subscription=self.chance(10),
            list_source=vendor,
            list_extracted_on=self.day() if vendor == "vendor" and self.chance(80) else None,
            vendor_licence_until=self.random.choice(("2026-11-01", "2026-11-02", "2027-01-01", None)),
            planned_at=planned.isoformat() if self.chance(50) else None,
            controller=self.pick("acme", ("beta", None), 10),
            joint_controllers=["beta"] if self.chance(4) else [],
            sold_by="beta" if self.chance(2) else None,
            reminder_of_service=self.chance(15),
            confirms_own_request=self.chance(15),
            addresses_handed_to_sender=self.chance(10),
            message=self.message(channel),
        )
        if fixed.get("controller") == "beta":
            fixed["joint_controllers"] = []
        if channel == "online_audience":
            kinds = ("inclusion", "inclusion", "exclusion", "lookalike_seed", "company_list")
            fixed |= {"platform": self.random.choice(PLATFORMS), "audience_kind": self.random.choice(kinds)}
        elif channel == "instant_message" and self.chance(30):
            fixed["platform"] = "linkedin"
        return fixed

    def message(self, channel: str) -> DOCUMENT:
        return {
            "sender_named": self.chance(98),
            "subject_honest": self.chance(98),
            "unsubscribe": self.pick(
                "link" if channel == "email" else "reply", ("none", "paid_number", "free_number"), 6
            ),
            "one_click": self.chance(97),
            "source_line": self.chance(85),
            "privacy_notice": self.chance(96),
            "objection_notice": self.chance(90),
            "article_14_notice": self.chance(80),
            "recipients_hidden": self.chance(97),
            "unsubscribe_needs": self.some(("login", "fee", "reason"), 1) if self.chance(5) else [],
        }

    def row(self, campaign: DOCUMENT) -> DOCUMENT:
        if campaign.get("audience_kind") == "company_list":
            return {"business_id": self.random.choice(self.business_ids())}
        known = [point for one in (*self.contacts, *self.organisations) for point in one["points"]]
        kind = "email" if campaign["channel"] in ("email", "online_audience") else "phone"
        kind = "post" if campaign["channel"] == "post" else kind
        fitting = [point["value"] for point in known if point["channel"] == kind] or self.emails
        what = self.random.choice(("known",) * 12 + ("ref", "business_id", "hash", "unknown", "other", "broken", "two"))
        if kind == "post" and what in ("hash", "broken", "two"):
            what = "known"
        facts = {}
        if self.chance(25):
            facts = filled(
                source=self.random.choice(SOURCES),
                acquired_on=self.day(),
                area=self.random.choice(AREAS) if self.chance(30) else None,
                title="HR Manager" if self.chance(30) else None,
            )
        value = self.random.choice(fitting)
        # Of several addresses that the register could give, the law does not say which: asked only where there is one.
        any_kind = campaign["channel"] == "instant_message" and campaign.get("platform") == "linkedin"
        kinds = ("email", "phone") if any_kind else (kind,)
        audience = campaign["channel"] == "online_audience"
        single = [
            one
            for one in self.contacts
            if not audience and sum(point["channel"] in kinds for point in one["points"]) < 2
        ]
        if what == "ref" and single:
            return {"ref": self.random.choice((*(one["ref"] for one in single), "crm:nobody")), **facts}
        if what == "business_id" and not audience:
            return {"business_id": self.random.choice(self.business_ids(1 if any_kind else 9)), **facts}
        if what == "unknown":
            unknown = f"uusi@firma{self.random.randrange(12)}.example"
            posts = {**self.posts[0], "street": "Uusikatu 1"}
            value = {"email": unknown, "phone": "+358509999999", "post": posts}[kind]
        if what == "broken":
            return {kind: "ei osoitetta", **facts}
        if what == "hash":
            return {f"{kind}_sha256": sha256(str(value).encode()).hexdigest(), **facts}
        if what == "other" and single:
            values = [point["value"] for one in single for point in one["points"] if point["channel"] == "phone"]
            held = {value for value in values if all(one in single for one in self.contacts if self.holds(one, value))}
            if kind != "phone" and held:
                return {"phone": self.random.choice(sorted(held)), **facts}
        if what == "two" and self.chance(50):
            return {kind: value, "ref": self.random.choice(self.refs), **facts}
        if what == "two":
            value = (
                self.random.choice((value, "uusi@firma1.example", "uusi@muualla.example")) if kind == "email" else value
            )
            return {kind: value, "business_id": self.random.choice(self.business_ids()), **facts}
        if kind == "post":
            given, family = self.random.choice(PEOPLE)
            name = {"given_name": given, "family_name": family} if self.chance(90) else {}
            return {**{part: text for part, text in value.items() if part != "country"}, **name, **facts}
        if len(kinds) == 1 and not audience:
            facts |= self.more(kind)
        return {kind: value.upper() if self.chance(10) else value, **facts}

    def more(self, kind: str) -> DOCUMENT:
        """What else a row of a list may have that gives an address of this kind."""
        found = {}
        if self.chance(10):
            # A list with all that is known of its people: at the postal address it is about whom it names.
            given, family = self.random.choice(PEOPLE)
            found = {part: text for part, text in self.random.choice(self.posts).items() if part != "country"}
            found |= {"given_name": given, "family_name": family}
        if self.chance(10):
            # Its telephone number and its address need not be one person's.
            other, values = ("phone", self.phones) if kind == "email" else ("email", self.emails)
            found[other] = self.random.choice((*values, "ei osoitetta"))
        return found

    def holds(self, contact: DOCUMENT, value: str) -> bool:
        return any(point["value"] == value for point in contact["points"])

    def policy(self) -> DOCUMENT:
        """Mostly the defaults; else a few switches at other values."""
        if self.chance(60):
            return {}
        names = self.random.sample(sorted(SWITCH_VALUES), 4)
        found = {name: self.random.choice(SWITCH_VALUES[name]) for name in names}
        return found | ({"max_messages_per_7_days": 2} if self.chance(50) else {})


def world(seed: int, contacts: int = 30) -> World:
    return World(Random(seed), contacts)


def worlds(contacts: int = 6) -> st.SearchStrategy[World]:
    """Small worlds that hypothesis draws and shrinks choice by choice."""
    return st.randoms(use_true_random=False).map(lambda random: World(random, contacts))


__all__ = ["ELECTRONIC_CHANNELS", "NOW", "World", "world", "worlds"]

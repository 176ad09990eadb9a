"""The law read a second time: a naive oracle for one list row, sharing nothing with the engine but the address forms.

``judge(documents, campaign, row, now, policy)`` goes through the rules as a lawyer would, stage by stage, once for each
contact of the row; the least permissive wins, and the headline is the first stop of the hardest. Slow and flat, to be read beside the text. Here are stages 1-4, 8 and 9;
stage 5 is in ``bans``, stages 6 and 7 in ``grounds``, consents in ``acts``; documents are read in ``register``.
"""

from datetime import datetime, time, timedelta
from typing import NamedTuple

import msgspec

from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS, POINT_KIND_OF_CHANNEL
from consentmgr.vocabulary.documents import Campaign
from tests.oracle.grounds import Grounds
from tests.oracle.register import HELSINKI, Register, day, months_on, public_holiday
from tests.oracle.tables import CODES, GROUNDS, OUTSIDE_SOURCES, POLICY, WEIGHTS


class Answer(NamedTuple):
    verdict: str
    reason: str
    reasons: tuple[str, ...]
    ground: str | None


def judge(register, campaign, row, now, policy=None):
    """The answer for one row; ``reasons`` hold every stop and the ground, in evaluation order."""
    register = register if isinstance(register, Register) else Register(register)
    asked = msgspec.convert({"type": "campaign", **campaign}, Campaign) if isinstance(campaign, dict) else campaign
    service, audience = asked.purpose == "service_message", asked.channel == "online_audience"
    sells = asked.promotes or audience or (service and asked.reminder_of_service)
    marketing = (
        sells and (audience or service or asked.purpose == "public_information") and asked.purpose != "newsletter"
    )
    judged = "direct_marketing" if marketing else asked.purpose
    found = Row(register, msgspec.structs.replace(asked, purpose=judged), row, now, {**POLICY, **(policy or {})}).found
    if asked.purpose == "research" and asked.promotes:
        for fired in found:
            fired[CODES.index("RESEARCH_IS_SALES"), "RESEARCH_IS_SALES"] = "block"
    fired = least_permissive(found)
    answer = summed_up(fired)
    if answer.verdict == "allow" or not (service and asked.promotes) or audience:
        return answer
    return summed_up({**fired, (CODES.index("SERVICE_HAS_PROMO"), "SERVICE_HAS_PROMO"): "block"})


def least_permissive(found):
    """What fired of the contact that is judged hardest; of several equally hard ones, all that fired of them."""
    worst = max((summed_up(fired).verdict for fired in found), key=WEIGHTS.index)
    found = [fired for fired in found if summed_up(fired).verdict == worst]
    # A ground that not every one of them has is none of the row's.
    grounded = all(any(code in GROUNDS for _, code in fired) for fired in found)
    places = {place for fired in found for place in fired if grounded or place[1] not in GROUNDS}
    return {place: max((fired.get(place, "allow") for fired in found), key=WEIGHTS.index) for place in places}


def summed_up(fired):
    reasons = tuple(dict.fromkeys(code for _, code in sorted(fired)))
    verdict = max(fired.values(), key=WEIGHTS.index)
    headline = [*(code for code in reasons if code not in GROUNDS), *reasons][0]
    return Answer(verdict, headline, reasons, headline if verdict == "allow" else None)


class Row(Grounds):
    """One row asked of one campaign; ``contact``, ``point`` and ``organisation`` are those just being looked at."""

    def __init__(self, register, c, row, now, policy):
        self.register, self.c, self.row, self.policy, self.found = register, c, row, policy, []
        self.at = (c.planned_at or now).astimezone(HELSINKI)
        self.today = self.at.date()
        self.controller = c.controller or register.default
        self.controllers = {self.controller, *c.joint_controllers}
        self.subjects = {c.topic, c.product_group} - {None}
        self.audience, self.business = c.channel == "online_audience", c.audience == "business"
        self.companies = self.audience and c.audience_kind == "company_list"
        self.selling = self.audience or c.purpose in ("direct_marketing", "newsletter")
        self.plain_service = c.purpose == "service_message" and not self.audience
        self.research = c.purpose == "research" and not self.audience
        # A message to a profile needs no address of ours; the person is known by any.
        profile = c.channel == "instant_message" and c.platform == "linkedin"
        kinds = (
            ("phone", "email")
            if profile
            else ("email", "phone")
            if self.audience
            else (POINT_KIND_OF_CHANNEL[c.channel],)
        )
        contacts, given, unreadable = register.resolve(row, kinds, shared=c.channel != "post" and not profile)
        for self.contact, self.address in contacts:
            self.fired = {}
            self.found.append(self.fired)
            self.forms = given | self.address
            self.events = self.contact.get("events", ())
            found = register.whose(self.contact, self.address, row, self.today)
            self.point, self.listed, self.domain, self.at_domain, self.organisation = found
            self.ground = None
            self.campaign_gates()
            if unreadable:
                self.fire("ADDRESS_INVALID", early=0.1)
                continue
            self.person()
            self.bans()
            if self.address or self.companies or profile:
                self.whose_law()
                self.find_ground()
            else:
                self.fire("ADDRESS_MISSING")
            self.data_and_time()

    def fire(self, code, weight="block", early=0.0):
        at = (CODES.index("DECEASED") - early if early else CODES.index(code), code)
        if weight != "allow" or code in GROUNDS:
            self.fired[at] = max(weight, self.fired.get(at, "allow"), key=WEIGHTS.index)
            self.ground = code if code in GROUNDS else self.ground

    def over(self, text, months):
        return bool(text) and months_on(day(text), months) < self.today

    def from_outside(self):
        source = self.point.get("source") or self.row.get("source")
        return self.c.list_source != "own" or source in OUTSIDE_SOURCES or source.startswith("vendor")

    def campaign_gates(self):
        c, message, own = self.c, self.c.message, self.register.default
        told = [one for one in self.contact.get("messages_sent", ()) if (one.get("controller") or own) == self.controller
                and datetime.fromisoformat(one["at"]) < self.at]  # fmt: skip
        hard = message.unsubscribe in ("none", "paid_number") or message.unsubscribe_needs
        population = c.list_source == "population_register"
        for code, fires in (
            ("CAMPAIGN_NO_SENDER", not message.sender_named),
            ("CAMPAIGN_DISGUISED", not message.subject_honest),
            (
                "CAMPAIGN_NO_UNSUB",
                (c.channel in ELECTRONIC_CHANNELS and hard) or not (message.objection_notice or told),
            ),
            ("CAMPAIGN_NO_ONE_CLICK", c.channel == "email" and not message.one_click),
            ("CAMPAIGN_NO_SOURCE", (population or c.list_source == "vendor") and not message.source_line),
            ("VTJ_ADDRESS_NOT_HELD", population and c.addresses_handed_to_sender),
        ):
            self.fire(code, "block" if fires and self.selling else "allow")
        self.fire(
            "CAMPAIGN_EXPOSES_RECIPIENTS", "allow" if c.channel != "email" or message.recipients_hidden else "block"
        )
        self.fire("ART14_NOT_INFORMED", "review" if self.selling and not message.privacy_notice else "allow", early=0.5)

    def person(self):
        c, who, milder = self.c, self.contact, "review" if self.plain_service else "block"
        if who.get("deceased_on"):
            self.fire("DECEASED")
        kept = [one for one in self.register.contacts.values() if one is not who and one["kept"] & self.forms]
        # A key is kept from an erasure, and counts from it; what its owner asked later is said of nobody else.
        erased = [event for one in (who, *kept) for event in one.get("events", ()) if event["event"] == "erased"
                  or (one is who and event["event"] == "erasure_requested")]  # fmt: skip
        if not all(self.lifted("ERASED_SUPPRESSED", event) for event in erased):
            self.fire("ERASED_SUPPRESSED", "allow" if self.plain_service and c.confirms_own_request else milder)
        restricted = [event for event in self.events if event["event"] == "restricted"]
        restricted += [{"valid_from": who["restricted_since"]}] if who.get("restricted_since") else []
        freed = self.verified("restriction_lifted")
        if not all(any(self.later(event, act) for event in freed) for act in restricted):
            self.fire("PROCESSING_RESTRICTED", milder)
        if (self.selling or self.research) and not self.companies:
            born = day(who.get("born_on"))
            if (
                born
                and months_on(born, 13 * 12) > self.today
                and not any(one["event"] == "guardian_consented" for one in self.standing_consents())
            ):
                self.fire("MINOR_UNDER_13")
            elif months_on(born, 18 * 12) > self.today if born else c.child_directed:
                self.fire("MINOR_REVIEW", "block" if self.audience else "review")
        if who.get("non_disclosure") and self.audience:
            self.fire("NON_DISCLOSURE")
        elif who.get("non_disclosure") and c.channel == "post" and self.point.get("use") != "contact_address":
            self.fire("NON_DISCLOSURE", "block" if self.from_outside() and not self.plain_service else "review")

    def data_and_time(self):
        c, point, policy = self.c, self.point, self.policy
        if point.get("state") in ("hard_bounce", "invalid"):
            self.fire("ADDRESS_INVALID")
        if self.selling or self.research:
            self.quiet_hours()
        if not self.selling:
            return
        acquired = point.get("acquired_on") or self.row.get("acquired_on")
        if (point.get("soft_bounces") or 0) >= policy["soft_bounce_limit"]:
            self.fire("SOFT_BOUNCE_LIMIT", "review")
        if (
            c.channel == "post"
            and self.address
            and self.over(point.get("verified_on") or acquired, policy["address_verified_max_months"])
        ):
            self.fire("DATA_STALE", "review")
        licence = c.vendor_licence_until or (
            c.list_extracted_on and months_on(c.list_extracted_on, policy["vendor_licence_months"]))  # fmt: skip
        if c.list_source == "vendor" and licence and self.today > licence:
            self.fire("VENDOR_LICENCE_EXPIRED")
        if self.ground in ("B2B_ROLE_OK", "B2B_CUSTOMER_OK", "OPT_OUT_CHANNEL_OK") and point.get("use") != "generic":
            self.source_and_information(point.get("source") or self.row.get("source"), acquired)
        if policy["max_messages_per_7_days"] is not None:
            lately = [one for one in self.contact.get("messages_sent", ()) if day(one["at"]) >= self.today - timedelta(days=7)
                      and datetime.fromisoformat(one["at"]) <= self.at]  # fmt: skip
            own = [one for one in lately if (one.get("controller") or self.register.default) == self.controller
                   and one.get("purpose") in ("direct_marketing", "newsletter")]  # fmt: skip
            self.fire("FREQ_CAP", "block" if len(own) >= policy["max_messages_per_7_days"] else "allow")

    def source_and_information(self, source, acquired):
        if self.c.list_source == "unknown" or not source:
            self.fire("SOURCE_UNKNOWN")
        if not self.point.get("informed_on") and "population_register" not in (self.c.list_source, source):
            if not self.from_outside() or not self.c.message.article_14_notice:
                self.fire("ART14_NOT_INFORMED")
            elif not acquired or self.over(acquired, 1):
                self.fire("ART14_NOT_INFORMED", "review")

    def quiet_hours(self):
        closing = {5: time(18), 6: time(0)}.get(self.today.weekday(), time(20))
        decent = time(9) <= self.at.time() < closing and not public_holiday(self.today)
        if self.c.channel in ("phone", "automated_call") and not decent:
            self.fire("QUIET_HOURS")

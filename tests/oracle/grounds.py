"""Stages 6 and 7: whose law, whose address, and the ground - or the one code that says why there is none."""

from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS, LEGAL_PERSON_FORMS
from tests.oracle.bans import Bans
from tests.oracle.register import current_roles
from tests.oracle.tables import CODES, GROUNDS, WEIGHTS

DIRECTORS = {"managing_director", "deputy_managing_director", "general_partner", "sole_trader"}
BOARD = {"board_chair", "board_member"}
#: What can be told of somebody's duties, best first.
DUTIES = ("B2B_ROLE_OK", "B2B_ROLE_STALE", "B2B_ROLE_MISMATCH", "B2B_ROLE_TITLE_ONLY", "B2B_ROLE_MISSING")


class Grounds(Bans):
    def whose_law(self):
        if not self.selling:
            return
        c, organisation, electronic = self.c, self.organisation, self.business and self.c.channel in ELECTRONIC_CHANNELS
        if organisation.get("status") in ("bankrupt", "ceased", "in_liquidation"):
            self.fire("ORG_CEASED", "review" if organisation["status"] == "in_liquidation" else "block")
        of_organisation = organisation and (self.point.get("use") in ("work", "generic") or not self.contact)
        country = (organisation if of_organisation else self.contact).get("country") or "FI"
        if country != "FI":
            rule = self.policy["country_rules"].get(country)
            strict = rule == "all" or (rule == "named" and self.point.get("use") != "generic")
            self.fire("FOREIGN_LAW", "block" if electronic and strict and not self.all_consented() else "review")
        if self.row.get("business_id") and not organisation:
            self.fire("ORGANISATION_UNKNOWN")
        if electronic and not (self.contact or self.point or self.at_domain):
            self.fire("CONTACT_UNKNOWN")
        legal = organisation.get("form") in LEGAL_PERSON_FORMS and self.point.get("use") in ("work", "generic")
        known = self.standing_consents() or self.contact.get("customer_of")
        if legal and not (self.business or self.companies or known):
            self.fire("B2B_CONSUMER_PRODUCT")
        if c.special_category:
            notices = self.register.notices
            said = [one for one in self.valid_consents(self.controller) if c.topic and c.topic in (one.get("topics") or ())
                    and c.topic in (notices.get(one.get("notice"), {}).get("topics") or ())]  # fmt: skip
            self.fire("SPECIAL_CATEGORY", "allow" if said else "block")

    def find_ground(self):
        if self.audience:
            self.fire(*self.audience_ground())
        elif self.plain_service:
            self.fire("SERVICE_OK", "allow")
        elif self.research and not self.c.promotes:
            self.fire("RESEARCH_OK", self.policy["research_after_dm_objection"] if self.after_ban else "allow")
        elif self.c.purpose == "public_information":
            self.fire("PUBLIC_INFO_OK", "allow")
        elif self.selling:
            self.fire(*self.marketing_ground())

    def audience_ground(self):
        form = self.organisation.get("form")
        if self.companies and self.organisation:
            return ("SOCIAL_OK", "allow") if form in LEGAL_PERSON_FORMS else ("B2B_NOT_LEGAL_PERSON", "block")
        if self.companies:
            return "ORGANISATION_UNKNOWN", "block"
        if self.all_consented():
            stale = any(all(self.first_failing(one, controller) for one in self.valid_consents(controller))
                        for controller in self.controllers)  # fmt: skip
            return ("CONSENT_STALE", "review") if stale else ("SOCIAL_OK", "allow")
        fits = self.business and self.organisation and self.ladder()[0] == "B2B_ROLE_OK"
        weight = self.policy["audience_legitimate_interest"] if fits else "block"
        return ("B2B_ROLE_OK", "allow") if weight == "allow" else ("SOCIAL_CONSENT_MISSING", weight)

    def marketing_ground(self):
        consent, customer = self.by_consent(), self.by_customer_relation()
        if consent == ("CONSENT_OK", "allow") or customer == ("SOFT_OPT_IN_OK", "allow"):
            return consent if consent == ("CONSENT_OK", "allow") else customer
        if self.c.channel in ("phone", "post"):
            return "OPT_OUT_CHANNEL_OK", "allow"
        if self.business and self.organisation:
            return self.ladder()
        told = {code for (_, code), weight in self.fired.items() if weight == "block"}
        told &= {"CONSENT_WITHDRAWN", "CONTACT_UNKNOWN", "ORGANISATION_UNKNOWN"}
        return consent or customer or ("CONSENT_MISSING", "allow" if told else "block")

    def by_consent(self):
        """Of the consent that passed most tests, the first it failed; None where there is no consent at all."""
        found = []
        for controller in self.controllers:
            reached = [self.first_failing(one, controller) or "CONSENT_OK" for one in self.standing_consents()]
            found += [max(reached, key=CODES.index)] if reached else ["CONSENT_SCOPE_CONTROLLER"] if found else []
        code = min(found, key=CODES.index, default=None)
        return code and (code, {"CONSENT_OK": "allow", "CONSENT_STALE": "review"}.get(code, "block"))

    def by_customer_relation(self):
        """The same of customer relations."""
        c, policy, found = self.c, self.policy, []
        for one in self.contact.get("customer_of") or ():
            free = {"quote_only": policy["soft_opt_in_quote_only"], "free_account": policy["soft_opt_in_free_account"]}
            no_sale = free.get(one.get("relation"), "allow")
            own = (one.get("controller") or self.register.default) == self.controller
            tests = (
                ("SOFT_OPT_IN_CHANNEL", "block", c.channel in ("email", "sms", "instant_message")),
                ("SOFT_OPT_IN_OTHER_SELLER", "block", own and c.own_products and c.sold_by in (None, self.controller)),
                ("SOFT_OPT_IN_NO_SALE", no_sale, no_sale == "allow"),
                ("SOFT_OPT_IN_NOT_FROM_CUSTOMER", "block", one.get("address_from_sale")),
                ("SOFT_OPT_IN_NO_OPTOUT", "block", one.get("opt_out_offered")),
                ("SOFT_OPT_IN_GROUP", "block", c.product_group and one.get("product_group") == c.product_group),
                (
                    "SOFT_OPT_IN_STALE",
                    "review",
                    not self.over(one.get("last_purchase_on"), policy["soft_opt_in_max_age_months"]),
                ),
                ("SOFT_OPT_IN_OK", "allow", False),
            )
            place, code, weight = next(
                (place, code, weight) for place, (code, weight, passed) in enumerate(tests) if not passed
            )
            newest = one.get("last_purchase_on") or "", one.get("relation") == "free_account"
            found.append((place, newest, code, weight))
        return max(found)[2:] if found else None

    def ladder(self):
        """Legal person, for business use, not a private address, then general address, or duty, or business customer."""
        c, policy, point = self.c, self.policy, self.point
        form = self.organisation.get("form") or "unknown"
        by_mail = c.channel in ("email", "online_audience")
        private = point.get("use") == "private" or (by_mail and self.domain in policy["free_mail_domains"])
        switch = {
            "sole_trader": "sole_trader_private_address" if private else "sole_trader",
            "tax_grouping": "tax_grouping",
        }
        not_legal = "allow" if form in LEGAL_PERSON_FORMS else "review" if form in ("other", "unknown") else "block"
        if form in switch:
            not_legal = {"strict": "block", "review": "review", "b2b": "allow"}[policy[switch[form]]]
        if not_legal != "allow":
            return "B2B_NOT_LEGAL_PERSON", not_legal
        if not c.business_use:
            return "B2B_CONSUMER_PRODUCT", "block"
        positions = {role.get("position") for role in self.roles_here()}
        published = point.get("published_by_organisation") or self.listed
        of_board = form == "housing_company" and positions & BOARD
        weight = policy["private_address_published" if published else
                        "housing_company_private_address" if of_board else "private_address_of_officer"]  # fmt: skip
        # Of a sole trader's private address its own switch has decided above.
        if private and weight != "allow" and form != "sole_trader":
            return "B2B_PRIVATE_ADDRESS", weight
        code, weight = ("B2B_GENERIC_OK", "allow") if point.get("use") == "generic" else self.duty()
        if c.channel == "instant_message":
            messages = policy["b2b_instant_message"]
            return ("CONSENT_MISSING", messages) if code in GROUNDS and messages != "allow" else (code, weight)
        if code in ("B2B_ROLE_MISSING", "B2B_ROLE_TITLE_ONLY") and self.customer_of(self.organisation):
            return "B2B_CUSTOMER_OK", policy["b2b_customer_relation"]
        mailbox = next((text for text in self.address | point.get("forms", set()) if "@" in text), "")
        if code == "B2B_GENERIC_OK" and mailbox.startswith(policy["registry_mailboxes"]):
            return code, policy["registry_mailbox"]
        texting = code == "B2B_ROLE_OK" and c.channel in ("sms", "automated_call", "fax")
        return code, policy["b2b_text_message"] if texting else weight

    def roles_here(self):
        here = self.organisation.get("name")
        return [role for role in current_roles(self.contact, self.today) if role["organisation"] == here]

    def duty(self):
        """The best of the roles held here; who is not in the register has the row's own area and title."""
        row, roles, when = self.row, self.roles_here(), self.c.list_extracted_on
        if not self.contact:
            verified = row.get("acquired_on") or (when and str(when))
            areas = [{"area": row["area"], "verified_on": verified}] if row.get("area") else []
            roles = [{"areas": areas, "title": row.get("title")}]
        initials = self.point and self.point.get("use") in (None, "unknown")
        nothing_known = ("B2B_ROLE_MISSING", "review" if initials else "block")
        found = [duty for duty in map(self.duty_in, roles) if duty]
        return min([*found, nothing_known], key=lambda duty: (DUTIES.index(duty[0]), WEIGHTS.index(duty[1])))

    def duty_in(self, role):
        c, policy = self.c, self.policy
        areas, position = role.get("areas") or (), role.get("position")
        known = [area for area in areas if area.get("evidence") != "title"]
        fitting = [area.get("verified_on") or "" for area in known if area["area"] in c.areas]
        if fitting:
            verified = max(fitting)
            if not verified or self.over(verified, policy["role_stale_block_months"]):
                return "B2B_ROLE_STALE", "block"
            stale = self.over(verified, policy["role_fresh_months"])
            return ("B2B_ROLE_STALE", "review") if stale else ("B2B_ROLE_OK", "allow")
        if known:
            return "B2B_ROLE_MISMATCH", "block"
        if position in DIRECTORS:
            employees = self.organisation.get("employees")
            small = employees is not None and employees <= policy["small_company_employees"]
            fits = small or "general_management" in c.areas
            return ("B2B_ROLE_OK", "allow") if fits else ("B2B_ROLE_MISMATCH", "review")
        if position in BOARD:
            return "B2B_ROLE_MISSING", "review"
        if position == "auditor":
            return "B2B_ROLE_MISMATCH", "block"
        return ("B2B_ROLE_TITLE_ONLY", "review") if areas or role.get("title") else None

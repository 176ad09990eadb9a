"""Stage 5: which bans stand behind the row, what lifts them, and with what weight they fire."""

from datetime import date

from tests.oracle.acts import Acts
from tests.oracle.register import address_forms, current_roles, day, forms
from tests.oracle.tables import LIFTED_BY_CONSENT, OWN_SOURCES, WEIGHTS


class Bans(Acts):
    def bans(self):
        c, policy = self.c, self.policy
        self.after_ban = False
        kinds = ("objected", "consent_refused", "consent_withdrawn", "complaint")
        for act in [one for one in self.events if one["event"] in kinds] + [
            one for one in self.register.bans if self.covers_row(one)
        ]:
            self.ban(act)
        listed = {"phone": "robinson_phone", "post": "robinson_post"}.get(c.channel)
        if self.selling and listed and not self.business and not self.all_consented():
            as_of = day(self.register.lists.get(listed))
            if as_of is None:
                self.fire("ROBINSON_STALE", policy["robinson_list_missing"])
            elif (self.today - as_of).days > policy["robinson_list_max_age_days"]:
                self.fire("ROBINSON_STALE", "review")
        if self.selling and c.sells_mobile_subscription and c.channel == "phone" and not self.business:
            asked = [
                one
                for one in self.valid_consents(self.controller)
                if (one.get("evidence") or {}).get("express_request")
            ]
            # Who only asked for a quote is no customer yet.
            bought = [one for one in self.customer_of(self.contact) if one.get("relation") != "quote_only"]
            if not asked and not bought:
                self.fire("PHONE_SUBSCRIPTION_BAN")

    def customer_of(self, who):
        """Relations to the campaign's own controller and product group."""
        own = [
            one
            for one in who.get("customer_of", ())
            if (one.get("controller") or self.register.default) == self.controller
        ]
        return [one for one in own if self.c.product_group and one.get("product_group") == self.c.product_group]

    @staticmethod
    def code_of(act):
        source = act["source"] if act.get("type") == "prohibition" else act["event"]
        if {"organisation", "domain"} & {kind for kind, value in act.get("target", {}).items() if value is not None}:
            return "ORG_PROHIBITION"
        if source in ("vendor", "telecom_authority"):
            return "VENDOR_PROHIBITION"
        by_scope = "DM_OBJECTION_" + ("TOPIC" if act.get("topics") else "CHANNEL" if act.get("channels") else "ALL")
        return {
            "complaint": "SPAM_COMPLAINT",
            "organisation": "ORG_PROHIBITION",
            "robinson_phone": "ROBINSON_PHONE",
            "robinson_post": "ROBINSON_POST",
            "population_register": "DVV_DM_BAN",
            "consent_withdrawn": "DM_OBJECTION_TOPIC" if act.get("topics") else "CONSENT_WITHDRAWN",
            "consent_refused": "DM_OBJECTION_TOPIC" if act.get("topics") else "DM_OBJECTION_CHANNEL",
        }.get(source, by_scope)

    def ban(self, act):
        """Fire what one ban fires, at its weight."""
        c, policy, code = self.c, self.policy, self.code_of(act)
        if code in ("ROBINSON_PHONE", "ROBINSON_POST", "DVV_DM_BAN"):
            reached = self.reaches(act, True) or (self.research and self.reaches(act, False))
            if (self.selling or self.research) and reached and not self.lifted(code, act):
                self.fire(code, self.register_ban_weight(code))
            return
        if not self.selling:
            by_name = self.reaches(act, False) and not self.lifted("OBJECTION", act, False)
            # A withdrawn consent is no objection (the switch speaks of 21(2)); it never spoke of surveys.
            as_marketing = code != "CONSENT_WITHDRAWN" and self.reaches(act, True) and not self.lifted(code, act)
            long_ago = (day(act.get("at") or act.get("valid_from")) or date.max) < day(policy["research_bans_before"])
            if self.research and (by_name or (as_marketing and long_ago)):
                self.fire("RESEARCH_OBJECTION", "review" if act.get("given_by") == "unverified" else "block")
            elif c.purpose == "public_information" and by_name:
                self.fire("PUBLIC_INFO_OBJECTION", "review")
            self.after_ban = self.after_ban or as_marketing
            return
        if not self.reaches(act, True) or self.lifted(code, act):
            return
        weights = ["review" if act.get("given_by") == "unverified" else "block"]
        if code.startswith("DM_OBJECTION"):
            weights += [policy["stop_reply_other_channels"]] if self.stop_reply_elsewhere(act) else []
            weights += [policy["exclusion_audience"]] if self.audience and c.audience_kind == "exclusion" else []
            weights += (
                [policy["objection_follows_person"]] if "target" in act and self.made_in_an_earlier_role(act) else []
            )
        self.fire(code, min(weights, key=WEIGHTS.index))

    def register_ban_weight(self, code):
        policy, channel = self.policy, {"ROBINSON_PHONE": "phone", "ROBINSON_POST": "post"}.get(code)
        if code == "DVV_DM_BAN":
            # Of an address the register does not hold for this person, the row says where it came from.
            source = self.point.get("source") or self.row.get("source")
            from_there = "population_register" in (self.c.list_source, source)
            return "block" if from_there else policy["dvv_ban_on_own_data"]
        if channel != self.c.channel:
            return "allow"
        if self.research:
            return policy["robinson_research"]
        bought = [
            one
            for one in self.contact.get("customer_of", ())
            if one.get("relation") in ("purchase", "membership")
            and (one.get("controller") or self.register.default) == self.controller
            and one.get("last_purchase_on")
            and not self.over(one["last_purchase_on"], policy["soft_opt_in_max_age_months"])
        ]
        if self.business:
            return policy["robinson_business_number"]
        return policy["robinson_own_customer"] if bought else "block"

    def covers_row(self, ban):
        """Is the prohibition in force, and does its target stand behind this row?"""
        until = ban.get("valid_until")
        if (ban.get("valid_from") or "") > str(self.today) or (until and until < str(self.today)):
            return False
        ((kind, value),) = [(kind, value) for kind, value in ban["target"].items() if value is not None]
        if kind == "contact":
            return value == self.contact.get("ref")
        if kind == "organisation":
            return value == self.organisation.get("name")
        if kind == "domain":
            # With source organisation it is the organisation's own, and so holds for all that is the organisation's.
            whole = self.organisation.get("domains", ()) if ban["source"] == "organisation" else ()
            return forms.canonical_domain(value) in {self.domain, *map(forms.canonical_domain, whole)}
        banned = address_forms("_sha256" if kind.endswith("_sha256") else kind, value)
        own = [point["forms"] for point in self.contact.get("points", ()) if ban["source"] in OWN_SOURCES]
        return bool(banned & self.forms.union(*own))

    def made_in_an_earlier_role(self, ban):
        """An own ban on the address of a role since ended, elsewhere, and before the present role began."""
        ((kind, value),) = [(kind, value) for kind, value in ban["target"].items() if value is not None]
        if kind not in ("email", "phone", "post", "email_sha256", "phone_sha256") or ban["source"] not in OWN_SOURCES:
            return False
        banned = address_forms("_sha256" if kind.endswith("_sha256") else kind, value)
        places = {point.get("organisation") for point in self.contact.get("points", ()) if point["forms"] & banned}
        roles, current = self.contact.get("roles", ()), current_roles(self.contact, self.today)
        here = [role for role in current if role["organisation"] == self.organisation.get("name")]
        left = {role["organisation"] for role in roles} - {role["organisation"] for role in current}
        began = min((role.get("since") or "" for role in here), default="")
        return (
            not (banned & self.forms) and bool(places) and places <= left and "" < (ban.get("valid_from") or "") < began
        )

    def lifted(self, code, ban, as_marketing=True):
        """By a later lifting in scope, or by a later valid consent, not imported, to each controller concerned."""
        if ban.get("type") == "prohibition" and ban["source"] == "court":
            return False
        # An undated ban is no later than its import; lifted in so many words after that, it is lifted.
        dated = {name: value for name, value in ban.items() if name != "imported_without_date"}
        lifts = [one for one in self.verified("objection_lifted") if self.later(one, dated)]
        undone = [one for one in lifts if (one["prohibition"] == ban.get("reference") if one.get("prohibition")
                                           else self.reaches(one, as_marketing)) and one.get("method") != "import"]  # fmt: skip
        # Only the person's own word is taken back by the person.
        own = ban.get("type") != "prohibition" or ban["source"] in OWN_SOURCES
        own = own and self.code_of(ban) not in ("ORG_PROHIBITION", "CONSENT_WITHDRAWN")
        if undone and own and code != "ERASED_SUPPRESSED":
            return True
        # A consent has one controller: a joint mailing is inside the consents to all its controllers together.
        topic = self.c.topic or self.c.product_group
        return code in LIFTED_BY_CONSENT and all(
            any(self.later(one, ban) and one.get("method") != "import"
                and (code != "DM_OBJECTION_TOPIC" or topic in (one.get("topics") or ())) for one in self.valid_consents(controller))
            for controller in self.controllers)  # fmt: skip

"""What people have said: which consents stand, which bans reach the campaign (stage 5), what lifts them."""

from datetime import datetime

from tests.oracle.facts import (
    CONSENTS,
    ELECTRONIC,
    OPT_OUT,
    OWN_SOURCES,
    WEIGHTS,
    Facts,
    Of,
    day,
    domain_of,
    forms,
    later,
    target_of,
)

STOPS = ("objected", "consent_refused", "consent_withdrawn", "complaint")
CODE_OF_SOURCE = {
    "complaint": "SPAM_COMPLAINT", "vendor": "VENDOR_PROHIBITION", "telecom_authority": "VENDOR_PROHIBITION",
    "robinson_phone": "ROBINSON_PHONE", "robinson_post": "ROBINSON_POST", "population_register": "DVV_DM_BAN",
}  # fmt: skip
LIFTED_BY_CONSENT = """DM_OBJECTION_ALL DM_OBJECTION_CHANNEL DM_OBJECTION_TOPIC CONSENT_WITHDRAWN SPAM_COMPLAINT
    ORG_PROHIBITION VENDOR_PROHIBITION ROBINSON_PHONE ROBINSON_POST ERASED_SUPPRESSED""".split()


class Acts(Facts):
    def verified(self, *kinds):
        return [one for one in self.who.events if one.event in kinds and one.given_by != "unverified"]

    def reaches(self, act, marketing, ends=False):
        """Controller, purpose, topic and channel of the campaign are inside the act's scope; empty is all."""
        by, named = {*act.controllers, act.controller} - {None}, act.purposes
        purpose = self.purpose in named or (marketing and "direct_marketing" in named)
        purpose = purpose or (not named and (marketing or act.type == "prohibition"))
        about = not act.topics or self.subjects & {*act.topics}
        return purpose and about and (not by or by & self.controllers) and self.reaches_channel(act, marketing, ends)

    def reaches_channel(self, act, marketing, ends=False):
        named, channel, withdrawn = {*act.channels}, self.c.channel, act.event == "consent_withdrawn"
        if not named:
            speaks_of_consent = withdrawn or act.event == "consent_refused"
            return ends or not (speaks_of_consent and marketing and channel in OPT_OUT and not act.topics)
        if channel in named or (self.audience and "email" in named):
            return True
        # What withdraws the consent that named the platform stops audiences too.
        of_platform = [one for one in self.verified(*CONSENTS) if self.c.platform in one.audiences and self.audience]
        lost = any(named & {*one.channels} and not later(one, act) for one in of_platform)
        return lost if withdrawn else self.stop_elsewhere(act)

    def stop_elsewhere(self, act):
        """A bare STOP by text message to one electronic channel, asked of another."""
        bare = act.event == "objected" and act.method == "sms_reply" and not act.topics
        elsewhere = self.c.channel in ELECTRONIC - {*act.channels} and bool(ELECTRONIC & {*act.channels})
        return self.selling and bare and elsewhere

    # Consents.

    def standing(self):
        """Consents by anybody entitled that no withdrawal in the campaign's scope has ended."""
        ends = [one for one in self.verified("consent_withdrawn") if self.reaches(one, True, ends=True)]
        given = [one for one in self.verified(*CONSENTS) if datetime.fromisoformat(one.at) <= self.at]
        return [one for one in given if all(later(one, end) for end in ends)]

    def how_far(self, consent, controller):
        """(how many tests it passes, the first it does not); a scope must stand in the act and in the notice."""
        c, proof, notices = self.c, consent.evidence or Of(), self.register.notices
        notice = notices.get(consent.notice)
        said, limit = [consent, *([notice] if notice else ())], self.p.consent_inactive_review_months
        newer = [one for one in notices.values() if notice and one.key == notice.key and one.version > notice.version]
        old = self.over(consent.at, limit) and self.over(self.who.last_interaction_on, limit)
        by = [consent.controller or self.register.default], *([notice.controllers] if notice else ())
        tests = (
            ("CONSENT_SCOPE_CONTROLLER", all(controller in named for named in by)),
            ("CONSENT_SCOPE_CHANNEL", self.audience or all(c.channel in one.channels for one in said)),
            ("CONSENT_SCOPE_TOPIC", all(self.purpose in one.purposes and self.covers(one.topics) for one in said)),
            ("CONSENT_INVALID_FORM", not proof.pre_ticked and (not proof.condition_of_service or proof.freely_joined)),
            ("CONSENT_UNCONFIRMED", proof.double_opt_in != "pending"),
            ("CONSENT_UNPROVEN", notice or proof.recording or proof.attachment_sha256),
            ("CONSENT_STALE", not old and not any(one.supersedes == "major" for one in newer)),
            ("CONSENT_OK", False),
        )
        return next((place, code) for place, (code, passed) in enumerate(tests) if not passed)

    def covers(self, topics):
        return not topics or (self.c.topic or self.c.product_group) in topics

    def valid(self, controller, least="CONSENT_STALE"):
        """Consents that pass all tests but the last; for an audience, only those that name the platform."""
        found = [one for one in self.standing() if self.how_far(one, controller)[1] in (least, "CONSENT_OK")]
        notices, platform = self.register.notices, self.c.platform
        naming = [one for one in found if all(platform in by.audiences for by in (one, notices.get(one.notice, one)))]
        return naming if self.audience else found

    def all_valid(self, least="CONSENT_STALE"):
        return all(self.valid(controller, least) for controller in self.controllers)

    # Bans.

    def bans(self):
        """{code: weight} of every ban that reaches the campaign and was not lifted."""
        found, events = {}, [one for one in self.who.events if one.event in STOPS]
        for act in (*events, *filter(self.stands_behind, self.register.bans)):
            for code, weight in self.weighed(act, self.code_of(act)):
                found[code] = max(weight, found.get(code, "allow"), key=WEIGHTS.index)
        return {code: weight for code, weight in found.items() if weight != "allow"}

    def code_of(self, act):
        source, kind = act.source if act.type == "prohibition" else act.event, target_of(act)[0]
        if source == "organisation" or kind in ("organisation", "domain"):
            return "ORG_PROHIBITION"
        if source in CODE_OF_SOURCE:
            return CODE_OF_SOURCE[source]
        if source == "consent_withdrawn" and not act.topics:
            return "CONSENT_WITHDRAWN"
        channels = act.channels or source == "consent_refused"
        return f"DM_OBJECTION_{'TOPIC' if act.topics else 'CHANNEL' if channels else 'ALL'}"

    def weighed(self, act, code):
        p, research = self.p, self.purpose == "research"
        told, own = "review" if act.given_by == "unverified" else "block", code.startswith("DM_OBJECTION")
        marketing, by_name = (self.reaches(act, of) and not self.lifted(act, code, of) for of in (True, False))
        if code in ("ROBINSON_PHONE", "ROBINSON_POST", "DVV_DM_BAN"):
            reached = (self.selling or research) and (self.reaches(act, True) or self.reaches(act, not research))
            return [(code, self.of_register(code))] if reached and not self.lifted(act, code) else []
        if self.selling:
            softer = [self.stop_elsewhere(act) and p.stop_reply_other_channels]
            softer += [self.audience and self.c.audience_kind == "exclusion" and p.exclusion_audience]
            softer += [self.of_earlier_role(act) and p.objection_follows_person]
            least = min([told, *filter(None, softer)], key=WEIGHTS.index) if own else told
            return [(code, least)] if marketing else []
        if self.service:
            return []
        # The withdrawal of a consent is no ban: what it spoke of was the consent.
        banned, since = marketing and code != "CONSENT_WITHDRAWN", act.at or act.valid_from
        old = banned and since and day(since) < day(p.research_bans_before)
        found = [("MARKETING_BAN", "review")] * bool(banned) + [("RESEARCH_OBJECTION", told)] * bool(by_name or old)
        return found if research else [("PUBLIC_INFO_OBJECTION", "review")] * bool(by_name)

    def of_register(self, code):
        """Weight of a ban that an outside register keeps."""
        p, limit = self.p, self.p.soft_opt_in_max_age_months
        if code == "DVV_DM_BAN":
            from_there = "population_register" in (self.c.list_source, self.point.source or self.row.source)
            return "block" if from_there else p.dvv_ban_on_own_data
        if code != f"ROBINSON_{self.c.channel.upper()}":
            return "allow"
        bought = [one for one in self.who.customer_of if one.relation in ("purchase", "membership") and self.ours(one)]
        customer = any(one.last_purchase_on and not self.over(one.last_purchase_on, limit) for one in bought)
        if self.purpose == "research":
            return p.robinson_research
        if self.business:
            return p.robinson_business_number
        return p.robinson_own_customer if customer else "block"

    def stands_behind(self, ban):
        """The prohibition is in force, and its target is the row's contact, address, organisation or domain."""
        kind, value = target_of(ban)
        if not (ban.valid_from or "") <= str(self.today) <= (ban.valid_until or "9"):
            return False
        if kind in ("contact", "organisation"):
            return value == (self.who.ref if kind == "contact" else self.org.name)
        if kind == "domain":
            whole = self.org.domains if ban.source == "organisation" else ()
            return domain_of(value) in {self.domain, *map(domain_of, whole)}
        own = [point.forms for point in self.who.points if ban.source in OWN_SOURCES]
        return bool(forms(kind, value) & self.seen.union(*own))

    def of_earlier_role(self, ban):
        """An own ban on the address of a role since ended, elsewhere, made in it and before the present role began."""
        kind, value = target_of(ban)
        banned = forms(kind, value) if kind not in ("contact", "organisation", "domain") else set()
        places = {point.organisation for point in self.who.points if point.forms & banned}
        made, current = ban.valid_from or "", {role.organisation for role in self.roles}
        held = {one.organisation for one in self.who.roles if (one.since or "") <= made <= (one.until or "9")}
        began = min((role.since or "" for role in self.roles if role.organisation == self.org.name), default="")
        return not banned & self.seen and bool(places) and places <= held - current and "" < made < began

    def lifted(self, ban, code, marketing=True):
        """By a later word of the person's own in scope, or a later valid consent, not imported, to each controller."""
        standing = ban.type == "prohibition"
        if standing and ban.source == "court":
            return False
        # An undated ban is no later than its import: lifted in so many words after that, it is lifted.
        dated = Of({**ban, "imported_without_date": None})
        own = (not standing or ban.source in OWN_SOURCES) and code.startswith(("DM_OBJECTION", "SPAM"))

        def takes_back(one):
            meant = one.prohibition == ban.reference if one.prohibition else self.reaches(one, marketing)
            return meant and later(one, dated) and one.method != "import"

        def undoes(one):
            named = code != "DM_OBJECTION_TOPIC" or (one.topics and self.covers(one.topics))
            return named and later(one, ban) and one.method != "import"

        if own and any(map(takes_back, self.verified("objection_lifted"))):
            return True
        liftable = marketing and code in LIFTED_BY_CONSENT
        return liftable and all(any(map(undoes, self.valid(each))) for each in self.controllers)

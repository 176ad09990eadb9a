"""Acts of a person: what each reaches, which is later, and which consents stand the tests.

``Acts`` looks at the contact and campaign that the row (``tests.oracle.Row``) holds just then; it fires nothing.
"""

from datetime import datetime

from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS
from tests.oracle.register import day


class Acts:
    def ours(self, act):
        """Does the act speak to the campaign's controllers? One that names none speaks to all."""
        named = act.get("controllers") or ([act["controller"]] if act.get("controller") else ())
        return not named or bool(self.controllers & set(named))

    def verified(self, *kinds):
        return [one for one in self.events if one["event"] in kinds and one.get("given_by") != "unverified"]

    @staticmethod
    def later(event, act):
        """Is the event strictly later than the act? Of a day only a later day is; where no order is known, nothing is."""
        if event.get("imported_without_date") or act.get("imported_without_date"):
            return False
        if "at" in act:
            return datetime.fromisoformat(event["at"]) > datetime.fromisoformat(act["at"])
        return bool(act.get("valid_from")) and day(event["at"]) > day(act["valid_from"])

    # Reach.

    def reaches(self, act, as_marketing):
        """Channel, purpose, topic and controller of the campaign all inside the act's scope; empty is all."""
        purposes, topics = act.get("purposes") or (), act.get("topics") or ()
        inside = self.c.purpose in purposes or (not purposes and (as_marketing or act.get("type") == "prohibition"))
        inside = inside or (as_marketing and "direct_marketing" in purposes)
        return (
            inside
            and self.ours(act)
            and self.reaches_channel(act, as_marketing)
            and (not topics or bool(self.subjects & {*topics}))
        )

    def reaches_channel(self, act, as_marketing):
        named, channel = {*(act.get("channels") or ())}, self.c.channel
        if channel in named or (self.audience and "email" in named):
            return True
        of_consent = act.get("event") in ("consent_withdrawn", "consent_refused")
        if not named and not (of_consent and as_marketing):
            return True
        if of_consent:
            if self.audience and act["event"] == "consent_withdrawn" and named:
                consents = self.verified("consent_given", "guardian_consented")
                return any(self.c.platform in (one.get("audiences") or ()) and named & {*(one.get("channels") or ())}
                           and not self.later(one, act) for one in consents)  # fmt: skip
            return not named and bool(channel not in ("phone", "post") or act.get("topics"))
        return self.stop_reply_elsewhere(act)

    def stop_reply_elsewhere(self, act):
        """A bare STOP by text message to one electronic channel, asked of another (a policy switch)."""
        named = {*(act.get("channels") or ())}
        return (self.selling and act.get("event") == "objected" and act.get("method") == "sms_reply" and not act.get("topics")
                and self.c.channel in ELECTRONIC_CHANNELS and self.c.channel not in named
                and bool(named & {*ELECTRONIC_CHANNELS}))  # fmt: skip

    # Consent.

    def standing_consents(self):
        """Consents of the contact, by anybody entitled, that no withdrawal in the campaign's scope has ended."""
        ends = [one for one in self.verified("consent_withdrawn") if self.reaches(one, True)]
        given = self.verified("consent_given", "guardian_consented")
        given = [one for one in given if datetime.fromisoformat(one["at"]) <= self.at]
        return [one for one in given if all(self.later(one, end) for end in ends)]

    def tests(self, consent, controller):
        """Each test of a consent, in order; a scope must stand in the event and in the notice."""
        notice = self.register.notices.get(consent.get("notice"))
        said, proof = [consent, *([notice] if notice else ())], consent.get("evidence") or {}
        by = consent.get("controller") or self.register.default
        last = self.contact.get("last_interaction_on")
        limit = self.policy["consent_inactive_review_months"]
        return {
            "CONSENT_SCOPE_CONTROLLER": by == controller and all(controller in one["controllers"] for one in said[1:]),
            "CONSENT_SCOPE_CHANNEL": self.audience
            or all(self.c.channel in (one.get("channels") or ()) for one in said),
            "CONSENT_SCOPE_TOPIC": all(self.c.purpose in (one.get("purposes") or ()) for one in said)
            and all(not one.get("topics") or (self.c.topic or self.c.product_group) in one["topics"] for one in said),
            "CONSENT_INVALID_FORM": not proof.get("pre_ticked")
            and (not proof.get("condition_of_service") or bool(proof.get("freely_joined"))),
            "CONSENT_UNCONFIRMED": proof.get("double_opt_in") != "pending",
            "CONSENT_UNPROVEN": bool(notice or proof.get("recording") or proof.get("attachment_sha256")),
            "CONSENT_STALE": not (self.over(consent["at"], limit) and self.over(last, limit))
            and not (notice and self.register.replaced.get(notice["key"], 0) > notice["version"]),
        }

    def first_failing(self, consent, controller):
        return next((code for code, passed in self.tests(consent, controller).items() if not passed), None)

    def names_platform(self, consent):
        said = [consent, self.register.notices.get(consent.get("notice"), consent)]
        return all(self.c.platform in (one.get("audiences") or ()) for one in said)

    def valid_consents(self, controller):
        """For an audience, only those that name the platform."""
        found = [one for one in self.standing_consents()
                 if self.first_failing(one, controller) in (None, "CONSENT_STALE")]  # fmt: skip
        return [one for one in found if not self.audience or self.names_platform(one)]

    def all_consented(self):
        return all(self.valid_consents(controller) for controller in self.controllers)

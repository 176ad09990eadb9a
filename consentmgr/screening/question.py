"""The question a screening asks: one campaign, one moment, one policy. Scalars that every rule may use. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from consentmgr.vocabulary.codes import ELECTRONIC_CHANNELS, OPT_OUT_CHANNELS, POINT_KIND_OF_CHANNEL, PointKind, Purpose
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import Policy
from consentmgr.vocabulary.time_rules import oldest_inside

HELSINKI = ZoneInfo("Europe/Helsinki")
#: Later than any recorded instant: the place in time of a ban whose order is not known.
NEVER_BEFORE = 2**63 - 1
#: Earlier than any: the place in time of a consent whose order is not known.
ALWAYS_BEFORE = -(2**62)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC."""
    epoch = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
    delta = moment - epoch
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


@dataclass(frozen=True)
class Question:
    """``moment`` is when the message would go (``planned_at``, else now); days are those of Helsinki."""

    campaign: Campaign
    policy: Policy
    now: datetime
    default_controller: str | None
    external_lists: Mapping[str, date]

    @property
    def moment(self) -> datetime:
        return (self.campaign.planned_at or self.now).astimezone(HELSINKI)

    @cached_property
    def moment_us(self) -> int:
        return microseconds(self.moment)

    @cached_property
    def today(self) -> date:
        return self.moment.date()

    @property
    def controller(self) -> str:
        return self.campaign.controller or self.default_controller or ""

    @cached_property
    def controllers(self) -> tuple[str, ...]:
        """The campaign's controller and its joint controllers (GDPR 26), each once."""
        return tuple(dict.fromkeys((self.controller, *self.campaign.joint_controllers)))

    @property
    def is_audience(self) -> bool:
        return self.campaign.channel == "online_audience"

    @property
    def is_company_list(self) -> bool:
        return self.is_audience and self.campaign.audience_kind == "company_list"

    @property
    def is_inmail(self) -> bool:
        """A message to a profile: it needs no address of ours (formats.md section 2)."""
        return self.campaign.channel == "instant_message" and self.campaign.platform == "linkedin"

    @property
    def judged_purpose(self) -> Purpose:
        """What the content makes of the message, whatever its label says (law.md stage 1)."""
        campaign = self.campaign
        if campaign.purpose == "public_information" and campaign.promotes:
            return "direct_marketing"
        if campaign.purpose == "service_message" and (campaign.promotes or campaign.reminder_of_service):
            return "direct_marketing"
        return campaign.purpose

    @property
    def is_marketing(self) -> bool:
        return self.judged_purpose in ("direct_marketing", "newsletter")

    @property
    def is_marketing_or_audience(self) -> bool:
        return self.is_marketing or self.is_audience

    @property
    def is_research(self) -> bool:
        return self.campaign.purpose == "research" and not self.is_audience

    @property
    def is_public_information(self) -> bool:
        return self.judged_purpose == "public_information" and not self.is_audience

    @property
    def is_plain_service(self) -> bool:
        return self.judged_purpose == "service_message" and not self.is_audience

    @property
    def is_business(self) -> bool:
        return self.campaign.audience == "business"

    @property
    def is_electronic(self) -> bool:
        return self.campaign.channel in ELECTRONIC_CHANNELS

    @property
    def is_call(self) -> bool:
        """The hours of calls are for it, and no others ask for the calendar of holidays."""
        return self.campaign.channel in ("phone", "automated_call")

    @property
    def is_opt_out_channel(self) -> bool:
        return self.campaign.channel in OPT_OUT_CHANNELS

    @property
    def point_kind(self) -> PointKind:
        return POINT_KIND_OF_CHANNEL[self.campaign.channel]

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """What the campaign is about, as topics name it: its topic and its product group."""
        return tuple(subject for subject in (self.campaign.topic, self.campaign.product_group) if subject)

    @cached_property
    def consent_subject(self) -> str | None:
        """What a consent limited to topics must name: the topic, or the product group where there is no topic."""
        return self.campaign.topic or self.campaign.product_group

    def months_ago(self, months: int) -> date:
        """The oldest day that is still inside ``months`` months (the day exactly n months old is inside)."""
        return oldest_inside(self.today, months)

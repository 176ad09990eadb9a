"""A message checked for a campaign: what the register knows of its sender, and which of its links are ours."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from consentmgr.campaigns.policy import current
from consentmgr.config import Settings
from consentmgr.kit.errors import NotFound
from consentmgr.preferences.links import LinkKeys, LinkUse
from consentmgr.register.models import Controller
from consentmgr.screening.message_check import Finding, OurLink, Sender, check_message
from consentmgr.screening.service import question_of
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign

_USES = {"/u/": LinkUse.LEAVE, "/p/": LinkUse.PREFERENCES}


def checked_message(
    session: Session,
    message: bytes,
    campaign: Campaign,
    *,
    settings: Settings,
    links: LinkKeys,
    language: Language,
    now: datetime,
) -> list[Finding]:
    """What one message of a campaign has and lacks, in the order of the gates."""
    question = question_of(session, campaign, current(session), now)
    controller = session.get(Controller, question.controller)
    branding = (controller.branding or {}) if controller is not None else {}
    sender = Sender(
        question.controller, controller.name if controller is not None else None, branding.get("privacy_url")
    )

    def open_link(path: str, token: str) -> OurLink | None:
        try:
            link = links.open(_USES[path], token)
        except NotFound:
            return None
        return OurLink(link.campaign, link.controller, link.channel)

    return check_message(
        message,
        campaign,
        sender,
        public_url=settings.public_url,
        open_link=open_link,
        language=language,
        is_marketing=question.is_marketing,
    )

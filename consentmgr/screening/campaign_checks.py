"""What a campaign file must make clear before a list is screened by it, and what its author should hear of.

The types have been checked (``vocabulary.documents``); here is what only stands out against the register and the day.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from consentmgr.db import written_connection
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import AREAS, Language
from consentmgr.vocabulary.documents import Campaign

if TYPE_CHECKING:
    from consentmgr.db import Asking

_PAST: dict[Language, str] = {
    "en": "The campaign is planned for {when}, which has passed: it was judged as of that time, not of now.",
    "fi": "Kampanjan suunniteltu aika {when} on mennyt: se arvioitiin sen ajan eikä tämän hetken mukaan.",
    "sv": "Kampanjens planerade tid {when} har passerat: den bedömdes enligt den tiden och inte enligt nuet.",
}


def refuse_unclear(asking: Asking, campaign: Campaign, *, file: str) -> None:
    """Raises ``BadInput`` for an area that nobody can have, and for an audience without its platform.

    Areas are a list that an installation may lengthen (formats.md section 1): one that somebody in the register has
    is known, whatever its name.
    """
    unknown = [area for area in campaign.areas if area not in AREAS]
    if unknown:
        found = written_connection(asking).execute(
            "SELECT DISTINCT area FROM role_area WHERE area = ANY(%s)", [unknown]
        )
        added = {area for (area,) in found}
        for area in unknown:
            if area not in added:
                known = ", ".join(AREAS)
                raise BadInput(
                    f"“{area}” is no area of responsibility that the register knows; these are: {known}",
                    file=file,
                    field="areas",
                )
    if campaign.channel == "online_audience" and campaign.platform is None:
        raise BadInput(
            "an online audience must say its platform (meta, linkedin or google): a consent is to one of them",
            file=file,
            field="platform",
        )


def past_warning(campaign: Campaign, now: datetime, language: Language) -> str | None:
    """A sentence where the campaign's planned time has passed, else None."""
    if campaign.planned_at is None or campaign.planned_at >= now:
        return None
    when = f"{campaign.planned_at.astimezone(HELSINKI):%Y-%m-%d %H:%M}"
    return _PAST[language].format(when=when)

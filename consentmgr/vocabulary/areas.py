"""Names of the sixteen responsibility areas that decision-maker data is sold by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.codes import AREAS, Language

AREA_NAMES: Final[Mapping[str, Mapping[Language, str]]] = {
    "general_management": {"en": "general management", "fi": "yleisjohto", "sv": "allmän ledning"},
    "finance": {"en": "finance", "fi": "talous", "sv": "ekonomi"},
    "human_resources": {"en": "human resources", "fi": "henkilöstö", "sv": "personal"},
    "information_technology": {"en": "information technology", "fi": "tietohallinto", "sv": "it"},
    "sales": {"en": "sales", "fi": "myynti", "sv": "försäljning"},
    "marketing": {"en": "marketing", "fi": "markkinointi", "sv": "marknadsföring"},
    "communications": {"en": "communications", "fi": "viestintä", "sv": "kommunikation"},
    "customer_service": {"en": "customer service", "fi": "asiakaspalvelu", "sv": "kundtjänst"},
    "procurement": {"en": "procurement", "fi": "hankinnat", "sv": "inköp"},
    "logistics": {"en": "logistics", "fi": "logistiikka", "sv": "logistik"},
    "production": {"en": "production", "fi": "tuotanto", "sv": "produktion"},
    "research_and_development": {"en": "research and development", "fi": "tutkimus ja kehitys",
                                 "sv": "forskning och utveckling"},
    "quality_and_environment": {"en": "quality and environment", "fi": "laatu ja ympäristö", "sv": "kvalitet och miljö"},
    "facilities": {"en": "facilities", "fi": "kiinteistöt ja toimitilat", "sv": "fastigheter och lokaler"},
    "risk_and_safety": {"en": "risk and safety", "fi": "riskienhallinta ja turvallisuus",
                        "sv": "riskhantering och säkerhet"},
    "training": {"en": "training", "fi": "koulutus", "sv": "utbildning"},
}  # fmt: skip


def area_name(area: str, language: Language) -> str:
    """The area's name; an area an installation has added is shown by its code."""
    names = AREA_NAMES.get(area)
    return names[language] if names else area.replace("_", " ")


def area_of_text(text: str) -> str | None:
    """The area whose code or name, in any language, a list's cell gives; ``None`` where it is none of them."""
    return _AREA_OF_TEXT.get(" ".join(text.casefold().replace("_", " ").split()))


_AREA_OF_TEXT: Final[Mapping[str, str]] = {
    name.casefold(): area for area in AREAS for name in (area.replace("_", " "), *AREA_NAMES[area].values())
}

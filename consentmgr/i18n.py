"""Which of the three languages a person is answered in."""

from __future__ import annotations

from consentmgr.config import LANGUAGES, Language


def choose_language(
    wanted: str | None, accepted: str | None, otherwise: Language, persons: str | None = None
) -> Language:
    """The language asked for (``wanted``, as ``fi`` or ``fi-FI``), else the best of a browser's ``Accept-Language``
    header, else ``otherwise``. What is not one of ours counts as not asked. ``persons`` is the person's own language,
    where a page is for somebody whose language is known: it goes before the browser's.
    """
    choices = [wanted or "", persons or ""]
    weighed = []
    for place, part in enumerate((accepted or "").split(",")):
        tag, _, weight = part.partition(";")
        try:
            weighed.append((-float(weight.strip().removeprefix("q=") or 1), place, tag))
        except ValueError:
            continue
    choices.extend(tag for _, _, tag in sorted(weighed))
    for choice in choices:
        short = choice.strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if short == language:
                return language
    return otherwise

"""Canonical names of persons."""

from __future__ import annotations

from consentmgr.kit.canonical.text import DASHES, LONGEST_TEXT, printable, settled, visible


def canonical_name(given: str | None, family: str | None) -> str | None:
    """``given|family`` in NFKC, case-folded, single spaces; hyphens and accents kept. ``None`` where both are blank.

    A name never identifies anybody alone: it tells persons of one postal address apart.
    """
    parts = [given or "", family or ""]
    if any(len(part) > LONGEST_TEXT for part in parts):
        return None
    folded = [
        " ".join(DASHES.sub("-", settled(visible(part), str.casefold)).replace("|", " ").replace("’", "'").split())
        for part in parts
    ]
    name = "|".join(folded)
    return name if any(folded) and printable(name) else None

"""Canonical names of persons."""

from __future__ import annotations

from consentmgr.kit.canonical.text import DASHES, LONGEST_TEXT, printable, settled, visible


def canonical_name(given: str | None, family: str | None) -> str | None:
    """``given|family`` in NFKC, case-folded, single spaces; hyphens and accents kept. ``None`` where both are blank.

    A name never identifies anybody alone: it tells persons of one postal address apart.
    """
    parts = [name_part(given), name_part(family)]
    return None if None in parts or not any(parts) else "|".join(part or "" for part in parts)


def name_part(text: str | None) -> str | None:
    """One of the two as it stands in ``canonical_name``: empty where it is blank, None where it can be no name's."""
    text = text or ""
    if len(text) > LONGEST_TEXT:
        return None
    folded = DASHES.sub("-", settled(visible(text), str.casefold)).replace("|", " ").replace("’", "'")
    part = " ".join(folded.split())
    return part if printable(part) else None

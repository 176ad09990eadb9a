"""What is said of a setting of the policy, in every language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consentmgr.vocabulary.codes import Language


@dataclass(frozen=True, slots=True)
class SettingWords:
    """``name``: what the setting is about, in few words. ``decides``: what it changes, as half a sentence. ``why``: why
    the question is open, or where the number comes from.
    """

    name: Mapping[Language, str]
    decides: Mapping[Language, str]
    why: Mapping[Language, str]

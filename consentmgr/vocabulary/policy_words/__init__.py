"""Policy in words: what each setting is called, what it decides, why it is open, and its values, in fi, sv and en.

``consentmgr.vocabulary.policy`` holds the settings themselves: their defaults, what they may be, whom they concern.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.policy import POLICY
from consentmgr.vocabulary.policy_words.limits import LIMIT_WORDS
from consentmgr.vocabulary.policy_words.setting_words import SettingWords
from consentmgr.vocabulary.policy_words.switches import SWITCH_WORDS

_WORDS: Final[Mapping[str, SettingWords]] = {**SWITCH_WORDS, **LIMIT_WORDS}
#: Every setting of ``POLICY``, in its order.
SETTING_WORDS: Final[Mapping[str, SettingWords]] = {row.name: _WORDS[row.name] for row in POLICY}


def setting_name(name: str, language: Language) -> str:
    """What a policy switch, limit or list is about; its own name where a later version has forgotten it."""
    words = SETTING_WORDS.get(name)
    return words.name[language] if words else name

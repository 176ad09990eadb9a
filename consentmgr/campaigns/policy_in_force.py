"""The policy in force, asked in plain SQL: the newest decision on each name holds. ``policy`` tells who decided it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from consentmgr.db import written_connection
from consentmgr.vocabulary.policy import BY_NAME, Policy, policy_from

if TYPE_CHECKING:
    from consentmgr.db import Asking


def current(asking: Asking) -> Policy:
    """The policy in force.

    Raises ``PolicyError`` where a stored value is no longer allowed: a screening under a policy nobody chose would be
    worse than none.
    """
    decided = written_connection(asking).execute(
        "SELECT DISTINCT ON (name) name, value FROM policy_setting ORDER BY name, id DESC"
    )
    return policy_of_decisions(dict(decided.fetchall()))


def policy_of_decisions(decided: Mapping[str, Any]) -> Policy:
    """The policy of the newest decisions by name; a name this version no longer knows decides nothing."""
    return policy_from({name: value for name, value in decided.items() if name in BY_NAME})

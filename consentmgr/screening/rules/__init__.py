"""The rule pack: every stop and every ground as one row, in evaluation order (law.md sections 2 and 4). Pure.

What the campaign alone decides is a number; everything about a row is a column expression over the facts,
so that the same rule runs on any engine and over any number of rows.
"""

from consentmgr.screening.rules import bans, campaign, data, grounds, person
from consentmgr.screening.rules.rule import Rule

RULES: tuple[Rule, ...] = (*campaign.RULES, *person.RULES, *bans.RULES, *grounds.RULES, *data.RULES)

__all__ = ["RULES", "Rule"]

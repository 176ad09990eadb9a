"""Which rows of a screened list would be answered otherwise now: asked of the register as a list is, and kept nowhere.

The rows are asked for in windows, from a row number on, so that a question about the beginning of a long list costs
no more than that beginning. The answer of a row does not depend on the others of its list, so a window answers as the
whole would; it is what ``lists.again`` would find.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

from consentmgr.campaigns.policy import current
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.screening.desk.lists import ListView, campaign_of_now
from consentmgr.screening.desk.stored_rows import answers_between
from consentmgr.screening.service import BY_KEY_ROWS, screen
from consentmgr.vocabulary.codes import Verdict

#: Rows that one question looks at, at most; whoever wants to know of all of a longer list asks again from there.
MOST_ROWS: Final = 5 * BY_KEY_ROWS
_OF_ANSWERS: Final = ("row", "verdict", "reason")


@dataclass(frozen=True, slots=True)
class ChangedAnswer:
    """A row whose verdict is another one now. ``reasons`` are those of now, all of them, in evaluation order."""

    row: int
    verdict_then: Verdict
    reason_then: str
    verdict_now: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedAnswers:
    """Some of them in the list's order; ``looked_to`` is the last row that was looked at, ``more`` whether there are
    rows behind it.
    """

    rows: tuple[ChangedAnswer, ...]
    looked_to: int
    more: bool


def changed_now(
    session: Session,
    found: ListView,
    folder: Path,
    *,
    after: int,
    limit: int,
    keys: AddressKeys,
    now: datetime,
    window: int = BY_KEY_ROWS,
    most: int = MOST_ROWS,
) -> ChangedAnswers:
    """The rows behind row ``after`` whose verdict would be another one now, ``limit`` at most.

    ``session`` must read one position throughout. Raises ``NotFound`` where the rows are not kept any more.
    """
    campaign, policy = campaign_of_now(found, now), current(session)
    total, last = found.rows or 0, after
    changed: list[ChangedAnswer] = []
    while last < total and last - after < most:
        kept = answers_between(folder, last + 1, min(last + window, total))
        identifiers = kept.drop_columns(list(_OF_ANSWERS))
        answers = screen(session, identifiers, campaign, keys=keys, policy=policy, now=now)
        outcomes = answers.outcomes
        verdicts = pa.array([one.verdict for one in outcomes], pa.string()).take(answers.outcome)
        had = kept["verdict"].combine_chunks()
        differs = np.flatnonzero(pc.not_equal(verdicts, had).to_numpy(zero_copy_only=False))
        for place in differs[: limit - len(changed)].tolist():
            outcome = outcomes[answers.outcome[place].as_py()]
            changed.append(
                ChangedAnswer(
                    row=kept["row"][place].as_py(),
                    verdict_then=had[place].as_py(),
                    reason_then=kept["reason"][place].as_py(),
                    verdict_now=outcome.verdict,
                    reasons=outcome.reasons,
                )
            )
        last = min(last + window, total)
        if len(changed) == limit:
            # What else differs in this window stands behind the last row that is told.
            last = changed[-1].row
            break
    return ChangedAnswers(tuple(changed), last, last < total)

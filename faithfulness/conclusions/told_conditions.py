"""Under which conditions are numbers findings, and not only looked up? The fullest one, and those asked for.

A reasoner that was shown seven combinations of modalities has every number seven times; hundreds of findings of one
examination are read by nobody. The others stand in an exhibit, none is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.errors import PlanError

ONLY_FULLEST: Final = "conditions with less are in the exhibit; the option conditions names those to be told as well"


def conditions_asked(case: Case, conditions: Sequence[str], *, of: str) -> frozenset[str]:
    """Return the conditions that an option names, as runs write them.

    Raises:
        RowError: one is no condition. PlanError: no run has it.
    """
    asked = frozenset(str(Condition.parse(text)) for text in conditions)
    there = {name: None for run in case.runs.values() for name in run.conditions}
    if missing := sorted(asked - set(there)):
        raise PlanError(
            "nothing was judged under a condition that is to be told",
            slug="plan-impossible",
            where=f"option conditions of {of}",
            found=", ".join(missing),
            allowed=", ".join(there),
            remedy="name conditions of the table, or leave the option out",
        )
    return asked

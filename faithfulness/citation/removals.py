"""Which conditions of a table take one modality away, and by which operator.

Two ways of taking video away from `TAV`: not showing it (`TA`, the operator `absent`), and showing that of another
utterance (`TAV/resampled=V`, the operator `resampled`). They ask different questions: the first what the model does
without, the second what it does when misled. Methods 5.3 wants two of them, since either may be out of distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.conditions import MODALITIES, Condition

ABSENT: Final = "absent"
EXCHANGES: Final = frozenset({"resampled", "permuted", "zeroed", "mean"})
"""Operators that put something else in place of the modalities that their level names by letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removals:
    """One operator: for each modality that it takes away, the condition that does so."""

    full: str
    operator: str
    conditions: Mapping[str, str]
    """Letter of a modality to condition, in the order text, audio, video."""

    @property
    def name(self) -> str:
        """The condition that findings name: the full one, and how modalities were taken from it unless left out."""
        return self.full if self.operator == ABSENT else f"{self.full}/{self.operator}"


def fullest(conditions: Sequence[str]) -> str | None:
    """Return the condition with most modalities among those without an operator; None where no condition names any.

    >>> fullest(["as-supplied", "AV", "TAV/noise=10dB", "A"])
    'AV'
    """
    plain = (c for c in conditions if Condition.parse(c).modalities and Condition.parse(c).operator is None)
    return min(plain, key=lambda condition: Condition.parse(condition).sort_key, default=None)


def removals(conditions: Sequence[str], full: str) -> tuple[Removals, ...]:
    """Return the operators that the table has, `absent` first, each with the modalities that it takes away.

    >>> [(r.operator, dict(r.conditions)) for r in removals(["TA", "T", "A", "TA/resampled=A"], "TA")]
    [('absent', {'T': 'A', 'A': 'T'}), ('resampled', {'A': 'TA/resampled=A'})]
    """
    found: dict[str, dict[str, str]] = {}
    whole = Condition.parse(full).modalities
    for condition in conditions:
        taken = _taken(Condition.parse(condition), whole)
        if taken is not None:
            operator, letter = taken
            found.setdefault(operator, {})[letter] = condition
    ordered = sorted(found, key=lambda operator: (operator != ABSENT, operator))
    return tuple(
        Removals(
            full=full,
            operator=operator,
            conditions={letter: found[operator][letter] for letter in MODALITIES if letter in found[operator]},
        )
        for operator in ordered
    )


def _taken(condition: Condition, whole: frozenset[str]) -> tuple[str, str] | None:
    """Return by which operator a condition takes which single modality away, if it does just that."""
    if condition.operator is None:
        left_out = whole - condition.modalities
        single = len(left_out) == 1 and condition.modalities < whole and len(condition.modalities) > 0
        return (ABSENT, next(iter(left_out))) if single else None
    if condition.modalities != whole or condition.operator not in EXCHANGES:
        return None
    level = (condition.level or "").upper()
    return (condition.operator, level) if level in whole else None

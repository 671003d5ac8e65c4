"""Which conditions of a table remove modalities, and by which operator.

| operator | conditions beside `TAV` | what stands in place of what is removed |
|---|---|---|
| `absent` | `TA`, `TV`, `AV`, `T`, `A`, `V` | nothing at all |
| `resampled` | `TAV/resampled=V`, `=A`, ... `=TAV` | another utterance's |
| `permuted` | `TAV/permuted=V`, ... | another utterance's, dealt so that each is used once |
| `zeroed` | `TAV/zeroed=V`, ... | zeros |
| `mean` | `TAV/mean=V`, ... | the mean input |

Each asks another question, and each may show the model what it was never trained on wants two of them.
Letters may stand in any order. Two operators only control `permuted`: `permuted-within-label` and
`permuted-within-speaker`. `TAV/additive` is the model's best projection without interactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from affidavit.conditions import MODALITIES, Condition

ABSENT: Final = "absent"
EXCHANGES: Final = ("resampled", "permuted", "zeroed", "mean")
"""Operators that put something else in place of the modalities that their level names by letters."""
PERMUTED: Final = "permuted"
PERMUTATION_CONTROLS: Final = ("permuted-within-label", "permuted-within-speaker")
ADDITIVE: Final = "additive"
NOTHING: Final = "nothing"
"""In place of a condition where no modality is left: the commonest label, which needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator on one base, with the conditions that a table has of it."""

    base: str
    name: str
    conditions: Mapping[str, str]
    """By the letters that are removed, in the order T, A, V."""

    @property
    def condition(self) -> str:
        """The condition that findings name: the base, and how modalities were removed unless left out."""
        return self.base if self.name == ABSENT else f"{self.base}/{self.name}"

    @property
    def players(self) -> str:
        """The letters of the base."""
        return ordered(Condition.parse(self.base).modalities)

    @property
    def singles(self) -> Mapping[str, str]:
        """By letter, the conditions that remove one modality alone."""
        return {letter: self.conditions[letter] for letter in self.players if letter in self.conditions}

    @property
    def whole(self) -> bool:
        """Whether every set of the modalities is there, so that they make a game."""
        return all(self._wanted(coalition) in {*self.conditions, ""} for coalition in range(1 << len(self.players)))

    @property
    def game(self) -> tuple[str, ...]:
        """The condition of each coalition by its bits, nobody first; of a whole game only."""
        everybody = (1 << len(self.players)) - 1
        removed = [self._wanted(coalition) for coalition in range(everybody)]
        nobody = [NOTHING] if self.name == ABSENT else [self.conditions[removed[0]]]
        return (*nobody, *(self.conditions[letters] for letters in removed[1:]), self.base)

    def _wanted(self, coalition: int) -> str:
        """Return the letters to be removed for a coalition; none where no condition is needed for it."""
        if self.name == ABSENT and coalition == 0:
            return ""
        return "".join(letter for i, letter in enumerate(self.players) if not coalition >> i & 1)


def ordered(letters: Sequence[str] | frozenset[str]) -> str:
    """Return letters of modalities in the order T, A, V.

    >>> ordered("VT")
    'TV'
    """
    return "".join(letter for letter in MODALITIES if letter in letters)


def fullest(conditions: Sequence[str]) -> str | None:
    """Return the condition with most modalities among those without an operator; None where no condition names any.

    >>> fullest(["as-supplied", "AV", "TAV/noise=10dB", "A"])
    'AV'
    """
    plain = (c for c in conditions if Condition.parse(c).modalities and Condition.parse(c).operator is None)
    return min(plain, key=lambda condition: Condition.parse(condition).sort_key, default=None)


def removals(conditions: Sequence[str], base: str) -> tuple[Operator, ...]:
    """Return the operators that a table has, `absent` first, each with at least one modality removed alone or together.

    >>> [(o.name, dict(o.conditions)) for o in removals(["TA", "T", "A", "TA/resampled=A"], "TA")]
    [('absent', {'A': 'T', 'T': 'A'}), ('resampled', {'A': 'TA/resampled=A'})]
    """
    found = (Operator(base=base, name=name, conditions=exchanged(conditions, base, name)) for name in EXCHANGES)
    absent = Operator(base=base, name=ABSENT, conditions=_absent(conditions, base))
    return tuple(operator for operator in (absent, *found) if operator.conditions)


def permutations(conditions: Sequence[str], base: str) -> Mapping[str, Mapping[str, str]]:
    """Return by operator, `permuted` first, and by letter the conditions that permute one modality."""
    found = {name: exchanged(conditions, base, name) for name in (PERMUTED, *PERMUTATION_CONTROLS)}
    singles = {name: {one: there[one] for one in MODALITIES if one in there} for name, there in found.items()}
    return {name: there for name, there in singles.items() if there}


def projection(conditions: Sequence[str], base: str) -> str | None:
    """Return the condition of the base's additive projection, if the table has it."""
    name = f"{base}/{ADDITIVE}"
    return name if name in conditions else None


def unread(conditions: Sequence[str], base: str) -> tuple[str, ...]:
    """Return conditions whose operator is known here and whose level names no modalities of the base.

    >>> unread(["TAV", "TAV/zeroed", "TAV/zeroed=Q", "TAV/zeroed=T"], "TAV")
    ('TAV/zeroed', 'TAV/zeroed=Q')
    """
    known = {*EXCHANGES, *PERMUTATION_CONTROLS}
    whole = Condition.parse(base).modalities
    parsed = ((name, Condition.parse(name)) for name in conditions)
    return tuple(n for n, c in parsed if c.modalities == whole and c.operator in known and not _letters(c))


def exchanged(conditions: Sequence[str], base: str, operator: str) -> Mapping[str, str]:
    """Return by letters the conditions in which an operator takes the place of these modalities of the base."""
    whole = Condition.parse(base).modalities
    found: dict[str, str] = {}
    for name in conditions:
        condition = Condition.parse(name)
        if condition.modalities == whole and condition.operator == operator and (letters := _letters(condition)):
            found.setdefault(letters, name)
    return found


def _absent(conditions: Sequence[str], base: str) -> Mapping[str, str]:
    whole = Condition.parse(base).modalities
    subsets = (frozenset(some) for size in range(1, len(whole)) for some in combinations(ordered(whole), size))
    names = {str(Condition(modalities=kept)): ordered(whole - kept) for kept in subsets}
    return {names[name]: name for name in conditions if name in names}


def _letters(condition: Condition) -> str:
    """Return the letters that a level names, in order; none where it names anything else or one twice."""
    level = (condition.level or "").upper()
    understood = len(set(level)) == len(level) and set(level) <= condition.modalities
    return ordered(level) if understood else ""

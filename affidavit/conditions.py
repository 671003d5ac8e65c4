"""What a reasoner was shown when it judged: modalities, and what was done to them.

A condition is written `modalities[/operator[=level]]`: `TAV`, `AV`, `T/paraphrase`, `TAV/noise=10dB`. Modalities are
`T` (text), `A` (audio) and `V` (video), printed in that order. A table that says nothing reads `as-supplied`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from affidavit.errors import RowError

MODALITIES = {"T": "text", "A": "audio", "V": "video"}
AS_SUPPLIED = "as-supplied"
INTERVENTIONS: Final = frozenset(
    {
        *("early", "mistake", "filler", "insert", "hint"),
        *("without-rationale", "without-random", "only-rationale", "only-random"),
        *("instruction-paraphrase", "instruction-swap", "history-shuffled", "history"),
        *("resampled", "zeroed", "mean", "additive"),
        *("permuted", "permuted-within-label", "permuted-within-speaker"),
        *("voice-accent", "voice-age", "voice-sex", "face", "transcript"),
        *("accent", "age", "sex"),
    }
)
"""Operators that are there to find out what an answer rests on (docs/faithfulness.md): nobody would judge so, and how
well a model does under them is not its performance."""
_PATTERN = re.compile(r"(?P<modalities>[TAVtav]{1,3})(?:/(?P<operator>[a-z][a-z0-9-]*)(?:=(?P<level>[^\s/=]+))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One evaluation condition; `str()` gives the canonical form.

    >>> str(Condition.parse("VAT/noise=10dB"))
    'TAV/noise=10dB'
    """

    modalities: frozenset[str] = frozenset()
    operator: str | None = None
    level: str | None = None

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition; `as-supplied` gives the condition without known modalities.

        Raises:
            RowError: the text is not of the form `modalities[/operator[=level]]`.
        """
        if text == AS_SUPPLIED:
            return cls()
        match = _PATTERN.fullmatch(text.strip())
        if match is None or len(set(match["modalities"].upper())) != len(match["modalities"]):
            raise RowError(
                f"the condition {text!r} does not parse",
                slug="row-condition",
                found=repr(text),
                allowed="modalities[/operator[=level]] with modalities from T, A, V once each, or as-supplied",
                remedy="write e.g. T, AV, TAV or TAV/noise=10dB",
            )
        return cls(
            modalities=frozenset(match["modalities"].upper()),
            operator=match["operator"],
            level=match["level"],
        )

    def __str__(self) -> str:
        """Return the canonical form."""
        if not self.modalities:
            return AS_SUPPLIED
        letters = "".join(letter for letter in MODALITIES if letter in self.modalities)
        operator = f"/{self.operator}" if self.operator else ""
        return f"{letters}{operator}{f'={self.level}' if self.level else ''}"

    @property
    def intervenes(self) -> bool:
        """Whether it is there to find out what an answer rests on."""
        return self.operator in INTERVENTIONS

    @property
    def sort_key(self) -> tuple[int, str, str, str]:
        """Order for tables: more modalities first, then canonical letters, then operator and level."""
        letters = "".join(str(list(MODALITIES).index(letter)) for letter in MODALITIES if letter in self.modalities)
        return (-len(self.modalities), letters, self.operator or "", self.level or "")


def modality_subsets() -> tuple[Condition, ...]:
    """Return the seven conditions, from all modalities to one.

    >>> [str(condition) for condition in modality_subsets()]
    ['TAV', 'TA', 'TV', 'AV', 'T', 'A', 'V']
    """
    sizes = range(len(MODALITIES), 0, -1)
    return tuple(
        Condition(modalities=frozenset(letters)) for size in sizes for letters in combinations(MODALITIES, size)
    )


def sorted_conditions(conditions: set[str] | frozenset[str]) -> tuple[str, ...]:
    """Return canonical condition strings in the order of tables."""
    return tuple(sorted(conditions, key=lambda text: Condition.parse(text).sort_key))

"""Texts of a report after release: one that speaks of a withheld group or tells a number is withheld whole.

Numbers hide in sentences ("the smallest count: 3 of anger in Welsh, 80 and over"), and no grammar finds them all; so
what was not computed from released numbers alone stays only if it has no digit outside names, and names no withheld
group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from affidavit.disclosure.lattice import Group

WITHHELD_TEXT: Final = "withheld: it speaks of withheld groups or of numbers that were not released"
_DIGIT: Final = re.compile(r"\d")
_TERMS: Final = re.compile(
    r"\bdelta \d[\d.]*(?:e-?\d+)?"
    r"|\bcounted: [\d,]+ steps(?:, [\d,]+ of them unconfirmed)?(?: and \d+ hyper-parameter searches)?"
    r"|\b(?:Opacus|dp-accounting) [A-Z]{3} \d[\w.]*|\be\^\(\(k - 1\) epsilon\)"
)
"""What an epsilon is never printed without: delta, steps, who accounted, what it is not. None of it counts people."""


@dataclass(frozen=True)
class Words:
    """The names that a report's texts use."""

    withheld: frozenset[Group]
    """Groups that are withheld everywhere."""
    names: frozenset[str]
    """Levels, labels, runs and conditions, whose digits tell nothing."""

    @cached_property
    def _names(self) -> re.Pattern[str]:
        """Names as a whole; a name of one or two digits would excuse every number."""
        excused = sorted((n for n in self.names if not re.fullmatch(r"\d{0,2}", n)), key=len, reverse=True)
        return re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in excused) or r"(?!)")

    @cached_property
    def _withheld_levels(self) -> tuple[tuple[re.Pattern[str], ...], ...]:
        return tuple(
            tuple(re.compile(rf"(?<!\w){re.escape(level)}(?!\w)", re.IGNORECASE) for _, level in group)
            for group in sorted(self.withheld)
            if group
        )

    def speaks_of_withheld(self, text: str) -> bool:
        """Say whether a text names every level of some withheld group."""
        return any(all(level.search(text) for level in levels) for levels in self._withheld_levels)

    def tells_number(self, text: str) -> bool:
        """Say whether a text has a digit outside of names and of the terms of an epsilon."""
        return _DIGIT.search(_TERMS.sub("", self._names.sub("", text))) is not None

    def harmless(self, text: str) -> bool:
        """Say whether a text may leave as it is."""
        return not self.tells_number(text) and not self.speaks_of_withheld(text)

    def kept(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the texts that may leave, and one line for those that may not."""
        said: Sequence[str] = tuple(texts)
        kept = tuple(text for text in said if self.harmless(text))
        return kept if len(kept) == len(said) else (*kept, WITHHELD_TEXT)

    def or_withheld(self, text: str) -> str:
        """Return a text that people wrote, or words in its place if it speaks of a withheld group."""
        return WITHHELD_TEXT if self.speaks_of_withheld(text) else text

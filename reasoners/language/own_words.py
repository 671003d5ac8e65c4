"""The judged model as the writer of its own reasoning anew: asked for other words, or for a false sentence.

What it writes is no better than the model: one that follows no request writes something else, and says so only in what
stands in the table. Written at the run's temperature, the likeliest words by default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from reasoners.language.prompts import Question
from reasoners.language.rewriting import MISTAKE, PARAPHRASE, Passage, Writer

if TYPE_CHECKING:
    from reasoners.language.reasoner import LanguageReasoner

_SYSTEM: Final = "You write again what somebody wrote, as you are told, and nothing else."
_WANTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        MISTAKE: "Write this sentence again with a mistake in it, so that what it says is false.",
        PARAPHRASE: "Write this again in other words, so that it says the same.",
    }
)
_STOP: Final = "\n"
_TAG: Final = re.compile(r"<\s{0,3}/?\s{0,3}(?:think|answer)", re.IGNORECASE)
_MARKS: Final = " \t\"'\u201c\u201d"


@dataclass(frozen=True, slots=True)
class OwnRewriter:
    """Implements `Rewriter`."""

    reasoner: LanguageReasoner
    name: Writer = "self"

    def rewritten(self, passages: Sequence[Passage]) -> list[str | None]:
        """Return each passage as the model writes it anew, one line; None where it writes nothing."""
        asked = [
            Question(system=_SYSTEM, pieces=(f"{_WANTED[passage.operator]}\n\n{passage.text}",)) for passage in passages
        ]
        found = self.reasoner.written_to(asked, stop=_STOP, seeds=[passage.seed for passage in passages])
        return [cleaned(text) for text in found]


def cleaned(text: str) -> str | None:
    r"""Return the first line of what was written, without marks around it and without tags; None where nothing is left.

    >>> cleaned('"Her voice is firm."\nI hope that this helps.'), cleaned("<answer>joy</answer>")
    ('Her voice is firm.', None)
    """
    line = _TAG.split(text.strip().split(_STOP)[0])[0].strip(_MARKS)
    return line or None

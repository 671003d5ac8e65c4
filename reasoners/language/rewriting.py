"""Reasoning in other words, or with a mistake put in, written by whoever a plan names (Lanham et al. 2023, 2.3, 2.4).

    mistake=0.5    She smiles. Her voice shakes. So she is afraid.
                   ~~~~~~~~~~~ She smiles. Her voice is steady. ... and the model goes on from there
    paraphrase     She is smiling. There is a tremor in her voice. Hence she is afraid.

Two writers, of which a plan names one (`rewriter`); neither is as good as a person:

| writer | mistake | paraphrase | what it cannot do |
|---|---|---|---|
| `lexical` | a cue or an emotion by another, else denied | synonyms by a list | reword whole sentences; not English |
| `self` | the judged model is asked for it | the same | more than a model can that follows no request |

Whose reasoning cannot be changed is not judged and counted, and a text that comes back as it was is no change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

Writer = Literal["lexical", "self"]
MISTAKE: Final = "mistake"
PARAPHRASE: Final = "paraphrase"
WRITTEN: Final = (MISTAKE, PARAPHRASE)
"""Operators on the reasoning that somebody has to write."""
NOTHING_ELSE: Final = "its reasoning came back as it was"
NO_OTHER_WORDS: Final = "the lists have nothing to put in the place of its reasoning"
_SENTENCE: Final = re.compile(r"[^.!?\n。！？]+[.!?。！？]*\s*|[.!?\n。！？]+\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What is to be written anew."""

    text: str
    """One sentence for a mistake, all of the reasoning for a paraphrase."""
    operator: str
    labels: tuple[str, ...]
    seed: int
    """Of what is drawn, such as which other emotion is named."""


class Rewriter(Protocol):
    """Writes passages anew."""

    @property
    def name(self) -> Writer:
        """What a plan calls it."""

    def rewritten(self, passages: Sequence[Passage]) -> list[str | None]:
        """Return each passage anew, in their order; None where it cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """Reasoning cut around the sentence that a mistake is put in; what came behind it is left out."""

    before: str
    sentence: str

    def with_mistake(self, sentence: str) -> str:
        """Return what the model goes on from."""
        return f"{self.before} {sentence}".strip()


def torn(reasoning: str, share: float) -> Torn:
    """Return the reasoning cut at the sentence in which its word at `share` of all words stands.

    >>> torn("She smiles. Her voice shakes. So she is afraid.", 0.5)
    Torn(before='She smiles.', sentence='Her voice shakes.')
    """
    sentences = [found.group().strip() for found in _SENTENCE.finditer(reasoning)]
    kept = [sentence for sentence in sentences if any(char.isalnum() for char in sentence)] or [reasoning.strip()]
    wanted = int(share * sum(len(sentence.split()) for sentence in kept))
    for place, sentence in enumerate(kept):
        wanted -= len(sentence.split())
        if wanted < 0:
            return Torn(before=" ".join(kept[:place]), sentence=sentence)
    return Torn(before=" ".join(kept[:-1]), sentence=kept[-1])


def same_words(one: str, other: str) -> bool:
    """Say whether two texts have the same words, whatever their case and marks.

    >>> same_words("She smiles!", "she  smiles."), same_words("She smiles.", "She frowns.")
    (True, False)
    """
    return re.findall(r"\w+", one.casefold()) == re.findall(r"\w+", other.casefold())


def told_writer(writer: Writer, operators: Sequence[str]) -> str:
    """Return in a sentence who wrote what stands in the place of reasoning; the report repeats it.

    >>> told_writer("self", ["paraphrase"])
    'paraphrase: written by the judged model itself, asked for it; what it wrote stands in the table'
    """
    return f"{', '.join(operators)}: {_TOLD[writer]}"


_TOLD: Final = {
    "lexical": "written by word lists: cues and emotions exchanged, else denied, or synonyms of a few of the words; a "
    "mistake that names another emotion says an answer as well",
    "self": "written by the judged model itself, asked for it; what it wrote stands in the table",
}

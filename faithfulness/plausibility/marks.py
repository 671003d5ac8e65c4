"""The evidence that a corpus marks in words, for the turns that are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from affidavit.corpus import Corpus
from affidavit.splits import dialogue_of, dialogues
from affidavit.utterances import Utterance
from faithfulness.plausibility.passages import Evidence, Passage, Spoken, passage_of, spoken_in

Scope = Literal["marked", "turn", "dialogue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A turn whose evidence lies in words."""

    passage: Passage
    evidence: Evidence
    lost: int
    """Marks that stand in no turn of the passage: in a later one, or nowhere."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Marks:
    """The marked evidence of a corpus."""

    corpus: Corpus
    scope: Scope = "marked"

    @cached_property
    def beyond_the_turn(self) -> bool:
        """Whether the turns before are looked at too: where the corpus marks words of theirs, or as the plan says."""
        if self.scope != "marked":
            return self.scope == "dialogue"
        return any(cue.utterance_id is not None for turn in self.corpus.utterances for cue in turn.cues)

    @cached_property
    def any(self) -> bool:
        """Whether any word is marked at all."""
        return any(cue.modality == "text" for turn in self.corpus.utterances for cue in turn.cues)

    @cached_property
    def _dialogues(self) -> dict[str, tuple[Utterance, ...]]:
        return dialogues(self.corpus.utterances)

    @cached_property
    def _spoken(self) -> dict[str, Spoken]:
        return {}

    @cached_property
    def _turns(self) -> dict[str, Utterance]:
        return {turn.utterance_id: turn for turn in self.corpus.utterances}

    def dialogue(self, utterance_id: str) -> Sequence[Utterance]:
        """Return the whole dialogue of a turn, which the corpus has."""
        return self._dialogues[dialogue_of(self._turns[utterance_id])]

    def _up_to(self, turn: Utterance) -> Passage:
        """Return the passage of a turn; the words of its dialogue are cut once, so that long ones stay cheap."""
        name = dialogue_of(turn)
        if name not in self._spoken:
            self._spoken[name] = spoken_in(self._dialogues[name])
        spoken = self._spoken[name]
        return Passage(spoken=spoken, n_turns=spoken.number_of[turn.utterance_id] + 1)

    def of(self, utterance_id: str) -> Marked | None:
        """Return the passage of a turn with its marks; None where the corpus has no such turn, or no marked word."""
        turn = self._turns.get(utterance_id)
        if turn is None or turn.consent.get("text") is False:
            return None
        passage = self._up_to(turn) if self.beyond_the_turn else passage_of((turn,))
        evidence, lost = passage.marked(turn.cues)
        return Marked(passage=passage, evidence=evidence, lost=lost) if evidence else None

"""What is asked of a model about one turn, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.judgements import Unjudged
from affidavit.utterances import Judgement
from reasoners.completions import Parsed
from reasoners.language.prompts import Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One turn to be judged under one condition."""

    utterance_id: str
    condition: str
    given: Given
    thought: str | None = None
    """Reasoning that is put in the place of the model's own; its own where None."""
    goes_on: bool = False
    """Whether the model goes on from there before it answers."""

    @property
    def writes(self) -> bool:
        """Whether the model writes reasoning of its own."""
        return self.thought is None or self.goes_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was said of an item, and how what was written read."""

    said: Judgement | Unjudged
    parsed: Parsed | None = None
    """None where nothing was written."""
    agrees: bool | None = None
    """Whether the label that was written is the one with the highest score; None where none was."""

"""What a language model is asked about one turn: the words before it, the turn as far as it may be seen, the labels.

Nothing of a modality that is not shown is told, not even that it is missing, and nobody's name or group: of the turns
before it is said only whether the same person spoke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.media.frames import Frames
from affidavit.media.sound import Sound

Piece = str | Sound | Frames
SYSTEM: Final = "You judge the emotion of the speaker of one turn of a conversation."
THINK: Final = "<think>"
THOUGHT: Final = "</think>"
ANSWER: Final = "<answer>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One turn as it may be seen under a condition; None where a modality is not shown."""

    text: str | None = None
    sound: Sound | None = None
    frames: Frames | None = None
    before: tuple[tuple[bool, str], ...] = ()
    """The words of turns before it, the latest last, and whether its speaker said them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What stands in the prompt."""

    system: str
    pieces: tuple[Piece, ...]
    """Of the user's message, in order."""


def question(given: Given, labels: Sequence[str], *, instruction: str, thinks: bool) -> Question:
    """Return the question about a turn."""
    pieces: list[Piece] = []
    if given.before:
        told = "\n".join(f"{'The speaker' if same else 'Somebody else'}: {words}" for same, words in given.before)
        pieces.append(f"Before this turn:\n{told}\n\n")
    if given.sound is not None:
        pieces += ["The voice of the turn: ", given.sound, "\n"]
    if given.frames is not None:
        pieces += ["The pictures of the turn: ", given.frames, "\n"]
    if given.text is not None:
        pieces.append(f"The words of the turn: {given.text}\n")
    pieces.append(_task(labels, instruction, thinks=thinks))
    return Question(system=SYSTEM, pieces=tuple(pieces))


def _task(labels: Sequence[str], instruction: str, *, thinks: bool) -> str:
    listed = ", ".join(labels)
    shape = (
        "First write in one or two sentences what shows the emotion, as <think>what shows it</think>, then answer with "
        "one word of the list, as <answer>emotion</answer>."
        if thinks
        else "Answer with one word of the list and nothing else, as <answer>emotion</answer>."
    )
    return f"\n{instruction} The emotions are: {listed}. {shape}"

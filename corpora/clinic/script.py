"""Who says what: a dialogue's turns as words, with the spans that carry emotion.

Words that carry no evidence are plain answers to what the clinician asked, or polite ones that everybody uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.seeds import seed_of
from corpora.clinic.people import Person
from corpora.clinic.phrases.anger import ANGER
from corpora.clinic.phrases.clinicians import ACKNOWLEDGED, CLOSINGS, FOLLOW_UPS, GREETINGS, QUESTIONS
from corpora.clinic.phrases.disgust import DISGUST
from corpora.clinic.phrases.fear import FEAR
from corpora.clinic.phrases.joy import JOY
from corpora.clinic.phrases.neutral import ELLIPTICAL, LEADS, PLAIN, POLITE
from corpora.clinic.phrases.sadness import SADNESS
from corpora.clinic.plot import Beat, Plot
from corpora.clinic.slots import Line, filled, filling, joined

MOVED: Final = {"anger": ANGER, "disgust": DISGUST, "fear": FEAR, "joy": JOY, "sadness": SADNESS}
CLEAR_AND_STRONG: Final = (4.5, 7.5)
"""From which intensities on clear and strong words are used."""
LED: Final = 0.3
"""How often a patient's answer starts with a few empty words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn with its words."""

    utterance_id: str
    plot: Plot
    number: int
    speaker: Person
    line: Line
    beat: Beat | None
    """None where the clinician speaks."""


def script(plot: Plot, *, seed: int) -> tuple[Turn, ...]:
    """Write a dialogue."""
    rng = np.random.default_rng(seed_of("clinic", seed, "words", plot.dialogue_id))
    slots, topics = _spoken_of(plot, rng)
    turns = []
    for number in range(plot.n_turns):
        beat = plot.beats[number // 2] if number % 2 else None
        line = (
            _asked(plot, number, topics, slots, rng) if beat is None else _said(beat, topics[number // 2], slots, rng)
        )
        turns.append(
            Turn(
                utterance_id=f"{plot.dialogue_id}-t{number}",
                plot=plot,
                number=number,
                speaker=plot.clinician if beat is None else plot.patient,
                line=line,
                beat=beat,
            )
        )
    return tuple(turns)


def _spoken_of(plot: Plot, rng: np.random.Generator) -> tuple[dict[str, str], list[str]]:
    """Return what the slots hold in a dialogue, and the topic of each turn of the patient."""
    slots = filling(rng) | {"surname": plot.clinician.surname}
    return slots, _topics(plot.beats, rng)


def neutral_text(turn: Turn, *, seed: int) -> str:
    """Return the words of a turn without their emotion: a plain answer on the same topic and of the same things.

    A turn whose words carry no emotion keeps them.
    """
    if turn.beat is None or not turn.line.spans:
        return turn.line.text
    own = np.random.default_rng(seed_of("clinic", seed, "words", turn.plot.dialogue_id))
    slots, topics = _spoken_of(turn.plot, own)
    rng = np.random.default_rng(seed_of("clinic", seed, "neutral words", turn.utterance_id))
    line = filled(_one(PLAIN[topics[turn.number // 2]], rng), slots)
    leads = [lead for lead in LEADS if turn.line.text.startswith(f"{lead} ")]
    return (joined(leads[0], line) if leads else line).text


def _topics(beats: Sequence[Beat], rng: np.random.Generator) -> list[str]:
    """Return a new topic for each beat, and the former one for an elliptical turn."""
    order = [list(QUESTIONS)[int(i)] for i in rng.permutation(len(QUESTIONS))]
    topics: list[str] = []
    for beat in beats:
        topics.append(topics[-1] if beat.elliptical else order[len(topics)])
    return topics


def _said(beat: Beat, topic: str, slots: Mapping[str, str], rng: np.random.Generator) -> Line:
    if beat.elliptical:
        return Line(text=_one(ELLIPTICAL, rng))
    if beat.label != "neutral" and "text" in beat.evidence:
        strength = int(np.digitize(beat.shown("text")[1], CLEAR_AND_STRONG))
        line = filled(_one(MOVED[beat.label][topic][strength], rng), slots)
    elif beat.masked:
        line = Line(text=_one(POLITE, rng))
    else:
        line = filled(_one(PLAIN[topic], rng), slots)
    lead = _one(LEADS, rng)
    return joined(lead, line) if rng.random() < LED else line


def _asked(plot: Plot, number: int, topics: Sequence[str], slots: Mapping[str, str], rng: np.random.Generator) -> Line:
    before = plot.beats[number // 2 - 1] if number else None
    first = _one(GREETINGS, rng).format_map(slots) if before is None else _one(ACKNOWLEDGED[_heard(before)], rng)
    if number // 2 >= len(plot.beats):
        return Line(text=f"{first} {_one(CLOSINGS, rng)}")
    if plot.beats[number // 2].elliptical:
        return Line(text=f"{first} {_one(FOLLOW_UPS, rng)}")
    return Line(text=f"{first} {_one(QUESTIONS[topics[number // 2]], rng).format_map(slots)}")


def _heard(beat: Beat) -> str:
    """Return what a clinician answers to: the words, and only where they carry the emotion."""
    if "text" not in beat.evidence or beat.label == "neutral":
        return "plain"
    return "good" if beat.label == "joy" else "hard"


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]

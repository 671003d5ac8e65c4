"""Measures the voices of a corpus, each clip beside the speaker's own others: low means low for this speaker.

A clip's deviation is its number less the median of the same number over the *other* clips of its speaker: semitones and
decibels as differences, rates and ranges as logarithms of ratios, so that the tolerance asks the same of a low voice
and of a high one. Of a speaker with fewer clips than asked for, what is usual is not known, and neither is the cue.

Clips of one speaker say other words, and words move rate and range by themselves. Tolerances are therefore such that,
of clips spoken calmly in the built-in clinic, eight or nine in ten stay within each (300 utterances, seed 0).

Source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.acoustics.prosody import Prosody, prosody
from affidavit.errors import MediaError
from affidavit.media.sound import read_sound
from affidavit.protocols import Progress
from affidavit.utterances import Utterance
from faithfulness.grounding.rows import EvidenceRow

FEWEST_CLIPS: Final = 5
"""Of a speaker, the clip itself among them."""
_LEAST_ST: Final = 0.5
"""Added to a range of pitch before its logarithm, in semitones: none is no infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One dimension of the voice as a number of a clip."""

    cue: str
    least: float
    """The size of a deviation from which on it is a cue, in `unit`."""
    unit: str
    number: Callable[[Prosody], float | None]
    sign: float = 1.0

    def direction(self, deviation: float) -> int:
        """Return 1 where the cue is there, -1 where its contrary is, 0 within the tolerance."""
        value = self.sign * deviation
        return int(value >= self.least) - int(value <= -self.least)


def _log(value: float | None, least: float = 0.0) -> float | None:
    return None if value is None or value + least <= 0 else float(np.log(value + least))


DIMENSIONS: Final = (
    Dimension(cue="pitch", least=1.5, unit="st", number=lambda clip: clip.f0_median_st),
    Dimension(cue="range", least=0.4, unit="ln", number=lambda clip: _log(clip.f0_range_st, _LEAST_ST)),
    Dimension(cue="rate", least=0.2, unit="ln", number=lambda clip: _log(clip.syllables_per_s)),
    Dimension(cue="level", least=2.5, unit="dB", number=lambda clip: clip.level_mean_db),
    Dimension(cue="pauses", least=0.1, unit="share", number=lambda clip: clip.pause_share),
    Dimension(cue="tremor", least=0.4, unit="ln", number=lambda clip: _log(clip.f0_jitter_st)),
    Dimension(cue="creak", least=2.0, unit="dB", number=lambda clip: clip.hnr_db, sign=-1.0),
)
"""Tremor by how much pitch moves between frames, creak by how little of the voice is harmonic."""
TOLERANCE: Final = "a voice changes from " + ", ".join(
    f"{each.least:g} {each.unit} of {each.cue}" for each in DIMENSIONS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """What was measured, and what could not be."""

    rows: tuple[EvidenceRow, ...]
    n_unreadable: int
    """Clips that could not be played."""
    n_without_usual: int
    """Clips of speakers with too few."""


def measured_voices(utterances: Iterable[Utterance], *, fewest_clips: int, progress: Progress) -> Voices:
    """Measure every clip with sound.

    Raises:
        MissingPartError: the extra `media` is not installed.
    """
    with_sound = [utterance for utterance in utterances if utterance.audio is not None]
    clips: dict[str, dict[str, Prosody]] = defaultdict(dict)
    unreadable = 0
    for done, utterance in enumerate(with_sound, start=1):
        told = _prosody(utterance)
        if told is None:
            unreadable += 1
        else:
            clips[utterance.speaker_id or utterance.utterance_id][utterance.utterance_id] = told
        progress("measuring voices", done, len(with_sound))
    rows = [row for own in clips.values() for row in within_speaker(own, fewest_clips=fewest_clips)]
    few = sum(len(own) for own in clips.values() if len(own) < fewest_clips)
    return Voices(rows=tuple(rows), n_unreadable=unreadable, n_without_usual=few)


def within_speaker(clips: Mapping[str, Prosody], *, fewest_clips: int) -> list[EvidenceRow]:
    """Return the cues of one speaker's clips; none where there are too few to know what is usual."""
    rows = []
    for dimension in DIMENSIONS:
        numbers = {name: value for name, clip in clips.items() if (value := dimension.number(clip)) is not None}
        if len(numbers) < fewest_clips:
            continue
        for name, deviation in zip(numbers, _beside_others(list(numbers.values())), strict=True):
            direction = dimension.direction(deviation)
            rows.append(EvidenceRow(utterance_id=name, aspect="tone", cue=dimension.cue, direction=direction))
    return rows


def _beside_others(values: Sequence[float]) -> list[float]:
    """Return each value less the median of the others."""
    held = np.asarray(values)
    return [float(held[i] - np.median(np.delete(held, i))) for i in range(len(held))]


def _prosody(utterance: Utterance) -> Prosody | None:
    if utterance.audio is None:
        return None
    try:
        sound = read_sound(utterance.audio)
    except MediaError:
        return None
    return prosody(sound.samples, sound.sample_rate)

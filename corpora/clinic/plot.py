"""What happens in each dialogue: who speaks when, what the patient feels, and where it can be seen.

Laws:

* Labels are a Markov chain whose stationary shares are `SHARES` exactly: an emotion stays with probability
  `r + (1 - r) p(label)`, about 0.55 in all, where `r = RETAINED`.
* Of the turns that are not neutral, about 55 % carry the emotion in one modality, 25 % in two, 12 % in three and 8 % in
  none. A turn with none keeps the emotion of the turn before it, which carried evidence; only history tells.
* A modality that a patient declined carries nothing; who agreed to fewer than three is planned over those.
* Neutral is told by all modalities together: each alone also looks neutral where another one carries an emotion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.seeds import seed_of
from corpora.clinic.options import FEWEST_UTTERANCES, LABELS, ClinicOptions
from corpora.clinic.people import Person, clinicians, patient

SHARES: Final = (0.15, 0.15, 0.15, 0.15, 0.25, 0.15)
RETAINED: Final = 0.4545
ELLIPTICAL: Final = 0.29
"""Of the turns that retain an emotion with evidence, how many say nothing of it: 8 % of all that are not neutral."""
ONE_TWO_THREE: Final = (55 / 92, 25 / 92, 12 / 92)
MASKED: Final = 0.15
"""How often polite words cover what voice or face show; and how often the same words are said by somebody neutral."""
LENGTHS: Final = (4, 5, 6, 7, 8, 9)
LENGTH_SHARES: Final = (0.27, 0.24, 0.2, 0.13, 0.09, 0.07)
SECOND_DIALOGUE: Final = 0.07
MOST: Final = max(LENGTHS)
LEAST_SHOWN: Final = 3.0
"""The least intensity of what is not neutral."""
WEAKER: Final = 0.6
"""What another modality shows of the strongest one's intensity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One turn of the patient before it has words."""

    label: str
    intensity: float
    """0 to 10; below 2 where the label is neutral, at least 3 elsewhere."""
    order: tuple[str, ...]
    """The modalities that carry it, the strongest first; none where only the turns before tell."""
    elliptical: bool = False
    masked: bool = False

    @property
    def evidence(self) -> frozenset[str]:
        """The modalities that carry the emotion."""
        return frozenset(self.order)

    def shown(self, modality: str) -> tuple[str, float]:
        """Return the label and the intensity that a modality shows; all but the strongest show it weaker."""
        if modality not in self.order:
            return "neutral", 0.0
        if self.label == "neutral" or modality == self.order[0]:
            return self.label, self.intensity
        return self.label, round(max(LEAST_SHOWN, WEAKER * self.intensity), 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One dialogue: the clinician speaks first, then both in turn."""

    dialogue_id: str
    patient: Person
    clinician: Person
    n_turns: int
    beats: tuple[Beat, ...]
    """One per turn of the patient: turns 1, 3, 5 and so on."""


def plots(options: ClinicOptions) -> list[Plot]:
    """Return dialogues whose turns add up to `n_utterances`, in the order of their patients."""
    staff = clinicians(options)
    made: list[Plot] = []
    left, index = options.n_utterances, 0
    while left:
        person = patient(index, options)
        rng = np.random.default_rng(seed_of("clinic", options.seed, "plot", index))
        for visit in range(1 + int(rng.random() < SECOND_DIALOGUE)):
            n_turns = fitted(int(rng.choice(LENGTHS, p=LENGTH_SHARES)), left)
            doctor = staff[person.hospital][int(rng.integers(len(staff[person.hospital])))]
            beats = _beats(n_turns // 2, person.modalities(), rng)
            name = f"s{options.seed}-d{index:04d}{'ab'[visit]}"
            made.append(Plot(dialogue_id=name, patient=person, clinician=doctor, n_turns=n_turns, beats=beats))
            left -= n_turns
            if not left:
                break
        index += 1
    return made


def fitted(length: int, left: int) -> int:
    """Return a length near `length` after which either nothing is left or a whole dialogue fits."""
    if left <= MOST and left - length < FEWEST_UTTERANCES:
        return left
    return min(length, left - FEWEST_UTTERANCES)


def _beats(n: int, modalities: tuple[str, ...], rng: np.random.Generator) -> tuple[Beat, ...]:
    beats: list[Beat] = []
    for _ in range(n):
        before = beats[-1] if beats else None
        stays = before is not None and rng.random() < RETAINED
        chance = rng.random()
        if before is not None and stays and before.label != "neutral" and before.evidence and chance < ELLIPTICAL:
            beats.append(Beat(label=before.label, intensity=before.intensity, order=(), elliptical=True))
            continue
        label = before.label if before is not None and stays else LABELS[int(rng.choice(len(LABELS), p=SHARES))]
        beats.append(_beat(label, modalities, rng))
    return tuple(beats)


def _beat(label: str, modalities: tuple[str, ...], rng: np.random.Generator) -> Beat:
    covered = bool(rng.random() < MASKED)
    if label == "neutral":
        intensity = round(float(rng.uniform(0, 2)), 1)
        return Beat(label=label, intensity=intensity, order=modalities, masked=covered)
    size = min(1 + int(rng.choice(3, p=ONE_TWO_THREE)), len(modalities))
    chosen = rng.choice(len(modalities), size=size, replace=False)
    order = tuple(modalities[int(i)] for i in chosen)
    intensity = round(float(rng.uniform(LEAST_SHOWN, 10)), 1)
    return Beat(label=label, intensity=intensity, order=order, masked=covered and "text" not in order)

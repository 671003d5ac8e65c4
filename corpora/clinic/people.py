"""Who comes to the clinic: patients with a hospital, an accent, an age and a voice and face of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.seeds import seed_of
from corpora.clinic.options import ClinicOptions

UNKNOWN_ACCENT: Final = 0.03
DECLINES_VIDEO: Final = 0.04
DECLINES_AUDIO: Final = 0.02
CLINICIANS_PER_HOSPITAL: Final = 4
SURNAMES: Final = ("Abara", "Bennett", "Castillo", "Doyle", "Evans", "Fraser", "Gupta", "Haddad", "Ito", "Jansen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One speaker; `traits` are eight numbers in 0 to 1 from which voice and face take what is theirs alone."""

    speaker_id: str
    hospital: str
    accent: str
    age: str
    sex: str
    traits: tuple[float, ...]
    accent_known: bool = True
    consent: Mapping[str, bool]
    surname: str = ""

    def sensitive(self) -> dict[str, str]:
        """Return the sensitive features that are known of this person."""
        known = {"age": self.age, "sex": self.sex}
        return {"accent": self.accent, **known} if self.accent_known else known

    def modalities(self) -> tuple[str, ...]:
        """Return the modalities that this person agreed to."""
        return tuple(modality for modality, agreed in self.consent.items() if agreed)


def patient(index: int, options: ClinicOptions) -> Person:
    """Return the patient of that number; hospitals are dealt in turn, the rest is drawn."""
    rng = np.random.default_rng(seed_of("clinic", options.seed, "patient", index))
    accent = _drawn(options.accents, rng)
    age = _drawn(options.ages, rng)
    sex = ("female", "male")[int(rng.integers(2))]
    traits = tuple(float(trait) for trait in rng.random(8))
    chances = rng.random(3)
    return Person(
        speaker_id=f"clinic-{options.seed}-patient-{index:04d}",
        hospital=options.hospitals[index % 3],
        accent=accent,
        age=age,
        sex=sex,
        traits=traits,
        accent_known=bool(chances[0] >= UNKNOWN_ACCENT),
        consent={
            "text": True,
            "audio": bool(chances[1] >= DECLINES_AUDIO),
            "video": bool(chances[2] >= DECLINES_VIDEO),
        },
    )


def clinicians(options: ClinicOptions) -> dict[str, tuple[Person, ...]]:
    """Return the clinicians of each hospital; they are heard and not seen."""
    return {
        hospital: tuple(_clinician(place, i, options) for i in range(CLINICIANS_PER_HOSPITAL))
        for place, hospital in enumerate(options.hospitals)
    }


def _clinician(place: int, index: int, options: ClinicOptions) -> Person:
    rng = np.random.default_rng(seed_of("clinic", options.seed, "clinician", place, index))
    return Person(
        speaker_id=f"clinician-{place}{index}",
        hospital=options.hospitals[place],
        accent=("southern english", "american", "scottish", "southern english")[index],
        age=("35-54", "55-74")[int(rng.integers(2))],
        sex=("female", "male")[index % 2],
        traits=tuple(float(trait) for trait in rng.random(8)),
        consent={"text": True, "audio": True, "video": False},
        surname=SURNAMES[(place * CLINICIANS_PER_HOSPITAL + index) % len(SURNAMES)],
    )


def _drawn(shares: Mapping[str, float], rng: np.random.Generator) -> str:
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]

"""What a plan may say of the clinic, and what of it changes the content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from affidavit.digests import digest_of
from affidavit.records import Record

CLINIC_VERSION: Final = "2"
"""Raised whenever the same options would give other utterances or other bytes."""
LABELS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness")
MODALITIES: Final = ("text", "audio", "video")
ACCENTS: Final = ("american", "southern english", "scottish", "caribbean", "hindi", "mandarin", "spanish")
AGES: Final = ("18-34", "35-54", "55-74", "75 and over")
HOSPITALS: Final = ("north", "harbour", "valley")
FEWEST_UTTERANCES: Final = 4
"""The length of the shortest dialogue."""

Share = Annotated[float, Field(ge=0, le=1)]
Decibels = Annotated[float, Field(ge=-30, le=60)]


class ClinicFaults(Record):
    """What is planted, and how much of it; without any the corpus is the clean twin."""

    accent_noise: Mapping[str, Decibels] = Field(default_factory=dict)
    """Accent to the signal-to-noise ratio, in decibels, of everything that patients with that accent say."""
    canaries: int = Field(default=0, ge=0)
    """How many memorisable texts replace the words of existing turns, each with an arbitrary label."""
    canary_repeats: int = Field(default=1, ge=1)
    """How many turns of one patient carry the same canary; such a patient has to be on the training side."""
    wrong_citation_share: Share = 0.0
    """The share of rationales that cite a modality without evidence, among the turns that have such a modality."""
    label_drift: Mapping[str, Share] = Field(default_factory=dict)
    """Hospital to the share of its sadness that is labelled neutral or fear."""

    @field_validator("accent_noise")
    @classmethod
    def _accents(cls, noise: Mapping[str, float]) -> Mapping[str, float]:
        return _known(noise, ACCENTS, "accent")


class ClinicOptions(Record):
    """What a plan may say of the clinic."""

    seed: int = Field(default=0, ge=0)
    n_utterances: int = Field(default=2000, ge=FEWEST_UTTERANCES)
    """Turns of patients and of clinicians together, exactly; a patient has about 6.5 of them."""
    media: Literal["full", "patients", "none"] = "full"
    """Whom microphones and cameras record. A camera never shows a clinician, whom `patients` leaves unheard too; `none`
    makes neither sound nor pictures, and is fast: for tests on text alone."""
    workers: int = Field(default=2, ge=1, le=64)
    """Processes that speak and draw; does not change what they make."""
    accents: Mapping[str, float] = Field(
        default={
            "american": 0.2,
            "southern english": 0.25,
            "scottish": 0.13,
            "caribbean": 0.12,
            "hindi": 0.12,
            "mandarin": 0.09,
            "spanish": 0.09,
        }
    )
    """Accent to its share of the patients; shares are scaled to one."""
    ages: Mapping[str, float] = Field(default={"18-34": 0.25, "35-54": 0.28, "55-74": 0.29, "75 and over": 0.18})
    """Age band to its share of the patients; shares are scaled to one."""
    hospitals: tuple[str, str, str] = HOSPITALS
    """The names of the three sites; patients are dealt to them in turn."""
    faults: ClinicFaults = ClinicFaults()

    @field_validator("accents")
    @classmethod
    def _accents(cls, shares: Mapping[str, float]) -> Mapping[str, float]:
        return _shares(shares, ACCENTS, "accent")

    @field_validator("ages")
    @classmethod
    def _ages(cls, shares: Mapping[str, float]) -> Mapping[str, float]:
        return _shares(shares, AGES, "age band")

    @field_validator("hospitals")
    @classmethod
    def _distinct(cls, names: tuple[str, str, str]) -> tuple[str, str, str]:
        if len(set(names)) < len(names) or not all(name.strip() for name in names):
            raise ValueError(f"three different names are needed, not {list(names)}")
        return names

    @model_validator(mode="after")
    def _drift_at_known_sites(self) -> ClinicOptions:
        _known(self.faults.label_drift, self.hospitals, "hospital")
        return self

    def content(self) -> dict[str, Any]:
        """Return what decides the content, as JSON."""
        return {"clinic": CLINIC_VERSION, **self.model_dump(mode="json", exclude={"workers"})}

    def digest(self) -> str:
        """Return `sha256:<hex>` of the version and of every option but `workers`."""
        return digest_of(self.content())


def _known(given: Mapping[str, float], known: tuple[str, ...], noun: str) -> Mapping[str, float]:
    """Return what is given in the order of what is known: people are drawn in it, and a report keeps no order."""
    strangers = [name for name in given if name not in known]
    if strangers:
        raise ValueError(f"unknown {noun} {strangers[0]!r}; the clinic has {', '.join(known)}")
    return {name: given[name] for name in known if name in given}


def _shares(given: Mapping[str, float], known: tuple[str, ...], noun: str) -> Mapping[str, float]:
    if any(share < 0 for share in given.values()) or not sum(given.values()) > 0:
        raise ValueError(f"shares of each {noun} are not negative, and one at least is above zero")
    return _known(given, known, noun)

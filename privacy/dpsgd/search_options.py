"""What a plan may say of a search among hyper-parameters on the patients (Papernot and Steinke 2022)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.records import Record

Distribution = Literal["poisson", "logarithmic", "geometric", "negative-binomial"]
SHAPES: dict[str, float | Literal["poisson"]] = {"poisson": "poisson", "logarithmic": 0.0, "geometric": 1.0}


class Candidate(Record):
    """Options of one kind of trial that differ from the trainer's own; noise and `sample_rate` are those of all."""

    learning_rate: float | None = Field(default=None, gt=0)
    pretrained_learning_rate: float | None = Field(default=None, gt=0)
    clip_norm: float | None = Field(default=None, gt=0)
    optimizer: Literal["adam", "sgd"] | None = None
    schedule: Literal["constant", "cosine"] | None = None
    steps: int | None = Field(default=None, ge=1)
    """Every trial is accounted for as the one with the most steps."""


class SearchOptions(Record):
    """A search: so many trials as were drawn, each of a candidate drawn for it, and the best one released."""

    candidates: tuple[Candidate, ...]
    """Each as likely as another in each trial; epsilon does not depend on how many there are."""
    mean_trials: float = Field(default=5.0, ge=1, le=500)
    """Of the drawn number of trials. How many were drawn is told to nobody: the promise rests on it."""
    distribution: Distribution = "logarithmic"
    """Of the number of trials. `poisson` may draw none at all: then there is no model, and the budget is spent."""
    shape: float | None = Field(default=None, gt=0, le=100)
    """Of `negative-binomial`: near 0 it is nearly logarithmic, 1 is geometric."""
    score_on: Literal["development", "trained"] = "development"
    """Whose loss tells how good a trial is: that of patients set apart for it, or of the trained ones."""
    development: float = Field(default=0.2, gt=0, lt=1)
    """Share of the patients who are set apart; they are neither trained on nor held out."""
    score_bound: float = Field(default=4.0, gt=0, allow_inf_nan=False)
    """A unit's loss counts as this where it is above it; the score's noise grows with it."""
    score_noise: float | None = Field(default=None, ge=0)
    """Standard deviation of the noise in the sum of losses, over `score_bound`; where absent, the least at which a
    search among scores alone stays within `score_share` of epsilon."""
    score_share: float = Field(default=0.25, gt=0, lt=1)

    @model_validator(mode="after")
    def _coherent(self) -> SearchOptions:
        if not self.candidates:
            raise ValueError("name one candidate at least; {} is the trainer's own options")
        if (self.shape is None) == (self.distribution == "negative-binomial"):
            raise ValueError("say shape with distribution: negative-binomial, and with no other")
        if self.mean_trials == 1 and self.distribution != "poisson":
            raise ValueError("a mean of 1 is one trial and no search; say mean_trials above 1")
        return self

    @property
    def drawn_from(self) -> float | Literal["poisson"]:
        """The shape of the distribution, as accountants call it."""
        return SHAPES[self.distribution] if self.shape is None else self.shape

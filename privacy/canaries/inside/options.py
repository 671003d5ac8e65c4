"""What a plan may say of the examination `gradient-canaries`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.records import Record
from privacy.canaries.options import Promise


class GradientOptions(Record):
    """The options of this examination in a plan."""

    cards: str | None = None
    """A JSON file with the card of each run's model, by run, where the plan did not train them."""
    canaries: int = Field(default=300, ge=20, le=20_000)
    """Canary patients; each is a direction of its own, so there are no more than trained parameters."""
    single_steps: int = Field(default=6, ge=1, le=1000)
    """Steps over everybody, for the bound of one step: as many trials as canaries times steps."""
    run_steps: int = Field(default=60, ge=5, le=5000)
    """Steps of one sampled run; no more than the training planned, but five at least."""
    patients: int = Field(default=24, ge=0, le=1000)
    """Patients among whom canaries stand, drawn at random from those that the run judged and the model never met."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of each lower bound, one-sided; what refutes the promise is corrected for all instruments."""
    delta: float | None = Field(default=None, gt=0, lt=1)
    """At which delta epsilon is bounded; the card's, or that of `promised`, where absent; else 1e-5."""
    observations: str | dict[str, str] | None = None
    """In place of the model: a table of canary, included and score that somebody else observed, or one for each run."""
    each: Literal["training", "step"] = "training"
    """What a row of `observations` is: a canary of one whole training, or one canary in one step of its own."""
    noise_multiplier: float | None = Field(default=None, gt=0)
    """For rows that are steps: what the noise of one step is said to be, in clip norms."""
    promised: Promise | None = None
    """For rows that are canaries of a training: what the training is said to be."""

    @model_validator(mode="after")
    def _fitting(self) -> GradientOptions:
        if self.observations is None and (self.noise_multiplier is not None or self.promised is not None):
            raise ValueError("noise_multiplier and promised are for observations; a model's card says its own")
        if self.observations is not None and self.each == "step" and self.noise_multiplier is None:
            raise ValueError("each: step needs noise_multiplier, which a step's scores are held against")
        return self

    def table_of(self, run: str) -> str | None:
        """Return the table of a run, None where none is named."""
        return self.observations.get(run) if isinstance(self.observations, dict) else self.observations

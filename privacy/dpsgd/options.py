"""What a plan may say of private training; what cannot be kept at once is refused before anything is drawn."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from affidavit.records import Record
from privacy.dpsgd.search_options import Candidate, SearchOptions

Ways = Literal["auto", "hooks", "functorch", "ghost", "loop"]


class AdaptiveClipping(Record):
    """Follows a quantile of the gradient norms (Andrew et al. 2021), from a noised count that is paid for."""

    quantile: float = Field(default=0.5, gt=0, lt=1)
    """The share of units whose gradient should stay as it is."""
    rate: float = Field(default=0.2, gt=0, le=1)
    """How far the bound moves in one step: by the factor exp(-rate * (share not clipped - quantile))."""
    budget_share: float = Field(default=0.05, gt=0, lt=1)
    """Of the step's precision (1 / noise_multiplier squared), what the count takes; the gradients get the rest."""
    floor: float = Field(default=1e-3, gt=0)
    """The least bound: gradients that vanish do not take the noise with them to where numbers end."""
    ceiling: float = Field(default=1e3, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> AdaptiveClipping:
        if self.floor > self.ceiling:
            raise ValueError(f"floor={self.floor:g} is above ceiling={self.ceiling:g}")
        return self


class PrivateOptions(Record):
    """Options of the trainer `dp-sgd`."""

    unit: Literal["patient", "utterance"] = "patient"
    """Who is protected. `utterance` protects one turn, judged without its dialogue; a patient with k turns has then
    about k times the epsilon, and the card says so."""
    epsilon: float | None = Field(default=None, ge=0.01)
    """The budget; the noise is chosen for it unless `noise_multiplier` is given too, and training stops at it."""
    delta: float | None = Field(default=None, gt=0, lt=1)
    """Less than 1 over the number of units."""
    noise_multiplier: float | None = Field(default=None, ge=0)
    """Standard deviation of the noise over the clipping bound; 0 only where it is simulated."""
    simulated: bool = False
    """Draws from the plan's seed in place of a secret: repeatable, and so no protection and no epsilon."""
    steps: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    """Steps are then epochs / sample_rate, rounded up."""
    sample_rate: float = Field(default=0.1, gt=0, le=1)
    """Chance of each unit to be in a step, whoever else is."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Bound on the Euclidean norm of one unit's gradient; where it is adaptive, the first one."""
    adaptive_clipping: AdaptiveClipping | None = None
    max_turns_per_patient: int = Field(default=16, ge=1)
    """Turns of a patient in one step, of one dialogue after another; which of them is drawn anew at each step."""
    expected_units: int | None = Field(default=None, ge=1)
    """How many units there are, as a public number: gradients are divided by sample_rate times this. The number of the
    training units where absent, and then that number is told."""
    units_at_once: int = Field(default=8, ge=1)
    """Units whose gradients are in memory together; changes speed and memory only."""
    gradients: Ways = "auto"
    """How gradients per unit are come by (docs/privacy.md); changes speed and memory only."""
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=1.5e-3, gt=0)
    """Of parts that start from noise."""
    pretrained_learning_rate: float = Field(default=5e-4, gt=0)
    """Of adapters of pretrained parts."""
    schedule: Literal["constant", "cosine"] = "constant"
    """`cosine` rises over the first tenth of the steps and then falls to nothing."""
    held_out: float = Field(default=0.3, ge=0, lt=1)
    """Share of the patients who are not trained on: the same ones as those of the trainer `supervised`."""
    split_seed: int = Field(default=0, ge=0)
    search: SearchOptions | None = None
    """Tries options on the patients themselves, counted as one search; the best trial is all that is kept."""
    site: str = "here"
    """The hospital whose ledger is written."""
    ledger: str | None = None
    """A file, from the folder that the checkpoint's folder is in; where absent, beside the checkpoint's folder."""
    checkpoint_every: int = Field(default=10, ge=1)
    """Steps between two states to go on from; what is lost of a killed training is taken again, and paid again."""
    training_digest: str = ""
    """Filled in by a plan: names the whole of what is trained."""

    @model_validator(mode="after")
    def _coherent(self) -> PrivateOptions:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("say either steps or epochs, and one of them only")
        if self.noise_multiplier is None and self.epsilon is None:
            raise ValueError("say epsilon and delta, or noise_multiplier")
        if not self.simulated and self.noise_multiplier == 0:
            raise ValueError("noise_multiplier=0 protects nobody; it is allowed with simulated: true only")
        if self.delta is None and not (self.simulated and self.epsilon is None):
            raise ValueError("say delta: an epsilon means nothing without one")
        if self.search is not None:
            self._require_scores(self.search)
        return self

    def _require_scores(self, search: SearchOptions) -> None:
        """Refuse a score whose noise nobody says, or that has none."""
        if search.score_noise is None and self.epsilon is None:
            raise ValueError("say search.score_noise, or epsilon, by which it is chosen")
        if search.score_noise == 0 and not self.simulated:
            raise ValueError("search.score_noise=0 protects nobody; it is allowed with simulated: true only")
        if search.score_on == "development" and self.held_out + search.development >= 1:
            raise ValueError("held_out and search.development leave nobody to train on")

    def trial(self, candidate: Candidate) -> PrivateOptions:
        """Return the options of one trial of the search: those of a training by itself."""
        said: dict[str, object] = candidate.model_dump(exclude_none=True)
        if "steps" in said:
            said["epochs"] = None
        return self.model_copy(update={**said, "search": None})

    @property
    def n_steps(self) -> int:
        """How many steps are planned; nothing in the data changes it."""
        if self.steps is not None:
            return self.steps
        return max(1, math.ceil(float(self.epochs or 0) / self.sample_rate - 1e-9))

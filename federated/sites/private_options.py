"""What a plan may say of private training at sites, and what a site says for itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.records import Record
from privacy.dpsgd.options import AdaptiveClipping, PrivateOptions, Ways


class PrivateSiteOptions(Record):
    """DP-SGD on a site's own patients: some steps in each round, from the received parameters, all accounted for.

    The patient is the unit, and is there or not (add or remove).
    """

    rounds: int = Field(ge=1)
    """For so many rounds the noise is chosen; where no epsilon is said, a site trains in no more of them."""
    steps: int = Field(default=5, ge=1)
    """Steps in each round."""
    epsilon: float | None = Field(default=None, ge=0.01)
    """What a patient of a site may lose in all rounds that the site takes part in; the noise is chosen for it unless
    `noise_multiplier` is given too."""
    delta: float | None = Field(default=None, gt=0, lt=1)
    """Less than 1 over the number of each site's patients."""
    noise_multiplier: float | None = Field(default=None, ge=0)
    """Standard deviation of the noise over the clipping bound; 0 only where it is simulated."""
    simulated: bool = False
    """Draws from the plan's seed in place of a secret: repeatable, and so no protection and no epsilon."""
    sample_rate: float = Field(default=0.2, gt=0, le=1)
    """Chance of each patient to be in a step, whoever else is."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Bound on the Euclidean norm of one patient's gradient; where it is adaptive, the first one."""
    adaptive_clipping: AdaptiveClipping | None = None
    """The bound goes on from round to round on the site's own disk, and is told to nobody."""
    counted: Literal["noised", "public"] = "noised"
    """How a site's number of patients comes into the update, whose sums are divided by it: as a noised count, drawn
    once and accounted for, or as it is, which tells it."""
    count_noise: float = Field(default=5.0, gt=0)
    """Standard deviation of the noise on that count, in patients."""
    max_turns_per_patient: int = Field(default=16, ge=1)
    """Turns of a patient in one step; which of them is drawn anew at each step."""
    units_at_once: int = Field(default=8, ge=1)
    """Patients whose gradients are in memory together; changes speed and memory only."""
    gradients: Ways = "auto"
    """How gradients per patient are come by (docs/privacy.md); changes speed and memory only."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Begun anew in every round."""
    learning_rate: float = Field(default=1.5e-3, gt=0)
    """Of parts that start from noise."""
    pretrained_learning_rate: float = Field(default=5e-4, gt=0)

    @model_validator(mode="after")
    def _coherent(self) -> PrivateSiteOptions:
        """Refuse what the trainer `dp-sgd` refuses, in its words."""
        self.training_options("site")
        return self

    @property
    def all_steps(self) -> int:
        """How many steps a site takes that takes part in every round."""
        return self.rounds * self.steps

    def training_options(self, site: str) -> PrivateOptions:
        """Return the options of the same training at one place, of which a round here is a part."""
        return PrivateOptions(
            epsilon=self.epsilon,
            delta=self.delta,
            noise_multiplier=self.noise_multiplier,
            simulated=self.simulated,
            steps=self.all_steps,
            sample_rate=self.sample_rate,
            clip_norm=self.clip_norm,
            adaptive_clipping=self.adaptive_clipping,
            max_turns_per_patient=self.max_turns_per_patient,
            units_at_once=self.units_at_once,
            gradients=self.gradients,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            pretrained_learning_rate=self.pretrained_learning_rate,
            site=site,
        )


class SitePolicy(Record):
    """What a site lets out beside its updates, and the most that it lets its patients lose; by default nothing."""

    most_epsilon: float | None = Field(default=None, ge=0.01)
    """The site's own budget, at the plan's delta: where it is less than the plan's, it binds and the noise is chosen
    for it. It counts all that the site's ledger holds, of other runs too."""
    tells_epsilon: bool = False
    """Whether what was spent goes to the server with each update."""
    tells_units: bool = False
    """Whether the number of patients goes to the server, as the options count it: noised, or as it is."""
    tells_rounds_left: bool = True
    """Whether the server learns for how many more rounds there is budget: a function of plan and ledger alone."""

"""What a plan may say of GRPO; where nothing is said, as ERV trained, but for what fits one small machine."""

from __future__ import annotations

from pydantic import Field

from affidavit.records import Record
from affidavit.splits import SplitBy
from reasoners.grpo.rewards import Explained
from reasoners.verifier.config import FittingOptions


class GrpoOptions(Record):
    """How a reasoner is rewarded."""

    epochs: int = Field(default=2, ge=1)
    """Passes over the turns with a label."""
    most_steps: int | None = Field(default=None, ge=1)
    """Steps after which training ends, wherever it is."""
    generations: int = Field(default=4, ge=2)
    """G: completions of a turn that are held against each other."""
    turns_per_step: int = Field(default=4, ge=1)
    """Turns in one step of AdamW; ERV's 8 devices and 2 accumulated batches hold 16 completions as well."""
    learning_rate: float = Field(default=1e-6, gt=0)
    """ERV's, for a whole model; adapters of low rank and small models take 100 times that and more."""
    clip_norm: float = Field(default=1.0, gt=0)
    beta: float = Field(default=0.04, ge=0)
    """Weight of the divergence from the model that training began with."""
    epsilon: float = Field(default=0.2, gt=0)
    """How far the probability of a token may move before its advantage counts no more; without effect while completions
    are drawn from the model as it is."""
    temperature: float = Field(default=1.0, gt=0)
    max_tokens: int = Field(default=512, ge=1)
    """Tokens of a completion at most; the instructed reasoner's own limit holds as well."""
    explanation: Explained = "plain"
    """Which explanation reward: ERV's, the `guarded` variant that does not pay for its traps, or `none`."""
    verifier: str | None = None
    """The folder of a verifier, from the folder that the checkpoints lie in (`out`, where the plan names one); where
    absent one is trained on the reference rationales of the training units."""
    fitting: FittingOptions = FittingOptions()
    """Of a verifier that is trained here."""
    cold_start: int = Field(default=0, ge=0)
    """Passes over whole reference completions before anything is rewarded; a model that never wrote one that is well
    formed has nothing to be rewarded for."""
    cold_start_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of these passes."""
    held_out: float = Field(default=0.3, ge=0, lt=1)
    split_by: SplitBy = "unit"
    split_seed: int = Field(default=0, ge=0)
    """Apart from the training's seed, so that several seeds hold out the same units; those of `supervised` too."""
    checkpoint_every: int = Field(default=20, ge=1)
    """Steps between two states that an interrupted training goes on from; also the steps of which the card keeps one
    mean."""
    training_digest: str = ""
    """Filled in by a plan: names the whole of what is trained."""

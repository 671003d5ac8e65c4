"""What a reasoner must be able to do to be rewarded for what it writes, beyond being `Trainable`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from affidavit.utterances import Utterance


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One completion: its text with all tags, and the choices that the model made to write it."""

    text: str
    choices: tuple[int, ...]
    """What was drawn, in order: tokens, or tokens and then a label. Never empty."""
    ended: bool = True
    """Whether the model ended it; False where it was cut at the greatest length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How completions are drawn."""

    temperature: float = 1.0
    max_tokens: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Log probabilities of completions' choices under the model as it is, with gradients."""

    values: Tensor
    """`float[N, L]` in nats, filled up at the end."""
    known: Tensor
    """`bool[N, L]`"""


@runtime_checkable
class Writes(Protocol):
    """A reasoner that draws completions and says how likely given ones are.

    Its law: the log probabilities of what `sampled` returned are those of the distribution that it was drawn from, at
    the same temperature and with the parameters unchanged.
    """

    def sampled(
        self, turns: Sequence[Utterance], *, each: int, sampling: Sampling, rng: np.random.Generator
    ) -> list[list[Completion]]:
        """Return `each` completions of every turn; all that is random comes from `rng`."""

    def log_probabilities(self, turn: Utterance, completions: Sequence[Completion], *, temperature: float) -> Said:
        """Return how likely completions of one turn are."""

    def reference(self, turn: Utterance) -> Completion | None:
        """Return the reference rationale with the turn's label as a completion; None where there is none."""

"""What a plan may say of checking attributions; nothing here needs torch."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, field_validator

from faithfulness.attribution.options import MethodOptions

Ranking = Literal["attributed", "random", "first"]
"""In which order words are erased: by attribution; at random; or the first ones, which explains nothing."""
RANKINGS: Final[tuple[Ranking, ...]] = ("attributed", "random", "first")


class SanityOptions(MethodOptions):
    """How attributions are checked: those of the answer, by the method by which `attributions` tells them."""

    most_utterances: int = Field(default=12, ge=1)
    n_removals: int = Field(default=64, ge=8)
    """Random sets of spans that infidelity removes."""
    n_noises: int = Field(default=5, ge=1)
    """Draws of noise of which max-sensitivity takes the largest."""
    radius: float = Field(default=0.02, gt=0, lt=1)
    """Of the noise, as a share of how far an input lies from its baseline at most."""


class RetrainingOptions(MethodOptions):
    """How words are erased, and how often the model is trained again for it."""

    most_utterances: int = Field(default=256, ge=1)
    retrain: bool = False
    """Has to be said: training takes long."""
    how: Literal["f-fidelity", "roar"] = "f-fidelity"
    """`f-fidelity` trains once, on words erased at random whatever explains them; `roar` once for each fraction and
    ranking, on words erased by that ranking."""
    fractions: tuple[float, ...] = Field(default=(0.1, 0.3, 0.5), min_length=1)
    """Shares of an utterance's words that are erased."""

    @field_validator("fractions")
    @classmethod
    def _shares(cls, fractions: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < fraction < 1 for fraction in fractions):
            raise ValueError(f"fractions lie between 0 and 1, got {list(fractions)}")
        return tuple(sorted(set(fractions)))

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        """The orders in which words are erased."""
        return RANKINGS if self.how == "f-fidelity" else ("attributed", "random")

    @property
    def n_trainings(self) -> int:
        """How often the model is trained."""
        return 1 if self.how == "f-fidelity" else 1 + len(self.rankings) * len(self.fractions)
